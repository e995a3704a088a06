"""Senders and receivers that are killed at random: each event comes, twice only with the same id, in its order."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.responses import Response

from services.reporting.store import Pool
from services.reporting.webhooks.domain import Cause, Reason, State
from services.reporting.webhooks.leases import Delivered, Failed, Lease, Lost, Message, take
from shared.contracts.events import HelpUpdated
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import Streams, eventually
from tests.integration.reporting.streams.service import Service
from tests.integration.reporting.streams.test_scopes import help_of
from tests.integration.reporting.webhooks.receiver import VERIFICATION, Receiver
from tests.integration.reporting.webhooks.sending import RING, subscribe
from tests.runtime import told

ENTITIES: Final = 20
REVISIONS: Final = 8
ROOT: Final = Path(__file__).resolve().parents[4]


class Killable:
    """Senders in processes of their own."""

    def __init__(self, kafka: KafkaSettings, database: PostgresSettings, topics: tuple[Topic, ...]) -> None:
        self._environment = {
            **os.environ,
            **told(kafka, database),
        }
        self._names = [topic.name for topic in topics]
        self._running: list[asyncio.subprocess.Process] = []

    async def start(self) -> None:
        """One more."""
        module = "tests.integration.reporting.webhooks.sending"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *self._names),
            cwd=ROOT,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        assert b"started" in await process.stdout.readline()
        self._running.append(process)

    async def kill(self) -> None:
        """The oldest, by SIGKILL."""
        process = self._running.pop(0)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def end(self) -> None:
        """All of them."""
        while self._running:
            await self.kill()


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> None:
    """Requests for help, each changed several times."""
    for revision in range(1, REVISIONS + 1):
        for number in range(ENTITIES):
            event = help_of(number, "500101").model_copy(update={"revision": revision})
            await streams.write(event, key=str(event.request_id))


@pytest.fixture
async def senders(
    kafka: KafkaSettings, database: PostgresSettings, topics: tuple[Topic, ...]
) -> AsyncIterator[Killable]:
    """Nobody yet."""
    senders = Killable(kafka, database, topics)
    yield senders
    await senders.end()


def judged(receiver: Receiver) -> None:
    """Each event once by its id; what comes twice is the same; revisions of an entity in their order."""
    bodies: dict[str, dict[str, Any]] = {}
    revisions: dict[str, int] = {}
    for event in receiver.accepted:
        if event["id"] in bodies:
            assert bodies[event["id"]] == event
            continue
        bodies[event["id"]] = event
        entity, revision = event["data"]["request_id"], event["data"]["revision"]
        assert revision == revisions.get(entity, 0) + 1, (entity, revision)
        revisions[entity] = revision
    assert sorted(int(event["number"]) for event in bodies.values()) == list(range(1, ENTITIES * REVISIONS + 1))
    assert Counter(revisions.values()) == {REVISIONS: ENTITIES}


async def test_everything_comes_whoever_is_killed(
    service: Service, senders: Killable, receiver: Receiver, streams: Streams
) -> None:
    """Two processes that send, of which one is killed now and then; a receiver that hangs up, fails, or takes an event
    and says that it has not."""
    chance = random.Random(9)

    def faulty(event: Any) -> Response | None:
        if event["type"] == VERIFICATION or chance.random() > 0.01:
            return None
        if chance.random() < 0.5:
            receiver.accepted.append(event)  # it has it; the answer says otherwise
        return Response(status_code=500)

    receiver.fault = faulty
    await senders.start()
    await senders.start()
    async with service.client("external_system@@killed") as client:
        await subscribe(client, receiver, [streams.of(HelpUpdated).name], at_once=4, **{"from": "start"})

        def remaining() -> int:
            return ENTITIES * REVISIONS - len(set(receiver.ids))

        for kill in range(3):
            goal = ENTITIES * REVISIONS * (3 - kill) // 4

            async def is_on() -> bool:
                return remaining() <= goal  # noqa: B023 - awaited before the next turn

            await eventually(is_on, f"{goal} are left")
            await senders.kill()
            await receiver.stop()
            await senders.start()
            await receiver.start()
        receiver.fault = None

        async def all_there() -> bool:
            return remaining() == 0

        await eventually(all_there, "all have come")
    assert (receiver.together, receiver.unsigned) == (1, 0)
    judged(receiver)


async def test_who_was_stopped_for_long_writes_nothing_down(
    service: Service, receiver: Receiver, pool: Pool, streams: Streams, clock: MovableClock
) -> None:
    """Another has the subscription meanwhile, or its owner has changed his mind: positions stay theirs."""
    topic = streams.of(HelpUpdated)

    async def taken(made: str) -> Lease | None:
        leases = await take(pool, RING, clock.now(), 200, 60.0)
        return next((each for each in leases if str(each.subscription.subscription_id) == made), None)

    async with service.client("external_system@@fenced") as client:
        made = await subscribe(client, receiver, [topic.name], **{"from": "start"})
        first = await taken(made)
        assert first is not None
        assert await taken(made) is None  # one at a time
        await pool.execute("UPDATE webhook_subscription SET leased_until = now() - interval '1 s'")
        second = await taken(made)
        assert second is not None
        (held,) = (await first.positions()).values()
        message = Message(0, "one", b"{}", held.position, is_event=True)
        failure = Failed(topic.name, "one", Cause.TIMEOUT, None, clock.now(), clock.now())

        async def refused(lease: Lease) -> None:
            for attempt in (
                lease.renew(),
                lease.plan(topic.name, [message]),
                lease.moved(topic.name, held, clock.now(), Delivered(0, []), noted=True),
                lease.failed(1, clock.now(), [failure], held),
                lease.turn(State.DISABLED, Reason.GONE, clock.now()),
            ):
                with pytest.raises(Lost):
                    await attempt

        await refused(first)
        await first.release()
        assert await taken(made) is None  # that was not his to release
        await second.renew()
        answer = await client.post(f"/v1/subscriptions/{made}/replay", json={"stream": topic.name, "from": "end"})
        assert answer.status_code == 202
        await refused(second)
        await second.release()
        assert await taken(made) is not None
        await client.delete(f"/v1/subscriptions/{made}")
