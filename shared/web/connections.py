"""What a connection may cost: bounds on those who send slowly, too much, or nothing, and on how many there are.

uvicorn ends idle connections and bounds what waits to be written; httptools bounds declared bodies. Neither bounds the
time in which a request has to arrive, the size of its head, or the number of connections. `BoundedProtocol` adds the
sizes and the number as data arrives; `Sweep` adds the times by looking at every connection once a second, so that no
request pays for a timer of its own.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from shared.observability.metrics import CONNECTIONS, CONNECTIONS_ENDED
from shared.web.problems import MEDIA_TYPE, Problem, language_of

MAX_CONNECTIONS = 4_096
"""Of one process, each some 12 KiB when idle. The country's burst is 550 phones a second, of whom each stays for one or
a few requests."""
CROWD = MAX_CONNECTIONS // 2
"""From so many connections on, those who keep the process waiting have less time, and idle ones make room."""
MAX_HEAD_BYTES = 64 * 1024
"""Beside the first read (256 KB at most), all that is no body: head, frames of chunks, trailers. Our clients' heads
have some 700 bytes, most of it the token."""
MAX_PIPELINED = 16
"""Requests that wait on one connection for the answer before them. Clients of ours send none."""
MAX_IGNORED_BYTES = 4 * 1024 * 1024
"""Of a body that comes in after its answer: the largest body that is ever asked for."""
SWEEP_SECONDS = 1.0

WHOLE_REPLY: Final = "jitasa.whole_reply"
"""The ASGI extension by which a direct route (shared/web/direct.py) hands over a whole answer, by its "write": one
write to the socket instead of two, and no header of ours is checked against a regular expression again and again."""
WholeReply = Callable[[Scope, bytes, bytes], bool]
"""Takes the request's scope, the status line with the headers, each with its end of line, and the body, whose length
they tell. False: it cannot be written so, since the connection is to end with it, its reader is slow or the next
request is there already; send it the ordinary way."""


class Wait(StrEnum):
    """What a connection keeps the process waiting for."""

    HEAD = "head"
    BODY = "body"
    READER = "reader"
    """To take an answer."""
    END = "end"
    """To take the last of an answer, or the end itself: a half-open connection never does."""
    IDLE = "idle"


PATIENCE: Mapping[Wait, tuple[float, float]] = {
    Wait.HEAD: (10.0, 2.0),
    Wait.BODY: (60.0, 10.0),
    Wait.READER: (60.0, 10.0),
    Wait.END: (10.0, 2.0),
    Wait.IDLE: (float("inf"), 1.0),
}
"""Seconds, ordinarily and in a crowd. A head is one packet or two, whatever the net. 350 KB, 500 households, take 56 s
on a net of 50 kbit/s, and the 35 KB of 50 households 6 s. Idle connections have uvicorn's own timer (keep-alive)."""


