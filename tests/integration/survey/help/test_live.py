"""Whoever watches an area is told at once, and no more than he may know."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from starlette.types import Message

from services.survey.help.live import HelpLive
from shared.contracts.events import Role
from tests.integration.survey.help.conftest import Place, Somebody

DEADLINE_SECONDS = 20.0


class Watched:
    """An open stream."""

    def __init__(self) -> None:
        self.status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self._events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def take(self, message: Message) -> None:
        """What the application sends."""
        if message["type"] == "http.response.start":
            self.status.set_result(message["status"])
            return
        for block in message["body"].decode().split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
            if "event" in lines:
                self._events.put_nowait((lines["event"], json.loads(lines["data"])))
        if not message.get("more_body"):
            self.ended.set()

    async def next(self) -> tuple[str, Any]:
        """The next event, waited for."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self._events.get()

    @property
    def silent(self) -> bool:
        """Whether everything that came was taken."""
        return self._events.empty()


@asynccontextmanager
async def watching(somebody: Somebody, query: str = "") -> AsyncIterator[Watched]:
    """The stream of somebody."""
    watched = Watched()

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        watched.take(message)

    path = "/v1/help-requests/live"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"test"), (b"authorization", f"Bearer {somebody.token}".encode())],
        "client": ("10.7.0.2", 1),
        "server": ("test", 80),
        "root_path": "",
    }
    task = asyncio.create_task(somebody.place.app(scope, receive, send))
    try:
        yield watched
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def live(place: Place) -> HelpLive:
    """The service's, listening."""
    place.tools.live.start()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not place.tools.live.connected:
            await asyncio.sleep(0.01)
    return place.tools.live


async def test_every_step_is_told_masked_to_those_of_the_area(place: Place, live: HelpLive) -> None:
    volunteer, neighbour, province = (
        place.staff(),
        place.staff(area="500102"),
        place.staff(Role.PROVINCE_ADMINISTRATOR, "50"),
    )
    async with watching(volunteer) as near, watching(neighbour) as next_door, watching(province, "area=5001") as above:
        for stream in (near, next_door, above):
            assert await stream.next() == ("opened", {})
        citizen = place.citizen()
        request_id = (await place.asked(citizen))["request_id"]
        await volunteer.step(request_id, "acceptance")
        await volunteer.step(request_id, "closing", outcome="helped")
        for stream in (near, above):
            told = [await stream.next() for _ in range(3)]
            assert {name for name, _ in told} == {"request"}
            assert [(item["revision"], item["status"]) for _, item in told] == [
                (1, "waiting"),
                (2, "accepted"),
                (3, "done"),
            ]
            assert told[1][1]["owner"]["volunteer_id"] == str(volunteer.subject)
            text = json.dumps(told, ensure_ascii=False)
            assert not any(word in text for word in ("สมหญิง", "99/1", "ความดัน", citizen.phone))
        # His own comes after what was not his: nothing of the other subdistrict was before it.
        other = (await place.asked(area="500102"))["request_id"]
        assert (await next_door.next())[1]["request_id"] == other


async def test_what_a_list_shows_and_what_the_stream_says_is_the_same(place: Place, live: HelpLive) -> None:
    volunteer = place.staff()
    async with watching(volunteer) as stream:
        await stream.next()
        await place.asked(position={"lat": 18.7883, "lon": 98.9853})
        assert [(await stream.next())[1]] == await volunteer.requests()


async def test_after_a_lost_connection_everybody_asks_anew(place: Place, live: HelpLive) -> None:
    async with watching(place.staff()) as stream:
        assert (await stream.next())[0] == "opened"
        await place.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        assert (await stream.next())[0] == "opened"
        request_id = (await place.asked())["request_id"]
        assert (await stream.next())[1]["request_id"] == request_id


async def test_the_places_are_bounded(place: Place) -> None:
    live = HelpLive(place.pool, most=1)
    object.__setattr__(place.tools, "live", live)
    async with watching(place.staff()) as first:
        assert await first.status == 200
        async with watching(place.staff()) as second:
            assert await second.status == 503


async def test_who_is_too_slow_is_let_go(place: Place, live: HelpLive) -> None:
    slow, quick = live.join("50"), live.join("51")
    for _ in range(700):
        live._tell(b"x", "500101")
    assert slow not in live._viewers
    assert quick in live._viewers
    live.leave(quick)


async def test_a_stream_ends_with_the_token_and_with_a_suspension(
    place: Place, live: HelpLive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.survey.help.http.watching.HEARTBEAT_SECONDS", 0.05)
    suspended, expiring = place.staff(), place.staff()
    async with watching(suspended) as one, watching(expiring) as other:
        assert ((await one.next())[0], (await other.next())[0]) == ("opened", "opened")
        place.bar.subjects.add(suspended.subject)
        async with asyncio.timeout(DEADLINE_SECONDS):
            await one.ended.wait()
        assert not other.ended.is_set()
        place.clock.advance(timedelta(days=61))
        async with asyncio.timeout(DEADLINE_SECONDS):
            await other.ended.wait()
