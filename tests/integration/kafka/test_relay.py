"""The relay publishes each committed change once or again, numbered without holes, whatever ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.topics import VOLUNTEER_REGISTERED, Topic
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.postgres.outbox import append
from shared.postgres.pool import open_pool
from tests.runtime import Runtime

AT = datetime(2022, 2, 5, tzinfo=UTC)
DEADLINE_SECONDS = 30.0


class Change(BaseModel):
    """A body that says which change of which entity it is."""

    entity: int
    number: int


@dataclass
class Outbox:
    """One outbox and its topic."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    kafka: KafkaSettings
    topic: Topic

    async def change(self, entity: int, number: int) -> None:
        """Commits one change."""
        async with self.pool.acquire() as connection, connection.transaction():
            event = Change(entity=entity, number=number)
            await append(connection, self.topic, key=str(UUID(int=entity)), event=event, event_id=uuid4(), time=AT)

    @asynccontextmanager
    async def relay(self) -> AsyncIterator[Relay]:
        """A relay at work."""
        relay, stopping = Relay(self.pool, self.kafka, [self.topic]), asyncio.Event()
        running = asyncio.create_task(relay.run(stopping))
        try:
            yield relay
        finally:
            stopping.set()
            await running

    async def until_published(self) -> None:
        """Waits until nothing is left in the outbox."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await self.pool.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"):
                await asyncio.sleep(0.02)

    async def back_to(self, *, known: int, numbered: int) -> None:
        """Leaves the database as a restoration to an earlier moment does: `known` changes, of each entity, of which
        `numbered` had their numbers; and its server has another history."""
        await self.pool.execute(
            "DELETE FROM outbox WHERE (convert_from(body, 'UTF8')::jsonb->>'number')::integer > $1"
            " OR (convert_from(body, 'UTF8')::jsonb->>'entity')::integer > 1",
            known,
        )
        await self.pool.execute(
            "UPDATE outbox SET sequence = NULL, previous = NULL, published_at = NULL WHERE sequence > $1", numbered
        )
        await self.pool.execute("UPDATE outbox_position SET last_sequence = $1", numbered)
        await self.pool.execute("UPDATE outbox_database SET identity = 'a former history'")

    async def numbers(self) -> list[tuple[int, int | None]]:
        """(sequence, previous) of entity 1's partition, in order."""
        rows = await self.pool.fetch(
            "SELECT sequence, previous FROM outbox WHERE partition = $1 ORDER BY sequence",
            self.topic.partition_of(str(UUID(int=1))),
        )
        return [(row[0], row[1]) for row in rows]

    async def adopted(self) -> list[tuple[int, int]]:
        """(entity, number) of what was taken back without being known."""
        rows = await self.pool.fetch("SELECT body FROM outbox WHERE adopted_at IS NOT NULL")
        changes = [Change.model_validate_json(row[0]) for row in rows]
        return sorted((change.entity, change.number) for change in changes)

    async def applied(self) -> tuple[list[Change], int]:
        """What a subscriber applies, and how many records there were; fails where one is missing."""
        consumer = AIOKafkaConsumer(**self.kafka.for_aiokafka(), auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(self.topic.name, number) for number in range(self.topic.partitions)]
            consumer.assign(partitions)
            left = {p: end for p, end in (await consumer.end_offsets(partitions)).items() if end}
            last: dict[TopicPartition, int] = {}
            changes, records = [], 0
            async with asyncio.timeout(DEADLINE_SECONDS):
                while left:
                    for partition, more in (await consumer.getmany(timeout_ms=200)).items():
                        records += len(more)
                        if more[-1].offset + 1 >= left[partition]:
                            del left[partition]
                        for record in more:
                            envelope = from_headers(record.headers)
                            verdict = judge(last.get(partition), envelope.sequence, envelope.previous)
                            assert verdict is not Verdict.GAP
                            if verdict is Verdict.APPLY:
                                last[partition] = envelope.sequence
                                changes.append(Change.model_validate_json(record.value))
            return changes, records
        finally:
            await consumer.stop()


@pytest.fixture
async def outbox(runtime: Runtime) -> AsyncIterator[Outbox]:
    """An outbox of three partitions."""
    pool = await open_pool(runtime.create_database("registration"), application="test")
    topic = runtime.create_topic(VOLUNTEER_REGISTERED, partitions=3)
    try:
        yield Outbox(pool, runtime.kafka_settings(), topic)
    finally:
        await pool.close()


def in_order(changes: list[Change]) -> dict[int, list[int]]:
    orders: dict[int, list[int]] = {}
    for change in changes:
        orders.setdefault(change.entity, []).append(change.number)
    return orders


async def test_changes_arrive_once_and_in_order(outbox: Outbox) -> None:
    async with outbox.relay():
        await asyncio.gather(*(_changes(outbox, entity, 10) for entity in range(8)))
        await outbox.until_published()
    changes, records = await outbox.applied()
    assert in_order(changes) == {entity: list(range(10)) for entity in range(8)}
    assert records == 80


