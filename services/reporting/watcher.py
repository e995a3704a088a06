"""Keeps the live picture up to date: hears of changes by PostgreSQL's LISTEN, waits a moment for more, reads the
figures once.

While nobody watches, nothing is read. When the connection that listens breaks, changes may have been missed: it is
opened again, and every viewer gets the whole picture.
"""

import asyncio
from collections.abc import Sequence
from functools import cache

from services.reporting import store
from services.reporting.answers import NOTHING, Figures, unknown
from services.reporting.live import Changed, LiveStream, Picture
from services.reporting.notices import CHANNEL, read_notice
from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from shared.areas.register import children, provinces
from shared.contracts.topics import Topic
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, Connection, acquire

PROBE_SECONDS = 10.0
"""A silent connection is asked for a sign of life this often; a network that fell silent is noticed within this and the
next."""
PROBE_TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""A database that restarts is back within seconds."""

_log = log(__name__)


class Watcher:
    """Feeds a `LiveStream` from the reporting database."""

    def __init__(self, pool: Pool, stream: LiveStream, settings: LiveSettings, topics: Sequence[Topic]) -> None:
        self._pool = pool
        self._stream = stream
        self._topics = topics
        self._coalesce_seconds = settings.coalesce_seconds
        self._changed = Changed()
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
        self._changed = Changed.anywhere()
        self._stream.forget()
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
        """Returns when something changed, a viewer wants a picture, or the connection was lost."""
        while not (self._heard.is_set() or self._stream.wanted.is_set()):
            heard = asyncio.create_task(self._heard.wait())
            wanted = asyncio.create_task(self._stream.wanted.wait())
            try:
                done, _ = await asyncio.wait(
                    {heard, wanted}, timeout=PROBE_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                heard.cancel()
                wanted.cancel()
            if not done:
                await connection.execute("SELECT 1", timeout=PROBE_TIMEOUT_SECONDS)

    async def _refresh(self) -> None:
        if not self._stream.viewers:
            self._heard.clear()
            self._stream.wanted.clear()
            self._changed = Changed.anywhere()
            self._stream.forget()
            return
        await asyncio.sleep(self._coalesce_seconds)
        # Cleared before reading: what is heard from here on is read once more.
        self._heard.clear()
        changed, self._changed = self._changed, Changed()
        async with store.snapshot(self._pool) as connection:
            picture = await read_picture(connection)
            as_of = await store.as_of(connection, self._topics)
        self._stream.show(picture, as_of, changed)

    def _on_notice(self, _connection: object, _process: int, _channel: str, payload: object) -> None:
        try:
            self._changed.add(read_notice(str(payload)))
        except ValueError:  # of a newer version beside this one
            self._changed = Changed.anywhere()
        self._heard.set()

    def _on_termination(self, _connection: object) -> None:
        self._lost = True
        self._heard.set()


@cache
def shown_areas() -> tuple[str, ...]:
    """The country, every province and every district."""
    found = ["", *(province.code for province in provinces())]
    return (*found, *(district.code for province in provinces() for district in children(province.code)))


async def read_picture(connection: Connection) -> Picture:
    """What the live map shows, in the caller's snapshot."""
    districts = await store.figures(connection, "", 4)
    population = await store.denominators(connection, "population", "", [0, 2, 4])
    houses = await store.denominators(connection, "houses", "", [0, 2, 4])
    figures = rolled_up(districts)
    return {
        code: (
            figures.get(code, NOTHING),
            population.get(code, unknown("population")),
            houses.get(code, unknown("houses")),
        )
        for code in shown_areas()
    }


def rolled_up(districts: dict[str, Figures]) -> dict[str, Figures]:
    """The figures of districts, with those of their provinces and of the country."""
    sums = dict(districts)
    for code, figures in districts.items():
        for above in (code[:2], ""):
            sums[above] = sums.get(above, NOTHING).plus(figures)
    return sums
