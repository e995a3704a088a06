"""The end of serving; and several processes on one port: here several servers in one, the same to the kernel."""

import asyncio
import socket
import sys
from collections import Counter
from http.client import HTTPConnection

import pytest
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


def _ask(port: int) -> str:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


async def _until_served(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await asyncio.to_thread(_ask, port)
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


async def test_a_process_whose_sweep_has_failed_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: Sweep) -> None:
        raise RuntimeError("the sweep is broken")

    monkeypatch.setattr(Sweep, "run", fails)
    async with asyncio.timeout(10):
        with pytest.raises(RuntimeError, match="the sweep is broken"):
            await serve(_named("any"), HttpSettings(port=_free_port()), asyncio.Event())