async def _changes(outbox: Outbox, entity: int, number: int) -> None:
    for each in range(number):
        await outbox.change(entity, each)


async def test_what_was_published_and_not_marked_is_published_again_under_the_same_numbers(outbox: Outbox) -> None:
    async with outbox.relay():
        await _changes(outbox, 1, 5)
        await _changes(outbox, 2, 5)
        await outbox.until_published()
    await outbox.pool.execute("UPDATE outbox SET published_at = NULL WHERE sequence > 2")
    async with outbox.relay():
        await outbox.change(1, 5)
        await outbox.until_published()
    changes, records = await outbox.applied()
    assert in_order(changes) == {1: [0, 1, 2, 3, 4, 5], 2: [0, 1, 2, 3, 4]}
    assert records > len(changes)


async def test_two_relays_publish_as_one(outbox: Outbox) -> None:
    async with outbox.relay(), outbox.relay() as second:
        await _changes(outbox, 1, 20)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not second.connected:
                await asyncio.sleep(0.02)
        await _changes(outbox, 2, 20)
        await outbox.until_published()
    changes, records = await outbox.applied()
    assert (len(changes), records) == (40, 40)


async def test_an_uncommitted_change_holds_back_no_other(outbox: Outbox) -> None:
    async with outbox.relay(), outbox.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        key = str(UUID(int=1))
        await append(connection, outbox.topic, key=key, event=Change(entity=1, number=0), event_id=uuid4(), time=AT)
        await outbox.change(2, 0)
        await outbox.until_published()
        await transaction.commit()
        await outbox.until_published()
    changes, _ = await outbox.applied()
    assert in_order(changes) == {1: [0], 2: [0]}


async def test_a_lost_session_is_waited_out(outbox: Outbox) -> None:
    async with outbox.relay():
        await _changes(outbox, 1, 3)
        await outbox.until_published()
        await outbox.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
        await outbox.change(1, 3)
        await outbox.until_published()
    changes, _ = await outbox.applied()
    assert in_order(changes) == {1: [0, 1, 2, 3]}


async def test_a_recreated_topic_is_filled_again(runtime: Runtime, outbox: Outbox) -> None:
    async with outbox.relay():
        await _changes(outbox, 1, 5)
        await outbox.until_published()
    await _make_anew(runtime, outbox.topic)
    async with outbox.relay():
        await outbox.change(1, 5)
        await outbox.until_published()
    changes, _ = await outbox.applied()
    assert in_order(changes) == {1: [0, 1, 2, 3, 4, 5]}


async def test_a_restored_database_takes_back_what_it_gave_out(outbox: Outbox) -> None:
    """It stands at an earlier moment, and Kafka and its readers are further: what the moment knew and had not yet
    numbered keeps its number, what it did not know is adopted, and nothing new is taken for a repetition."""
    async with outbox.relay():
        await _changes(outbox, 1, 2)
        await outbox.until_published()
        await outbox.change(1, 2)
        await outbox.change(1, 3)
        await outbox.change(2, 0)
        await outbox.until_published()
    await outbox.back_to(known=2, numbered=2)
    async with outbox.relay():
        await outbox.change(1, 4)
        await outbox.change(2, 1)
        await outbox.until_published()
    changes, records = await outbox.applied()
    assert in_order(changes) == {1: [0, 1, 2, 3, 4], 2: [0, 1]}
    assert records == 7
    assert await outbox.adopted() == [(1, 3), (2, 0)]


async def test_without_kafka_a_restored_database_numbers_above_all_it_may_have_given_out(
    runtime: Runtime, outbox: Outbox
) -> None:
    """Readers that are further than the database, as those outside are, take what comes then."""
    async with outbox.relay():
        await _changes(outbox, 1, 4)
        await outbox.until_published()
    reader = max([sequence for sequence, _ in await outbox.numbers()])
    await outbox.back_to(known=1, numbered=2)
    await _make_anew(runtime, outbox.topic)
    async with outbox.relay():
        await outbox.change(1, 9)
        await outbox.until_published()
    changes, _ = await outbox.applied()
    assert in_order(changes) == {1: [0, 1, 9]}
    assert (await outbox.numbers())[-1] == (10**15 + 1, 2)
    assert judge(reader, *(await outbox.numbers())[-1]) is Verdict.APPLY
    assert await outbox.adopted() == []


async def _make_anew(runtime: Runtime, topic: Topic) -> None:
    runtime.delete_topic(topic)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while topic.name in runtime.admin.list_topics(timeout=5).topics:
            await asyncio.sleep(0.05)
    runtime.create_topic(VOLUNTEER_REGISTERED, topic.name.removeprefix("volunteer-registered-"), partitions=3)
