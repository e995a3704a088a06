"""Health and metrics for processes that have no routes of their own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from shared.web.app import add_health
from shared.web.serve import HttpSettings, serve


async def run_worker(
    settings: HttpSettings,
    main: Callable[[asyncio.Event], Awaitable[None]],
    ready: Callable[[], list[str]],
    stopping: asyncio.Event,
) -> None:
    """Runs `main(stopping)` beside /healthz, /readyz and /metrics; when either ends, the other is stopped, and an error
    of either is raised."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    add_health(app, ready)
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await main(stopping)
        finally:
            ended.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        group.create_task(serve(app, settings, ended))
