"""The live stream over a real server: from an event in Kafka to the viewer, slow viewers, resumption, a database that
goes away."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.reporting.domain import FIGURES
from services.reporting.live import LiveStream
from services.reporting.notices import CHANNEL
from services.reporting.pages import ASKING
from services.reporting.processes.http import create
from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from services.reporting.watcher import Watcher
from shared.areas.register import children, provinces
from shared.contracts.events import HelpStatus, HelpUpdated
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.observability.clock import MovableClock
from shared.web.authentication import Authentication
from shared.web.serve import HttpSettings, serve
from tests.integration.reporting.conftest import NOW, Streams, Tokens, eventually
from tests.integration.reporting.test_figures import place, submitted
from tests.unit.reporting.campaigns import campaign

SETTINGS = LiveSettings(
    max_viewers=4, coalesce_seconds=0.05, bytes_a_second=2**30, heartbeat_seconds=0.3, send_seconds=2
)
REQUEST = HelpUpdated(
    request_id=UUID(int=1),
    kind="medicine",
    area="500102",
    status=HelpStatus.WAITING,
    before=None,
    deadline=None,
    updated_at=NOW,
    revision=1,
)
NAMED = re.compile(r"""(?:src|href)="([^"?#:]+)"|from "(\./[^"]+)"|url\(["']?([^"')]+)["']?\)""")
"""What a page, script or style names: by attribute, import or url()."""
EVENTS = [submitted(event) for event in campaign(seed=13, length=40).events if event.kind == "survey"]


@dataclass
class Event:
    """One server-sent event."""

    id: str
    name: str
    data: dict[str, Any]


