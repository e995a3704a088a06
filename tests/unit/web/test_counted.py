"""Requests are counted by their route: never by a path, which anybody may invent and which may hold an id."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI
from prometheus_client import REGISTRY, generate_latest

from shared.web.app import create_app
from shared.web.files import page_files, route


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


def counted(name: str) -> float:
    labels = {"method": "GET", "route": name, "status": "200"}
    return REGISTRY.get_sample_value("jitasa_http_requests_total", labels) or 0


async def test_each_page_and_route_by_itself_and_what_pages_load_together(tmp_path: Path) -> None:
    for name in ("index.html", "desk.html", "main.js", "icon.svg"):
        (tmp_path / name).write_text("")
    app = create_app(title="test", lifespan=nothing, ready=list)
    app.router.routes.extend(route(url, file) for url, file in page_files(tmp_path))

    @app.get("/houses/{house}")
    async def house(house: str) -> str:
        return house

    asked = {
        "/": "/",
        "/desk": "/desk",
        "/main.js": "files",
        "/icon.svg": "files",
        "/houses/0812345678": "/houses/{house}",
        "/healthz": "/healthz",
        "/metrics": "/metrics",
    }
    before = {name: counted(name) for name in asked.values()}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for path in asked:
            assert (await client.get(path)).status_code == 200
        assert (await client.get("/citizen/0812345678")).status_code == 404
    grown = {name: counted(name) - before[name] for name in asked.values()}
    assert grown == {**dict.fromkeys(asked.values(), 1), "files": 2}
    assert "0812345678" not in generate_latest().decode()
