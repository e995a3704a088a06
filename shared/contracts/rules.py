"""The rules of the envelope as data, with examples that hold the code to them: what a schema of bodies cannot say.

A subscriber builds on what `sequence`, `previous` and the partition of a key mean as much as on the fields of a body.
So these rules are published as the schemas are, and held against all earlier publications in two ways:

1. What a rule states (forms, limits, conditions, who shares a partition) stays as it was; only its wording, `says`, may
   change, and a rule or a topic may be added.
2. Every example that was ever published still comes out as it said then, by the code of now: verdicts of
   `chain.judge`, headers that are written and read or refused, partitions of keys.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import Envelope, EnvelopeError, Headers, chain_place, from_headers, to_headers
from shared.contracts.topics import NUMBERS_OF_PARTITIONS, PUBLIC

Rules = Mapping[str, Any]

_LARGEST: Final = 2**63 - 1
_EPOCH: Final = 10**15
_KEYS: Final = ("50010100-5f1c-8b32-9a6e-0d4b7c21e3aa", "50010199-0000-8000-8000-00000000000f", "100101")


def _partition(topic: str, key: str, of: int | None = None) -> int | None:
    """of: how many partitions there are; None: as many as the topic is made with."""
    found = next((each for each in PUBLIC if each.name == topic), None)
    if found is None:
        return None
    return (found if of is None else replace(found, partitions=of)).partition_of(key)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the code makes of an event's numbers; the examples are held against it."""

    judge: Callable[[int | None, int, int | None], Verdict] = judge
    write: Callable[[Envelope], list[tuple[str, bytes]]] = to_headers
    read: Callable[[Headers], Envelope] = from_headers
    place: Callable[[Headers], tuple[int, int | None, bytes | None] | None] = chain_place
    partition: Callable[[str, str, int | None], int | None] = _partition


