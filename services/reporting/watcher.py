"""Keeps the live picture up to date: hears of changes by PostgreSQL's LISTEN, waits a moment for more, reads what they
touched once.

While nobody watches, nothing is read. When the connection that listens breaks, changes may have been missed: it is
opened again, and every viewer gets the whole picture.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from services.reporting import store
from services.reporting.changed import Changed
from services.reporting.live import LiveStream
from services.reporting.notices import CHANNEL, read_notice
from services.reporting.picture.reading import DISTRICT, Reading, read_subdistricts, shown_areas
from services.reporting.picture.rows import Picture
from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, Connection, acquire

PROBE_SECONDS = 10.0
"""A silent connection is asked for a sign of life this often; a network that fell silent is noticed within this and the
next. Viewers are then told how recent the figures are, so that silence can be told from a standstill."""
PROBE_TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""A database that restarts is back within seconds."""

OVERDUE_EVERY: Final = timedelta(minutes=1)
"""Places and requests for help become overdue without anybody doing anything."""

MOST_DISTRICTS: Final = 300
"""With changes in more districts at once their subdistricts are not read for everybody: who has one open asks."""

LONGEST_PAUSE_SECONDS: Final = 1.0
"""However much there is to send: with it a figure is still on the map within two seconds."""

_log = log(__name__)


class Watcher:
    """Feeds a `LiveStream` from the reporting database."""

    def __init__(
        self, pool: Pool, stream: LiveStream, settings: LiveSettings, topics: Sequence[Topic], clock: Clock
    ) -> None:
        self._pool = pool
        self._stream = stream
        self._topics = topics
        self._clock = clock
        self._coalesce_seconds = settings.coalesce_seconds
        self._bytes_a_second = settings.bytes_a_second
        self._pause = settings.coalesce_seconds
        self._changed = Changed()
        self._reading = Reading()
        self._places_read = datetime.min.replace(tzinfo=UTC)
        self._help_read = datetime.min.replace(tzinfo=UTC)
        self._heard = asyncio.Event()
        self._lost = False
        self.connected = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set; then all streams end."""
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            self._stream.close()
            for task in (work, stop):
                task.cancel()
            await asyncio.gather(work, stop, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            try:
                async with acquire(self._pool) as connection:
                    await self._listen(connection)
            except UNREACHABLE as error:
                _log.warning("live_picture_interrupted", cause=type(error).__name__)
            self.connected = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _listen(self, connection: Connection) -> None:
        self._lost = False
        connection.add_termination_listener(self._on_termination)
        await connection.add_listener(CHANNEL, self._on_notice)
        self.connected = True
        self._forget()
        try:
            while True:
                await self._wait(connection)
                if self._lost:
                    raise ConnectionError("the connection that listens was closed")
                await self._refresh()
        finally:
            connection.remove_termination_listener(self._on_termination)
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, self._on_notice)

    async def _wait(self, connection: Connection) -> None:
        """Returns when something changed, a viewer wants a picture, the connection was lost, or nothing happened for
        a while."""
        if self._heard.is_set() or self._stream.wanted.is_set():
            return
        heard = asyncio.create_task(self._heard.wait())
        wanted = asyncio.create_task(self._stream.wanted.wait())
        try:
            done, _ = await asyncio.wait({heard, wanted}, timeout=PROBE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
            wanted.cancel()
        if not done:
            await connection.execute("SELECT 1", timeout=PROBE_TIMEOUT_SECONDS)

    async def _refresh(self) -> None:
        if not self._stream.viewers:
            self._heard.clear()
            self._stream.wanted.clear()
            self._forget()
            return
        if not self._stream.wanted.is_set():  # who waits for a first picture gets it at once
            await asyncio.sleep(self._pause)
        # Cleared before reading: what is heard from here on is read once more.
        self._heard.clear()
        changed, self._changed = self._changed, Changed()
        async with store.snapshot(self._pool) as connection:
            picture = await self._read(connection, changed)
            below = await self._below(connection, changed, picture)
            as_of = await store.as_of(connection, self._topics)
        sent = self._stream.show(picture, below, as_of, changed)
        self._pause = max(self._coalesce_seconds, min(LONGEST_PAUSE_SECONDS, sent / self._bytes_a_second))

    async def _read(self, connection: Connection, changed: Changed) -> Picture:
        """The rows of the country, every province and every district; none when nothing of them can be new."""
        now = self._clock.now()
        survey = changed.subdistricts is None or bool(changed.subdistricts)
        places = changed.places is None or bool(changed.places) or now - self._places_read >= OVERDUE_EVERY
        requests = changed.help is None or bool(changed.help) or now - self._help_read >= OVERDUE_EVERY
        if survey:
            await self._reading.read_survey(connection, [""], DISTRICT)
        if places:
            await self._reading.read_places(connection, [""], DISTRICT, now)
            self._places_read = now
        if requests:
            await self._reading.read_help(connection, [""], DISTRICT, now)
            self._help_read = now
        if not (survey or places or requests):
            return {}
        return self._reading.rows(shown_areas(), (2, 0))

    async def _below(self, connection: Connection, changed: Changed, picture: Picture) -> Picture:
        """The rows of subdistricts near which something changed, by the clock too. Where it may have been anywhere,
        none."""
        districts = changed.districts()
        if districts is not None:
            districts |= self._stream.overdue_anew(picture)
        if districts is None or len(districts) > MOST_DISTRICTS:
            changed.subdistricts = None
            return {}
        if not districts:
            return {}
        return await read_subdistricts(connection, sorted(districts), self._clock.now())

    def _forget(self) -> None:
        self._changed = Changed.anywhere()
        self._stream.forget()

    def _on_notice(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        try:
            self._changed.add(read_notice(str(payload)))
        except ValueError:  # of a newer version beside this one
            self._changed = Changed.anywhere()
        self._heard.set()

    def _on_termination(self, _connection: object) -> None:
        self._lost = True
        self._heard.set()
