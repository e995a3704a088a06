"""The frame of every HTTP service: health, metrics, problem documents, limits and security headers."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from shared.observability.logs import log
from shared.web.allowance import Allowance, admit
from shared.web.bodies import MAX_BODY_BYTES
from shared.web.cors import READ, add_page_origins
from shared.web.counted import route_of
from shared.web.documentation import add_documentation
from shared.web.frame import Frame
from shared.web.headers import safe
from shared.web.health import health_routes
from shared.web.problems import Problem, problem_response, status_problem
from shared.web.validation import field_errors

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
TRUSTED_PROXIES = "FORWARDED_ALLOW_IPS"
"""uvicorn's own variable: whose X-Forwarded-For and -Proto are believed, addresses or networks with commas between."""
_log = log(__name__)


def create_app(
    *,
    title: str,
    lifespan: Lifespan,
    ready: Callable[[], list[str]],
    version: str = "1",
    max_body_bytes: int = MAX_BODY_BYTES,
    larger_bodies: Mapping[str, int] | None = None,
    page_methods: Sequence[str] = READ,
    allowance: Allowance | None = None,
) -> FastAPI:
    """An application with /healthz, /readyz, /metrics, /openapi.json and /docs.

    ready: gives the reasons why the process cannot work now; an empty list means ready.
    larger_bodies: how many bytes the bodies of some paths may have, by a pattern of the whole path.
    page_methods: what pages of the configured origins may do here (`shared.web.cors`).
    allowance: what an address may ask of the routes that are open to everybody; by default the usual one.
    """
    app = FastAPI(
        title=title, version=version, lifespan=lifespan, docs_url=None, redoc_url=None, dependencies=[Depends(admit)]
    )
    app.state.allowance = Allowance() if allowance is None else allowance
    app.router.routes.extend(health_routes(ready))
    add_documentation(app)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_error)
    add_page_origins(app, page_methods)
    app.add_middleware(Frame, max_body_bytes=max_body_bytes, larger_bodies=larger_bodies)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=os.environ.get(TRUSTED_PROXIES, "127.0.0.1"))
    return app


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for this type alone
    return problem_response(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type alone
    errors = field_errors(error.errors())
    if any(one.code == "malformed_json" for one in errors):
        return problem_response(request, Problem(400, "malformed", errors=errors))
    return problem_response(request, Problem(400, "invalid", errors=errors))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return problem_response(request, status_problem(error.status_code, error.headers))


async def _on_error(request: Request, error: Exception) -> Response:
    # Starlette raises the error again after this answer, and uvicorn logs it with its frames.
    _log.error("request_failed", error=type(error).__name__, route=route_of(request.scope))
    # It answers around the frame as well.
    response = problem_response(request, Problem(500, "internal"))
    response.raw_headers = safe(response.raw_headers, request.scope["scheme"])
    return response