def rules() -> dict[str, Any]:
    """The rules as they are now, each with its wording and what it states, and the examples."""
    return {
        "sequence": {
            "says": "Strictly increases within the partition of its topic. It has holes; only `ce_previous` tells "
            "whether something is missing. Partitions and topics share no order. A topic that was made anew goes on "
            "above all sequences of the old one.",
            "header": "ce_sequence",
            "form": "^[0-9]{20}$",
            "unique_in": ["topic", "partition"],
            "order": "strictly increasing",
            "holes": True,
            "largest": _LARGEST,
        },
        "previous": {
            "says": "The sequence of the event that was published before this one in the same partition. `-` for the "
            "first there ever was alone: the first of a topic that was made anew names the last of the old one.",
            "header": "ce_previous",
            "form": "^([0-9]{20}|-)$",
            "first": "-",
            "names": "the event before in the partition",
            "below": "ce_sequence",
        },
        "judging": {
            "says": "By the last sequence that was applied in the partition: a repetition is dropped; at a gap the "
            "partition stops and nothing is passed over; otherwise the event is applied, and its sequence becomes the "
            "last, in the transaction of its effects.",
            "in_order": [
                {"when": "sequence <= last", "verdict": "repetition"},
                {"when": "previous > last, or a previous and no last", "verdict": "gap"},
                {"when": "otherwise", "verdict": "apply"},
            ],
        },
        "partition": {
            "says": "CRC-32 of the key's first characters (null: all of the key), as UTF-8, modulo the topic's number "
            "of partitions, which is stated as it is when the topic is made. While a topic has a number, all events of "
            "a key are in one partition, in the order in which they were recorded.",
            "hash": "crc32",
            "characters": {topic.name: topic.deciding for topic in PUBLIC},
            "partitions": {topic.name: topic.partitions for topic in PUBLIC},
        },
        "growth": {
            "says": "A topic named here may be given more partitions, announced before; it never has fewer. A new "
            "partition is a stream like any other: it has to be read from its beginning, and its first event has no "
            "previous. Nothing that was published moves. A key's later events may be in a new partition, and for a "
            "while in both; partitions share no order, so that who keeps a state takes the event of the higher "
            "revision, and who sums up differences need not do anything.",
            "topics": {topic.name: list(NUMBERS_OF_PARTITIONS) for topic in PUBLIC if topic.grows},
            "fewer": False,
            "begins": "at the beginning, with the first previous",
            "order_of_a_key": "revision",
        },
        "key": {"says": "The record's key is the event's subject.", "is": "ce_subject"},
        "event": {
            "says": "CloudEvents 1.0 in Kafka's binary mode, with a JSON body in UTF-8.",
            "specversion": "1.0",
            "mode": "binary",
            "content-type": "application/json",
            "types": {topic.name: topic.event_type for topic in PUBLIC},
            "sources": {topic.name: topic.source for topic in PUBLIC},
            "dataschemas": {topic.name: topic.dataschema for topic in PUBLIC},
        },
        "delivery": {
            "says": "At least once. A stretch of events may come again, with the same bytes; apart from that they "
            "come in order within a partition. By the rule above each counts exactly once.",
            "at_least_once": True,
            "history": "everything, from the first event",
        },
        "examples": {
            "judged": [
                _judged(None, 1, None, "the first event of a partition"),
                _judged(None, 5, 4, "begun in the middle: what came before is missing"),
                _judged(4, 5, 4, "the next"),
                _judged(4, 9, 4, "the next, after a hole in the sequence"),
                _judged(4, 4, 3, "the same again"),
                _judged(4, 2, 1, "an older one again"),
                _judged(4, 1, None, "the very first again"),
                _judged(4, 6, 5, "one between is missing"),
                _judged(5, 9, 4, "behind foreign matter that took a place in the chain"),
                _judged(41, _EPOCH, 41, "the first of a topic that was made anew"),
                _judged(40, _EPOCH, 41, "the same, and the last of the old topic is missing"),
                _judged(_EPOCH, 42, 41, "of the old topic again"),
            ],
            "chains": [
                _chain("in order, with holes", [(3, None), (5, 3), (9, 5), (10, 9)]),
                _chain("a stretch again, as after a take-over", [(3, None), (5, 3), (9, 5), (5, 3), (9, 5), (10, 9)]),
                _chain("from the beginning again", [(3, None), (5, 3), (3, None), (5, 3), (9, 5)]),
                _chain("one lost", [(3, None), (9, 5), (10, 9)]),
                _chain("one lost, and published again", [(3, None), (9, 5), (5, 3), (9, 5), (10, 9)]),
                _chain("a new epoch", [(41, None), (_EPOCH, 41), (_EPOCH + 2, _EPOCH)]),
                _chain("the first of a new epoch lost", [(41, None), (_EPOCH + 2, _EPOCH)]),
            ],
            "headers": [
                _written(1, None),
                _written(5, 4),
                _written(_EPOCH + 12_345, _EPOCH),
                _written(_LARGEST, _LARGEST - 1),
            ],
            "refused": [
                _refused("sequence not padded", "1", "-"),
                _refused("sequence with a sign", "+0000000000000000001", "-"),
                _refused("sequence above the largest", "09223372036854775808", "-"),
                _refused("previous empty", f"{5:020}", ""),
                _refused("previous zero instead of none", f"{5:020}", "0"),
                _refused("previous is the sequence itself", f"{5:020}", f"{5:020}"),
                _refused("previous above the sequence", f"{5:020}", f"{6:020}"),
            ],
            "partitions": [
                {"topic": topic.name, "key": key, "partition": topic.partition_of(key)}
                for topic in PUBLIC
                for key in _KEYS
            ],
            "grown": [
                {"topic": topic.name, "key": key, "of": number, "partition": _partition(topic.name, key, number)}
                for topic in PUBLIC
                if topic.grows
                for number in NUMBERS_OF_PARTITIONS
                for key in _KEYS
            ],
        },
    }


def breaks(current: Rules, earlier: Sequence[Rules], meaning: Meaning | None = None) -> list[str]:
    """Hold the rules, and the code by the examples, against all publications; return one line for each break."""
    found: list[str] = []
    meaning = meaning or Meaning()
    for number, before in enumerate(earlier, start=1):
        changed = [*_changed(before, current), *failures(before, meaning)]
        found += [f"rules, against publication {number}: {each}" for each in changed]
    return found + [f"rules: {each}" for each in failures(current, meaning)]


