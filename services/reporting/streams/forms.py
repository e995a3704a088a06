"""The three forms of an answer: lines (NDJSON), one JSON array, and server-sent events."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from services.reporting.streams.cursors import Seal
from services.reporting.streams.feed import Feed, Gap, Item
from services.reporting.streams.written import notice
from shared.observability.clock import Clock


class Form(StrEnum):
    """By media type."""

    LINES = "application/x-ndjson"
    BATCH = "application/cloudevents-batch+json"
    EVENTS = "text/event-stream"

    @property
    def word(self) -> str:
        """A short name."""
        return _WORDS[self]


_WORDS: Final = {Form.LINES: "ndjson", Form.BATCH: "batch", Form.EVENTS: "sse"}

OPENING: Final = b"retry: 2000\n\n"
"""Of server-sent events: milliseconds after which a browser comes back when the stream ends."""


class Pen:
    """Writes a feed's items, and what it says itself, in one form."""

    def __init__(self, form: Form, feed: Feed, seal: Seal, clock: Clock) -> None:
        self._form = form
        self._feed = feed
        self._seal = seal
        self._clock = clock

    def cursor(self) -> str:
        """Where the feed is."""
        return self._seal.cursor_of(self._feed.position)

    def item(self, item: Item) -> bytes:
        """An event, or a gap, in the feed's present position."""
        if isinstance(item, Gap):
            return self.notice("gap", reason=item.reason, partition=item.partition)
        if self._form is Form.EVENTS:
            return b"id: %b\ndata: %b\n\n" % (self.cursor().encode(), item)
        return self._separate(item)

    def notice(self, what: str, **more: object) -> bytes:
        """`position`, `end`, `gap` or `heartbeat`: where the feed is, and what there is to be said."""
        cursor = self.cursor()
        data = {"cursor": cursor, "number": f"{self._feed.position.number:020d}", **more}
        said = notice(self._feed.topic.name, what, data, self._clock.now())
        if self._form is Form.EVENTS:
            return b"id: %b\nevent: %b\ndata: %b\n\n" % (cursor.encode(), what.encode(), said)
        return self._separate(said)

    def whole(self, parts: Sequence[bytes]) -> bytes:
        """A JSON array of all parts."""
        return b"[" + b",\n".join(parts) + b"]\n"

    def _separate(self, line: bytes) -> bytes:
        return line if self._form is Form.BATCH else line + b"\n"
