"""The subscriber's reference consumer on a real broker and database: killed at any moment, its sums are the events'."""

import ast
import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.home import CHECKOUT
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.events import HouseholdCounts, SubmissionKind, SubmissionOutcome, SurveySubmitted
from shared.contracts.topics import SURVEY_SUBMITTED, Topic
from shared.kafka.producer import create_producer
from tests.runtime import Runtime

CONSUMER: Final = CHECKOUT / "deploy" / "subscriber" / "consumer.py"
MOST_LINES: Final = 150
NOW: Final = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)
COUNTED: Final = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting")
EPOCH: Final = 10**15
PATIENCE_SECONDS: Final = 60.0
KILLS: Final = 10
Sums = dict[str, tuple[int, ...]]


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits until `condition` holds; fails when it takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < end, f"not in time: {what}"
        await asyncio.sleep(0.02)


@dataclass
class Stream:
    """The published stream, and the truth about it."""

    producer: AIOKafkaProducer
    topic: Topic
    dice: random.Random
    records: dict[int, list[tuple[bytes, bytes, list[tuple[str, bytes]]]]] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    sums: Sums = field(default_factory=dict)
    epoch: int = 0
    _households: dict[str, HouseholdCounts | None] = field(default_factory=dict)

    def make(self, area: str) -> int:
        """The next event, of some household of the subdistrict; counted, not yet published. Returns its partition."""
        household = str(UUID(f"{area}00-0000-8000-8000-{self.dice.randrange(20):012x}"))
        partition = self.topic.partition_of(household)
        before = self._households.get(household)
        erased = before is not None and self.dice.random() < 0.1
        after = None if erased else self._counts()
        event = SurveySubmitted(
            submission_id=uuid4(),
            household_id=UUID(household),
            volunteer_id=None if erased else UUID(int=1),
            organisation_id=None,
            area=area,
            captured_at=NOW,
            recorded_at=NOW,
            kind=SubmissionKind.ERASURE if erased else SubmissionKind.SURVEY,
            outcome=SubmissionOutcome.RECORDED,
            revision=1,
            before=before,
            after=after,
        )
        self._households[household] = after
        self._count(area, before, after)
        self._append(partition, household, event.model_dump_json().encode(), self.topic.event_type or "")
        return partition

    def make_other(self, area: str, value: bytes, kind: str) -> int:
        """The next event, which changes no sum: of another type, or unreadable."""
        key = str(UUID(f"{area}00-0000-8000-8000-000000000000"))
        partition = self.topic.partition_of(key)
        self._append(partition, key, value, kind)
        return partition

    async def publish(self, partition: int, first: int, after: int | None = None) -> None:
        """Publishes a stretch of what was made, for the first time or again."""
        for key, value, headers in self.records[partition][first:after]:
            await self.producer.send(self.topic.name, value, key=key, partition=partition, headers=headers)
        await self.producer.flush()

    async def publish_foreign(self, partition: int) -> None:
        """Publishes a record that is no event."""
        await self.producer.send_and_wait(self.topic.name, b"hello", partition=partition)

    def _counts(self) -> HouseholdCounts:
        doses = [self.dice.randrange(3) for _ in range(4)]
        named = dict(zip(("dose_0", "dose_1", "dose_2", "dose_3"), doses, strict=True))
        none = dict.fromkeys(("wanting_608", "undecided", "refusing", "home_visit"), 0)
        return HouseholdCounts(persons=sum(doses), wanting=doses[0], reasons={}, **named, **none)

    def _count(self, area: str, before: HouseholdCounts | None, after: HouseholdCounts | None) -> None:
        more = (1, *(getattr(after, name, 0) - getattr(before, name, 0) for name in COUNTED))
        self.sums[area] = tuple(a + b for a, b in zip(self.sums.get(area, (0,) * 7), more, strict=True))

    def _append(self, partition: int, key: str, value: bytes, kind: str) -> None:
        previous = self.last.get(partition)
        least = self.epoch * EPOCH
        sequence = max(least, -1 if previous is None else previous) + self.dice.randint(1, 3)
        self.last[partition] = sequence
        envelope = Envelope(str(uuid4()), self.topic.source or "", kind, key, NOW, sequence, previous, "urn:test")
        self.records.setdefault(partition, []).append((key.encode(), value, to_headers(envelope)))


