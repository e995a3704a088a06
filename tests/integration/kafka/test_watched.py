"""A consumer whose fetching has ended says so, and who reads by one begins anew."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from shared.contracts.topics import SURVEY_INTAKE
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.handler import PartitionBatch
from shared.kafka.position import Position, TakenOver
from shared.kafka.watched import WatchedConsumer
from shared.postgres.pool import Connection, open_pool
from tests.runtime import Runtime

DEADLINE_SECONDS = 60


class Takes:
    """Notes the offsets that were taken."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.more = asyncio.Event()

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        return [one.position for one in taken]

    async def prepare(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Nothing."""

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Nothing."""

    async def committed(self, batches: Sequence[PartitionBatch]) -> None:
        self.offsets += [record.offset for batch in batches for record in batch.records]
        self.more.set()

    async def idle(self) -> None:
        """Nothing."""

    async def until(self, number: int) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while len(self.offsets) < number:
                self.more.clear()
                await self.more.wait()


async def end_fetching(consumer: Any) -> None:
    """As an error of aiokafka's own would; it says nothing then."""
    fetching = consumer._fetcher.error_future
    fetching.cancel()
    with suppress(asyncio.CancelledError):
        await fetching


async def test_a_consumer_that_fetches_no_more_says_so(runtime: Runtime) -> None:
    topic = runtime.create_topic(SURVEY_INTAKE, partitions=1)
    consumer = WatchedConsumer(**runtime.kafka_settings().for_aiokafka(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, 0)])
        assert await consumer.getmany(timeout_ms=50) == {}
        await end_fetching(consumer)
        with pytest.raises(KafkaError):
            await consumer.getmany(timeout_ms=50)
    finally:
        await consumer.stop()


async def test_who_fetches_no_more_joins_anew_and_takes_each_record_once(runtime: Runtime) -> None:
    kafka = runtime.kafka_settings()
    topic = runtime.create_topic(SURVEY_INTAKE, partitions=1)
    pool = await open_pool(runtime.create_database("survey"), application="test", max_size=2)
    opened: list[WatchedConsumer] = []

    def open_consumer(*topics: str, **settings: Any) -> WatchedConsumer:
        opened.append(WatchedConsumer(*topics, **settings))
        return opened[-1]

    handler, stopping = Takes(), asyncio.Event()
    consumer = PositionedConsumer(
        kafka, pool, group=f"watched-{topic.name}", topics=[topic], handler=handler, open_consumer=open_consumer
    )
    running = asyncio.create_task(consumer.run(stopping))
    try:
        async with AIOKafkaProducer(**kafka.for_aiokafka()) as producer:
            for number in range(6):
                if number == 3:
                    await handler.until(3)
                    await end_fetching(opened[0])
                await producer.send_and_wait(topic.name, b"{}")
        await handler.until(6)
        assert handler.offsets == list(range(6))
        assert len(opened) == 2
    finally:
        stopping.set()
        await running
        await pool.close()
