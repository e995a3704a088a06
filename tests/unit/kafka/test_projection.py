"""What the projection's handler makes of records: repetitions, poison, gaps."""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, cast

import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.handler import PartitionBatch
from shared.kafka.position import Position, TakenOver
from shared.kafka.projection import MOST_DEAD_LETTERS, Event, Gap, ProjectionHandler, TooMuchPoison
from shared.postgres.pool import Connection

TYPE = (SURVEY_SUBMITTED.event_type or "").encode()


class FakeConnection:
    """Takes the statement for dead letters and remembers its rows."""

    def __init__(self) -> None:
        self.dead_letters: list[tuple[Any, ...]] = []

    async def execute(self, _: str, *columns: list[Any]) -> None:
        """Remembers the rows."""
        self.dead_letters += zip(*columns, strict=True)


class Numbers:
    """A projection whose effects are the numbers in the bodies, in order."""

    decoders: Mapping[str, Callable[[bytes], Any]] = {SURVEY_SUBMITTED.name: int}

    def __init__(self) -> None:
        self.applied: list[int] = []

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Remembers the numbers."""
        self.applied += [event.body for event in events]


class OneGap:
    """What is noted of the only partition, and what was given up."""

    def __init__(self, dismissed: Set[Gap]) -> None:
        self.given_up = set(dismissed)
        self.noted: Gap | None = None

    async def dismissed(self, connection: Connection, position: Position) -> Set[Gap]:
        """As told."""
        return self.given_up

    async def note(self, connection: Connection, found: Sequence[tuple[Position, Gap | None]]) -> None:
        """Remembers the latest."""
        ((_, self.noted),) = found


def record(offset: int, sequence: int, previous: int | None, body: bytes | None = None) -> ConsumerRecord:
    headers = [
        ("ce_type", TYPE),
        ("ce_sequence", b"%020d" % sequence),
        ("ce_previous", b"-" if previous is None else b"%020d" % previous),
    ]
    return with_headers(offset, headers, str(sequence).encode() if body is None else body)


def with_headers(offset: int, headers: list[tuple[str, bytes]], value: bytes | None) -> ConsumerRecord:
    return ConsumerRecord(SURVEY_SUBMITTED.name, 0, offset, 0, 0, b"key", value, None, 3, 0, headers)


class Partition:
    """Feeds one partition's log to a handler as the consumer does, in batches of a given size."""

    def __init__(self, log: Sequence[ConsumerRecord], size: int, dismissed: Set[Gap] = frozenset()) -> None:
        self.log = list(log)
        self.size = size
        self.projection = Numbers()
        self.gaps = OneGap(dismissed)
        self.handler = ProjectionHandler(self.projection, [SURVEY_SUBMITTED], gaps=self.gaps)
        self.connection = FakeConnection()
        self.position = Position(SURVEY_SUBMITTED.name, 0, "topic", 1, 1, 0, None, 0, None)
        self.read = 0

    async def step(self) -> bool:
        """One batch; False at the end of the log."""
        records = self.log[self.read : self.read + self.size]
        if not records:
            return False
        behind = self.read + len(records)
        moved = self.position.moved(next_offset=behind)
        batch = PartitionBatch(SURVEY_SUBMITTED, self.position, records, moved, behind)
        connection = cast(Connection, self.connection)
        await self.handler.prepare(connection, [batch])
        await self.handler.write(connection, [batch])
        await self.handler.committed([batch])
        self.position = batch.moved
        self.read = batch.read_on
        return True

    async def drain(self) -> None:
        """Everything in the log; bounded, so that a loop without progress fails."""
        for _ in range(1000):
            if not await self.step():
                return
        raise AssertionError("the log is read in circles")

    async def taken_over(self) -> None:
        """Owns the partition from its position on, as at the beginning and once something was dismissed."""
        await self.handler.taken_over(cast(Connection, self.connection), [TakenOver(self.position, None)])
        self.read = self.position.next_offset