@dataclass
class Subscriber:
    """The consumer as a process of its own, and its database."""

    environment: Mapping[str, str]
    database: asyncpg.Connection

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The process, killed at the end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(CONSUMER)),
            cwd="/",
            env={"PATH": os.environ["PATH"], **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def kill_in_transaction(self, process: asyncio.subprocess.Process) -> None:
        """Kills it after it has moved its position and before its sums have followed."""

        async def waits() -> bool:
            return bool(await self.value("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"))

        async with self.database.transaction():
            await self.database.execute("LOCK TABLE surveyed IN EXCLUSIVE MODE")
            await eventually(waits, "it wants to write its sums")
            process.kill()
            await process.wait()

    async def value(self, query: str) -> Any:
        """Of one's own tables; nothing before the consumer has made them."""
        try:
            return await self.database.fetchval(query)
        except asyncpg.UndefinedTableError:
            return None

    async def events(self) -> int:
        """How many events it has counted."""
        return int(await self.value("SELECT sum(events) FROM surveyed") or 0)

    async def caught_up(self, stream: Stream) -> bool:
        """Whether it has applied all that was made."""
        told = await self.value("SELECT json_object_agg(partition, last_sequence)::text FROM position")
        wanted = ", ".join(f'"{number}" : {stream.last[number]}' for number in sorted(stream.last))
        return told is not None and all(part in told for part in wanted.split(", "))

    async def sums(self) -> Sums:
        """What it has summed up."""
        return {row["area"]: tuple(row)[1:] for row in await self.database.fetch("SELECT * FROM surveyed")}


@pytest.fixture
async def stream(runtime: Runtime) -> AsyncIterator[Stream]:
    topic = runtime.create_topic(SURVEY_SUBMITTED, partitions=3)
    producer = create_producer(runtime.kafka_settings())
    await producer.start()
    yield Stream(producer, topic, random.Random(9))
    await producer.stop()
    runtime.delete_topic(topic)


@pytest.fixture
async def subscriber(runtime: Runtime, stream: Stream) -> AsyncIterator[Subscriber]:
    name = f"subscriber_{uuid4().hex[:8]}"
    runtime.stack.postgres.create_database(name, owner="reporting")
    settings, kafka = runtime.postgres_settings("reporting", name), runtime.kafka_settings()
    password = settings.password
    where = urlencode({"host": settings.host, "port": settings.port})  # the host is a socket's folder
    url = f"postgresql://reporting:{quote(password)}@/{name}?{where}"
    told = kafka.for_librdkafka()
    environment = {
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_USERNAME": kafka.username,
        "KAFKA_PASSWORD_FILE": str(kafka.password_file),
        "KAFKA_PROTOCOL": told["security.protocol"],
        "KAFKA_MECHANISM": told["sasl.mechanism"],
        "KAFKA_TOPIC": stream.topic.name,
        "DATABASE_URL": url,
    }
    connection = await asyncpg.connect(url)
    yield Subscriber(environment, connection)
    await connection.close()
    runtime.drop_database(settings)


AREAS: Final = tuple(f"5001{number:02}" for number in range(1, 13))


def test_it_is_short_and_needs_nothing_of_ours() -> None:
    text = CONSUMER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"aiokafka", "asyncpg"}


