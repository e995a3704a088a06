"""The transfer log: what was sent is on record before its cursor is, and nobody can take it out again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg
import httpx
import pytest

from services.reporting.store import Pool
from services.reporting.streams.forgetting import BATCH, KEPT, Forgetting
from shared.contracts.events import HelpUpdated, Role
from shared.contracts.topics import Topic
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import NOW, Streams, eventually
from tests.integration.reporting.streams.outside import CONTROL, Outside
from tests.integration.reporting.streams.service import Accounts, Service
from tests.integration.reporting.streams.test_following import PATIENCE_SECONDS, following
from tests.integration.reporting.streams.test_scopes import HELP
from tests.runtime import Runtime


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> Topic:
    """Some requests for help."""
    for event in HELP:
        await streams.write(event, key=str(event.request_id))
    return streams.of(HelpUpdated)


async def rows_of(pool: Pool, account: str) -> list[asyncpg.Record]:
    """What is on record of an account, the oldest first."""
    subject = Accounts.subject(account)
    return list(await pool.fetch("SELECT * FROM stream_transfer WHERE subscriber = $1 ORDER BY id", subject))


async def test_each_answer_is_a_row(service: Service, pool: Pool, written: Topic) -> None:
    """Whose, what, of where, how many, from where to where, when; an answer without events is none."""
    account = "external_system@50@rows"
    async with service.client(account) as client:
        outside = Outside(client, written.name)
        await outside.to_the_end(limit=4)
        await outside.to_the_end()
        assert len(outside.kept.ids) == 9
    found = await rows_of(pool, account)
    assert [(row["events"], row["first_number"], row["last_number"]) for row in found] == [
        (4, 1, 4),
        (4, 5, 8),
        (1, 9, 9),
    ]
    for row in found:
        assert (row["stream"], row["area"], row["form"], row["role"]) == (
            written.name,
            "50",
            "ndjson",
            "external_system",
        )
        assert row["began_at"] == row["ended_at"] == NOW
    ways = [json.loads(row["positions"]) for row in found]
    for partition in {each for way in ways for each in way}:  # one goes on where the one before it stopped
        spans = [way[partition] for way in ways if partition in way]
        assert spans[0][0] == 0
        assert all(before[1] == after[0] for before, after in pairwise(spans))


@pytest.fixture
async def owner(runtime: Runtime, database: PostgresSettings) -> AsyncIterator[Pool]:
    """Who may do everything in the module's database."""
    pool = await open_pool(runtime.postgres_settings("postgres", database.database), application="owner")
    yield pool
    pool.terminate()


@pytest.mark.parametrize("form", ["application/x-ndjson", "application/cloudevents-batch+json"])
async def test_no_cursor_without_a_row(service: Service, pool: Pool, owner: Pool, written: Topic, form: str) -> None:
    """While nothing can be written down, nothing is handed on."""
    account = "external_system@10@away"
    await owner.execute("REVOKE INSERT ON stream_transfer FROM reporting")
    try:
        async with service.client(account, Accept=form) as client:
            answer = await client.get(f"/v1/streams/{written.name}/events")
            assert answer.status_code == 500
            assert "cursor" not in answer.text
    finally:
        await owner.execute("GRANT INSERT ON stream_transfer TO reporting")
    assert await rows_of(pool, account) == []


async def test_an_open_connection_is_written_down_at_its_end(service: Service, pool: Pool, written: Topic) -> None:
    """However it ends."""
    account = "external_system@5001@open"
    async with service.client(account) as client, following(client, written, **{"from": "start"}) as stream:
        events = [said for said in await stream.until("end") if said.name == "message"]
        assert len(events) == 6

    async def noted() -> bool:
        return bool(sum(row["events"] for row in await rows_of(pool, account)) == len(events))

    await eventually(noted, "it is written down")
    assert {row["form"] for row in await rows_of(pool, account)} == {"sse"}


async def test_administrators_read_what_concerns_their_area(service: Service, written: Topic) -> None:
    """The centre sees all of it, a province its own, and nobody else anything."""
    for account in ("external_system@50@seen", "external_system@10@seen", "external_system@@seen"):
        async with service.client(account) as client:
            await Outside(client, written.name).to_the_end()
    areas: dict[str, set[str]] = {}
    for account in ("central_administrator@", "province_administrator@50"):
        async with service.client(account) as client:
            page = (await client.get("/v1/transfers", params={"limit": 2})).json()
            found = page["transfers"]
            while page["cursor"]:
                page = (await client.get("/v1/transfers", params={"limit": 2, "cursor": page["cursor"]})).json()
                found += page["transfers"]
            ids = [row["id"] for row in found]
            assert ids == sorted(set(ids), reverse=True)
            areas[account] = {row["area"] for row in found}
            one = {"subscriber": str(Accounts.subject("external_system@50@seen")), "stream": written.name}
            mine = (await client.get("/v1/transfers", params=one)).json()["transfers"]
            assert [(row["events"], row["area"]) for row in mine] == [(9, "50")]
            assert (await client.get("/v1/transfers", params={"stream": "other"})).json()["transfers"] == []
    assert areas["central_administrator@"] >= {"", "10", "50"}
    assert {area[:2] for area in areas["province_administrator@50"]} == {"50"}
    for role in Role:
        if role not in (Role.CENTRAL_ADMINISTRATOR, Role.PROVINCE_ADMINISTRATOR):
            async with service.client(f"{role}@") as client:
                assert (await client.get("/v1/transfers")).status_code == 403


