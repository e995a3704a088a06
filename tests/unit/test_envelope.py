"""The envelope: written and read back, and clear about what is wrong with it."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.envelope import Envelope, EnvelopeError, chain_place, from_headers, to_headers
from shared.observability.tracing import EVENT_HEADER

ENVELOPE = Envelope(
    id="f232474e-3798-5382-be79-805df1d35e22",
    source="/jitasa/survey",
    type="care.jitasa.survey-submitted.v1",
    subject="e9902014-81c7-5c1f-9513-cae89e7295ab",
    time=datetime(2022, 1, 15, 2, 30, 0, 250_000, tzinfo=UTC),
    sequence=1_000_000_000_000_042,
    previous=1_000_000_000_000_040,
    dataschema="urn:jitasa:schema:survey-submitted:v1",
)

LARGEST = 2**63 - 1

texts = st.text(st.characters(codec="utf-8"), min_size=1)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones)
VALUES = st.none() | st.binary() | st.integers(0, 10**20 - 1).map(lambda number: b"%020d" % number) | st.just(b"-")
any_headers = st.lists(st.tuples(st.sampled_from([name for name, _ in to_headers(ENVELOPE)]) | st.text(), VALUES))


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    sequence = draw(st.integers(0, LARGEST))
    previous = draw(st.none() | st.integers(0, sequence - 1)) if sequence else None
    return Envelope(draw(texts), draw(texts), draw(texts), draw(texts), draw(times), sequence, previous, draw(texts))


def changed(name: str, value: bytes | None) -> list[tuple[str, bytes | None]]:
    """The good headers with one of them replaced."""
    return [(each, value if each == name else good) for each, good in to_headers(ENVELOPE)]


@given(envelopes(), any_headers)
def test_reads_back_what_it_wrote_beside_foreign_headers(
    envelope: Envelope, others: list[tuple[str, bytes | None]]
) -> None:
    known = {name for name, _ in to_headers(envelope)}
    foreign = [(name, value) for name, value in others if name not in known and not name.startswith("ce_")]
    headers = [*foreign, *to_headers(envelope)]
    assert from_headers(headers) == envelope
    assert chain_place(headers) == (envelope.sequence, envelope.previous, envelope.type.encode())


def test_an_extension_of_cloudevents_is_no_part_of_the_envelope() -> None:
    """Such as that for distributed tracing, which few events carry (`shared.observability.tracing`)."""
    headers = [*to_headers(ENVELOPE), (EVENT_HEADER, b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    assert from_headers(headers) == ENVELOPE
    assert chain_place(headers) == (ENVELOPE.sequence, ENVELOPE.previous, ENVELOPE.type.encode())


@given(any_headers)
def test_refuses_any_headers_by_its_own_error_only(headers: list[tuple[str, bytes | None]]) -> None:
    chain_place(headers)
    with pytest.raises(EnvelopeError):
        from_headers(headers)


@given(st.lists(VALUES, min_size=10, max_size=10), st.randoms(use_true_random=False), any_headers)
def test_a_place_in_the_chain_depends_on_no_order(
    values: list[bytes | None], random: Random, others: list[tuple[str, bytes | None]]
) -> None:
    """Headers that come as they are written are read by their places, all others by their names."""
    headers = [(name, value) for (name, _), value in zip(to_headers(ENVELOPE), values, strict=True)]
    shuffled = headers.copy()
    random.shuffle(shuffled)
    known = {"ce_type", "ce_sequence", "ce_previous"}
    foreign = [(name, value) for name, value in others if name not in known]
    assert chain_place(headers) == chain_place(shuffled) == chain_place([*foreign, *headers])


def test_a_type_that_is_told_twice_is_none() -> None:
    headers = to_headers(ENVELOPE)
    assert chain_place([*headers, headers[3]]) == (ENVELOPE.sequence, ENVELOPE.previous, None)


def test_writes_numbers_that_sort_as_text_and_utc() -> None:
    headers = dict(to_headers(ENVELOPE))
    assert headers["ce_sequence"] == b"00001000000000000042"
    assert headers["ce_previous"] == b"00001000000000000040"
    assert headers["ce_time"] == b"2022-01-15T02:30:00.250000Z"
    assert headers["ce_specversion"] == b"1.0"
    assert headers["content-type"] == b"application/json"


def test_writes_a_dash_where_nothing_comes_before() -> None:
    first = Envelope("1", "/s", "t", "k", ENVELOPE.time, 7, None, "urn:x")
    assert dict(to_headers(first))["ce_previous"] == b"-"
    assert from_headers(to_headers(first)).previous is None


def test_takes_a_time_of_any_zone_and_a_charset() -> None:
    headers = [(name, value) for name, value in changed("ce_time", b"2022-01-15T09:30:00.25+07:00")]
    headers = [(n, b"application/json; charset=utf-8" if n == "content-type" else v) for n, v in headers]
    assert from_headers(headers) == ENVELOPE


@pytest.mark.parametrize("name", [name for name, _ in to_headers(ENVELOPE)])
@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"nonsense\x00"])
def test_names_the_header_that_is_wrong(name: str, value: bytes | None) -> None:
    # Free text that is readable is not wrong: only the numbers, the time and the fixed values have a form.
    if value == b"nonsense\x00" and name in {"ce_id", "ce_source", "ce_type", "ce_subject", "ce_dataschema"}:
        return
    with pytest.raises(EnvelopeError, match=name):
        from_headers(changed(name, value))


@pytest.mark.parametrize("name", [name for name, _ in to_headers(ENVELOPE)])
def test_refuses_a_header_that_is_missing_or_comes_twice(name: str) -> None:
    good = to_headers(ENVELOPE)
    with pytest.raises(EnvelopeError, match=f"{name} is missing"):
        from_headers([header for header in good if header[0] != name])
    with pytest.raises(EnvelopeError, match=f"{name} comes twice"):
        from_headers([*good, (name, b"1")])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_sequence", b"42"),
        ("ce_sequence", b"-0000000000000000042"),
        ("ce_sequence", "๐๐๐๐๐๐๐๐๐๐๐๐๐๐๐๐๐๐๔๒".encode()),
        ("ce_sequence", b"%020d" % (LARGEST + 1)),
        ("ce_sequence", dict(to_headers(ENVELOPE))["ce_previous"]),
        ("ce_previous", b"%020d" % ENVELOPE.sequence),
        ("ce_previous", b"none"),
        ("ce_previous", b"\xff"),
    ],
)
def test_numbers_out_of_form_are_refused_and_take_no_place_in_the_chain(name: str, value: bytes) -> None:
    with pytest.raises(EnvelopeError, match=name):
        from_headers(changed(name, value))
    assert chain_place(changed(name, value)) is None


@pytest.mark.parametrize(
    "value", [b"2022-01-15", b"2022-01-15T09:30:00", b"20220115T093000Z", b"2022-02-30T00:00:00Z", b"1642213800"]
)
def test_refuses_a_time_without_zone_or_form(value: bytes) -> None:
    with pytest.raises(EnvelopeError, match="ce_time"):
        from_headers(changed("ce_time", value))


def test_a_damaged_record_keeps_its_place_in_the_chain() -> None:
    damaged = [("ce_id", b"\xff"), ("ce_time", None), ("", b""), ("ce_sequence", b"%020d" % 9), ("ce_previous", b"-")]
    assert chain_place(damaged) == (9, None, None)
    with pytest.raises(EnvelopeError):
        from_headers(damaged)


@pytest.mark.parametrize("missing", ["ce_sequence", "ce_previous"])
def test_without_both_numbers_there_is_no_place_in_the_chain(missing: str) -> None:
    assert chain_place([header for header in to_headers(ENVELOPE) if header[0] != missing]) is None
    assert chain_place([*to_headers(ENVELOPE), (missing, b"%020d" % 1)]) is None
    assert chain_place(changed(missing, None)) is None
