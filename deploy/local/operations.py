"""The operators' page: `python -m deploy.local.operations`, a process of the local stack that the supervisor starts.

It asks every process for its metrics every few seconds, keeps an hour of them in memory (deploy/local/samples.py) and
serves them, with the page that draws them, to this machine alone. It can only be read, and what it tells holds no
personal data: metrics never do.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # until shared/web/process.py: what is loaded stays, and the search took a fifth of a start

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.catalogue import OPERATIONS
from deploy.local import lag
from deploy.local.description import SERVES_NO_HTTP, describe
from deploy.local.home import Home
from deploy.local.samples import EVERY_SECONDS, Samples
from deploy.local.tools import Tools
from shared.web.app import Frame, add_health
from shared.web.bodies import MAX_BODY_BYTES
from shared.web.files import FONT, package_files, page_files, route
from shared.web.process import run
from shared.web.serve import HttpSettings, serve

PAGES: Final = Path(__file__).parent / "pages"
ASKED_AT_ONCE: Final = 8
"""A process that hangs holds up one of these for two seconds, not the sample."""


class Watch:
    """Takes the samples, and knows how the processes were at the last one."""

    def __init__(self, home: Home) -> None:
        self.samples = Samples()
        self._home = home
        self._asking = ThreadPoolExecutor(ASKED_AT_ONCE, thread_name_prefix="ask")
        self._stack: dict[str, Any] = {"running": False, "processes": []}

    async def run(self, stopping: asyncio.Event) -> None:
        """One sample every `EVERY_SECONDS`, until `stopping`."""
        while not stopping.is_set():
            began = time.monotonic()
            self._stack, metrics = await asyncio.to_thread(self._look)
            self.samples.take(time.time(), metrics)
            try:
                await asyncio.wait_for(stopping.wait(), max(0.0, began + EVERY_SECONDS - time.monotonic()))
            except TimeoutError:
                continue

    def document(self) -> dict[str, Any]:
        """The hour, and the processes."""
        return {
            **self.samples.document(time.time()),
            "running": self._stack["running"],
            "processes": [
                {name: each[name] for name in ("name", "state", "port", "restarts")}
                for each in self._stack["processes"]
            ],
        }

    def _look(self) -> tuple[dict[str, Any], dict[str, str]]:
        metrics: dict[str, str] = {}
        listed = [
            each for each in describe(self._home, lambda _: True)["processes"] if each["name"] not in SERVES_NO_HTTP
        ]
        for each, text in zip(listed, self._asking.map(lag.read, [each["port"] for each in listed]), strict=True):
            if text is not None:
                metrics[each["name"]] = text
        return describe(self._home, lambda each: each["name"] in metrics), metrics


def create(watch: Watch, assets: Path) -> FastAPI:
    """The page's application. assets: a `node_modules` folder."""
    app = FastAPI(openapi_url=None)
    add_health(app, lambda: [])

    async def state(_: Request) -> JSONResponse:
        return JSONResponse(watch.document(), headers={"Cache-Control": "no-store"})

    files = [*page_files(PAGES), *package_files(assets, FONT)]
    app.router.routes.extend([Route("/state", state), *(route(url, file) for url, file in files)])
    app.add_middleware(Frame, max_body_bytes=MAX_BODY_BYTES)
    return app


async def main(stopping: asyncio.Event) -> None:
    """The process."""
    home = Home.from_environment()
    watch = Watch(home)
    async with asyncio.TaskGroup() as group:
        group.create_task(watch.run(stopping))
        group.create_task(serve(create(watch, Tools(home.tools).assets), HttpSettings(), stopping))


if __name__ == "__main__":
    run(main, name=OPERATIONS)
