"""The envelope of a public event: CloudEvents 1.0 in Kafka's binary mode, with the two numbers of the sequence rule.

| header | holds |
|---|---|
| `ce_sequence` | 20 digits, zero padded, so that it sorts as text; strictly increasing within the partition |
| `ce_previous` | the sequence before it in the partition, 20 digits; `-` for the first |
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Final

_NO_PREVIOUS: Final = b"-"
_DIGITS: Final = 20
_LARGEST: Final = 2**63 - 1  # positions hold sequences in PostgreSQL's bigint
_CONTENT_TYPE: Final = "application/json"
_NAMES: Final = (
    "ce_specversion",
    "ce_id",
    "ce_source",
    "ce_type",
    "ce_subject",
    "ce_time",
    "ce_dataschema",
    "ce_sequence",
    "ce_previous",
    "content-type",
)
"""As `HeaderWriter` writes them."""
_name: Final = itemgetter(0)
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)

Headers = Iterable[tuple[str, bytes | None]]
"""Kafka's headers as the clients give them: a name may come twice, a value may be missing or not be UTF-8."""


class EnvelopeError(ValueError):
    """The headers are not those of a public event; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is said about an event beside its body. `subject` is the entity's id and also the record's key."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    previous: int | None
    dataschema: str


class HeaderWriter:
    """Writes the headers of events of one kind; what they share is written once."""

    def __init__(self, source: str, type: str, dataschema: str) -> None:  # noqa: A002 - CloudEvents' own word
        self._version = ("ce_specversion", b"1.0")
        self._source = ("ce_source", source.encode())
        self._type = ("ce_type", type.encode())
        self._dataschema = ("ce_dataschema", dataschema.encode())
        self._content_type = ("content-type", _CONTENT_TYPE.encode())
        self._time: datetime | None = None
        self._time_header = ("ce_time", b"")

    def write(
        self,
        event_id: str,
        subject: str,
        time: datetime,
        sequence: int,
        previous: int | None,
    ) -> list[tuple[str, bytes]]:
        """The headers of one event. The same event always gives the same bytes."""
        if time != self._time:  # a batch's events were recorded at one moment
            self._time = time
            self._time_header = ("ce_time", time.astimezone(UTC).isoformat().replace("+00:00", "Z").encode())
        return [
            self._version,
            ("ce_id", event_id.encode()),
            self._source,
            self._type,
            ("ce_subject", subject.encode()),
            self._time_header,
            self._dataschema,
            ("ce_sequence", b"%020d" % sequence),
            ("ce_previous", _NO_PREVIOUS if previous is None else b"%020d" % previous),
            self._content_type,
        ]


def to_headers(envelope: Envelope) -> list[tuple[str, bytes]]:
    """Write the record's headers. The same envelope always gives the same bytes."""
    writer = HeaderWriter(envelope.source, envelope.type, envelope.dataschema)
    return writer.write(envelope.id, envelope.subject, envelope.time, envelope.sequence, envelope.previous)


def from_headers(headers: Headers) -> Envelope:
    """Read a record's headers; raise `EnvelopeError` when they are not those of a public event.

    Headers that the contract does not name are ignored, whatever they hold.
    """
    found = _contract_headers(headers)
    version = _text(found, "ce_specversion")
    if version != "1.0":
        raise EnvelopeError(f"ce_specversion is {version!r}, not 1.0")
    content_type = _text(found, "content-type")
    if content_type.partition(";")[0].strip().lower() != _CONTENT_TYPE:
        raise EnvelopeError(f"content-type is {content_type!r}, not {_CONTENT_TYPE}")
    sequence = _number("ce_sequence", _required(found, "ce_sequence"))
    previous = _previous(_required(found, "ce_previous"))
    if previous is not None and previous >= sequence:
        raise EnvelopeError(f"ce_previous {previous} is not below ce_sequence {sequence}")
    return Envelope(
        id=_text(found, "ce_id"),
        source=_text(found, "ce_source"),
        type=_text(found, "ce_type"),
        subject=_text(found, "ce_subject"),
        time=_time(_text(found, "ce_time")),
        sequence=sequence,
        previous=previous,
        dataschema=_text(found, "ce_dataschema"),
    )


def chain_place(headers: Headers) -> tuple[int, int | None, bytes | None] | None:
    """Read just (sequence, previous, type), or None: a poison record that has the numbers takes its place in the chain.
    The type is None unless it is told once.

    Never raises: this is asked exactly when the rest of the record is damaged.
    """
    headers = tuple(headers)
    if tuple(map(_name, headers)) == _NAMES:  # nearly always: nothing has to be looked for, and no name comes twice
        kind, told, told_before = headers[3][1], headers[7][1], headers[8][1]
    else:
        kind, told, told_before = (_told_once(headers, name) for name in ("ce_type", "ce_sequence", "ce_previous"))
    if told is None or told_before is None:
        return None
    try:
        sequence, previous = _number("ce_sequence", told), _previous(told_before)
    except EnvelopeError:
        return None
    return None if previous is not None and previous >= sequence else (sequence, previous, kind)


def _told_once(headers: tuple[tuple[str, bytes | None], ...], name: str) -> bytes | None:
    values = [value for each, value in headers if each == name]
    return values[0] if len(values) == 1 else None


def _contract_headers(headers: Headers) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, value in headers:
        if name.startswith("ce_") or name == "content-type":
            if name in found:
                raise EnvelopeError(f"{name} comes twice")
            if value is not None:
                found[name] = value
    return found


def _required(found: dict[str, bytes], name: str) -> bytes:
    try:
        return found[name]
    except KeyError:
        raise EnvelopeError(f"{name} is missing") from None


def _text(found: dict[str, bytes], name: str) -> str:
    try:
        text = _required(found, name).decode()
    except UnicodeDecodeError as error:
        raise EnvelopeError(f"{name} is not UTF-8: {error.reason} at byte {error.start}") from None
    if not text:
        raise EnvelopeError(f"{name} is empty")
    return text


def _number(name: str, value: bytes) -> int:
    if len(value) != _DIGITS or not value.isdigit():
        raise EnvelopeError(f"{name} is not {_DIGITS} digits: {value[:40]!r}")
    number = int(value)
    if number > _LARGEST:
        raise EnvelopeError(f"{name} is larger than {_LARGEST}")
    return number


def _previous(value: bytes) -> int | None:
    return None if value == _NO_PREVIOUS else _number("ce_previous", value)


def _time(text: str) -> datetime:
    if not _RFC_3339.fullmatch(text):
        raise EnvelopeError(f"ce_time is not an RFC 3339 time: {text[:40]!r}")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise EnvelopeError(f"ce_time is not a time: {error}") from None
