"""What becomes of a stream's records on their way to one subscriber: his events, each once, numbered, and the gaps.

A feed is a stream in an area. An event belongs to it when the area that it names, or the one that it names as the area
before, lies inside: an entity that moves away is told of once more, so that sums come out right.

**The whole country** gets the publishers' own sequences: who reads Kafka sees the same, and may go on there.
**An area** gets sequences of its own, counted for each partition: 1, 2, 3 and so on. The publishers' would grow by what
happens elsewhere, and thereby tell how much it is. In the order of the stream they are the same whenever it is read
from its beginning.

In both, `previous` is the sequence before it in the feed and the partition, and what is missing takes a number of its
own: the event behind it names as `previous` what the subscriber does not have. So the sequence rule, which is judged
here against everything that is in the stream, finds it there again. `number` counts through all partitions, in the
order of this reading, gaps included.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiokafka.structs import ConsumerRecord

from services.reporting.streams.position import ANYTHING, NOTHING, Place, Position
from services.reporting.streams.written import EventWriter, Places, places_of
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import chain_place
from shared.contracts.topics import Topic


class Reason(StrEnum):
    """What a gap is about."""

    TOPIC_RECREATED = "topic_recreated"
    """Reading goes on at the beginning of another topic. That alone loses nothing: what was told is not told again."""
    RECORDS_GONE = "records_gone"
    """Kafka does not hold what comes next; reading goes on where it does."""
    EVENTS_MISSING = "events_missing"
    """By the sequence rule something should have come before what comes next. It has a number of its own."""
    UNREADABLE = "unreadable"
    """What lies here cannot be read; the centre has been told. It has a number of its own."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something may be, or is, missing; partition: None for the whole stream."""

    reason: Reason
    partition: int | None


Item = bytes | Gap
"""An event in one line, or a gap."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What of a stream Kafka holds: for each partition the first offset, and the one behind the last."""

    topic_id: str
    first: Sequence[int]
    end: Sequence[int]


class Feed:
    """One subscriber's reading of a stream; moves `position` as it goes."""

    def __init__(self, topic: Topic, position: Position) -> None:
        self.topic = topic
        self.position = position
        self._writer = EventWriter(topic)
        self._country = position.area == ""

    def astray(self, extent: Extent) -> bool:
        """Whether the position is where nothing is, or in another topic."""
        places = zip(self.position.places, extent.first, extent.end, strict=False)
        here = all(first <= place.next_offset <= end for place, first, end in places)
        return not here or self.position.topic_id != extent.topic_id

    def meet(self, extent: Extent) -> Iterator[Gap]:
        """Moves the position to where records are; gives what the subscriber has to know about that."""
        if self.position.topic_id != extent.topic_id:
            if self.position.topic_id:
                yield Gap(Reason.TOPIC_RECREATED, None)
            self.position.topic_id = extent.topic_id
            for place in self.position.places:
                place.next_offset, place.packed = 0, None
        for partition, (place, first, end) in enumerate(
            zip(self._places(extent), extent.first, extent.end, strict=True)
        ):
            if not first <= place.next_offset <= end:
                place.next_offset, place.packed = first if place.next_offset < first else end, None
                yield Gap(Reason.RECORDS_GONE, partition)

    def waiting(self, extent: Extent) -> dict[int, int]:
        """The next offsets of the partitions in which there is something to read."""
        ends = zip(self._places(extent), extent.end, strict=True)
        return {each: place.next_offset for each, (place, end) in enumerate(ends) if place.next_offset < end}

    def offsets(self, extent: Extent) -> dict[int, int]:
        """The next offsets of all partitions."""
        return {each: place.next_offset for each, place in enumerate(self._places(extent))}

    def _places(self, extent: Extent) -> Sequence[Place]:
        """One for each partition that there is. What a topic has been given since is read from its beginning; a
        position that comes from where more of them are known already keeps those places for later."""
        places = self.position.places
        if len(places) < len(extent.end):
            places.extend(Place() for _ in range(len(extent.end) - len(places)))
            self.position.rebase()  # their sequences begin below those of the others
        return places[: len(extent.end)]

    def take(self, records: Sequence[ConsumerRecord]) -> Iterator[Item]:
        """What comes of records of one partition, which go on where it was left. After each item the position is right
        behind it."""
        if not records:
            return
        place = self.position.places[records[0].partition]
        for record in records:
            place.next_offset, place.packed = record.offset + 1, None
            chained = chain_place(record.headers)
            if chained is None:
                continue  # foreign matter takes no place in the chain (shared/kafka/projection.py); nobody gets it
            sequence, previous, _ = chained
            verdict = _judged(place, sequence, previous)
            if verdict is Verdict.REPETITION:
                continue
            if verdict is Verdict.GAP and previous is not None:
                # Whoever goes on from here meets the record once more, and no gap before it.
                place.next_offset, place.last = record.offset, previous
                yield self._gap(place, Reason.EVENTS_MISSING, record.partition, previous)
                place.next_offset, place.packed = record.offset + 1, None
            yield from self._event(place, record, sequence)

    def _event(self, place: Place, record: ConsumerRecord, sequence: int) -> Iterator[Item]:
        places = places_of(record.value)
        inside = places is not None and self._holds(places)
        if places is not None and not inside:
            place.last = sequence
            return
        told = sequence if self._country else place.count + 1
        event = self._writer.write(record, self.position.number + 1, told, place.count or None) if inside else None
        place.last = sequence
        if event is None:
            yield self._gap(place, Reason.UNREADABLE, record.partition, sequence)
            return
        place.count, self.position.number = told, self.position.number + 1
        yield event

    def _holds(self, places: Places) -> bool:
        area = self.position.area
        if places.area.startswith(area):
            return True
        before = places.before
        return before is not None and before.area is not None and before.area.startswith(area)

    def _gap(self, place: Place, reason: Reason, partition: int, missing: int) -> Gap:
        """Gives what is missing a number: in the country its own sequence, which is known."""
        place.count = missing if self._country else place.count + 1
        self.position.number += 1
        return Gap(reason, partition)


def _judged(place: Place, sequence: int, previous: int | None) -> Verdict:
    if place.last == ANYTHING:
        return Verdict.APPLY
    return judge(None if place.last == NOTHING else place.last, sequence, previous)