def gauge() -> float | None:
    """What is told of a gap in the partition."""
    return REGISTRY.get_sample_value("jitasa_consumer_gap", {"topic": SURVEY_SUBMITTED.name, "partition": "0"})


def chain(sequences: Sequence[int]) -> list[tuple[int, int | None]]:
    return list(zip(sequences, [None, *sequences[:-1]], strict=True))


def as_log(entries: Sequence[tuple[int, int | None]]) -> list[ConsumerRecord]:
    return [record(offset, sequence, previous) for offset, (sequence, previous) in enumerate(entries)]


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_repetitions_change_nothing(size: int) -> None:
    entries = chain([3, 5, 6])
    partition = Partition(as_log([*entries, *entries[1:], (9, 6)]), size)
    await partition.drain()
    assert partition.projection.applied == [3, 5, 6, 9]
    assert partition.position.last_sequence == 9
    assert partition.position.next_offset == 6


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_a_gap_stops_the_partition_and_keeps_the_position(size: int) -> None:
    partition = Partition(as_log([(1, None), (3, 2), (4, 3)]), size)
    await partition.drain()
    assert partition.projection.applied == [1]
    assert partition.position.next_offset == 1
    assert partition.position.last_sequence == 1


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_the_missing_event_alone_closes_the_gap(size: int) -> None:
    partition = Partition(as_log([(1, None), (3, 2), (4, 3), (2, 1)]), size)
    await partition.drain()
    assert partition.projection.applied == [1, 2, 3, 4]
    assert partition.position.next_offset == 4


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_a_take_over_closes_the_gap(size: int) -> None:
    partition = Partition(as_log([(1, None), (4, 3), (2, 1), (3, 2), (4, 3), (5, 4)]), size)
    await partition.drain()
    assert partition.projection.applied == [1, 2, 3, 4, 5]
    assert partition.position.next_offset == 6


@pytest.mark.parametrize("size", [1, 2, 100])
async def test_a_dismissed_gap_is_passed_over_and_no_longer_told_of(size: int) -> None:
    partition = Partition(as_log([(1, None), (3, 2), (4, 3)]), size)
    await partition.drain()
    assert (gauge(), partition.handler.waiting) == (1, True)
    partition.gaps.given_up.add((1, 2))
    await partition.taken_over()
    await partition.drain()
    assert partition.projection.applied == [1, 3, 4]
    assert (gauge(), partition.handler.waiting) == (0, False)


async def test_a_gap_that_is_not_dismissed_is_told_of_again() -> None:
    partition = Partition(as_log([(1, None), (3, 2), (4, 3)]), 100)
    await partition.drain()
    await partition.taken_over()
    await partition.drain()
    assert (gauge(), partition.handler.waiting) == (1, True)


async def test_a_stream_that_begins_in_the_middle_is_a_gap() -> None:
    partition = Partition(as_log([(7, 6), (8, 7)]), 10)
    await partition.drain()
    assert partition.projection.applied == []
    assert partition.position.next_offset == 0


@given(data=st.data(), length=st.integers(1, 12), size=st.integers(1, 5))
async def test_whatever_is_repeated_and_delayed_each_event_is_applied_once(
    data: st.DataObject, length: int, size: int
) -> None:
    """Events are missing at their place and come at the end with everything after them, as at a take-over."""
    entries = chain(sorted(data.draw(st.sets(st.integers(1, 1000), min_size=length, max_size=length))))
    missing = data.draw(st.sets(st.integers(0, length - 1)))
    first = [entry for index, entry in enumerate(entries) if index not in missing]
    repeated = data.draw(st.lists(st.sampled_from(entries), max_size=4)) if not missing else []
    tail = entries[min(missing) :] if missing else []
    partition = Partition(as_log([*first, *repeated, *tail]), size)
    await partition.drain()
    assert partition.projection.applied == [sequence for sequence, _ in entries]
    assert partition.position.next_offset == len(partition.log)