class Viewer:
    """Reads one stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def block(self) -> list[str]:
        """The lines up to the next empty one; raises StopAsyncIteration at the end of the stream."""
        lines = []
        async with asyncio.timeout(20):
            while line := await anext(self._lines):
                lines.append(line)
        return lines

    async def event(self) -> Event:
        """The next event; comments are passed over."""
        while True:
            fields = dict(line.split(": ", 1) for line in await self.block() if not line.startswith(":"))
            if "event" in fields:
                return Event(fields["id"], fields["event"], json.loads(fields["data"]))


@dataclass
class Server:
    """The service at work."""

    url: str
    port: int
    live: LiveStream
    stopping: asyncio.Event
    serving: "asyncio.Task[None]"

    @asynccontextmanager
    async def view(self, last_event_id: str | None = None) -> AsyncIterator[Viewer]:
        """An open stream."""
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        async with (
            httpx.AsyncClient(base_url=self.url, timeout=20) as client,
            client.stream("GET", "/v1/live", headers=headers) as response,
        ):
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Viewer(response)


@asynccontextmanager
async def at_work(
    pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path, settings: LiveSettings
) -> AsyncIterator[Server]:
    """The service on a port of its own, with its watcher."""
    tokens = Tokens()
    live = LiveStream(settings.max_viewers)
    watcher = Watcher(pool, live, settings, topics, clock)
    app = create(pool, Authentication(tokens, tokens), clock, live, settings, ready=list, assets=assets, topics=topics)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    stopping = asyncio.Event()

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(watcher.run(stopping))
            group.create_task(serve(app, HttpSettings(host="127.0.0.1", port=port), stopping))

    serving = asyncio.create_task(work())
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{url}/healthz")).status_code == 200 and watcher.connected
        except httpx.TransportError:
            return False

    await eventually(answers, "the server answers")
    yield Server(url, port, live, stopping, serving)
    stopping.set()
    await serving


@pytest.fixture
async def server(pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path) -> AsyncIterator[Server]:
    """The service with room for a few viewers."""
    async with at_work(pool, clock, topics, assets, SETTINGS) as server:
        yield server


async def change_everything(pool: Pool) -> None:
    """New figures in every district, told like the projector tells them."""
    codes = [f"{district.code}01" for province in provinces() for district in children(province.code)]
    columns, ones = ", ".join(FIGURES), ", ".join("1" for _ in FIGURES)
    more = ", ".join(f"{figure} = t.{figure} + 1" for figure in FIGURES)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            f"INSERT INTO survey_subdistrict AS t (subdistrict, {columns}) "  # noqa: S608 - names of ours
            f"SELECT code, {ones} FROM unnest($1::text[]) AS code ON CONFLICT (subdistrict) DO UPDATE SET {more}",
            codes,
        )
        await connection.execute("SELECT pg_notify($1, 'survey *')", CHANNEL)


async def test_from_kafka_to_the_viewer(
    server: Server, streams: Streams, projector: PositionedConsumer, settled: Callable[[], Awaitable[None]]
) -> None:
    """Everything first, then what changed: the country, the province and the district, and the subdistrict by its
    code."""
    async with server.view() as viewer:
        first = await viewer.event()
        assert (first.name, len(first.data["areas"])) == ("reset", 1 + 77)
        before = first.data["areas"][""]["submissions"]
        started = time.monotonic()
        await streams.write(EVENTS[0], key=str(EVENTS[0].household_id))
        change = await viewer.event()
        assert time.monotonic() - started < 5
        area = EVENTS[0].area
        assert change.name == "change"
        assert set(change.data["areas"]) >= {"", area[:2], area[:4], area}
        assert all(code in area for code in change.data["areas"] if len(code) < 6)
        assert change.data["areas"][""]["submissions"] == before + 1
        assert "houses" not in change.data["areas"][""], "a difference holds only what differs"
        assert change.data["version"] > first.data["version"]
        assert any("survey" in name for name in change.data["as_of"])
        await streams.write(place(1), key="place")
        places = await viewer.event()
        assert places.data["places"] == ["500101"]
        assert places.data["areas"]["50"] == {"places": 1, "places_open": 1}
        await streams.write(REQUEST, key="request")
        requests = await viewer.event()
        assert requests.data["help"] == [], "a single request is told of no subdistrict"
        assert requests.data["areas"][""] == {"help_asked": 1, "help": 1, "help_waiting": 1}
        assert requests.data["areas"][REQUEST.area]["help"] is None
        await settled()


async def test_places_become_overdue_by_themselves(
    pool: Pool,
    streams: Streams,
    topics: tuple[Topic, ...],
    assets: Path,
    projector: PositionedConsumer,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """Nobody did anything to them; within a minute the map says so, down to the subdistricts."""
    await streams.write(place(3), key="place")
    await settled()
    clock = MovableClock(NOW)
    async with at_work(pool, clock, topics, assets, SETTINGS) as server, server.view() as viewer:
        before = (await viewer.event()).data["areas"][""]["places_overdue"]
        clock.advance(timedelta(days=5))
        await pool.execute("SELECT pg_notify($1, 'volunteers 100101')", CHANNEL)  # has it look at once
        areas = (await viewer.event()).data["areas"]
        assert areas[""]["places_overdue"] > before
        assert areas[place(3).area]["places_overdue"] > 0


async def test_the_picture_is_what_the_answers_say(server: Server, pool: Pool) -> None:
    """Same names, same figures, whichever way a page comes to them; withheld where the answers withhold."""
    await change_everything(pool)
    async with server.view() as viewer, httpx.AsyncClient(base_url=server.url) as client:
        live = (await viewer.event()).data["areas"]
        for area in ("", "50", "5001"):
            picture = (await client.get("/v1/picture", params={"area": area})).json()
            rows = {
                what: (await client.get(f"/v1/{what}", params={"area": area})).json()["rows"]
                for what in ("coverage", "progress", "freshness")
            }
            assert {row["area"] for row in rows["coverage"]} == picture["areas"].keys() - {area}
            for coverage, progress, freshness in zip(*rows.values(), strict=True):
                code = coverage["area"]
                found = picture["areas"][code]
                assert {name: coverage[name] for name in FIGURES} == {name: found[name] for name in FIGURES}
                assert coverage["suppressed"] == found["suppressed"]
                assert coverage["one_dose"]["denominator"] == (found["population"] or {}).get("value")
                assert progress["households"]["denominator"] == (found["houses"] or {}).get("value")
                assert (freshness["total"], freshness["overdue"]) == (found["places"], found["places_overdue"])
                assert freshness["statuses"].get("open", 0) == found["places_open"]
                assert picture["names"][code] == {"name_th": coverage["name_th"], "name_en": coverage["name_en"]}
            assert area not in live or live[area] == picture["areas"][area]
        assert "500101" in picture["areas"]
        assert picture["names"]["50"]["name_en"] == "Chiang Mai"


async def test_who_comes_back_misses_nothing(server: Server, pool: Pool) -> None:
    """The changes since the last event seen, each once."""
    async with server.view() as viewer:
        seen = (await viewer.event()).id
    async with server.view() as watching:  # while somebody watches, changes are made into events
        await watching.event()
        for _ in range(2):
            await change_everything(pool)
            await watching.event()
        async with server.view(seen) as viewer:
            names = [(await viewer.event()).name for _ in range(2)]
            assert names == ["change", "change"]
        async with server.view("another-7") as viewer:
            assert (await viewer.event()).name == "reset"


async def test_a_slow_viewer_is_cut_off_and_holds_nobody_up(server: Server, pool: Pool) -> None:
    """The quick one gets every event; the slow one finds its stream ended, comes back and catches up."""
    reader, writer = await slow_connection(server.port)
    async with server.view() as quick:
        await quick.event()
        assert server.live.viewers == 2
        events = 0
        while server.live.viewers == 2:
            await change_everything(pool)
            latest = await quick.event()
            assert latest.name == "change"
            events += 1
            assert events < 200, "the slow viewer is still served"
    received = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()
    assert received.startswith(b"HTTP/1.1 200")
    assert received.count(b"event: change") < events
    async with server.view(last_id(received)) as again:
        caught_up = await again.event()
        while caught_up.data["version"] < latest.data["version"]:
            caught_up = await again.event()
        assert caught_up.data["areas"][""]["persons"] == latest.data["areas"][""]["persons"]


async def slow_connection(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A viewer whose machine takes a few kilobytes and no more until it is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    # Close: a stream that ends in order would otherwise leave the connection open for the next request.
    writer.write(b"GET /v1/live HTTP/1.1\r\nHost: reporting\r\nConnection: close\r\n\r\n")
    await writer.drain()
    return reader, writer


def last_id(received: bytes) -> str:
    """The id of the last event that arrived whole."""
    whole = received.rpartition(b"\n\n")[0]
    return whole.rpartition(b"id: ")[2].partition(b"\n")[0].decode()


async def test_viewers_are_limited(server: Server) -> None:
    """Beyond the limit: come back later. One who leaves makes room at once."""
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        for _ in range(2):  # the places of those who left are free again
            requests = [client.build_request("GET", "/v1/live") for _ in range(SETTINGS.max_viewers)]
            open_streams = [await client.send(request, stream=True) for request in requests]
            refused = await client.get("/v1/live", headers={"Accept-Language": "en"})
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            assert refused.json()["code"] == "too_many_viewers"
            for response in open_streams:
                await response.aclose()

            async def empty() -> bool:
                return server.live.viewers == 0

            await eventually(empty, "all have left")


async def test_silence_is_broken_by_heartbeats(server: Server) -> None:
    """A comment now and then, so that proxies keep the connection."""
    async with server.view() as viewer:
        assert await viewer.block() == ["retry: 2000"]
        await viewer.event()
        assert [await viewer.block() for _ in range(2)] == [[": "], [": "]]


async def test_a_lost_listener_comes_back_with_everything(server: Server, pool: Pool) -> None:
    """What happened in between cannot be known: every viewer gets the whole picture."""
    async with server.view() as viewer:
        await viewer.event()
        ended = await pool.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert ended >= 1
        assert (await viewer.event()).name == "reset"
        await change_everything(pool)
        assert (await viewer.event()).name == "change"


async def test_a_stop_ends_the_streams_at_once(server: Server) -> None:
    """Open streams do not hold a stop up."""
    async with server.view() as viewer:
        await viewer.event()
        started = time.monotonic()
        server.stopping.set()
        with suppress(StopAsyncIteration):  # the end of the stream; anything else fails the test
            while True:
                await viewer.block()
        await server.serving
        assert time.monotonic() - started < 5


async def test_the_page_and_its_parts(server: Server) -> None:
    """Served from one origin, checked by the browser's policy, compressed and revalidated; nothing else on the disk
    is."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        page = await client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["content-encoding"] == "gzip"
        again = await client.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        for path, kind in (
            ("/areas/provinces.topojson", "application/json"),
            ("/areas/districts.topojson", "application/json"),
            ("/assets/leaflet/dist/leaflet.js", "text/javascript; charset=utf-8"),
            ("/assets/leaflet/dist/leaflet.css", "text/css; charset=utf-8"),
            ("/assets/topojson-client/dist/topojson-client.min.js", "text/javascript; charset=utf-8"),
            ("/assets/@fontsource/sarabun/files/sarabun-thai-400-normal.woff2", "font/woff2"),
        ):
            found = await client.get(path)
            assert (found.status_code, found.headers["content-type"]) == (200, kind)
            assert (await client.head(path)).status_code == 200
        for path in (
            "/app.py",
            "/..%2fapp.py",
            "/assets/../settings.py",
            "/assets/leaflet/package.json",
            "/index.html",
        ):
            assert (await client.get(path)).status_code == 404


async def test_everything_that_the_page_names_is_served(server: Server) -> None:
    """Scripts, styles, fonts and pictures, also those that scripts and styles name."""
    async with httpx.AsyncClient(base_url=server.url) as client:
        seen, waiting = set(), ["/"]
        while waiting:
            path = waiting.pop()
            seen.add(path)
            answer = await client.get(path)
            assert answer.status_code == 200, path
            if path.startswith(("/assets/", "/docs")):
                continue
            named = re.findall(
                r"""(?:src|href)="([^"?#:]+)"|from "(\./[^"]+)"|url\(["']?([^"')]+)["']?\)""", answer.text
            )
            for name in (one for group in named for one in group if one and not one.startswith(("data:", "#"))):
                target = str(httpx.URL(server.url + path).join(name).path)
                if target not in seen and target not in ASKING and not target.startswith("/v1/"):
                    waiting.append(target)
        assert any(path.endswith(".woff2") for path in seen)
        assert any(path.endswith("leaflet.js") for path in seen)
