"""Five hundred viewers at once: every event is made once, everybody gets the same bytes, and who comes back goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.observability.clock import MovableClock
from tests.integration.reporting.test_live import Server, at_work, change_everything

VIEWERS = 500
SETTINGS = LiveSettings(max_viewers=VIEWERS + 1, coalesce_seconds=0.05)
PATIENCE_SECONDS = 60.0


@pytest.fixture
async def many(pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path) -> AsyncIterator[Server]:
    """The service with room for all of them."""
    async with at_work(pool, clock, topics, assets, SETTINGS) as server:
        yield server


def built() -> float:
    """How many events were made in this process."""
    return REGISTRY.get_sample_value("jitasa_live_events_total") or 0.0


class Connection:
    """One viewer's own connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int, last_event_id: bytes | None = None) -> "Connection":
        """Asks for the stream and passes over the head of the answer."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
        again = b"" if last_event_id is None else b"Last-Event-ID: %s\r\n" % last_event_id
        writer.write(b"GET /v1/live HTTP/1.1\r\nHost: reporting\r\n%s\r\n" % again)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head.partition(b"\r\n")[0]
        return cls(reader, writer)

    async def event(self) -> bytes:
        """The next event, as it came. Each is a chunk of its own, whose length stands before it."""
        while True:
            block = await self._reader.readuntil(b"\n\n")
            if b"id: " in block:
                return block[block.index(b"id: ") :]

    async def close(self) -> None:
        """Goes away."""
        self._writer.close()
        await self._writer.wait_closed()


def id_of(event: bytes) -> bytes:
    """The event's id."""
    return event.removeprefix(b"id: ").partition(b"\n")[0]


async def test_five_hundred_viewers_get_the_same_bytes_made_once(many: Server, pool: Pool) -> None:
    """One `reset` and two changes are made, for all of them; half of them miss the second and get it when they come
    back, without a new picture."""
    async with asyncio.timeout(PATIENCE_SECONDS), AsyncExitStack() as closing:
        before = built()
        viewers = []
        for _ in range(VIEWERS):
            viewers.append(await Connection.open(many.port))
            closing.push_async_callback(viewers[-1].close)
        assert many.live.viewers == VIEWERS

        first = set(await asyncio.gather(*(viewer.event() for viewer in viewers)))
        assert len(first) == 1, "everybody begins with the same picture"
        await change_everything(pool)
        changes = set(await asyncio.gather(*(viewer.event() for viewer in viewers)))
        (change,) = changes
        assert b"event: change" in change
        assert b'"subdistricts":null' in change, "so many at once are asked for by who has them open"
        assert built() - before == 2

        gone, staying = viewers[: VIEWERS // 2], viewers[VIEWERS // 2 :]
        for viewer in gone:
            await viewer.close()
        await change_everything(pool)
        (missed,) = set(await asyncio.gather(*(viewer.event() for viewer in staying)))
        back = []
        for _ in gone:
            back.append(await Connection.open(many.port, id_of(change)))
            closing.push_async_callback(back[-1].close)
        assert set(await asyncio.gather(*(viewer.event() for viewer in back))) == {missed}
        assert built() - before == 3
