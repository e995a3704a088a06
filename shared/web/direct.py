"""Routes that are served past FastAPI's and Starlette's layers, which cost several times what intake itself does.

Limits, security headers, metrics and problem documents are the same as in the frame (`shared.web.frame.Frame`).
"""

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any, Final, NamedTuple

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from shared.observability.logs import log
from shared.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS
from shared.observability.tracing import exemplar
from shared.security.rights import Right
from shared.web.bodies import MAX_BODY_BYTES, BoundedReceive, Head, discard
from shared.web.connections import WHOLE_REPLY, WholeReply
from shared.web.headers import safe
from shared.web.problems import Problem, document_response, language_of, status_problem

METHOD: Final = "POST"
"""Of all direct routes: what is only read is not sent by the thousand a second."""
_log = log(__name__)


class Reply(NamedTuple):
    """A whole answer; headers as ASGI writes them, those of security excepted."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


def json_reply(status: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()) -> Reply:
    """The answer with `body`, which is JSON."""
    length = (b"content-length", b"%d" % len(body))
    return Reply(status, (length, (b"content-type", b"application/json"), *headers), body)


def problem_reply(problem: Problem, language: str) -> Reply:
    """The answer for `problem` in `language`."""
    response = document_response(problem, language)
    return Reply(response.status_code, response.raw_headers, bytes(response.body))


_CLOSE: Final = (b"connection", b"close")
_SAFE: Final = {scheme: b"".join(b"%s: %s\r\n" % header for header in safe((), scheme)) for scheme in ("http", "https")}
"""Written once; a reply says nothing of its own about what these are for."""


def _written_whole(scope: Scope, reply: Reply) -> bool:
    extensions = scope.get("extensions")
    if not extensions or WHOLE_REPLY not in extensions or _CLOSE in reply.headers:
        return False
    headers = b"".join([b"%s: %s\r\n" % header for header in reply.headers])
    write: WholeReply = extensions[WHOLE_REPLY]["write"]
    return write(scope, b"".join((STATUS_LINE[reply.status], headers, _SAFE[scope["scheme"]])), reply.body)


class Disconnected(Exception):
    """The client went away before its body was whole."""


class Call:
    """A request: its head, and its body when it is asked for."""

    __slots__ = ("_receive", "head")

    def __init__(self, head: Head, receive: Receive) -> None:
        self.head = head
        self._receive = receive

    async def body(self) -> bytes:
        """The whole body. Raises `Disconnected`, or an `HTTPException` for one beyond the limits."""
        message = await self._receive()
        if not message.get("more_body", False) and message["type"] == "http.request":
            whole: bytes = message.get("body", b"")
            return whole
        pieces = []
        while message["type"] == "http.request":
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(pieces)
            message = await self._receive()
        raise Disconnected

    @property
    def language(self) -> str:
        """The language that the client asks for."""
        return language_of(self.head.accept_language)


Endpoint = Callable[[Call], Awaitable[Reply]]


class DirectRoute:
    """An ASGI application that answers the POSTs to one path.

    right: what the endpoint demands of its caller; named here to be listed with all other routes.
    """

    def __init__(
        self, path: str, endpoint: Endpoint, max_body_bytes: int = MAX_BODY_BYTES, *, right: Right | None = None
    ) -> None:
        self.path = path
        self.right = right
        self._endpoint = endpoint
        self._max_body_bytes = max_body_bytes
        # The metrics' children are looked up once: the look-up costs more than the count.
        self._seconds = HTTP_SECONDS.labels(METHOD, path)
        self._counts: dict[int, Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        status = 500
        bounded = BoundedReceive(receive, self._max_body_bytes)
        try:
            reply = await self._reply(Head(scope), receive, bounded)
            status = reply.status
            if not _written_whole(scope, reply):
                headers = safe(reply.headers, scope["scheme"])
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": reply.body})
        finally:
            bounded.release()
            count = self._counts.get(status)
            if count is None:
                count = self._counts[status] = HTTP_REQUESTS.labels(METHOD, self.path, status)
            count.inc()
            self._seconds.observe(perf_counter() - started, exemplar())

    async def _reply(self, head: Head, receive: Receive, bounded: BoundedReceive) -> Reply:
        refused = head.refusal(self._max_body_bytes)
        if refused:
            await discard(receive)
            return problem_reply(status_problem(refused, {"Connection": "close"}), language_of(head.accept_language))
        call = Call(head, bounded)
        try:
            return await self._endpoint(call)
        except Problem as problem:
            return problem_reply(problem, call.language)
        except HTTPException as error:
            return problem_reply(status_problem(error.status_code, error.headers), call.language)
        except Disconnected:  # nobody reads this answer, but it is counted
            return problem_reply(Problem(408), call.language)
        except Exception:
            _log.exception("request_failed", route=self.path)
            return problem_reply(Problem(500, "internal"), call.language)


def add_direct_route(app: FastAPI, route: DirectRoute) -> None:
    """Adds the route to `app`, which thereby also knows that other methods are not allowed at its path."""
    app.router.routes.append(Route(route.path, route, methods=[METHOD], include_in_schema=False))


class ShortCut:
    """The application `app`, whose direct routes are answered without its layers."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._direct: dict[str, ASGIApp] = {
            route.path: route.endpoint
            for route in app.routes
            if isinstance(route, Route) and isinstance(route.endpoint, DirectRoute)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == METHOD:
            direct = self._direct.get(scope["path"])
            if direct is not None:
                scope["route"] = direct
                await direct(scope, receive, send)
                return
        await self._app(scope, receive, send)