async def test_killed_at_random_its_sums_are_those_of_the_events(stream: Stream, subscriber: Subscriber) -> None:
    stopping = asyncio.Event()

    async def publish() -> None:
        while not stopping.is_set():
            for partition in {stream.make(stream.dice.choice(AREAS)) for _ in range(40)}:
                whole = len(stream.records[partition])
                done = published.get(partition, 0)
                # Now and then from further back, as after a take-over.
                first = max(0, done - stream.dice.choice((0, 0, 0, 25)))
                await stream.publish(partition, first, whole)
                published[partition] = whole
                if stream.dice.random() < 0.05:
                    await stream.publish_foreign(partition)
            await asyncio.sleep(0.01)  # so that there are many batches to be killed in

    published: dict[int, int] = {}
    publishing = asyncio.create_task(publish())
    try:
        for turn in range(KILLS):
            wanted = await subscriber.events() + stream.dice.randrange(1, 300)

            async def enough(wanted: int = wanted) -> bool:
                return await subscriber.events() >= wanted

            async with subscriber.running() as process:
                await eventually(enough, f"{wanted} events")
                if turn % 2:
                    await subscriber.kill_in_transaction(process)
                else:
                    await asyncio.sleep(stream.dice.random() * 0.05)  # any moment of a batch
    finally:
        stopping.set()
        await publishing
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums
    assert await subscriber.value("SELECT count(*) FROM put_aside") == 0


async def test_stops_at_a_gap_and_goes_on_when_it_is_published_again(stream: Stream, subscriber: Subscriber) -> None:
    partition = stream.make(AREAS[0])
    for _ in range(9):
        stream.make(AREAS[0])
    before_the_gap = dict(stream.sums)
    for _ in range(30):
        stream.make(AREAS[0])
    await stream.publish(partition, 0, 10)
    await stream.publish(partition, 14)  # four are lost
    async with subscriber.running() as process:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert b"events are missing" in said
        assert await subscriber.sums() == before_the_gap
    async with subscriber.running() as process:  # nor does it pass over it after a restart
        assert process.stdout is not None
        assert b"events are missing" in await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert await subscriber.sums() == before_the_gap
        await stream.publish(partition, 10, 14)  # those alone: what lies behind has been read already
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums


async def test_a_topic_that_was_made_anew_loses_nothing(
    stream: Stream, subscriber: Subscriber, runtime: Runtime
) -> None:
    partition = stream.make(AREAS[0])
    for _ in range(9):
        stream.make(AREAS[0])
    await stream.publish(partition, 0)
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events of the old topic")
    runtime.delete_topic(stream.topic)

    async def gone() -> bool:
        return stream.topic.name not in runtime.admin.list_topics(timeout=10).topics

    await eventually(gone, "the topic is deleted")
    suffix = stream.topic.name.removeprefix(f"{SURVEY_SUBMITTED.name}-")
    runtime.create_topic(SURVEY_SUBMITTED, suffix, partitions=3)
    stream.epoch = 1
    for _ in range(25):  # more than there were: the old offset lies inside the new topic
        stream.make(AREAS[0])
    await stream.publish(partition, 10)
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events of the new topic")
    assert await subscriber.sums() == stream.sums


async def test_what_it_does_not_know_takes_its_place_and_changes_nothing(
    stream: Stream, subscriber: Subscriber
) -> None:
    partition = stream.make(AREAS[0])
    stream.make_other(AREAS[0], b'{"whatever": 1}', "care.jitasa.something-later.v2")
    stream.make_other(AREAS[0], b"\xff not JSON", SURVEY_SUBMITTED.event_type or "")
    stream.make_other(AREAS[0], b'{"area": "500101", "before": null}', SURVEY_SUBMITTED.event_type or "")
    stream.make(AREAS[0])
    await stream.publish(partition, 0)
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums
    assert await subscriber.value("SELECT count(*) FROM put_aside") == 2


async def test_of_two_processes_one_ends(stream: Stream, subscriber: Subscriber) -> None:
    async def both_count() -> bool:
        await stream.publish(partition, max(0, len(stream.records[partition]) - 1))
        stream.make(AREAS[0])
        return one.returncode is not None or other.returncode is not None

    partition = stream.make(AREAS[0])
    async with subscriber.running() as one, subscriber.running() as other:
        await eventually(both_count, "one of them ends")
        ended = one if one.returncode is not None else other
        assert ended.stderr is not None
        assert b"only one may work" in await ended.stderr.read()
        assert ended.returncode == 1
        await stream.publish(partition, len(stream.records[partition]) - 1)
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums
