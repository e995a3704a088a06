"""A way past the application's layers for its busiest routes.

FastAPI's and Starlette's layers around a plain endpoint cost several times what intake itself does with a submission.
The short cut calls the same endpoints inside the same frame (limits, security headers, metrics, problem documents); all
other requests go to the application.
"""

from collections.abc import Iterable

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.observability.logs import log
from shared.web.app import MAX_BODY_BYTES, Frame
from shared.web.problems import Problem, problem_response, status_problem

_log = log(__name__)


class ShortCut:
    """The application `app`, whose plain routes at `paths` are answered without its layers.

    FastAPI's own routes at the same paths are left to the application.
    """

    def __init__(self, app: FastAPI, paths: Iterable[str], max_body_bytes: int = MAX_BODY_BYTES) -> None:
        wanted = set(paths)
        self._app = app
        self._direct: dict[tuple[str, str], ASGIApp] = {
            (method, route.path): Frame(_Endpoint(app, route), max_body_bytes)
            for route in app.routes
            if isinstance(route, Route) and not isinstance(route, APIRoute) and route.path in wanted
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            direct = self._direct.get((scope["method"], scope["path"]))
            if direct is not None:
                await direct(scope, receive, send)
                return
        await self._app(scope, receive, send)


class _Endpoint:
    """One route's endpoint, with the application's answers to what it raises."""

    def __init__(self, app: FastAPI, route: Route) -> None:
        self._app = app
        self._route = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        scope["route"] = self._route
        request = Request(scope, receive)
        try:
            response: Response = await self._route.endpoint(request)
        except Problem as problem:
            response = problem_response(request, problem)
        except HTTPException as error:
            response = problem_response(request, status_problem(error.status_code, error.headers))
        except ClientDisconnect:  # nobody reads this answer, but it is counted
            response = problem_response(request, Problem(408))
        except Exception:
            _log.exception("request_failed", route=self._route.path)
            response = problem_response(request, Problem(500, "internal"))
        await response(scope, receive, send)
