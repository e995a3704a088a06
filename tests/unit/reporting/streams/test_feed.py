"""A feed cut anywhere and gone on with: each event once and in order, in every scope, by the sequence rule alone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.streams.feed import Extent, Feed, Gap, Reason
from services.reporting.streams.position import ANYTHING, Place, Position, unpack
from services.reporting.streams.written import EventWriter
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import HeaderWriter
from shared.contracts.topics import HELP_UPDATED, Topic

NOW = datetime(2022, 2, 7, tzinfo=UTC)
AREAS = ("500101", "500201", "100101")
HEADERS = HeaderWriter(HELP_UPDATED.source or "", HELP_UPDATED.event_type or "", HELP_UPDATED.dataschema or "")
TOPIC = Topic(HELP_UPDATED.name, HELP_UPDATED.event_type, HELP_UPDATED.source, HELP_UPDATED.model, partitions=2)


def record(partition: int, offset: int, sequence: int, previous: int | None, area: str, before: str | None) -> Any:
    """A record of Kafka's; its id is its sequence and partition."""
    body = msgspec.json.encode({"area": area, "before": before and {"area": before}})
    headers = tuple(HEADERS.write(f"{partition}-{sequence}", "subject", NOW, sequence, previous))
    return ConsumerRecord(TOPIC.name, partition, offset, 0, 0, b"k", body, None, 1, len(body), headers)


@dataclass
class Log:
    """A partition: records, the events in it in order with their areas, and the sequences that are missing."""

    records: list[Any] = field(default_factory=list)
    events: list[tuple[str, set[str]]] = field(default_factory=list)
    missing: int = 0


@st.composite
def logs(draw: st.DrawFn) -> list[Log]:
    """Partitions with holes in their sequences, events published again, and events that never came."""
    found = []
    for partition in range(TOPIC.partitions):
        log, last = Log(), None
        published: list[tuple[int, int | None, str, str | None]] = []
        for _ in range(draw(st.integers(0, 12))):
            what = draw(st.sampled_from(["event", "event", "event", "again", "missing"]))
            if what == "again" and published:  # as a relay does: from one on, in order
                for old in published[draw(st.integers(0, len(published) - 1)) :]:
                    log.records.append(record(partition, len(log.records), *old))
                continue
            if what == "missing":  # one that never comes, before the one that does
                log.missing += 1
                last, published = (last or 0) + draw(st.integers(1, 3)), []
            sequence = (last or 0) + draw(st.integers(1, 3))
            event = (sequence, last, draw(st.sampled_from(AREAS)), draw(st.sampled_from([None, *AREAS])))
            last, published = sequence, [*published, event]
            log.records.append(record(partition, len(log.records), *event))
            log.events.append((f"{partition}-{sequence}", {area for area in event[2:] if area}))
        found.append(log)
    return found


def fresh(area: str) -> Position:
    """The beginning."""
    return Position(TOPIC.name, area, "")


def read(position: Position, found: Sequence[Log], random: Random, most: int) -> list[Any]:
    """Up to `most` items from a position on, in pieces, as Kafka would give them; moves the position."""
    feed = Feed(TOPIC, position)
    extent = Extent("t", [0] * len(found), [len(log.records) for log in found])
    items: list[Any] = list(feed.meet(extent))
    while waiting := feed.waiting(extent):
        partition = random.choice(list(waiting))
        offset = waiting[partition]
        for item in feed.take(found[partition].records[offset : offset + random.randint(1, 5)]):
            items.append(item if isinstance(item, Gap) else msgspec.json.decode(item))
            if len(items) >= most:
                return items
    return items


@settings(max_examples=300)
@given(logs(), st.sampled_from(["", "50", "5002", "500101", "90"]), st.integers(0, 2**32))
def test_each_event_once_however_it_is_cut(found: list[Log], area: str, seed: int) -> None:
    """And each gap once. What a consumer knows by the two numbers is what the feed says in words."""
    random, position = Random(seed), fresh(area)
    items: list[Any] = []
    there_are = random.randint(1, len(found))  # the topic is given the others while it is read
    while (more := read(position, found[:there_are], random, random.randint(1, 4))) or there_are < len(found):
        items += more
        if not more or random.random() < 0.2:
            there_are = len(found)
        position = unpack(position.pack())  # a cursor
        if random.random() < 0.3:
            position.rebase()
    told = [item for item in items if not isinstance(item, Gap)]
    for partition, log in enumerate(found):
        wanted = [name for name, areas in log.events if any(each.startswith(area) for each in areas)]
        assert [event["id"] for event in told if event["partition"] == partition] == wanted
    assert sum(isinstance(item, Gap) for item in items) == sum(log.missing for log in found)
    last: dict[int, int] = {}
    unsaid: dict[int, int] = {}
    number = 0
    for item in items:
        number += 1
        if isinstance(item, Gap):
            assert item.reason is Reason.EVENTS_MISSING
            assert item.partition is not None
            unsaid[item.partition] = unsaid.get(item.partition, 0) + 1
            continue
        partition, sequence = item["partition"], int(item["sequence"])
        previous = None if item["previous"] == "-" else int(item["previous"])
        verdict = judge(last.get(partition), sequence, previous)
        assert verdict is (Verdict.GAP if unsaid.pop(partition, 0) else Verdict.APPLY)
        assert int(item["number"]) == number
        last[partition] = sequence


