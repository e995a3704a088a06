"""Traces (OpenTelemetry): what one request set in motion, through Kafka, in every process that it reaches.

Off unless an endpoint is named. Then one request in so many is followed: a span of the request; a `traceparent` header
(W3C Trace Context) at the records that it led to; one span for each batch in which such records are taken, never one
for each record. A batch goes on with the trace of the first of them, and is linked to the others.

Spans name routes, topics, groups, statuses and counts. They hold no path, no id of a person or a household, no text of
an error and nothing that a client sent: of its own `traceparent` the ids alone are taken, `tracestate` and baggage are
not.
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, Tracer

HEADER: Final = "traceparent"
"""Of HTTP requests and of our own records."""
EVENT_HEADER: Final = "ce_traceparent"
"""The same at public events: CloudEvents' extension for distributed tracing, in Kafka's binary mode."""
EXPORT_SECONDS: Final = 2.0
"""Whoever collects traces answers within milliseconds; at its end a process waits for no more than two of these."""
MOST_LINKS: Final = 128
"""OpenTelemetry's own bound for the links of a span."""

Headers = Sequence[tuple[str, bytes]]
_NOTHING: Final[list[tuple[str, bytes]]] = []
_off: Final[AbstractContextManager[Any]] = nullcontext()
_followed: Final = ContextVar("followed", default=False)
"""Whether what is done here and now belongs to a span of ours: asked for every request, hence not OpenTelemetry, which
takes ten times as long to say no."""


class TraceSettings(BaseSettings):
    """JITASA_TRACE_ENDPOINT, where OTLP over HTTP is taken (such as http://127.0.0.1:4318/v1/traces), without which
    nothing is traced; JITASA_TRACE_SHARE, which part of the requests is followed, 0 to 1; JITASA_TRACE_SECONDS, how
    long spans are gathered."""

    model_config = SettingsConfigDict(env_prefix="JITASA_TRACE_")

    endpoint: str = ""
    share: float = Field(default=0.001, ge=0, le=1)
    seconds: float = Field(default=5.0, gt=0)


class _Tracing:
    """What is there while traces are wanted: OpenTelemetry itself is loaded by nobody else."""

    def __init__(self, process: str, settings: TraceSettings) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self.api = trace
        self.share = settings.share
        self.propagator = TraceContextTextMapPropagator()
        resource = Resource({"service.namespace": "jitasa", "service.name": process})
        self.provider: TracerProvider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(settings.endpoint, timeout=EXPORT_SECONDS)
        self.provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=settings.seconds * 1000)  # drops beyond 2,048 spans
        )
        self.tracer: Tracer = self.provider.get_tracer("jitasa")

    def context_of(self, traceparent: bytes | None) -> "Context | None":
        """The context that a header names; None when it names none."""
        if traceparent is None:
            return None
        context = self.propagator.extract({HEADER: traceparent.decode("latin-1")})
        return context if self.api.get_current_span(context).get_span_context().is_valid else None

    @contextmanager
    def span(
        self,
        name: str,
        kind: str,
        attributes: Mapping[str, Any],
        *,
        context: "Context | None" = None,
        others: "Sequence[Context]" = (),
    ) -> "Iterator[Span]":
        """A span around what is done; an error is noted by its type alone."""
        links = [self.api.Link(self.api.get_current_span(one).get_span_context()) for one in others]
        with self.tracer.start_as_current_span(
            name,
            context=context,
            kind=self.api.SpanKind[kind],
            attributes=dict(attributes),
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            before = _followed.set(True)
            try:
                yield span
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self.api.StatusCode.ERROR)
                raise
            finally:
                _followed.reset(before)


_tracing: _Tracing | None = None


def configure_tracing(process: str, settings: TraceSettings | None = None) -> None:
    """Begins to trace, if an endpoint is named."""
    global _tracing
    settings = settings or TraceSettings()
    _tracing = _Tracing(process, settings) if settings.endpoint else None


def end_tracing() -> None:
    """Sends what is left, and is off from then on."""
    global _tracing
    if _tracing is not None:
        _tracing.provider.shutdown()
    _tracing = None


def traced(app: Any) -> Any:
    """The ASGI application, with a span around every request that is followed; itself, when nothing is traced."""
    return app if _tracing is None else _TracedRequests(app, _tracing)


