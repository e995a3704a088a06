"""One subscriber's reading: piece after piece of his feed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.reporting.streams.extents import LOOK_SECONDS, Extents
from services.reporting.streams.feed import Extent, Feed, Gap, Item
from services.reporting.streams.readers import Readers
from shared.observability.metrics import STREAM_EVENTS, STREAM_GAPS

PIECE_RECORDS: Final = 4_000
"""Records looked at in one piece, for 50 to 100 ms, whoever's they are."""
PIECE_BYTES: Final = 1024 * 1024
"""Of a piece, which waits in memory while its subscriber is slow: a hundred of them hold 100 MB."""
EXTENT_SECONDS: Final = 1.0
"""While there is plenty to read it is asked so seldom whether there is more, or another topic."""

STALL_SECONDS: Final = 5.0
"""Kafka said that there is something, and gives nothing for so long: the partition's leader is away."""

Write = Callable[[Item], bytes]
"""Gives an item in the form of the answer, while the feed's position is right behind it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What was read: `parts` in the form of the answer, with so many events; at_end: there was nothing more."""

    parts: list[bytes]
    events: int
    at_end: bool


class Replay:
    """Reads a feed for one answer."""

    def __init__(self, feed: Feed, extents: Extents, readers: Readers) -> None:
        self.feed = feed
        self._extents = extents
        self._readers = readers
        self._clock = asyncio.get_running_loop().time
        self._extent: Extent | None = None
        self._looked = 0.0

    async def piece(self, most: int, write: Write) -> Piece:
        """Up to `most` events, or none where there are none now. Raises `NoReader`, KafkaError, TimeoutError,
        LookupError."""
        feed = self.feed
        extent = await self._current()
        if feed.position.topic_id and feed.astray(extent):  # seldom, and what it is shall be told for what it is
            self._extent = extent = await self._extents.now(feed.topic, doubted=True)
        parts = [self._told(gap, write) for gap in feed.meet(extent)]
        if not feed.waiting(extent):
            return Piece(parts, 0, at_end=True)
        events = scanned = size = 0
        async with self._readers.lent(self) as reader:
            await reader.begin(feed.topic.name, feed.offsets(extent))
            patience = self._clock() + STALL_SECONDS
            while scanned < PIECE_RECORDS and events < most and size < PIECE_BYTES and feed.waiting(extent):
                await asyncio.sleep(0)  # what has been fetched is given at once, and others wait for their turn
                fetched = await reader.read()
                if fetched:
                    patience = self._clock() + STALL_SECONDS
                elif self._clock() > patience:
                    raise TimeoutError
                for records in fetched:
                    if events >= most:
                        break
                    scanned += len(records)
                    for item in feed.take(records):
                        if isinstance(item, Gap):
                            parts.append(self._told(item, write))
                            continue
                        parts.append(write(item))
                        size += len(item)
                        events += 1
                        if events >= most:
                            break
            at_end = not feed.waiting(extent)
            if at_end:
                reader.rest()
        STREAM_EVENTS.labels(feed.topic.name).inc(events)
        if at_end:  # of what was known; a writer may be ahead of that
            self._extent = None
        return Piece(parts, events, at_end)

    async def goes_on(self, seconds: float) -> bool:
        """Waits until the stream goes on, in whatever area; False when it does not in that time."""
        until = self._clock() + seconds
        while True:
            self._looked = self._clock()
            self._extent = extent = await self._extents.now(self.feed.topic, may_be_older=LOOK_SECONDS)
            if extent.topic_id != self.feed.position.topic_id or self.feed.waiting(extent):
                return True
            if self._clock() + LOOK_SECONDS > until:
                return False
            await asyncio.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Nothing more is read."""
        self._readers.leave(self)

    async def _current(self) -> Extent:
        if self._extent is None or self._clock() - self._looked > EXTENT_SECONDS:
            self._looked = self._clock()
            self._extent = await self._extents.now(self.feed.topic)
        return self._extent

    def _told(self, gap: Gap, write: Write) -> bytes:
        STREAM_GAPS.labels(self.feed.topic.name, gap.reason).inc()
        return write(gap)