@given(logs(), st.integers(0, 2**32))
def test_an_area_counts_for_itself(found: list[Log], seed: int) -> None:
    """1, 2, 3 in each partition, a number for each gap."""
    counted: dict[Any, int] = dict.fromkeys(range(len(found)), 0)
    for item in read(fresh("50"), found, Random(seed), 10**6):
        partition = item.partition if isinstance(item, Gap) else item["partition"]
        counted[partition] += 1
        assert isinstance(item, Gap) or int(item["sequence"]) == counted[partition]


@given(logs())
def test_the_country_has_the_publishers_numbers(found: list[Log]) -> None:
    """So that a subscriber may go on in Kafka."""
    for item in read(fresh(""), found, Random(1), 10**6):
        if not isinstance(item, Gap):
            assert item["id"] == f"{item['partition']}-{int(item['sequence'])}"


@pytest.mark.parametrize("area", ["", "50"])
def test_begun_in_the_middle_nothing_is_missing(area: str) -> None:
    """What came before is not this feed's business; what is missing later is."""
    records = [record(0, n, 10 * n + 10, 10 * n or None, "500101", None) for n in range(6)]
    position = fresh(area)
    position.topic_id = "t"
    position.places = [Place(3, ANYTHING), Place()]
    told = [item for item in Feed(TOPIC, position).take(records[3:5]) if not isinstance(item, Gap)]
    assert [msgspec.json.decode(event)["previous"] == "-" for event in told] == [True, False]
    del records[5]
    (gap, _) = Feed(TOPIC, position).take([record(0, 5, 70, 60, "500101", None)])
    assert gap == Gap(Reason.EVENTS_MISSING, 0)


@pytest.mark.parametrize(
    "headers",
    [
        lambda given: given[::-1],
        lambda given: [*given, ("traceparent", b"\xff")],
        lambda given: [(n, b'quo"te\\' if n == "ce_subject" else v) for n, v in given],
        lambda given: [(n, "ไทย".encode() if n == "ce_id" else v) for n, v in given],
        lambda given: [(n, b"2022-02-07T07:00:00+07:00" if n == "ce_time" else v) for n, v in given],
        lambda given: [(n, b"urn:other" if n == "ce_dataschema" else v) for n, v in given],
    ],
)
def test_headers_that_are_written_otherwise_say_the_same(headers: Any) -> None:
    """The short way through is only for what needs no second look."""
    given = HEADERS.write("id", "subject", NOW, 5, 4)
    one = record(0, 0, 5, 4, "500101", None)
    other = ConsumerRecord(
        **{**{n: getattr(one, n) for n in one.__dataclass_fields__}, "headers": tuple(headers(given))}
    )
    written = EventWriter(TOPIC).write(other, 1, 5, 4)
    assert written is not None
    event = msgspec.json.decode(written)
    values = dict(headers(given))
    assert event["id"] == values["ce_id"].decode()
    assert event["subject"] == values["ce_subject"].decode()
    assert event["dataschema"] == values["ce_dataschema"].decode()
    assert datetime.fromisoformat(event["time"]) == NOW
    assert event["data"] == {"area": "500101", "before": None}


@pytest.mark.parametrize("missing", ["ce_id", "ce_type", "ce_time", "content-type"])
def test_headers_of_no_event_make_none(missing: str) -> None:
    """What lacks what every event has."""
    one = record(0, 0, 5, 4, "500101", None)
    for value in ("without", None, b""):
        headers = [(n, value if n == missing else v) for n, v in one.headers if n != missing or value != "without"]
        fields = {n: getattr(one, n) for n in one.__dataclass_fields__} | {"headers": tuple(headers)}
        assert EventWriter(TOPIC).write(ConsumerRecord(**fields), 1, 5, 4) is None
