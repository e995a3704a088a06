"""The live stream's centre: holds the present picture, makes each event once, and hands the same bytes to every viewer.

An event is `reset` (the rows of the country and of every province) or `change` (of every area at any level that has new
figures, the fields that differ from the event before). A viewer gets a `reset` first, then changes; one who comes back
with the id of the last event he saw gets the changes since then, as long as they are still held. A viewer who takes
events slower than they come is let go, and comes back like that.

Nothing waits for a viewer: each has a bounded queue of references to shared bytes.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from itertools import chain
from operator import itemgetter
from secrets import token_hex
from typing import Any, Final

import msgspec

from services.reporting.answers import AsOf
from services.reporting.changed import Changed
from services.reporting.picture.rows import FIELDS, HELP_ASKED, Picture, Row, difference, named
from shared.observability.metrics import LIVE_EVENTS, LIVE_SLOW_VIEWERS, LIVE_VIEWERS
from shared.web.viewer import MAX_WAITING, Viewer

MAX_HELD_BYTES: Final = 4 * 1024 * 1024
"""Of past events, for viewers who come back: some minutes of a nationwide surge, hours otherwise."""

BEGINS_WITH: Final = 2
"""Digits of the areas that a `reset` holds. Who opens a province asks for what lies in it, and a first picture stays
small."""

DISTRICT: Final = 4
SUBDISTRICT: Final = 6
"""Digits of a district's and a subdistrict's code."""

_SUPPRESSED: Final = FIELDS.index("suppressed")
_late: Final = itemgetter(FIELDS.index("places_overdue"), FIELDS.index("help_overdue"))


class TooManyViewers(Exception):
    """All places are taken."""


class LiveStream:
    """All viewers of this process and what they are told."""

    def __init__(self, max_viewers: int) -> None:
        self._max_viewers = max_viewers
        self._life = token_hex(4)  # ids of another process, or of this one before a restart, are not ours
        self._version = 0
        self._viewers: set[Viewer] = set()
        self._held: deque[tuple[int, bytes]] = deque()
        self._held_bytes = 0
        self._rows: dict[str, Row] = {}
        self._as_of: AsOf = {}
        self._reset: bytes | None = None
        self.wanted = asyncio.Event()
        """Set while a viewer waits for a picture."""

    @property
    def viewers(self) -> int:
        """How many streams are open."""
        return len(self._viewers)

    def join(self, last_event_id: str | None = None) -> Viewer:
        """A new viewer, who goes on behind `last_event_id` where that is possible; raises `TooManyViewers`."""
        if len(self._viewers) >= self._max_viewers:
            raise TooManyViewers
        viewer = Viewer()
        self._viewers.add(viewer)
        LIVE_VIEWERS.set(len(self._viewers))
        self._begin(viewer, last_event_id)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The viewer's stream is over. May be called again."""
        viewer.close()
        self._viewers.discard(viewer)
        LIVE_VIEWERS.set(len(self._viewers))

    def close(self) -> None:
        """Ends all streams; the process is about to stop."""
        for viewer in list(self._viewers):
            viewer.close()

    def forget(self) -> None:
        """The picture may be out of date: events may have been missed. Every viewer gets a `reset` with the next
        one."""
        self._rows.clear()
        self._held.clear()
        self._held_bytes = 0
        self._reset = None
        for viewer in self._viewers:
            viewer.has_picture = False
        if self._viewers:
            self.wanted.set()

    def overdue_anew(self, picture: Picture) -> set[str]:
        """The districts of `picture` in which another number is overdue than was told: by the clock, which tells of no
        subdistrict."""
        return {
            code
            for code, row in picture.items()
            if len(code) == DISTRICT and (before := self._rows.get(code)) is not None and _late(row) != _late(before)
        }

    def show(self, picture: Picture, below: Picture, as_of: AsOf, changed: Changed) -> int:
        """Makes `picture` the present one and tells every viewer what is new in it.

        picture: the country, the provinces and the districts, or nothing where nothing of them is new; below: the
        subdistricts that may be new. Returns the bytes of what each viewer is told.
        """
        begins = not self._rows
        if changed.subdistricts is None:  # they may have other rows by now, and the next difference is to those
            self._rows = {code: row for code, row in self._rows.items() if len(code) < SUBDISTRICT}
        differing: dict[str, dict[str, Any]] = {}
        for code, row in chain(picture.items(), below.items()):
            before = self._rows.get(code)
            if before != row:
                differing[code] = named(row) if before is None else difference(before, row)
                self._rows[code] = row
        self._as_of = as_of
        self._version += 1
        self._reset = None
        self.wanted.clear()
        if begins:  # nobody has what a difference could be added to
            event = self._whole()
        else:
            event = self._event("change", differing, self._without_suppressed(changed))
            self._hold(event)
        for viewer in list(self._viewers):
            self._put(viewer, event if viewer.has_picture else self._whole())
        return len(event)

    def _begin(self, viewer: Viewer, last_event_id: str | None) -> None:
        if not self._rows:
            self.wanted.set()
            return
        missed = self._since(last_event_id)
        if missed is None or len(missed) > MAX_WAITING:
            self._put(viewer, self._whole())
            return
        viewer.has_picture = True
        for event in missed:
            self._put(viewer, event)

    def _since(self, event_id: str | None) -> list[bytes] | None:
        """The events behind `event_id`; None when they are not held, or it is not an id of this life."""
        life, _, number = (event_id or "").partition("-")
        if life != self._life or not number.isascii() or not number.isdigit():
            return None
        seen = int(number[:20])
        oldest = self._held[0][0] if self._held else self._version + 1
        if not oldest - 1 <= seen <= self._version:
            return None
        return [event for version, event in self._held if version > seen]

    def _put(self, viewer: Viewer, event: bytes) -> None:
        if not viewer.put(event):
            LIVE_SLOW_VIEWERS.inc()
            self.leave(viewer)
        viewer.has_picture = True

    def _hold(self, event: bytes) -> None:
        self._held.append((self._version, event))
        self._held_bytes += len(event)
        while self._held_bytes > MAX_HELD_BYTES:
            self._held_bytes -= len(self._held.popleft()[1])

    def _whole(self) -> bytes:
        if self._reset is None:
            rows = {code: named(row) for code, row in self._rows.items() if len(code) <= BEGINS_WITH}
            self._reset = self._event("reset", rows, Changed.anywhere())
        return self._reset

    def _without_suppressed(self, changed: Changed) -> Changed:
        """Without the names of subdistricts whose figures are withheld: beside its district's difference, a name would
        tell what is withheld."""
        shown, requests = changed.subdistricts, changed.help
        if shown is not None:
            shown = {code for code in shown if code in self._rows and not self._rows[code][_SUPPRESSED]}
        if shown is None:  # of the subdistricts' rows nothing is known here
            requests = None
        elif requests is not None:
            requests = {code for code in requests if code in self._rows and self._rows[code][HELP_ASKED] is not None}
        return Changed(shown, changed.places, changed.volunteers, requests)

    def _event(self, name: str, rows: Mapping[str, Mapping[str, Any]], changed: Changed) -> bytes:
        LIVE_EVENTS.inc()
        data = msgspec.json.encode(
            {
                "version": self._version,
                "as_of": self._as_of,
                "areas": rows,
                "subdistricts": _listed(changed.subdistricts),
                "places": _listed(changed.places),
                "volunteers": _listed(changed.volunteers),
                "help": _listed(changed.help),
            }
        )
        return b"id: %s-%d\nevent: %s\ndata: %s\n\n" % (self._life.encode(), self._version, name.encode(), data)


def _listed(codes: set[str] | None) -> list[str] | None:
    return None if codes is None else sorted(codes)
