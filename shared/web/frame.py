"""What stands around every request of an interface: limits, security headers, counts and times."""

import re
from collections.abc import Mapping
from time import perf_counter

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.observability.metrics import HTTP_REQUESTS, HTTP_SECONDS
from shared.observability.tracing import exemplar
from shared.web import acts
from shared.web.bodies import BoundedReceive, Head, discard
from shared.web.counted import route_of
from shared.web.headers import safe
from shared.web.problems import problem_response, status_problem


class Frame:
    """Around every request: refuses compressed bodies and, while they arrive, those beyond the limits; sets security
    headers, counts and times."""

    def __init__(self, app: ASGIApp, max_body_bytes: int, larger_bodies: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._larger_bodies = [(re.compile(pattern), size) for pattern, size in (larger_bodies or {}).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        status = 500

        async def framed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = safe(message["headers"], scope["scheme"])
                acts.tell(scope, status)
            await send(message)

        most = self._most_bytes(scope["path"])
        bounded = BoundedReceive(receive, most)
        try:
            refused = Head(scope).refusal(most)
            if refused:
                await discard(receive)
                response = problem_response(Request(scope), status_problem(refused, {"Connection": "close"}))
                await response(scope, receive, framed_send)
                return
            await self._app(scope, bounded, framed_send)
        finally:
            bounded.release()
            route = route_of(scope)
            HTTP_REQUESTS.labels(scope["method"], route, status).inc()
            HTTP_SECONDS.labels(scope["method"], route).observe(perf_counter() - started, exemplar())

    def _most_bytes(self, path: str) -> int:
        for pattern, size in self._larger_bodies:
            if pattern.fullmatch(path):
                return size
        return self._max_body_bytes