async def test_an_open_connection_of_who_is_ended_ends_behind_what_is_written_down(
    service: Service, pool: Pool, written: Topic, streams: Streams
) -> None:
    """Within the seconds between two notes; somebody else's goes on."""
    ended, other = "external_system@@ended", "external_system@@goes on"
    async with (
        service.client(ended) as client,
        service.client(other) as another,
        following(client, written, **{"from": "start"}) as stream,
        following(another, written, **{"from": "start"}) as going_on,
    ):
        events = [said for said in await stream.until("end") if said.name == "message"]
        await pool.execute("INSERT INTO receiver_revocation VALUES ($1, 'why', $1, $2)", Accounts.subject(ended), NOW)
        async with asyncio.timeout(PATIENCE_SECONDS):
            with suppress(httpx.RemoteProtocolError, StopAsyncIteration):
                while True:
                    said = await stream.next()
                    events += [said] if said.name == "message" else []
        await going_on.until("end")
        await streams.write(HELP[0], key=str(HELP[0].request_id))
        assert (await going_on.until("message"))[-1].event["data"]["revision"]
        refused = await client.get(f"/v1/streams/{written.name}/events")
        assert (refused.status_code, refused.json()["code"]) == (403, "receiver_revoked")
    assert sum(row["events"] for row in await rows_of(pool, ended)) == len(events)


async def test_what_is_on_record_stays(pool: Pool, service: Service, written: Topic) -> None:
    """The service itself can neither change nor take it away."""
    async with service.client() as client:
        assert [e async for e in Outside(client, written.name).lines()][-1]["type"] == CONTROL + "end.v1"
    for statement in (
        "DELETE FROM stream_transfer",
        "UPDATE stream_transfer SET events = 1",
        "TRUNCATE stream_transfer",
        "DROP TABLE stream_transfer",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await pool.execute(statement)


async def test_administrators_seek_by_time_and_take_a_file_with_them(
    service: Service, written: Topic, pool: Pool
) -> None:
    """As the list, without what spreadsheets have no use for."""
    account = "external_system@50@filed"
    async with service.client(account) as client:
        await Outside(client, written.name).to_the_end()
    one = {"subscriber": str(Accounts.subject(account))}
    async with service.client("province_administrator@50") as client:
        for path in ("/v1/transfers", "/v1/transfers.csv"):
            for given, rows in (
                ({"from": NOW.isoformat()}, 1),
                ({"from": (NOW + timedelta(seconds=1)).isoformat()}, 0),
                ({"to": NOW.isoformat()}, 0),
                ({"from": NOW.isoformat(), "to": (NOW + timedelta(seconds=1)).isoformat()}, 1),
            ):
                answer = await client.get(path, params=one | given)
                assert answer.status_code == 200, answer.text
                found = len(answer.json()["transfers"]) if path == "/v1/transfers" else answer.text.count("\n") - 1
                assert found == rows, (path, given)
            for odd in ("yesterday", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
                assert (await client.get(path, params={"from": odd})).status_code == 400
                assert (await client.get(path, params={"to": odd})).status_code == 400
            assert (await client.get(path, params={"area": "10"})).status_code == 403
        answer = await client.get("/v1/transfers.csv", params=one)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.content.startswith(b"\xef\xbb\xbfended_at,began_at,subscriber,")
        row = answer.text.splitlines()[1].split(",")
        (listed,) = (await client.get("/v1/transfers", params=one)).json()["transfers"]
        events = str(listed["events"])
        assert row[2:] == [one["subscriber"], str(UUID(int=7)), "external_system", written.name, "50", "ndjson", events]


async def test_what_is_older_than_two_years_is_forgotten_and_nothing_else(pool: Pool, owner: Pool) -> None:
    """Batch by batch, by the keeper; the service itself can ask for nothing younger."""
    put = """
        INSERT INTO stream_transfer (subscriber, role, stream, area, form, events, first_number, last_number, topic_id,
                                     positions, began_at, ended_at)
        SELECT $1, 'external_system', 's', '', 'ndjson', 1, 1, 1, 't', '{}', $2, $2 FROM generate_series(1, $3)
    """
    subject, now = Accounts.subject("external_system@@old"), datetime.now(UTC)
    await owner.execute("DELETE FROM stream_transfer")
    await pool.execute(put, subject, now - KEPT - timedelta(days=3), BATCH + 5)
    await pool.execute(put, subject, now - KEPT + timedelta(days=3), 7)
    turn = Forgetting(pool, MovableClock(now))
    await turn.turn()
    count = "SELECT count(*) FROM stream_transfer WHERE subscriber = $1"
    assert await pool.fetchval(count, subject) == 7
    assert await pool.fetchval("SELECT forget_transfers(now() + interval '10 years', 1000)") == 0
    await Forgetting(pool, MovableClock(now + timedelta(days=3650))).turn()
    assert await pool.fetchval(count, subject) == 7
