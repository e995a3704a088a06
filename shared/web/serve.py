"""Serves an ASGI application with uvicorn until the process is told to stop."""

import asyncio
import os
from typing import Any

import uvicorn
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DRAIN_SECONDS = 10
"""Open requests may end within this time at a stop; it is longer than any request's own limits."""


class HttpSettings(BaseSettings):
    """Where the process listens: JITASA_HTTP_HOST, JITASA_HTTP_PORT."""

    model_config = SettingsConfigDict(env_prefix="JITASA_HTTP_")

    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process has one place for signals (shared.web.process)."""

    def install_signal_handlers(self) -> None:
        """Nothing: see the class."""

    def capture_signals(self) -> Any:
        """Nothing: see the class."""
        from contextlib import nullcontext

        return nullcontext()


async def serve(app: Any, settings: HttpSettings, stopping: asyncio.Event) -> None:
    """Serves until `stopping` is set. A port that is taken ends the process with exit code 1 and a message."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="none",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=30,  # phones on a slow net reuse the connection; idle ones end
        timeout_graceful_shutdown=DRAIN_SECONDS,
        backlog=1024,
        h11_max_incomplete_event_size=16 * 1024,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    stop = asyncio.create_task(stopping.wait())
    await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stop.cancel()
    await serving
    if not stopping.is_set():
        raise SystemExit(os.EX_UNAVAILABLE)
