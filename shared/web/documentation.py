"""The description of a service's routes at /openapi.json, and its page at /docs, which loads nothing from outside."""

from functools import partial
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from shared.web.files import CONTENT_SECURITY_POLICY, KEPT
from shared.web.outcomes import MEDIA_TYPE as OUTCOME_MEDIA_TYPE
from shared.web.outcomes import PREFIX
from shared.web.problems import MEDIA_TYPE, Problem

PAGE_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<script src="/docs/swagger-ui-bundle.js" defer></script>
<script src="/docs/start.js" defer></script>
</head>
<body><div id="swagger-ui"></div></body>
</html>
"""
START = 'SwaggerUIBundle({ url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true });\n'
"""A file of its own: the page's policy lets no script stand in it."""

PROBLEM_SCHEMA: dict[str, Any] = {
    "title": "Problem",
    "description": "A problem document (RFC 9457); `errors` names the bad fields.",
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("path", "code", "message")},
            },
        },
    },
}


class DocumentationSettings(BaseSettings):
    """JITASA_ASSETS: the folder of npm packages, swagger-ui-dist among them; without it /docs answers 404."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    assets: Path | None = None


def add_documentation(app: FastAPI) -> None:
    """Adds /openapi.json as services really answer, and /docs."""
    app.openapi = partial(_describe, app)  # type: ignore[method-assign]  # FastAPI's documented way to change it
    assets = DocumentationSettings().assets

    async def docs(_: Request) -> Response:
        return HTMLResponse(
            PAGE.format(title=escape(app.title)), headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        )

    async def start(_: Request) -> Response:
        return Response(START, media_type="text/javascript")

    async def docs_file(request: Request) -> Response:
        name = request.path_params["name"]
        if assets is None or name not in PAGE_FILES:
            raise Problem(404)
        file = assets / "swagger-ui-dist" / name
        return FileResponse(file, media_type=PAGE_FILES[name], headers={"Cache-Control": KEPT})

    app.add_route("/docs", docs, include_in_schema=False)
    app.add_route("/docs/start.js", start, include_in_schema=False)
    app.add_route("/docs/{name}", docs_file, include_in_schema=False)


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = with_problems(
            get_openapi(title=app.title, version=app.version, routes=app.routes, description=app.description)
        )
    return app.openapi_schema


def with_problems(description: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's description with our problem documents in place of its own validation errors, and for whatever else is
    refused or goes wrong; below /fhir/ they are outcomes (`shared.web.outcomes`)."""
    for path, methods in description["paths"].items():
        told = OUTCOME_ANSWER if path.startswith(PREFIX) else PROBLEM_ANSWER
        for operation in methods.values():
            if operation["responses"].pop("422", None) is not None:
                operation["responses"].setdefault("400", INVALID | told)
            operation["responses"].setdefault("4XX", REFUSED | told)
            operation["responses"].setdefault("5XX", FAILED | told)
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    return description


PROBLEM_ANSWER: dict[str, Any] = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
OUTCOME_ANSWER: dict[str, Any] = {
    "content": {
        OUTCOME_MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["resourceType", "issue"],
                "properties": {
                    "resourceType": {"const": "OperationOutcome"},
                    "issue": {"type": "array", "items": {"type": "object"}, "minItems": 1},
                },
            }
        }
    }
}
INVALID = {"description": "Something in the request is not valid."}
REFUSED = {"description": "The request is refused: the problem's code says why."}
FAILED = {"description": "Not available now, or something went wrong here."}