def trace_id() -> str | None:
    """The id of the trace that is followed here and now."""
    if _tracing is None or not _followed.get():
        return None
    return f"{_tracing.api.get_current_span().get_span_context().trace_id:032x}"


def exemplar() -> dict[str, str] | None:
    """What a histogram notes beside a value: which trace to look at."""
    found = trace_id()
    return None if found is None else {"trace_id": found}


def headers() -> list[tuple[str, bytes]]:
    """The header for records that come of what is done here and now; none when it is not followed."""
    if _tracing is None or not _followed.get():
        return _NOTHING
    carrier: dict[str, str] = {}
    _tracing.propagator.inject(carrier)
    return [(HEADER, carrier[HEADER].encode())]


def onward(record_headers: Headers) -> list[tuple[str, bytes]]:
    """The header for the event that comes of a record: the batch's span, where that goes on with the record's trace,
    otherwise what the record says itself, to which the batch's span is linked."""
    if _tracing is None or (found := _carried(record_headers)) is None or _tracing.context_of(found) is None:
        return _NOTHING
    current = _tracing.api.get_current_span().get_span_context()
    if found[3:35] == b"%032x" % current.trace_id:
        found = b"00-%032x-%016x-%02x" % (current.trace_id, current.span_id, current.trace_flags)
    return [(EVENT_HEADER, found)]


def batch(group: str, topics: Iterable[str], records: Iterable[Any], count: int) -> AbstractContextManager[Any]:
    """A span around the taking of a batch, if any of its records is followed.

    records: as Kafka's client gives them; count: how many they are.
    """
    if _tracing is None:
        return _off
    contexts = [
        context
        for record in records
        if (found := _carried(record.headers)) is not None and (context := _tracing.context_of(found)) is not None
    ]
    if not contexts:
        return _off
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.consumer.group.name": group,
        "messaging.destination.name": ",".join(sorted(set(topics))),
        "messaging.batch.message_count": count,
        "jitasa.batch.followed": len(contexts),
    }
    first, *others = contexts
    return _tracing.span(f"process {group}", "CONSUMER", attributes, context=first, others=others[:MOST_LINKS])


def sending(topic: str, count: int) -> AbstractContextManager[Any]:
    """A span around the publishing of records, where what led to them is followed."""
    if _tracing is None or not _followed.get():
        return _off
    attributes = {
        "messaging.system": "kafka",
        "messaging.operation.name": "send",
        "messaging.destination.name": topic,
        "messaging.batch.message_count": count,
    }
    return _tracing.span(f"send {topic}", "PRODUCER", attributes)


def _carried(record_headers: Headers) -> bytes | None:
    """What a record's last header says, where it is ours: the header is added behind all others."""
    if not record_headers:
        return None
    name, value = record_headers[-1]
    return value if name in (HEADER, EVENT_HEADER) and value else None


class _TracedRequests:
    """Around a process's application. Which requests are followed is decided here and by nobody outside, so that no
    client can have all of its own followed."""

    def __init__(self, app: Any, tracing: _Tracing) -> None:
        self._app = app
        self._tracing = tracing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or random.random() >= self._tracing.share:  # noqa: S311 - a sample, not a secret
            await self._app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(HEADER.encode())
        status = 0

        async def watched_send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        # Without the ways around `send`, which would keep the status from being seen.
        seen = {**scope, "extensions": {}}
        method = scope["method"]
        with self._tracing.span(method, "SERVER", {"http.request.method": method}, context=self._sampled(sent)) as span:
            await self._app(seen, receive, watched_send)
            route = getattr(seen.get("route"), "path", None) or "unmatched"
            span.update_name(f"{method} {route}")
            span.set_attribute("http.route", route)
            span.set_attribute("http.response.status_code", status)
            if status >= 500:
                span.set_status(self._tracing.api.StatusCode.ERROR)

    def _sampled(self, traceparent: bytes | None) -> "Context | None":
        """The client's trace, as one that is followed, whatever the client thinks of it."""
        context = self._tracing.context_of(traceparent)
        if context is None:
            return None
        api = self._tracing.api
        theirs = api.get_current_span(context).get_span_context()
        ours = api.SpanContext(theirs.trace_id, theirs.span_id, is_remote=True, trace_flags=api.TraceFlags(1))
        followed: Context = api.set_span_in_context(api.NonRecordingSpan(ours))
        return followed
