"""Collects records into produce batches and tells whoever sent some when Kafka has them.

A record costs one append. Futures, tasks and time-outs are per produce batch and per `send`, of which each may hold
many records: at 10,000 records a second a future for each would cost more than all the rest.

Every partition has one batch under way, and others fill meanwhile: what arrives during a round trip travels in the
next one, so batches grow with the load by themselves. A partition whose leader is away holds up no other.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from shared.contracts.topics import Topic
from shared.observability.logs import log
from shared.observability.metrics import PRODUCE_SECONDS
from shared.observability.tracing import headers, sending

LINGER_SECONDS: Final = 0.001
"""Records that arrive within it share a produce batch; it is little beside a phone's round trip. With 64 connections,
2 ms let the process wait for a third of its time, and without any every record travels alone."""

MAX_WAITING_BATCHES: Final = 4
"""Behind the one under way: 2 MB, more than all that intake admits when it is spread over the partitions. In 24 of
them, while Kafka is away, they and those under way are 60 MB."""

Record = tuple[int, bytes, bytes]
"""Partition, key, value."""

_log = log(__name__)


class _Sending:
    """One call of `send`: which of its records Kafka has, and how many are still open."""

    __slots__ = ("acknowledged", "done", "open")

    def __init__(self, records: int, done: "asyncio.Future[None]") -> None:
        self.acknowledged = [False] * records
        self.open = records
        self.done = done

    def settle(self, index: int, *, acknowledged: bool) -> None:
        self.acknowledged[index] = acknowledged
        self.open -= 1
        if not self.open:
            self.end()

    def end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class _Batch:
    """One produce batch and whose records it holds."""

    __slots__ = ("builder", "records", "sent_at")

    def __init__(self, builder: Any) -> None:
        self.builder = builder
        self.sent_at = 0.0
        self.records: list[tuple[_Sending, int]] = []

    def settle(self, *, acknowledged: bool) -> None:
        for sent, index in self.records:
            sent.settle(index, acknowledged=acknowledged)


class _Lane:
    """One partition: the batches that wait, of which the last one fills, and whether one is under way."""

    __slots__ = ("partition", "under_way", "waiting")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.waiting: deque[_Batch] = deque()
        self.under_way = False


class Accumulator:
    """Sends records to the partitions of one topic.

    Holds at most `MAX_WAITING_BATCHES` per partition and the one under way (`producer.MAX_BATCH_BYTES` each); while
    Kafka is away and these are full, records are given back unsent.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: Topic, *, patience_seconds: float) -> None:
        """patience_seconds: how long `send` waits for acknowledgements."""
        self._producer = producer
        self._topic = topic.name
        self._patience_seconds = patience_seconds
        self._seconds = PRODUCE_SECONDS.labels(topic.name)
        self._lanes = [_Lane(partition) for partition in range(topic.partitions)]
        self._flushing: asyncio.Task[None] | None = None
        self.failed = asyncio.Event()
        """Set when Kafka refused for good: the producer is of no use any more (aiokafka#1017), and the process has to
        start again."""

    async def learn(self) -> int:
        """How many partitions the topic has now, by what the producer knows; records may be sent to all of them from
        now on. Raises KafkaError."""
        partitions = len(await self._producer.partitions_for(self._topic))
        self._lanes += [_Lane(partition) for partition in range(len(self._lanes), partitions)]
        return partitions

    async def send(self, records: Sequence[Record]) -> list[bool]:
        """For each record whether all in-sync replicas have it. False: refused, or not known when patience ended, in
        which case it may still arrive."""
        if not records:
            return []
        loop = asyncio.get_running_loop()
        sent = _Sending(len(records), loop.create_future())
        with sending(self._topic, len(records)):
            followed = headers()
            for index, record in enumerate(records):
                self._add(sent, index, record, followed)
            patience = loop.call_later(self._patience_seconds, sent.end)
            try:
                await sent.done
            finally:
                patience.cancel()
        return sent.acknowledged

    def _add(self, sent: _Sending, index: int, record: Record, followed: list[tuple[str, bytes]]) -> None:
        partition, key, value = record
        lane = self._lanes[partition]
        if lane.waiting and self._append(lane.waiting[-1], sent, index, key, value, followed):
            return
        if len(lane.waiting) == MAX_WAITING_BATCHES:
            sent.settle(index, acknowledged=False)
            return
        if not lane.waiting and not lane.under_way:
            self._flush_soon()
        lane.waiting.append(_Batch(self._producer.create_batch()))
        self._append(lane.waiting[-1], sent, index, key, value, followed)

    @staticmethod
    def _append(
        batch: _Batch, sent: _Sending, index: int, key: bytes, value: bytes, followed: list[tuple[str, bytes]]
    ) -> bool:
        """False when the batch is full; an empty one takes any record that intake lets in."""
        if batch.builder.append(timestamp=None, key=key, value=value, headers=followed) is None:
            return False
        batch.records.append((sent, index))
        return True

    def _flush_soon(self) -> None:
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        await asyncio.sleep(LINGER_SECONDS)
        for lane in self._lanes:
            if lane.waiting and not lane.under_way:
                lane.under_way = True
                await self._hand_over(lane, lane.waiting.popleft())
        self._flushing = None
        if any(lane.waiting and not lane.under_way for lane in self._lanes):  # it came while others were handed over
            self._flush_soon()

    async def _hand_over(self, lane: _Lane, batch: _Batch) -> None:
        batch.sent_at = perf_counter()
        try:
            acknowledgement = await self._producer.send_batch(batch.builder, self._topic, partition=lane.partition)
        except Exception as error:  # aiokafka asserts, too: a partition that is gone must not stand still in silence
            self._end(lane, batch, error)
        else:
            acknowledgement.add_done_callback(lambda future: self._end(lane, batch, _error(future)))

    def _end(self, lane: _Lane, batch: _Batch, error: BaseException | None) -> None:
        lane.under_way = False
        batch.settle(acknowledged=error is None)
        self._seconds.observe(perf_counter() - batch.sent_at)
        if error is not None and not isinstance(error, KafkaTimeoutError):
            _log.error("producer_failed", topic=self._topic, cause=type(error).__name__)
            self.failed.set()
        if lane.waiting:
            self._flush_soon()


def _error(future: "asyncio.Future[Any]") -> BaseException | None:
    return asyncio.CancelledError() if future.cancelled() else future.exception()
