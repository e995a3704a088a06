"""A consumer's lag, the oldest record's age and its rate, on a real Kafka and PostgreSQL."""

import asyncio
import time
from collections.abc import Callable, Sequence

from aiokafka import AIOKafkaProducer
from prometheus_client import REGISTRY

from shared.contracts.topics import SURVEY_INTAKE, Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.handler import PartitionBatch
from shared.kafka.position import Position, TakenOver
from shared.kafka.settings import KafkaSettings
from shared.postgres.pool import Connection, open_pool
from tests.runtime import Runtime

RECORDS = 40


class Held:
    """Takes no record before it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        return [one.position for one in taken]

    async def prepare(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        await self.go.wait()

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Nothing."""

    async def committed(self, batches: Sequence[PartitionBatch]) -> None:
        """Nothing."""

    async def idle(self) -> None:
        """Nothing."""


async def _eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)


async def _send(kafka: KafkaSettings, topic: Topic) -> None:
    async with AIOKafkaProducer(**kafka.for_aiokafka()) as producer:
        for number in range(RECORDS):
            await producer.send_and_wait(topic.name, b"{}", partition=number % topic.partitions)


async def test_what_waits_shows_and_goes_when_it_is_taken(runtime: Runtime) -> None:
    kafka = runtime.kafka_settings()
    topic = runtime.create_topic(SURVEY_INTAKE, partitions=4)
    group = f"progress-{topic.name}"
    pool = await open_pool(runtime.create_database("survey"), application="test", max_size=2)

    def metric(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"jitasa_consumer_{name}", {"group": group, **labels}) or 0.0

    def lags() -> list[float]:
        return [metric("lag", topic=topic.name, partition=str(partition)) for partition in range(4)]

    await _send(kafka, topic)
    sent = time.time()
    handler, stopping = Held(), asyncio.Event()
    consumer = PositionedConsumer(kafka, pool, group=group, topics=[topic], handler=handler)
    running = asyncio.create_task(consumer.run(stopping))
    try:
        await _eventually(lambda: lags() == [RECORDS / 4] * 4)
        await _eventually(lambda: metric("oldest_seconds") >= 1.0)
        assert metric("oldest_seconds") <= time.time() - sent + 5.0, "the records' own time counts"
        assert metric("records_per_second") == 0.0
        assert metric("drain_seconds") == float("inf")

        await _send(kafka, topic)  # while the batch is being worked on
        await _eventually(lambda: lags() == [2 * RECORDS / 4] * 4)

        handler.go.set()
        await _eventually(lambda: lags() == [0.0] * 4)
        assert metric("oldest_seconds") == 0.0
        assert metric("drain_seconds") == 0.0
        assert 0.0 < metric("records_per_second") <= 2 * RECORDS
    finally:
        handler.go.set()
        stopping.set()
        await running
        await pool.close()
