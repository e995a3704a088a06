"""The fault proxy does what it is told: on it stands what the other tests say about the network."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import pytest

from deploy.local import ports
from tests.faults.proxy import HOST, Proxy

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
DELAY = 0.1
SOON = 0.3
"""Longer than anything takes that is not held back."""


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    """The port of a server that sends back what it gets."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionResetError):  # a proxy that is cut resets this side too
            while data := await reader.read(1024):
                writer.write(data)
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy(ports.free_base(), echo) as proxy:
        yield proxy


@pytest.fixture
async def connection(proxy: Proxy) -> AsyncIterator[Connection]:
    connection = await asyncio.open_connection(HOST, proxy.port)
    assert await _sent_back(connection, b"first") == b"first"
    yield connection
    connection[1].transport.abort()


async def _sent_back(connection: Connection, data: bytes) -> bytes:
    connection[1].write(data)
    return await connection[0].readexactly(len(data))


async def test_everything_passes_and_so_does_the_end(connection: Connection) -> None:
    much = bytes(3_000_000)
    assert await _sent_back(connection, much) == much
    connection[1].write_eof()
    assert await connection[0].read() == b""


async def test_latency_counts_each_way_and_does_not_narrow_the_road(proxy: Proxy, connection: Connection) -> None:
    proxy.slow(DELAY)
    begun = monotonic()
    for number in range(10):
        connection[1].write(bytes([number]))
        await connection[1].drain()
        await asyncio.sleep(0.005)
    assert await connection[0].readexactly(10) == bytes(range(10))
    assert 2 * DELAY <= monotonic() - begun < 10 * DELAY


async def test_what_hangs_is_delivered_later(proxy: Proxy, connection: Connection) -> None:
    proxy.hang()
    another = await asyncio.open_connection(HOST, proxy.port)
    for reader, writer in (connection, another):
        writer.write(b"late")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(4), SOON)
    proxy.pass_on()
    assert await connection[0].readexactly(4) == await another[0].readexactly(4) == b"late"
    another[1].transport.abort()


async def test_a_cut_resets_and_refuses_until_it_is_mended(proxy: Proxy, connection: Connection) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await connection[0].read()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, proxy.port)
    proxy.pass_on()
    again = await asyncio.open_connection(HOST, proxy.port)
    assert await _sent_back(again, b"again") == b"again"
    again[1].transport.abort()


async def test_a_target_that_refuses_resets(proxy: Proxy) -> None:
    with Proxy(proxy.port + 1, proxy.port + 2) as nowhere, pytest.raises(ConnectionResetError):
        await _read(nowhere.port)


async def _read(port: int) -> bytes:
    """Everything that comes; a reset may come while the connection is still being made."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        return await reader.read()
    finally:
        writer.transport.abort()
