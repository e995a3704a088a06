"""Whatever stands in a record, a body or a header: each reader gives what it promises or its one error, and soon.

What is read is a good example that was changed in some place, random bytes, and what has broken readers elsewhere.
"""

import json
import time
import tracemalloc
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.projector import FiguresProjection
from services.reporting.streams.written import places_of
from services.reporting.webhooks.sender import is_answer
from services.survey.openrosa.reading import read_form
from services.survey.reach.follow_up import read_follow_up, read_follow_up_id, read_follow_ups
from services.survey.records import decode, encode
from services.survey.submission import Unreadable, read_batch, read_id, read_submission
from shared.contracts.envelope import EnvelopeError, chain_place, from_headers, to_headers
from shared.contracts.golden import examples
from shared.contracts.topics import PUBLIC, Topic
from shared.kafka.projection import PoisonRecord, read_body
from shared.security.tokens import InvalidToken, unverified
from shared.web.problems import Problem
from tests.integration.survey.openrosa.forms import filled
from tests.unit.survey.test_records import RECORD
from tests.unit.survey.test_submission import GOOD as SUBMISSION

LARGEST: Final = 1 << 20
"""Bytes: as much as Kafka takes of one record; bodies of phones are smaller."""
SECONDS: Final = 5.0
"""Of the processor, for one of the largest, while memory is watched, which makes it several times slower."""
MOST_MEMORY: Final = 128 * LARGEST
"""Measured are 90 times a record of 65,000 fields that nobody knows."""


@dataclass(frozen=True)
class Reader:
    """What reads, good examples of what it reads, and its one error; none where it answers that it cannot."""

    read: Callable[[bytes], object]
    good: tuple[bytes, ...]
    error: type[Exception] | None = None


GOLDEN: Final = tuple(examples())
BODIES: Final = tuple(example.event.model_dump_json().encode() for example in GOLDEN)
FOLLOW_UP: Final = {
    "follow_up_id": "0190b1c2-0000-7000-8000-000000000001",
    "captured_at": "2022-01-15T09:30:00+07:00",
    "household_id": "50010100-0000-8000-8000-000000000001",
    "person_id": "0190b1c2-0000-7000-8000-000000000002",
    "outcome": "no_answer",
    "contact": "visit",
}


def projected(topic: Topic) -> Reader:
    """How the projector reads the events of a topic."""
    decoder, kind = FiguresProjection().decoders[topic.name], (topic.event_type or "").encode()
    good = tuple(body for example, body in zip(GOLDEN, BODIES, strict=True) if example.topic == topic)
    return Reader(lambda body: read_body(decoder, kind, kind, body), good, PoisonRecord)


def as_json(document: object) -> tuple[bytes]:
    """A document, alone."""
    return (json.dumps(document).encode(),)


def token(body: bytes) -> str:
    """A token that nobody has signed."""
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"ES256","kid":"k"}', body, b"s"))


