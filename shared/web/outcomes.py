"""What goes wrong below /fhir, told as an OperationOutcome: the problem document of elsewhere in FHIR's words."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from shared.web.problems import Problem

PREFIX: Final = "/fhir/"
MEDIA_TYPE: Final = "application/fhir+json"

_ISSUE: Final[Mapping[int, str]] = {
    400: "invalid",
    404: "not-found",
    405: "not-supported",
    406: "not-supported",
    408: "timeout",
    413: "too-long",
    415: "not-supported",
    429: "throttled",
    503: "transient",
}
"""FHIR's kinds of issue, by status; any other is `processing` or, from 500 on, `exception`."""

Handler = Callable[[Request, Any], Awaitable[Response]]


def add_outcomes(app: FastAPI) -> None:
    """Answer every error below `PREFIX` so; elsewhere as before."""
    for kind in (Problem, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _below_prefix(app.exception_handlers[kind]))


def outcome(problem: Mapping[str, Any]) -> dict[str, Any]:
    """The OperationOutcome of a problem document: an issue for each bad parameter, or one for all."""
    status = int(problem["status"])
    code = _ISSUE.get(status, "exception" if status >= 500 else "processing")
    issues = [
        _issue(code, each["message"], each["code"]) | {"expression": [f"http.{each['path']}"]}
        for each in problem.get("errors", ())
    ]
    return {
        "resourceType": "OperationOutcome",
        "issue": issues or [_issue(code, problem.get("detail", problem["title"]), problem["code"])],
    }


def _issue(code: str, text: str, ours: str) -> dict[str, Any]:
    return {"severity": "error", "code": code, "details": {"text": text}, "diagnostics": ours}


def _below_prefix(former: Any) -> Handler:
    async def answer(request: Request, error: Any) -> Response:
        response: Response = await former(request, error)
        if not request.url.path.startswith(PREFIX):
            return response
        told = outcome(json.loads(bytes(response.body)))
        kept = {
            name: value for name, value in response.headers.items() if name not in ("content-type", "content-length")
        }
        return Response(
            json.dumps(told, ensure_ascii=False),
            status_code=response.status_code,
            headers=kept,
            media_type=MEDIA_TYPE,
        )

    return answer