TWO_GAPS = [(3, None), (5, 4), (7, 6), (4, 3)]
"""4 comes again behind all, 6 does not."""


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("entries", "noted"),
    [
        (TWO_GAPS, (5, 6)),
        ([*TWO_GAPS, (6, 5)], None),
        ([(3, None), (7, 6), (5, 4)], (3, 4)),  # up to 6, what is there would be given up as well
        ([(3, None), (7, 6), (5, 4), (4, 3)], (5, 6)),
        ([(3, None), (9, 8), (4, 3), (7, 6)], (4, 6)),
    ],
)
async def test_what_is_noted_is_what_is_missing_next(
    size: int, entries: Sequence[tuple[int, int | None]], noted: Gap | None
) -> None:
    partition = Partition(as_log(entries), size)
    await partition.drain()
    assert partition.gaps.noted == noted


@given(data=st.data(), length=st.integers(2, 10), size=st.integers(1, 5))
async def test_no_dismissal_of_what_is_noted_loses_what_is_there(data: st.DataObject, length: int, size: int) -> None:
    """Whatever comes late and whatever never comes: everything that is there is applied in the end, and by a rebuild
    too."""
    entries = chain(range(1, length + 1))
    lost = data.draw(st.sets(st.sampled_from(entries)))
    late = data.draw(st.lists(st.sampled_from(entries), unique=True))
    log = as_log([entry for entry in [*(one for one in entries if one not in late), *late] if entry not in lost])
    partition = Partition(log, size)
    given_up: set[Gap] = set()
    for _ in range(length + 1):
        await partition.drain()
        gap = partition.gaps.noted
        if gap is None:
            break
        assert gap[0] == partition.position.last_sequence
        given_up.add(gap)
        partition = Partition(log, size, given_up)
        await partition.taken_over()
    there = [sequence for sequence, _ in entries if sequence in {number for number, _ in set(entries) - lost}]
    assert partition.projection.applied == there
    assert partition.position.next_offset == len(log)


async def test_poison_takes_its_place_in_the_chain() -> None:
    log = [record(0, 1, None), record(1, 2, 1, b"not a number"), record(2, 3, 2)]
    partition = Partition(log, 10)
    await partition.drain()
    assert partition.projection.applied == [1, 3]
    assert [(row[3], row[4], row[5]) for row in partition.connection.dead_letters] == [(1, 2, "unreadable_body")]


async def test_foreign_matter_takes_no_place() -> None:
    foreign = with_headers(1, [("ce_type", b"\xff\xfe")], b"\x00")
    partition = Partition([record(0, 1, None), foreign, record(2, 2, 1)], 10)
    await partition.drain()
    assert partition.projection.applied == [1, 2]
    assert [row[5] for row in partition.connection.dead_letters] == ["no_sequence"]


@pytest.mark.parametrize(
    ("headers", "value", "cause"),
    [
        ([("ce_type", b"another.v1")], b"2", "unknown_type"),
        ([], b"2", "unknown_type"),
        ([("ce_type", TYPE)], None, "no_body"),
    ],
)
async def test_the_cause_is_named(headers: list[tuple[str, bytes]], value: bytes | None, cause: str) -> None:
    numbered = [*headers, ("ce_sequence", b"%020d" % 2), ("ce_previous", b"%020d" % 1)]
    partition = Partition([record(0, 1, None), with_headers(1, numbered, value), record(2, 3, 2)], 10)
    await partition.drain()
    assert partition.projection.applied == [1, 3]
    assert [row[5] for row in partition.connection.dead_letters] == [cause]


async def test_too_much_poison_stops_the_line() -> None:
    log = [with_headers(offset, [], b"") for offset in range(MOST_DEAD_LETTERS + 1)]
    partition = Partition(log, 100)
    with pytest.raises(TooMuchPoison):
        await partition.drain()
    assert len(partition.connection.dead_letters) == MOST_DEAD_LETTERS
