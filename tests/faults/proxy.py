"""A TCP proxy that stands between the services and Kafka or PostgreSQL, and behaves badly when told to."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Final, Self

HOST: Final = "127.0.0.1"
CHUNK_BYTES: Final = 64 * 1024
HELD_CHUNKS: Final = 64
"""What one direction of a connection holds at most while it is delayed or hangs, 4 MiB; then the sender has to wait."""
TURN_SECONDS: Final = 5.0
"""A change of mode takes milliseconds; longer means that the proxy itself is broken."""
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER for no time: closing sends a reset."""


class Proxy:
    """Passes connections to `port` on to `target`, in a thread of its own; also a context manager.

    What was held back is passed on later, in order, as by a network that comes back. When the target refuses, the
    connection is reset.
    """

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self._delay = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy {port}", daemon=True)
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Begin to pass connections on."""
        self._thread.start()
        self.pass_on()

    def close(self) -> None:
        """End all connections, and the thread; harmless when it does not run."""
        if not self._thread.is_alive():
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def pass_on(self) -> None:
        """Pass everything on at once, as if there were no proxy."""
        self._do(self._turn(flowing=True))

    def slow(self, seconds: float) -> None:
        """Deliver everything so much later, in each direction."""
        self._do(self._turn(flowing=True, delay=seconds))

    def hang(self) -> None:
        """Accept connections and data, and pass nothing on."""
        self._do(self._turn(flowing=False))

    def cut(self) -> None:
        """Reset all connections, and refuse new ones."""
        self._do(self._cut())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(TURN_SECONDS)

    async def _turn(self, *, flowing: bool, delay: float = 0.0) -> None:
        self._delay = delay
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port, limit=CHUNK_BYTES)

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            _reset(writer)

    async def _end(self) -> None:
        await self._cut()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = self._loop.create_task(self._carry(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers = {writer}
        self._writers.add(writer)
        try:
            there = await asyncio.open_connection(HOST, self.target, limit=CHUNK_BYTES)
            writers.add(there[1])
            self._writers.add(there[1])
            async with asyncio.TaskGroup() as both:
                both.create_task(self._one_way(reader, there[1]))
                both.create_task(self._one_way(there[0], writer))
        except* OSError:
            pass  # one of the two is gone: so is the connection
        else:
            for one in writers:
                one.close()  # what is still in its buffer goes out
        finally:
            for one in writers:
                if not one.is_closing():
                    _reset(one)
            self._writers -= writers

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Reading goes on while what was read before is still delayed: a slow road is long, not narrow."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_CHUNKS)

        async def read() -> None:
            data = b"."
            while data:
                data = await reader.read(CHUNK_BYTES)
                await held.put((self._loop.time() + self._delay, data))

        async with asyncio.TaskGroup() as pair:
            pair.create_task(read())
            while True:
                due, data = await held.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flowing.wait()
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):  # the other side has closed too
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # it is closed already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
