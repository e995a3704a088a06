"""What is followed, what is told of it, and that nothing happens where no traces are wanted."""

import json
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from shared.observability import tracing
from shared.observability.logs import configure_logs, log
from shared.observability.tracing import TraceSettings, configure_tracing, end_tracing
from tests.collector import Collector, collecting

THEIRS, THEIR_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as (collector, address):
        configure_tracing("survey-http", TraceSettings(endpoint=address, share=1, seconds=60))
        yield collector
        end_tracing()


def told(collector: Collector) -> list[Any]:
    """Everything, by the names of the spans."""
    end_tracing()
    return sorted(collector.spans, key=lambda span: span.name)


def application(seen: list[Any]) -> Any:
    """One route, which notes what records made by it would carry."""

    async def visited(request: Request) -> PlainTextResponse:
        seen.append(tracing.headers())
        if request.path_params["house"] == "broken":
            raise LookupError("a text that may quote somebody")
        return PlainTextResponse("well")

    return Starlette(routes=[Route("/houses/{house}", visited)])


async def ask(path: str, seen: list[Any], **headers: str) -> None:
    """One request."""
    transport = httpx.ASGITransport(tracing.traced(application(seen)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        await client.get(path, headers=headers)


def record(*headers: tuple[str, bytes]) -> Any:
    """As Kafka's client gives one."""
    return SimpleNamespace(headers=headers)


def test_without_an_endpoint_nothing_is_loaded_and_nothing_stands_between() -> None:
    application = object()
    assert tracing.traced(application) is application
    assert (tracing.headers(), tracing.trace_id(), tracing.exemplar()) == ([], None, None)
    assert tracing.sending("t", 1) is tracing.batch("g", [], [record(("traceparent", b"00-"))], 1)
    program = (
        "import sys, services.survey.processes.http, services.reporting.processes.http\n"
        "from shared.observability.tracing import configure_tracing\n"
        "configure_tracing('p')\n"
        "sys.exit(any(name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


async def test_a_request_goes_on_with_the_client_s_trace_and_tells_its_route_alone(collector: Collector) -> None:
    seen: list[Any] = []
    await ask("/houses/secret-77", seen, traceparent=f"00-{THEIRS}-{THEIR_SPAN}-00", tracestate="who=secret-77")
    [span] = told(collector)
    assert (span.name, span.trace_id, span.parent_id) == ("GET /houses/{house}", THEIRS, THEIR_SPAN)
    assert span.attributes["http.response.status_code"] == "200"
    assert seen == [[("traceparent", f"00-{THEIRS}-{span.span_id}-01".encode())]]
    assert b"secret-77" not in collector.raw


async def test_an_error_is_told_by_its_type_alone(collector: Collector) -> None:
    await ask("/houses/broken", [])
    [span] = told(collector)
    assert span.attributes["error.type"] == "LookupError"
    assert b"quote somebody" not in collector.raw


async def test_a_client_cannot_have_itself_followed() -> None:
    with collecting() as (collector, address):
        configure_tracing("survey-http", TraceSettings(endpoint=address, share=0))
        seen: list[Any] = []
        await ask("/houses/1", seen, traceparent=f"00-{THEIRS}-{THEIR_SPAN}-01")
        assert seen == [[]]
        assert told(collector) == []


@pytest.mark.parametrize("sent", ["", "00-0-0-01", f"00-{'0' * 32}-{THEIR_SPAN}-01", "x" * 5_000, "00-é"])
async def test_what_is_no_traceparent_begins_a_trace_of_its_own(collector: Collector, sent: str) -> None:
    seen: list[Any] = []
    transport = httpx.ASGITransport(tracing.traced(application(seen)))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.get("/houses/1", headers=[(b"traceparent", sent.encode("latin-1"))])
    assert answer.status_code == 200
    [span] = told(collector)
    assert (span.parent_id, span.trace_id != THEIRS) == ("", True)


def test_a_batch_goes_on_with_the_first_trace_and_is_linked_to_the_others(collector: Collector) -> None:
    first = f"00-{THEIRS}-{THEIR_SPAN}-01".encode()
    other_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    other = f"00-{other_id}-00f067aa0ba902b7-01".encode()
    records = [
        record(),
        record(("ce_id", b"1"), ("ce_traceparent", first)),
        record(("traceparent", other)),
        record(("traceparent", b"damaged")),
    ]
    with tracing.batch("recorder", ["survey-intake"], records, 4):
        [onward] = tracing.onward(records[1].headers)
        assert tracing.onward(records[2].headers) == [("ce_traceparent", other)]
        assert tracing.onward(records[0].headers) == tracing.onward(records[3].headers) == []
        with tracing.sending("survey-submitted", 3):
            pass
    taken, sent = told(collector)
    assert (taken.name, taken.trace_id, taken.parent_id) == ("process recorder", THEIRS, THEIR_SPAN)
    assert taken.links == (other_id,)
    assert taken.attributes["messaging.batch.message_count"] == "4"
    assert onward == ("ce_traceparent", f"00-{THEIRS}-{taken.span_id}-01".encode())
    assert (sent.name, sent.parent_id) == ("send survey-submitted", taken.span_id)


def test_a_batch_of_which_nothing_is_followed_is_no_span(collector: Collector) -> None:
    with tracing.batch("recorder", ["survey-intake"], [record(), record(("ce_id", b"1"))], 2):
        assert tracing.trace_id() is None
    assert told(collector) == []


def test_a_line_of_the_log_names_its_trace(collector: Collector, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("survey-http")
    with tracing.batch("recorder", [], [record(("traceparent", f"00-{THEIRS}-{THEIR_SPAN}-01".encode()))], 1):
        log("here").warning("within")
    log("here").warning("outside")
    within, outside = map(json.loads, capsys.readouterr().out.splitlines())
    assert (within["event"], within["trace_id"]) == ("within", THEIRS)
    assert (outside["event"], "trace_id" in outside) == ("outside", False)
