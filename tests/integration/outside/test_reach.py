"""What the register grants is granted on every way: over HTTP and by webhooks nobody gets what Kafka would refuse."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from services.reporting.projector import TOPICS
from services.reporting.settings import StreamSettings
from services.reporting.subscribers import store
from services.reporting.subscribers.domain import STREAMS, Grant
from services.reporting.subscribers.grants import Grants, granted_to
from shared.contracts.topics import HELP_UPDATED, SURVEY_INTAKE, SURVEY_SUBMITTED
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire, open_pool
from shared.security.sealing import KeyRing
from tests.integration.outside.conftest import fill
from tests.integration.reporting.conftest import NOW
from tests.integration.reporting.streams.service import Accounts, Service, at_work
from tests.runtime import Runtime

S, H = SURVEY_SUBMITTED.name, HELP_UPDATED.name
RING: Final = KeyRing("k1", {"k1": bytes(range(32))})
BY: Final = UUID(int=9)
PATIENCE_SECONDS: Final = 30.0


@dataclass
class Reach:
    """The service, and the register beside it."""

    service: Service
    pool: Any

    async def enter(self, name: str, *streams: str, account_of: str = "") -> UUID:
        """A subscriber whose account is `external_system@@NAME`, or the account of another name."""
        account = Accounts.subject(token(account_of or name))
        async with acquire(self.pool) as connection:
            made = await store.make(connection, name, Grant(streams), account, "secret", RING, by=BY, now=NOW)
        return made.subscriber_id

    async def grant(self, subscriber: UUID, *streams: str) -> None:
        """It may read these from now on."""
        async with acquire(self.pool) as connection:
            await store.grant(connection, subscriber, Grant(streams), by=BY, now=NOW)

    async def revoke(self, subscriber: UUID) -> None:
        """It is shut out."""
        async with acquire(self.pool) as connection:
            await store.revoke(connection, subscriber, "over", by=BY, now=NOW)


def token(name: str) -> str:
    return f"external_system@@{name}"


@pytest.fixture(scope="module")
async def reach(runtime: Runtime) -> AsyncIterator[Reach]:
    """The real topics, with a record in each."""
    fill(runtime, [*STREAMS, SURVEY_INTAKE.name], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JITASA_WEBHOOK_ALLOW_LOOPBACK", "true")
        database = runtime.create_database("reporting")
        pool = await open_pool(database, application="test")
        kafka, assets = runtime.kafka_settings("reporting"), runtime.stack.tools.assets
        settings = StreamSettings(heartbeat_seconds=0.2)
        async with at_work(kafka, pool, MovableClock(NOW), TOPICS, assets, settings, RING) as service:
            yield Reach(service, pool)
        pool.terminate()
        runtime.drop_database(database)


async def reachable(client: httpx.AsyncClient) -> tuple[set[str], set[str], set[str]]:
    """The streams that it is told of, that it is given events of, and that it may have sent to it."""
    told = {each["stream"] for each in (await client.get("/v1/streams")).json()["streams"]}
    read, sent = set(), set()
    for stream in (*STREAMS, SURVEY_INTAKE.name):
        answer = await client.get(f"/v1/streams/{stream}/events", headers={"Accept": "application/x-ndjson"})
        assert answer.status_code in (200, 403, 404), answer.text
        if answer.status_code == 200:
            read.add(stream)
        body = {"url": "http://127.0.0.1:9/hook", "streams": [stream]}
        answer = await client.post("/v1/subscriptions", json=body)
        assert answer.status_code in (201, 403, 404), answer.text
        if answer.status_code == 201:
            sent.add(stream)
            await client.delete(f"/v1/subscriptions/{answer.json()['subscription']['subscription_id']}")
    return told, read, sent


async def test_exactly_what_is_granted_is_reached_over_http(reach: Reach) -> None:
    """The matrix's subscribers: of two streams, of all, revoked; and one who is not in the register."""
    some, gone = await reach.enter("some", S, H), await reach.enter("gone", *STREAMS)
    await reach.enter("all", *STREAMS)
    await reach.revoke(gone)
    everything = set(STREAMS)
    wanted = {"some": {S, H}, "all": everything, "gone": set(), "unregistered": everything}
    for name, streams in wanted.items():
        async with reach.service.client(token(name)) as client:
            assert await reachable(client) == (streams, streams, streams), name
    await reach.grant(some, H)
    async with reach.service.client(token("some")) as client:
        assert await reachable(client) == ({H}, {H}, {H})
        refused = await client.get(f"/v1/streams/{S}/events")
        assert (refused.status_code, refused.json()["code"]) == (403, "stream_not_granted")
    await reach.enter("gone_again", S, account_of="gone")  # as after a theft
    async with reach.service.client(token("gone")) as client:
        assert await reachable(client) == ({S}, {S}, {S})


@pytest.mark.parametrize("ending", ["narrowed", "revoked"])
async def test_an_answer_that_is_open_ends_with_the_grant(reach: Reach, ending: str) -> None:
    subscriber = await reach.enter(ending, S, H)
    headers = {"Accept": "text/event-stream"}
    url = f"/v1/streams/{S}/events"
    async with reach.service.client(token(ending)) as client, client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200
        lines = answer.aiter_lines()
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for line in lines:
                if line.startswith("data: ") and json.loads(line[6:])["type"].endswith("heartbeat.v1"):
                    break
            await (reach.revoke(subscriber) if ending == "revoked" else reach.grant(subscriber, H))
            async for _ in lines:  # it ends
                pass


async def test_deliveries_are_held_to_it(reach: Reach) -> None:
    """What a sender asks before each delivery; it disables the subscription then (`Dispatcher`)."""
    subscriber = await reach.enter("sent", S, H)
    account, grants = Accounts.subject(token("sent")), Grants(reach.pool)
    for streams in ({S, H}, {H}, set()):
        if streams != {S, H}:
            await (reach.grant(subscriber, *streams) if streams else reach.revoke(subscriber))
        await grants.refresh()
        assert {stream for stream in STREAMS if grants.permits(account, stream)} == streams
        async with acquire(reach.pool) as connection:
            assert set(await granted_to(connection, account) or ()) == streams
    assert grants.permits(Accounts.subject(token("unregistered")), S)
