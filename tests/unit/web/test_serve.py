"""The end of serving; and several processes on one port: here several servers in one, the same to the kernel."""

import asyncio
import socket
import sys
import threading
import time
from collections import Counter
from http.client import HTTPConnection

import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.web.connections import Sweep
from shared.web.serve import HttpSettings, serve


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NEEDS_IPV6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


def _ask(port: int, host: str = "127.0.0.1") -> str:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


async def _until_served(port: int, host: str = "127.0.0.1") -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await asyncio.to_thread(_ask, port, host)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return


def _named(name: str) -> Starlette:
    async def answer(_: Request) -> PlainTextResponse:
        return PlainTextResponse(name)

    return Starlette(routes=[Route("/", answer)])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux spreads connections over the sockets of a port")
async def test_a_shared_port_reaches_everybody_and_an_own_one_its_owner() -> None:
    shared, own = _free_port(), {"first": _free_port(), "second": _free_port()}
    stopping = {name: asyncio.Event() for name in own}
    serving = {
        name: asyncio.create_task(serve(_named(name), HttpSettings(port=shared, own_port=port), stopping[name]))
        for name, port in own.items()
    }
    for name, port in own.items():
        await _until_served(port)
        assert await asyncio.to_thread(_ask, port) == name
    reached = Counter([await asyncio.to_thread(_ask, shared) for _ in range(60)])
    assert set(reached) == set(own)
    stopping["first"].set()
    await serving["first"]
    assert {await asyncio.to_thread(_ask, shared) for _ in range(10)} == {"second"}
    stopping["second"].set()
    await serving["second"]


async def test_who_connects_does_not_wait_behind_everybody_who_is_connected() -> None:
    """On the event loop that services run on: of those who connect while it is busy, it takes many in one turn."""
    answered = Counter[str]()

    async def answer(request: Request) -> PlainTextResponse:
        time.sleep(0.005)  # noqa: ASYNC251  # stands for more requests than a test sends
        answered[request.url.path] += 1
        return PlainTextResponse("")

    app = Starlette(routes=[Route(path, answer) for path in ("/", "/known", "/new")])
    port, ending = _free_port(), threading.Event()

    async def served() -> None:
        stopping = asyncio.Event()
        serving = asyncio.create_task(serve(app, HttpSettings(port=port), stopping))
        await asyncio.to_thread(ending.wait)
        stopping.set()
        await serving

    async def known() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while not ending.is_set():
            writer.write(b"GET /known HTTP/1.1\r\nHost: here\r\n\r\n")
            await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async def new() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /new HTTP/1.1\r\nHost: here\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    running = asyncio.create_task(asyncio.to_thread(uvloop.run, served()))
    await _until_served(port)
    crowd = asyncio.gather(*(known() for _ in range(8)))
    async with asyncio.timeout(20):
        while answered["/known"] < 100:
            await asyncio.sleep(0.01)
        before = answered["/known"]
        await asyncio.gather(*(new() for _ in range(32)))
        meanwhile = answered["/known"] - before
    ending.set()
    await asyncio.gather(crowd, running)
    assert answered["/new"] == 32
    assert meanwhile < 32 * 8 / 2  # one by one, each of the eight would be answered as often as somebody is taken


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "0.0.0.0",  # noqa: S104 - for as long as the test takes
        pytest.param("::1", marks=NEEDS_IPV6),
        pytest.param("::", marks=NEEDS_IPV6),
    ],
)
async def test_it_listens_by_name_everywhere_and_on_either_internet(host: str) -> None:
    port, stopping = _free_port(), asyncio.Event()
    serving = asyncio.create_task(serve(_named("here"), HttpSettings(host=host, port=port), stopping))
    at = "::1" if ":" in host else "127.0.0.1"
    await _until_served(port, at)
    assert await asyncio.to_thread(_ask, port, at) == "here"
    stopping.set()
    await serving


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1, port {port}: "):
            await serve(_named("any"), HttpSettings(port=port), asyncio.Event())


async def test_a_process_whose_sweep_has_failed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Sweep) -> None:
        raise RuntimeError("the sweep is broken")

    monkeypatch.setattr(Sweep, "run", fails)
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="the sweep is broken"):
            await serve(_named("any"), HttpSettings(port=_free_port()), asyncio.Event())
