"""What Kafka holds of the streams: asked by whoever reads, together where several ask at once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.reporting.streams.connection import Connection
from services.reporting.streams.feed import Extent
from shared.contracts.topics import Topic
from shared.kafka.identity import TopicIdentities
from shared.kafka.settings import KafkaSettings

LOOK_SECONDS: Final = 0.1
"""Between two looks at where a stream ends, while somebody waits for it to go on: one small request each, whoever and
how many they are."""
IDENTITY_EVERY_SECONDS: Final = 2.0
"""A topic that is deleted and made again is noticed within this time, and so are partitions that it was given. Until
then its records go through the sequence rule as if they went on: nothing is told twice, and what is missing is told as
missing."""


class Extents:
    """Asks where streams begin and end, over one connection to each broker."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._identities = TopicIdentities(settings)
        self._connection = Connection(lambda: AIOKafkaConsumer(**settings.for_aiokafka()))
        self._known: dict[str, tuple[float, str, int]] = {}
        self._looks: dict[str, _Looks] = {}

    async def now(self, topic: Topic, *, may_be_older: float = 0.0, doubted: bool = False) -> Extent:
        """What of the stream is there at a moment after the call, or so many seconds before it. doubted: it may be
        another topic by now. Raises KafkaError, TimeoutError, or LookupError when the topic does not exist."""
        if doubted:
            self._known.pop(topic.name, None)
        clock = asyncio.get_running_loop().time
        looks = self._looks.setdefault(topic.name, _Looks())
        since = clock() - may_be_older
        async with looks.turn:
            if looks.extent is None or looks.began_at < since:  # otherwise somebody looked in time
                looks.extent, looks.began_at = None, clock()
                looks.extent = await self._look(topic)
            return looks.extent

    async def at(self, topic: Topic, extent: Extent, milliseconds: int) -> list[int | None]:
        """For each partition of the extent the first offset with a timestamp (since 1970) at or after the given one;
        None where there is none."""
        consumer = await self._connection.client()
        places = _places(topic, len(extent.end))
        found = await consumer.offsets_for_times(dict.fromkeys(places, milliseconds))
        return [each and each.offset for each in (found[place] for place in places)]

    async def close(self) -> None:
        """Ends the connections."""
        await self._connection.close()

    async def _look(self, topic: Topic) -> Extent:
        topic_id, partitions = await self._identity(topic.name)
        consumer = await self._connection.client()
        places = _places(topic, partitions)
        first: Mapping[TopicPartition, int]
        end: Mapping[TopicPartition, int]
        first, end = await asyncio.gather(consumer.beginning_offsets(places), consumer.end_offsets(places))
        return Extent(topic_id, [first[place] for place in places], [end[place] for place in places])

    async def _identity(self, name: str) -> tuple[str, int]:
        """The topic's id, and how many partitions it has."""
        clock = asyncio.get_running_loop().time
        at, topic_id, partitions = self._known.get(name, (-IDENTITY_EVERY_SECONDS, "", 0))
        if clock() - at >= IDENTITY_EVERY_SECONDS:
            asked = clock()
            topic_id, partitions = (await self._identities.described([name]))[name]
            self._known[name] = asked, topic_id, partitions
        return topic_id, partitions


class _Looks:
    """At one stream: whose turn it is, when the last one began, and what it found."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.began_at = 0.0
        self.extent: Extent | None = None


def _places(topic: Topic, partitions: int) -> Sequence[TopicPartition]:
    return [TopicPartition(topic.name, partition) for partition in range(partitions)]
