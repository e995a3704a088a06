"""Structured logs: one JSON object a line on standard output, without personal data.

Code logs an event name and plain fields: ids, counts, codes, durations. It never logs a request's body, a record's
value or a header, since those may hold personal data.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import Processor

from shared.observability.tracing import trace_id

QUIET = ("aiokafka", "asyncio", "httpx", "httpcore", "opentelemetry", "uvicorn")
"""Libraries whose chatter is of no use below a warning."""


def _frames_only(_logger: object, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Writes an exception as its types and frames, without its texts: a database's or parser's text may quote a
    personal value."""
    given = record.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    chain: list[dict[str, object]] = []
    while isinstance(error, BaseException) and len(chain) < 5:  # deeper chains than five say nothing new
        chain.append({"type": type(error).__name__, "frames": _frames(error.__traceback__)})
        error = error.__cause__ or error.__context__
    if chain:
        record["exception"] = chain
    return record


def _frames(start: TracebackType | None) -> list[str]:
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(start)[-12:]]


def _traced(_logger: object, _method: str, record: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Names the trace in which the line was written, where it is followed."""
    found = trace_id()
    if found is not None:
        record["trace_id"] = found
    return record


def configure_logs(process: str) -> None:
    """Sends both structlog's and the standard library's records to standard output as JSON, marked with the process's
    name."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _traced,
        _frames_only,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(process=process)


def log(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
