"""Measures where the streams end in Kafka: with the positions in the database, that is how far the figures are behind.

Measured apart from the consumer, so that a consumer that stands still (a gap, a database that is away, nothing assigned
yet) shows as a growing lag instead of an old number.
"""

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from services.reporting import store
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.kafka.administration import Admin
from shared.kafka.identity import TopicIdentities
from shared.kafka.settings import REQUEST_MILLISECONDS, KafkaSettings
from shared.observability.clock import Clock, pause
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, acquire

MEASURE_SECONDS = 2.0
"""One request to each broker and one small statement; readers of the lag need it no newer."""

_log = log(__name__)


class StreamEnds:
    """Notes the ends of topics every few seconds."""

    def __init__(self, settings: KafkaSettings, pool: Pool, topics: Sequence[Topic], clock: Clock) -> None:
        self._admin = Admin(settings)
        self._identities = TopicIdentities(settings)
        self._pool = pool
        self._topics = tuple(topics)
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Measures until `stopping` is set. While Kafka or the database is away, the last known ends stand."""
        while not stopping.is_set():
            try:
                await self.measure()
            except (KafkaException, LookupError, *UNREACHABLE) as error:
                _log.info("stream_ends_unknown", cause=type(error).__name__)
            await pause(stopping, MEASURE_SECONDS)

    async def measure(self) -> None:
        """Asks Kafka once and notes what it says."""
        measured_at = self._clock.now()
        there_are = await self._identities.partitions([topic.name for topic in self._topics])
        ends = await asyncio.to_thread(self._admin.ask, partial(_ends, there_are))
        async with acquire(self._pool) as connection:
            await store.put_ends(connection, ends, measured_at)


def _ends(there_are: Mapping[str, int], admin: AdminClient) -> Mapping[tuple[str, int], int]:
    wanted = {
        TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for topic, partitions in there_are.items()
        for partition in range(partitions)
    }
    seconds = REQUEST_MILLISECONDS / 1000
    futures = admin.list_offsets(wanted, request_timeout=seconds)
    return {
        (place.topic, place.partition): future.result(timeout=seconds + 1).offset for place, future in futures.items()
    }
