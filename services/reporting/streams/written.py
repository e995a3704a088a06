"""Events as a subscriber gets them: CloudEvents 1.0 in JSON, the body as the very bytes that lie in Kafka.

| attribute | holds |
|---|---|
| `id`, `source`, `type`, `subject`, `time`, `dataschema` | what the event's publisher wrote |
| `sequence`, `previous` | the sequence rule's two numbers in this feed (`feed.py`), 20 digits; `-`: none before |
| `partition` | in which of the stream's partitions they hold |
| `number` | 1, 2, 3 and so on through the whole feed, 20 digits |

What the feed itself says comes as a CloudEvent too, so that whoever reads CloudEvents reads all of it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import msgspec
from aiokafka.structs import ConsumerRecord

from shared.contracts.envelope import Envelope, EnvelopeError, from_headers
from shared.contracts.topics import Topic

NO_PREVIOUS: Final = b"-"
_PLAIN: Final = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:.+ _-"
"""Nothing that JSON would have to escape."""
_NAMED: Final = ("ce_id", "ce_subject", "ce_time")
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
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
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
        self._version, self._source, self._type, self._schema, self._content = self._shared
        self._begin = (
            b'{"specversion":"%b","type":"%b","source":"%b","dataschema":"%b","datacontenttype":"%b","id":"'
            % (version, kind, source, schema, content)
        )

    def write(self, record: ConsumerRecord, number: int, sequence: int, previous: int | None) -> bytes | None:
        """The event in one line; None where the headers are not those of an event. The body has been read before."""
        body: bytes = record.value
        if b"\n" in body or b"\r" in body:  # JSON all the same, but a line is an event
            body = msgspec.json.format(body, indent=-1)
        before = NO_PREVIOUS if previous is None else b"%020d" % previous
        plain = self._plain(record.headers)
        if plain is None:
            try:
                envelope = from_headers(record.headers)
            except EnvelopeError:
                return None
            return _whole(envelope, record.partition, number, sequence, before, body)
        # Put together byte by byte: the same through a JSON encoder, body included, takes several times as long.
        return b'%b%b","partition":%d,"number":"%020d","sequence":"%020d","previous":"%b","data":%b}' % (
            self._begin,
            plain,
            record.partition,
            number,
            sequence,
            before,
            body,
        )

    def _plain(self, headers: Sequence[tuple[str, bytes | None]]) -> bytes | None:
        """Id, subject and time, where all is as our publishers write it; None: it has to be looked at closely."""
        if len(headers) != _ORDINARY:
            return None
        version, one, source, kind, subject, time, schema, _, _, content = headers
        if (
            source != self._source
            or kind != self._type
            or schema != self._schema
            or version != self._version
            or content != self._content
            or (one[0], subject[0], time[0]) != _NAMED
            or not (one[1] and subject[1] and time[1])
            or (one[1] + subject[1] + time[1]).translate(None, _PLAIN)
        ):
            return None
        return b'%b","subject":"%b","time":"%b' % (one[1], subject[1], time[1])


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
