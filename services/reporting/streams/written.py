"""Events as a subscriber gets them: CloudEvents 1.0 in JSON, the body as the very bytes that lie in Kafka.

| attribute | holds |
|---|---|
| `id`, `source`, `type`, `subject`, `time`, `dataschema` | what the event's publisher wrote |
| `sequence`, `previous` | the sequence rule's two numbers in this feed (`feed.py`), 20 digits; `-`: none before |
| `partition` | in which of the stream's partitions they hold |
| `number` | 1, 2, 3 and so on through the whole feed, 20 digits |

What the feed itself says comes as a CloudEvent too, so that whoever reads CloudEvents reads all of it.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec
from aiokafka.structs import ConsumerRecord

from shared.contracts.envelope import Envelope, EnvelopeError, from_headers
from shared.contracts.topics import Topic

NO_PREVIOUS: Final = b"-"
_PLAIN: Final = re.compile(rb"[0-9A-Za-z:.+ _-]+")
"""Nothing that JSON would have to escape."""
_ORDINARY: Final = 10
"""Headers of an event as our publishers write them."""


class _Before(msgspec.Struct):
    area: str | None = None


class Places(msgspec.Struct):
    """What of a body decides to whom it belongs: the area, and the area from before."""

    area: str
    before: _Before | None = None


_read_places: Final = msgspec.json.Decoder(Places).decode


def places_of(body: bytes | None) -> Places | None:
    """Where the event with this body happened; None where it is no JSON that could be handed on."""
    if body is None:
        return None
    try:
        places = _read_places(body)  # reads all of it, and keeps what is asked for
        if not body.isascii():
            body.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return places


class EventWriter:
    """Writes the events of one stream; what they share is written once."""

    def __init__(self, topic: Topic) -> None:
        self._shared = [
            ("ce_specversion", b"1.0"),
            ("ce_source", (topic.source or "").encode()),
            ("ce_type", (topic.event_type or "").encode()),
            ("ce_dataschema", (topic.dataschema or "").encode()),
            ("content-type", b"application/json"),
        ]
        version, source, kind, schema, content = (value for _, value in self._shared)
        # Put together byte by byte: the same through a JSON encoder, body included, takes five times as long.
        self._frame = (
            b'{"specversion":"%b","type":"%b","source":"%b","dataschema":"%b","datacontenttype":"%b",'
            % (version, kind, source, schema, content)
            + b'"id":"%b","subject":"%b","time":"%b","partition":%d,"number":"%020d","sequence":"%020d",'
            b'"previous":"%b","data":%b}'
        )

    def write(self, record: ConsumerRecord, number: int, sequence: int, previous: int | None) -> bytes | None:
        """The event in one line; None where the headers are not those of an event. The body has been read before."""
        described = self._described(record)
        if described is None:
            return None
        body: bytes = record.value
        if b"\n" in body or b"\r" in body:  # JSON all the same, but a line is an event
            body = msgspec.json.format(body, indent=-1)
        before = NO_PREVIOUS if previous is None else b"%020d" % previous
        if len(described) == 1:
            return _whole(described[0], record.partition, number, sequence, before, body)
        return self._frame % (*described, record.partition, number, sequence, before, body)

    def _described(self, record: ConsumerRecord) -> tuple[bytes, bytes, bytes] | tuple[Envelope] | None:
        headers = record.headers
        if len(headers) == _ORDINARY:
            version, one, source, kind, subject, time, schema, _, _, content = headers
            same = [version, source, kind, schema, content] == self._shared
            named = (one[0], subject[0], time[0]) == ("ce_id", "ce_subject", "ce_time")
            if same and named and all((one[1], subject[1], time[1])):
                found = one[1], subject[1], time[1]
                if _PLAIN.fullmatch(b" ".join(found)):
                    return found
        try:
            return (from_headers(headers),)
        except EnvelopeError:
            return None


def _whole(envelope: Envelope, partition: int, number: int, sequence: int, previous: bytes, body: bytes) -> bytes:
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "type": envelope.type,
            "source": envelope.source,
            "dataschema": envelope.dataschema,
            "datacontenttype": "application/json",
            "id": envelope.id,
            "subject": envelope.subject,
            "time": envelope.time,
            "partition": partition,
            "number": f"{number:020d}",
            "sequence": f"{sequence:020d}",
            "previous": previous.decode(),
            "data": msgspec.Raw(body),
        }
    )


NOTICE: Final = "care.jitasa.stream.{}.v1"
"""The type of what a feed says itself: `position`, `end`, `gap` or `heartbeat`."""
SOURCE: Final = "/jitasa/reporting/streams/{}"


def notice(stream: str, what: str, data: Mapping[str, Any], time: datetime) -> bytes:
    """What the feed itself says, in one line."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "type": NOTICE.format(what),
            "source": SOURCE.format(stream),
            "id": str(uuid4()),
            "time": time,
            "datacontenttype": "application/json",
            "data": data,
        }
    )