READERS: Final[Mapping[str, Reader]] = {
    **{f"projector: {topic.name}": projected(topic) for topic in PUBLIC},
    "record of survey-intake": Reader(decode, (encode(RECORD),), ValueError),
    "place of an event in a stream": Reader(places_of, BODIES),
    "submission": Reader(read_submission, as_json(SUBMISSION), Unreadable),
    "id of a submission": Reader(read_id, as_json(SUBMISSION)),
    "batch of submissions": Reader(read_batch, as_json({"submissions": [SUBMISSION]}), Unreadable),
    "follow-up": Reader(read_follow_up, as_json(FOLLOW_UP), Unreadable),
    "id of a follow-up": Reader(read_follow_up_id, as_json(FOLLOW_UP)),
    "batch of follow-ups": Reader(read_follow_ups, as_json({"follow_ups": [FOLLOW_UP]}), Unreadable),
    "filled form": Reader(read_form, (filled(),), Problem),
    "answer to a webhook's challenge": Reader(lambda body: is_answer(body, "c"), as_json({"challenge": "c"})),
    "claims of a token": Reader(lambda body: unverified(token(body)), as_json({"sub": "s"}), InvalidToken),
}
DEPTH: Final = LARGEST // 16
HOSTILE: Final = (
    b"",
    b"\0",
    b"\xff\xfe",
    b"[" * DEPTH,
    b'{"unknown":' + b"[" * DEPTH + b"]" * DEPTH + b"}",
    b'{"unknown":' * DEPTH + b"1" + b"}" * DEPTH,
    b'{"revision":' + b"9" * (LARGEST // 2) + b"}",
    b'{"revision":1e999999999}',
    b'{"area":"' + "ก".encode() * (LARGEST // 4) + b'"}',
    b'{"area":"\\ud800"}',
    b'{"flags":[' + b"0," * (LARGEST // 4) + b"0]}",
    b"{" + b",".join(b'"a%d":0' % number for number in range(LARGEST // 16)) + b"}",
    b"\x91" * LARGEST,  # msgpack: lists in lists,
    b"\x81\xa1x" * (LARGEST // 4),  # maps in maps,
    b"\xdd\xff\xff\xff\xff",  # and lengths that never come
    b"\xdc\x00\x0e" + b"\x91" * LARGEST,
    b"<data>" * DEPTH,
    b'<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "' + b"&a;" * 1000 + b'">]><data>' + b"&b;" * 1000 + b"</data>",
    b"<data " + b" ".join(b'a%d="0"' % number for number in range(LARGEST // 16)) + b"/>",
)
"""What has broken readers elsewhere: depth, numbers, lengths, entities."""
VALUES: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        *(None, True, -1, 2**31, 2**63, 10**400, 1e308),
        *("", "\0", "๙" * 400, "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", "-1"),
        *([], [[]], {}, {"a": 1}),
    ]
)
"""What stands where something else belongs."""


@st.composite
def damaged(draw: st.DrawFn, good: tuple[bytes, ...]) -> bytes:
    """A good example with one value exchanged, with some bytes changed, or bytes without an example."""
    example = draw(st.sampled_from(good))
    how = draw(st.integers(0, 3))
    if how == 0:
        return draw(st.binary(max_size=400))
    if how == 1 and example.startswith(b"{"):
        return json.dumps(exchanged(draw, json.loads(example))).encode()
    at = draw(st.integers(0, len(example)))
    return example[:at] + draw(st.binary(max_size=8)) + example[at + draw(st.integers(0, 8)) :]


def exchanged(draw: st.DrawFn, document: Any) -> Any:
    """The document with one value in it, at any depth, exchanged or gone."""
    if not document or not isinstance(document, dict | list) or not draw(st.integers(0, 3)):
        return draw(VALUES)
    key: Any = draw(st.sampled_from(sorted(document) if isinstance(document, dict) else range(len(document))))
    document[key] = exchanged(draw, document[key])
    return document


def tried(reader: Reader, body: bytes) -> None:
    """Reads; any error but the reader's own goes through."""
    with suppress(*([reader.error] if reader.error else [])):
        reader.read(body)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_takes_what_is_good_and_has_one_error_for_all_else(name: str) -> None:
    reader = READERS[name]
    for body in reader.good:
        reader.read(body)

    @settings(max_examples=100, derandomize=True, database=None, deadline=1_000)
    @given(damaged(reader.good))
    def reads(body: bytes) -> None:
        tried(reader, body)

    reads()


@pytest.mark.parametrize("name", READERS)
def test_what_has_broken_readers_elsewhere_costs_neither_time_nor_memory(name: str) -> None:
    for body in HOSTILE:
        begun = time.process_time()
        tracemalloc.start()
        try:
            tried(READERS[name], body)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert most < MOST_MEMORY, (body[:40], most)
        assert time.process_time() - begun < SECONDS, body[:40]


HEADERS: Final = [header for example in GOLDEN[:3] for header in to_headers(example.envelope)]


@settings(max_examples=300, derandomize=True, database=None, deadline=1_000)
@given(
    st.lists(
        st.sampled_from(HEADERS)
        | st.tuples(
            st.sampled_from([name for name, _ in HEADERS]) | st.text(max_size=9), st.none() | st.binary(max_size=40)
        ),
        max_size=14,
    )
)
def test_headers_are_an_envelope_or_none_and_a_place_in_the_chain_or_none(
    headers: list[tuple[str, bytes | None]],
) -> None:
    place = chain_place(headers)
    try:
        envelope = from_headers(headers)
    except EnvelopeError:
        return
    assert place == (envelope.sequence, envelope.previous, envelope.type.encode())
