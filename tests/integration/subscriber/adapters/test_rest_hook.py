"""FHIR's rest-hook: every place that changed is told, whatever is killed or refused, and nothing twice without need."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.subscriber.adapters.fhir_resources import location
from shared.contracts.golden import examples
from shared.contracts.topics import FACILITY_UPDATED
from tests.integration.subscriber.adapters.conftest import begin, run


@dataclass
class Endpoint:
    """Somebody's FHIR server: what it was sent, and how many requests it still takes."""

    takes: int = 10_000
    requests: list[tuple[str, str, Any, str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A server that answers 200 as long as it takes something, and 503 then."""
    told = Endpoint()

    class Hook(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status = 200 if told.takes > 0 else 503
            told.takes -= 1
            if status == 200:
                whole = json.loads(body) if body else None
                told.requests.append((self.command, self.path, whole, self.headers.get("Authorization")))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST = answer

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    told.url = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()
    server.server_close()


def newest() -> dict[str, Any]:
    """The Locations of the sandbox's places, by id."""
    found: dict[str, Any] = {}
    for example in examples():
        if example.topic == FACILITY_UPDATED:
            body = example.event.model_dump(mode="json")
            if example.key not in found or body["revision"] > found[example.key]["revision"]:
                found[example.key] = body
    return {key: location(body) for key, body in found.items()}


def subscription(folder: Path, endpoint: Endpoint, **channel: Any) -> Path:
    """A Subscription in a file."""
    path = folder / "places.json"
    told = {"type": "rest-hook", "endpoint": endpoint.url, "header": ["Authorization: Bearer secret"], **channel}
    whole = {"resourceType": "Subscription", "status": "active", "reason": "โรงพยาบาล", "criteria": "Location"}
    path.write_text(json.dumps({**whole, "channel": told}))
    return path


JSON = "application/fhir+json"


async def test_each_place_is_told_once_in_its_newest_state(
    environment: Mapping[str, str], endpoint: Endpoint, tmp_path: Path
) -> None:
    path = subscription(tmp_path, endpoint, payload=JSON)
    assert await run("fhir_rest_hook", environment, "--subscription", path) == (0, "Done\n")
    assert {request[1]: request[2] for request in endpoint.requests} == {
        f"/fhir/Location/{key}": whole for key, whole in newest().items()
    }
    assert {(method, token) for method, _, _, token in endpoint.requests} == {("PUT", "Bearer secret")}
    assert len(endpoint.requests) == len(newest())
    assert await run("fhir_rest_hook", environment, "--subscription", path) == (0, "Done\n")
    assert len(endpoint.requests) == len(newest())


async def test_what_was_refused_or_cut_off_is_told_later(
    environment: Mapping[str, str], endpoint: Endpoint, tmp_path: Path
) -> None:
    """An endpoint that is away after two; a process that is killed while it tells."""
    path = subscription(tmp_path, endpoint, payload=JSON)
    endpoint.takes = 2
    code, said = await run("fhir_rest_hook", environment, "--subscription", path)
    assert (code, len(endpoint.requests)) == (3, 2)
    assert "did not take it: 503" in said
    endpoint.takes = 10_000
    process = await begin("fhir_rest_hook", environment, "--subscription", path, "--every", "0.1")
    try:
        while len(endpoint.requests) == 2:
            assert process.returncode is None
            await asyncio.sleep(0.01)
    finally:
        process.kill()
        await process.communicate()
    assert (await run("fhir_rest_hook", environment, "--subscription", path))[0] == 0
    assert {request[1].rpartition("/")[2] for request in endpoint.requests} == set(newest())
    assert len(endpoint.requests) <= len(newest()) + 1  # the one on whose answer it was killed


async def test_without_a_payload_the_endpoint_is_only_told_that_something_changed(
    environment: Mapping[str, str], endpoint: Endpoint, tmp_path: Path
) -> None:
    path = subscription(tmp_path, endpoint)
    assert (await run("fhir_rest_hook", environment, "--subscription", path))[0] == 0
    assert set(endpoint.requests[:1]) == {("POST", "/fhir", None, "Bearer secret")}
    assert len(endpoint.requests) == len(newest())


@pytest.mark.parametrize("channel", [{"type": "websocket"}, {"payload": "application/fhir+xml"}])
async def test_what_it_cannot_do_it_says(
    environment: Mapping[str, str], endpoint: Endpoint, tmp_path: Path, channel: dict[str, str]
) -> None:
    path = subscription(tmp_path, endpoint, **channel)
    code, said = await run("fhir_rest_hook", environment, "--subscription", path)
    assert code == 2
    assert "this Subscription cannot be used" in said