def _written(problem: Problem, language: str) -> bytes:
    """An answer written past the application, for a connection that ends with it."""
    body = msgspec.json.encode(problem.document(language))
    headers = problem.headers | {
        "Content-Type": MEDIA_TYPE,
        "Content-Language": language,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return STATUS_LINE[problem.status] + lines.encode() + b"\r\n" + body


_FULL: Final = _written(Problem(503, headers={"Retry-After": "1"}), "th")


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds."""

    _message: Any = None
    """The scope of the message that was last seen unfinished."""
    _beside_body = 0
    _ignored = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Takes a connection, or ends it at once when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self._end("full", _FULL)

    def data_received(self, data: bytes) -> None:
        """Takes what came."""
        super().data_received(data)
        cycle = self.cycle
        if cycle is None or cycle.more_body or cycle.scope is not self.scope:
            self._unfinished(len(data))

    def on_body(self, body: bytes) -> None:
        """Takes a piece of a body."""
        self._beside_body -= len(body)
        super().on_body(body)

    def on_message_begin(self) -> None:
        """Begins a request. An exception makes the parser refuse what it was given (400)."""
        if len(self.pipeline) >= MAX_PIPELINED:
            raise ValueError("too many requests at once")
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begins to serve a request."""
        super().on_headers_complete()
        # Nothing of a request may lead back to it: finding such cycles costs the collector a quarter of a second.
        self.scope["extensions"] = {WHOLE_REPLY: {"write": self._reply_whole}}

    def _reply_whole(self, scope: Scope, head: bytes, body: bytes) -> bool:
        cycle = self.cycle
        if cycle is None or cycle.scope is not scope or cycle.response_started:
            return False
        if cycle.disconnected or not cycle.keep_alive or self.flow.write_paused:
            return False
        defaults = b"".join([b"%s: %s\r\n" % header for header in cycle.default_headers])
        self.transport.write(b"".join((head, defaults, b"\r\n", body)))
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        cycle.on_response()
        return True

    def _unfinished(self, size: int) -> None:
        if self._message is not self.scope:
            self._message, self._beside_body, self._ignored = self.scope, 0, 0
            return
        self._beside_body += size
        if self._answered:
            self._ignored += size
        if self._beside_body > MAX_HEAD_BYTES:
            self.end("head_too_large", 431)
        elif self._ignored > MAX_IGNORED_BYTES:
            self.end("body_too_large")

    @property
    def _answered(self) -> bool:
        """The message that is coming in has its answer already."""
        return self.cycle is not None and self.cycle.scope is self.scope and self.cycle.response_complete

    @property
    def waits_for(self) -> Wait | None:
        """What the connection keeps the process waiting for; None while it is the process's turn."""
        cycle = self.cycle
        if self.transport.is_closing():
            return Wait.END
        if self.flow.write_paused:
            return Wait.READER
        if cycle is None or cycle.scope is not self.scope:
            return Wait.HEAD
        if cycle.response_complete:
            return Wait.BODY if self.timeout_keep_alive_task is None else Wait.IDLE
        return Wait.BODY if cycle.more_body else None

    def give_up(self, wait: Wait) -> None:
        """Ends a connection that has kept the process waiting for too long."""
        if wait in (Wait.READER, Wait.END):
            CONNECTIONS_ENDED.labels(wait).inc()
            self.transport.abort()
        elif wait is Wait.IDLE or self.scope is None:
            self.end(wait)
        else:
            self.end(wait, 408)

    def end(self, cause: str, status: int | None = None) -> None:
        """Ends the connection, with a problem where nothing has been answered yet."""
        busy = self.cycle is not None and self.cycle.scope is not self.scope and not self.cycle.response_complete
        begun = self.cycle is not None and self.cycle.scope is self.scope and self.cycle.response_started
        if status is None or busy or begun:
            self._end(cause, b"")
            return
        accepted = next((value for name, value in self.headers if name == b"accept-language"), b"")
        self._end(cause, _written(Problem(status), language_of(accepted.decode("latin-1"))))

    def _end(self, cause: str, answer: bytes) -> None:
        CONNECTIONS_ENDED.labels(cause).inc()
        if answer:
            self.transport.write(answer)
        self.transport.close()


class Sweep:
    """Looks at all connections again and again, and ends those that have kept the process waiting for too long."""

    def __init__(self, connections: Iterable[Any]) -> None:
        self._connections = connections
        self._since: dict[BoundedProtocol, tuple[Wait, object, float]] = {}

    async def run(self) -> None:
        """Sweeps until it is cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep(clock())

    def sweep(self, now: float) -> None:
        """Ends who has kept the process waiting since too long before `now` (seconds) for the same thing of the same
        message."""
        connections: list[BoundedProtocol] = list(self._connections)
        CONNECTIONS.set(len(connections))
        crowded = len(connections) > CROWD
        waiting: dict[BoundedProtocol, tuple[Wait, object, float]] = {}
        for connection in connections:
            wait = connection.waits_for
            if wait is None:
                continue
            known = self._since.get(connection)
            same = known is not None and known[0] is wait and known[1] is connection.scope
            since = known[2] if known is not None and same else now
            waiting[connection] = (wait, connection.scope, since)
            if now - since >= PATIENCE[wait][crowded]:
                connection.give_up(wait)
        self._since = waiting
