"""Hostile and unlucky clients, on real sockets against a served application, while a normal client is served."""

import asyncio
import gc
import gzip
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from shared.observability.metrics import CONNECTIONS_ENDED
from shared.web import bodies
from shared.web import connections as module
from shared.web.app import create_app
from shared.web.connections import Wait
from shared.web.direct import Call, DirectRoute, Reply, ShortCut, add_direct_route
from shared.web.serve import HttpSettings, serve

DEADLINE_SECONDS = 10.0
"""Everything here ends within a second; a busy machine needs more."""
POST = b"POST /echo HTTP/1.1\r\nHost: test\r\n"
REFUSED = b"POST /refused HTTP/1.1\r\nHost: test\r\n"
LIMIT = 100_000


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


async def echo(call: Call) -> Reply:
    """Answers with the length of what it was sent."""
    length = b"%d" % len(await call.body())
    return Reply(200, [(b"content-length", b"%d" % len(length))], length)


async def refuse(_: Call) -> Reply:
    """Refuses a body unread."""
    return Reply(429, [(b"content-length", b"0")], b"")


async def large(_: Request) -> Response:
    """More than all buffers on the way hold."""
    return Response(b"x" * 32 * 1024 * 1024)


@dataclass
class Served:
    """A served application."""

    port: int

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection, ended in the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of what is answered to `request`; the connection's end is awaited with it."""
        async with self.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
            writer.write(request)
            return parsed(await reader.read())

    async def is_well(self) -> bool:
        """A normal client is served."""
        return await self.ask(POST + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello") == (200, b"5")


def parsed(answer: bytes) -> tuple[int, bytes]:
    """Status and body of an answer; (0, b"") for none."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split()[1]), body) if head else (0, b"")


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """With little patience: a fifth of a second for everything."""
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.02)
    monkeypatch.setattr(module, "PATIENCE", dict.fromkeys(Wait, (0.2, 0.1)) | {Wait.IDLE: (float("inf"), 0.1)})
    app = create_app(title="test", lifespan=lifespan, ready=list, max_body_bytes=LIMIT)
    add_direct_route(app, DirectRoute("/echo", echo, LIMIT))
    add_direct_route(app, DirectRoute("/refused", refuse, LIMIT))
    app.add_route("/large", large, methods=["GET"])
    stopping = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    serving = asyncio.create_task(serve(ShortCut(app), HttpSettings(port=port), stopping))
    served = Served(port)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            try:
                assert await served.is_well()
                break
            except OSError:
                await asyncio.sleep(0.02)
    yield served
    stopping.set()
    await serving


async def told(reader: asyncio.StreamReader) -> bytes:
    """All that comes before the connection ends, in order or by a reset: one who still sends sees a reset."""
    answer = b""
    with suppress(ConnectionError):
        while piece := await reader.read(65_536):
            answer += piece
    return answer


async def drip(served: Served, begin: bytes, drop: bytes) -> tuple[int, bytes]:
    """Sends `begin` and then `drop` again and again, until the connection ends; gives what was answered."""
    async with served.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.write(begin)
        telling = asyncio.create_task(told(reader))
        while not telling.done():
            writer.write(drop)
            await asyncio.wait((telling,), timeout=0.02)
        return parsed(telling.result())


async def test_a_direct_routes_answer_is_whole_and_in_order_whether_its_connection_lives_on_or_not(
    served: Served,
) -> None:
    kept, last = (b"Content-Length: 5\r\n\r\nhello", b"Connection: close\r\nContent-Length: 3\r\n\r\nbye")
    async with served.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.write(POST + kept + POST + kept + POST + last)  # without waiting for an answer
        answers = [b"HTTP/1.1 " + answer for answer in (await told(reader)).split(b"HTTP/1.1 ")[1:]]
    assert [parsed(answer) for answer in answers] == [(200, b"5"), (200, b"5"), (200, b"3")]
    heads = [answer.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")[1:] for answer in answers]
    names = [sorted(line.partition(b":")[0] for line in head) for head in heads]
    assert names[0] == names[1] == sorted({*names[2]} - {b"connection"}), "the same headers, each once"
    assert b"connection: close" in heads[2]


async def test_an_answered_request_leaves_nothing_to_the_collector(served: Served) -> None:
    """Were there one cycle of references a request, its body would lie about until the collector stops the process."""
    gc.collect()
    gc.disable()
    try:
        async with served.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
            for _ in range(20):
                writer.write(POST + b"Content-Length: 5\r\n\r\nhello")
                await reader.readuntil(b"\r\n\r\n5")
            living = sum(isinstance(each, RequestResponseCycle) for each in gc.get_objects())
    finally:
        gc.enable()
    assert living <= 3, "the connection's last one, and those of others that have just ended"


async def test_a_head_that_does_not_end_is_ended(served: Served) -> None:
    dripping = asyncio.gather(*(drip(served, POST + b"Accept-Language: en\r\nX: ", b"x") for _ in range(50)))
    assert await served.is_well()
    for status, body in await dripping:
        assert (status, json.loads(body)["code"]) == (408, "request_timeout")
        assert json.loads(body)["title"].isascii()


@pytest.mark.parametrize(
    ("head", "drop"),
    [(b"Content-Length: 1000\r\n\r\n", b"x"), (b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n")],
    ids=["declared", "chunked"],
)
async def test_a_body_that_does_not_end_is_ended(served: Served, head: bytes, drop: bytes) -> None:
    dripping = asyncio.gather(*(drip(served, POST + head, drop) for _ in range(50)))
    assert await served.is_well()
    assert {status for status, _ in await dripping} == {408}


async def test_a_refused_body_that_does_not_end_is_ended(served: Served) -> None:
    status, _ = await drip(served, REFUSED + b"Content-Length: 1000\r\n\r\n", b"x")
    assert status == 429


async def test_who_connects_and_says_nothing_is_ended_without_a_word(served: Served) -> None:
    silent = asyncio.gather(*(served.ask(b"") for _ in range(50)))
    assert await served.is_well()
    assert set(await silent) == {(0, b"")}


async def test_who_takes_no_answer_is_ended(served: Served) -> None:
    """The server's side is closed: the answer's rest never comes."""
    async with served.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"GET /large HTTP/1.1\r\nHost: test\r\n\r\n")
        before = ended(Wait.READER)
        while ended(Wait.READER) == before:
            await asyncio.sleep(0.02)
        writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len(await told(reader)) < 32 * 1024 * 1024


def ended(cause: str) -> float:
    """Connections ended for a cause until now."""
    return float(CONNECTIONS_ENDED.labels(cause)._value.get())


async def test_an_idle_connection_is_left_alone(served: Served) -> None:
    async with served.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        for _ in range(2):
            writer.write(POST + b"Content-Length: 5\r\n\r\nhello")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(1) == b"5"
            await asyncio.sleep(0.5)  # longer than the patience with anybody who owes something


@pytest.mark.parametrize("length", [b"Content-Length: 100000000", b"Transfer-Encoding: chunked"])
async def test_a_body_of_100_megabytes_is_cut_off(
    served: Served, length: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", dict.fromkeys(Wait, (float("inf"), 0.1)))  # nobody is too slow here
    piece = b"x" * 65_536
    sent = 0
    async with served.connection() as (reader, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.write(POST + length + b"\r\n\r\n")
        telling = asyncio.create_task(told(reader))
        with suppress(ConnectionError):
            while not telling.done() and sent < 100_000_000:
                writer.write(piece if b"Content" in length else b"10000\r\n%b\r\n" % piece)
                sent += len(piece)
                await writer.drain()
        assert sent < 100_000_000
        assert parsed(await telling)[0] in (413, 0)  # who goes on sending may see the end before the answer
    assert await served.is_well()


async def test_a_compressed_body_is_refused_unread(served: Served) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    head = b"Accept-Language: en\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    status, body = await served.ask(POST + head + bomb)
    assert (status, json.loads(body)["code"]) == (415, "unsupported_media_type")


async def test_a_head_without_end_is_refused(served: Served) -> None:
    status, body = await drip(served, POST, b"X-%b: 1\r\n" % (b"x" * 20_000))
    assert (status, json.loads(body)["code"]) == (431, "head_too_large")


async def test_trailers_without_end_are_ended(served: Served) -> None:
    before = ended("head_too_large")
    status, _ = await drip(served, POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: %b\r\n" % (b"x" * 20_000))
    assert status == 431
    assert ended("head_too_large") == before + 1


async def test_many_requests_at_once_on_one_connection_are_refused(served: Served) -> None:
    status, _ = await served.ask((POST + b"Content-Length: 5\r\n\r\nhello") * 1_000)
    assert status in (200, 400)
    assert await served.is_well()


async def test_an_answered_body_is_taken_in_only_so_far(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_IGNORED_BYTES", 300_000)
    monkeypatch.setattr(module, "PATIENCE", dict.fromkeys(Wait, (float("inf"), 0.1)))  # nobody is too slow here
    before = ended("body_too_large")
    await drip(served, REFUSED + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n%b\r\n" % (b"x" * 0x8000))
    assert ended("body_too_large") == before + 1


async def test_bodies_take_no_more_memory_than_there_is_for_them(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_HELD_BYTES", 150_000)
    half = POST + b"Connection: close\r\nContent-Length: 99000\r\n\r\n" + b"x" * 80_000
    async with served.connection() as (_, holder):
        holder.write(half)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while bodies._held.bytes < 80_000:
                await asyncio.sleep(0.01)
        status, body = await served.ask(half + b"x" * 19_000)
        assert (status, json.loads(body)["code"]) == (503, "unavailable")
    async with asyncio.timeout(DEADLINE_SECONDS):
        while bodies._held.bytes:
            await asyncio.sleep(0.01)
    assert await served.ask(half + b"x" * 19_000) == (200, b"99000")


async def test_too_many_connections_are_refused_and_idle_ones_make_room(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CONNECTIONS", 10)
    monkeypatch.setattr(module, "CROWD", 5)
    async with asyncio.timeout(DEADLINE_SECONDS):
        opened = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(11)]
        assert parsed(await opened[10][0].read())[0] == 503
        for reader, _ in opened[:5]:
            await reader.read()  # they said nothing, and are ended soon
        while not await served.is_well():
            await asyncio.sleep(0.02)
    for _, writer in opened:
        writer.transport.abort()


async def test_half_open_connections_are_ended(served: Served) -> None:
    """A phone that loses its net in the middle of a request says no more, not even that it leaves."""
    before = ended(Wait.BODY)
    async with served.connection() as (_, writer), asyncio.timeout(DEADLINE_SECONDS):
        writer.write(POST + b"Content-Length: 1000\r\n\r\nhalf")
        while ended(Wait.BODY) == before:
            await asyncio.sleep(0.02)


async def test_a_client_that_resets_is_no_error(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    async with served.connection() as (_, writer):
        writer.write(POST + b"Content-Length: 1000\r\n\r\nhalf")
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    async with asyncio.timeout(DEADLINE_SECONDS):
        while bodies._held.bytes:
            await asyncio.sleep(0.01)
    assert await served.is_well()
    assert "request_failed" not in caplog.text
