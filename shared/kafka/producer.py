"""Publishes records in order: per partition, a produce batch is sent only after the one before it is acknowledged."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple, Self

from aiokafka import AIOKafkaProducer

from shared.kafka.settings import KafkaSettings
from shared.observability.metrics import PRODUCE_SECONDS
from shared.observability.tracing import sending

MAX_BATCH_BYTES = 512 * 1024
"""aiokafka's default of 16 KiB collapses under many concurrent sends; above 512 KiB nothing is gained."""
MAX_REQUEST_BYTES = 1024 * 1024
"""Kafka's own default for one message."""

Headers = Sequence[tuple[str, bytes]]


class PublishFailed(Exception):
    """Kafka refused records for good. The producer is of no use any more (aiokafka#1017): the process has to start
    again."""


class OutgoingRecord(NamedTuple):
    """One record as Kafka stores it; `timestamp` in milliseconds since 1970."""

    key: bytes
    value: bytes
    headers: Headers
    timestamp: int


def create_producer(settings: KafkaSettings, *, compression: str | None = "zstd") -> AIOKafkaProducer:
    """An idempotent producer that waits for all in-sync replicas. compression: None where records are sealed, hence
    without pattern; lz4, which aiokafka packs at its level 9, takes half as many bytes again and twice the time.

    After an error that cannot be retried, an idempotent producer refuses all later batches (aiokafka#1017): the process
    ends then and starts again.
    """
    return AIOKafkaProducer(
        **settings.for_aiokafka(),
        acks="all",
        enable_idempotence=True,
        compression_type=compression,
        max_batch_size=MAX_BATCH_BYTES,
        max_request_size=MAX_REQUEST_BYTES,
    )


class OrderedPublisher:
    """Publishes to given partitions, each in order and one produce batch at a time."""

    def __init__(
        self, settings: KafkaSettings, create: Callable[[KafkaSettings], AIOKafkaProducer] = create_producer
    ) -> None:
        self._producer = create(settings)

    async def __aenter__(self) -> Self:
        try:
            await self._producer.start()
        except Exception:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def publish(self, topic: str, records: Mapping[int, Sequence[OutgoingRecord]]) -> None:
        """Returns when Kafka has all `records` (by partition). Partitions go side by side.

        While Kafka is away this waits. Raises `PublishFailed`; some records may be there then, and all are published
        again at the next take-over.
        """
        try:
            with sending(topic, sum(map(len, records.values()))):
                async with asyncio.TaskGroup() as group:
                    for partition, in_order in records.items():
                        group.create_task(self._publish_partition(topic, partition, in_order))
        except ExceptionGroup as errors:
            raise PublishFailed(type(errors.exceptions[0]).__name__) from errors

    async def _publish_partition(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        if partition not in await self._producer.partitions_for(topic):
            await self._producer.client.force_metadata_update()  # the topic has grown a moment ago
        batch = self._producer.create_batch()
        for record in records:
            if self._append(batch, record):
                continue
            # Never two batches of a partition under way: were the first refused and the second written, the order would
            # break.
            await self._send(topic, partition, batch)
            batch = self._producer.create_batch()
            if not self._append(batch, record):
                raise ValueError(f"a record of {len(record.value)} bytes for {topic} does not fit into one batch")
        if batch.record_count():
            await self._send(topic, partition, batch)

    async def _send(self, topic: str, partition: int, batch: object) -> None:
        started = perf_counter()
        await (await self._producer.send_batch(batch, topic, partition=partition))
        PRODUCE_SECONDS.labels(topic).observe(perf_counter() - started)

    @staticmethod
    def _append(batch: object, record: OutgoingRecord) -> bool:
        added = batch.append(  # type: ignore[attr-defined]  # aiokafka has no types
            key=record.key, value=record.value, timestamp=record.timestamp, headers=record.headers
        )
        return added is not None
