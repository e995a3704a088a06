"""Whoever works on requests sees at once what happens in his area: PostgreSQL's NOTIFY, handed on to each open stream.

A stream begins with `opened`: the reader asks for the list now, and from then on applies each `request` whose revision
is higher than the one that he has. When the connection that listens breaks, notices may have been missed: it is opened
again, and every stream says `opened` anew. Nothing waits for a reader: who takes events slower than they come is let
go, and begins again.
"""

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg
import msgspec

from services.survey.help.limits import WAITING_EVENTS, WATCHERS
from services.survey.help.notices import CHANNEL
from shared.observability.logs import log
from shared.observability.metrics import LIVE_SLOW_VIEWERS, LIVE_VIEWERS
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.web.viewer import Viewer

PROBE_SECONDS: Final = 10.0
"""A network that fell silent is noticed within this and the next."""
PROBE_TIMEOUT_SECONDS: Final = 5.0
RETRY_SECONDS: Final = 0.5
"""A database that restarts is back within seconds."""

OPENED: Final = b"event: opened\ndata: {}\n\n"

_log = log(__name__)


class TooManyWatchers(Exception):
    """All places are taken."""


class _Where(msgspec.Struct):
    area: str


_where = msgspec.json.Decoder(_Where)


class HelpLive:
    """All who watch in this process."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", most: int = WATCHERS) -> None:
        self._pool = pool
        self._most = most
        self._viewers: dict[Viewer, str] = {}
        self._lost = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self.connected = False

    def start(self) -> None:
        """Begin to listen."""
        self._work = asyncio.create_task(self._listen(), name="help-live")

    async def close(self) -> None:
        """End every stream and stop listening."""
        for viewer in list(self._viewers):
            viewer.close()
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work

    def join(self, area: str) -> Viewer:
        """One more who watches what happens in `area`; raises `TooManyWatchers`."""
        if len(self._viewers) >= self._most:
            raise TooManyWatchers
        viewer = Viewer(WAITING_EVENTS)
        self._viewers[viewer] = area
        LIVE_VIEWERS.set(len(self._viewers))
        if self.connected:  # otherwise it is said as soon as nothing can be missed any more
            viewer.put(OPENED)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """The stream is over. May be called again."""
        viewer.close()
        self._viewers.pop(viewer, None)
        LIVE_VIEWERS.set(len(self._viewers))

    def _tell(self, item: bytes, area: str = "") -> None:
        for viewer, watched in list(self._viewers.items()):
            if (not area or area.startswith(watched)) and not viewer.put(item):
                LIVE_SLOW_VIEWERS.inc()
                self.leave(viewer)

    def _on_notice(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        text = str(payload).encode()
        self._tell(b"event: request\ndata: %s\n\n" % text, _where.decode(text).area)

    def _on_termination(self, _connection: object) -> None:
        self._lost.set()

    async def _listen(self) -> None:
        while True:
            try:
                async with acquire(self._pool) as connection:
                    await self._hear(connection)
            except UNREACHABLE as error:
                _log.warning("help_live_interrupted", cause=type(error).__name__)
            self.connected = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, connection: Connection) -> None:
        self._lost.clear()
        connection.add_termination_listener(self._on_termination)
        await connection.add_listener(CHANNEL, self._on_notice)
        self.connected = True
        self._tell(OPENED)
        try:
            while True:
                try:
                    async with asyncio.timeout(PROBE_SECONDS):
                        await self._lost.wait()
                except TimeoutError:
                    await connection.execute("SELECT 1", timeout=PROBE_TIMEOUT_SECONDS)
                else:
                    raise ConnectionError("the connection that listens was closed")
        finally:
            connection.remove_termination_listener(self._on_termination)
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, self._on_notice)
