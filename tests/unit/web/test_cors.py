"""Which pages of other origins may read a service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from shared.web.app import create_app
from shared.web.cors import WRITE, PageSettings
from shared.web.problems import Problem

DESK = "https://registration.example"


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> httpx.AsyncClient:
    monkeypatch.setenv("JITASA_PAGE_ORIGINS", f"{DESK} http://127.0.0.1:8101")
    return _client()


def _client() -> httpx.AsyncClient:
    app = create_app(title="Test", lifespan=lifespan, ready=lambda: [])

    @app.get("/figures")
    def figures() -> dict[str, int]:
        return {"overdue": 3}

    @app.get("/refused")
    def refused() -> None:
        raise Problem(401, "token_expired")

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


async def test_a_service_on_which_pages_work_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITASA_PAGE_ORIGINS", DESK)
    app = create_app(title="Test", lifespan=lifespan, ready=lambda: [], page_methods=WRITE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        asked = await preflight(client, DESK, "PUT")
        assert asked.headers["access-control-allow-methods"] == "GET, POST, PUT, DELETE"
        assert "if-match" in asked.headers["access-control-allow-headers"].lower()
        assert (await preflight(client, "https://elsewhere.example", "PUT")).status_code == 400


async def preflight(client: httpx.AsyncClient, origin: str, method: str = "GET") -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    return await client.options("/figures", headers=headers)


async def test_a_listed_page_may_read_and_sees_why_it_may_not(client: httpx.AsyncClient) -> None:
    asked = await preflight(client, DESK)
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, DESK)
    assert asked.headers["access-control-allow-methods"] == "GET"
    assert "authorization" in asked.headers["access-control-allow-headers"].lower()
    for path, status in (("/figures", 200), ("/refused", 401)):
        answer = await client.get(path, headers={"Origin": DESK})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, DESK)
        assert answer.headers["vary"].lower().endswith("origin")
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", f"{DESK}.evil.example", f"{DESK}:444", "null"])
async def test_no_other_page_may(client: httpx.AsyncClient, origin: str) -> None:
    assert (await preflight(client, origin)).status_code == 400
    assert "access-control-allow-origin" not in (await client.get("/figures", headers={"Origin": origin})).headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_but_reading(client: httpx.AsyncClient, method: str) -> None:
    assert (await preflight(client, DESK, method)).status_code == 400


async def test_without_a_list_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JITASA_PAGE_ORIGINS", raising=False)
    answer = await _client().get("/figures", headers={"Origin": DESK})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "origins", ["*", "https://*.example", "https://a.example/", "https://a.example/desk", "null", "a"]
)
def test_only_exact_origins_can_be_listed(origins: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin"):
        PageSettings(page_origins=origins)
