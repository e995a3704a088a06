"""Serves an ASGI application with uvicorn until the process is told to stop."""

import asyncio
import os
import resource
import socket
from typing import Any

import uvicorn
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.observability.tracing import traced
from shared.web.connections import MAX_CONNECTIONS, BoundedProtocol, Sweep

DRAIN_SECONDS = 10
"""Open requests may end within this time at a stop; it is longer than any request's own limits."""
ACCEPTED_AT_ONCE = 16
"""Connections, in one turn of the event loop. libuv takes one for each socket that listens (libuv#3696), and a turn may
answer hundreds of requests: in a surge those who connect would wait behind all who are connected already. Each new
connection may wake every one of the sockets, for a call into the kernel each."""
OTHER_FILES = 512
"""Open files of a process beside its clients' connections: those to Kafka and PostgreSQL, logs, libraries."""


class HttpSettings(BaseSettings):
    """Where the process listens: JITASA_HTTP_HOST, JITASA_HTTP_PORT, JITASA_HTTP_OWN_PORT."""

    model_config = SettingsConfigDict(env_prefix="JITASA_HTTP_")

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    own_port: int | None = Field(default=None, ge=1, le=65535)
    """Given where several processes share `port`: here this one alone answers, for health and metrics."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has one place for signals (shared.web.process)."""

    def install_signal_handlers(self) -> None:
        """Nothing: see the class."""

    def capture_signals(self) -> Any:
        """Nothing: see the class."""
        from contextlib import nullcontext

        return nullcontext()


async def serve(app: Any, settings: HttpSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. Raises OSError that names the port when that is taken."""
    _allow_files(MAX_CONNECTIONS + OTHER_FILES)
    config = uvicorn.Config(
        traced(app),
        host=settings.host,
        port=settings.port,
        loop="none",
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # shared/web/app.py reads them, for all but the direct routes, which need no address
        date_header=True,
        timeout_keep_alive=30,  # phones on a slow net reuse the connection; idle ones end
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=1024,
    )
    sockets = _sockets(settings)
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets))
    sweeping = asyncio.create_task(Sweep(server.server_state.connections).run())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stop, sweeping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stop.cancel()
    await serving
    if sweeping.done():
        await sweeping  # raises: without it connections have no bounds in time, and the process has to start again
    sweeping.cancel()
    if not stopping.is_set():
        raise SystemExit(os.EX_UNAVAILABLE)


def _allow_files(number: int) -> None:
    """Lets the process open so many files, as far as the system does: at its limit it could take no connection at all,
    not even to refuse it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed != resource.RLIM_INFINITY and allowed < number:
        wanted = number if most == resource.RLIM_INFINITY else min(number, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _sockets(settings: HttpSettings) -> list[socket.socket]:
    """The port, several times, and the process's own one.

    The kernel spreads connections over the sockets that listen on a port that processes share (SO_REUSEPORT). uvicorn
    lets them listen once the application has started: until then no connection is given to it.
    """
    if settings.own_port is None:
        shared, own = _bound(settings.host, settings.port, socket.SO_REUSEADDR), []
    else:
        shared = _bound(settings.host, settings.port, socket.SO_REUSEADDR, socket.SO_REUSEPORT)
        own = [_bound(settings.host, settings.own_port, socket.SO_REUSEADDR)]
    return [shared, *(shared.dup() for _ in range(ACCEPTED_AT_ONCE - 1)), *own]


def _bound(host: str, port: int, *options: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    for option in options:
        bound.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return bound