def failures(told: Rules, meaning: Meaning) -> Iterator[str]:
    """The examples that do not come out as they say."""
    examples = told["examples"]
    for case in examples["judged"]:
        found = meaning.judge(case["last"], case["sequence"], case["previous"])
        if found.value != case["verdict"]:
            yield f"judging {case['name']}: was {case['verdict']} and is {found.value}"
    for case in examples["chains"]:
        verdicts = _walk([(each["sequence"], each["previous"]) for each in case["events"]], meaning.judge)
        wanted = [each["verdict"] for each in case["events"]]
        if verdicts != wanted:
            yield f"chain, {case['name']}: was {wanted} and is {verdicts}"
    for case in examples["headers"]:
        yield from _header_failures(case, meaning)
    for case in examples["refused"]:
        headers = _with_numbers(case["ce_sequence"].encode(), case["ce_previous"].encode())
        if meaning.place(headers) is not None or _reads(headers, meaning):
            yield f"headers, {case['name']}: were refused and are read"
    for case in examples["partitions"]:
        found_in = meaning.partition(case["topic"], case["key"], None)
        if found_in != case["partition"]:
            yield f"partition of {case['key']} in {case['topic']}: was {case['partition']} and is {found_in}"
    for case in examples.get("grown", ()):  # not in what was published before topics could grow
        found_in = meaning.partition(case["topic"], case["key"], case["of"])
        if found_in != case["partition"]:
            of = f"{case['of']} partitions of {case['topic']}"
            yield f"partition of {case['key']} among {of}: was {case['partition']} and is {found_in}"


def _header_failures(case: Mapping[str, Any], meaning: Meaning) -> Iterator[str]:
    sequence, previous = case["sequence"], case["previous"]
    told = {name: case[name].encode() for name in ("ce_sequence", "ce_previous")}
    written = dict(meaning.write(_envelope(sequence, previous)))
    if any(written.get(name) != value for name, value in told.items()):
        yield f"headers of {sequence} after {previous}: written in another way"
    headers = _with_numbers(told["ce_sequence"], told["ce_previous"])
    place = meaning.place(headers)
    if place is None or place[:2] != (sequence, previous) or not _reads(headers, meaning, (sequence, previous)):
        yield f"headers of {sequence} after {previous}: read in another way"


def _reads(headers: list[tuple[str, bytes]], meaning: Meaning, wanted: tuple[int, int | None] | None = None) -> bool:
    try:
        envelope = meaning.read(headers)
    except EnvelopeError:
        return False
    return wanted is None or (envelope.sequence, envelope.previous) == wanted


def _changed(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """What was stated and is no longer, or otherwise. More may be stated; wording and examples are not compared."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, value in before.items():
            if name in ("says", "examples"):
                continue
            if name not in after:
                yield f"{path}/{name}: removed"
            else:
                yield from _changed(value, after[name], f"{path}/{name}")
    elif before != after:
        yield f"{path}: was {_shown(before)} and is {_shown(after)}"


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _judged(last: int | None, sequence: int, previous: int | None, name: str) -> dict[str, Any]:
    verdict = judge(last, sequence, previous).value
    return {"name": name, "last": last, "sequence": sequence, "previous": previous, "verdict": verdict}


def _chain(name: str, links: Sequence[tuple[int, int | None]]) -> dict[str, Any]:
    events = [
        {"sequence": sequence, "previous": previous, "verdict": verdict}
        for (sequence, previous), verdict in zip(links, _walk(links, judge), strict=True)
    ]
    return {"name": name, "events": events}


def _walk(
    links: Sequence[tuple[int, int | None]], judging: Callable[[int | None, int, int | None], Verdict]
) -> list[str]:
    """The verdicts of one partition's reader: what lies behind a gap moves nothing."""
    last: int | None = None
    verdicts: list[str] = []
    for sequence, previous in links:
        verdict = judging(last, sequence, previous)
        verdicts.append(verdict.value)
        if verdict is Verdict.APPLY:
            last = sequence
    return verdicts


def _written(sequence: int, previous: int | None) -> dict[str, Any]:
    headers = dict(to_headers(_envelope(sequence, previous)))
    told = {name: headers[name].decode() for name in ("ce_sequence", "ce_previous")}
    return {"sequence": sequence, "previous": previous, **told}


def _refused(name: str, sequence: str, previous: str) -> dict[str, Any]:
    return {"name": name, "ce_sequence": sequence, "ce_previous": previous}


def _envelope(sequence: int, previous: int | None) -> Envelope:
    topic = PUBLIC[0]
    return Envelope(
        id="example",
        source=topic.source or "",
        type=topic.event_type or "",
        subject="example",
        time=datetime(2022, 1, 15, tzinfo=UTC),
        sequence=sequence,
        previous=previous,
        dataschema=topic.dataschema or "",
    )


def _with_numbers(sequence: bytes, previous: bytes) -> list[tuple[str, bytes]]:
    numbers = {"ce_sequence": sequence, "ce_previous": previous}
    return [(name, numbers.get(name, value)) for name, value in to_headers(_envelope(2, 1))]
