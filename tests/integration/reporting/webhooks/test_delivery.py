"""What is delivered: everything in its order, signed, to endpoints that want it, and whatever comes between."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from starlette.responses import Response

from services.reporting.store import Pool
from services.reporting.subscribers import store as register
from services.reporting.subscribers.domain import Grant
from services.reporting.webhooks.domain import DISABLED_AFTER
from shared.contracts.events import HelpUpdated, VolunteerRegistered
from shared.contracts.topics import SURVEY_SUBMITTED, Topic
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from tests.integration.reporting.conftest import Streams, eventually
from tests.integration.reporting.streams.service import Accounts, Service
from tests.integration.reporting.streams.test_scopes import HELP, VOLUNTEERS, inside
from tests.integration.reporting.webhooks.receiver import VERIFICATION, Receiver, receiving
from tests.integration.reporting.webhooks.sending import RING, Sending, comes_to, half_sent, look, subscribe


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> None:
    """Events of several areas in two streams."""
    for event in VOLUNTEERS:
        await streams.write(event, key=str(event.volunteer_id))
    for request in HELP:
        await streams.write(request, key=str(request.request_id))


@pytest.fixture(scope="module")
def helped(streams: Streams) -> Topic:
    """The stream of most tests."""
    return streams.of(HelpUpdated)


def in_order(accepted: Sequence[dict[str, Any]]) -> bool:
    """Whether sequences of each stream and partition only grow."""
    last: dict[tuple[str, int], int] = {}
    for event in accepted:
        place = event["source"], event["partition"]
        if int(event["sequence"]) <= last.get(place, -1):
            return False
        last[place] = int(event["sequence"])
    return True


async def has(receiver: Receiver, count: int) -> None:
    """Waits until so much was accepted."""

    async def there() -> bool:
        return len(receiver.accepted) >= count

    await eventually(there, f"{count} events are accepted")
    assert len(receiver.accepted) == count


def answers(status: int, **headers: str) -> Response:
    """An answer that is not the right one."""
    return Response(status_code=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_events_of_the_area_come_signed_once_and_in_order(
    service: Service, sending: Sending, receiver: Receiver, pool: Pool, helped: Topic, streams: Streams
) -> None:
    """From the start of two streams on; one at a time; each is on record as handed on."""
    volunteers = streams.of(VolunteerRegistered)
    wanted = [*(each for each in HELP if inside(each, "50")), *(each for each in VOLUNTEERS if inside(each, "50"))]
    account = "external_system@50@delivered"
    async with service.client(account) as client:
        await subscribe(client, receiver, [helped.name, volunteers.name], **{"from": "start"})
        await has(receiver, len(wanted))
    assert len(set(receiver.ids)) == len(wanted)
    assert in_order(receiver.accepted)
    assert (receiver.at_once, receiver.signatures, receiver.unsigned) == (1, 1, 0)
    assert all(event["specversion"] == "1.0" and event["data"]["revision"] for event in receiver.accepted)

    async def on_record() -> bool:
        found = await pool.fetch(
            "SELECT form, area, events FROM stream_transfer WHERE subscriber = $1", Accounts.subject(account)
        )
        assert {(row["form"], row["area"]) for row in found} <= {("webhook", "50")}
        return sum(int(row["events"]) for row in found) == len(wanted)

    await eventually(on_record, "the transfer log has all of them")


async def test_while_one_partition_fails_what_others_were_sent_is_on_record(
    service: Service, sending: Sending, receiver: Receiver, pool: Pool, clock: MovableClock, helped: Topic
) -> None:
    """It is sent no more when the failed one comes again; and it is on record, though the subscription is ended."""
    failing: set[int] = set()

    def refuse(event: Any) -> Response | None:
        """The partition of the first event, from its second on."""
        if event["type"] == VERIFICATION or not receiver.accepted:
            return None
        if event["partition"] == receiver.accepted[0]["partition"]:
            failing.add(event["partition"])
            return answers(500)
        return None

    receiver.fault, receiver.any_time = refuse, True
    account = "external_system@@partly"
    async with service.client(account) as client:
        made = await subscribe(client, receiver, [helped.name], at_once=3, **{"from": "start"})

        async def fails() -> bool:
            return int((await look(client, made))["failed_attempts"]) == 1

        await eventually(fails, "it fails")
        assert len(failing) == 1
        before = list(receiver.ids)
        assert len(before) > 1  # another partition got something
        await client.delete(f"/v1/subscriptions/{made}")
        query = "SELECT sum(events) FROM stream_transfer WHERE subscriber = $1"
        assert await pool.fetchval(query, Accounts.subject(account)) == len(before)
        receiver.accepted.clear()
        receiver.fault, receiver.secrets = refuse, []
        made = await subscribe(client, receiver, [helped.name], at_once=3, **{"from": "start"})
        await eventually(fails, "it fails again")
        receiver.fault = None
        clock.advance(timedelta(seconds=10))
        await has(receiver, len(HELP))
        assert len(set(receiver.ids)) == len(HELP)
        assert in_order(receiver.accepted)
        await client.delete(f"/v1/subscriptions/{made}")
        assert await pool.fetchval(query, Accounts.subject(account)) == len(before) + len(HELP)


async def test_the_last_event_is_on_record_though_it_failed_before(
    service: Service, sending: Sending, receiver: Receiver, pool: Pool, clock: MovableClock, helped: Topic
) -> None:
    """It is sent again, and nothing comes behind it."""
    refused: list[str] = []

    def refuse(event: Any) -> Response | None:
        if len(receiver.accepted) < len(HELP) - 1 or refused:
            return None
        refused.append(event["id"])
        return answers(500)

    receiver.fault, receiver.any_time = refuse, True
    account = "external_system@@last"
    async with service.client(account) as client:
        made = await subscribe(client, receiver, [helped.name], **{"from": "start"})

        async def fails() -> bool:
            return int((await look(client, made))["failed_attempts"]) == 1

        await eventually(fails, "it fails")
        clock.advance(timedelta(seconds=10))
        await has(receiver, len(HELP))

    async def on_record() -> bool:
        query = "SELECT sum(events) FROM stream_transfer WHERE subscriber = $1"
        return bool(await pool.fetchval(query, Accounts.subject(account)) == len(HELP))

    await eventually(on_record, "the transfer log has all of them")


async def test_nothing_is_sent_before_the_endpoint_has_answered(
    service: Service, sending: Sending, receiver: Receiver, clock: MovableClock, helped: Topic
) -> None:
    """A wrong answer to the challenge; then the right one."""
    receiver.answers_challenge, receiver.any_time = False, True
    async with service.client("external_system@@challenged") as client:
        made = await subscribe(client, receiver, [helped.name], **{"from": "start"})

        async def gives_up() -> bool:
            clock.advance(timedelta(seconds=60))
            return str((await look(client, made))["state"]) == "unverified"

        await eventually(gives_up, "it is not asked any more")
        found = (await client.get(f"/v1/subscriptions/{made}/failures")).json()["failures"]
        assert {(each["cause"], each["stream"], each["status"]) for each in found} == {
            ("challenge_not_answered", None, 200)
        }
        assert (receiver.accepted, receiver.requests) == ([], len(found))
        receiver.answers_challenge = True
        assert (await client.post(f"/v1/subscriptions/{made}/verification")).status_code == 202
        await has(receiver, len(HELP))


async def test_a_dead_endpoint_holds_nobody_up_and_is_disabled_after_its_time(
    service: Service, sending: Sending, receiver: Receiver, clock: MovableClock, helped: Topic
) -> None:
    """Beside a live one. It is told what failed; verified again, it goes on where it stood."""
    receiver.any_time = True
    async with receiving() as dead:
        async with service.client("external_system@@dead") as client:
            made = await subscribe(client, dead, [helped.name])
            await comes_to(client, made, "active")
        await dead.stop()
        async with service.client("external_system@@live") as client:
            living = await subscribe(client, receiver, [helped.name])
            await comes_to(client, living, "active")
        async with service.client("external_system@@dead") as client:
            begun = await client.post(f"/v1/subscriptions/{made}/replay", json={"stream": helped.name, "from": "start"})
            assert begun.status_code == 202, begun.text

            async def failing() -> bool:
                return int((await look(client, made))["failed_attempts"]) >= 1

            await eventually(failing, "it fails")
            again = {"stream": helped.name, "from": "start"}
            assert (await client.post(f"/v1/subscriptions/{living}/replay", json=again)).status_code == 404
        async with service.client("external_system@@live") as client:
            assert (await client.post(f"/v1/subscriptions/{living}/replay", json=again)).status_code == 202
        await has(receiver, len(HELP))
        async with service.client("external_system@@dead") as client:
            clock.advance(DISABLED_AFTER + timedelta(hours=1))
            found = await comes_to(client, made, "disabled")
            assert (found["reason"], found["next_attempt_at"]) == ("failed_too_long", None)
            failures = (await client.get(f"/v1/subscriptions/{made}/failures?limit=1")).json()
            assert failures["failures"][0]["cause"] == "connection"
            assert failures["failures"][0]["event_id"] in receiver.ids
            assert failures["failures"][0]["next_attempt_at"] is None
            await dead.start()
            clock.advance(datetime.now(UTC) - clock.now())
            assert (await client.post(f"/v1/subscriptions/{made}/verification")).status_code == 202
            await has(dead, len(HELP))


async def test_gone_is_for_good(service: Service, sending: Sending, receiver: Receiver, helped: Topic) -> None:
    """410 ends the subscription: not even its owner begins it again."""
    receiver.fault = lambda event: None if event["type"] == VERIFICATION else answers(410)
    async with service.client("external_system@@gone") as client:
        made = await subscribe(client, receiver, [helped.name], **{"from": "start"})
        assert (await comes_to(client, made, "ended"))["reason"] == "gone"
        assert receiver.requests == 2
        again = await client.post(f"/v1/subscriptions/{made}/verification")
        assert (again.status_code, again.json()["code"]) == (409, "subscription_ended")
        assert (await client.delete(f"/v1/subscriptions/{made}")).status_code == 204
        assert (await client.get(f"/v1/subscriptions/{made}")).status_code == 404


async def test_who_asks_for_time_gets_it(
    service: Service, sending: Sending, receiver: Receiver, clock: MovableClock, helped: Topic
) -> None:
    """429 with Retry-After: not before, and then the same event, once."""
    refused: list[str] = []

    def busy(event: Any) -> Response | None:
        if event["type"] == VERIFICATION or refused:
            return None
        refused.append(event["id"])
        return answers(429, retry_after="120")

    receiver.fault, receiver.any_time = busy, True
    async with service.client("external_system@@busy") as client:
        made = await subscribe(client, receiver, [helped.name], **{"from": "start"})

        async def waits() -> bool:
            found = await look(client, made)
            return found["next_attempt_at"] is not None

        await eventually(waits, "it waits")
        asked_for = datetime.fromisoformat((await look(client, made))["next_attempt_at"])
        assert asked_for == clock.now() + timedelta(seconds=120)
        clock.advance(timedelta(seconds=119))
        other = await subscribe_elsewhere(service, helped)
        assert (other, receiver.accepted) == (len(HELP), [])  # somebody else's turn came, and its own did not
        clock.advance(timedelta(seconds=1))
        await has(receiver, len(HELP))
    assert receiver.ids[0] == refused[0]


async def subscribe_elsewhere(service: Service, topic: Topic) -> int:
    """A whole subscription of somebody else, from its start to its end; how many events came."""
    async with receiving() as receiver, service.client("external_system@@else") as client:
        made = await subscribe(client, receiver, [topic.name], **{"from": "start"})
        await has(receiver, len(HELP))
        await client.delete(f"/v1/subscriptions/{made}")
        return len(receiver.accepted)


async def test_two_secrets_sign_for_a_day(
    service: Service, sending: Sending, receiver: Receiver, clock: MovableClock, helped: Topic, streams: Streams
) -> None:
    """A receiver with the old one takes it, and so does one with the new; later only the new one signs."""
    async with service.client("external_system@@rotating") as client:
        made = await subscribe(client, receiver, [helped.name], **{"from": "start"})
        await has(receiver, len(HELP))
        (old,) = receiver.secrets
        rotated = (await client.post(f"/v1/subscriptions/{made}/secret")).json()
        again = {"stream": helped.name, "from": "start"}
        for number, secret in enumerate((old, rotated["secret"]), 2):
            receiver.secrets = [secret]
            assert (await client.post(f"/v1/subscriptions/{made}/replay", json=again)).status_code == 202
            await has(receiver, number * len(HELP))
            assert (receiver.signatures, receiver.unsigned) == (2, 0)
        assert rotated["secret"] != old
        assert set(receiver.ids[len(HELP) :]) == set(receiver.ids[: len(HELP)])
        assert rotated["secret"] not in (await client.get(f"/v1/subscriptions/{made}")).text
        await client.delete(f"/v1/subscriptions/{made}")


async def test_filters_change_and_a_cursor_of_the_replay_is_gone_on_from(
    service: Service, sending: Sending, receiver: Receiver, helped: Topic, streams: Streams
) -> None:
    """By types; a stream that is new begins at its end; what lies behind a cursor comes, and nothing before it."""
    volunteers = streams.of(VolunteerRegistered)
    async with service.client("external_system@@choosing") as client:
        both = [helped.name, volunteers.name]
        made = await subscribe(client, receiver, both, types=[helped.event_type], **{"from": "start"})
        await has(receiver, len(HELP))
        assert {event["type"] for event in receiver.accepted} == {helped.event_type}
        changed = await client.patch(f"/v1/subscriptions/{made}", json={"types": None, "at_once": 4})
        assert (changed.status_code, changed.json()["types"], changed.json()["state"]) == (200, None, "active")
        assert (changed.json()["at_once"], receiver.at_once) == (4, 1)
        lines = await client.get(
            f"/v1/streams/{helped.name}/events?limit=5", headers={"Accept": "application/x-ndjson"}
        )
        *events, position = [json.loads(line) for line in lines.text.splitlines()]
        receiver.accepted.clear()
        again = {"stream": helped.name, "cursor": position["data"]["cursor"]}
        assert (await client.post(f"/v1/subscriptions/{made}/replay", json=again)).status_code == 202
        await has(receiver, len(HELP) - 5)
        assert {each["id"] for each in events}.isdisjoint(receiver.ids)
        assert receiver.accepted[0]["number"] == f"{6:020d}"
        wrong = {"stream": volunteers.name, "cursor": position["data"]["cursor"]}
        refused = await client.post(f"/v1/subscriptions/{made}/replay", json=wrong)
        assert refused.json()["errors"][0]["code"] == "cursor_of_another_stream"
        elsewhere = await client.patch(f"/v1/subscriptions/{made}", json={"url": receiver.url + "2"})
        assert elsewhere.json()["state"] == "verifying"
        await comes_to(client, made, "active")
        await client.delete(f"/v1/subscriptions/{made}")


async def test_a_stream_that_is_chosen_again_begins_at_its_end(
    service: Service, receiver: Receiver, pool: Pool, helped: Topic, streams: Streams
) -> None:
    """What was on its way when it was given up is not sent, and what had been sent is on record."""
    volunteers = streams.of(VolunteerRegistered)
    account = "external_system@@choosing again"
    async with service.client(account) as client:
        made = await subscribe(client, receiver, [helped.name, volunteers.name], **{"from": "start"})
        await half_sent(pool, made)
        first = min(helped.name, volunteers.name)
        other = next(topic for topic in (helped, volunteers) if topic.name != first)
        for types in ([other.event_type], None):
            assert (await client.patch(f"/v1/subscriptions/{made}", json={"types": types})).status_code == 200
        fresh = await subscribe(client, receiver, [first], **{"from": "end"})
    begun = "SELECT position, events FROM webhook_position WHERE subscription_id = $1 AND stream = $2"
    assert await pool.fetchrow(begun, made, first) == await pool.fetchrow(begun, fresh, first)
    assert await pool.fetchval("SELECT count(*) FROM webhook_message WHERE subscription_id = $1", made) == 0
    query = "SELECT sum(events) FROM stream_transfer WHERE subscriber = $1"
    assert await pool.fetchval(query, Accounts.subject(account)) == 4


async def test_a_suspended_account_gets_nothing_more(
    service: Service, sending: Sending, receiver: Receiver, helped: Topic
) -> None:
    """Within a moment, and the reason is there to be read."""
    account = "external_system@@suspended"
    async with service.client(account) as client:
        made = await subscribe(client, receiver, [helped.name])
        await comes_to(client, made, "active")
        sending.accounts.barred.add(Accounts.subject(account))
        assert (await comes_to(client, made, "disabled"))["reason"] == "account_barred"


async def test_a_grant_that_was_narrowed_ends_what_is_sent_by_it(
    service: Service, sending: Sending, receiver: Receiver, pool: Pool, clock: MovableClock, helped: Topic
) -> None:
    """The register of subscribers binds the account; with the grant back and the endpoint verified again it goes on."""
    account = "external_system@@narrowed"
    grant = Grant((SURVEY_SUBMITTED.name, helped.name))
    by, now = Accounts.subject(account), clock.now()
    async with acquire(pool) as connection:
        entered = await register.make(connection, "narrowed", grant, by, "secret", RING, by=by, now=now)
    async with service.client(account) as client:
        made = await subscribe(client, receiver, [helped.name])
        await comes_to(client, made, "active")
        async with acquire(pool) as connection:
            less = Grant((SURVEY_SUBMITTED.name,))
            await register.grant(connection, entered.subscriber_id, less, by=by, now=now)
        assert (await comes_to(client, made, "disabled"))["reason"] == "stream_not_granted"
        again = await client.patch(f"/v1/subscriptions/{made}", json={"types": [helped.event_type]})
        assert again.json()["code"] == "stream_not_granted"
        async with acquire(pool) as connection:
            await register.grant(connection, entered.subscriber_id, grant, by=by, now=now)
        await client.post(f"/v1/subscriptions/{made}/verification")
        await comes_to(client, made, "active")
        await client.delete(f"/v1/subscriptions/{made}")


async def test_what_cannot_be_subscribed_to(service: Service, receiver: Receiver, helped: Topic) -> None:
    """Other areas, unknown streams and types, endpoints that are none, and subscriptions of others."""
    async with service.client("external_system@50@asking") as client:

        async def refused(**more: Any) -> tuple[int, str]:
            body = {"url": receiver.url, "streams": [helped.name], **more}
            answer = await client.post("/v1/subscriptions", json=body)
            document = answer.json()
            return answer.status_code, document["errors"][0]["code"] if "errors" in document else document["code"]

        assert await refused(area="10") == (403, "other_area")
        assert await refused(streams=["survey-intake"]) == (404, "unknown_stream")
        assert await refused(types=["care.jitasa.other.v1"]) == (400, "unknown_type")
        assert await refused(url="https://u:p@example.org/") == (400, "not_a_url")
        assert await refused(url="https://10.0.0.1/hook") == (400, "address_refused")
        assert (await client.get(f"/v1/subscriptions/{UUID(int=1)}")).status_code == 404
    async with service.client("volunteer@50@nobody") as client:
        assert (await client.get("/v1/subscriptions")).status_code == 403
