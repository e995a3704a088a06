"""Health and metrics for processes that have no routes of their own."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.applications import Starlette

from shared.web.health import health_routes
from shared.web.serve import HttpSettings, serve


async def run_worker(
    settings: HttpSettings,
    main: Callable[[asyncio.Event], Awaitable[None]],
    ready: Callable[[], list[str]],
    stopping: asyncio.Event,
    *,
    beside: Callable[[asyncio.Event], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Runs `main(stopping)` beside /healthz, /readyz and /metrics; when either ends, the other is stopped, and an error
    of either is raised. beside: something smaller that runs meanwhile, such as a measurement."""
    app = Starlette(routes=health_routes(ready))
    ended = asyncio.Event()

    async def work() -> None:
        try:
            async with asyncio.TaskGroup() as both:
                smaller = both.create_task(beside(stopping)) if beside is not None else None
                await main(stopping)
                if smaller is not None:
                    smaller.cancel()
        finally:
            ended.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        group.create_task(serve(app, settings, ended))
