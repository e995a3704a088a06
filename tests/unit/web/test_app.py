"""The frame of every service: health, documents of problems, limits, and a description that is true."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from shared.observability.logs import configure_logs
from shared.web.allowance import Allowance
from shared.web.app import create_app
from shared.web.direct import Call, DirectRoute, Reply, ShortCut, add_direct_route
from shared.web.problems import Problem, language_of

SECRET = "0812345678"


class Thing(BaseModel):
    """A body."""

    number: Annotated[int, Field(ge=1)]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


LARGER = {"/files/[^/]+": 2_000}


@pytest.fixture
def reasons() -> list[str]:
    return []


@pytest.fixture
async def client(
    reasons: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "swagger-ui-dist").mkdir()
    (tmp_path / "swagger-ui-dist" / "swagger-ui.css").write_text("body {}")
    monkeypatch.setenv("JITASA_ASSETS", str(tmp_path))
    app = create_app(title="test", lifespan=lifespan, ready=lambda: reasons, max_body_bytes=1000, larger_bodies=LARGER)

    @app.post("/files/{name}")
    async def files(request: Request, name: str) -> int:
        return len(await request.body())

    @app.post("/things")
    async def things(thing: Thing) -> int:
        return thing.number

    @app.get("/open")
    async def anybody() -> int:
        return 1

    @app.get("/broken")
    async def broken() -> None:
        raise LookupError(SECRET)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as opened:
        yield opened


async def test_health(client: httpx.AsyncClient, reasons: list[str]) -> None:
    assert (await client.get("/healthz")).status_code == 200
    assert (await client.get("/readyz")).status_code == 200
    reasons.append("Kafka is away")
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["Kafka is away"])
    assert "jitasa_http_requests_total" in (await client.get("/metrics")).text


async def test_no_proxy_leads_metrics_outside(client: httpx.AsyncClient) -> None:
    for name in ("X-Forwarded-For", "Forwarded", "Via"):
        assert (await client.get("/metrics", headers={name: "203.0.113.5"})).status_code == 404
    assert (await client.get("/healthz", headers={"X-Forwarded-For": "203.0.113.5"})).status_code == 200


async def test_who_asks_is_taken_from_trusted_proxies_alone(client: httpx.AsyncClient) -> None:
    """So nobody gets a fresh allowance by naming another address."""
    transport = client._transport
    assert isinstance(transport, httpx.ASGITransport)
    for address, statuses in (("127.0.0.1", [200] * 3), ("203.0.113.7", [200, 200, 429])):
        transport.app.state.allowance = Allowance(lambda: 0.0, at_once=2)  # type: ignore[attr-defined]
        transport.client = (address, 1)
        asked = [
            (await client.get("/open", headers={"X-Forwarded-For": f"198.51.100.{number}"})).status_code
            for number in range(3)
        ]
        assert asked == statuses, address


@pytest.mark.parametrize(
    ("body", "status", "path", "code"),
    [
        (b"{", 400, "", "malformed_json"),
        (b"{}", 400, "number", "required"),
        (b'{"number": "x"}', 400, "number", "not_a_whole_number"),
        (b'{"number": 0}', 400, "number", "too_small"),
    ],
)
async def test_a_bad_body_is_a_problem_document(
    client: httpx.AsyncClient, body: bytes, status: int, path: str, code: str
) -> None:
    answer = await client.post("/things", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    [error] = answer.json()["errors"]
    assert (error["path"], error["code"]) == (path, code)


@pytest.mark.parametrize("declared", [True, False])
async def test_a_large_body_is_refused(client: httpx.AsyncClient, declared: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    answer = await client.post("/things", content=b" " * 2000 if declared else pieces())
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/files/a", 1_500, 200), ("/files/a", 2_001, 413), ("/files/a/b", 1_500, 413), ("/x/files/a", 1_500, 413)],
)
async def test_single_paths_take_larger_bodies(client: httpx.AsyncClient, path: str, size: int, status: int) -> None:
    assert (await client.post(path, content=bytes(size))).status_code == status


async def test_the_languages(client: httpx.AsyncClient) -> None:
    thai = await client.get("/nowhere")
    english = await client.get("/nowhere", headers={"Accept-Language": "en"})
    assert (thai.json()["title"], english.json()["title"]) == ("ไม่พบสิ่งที่ขอ", "Not found")
    assert thai.headers["content-language"] == "th"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "th"),
        ("", "th"),
        ("fr", "th"),
        ("en-GB,en;q=0.9", "en"),
        ("th,en;q=0.9", "th"),
        ("en;q=0.1,th;q=x", "en"),
    ],
)
def test_language_of(header: str | None, language: str) -> None:
    assert language_of(header) == language


async def test_an_error_of_ours_is_told_without_its_text(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logs("test")
    try:
        answer = await client.get("/broken")
        logging.getLogger("other").error("failed", exc_info=LookupError(SECRET))
    finally:
        root.handlers, root.level = handlers, level
    assert answer.status_code == 500
    assert SECRET not in answer.text
    logged = capsys.readouterr().out
    assert "LookupError" in logged
    assert SECRET not in logged


async def test_the_description_tells_what_is_answered(client: httpx.AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()
    answers = description["paths"]["/things"]["post"]["responses"]
    assert "422" not in answers
    assert "application/problem+json" in answers["400"]["content"]


async def test_the_page_of_the_description_loads_nothing_from_outside(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "/docs/swagger-ui-bundle.js" in page
    assert "http" not in page.replace("http-equiv", "")
    assert (await client.get("/docs/swagger-ui.css")).text == "body {}"
    assert (await client.get("/docs/..%2fsecret")).status_code == 404


async def test_a_direct_route_answers_as_the_application_does() -> None:
    app = create_app(title="test", lifespan=lifespan, ready=list, max_body_bytes=1000)

    def answered(body: bytes) -> bytes:
        if body == b"problem":
            raise Problem(409)
        if body == b"broken":
            raise LookupError(SECRET)
        return body

    async def plain_busy(request: Request) -> Response:
        return Response(answered(await request.body()))

    async def busy(call: Call) -> Reply:
        body = answered(await call.body())
        return Reply(200, [(b"content-length", b"%d" % len(body))], body)

    app.add_route("/plain", plain_busy, methods=["POST"])
    add_direct_route(app, DirectRoute("/busy", busy, max_body_bytes=1000))
    application = httpx.ASGITransport(app, raise_app_exceptions=False)
    shortcut = httpx.ASGITransport(ShortCut(app))
    async with (
        httpx.AsyncClient(transport=application, base_url="http://test") as plain,
        httpx.AsyncClient(transport=shortcut, base_url="http://test") as direct,
    ):
        for body in (b"well", b"problem", b"broken", b" " * 2000):
            expected, answer = await plain.post("/plain", content=body), await direct.post("/busy", content=body)
            assert (answer.status_code, answer.content) == (expected.status_code, expected.content)
            assert expected.headers.items() <= answer.headers.items()
        assert (await direct.get("/busy")).status_code == 405
        assert (await direct.get("/healthz")).status_code == 200
