"""The readers: a few consumers of Kafka without a group, lent to whoever reads next.

However many subscribers there are, so many fetches and their buffers are there at once, and no more. A reader is lent
for one piece of an answer, never while a subscriber takes what was read: a slow one holds nobody up. It stays where it
is, and fetches ahead, until somebody else needs it; who comes back finds it so.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from services.reporting.streams.connection import Connection
from shared.kafka.settings import KafkaSettings
from shared.kafka.watched import WatchedConsumer
from shared.observability.metrics import STREAM_READERS

LEASE_SECONDS: Final = 5.0
"""Who finds no reader for so long is told to come back. A piece takes some 0.1 s."""
FETCH_MILLISECONDS: Final = 200
"""How long one look into the buffers waits. What is asked for is known to be there."""
KEPT_MILLISECONDS: Final = 10
"""How long Kafka keeps a fetch that finds nothing, such as one of partitions that are at their end: the next fetch from
the same broker waits for it."""
FETCH_BYTES: Final = 1024 * 1024
"""Of one fetch, packed as it lies in Kafka: some 10,000 events of the survey, the work of five pieces. A reader holds
one, and fetches another."""
PARTITION_BYTES: Final = 256 * 1024
"""Of one partition in it. A larger batch comes all the same, alone."""
RECORDS: Final = 500
"""Unpacked in one go, in some 5 ms: other requests of the process wait no longer for their turn."""


class NoReader(Exception):
    """All readers are lent."""


class Reader:
    """One consumer. `holder` is who had it last."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._connection = Connection(lambda: _consumer(settings))
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self.holder: object = None

    async def begin(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Goes on at these offsets, and nowhere else."""
        consumer = self._consumer = await self._connection.client()
        wanted = {TopicPartition(topic, partition): offset for partition, offset in offsets.items()}
        if wanted.keys() != self._next.keys():
            consumer.assign(list(wanted))
            self._next = {}
        for place, offset in wanted.items():
            if self._next.get(place) != offset:
                consumer.seek(place, offset)
        self._next = wanted
        consumer.resume(*wanted)

    def rest(self) -> None:
        """Fetches nothing until it is needed again."""
        if self._consumer is not None and self._next:
            self._consumer.pause(*self._next)

    async def read(self) -> Sequence[Sequence[ConsumerRecord]]:
        """What has come, up to `RECORDS`, each sequence of one partition and in its order."""
        consumer = await self._connection.client()
        fetched = await consumer.getmany(timeout_ms=FETCH_MILLISECONDS, max_records=RECORDS)
        found = []
        for place, records in fetched.items():
            if records:
                self._next[place] = records[-1].offset + 1
                found.append(records)
        return found

    async def close(self) -> None:
        """Ends the connection; the next use opens another."""
        self._consumer, self._next, self.holder = None, {}, None
        await self._connection.close()


class Readers:
    """All readers of this process."""

    def __init__(self, settings: KafkaSettings, number: int) -> None:
        self._free = [Reader(settings) for _ in range(number)]
        self._all = tuple(self._free)
        self._count = asyncio.Semaphore(number)

    @asynccontextmanager
    async def lent(self, holder: object) -> AsyncIterator[Reader]:
        """A reader, the one that `holder` had where it is free. Raises `NoReader`, or what Kafka raises."""
        try:
            async with asyncio.timeout(LEASE_SECONDS):
                await self._count.acquire()
        except TimeoutError:
            raise NoReader from None
        reader = next((each for each in self._free if each.holder is holder), self._free[0])
        self._free.remove(reader)
        STREAM_READERS.inc()
        try:
            reader.holder = holder
            yield reader
        except (KafkaError, TimeoutError):
            await reader.close()  # it may be in any state
            raise
        finally:
            self._free.append(reader)  # at the end: the one that was left longest ago is taken first
            STREAM_READERS.dec()
            self._count.release()

    def leave(self, holder: object) -> None:
        """`holder` does not come back soon: what it left shall fetch nothing ahead."""
        for reader in self._free:
            if reader.holder is holder:
                reader.holder = None
                reader.rest()

    async def close(self) -> None:
        """Ends all connections."""
        await asyncio.gather(*(reader.close() for reader in self._all))


def _consumer(settings: KafkaSettings) -> AIOKafkaConsumer:
    return WatchedConsumer(
        **settings.for_aiokafka(),
        auto_offset_reset="none",  # what is not there is told to the subscriber, never passed over
        fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_BYTES,
        fetch_max_wait_ms=KEPT_MILLISECONDS,
    )
