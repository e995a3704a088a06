"""How receivers by HTTP and webhooks are doing, and that the centre ends both within seconds."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from services.reporting.store import Pool
from shared.contracts.events import HelpUpdated
from shared.contracts.topics import Topic
from tests.integration.reporting.conftest import Streams, eventually
from tests.integration.reporting.streams.service import Accounts, Service
from tests.integration.reporting.streams.test_scopes import HELP
from tests.integration.reporting.webhooks.receiver import VERIFICATION, Receiver
from tests.integration.reporting.webhooks.sending import Sending, comes_to, half_sent, look, subscribe


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> Topic:
    """Requests for help, of several areas."""
    for event in HELP:
        await streams.write(event, key=str(event.request_id))
    return streams.of(HelpUpdated)


async def own(client: httpx.AsyncClient) -> dict[str, Any]:
    """What an account is told of itself."""
    answer = await client.get("/v1/receivers/own")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_was_given_over_http_is_summed_up_by_stream_form_and_area(service: Service, written: Topic) -> None:
    """The same as the transfer log; an account sees itself alone."""
    account, path = "external_system@@summed", f"/v1/streams/{written.name}/events"
    async with service.client(account) as client:
        assert (await own(client))["last_at"] is None
        for limit, area in ((4, ""), (2, ""), (3, "50")):
            scope = {"area": area} if area else {}
            assert (await client.get(path, params={"limit": limit, **scope})).status_code == 200
        batch = {"Accept": "application/cloudevents-batch+json"}
        assert (await client.get(path, params={"limit": 1}, headers=batch)).status_code == 200
        found = await own(client)
        assert [(each["form"], each["area"], each["events"]) for each in found["http"]] == [
            ("batch", "", 1),
            ("ndjson", "", 6),
            ("ndjson", "50", 3),
        ]
        assert found["last_at"] == max(each["last_at"] for each in found["http"])
        assert (found["receiver"], found["failing"], found["kafka"]) == (str(Accounts.subject(account)), 0, [])
        assert found["limits"]["most_webhooks"] == 20
    async with service.client("external_system@@somebody else") as client:
        assert (await own(client))["http"] == []


async def test_webhooks_that_fail_are_told_and_an_area_learns_nothing_of_others(
    service: Service, sending: Sending, receiver: Receiver, written: Topic
) -> None:
    """What is queued; how many records are behind it only for the country."""
    receiver.fault = lambda event: None if event["type"] == VERIFICATION else Response(status_code=500)
    for account, told in (("external_system@@failing", True), ("external_system@50@failing", False)):
        receiver.secrets = []
        async with service.client(account) as client:
            made = await subscribe(client, receiver, [written.name], **{"from": "start"})

            async def failing(client: httpx.AsyncClient = client, made: str = made) -> bool:
                return int((await look(client, made))["failed_attempts"]) > 0

            await eventually(failing, "it fails")
            found = await own(client)
            (hook,) = found["webhooks"]
            assert (hook["subscription"]["subscription_id"], found["failing"], found["limits"]["webhooks"]) == (
                made,
                1,
                1,
            )
            assert hook["queued"] == (len(HELP) if told else sum(each.area.startswith("50") for each in HELP))
            assert (hook["behind"] is not None) == told


async def test_the_centre_ends_a_receiver_by_every_way(
    service: Service, sending: Sending, receiver: Receiver, pool: Pool, streams: Streams, written: Topic
) -> None:
    """Requests over HTTP, and webhooks; nobody else is concerned."""
    account, asked = "external_system@@ended", {"reason": "สัญญาสิ้นสุดแล้ว"}
    subject = Accounts.subject(account)
    async with service.client(account) as client, service.client("central_administrator@") as centre:
        made = await subscribe(client, receiver, [written.name])
        await comes_to(client, made, "active")
        assert (await centre.post(f"/v1/receivers/{subject}/revocation", json={"reason": ""})).status_code == 400
        assert (await centre.post(f"/v1/receivers/{subject}/revocation", json=asked)).status_code == 204
        came = len(receiver.accepted)
        for event in HELP:
            await streams.write(event, key=str(event.request_id))
        for method, path in (("GET", f"/v1/streams/{written.name}/events"), ("GET", "/v1/subscriptions")):
            refused = await client.request(method, path)
            assert (refused.status_code, refused.json()["code"]) == (403, "receiver_revoked")
        again: Sequence[str] = [written.name]
        refused = await client.post("/v1/subscriptions", json={"url": receiver.url, "streams": again})
        assert refused.status_code == 403
        listed = (await centre.get("/v1/receivers")).json()["receivers"]
        mine = next(each for each in listed if each["receiver"] == str(subject))
        assert mine["revoked_at"] is not None
        assert [(each["subscription"]["state"], each["subscription"]["reason"]) for each in mine["webhooks"]] == [
            ("ended", "revoked")
        ]
        assert len(receiver.accepted) <= came + 1  # one may have been on its way
        others = [each for each in listed if each["receiver"] != str(subject)]
        assert all(each["revoked_at"] is None for each in others)
    kept = await pool.fetchrow("SELECT reason, revoked_by FROM receiver_revocation WHERE account = $1", subject)
    assert kept is not None
    assert tuple(kept) == (asked["reason"], Accounts.subject("central_administrator@"))


async def test_what_was_sent_is_on_record_when_the_centre_ends_a_receiver(
    service: Service, receiver: Receiver, pool: Pool, written: Topic
) -> None:
    """Also what was sent a moment ago, and what while another partition failed; once, and no more of it is kept."""
    account = "external_system@@ended at work"
    async with service.client(account) as client, service.client("central_administrator@") as centre:
        made = await subscribe(client, receiver, [written.name], **{"from": "start"})
        await half_sent(pool, made)
        asked = {"reason": "สัญญาสิ้นสุดแล้ว"}
        path = f"/v1/receivers/{Accounts.subject(account)}/revocation"
        assert (await centre.post(path, json=asked)).status_code == 204
        await centre.post(path, json=asked)
    query = "SELECT sum(events) FROM stream_transfer WHERE subscriber = $1"
    assert await pool.fetchval(query, Accounts.subject(account)) == 4
    kept = await pool.fetchrow(
        "SELECT events, began_at, (SELECT count(*) FROM webhook_message WHERE subscription_id = $1) "
        "FROM webhook_position WHERE subscription_id = $1",
        made,
    )
    assert kept is not None
    assert tuple(kept) == (0, None, 0)


async def test_the_list_is_paged_and_the_centres_alone(service: Service) -> None:
    """Each once; the keys of pages go on where the one before stopped."""
    async with service.client("central_administrator@") as centre:
        whole = (await centre.get("/v1/receivers")).json()
        assert whole["cursor"] is None
        found, cursor = [], None
        while True:
            page = (
                await centre.get("/v1/receivers", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            found += page["receivers"]
            if (cursor := page["cursor"]) is None:
                break
        assert [each["receiver"] for each in found] == [each["receiver"] for each in whole["receivers"]]
        assert len(found) >= 3
    for account in ("external_system@", "province_administrator@50"):
        async with service.client(account) as client:
            assert (await client.get("/v1/receivers")).status_code == 403
