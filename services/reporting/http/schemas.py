"""/v1/schemas and /v1/asyncapi.json: what the events are and how they are read, for whoever builds on them.

Open to all and answered from memory. A published version never changes and may be kept for ever; the latest one and the
AsyncAPI document are asked for again and sent only when they are new.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel

from services.reporting.http.answering import respond
from services.reporting.kept.bodies import Body
from shared.contracts.changelog import changes
from shared.contracts.golden import examples
from shared.contracts.publications import ASYNCAPI, Publications, Version
from shared.contracts.topics import PUBLIC
from shared.web.problems import Message, Problem

JSON: Final = "application/json"
SCHEMA: Final = "application/schema+json"
ASYNCAPI_FORM: Final = "application/vnd.aai.asyncapi+json;version=3.0.0"

FOR_EVER: Final = "public, max-age=31536000, immutable"
ASKED_AGAIN: Final = "public, no-cache"
MOST_VERSIONS: Final = 10_000
"""The largest number that is looked up; there is one version for each change of a stream."""

_NOT_THERE: Final = Message("ไม่มีสตรีมหรือรุ่นนี้", "There is no such stream or version")

router = APIRouter(prefix="/v1")


class SchemaChange(BaseModel):
    """A property that a version added, by its path in the event."""

    path: str
    type: str
    meaning: str


class SchemaVersion(BaseModel):
    """A published version."""

    version: int
    published: str
    sha256: str
    url: str
    added: list[SchemaChange]


class StreamSchemas(BaseModel):
    """A stream's schema in all its versions, oldest first."""

    stream: str
    type: str | None
    dataschema: str | None
    latest: str
    examples: str | None
    versions: list[SchemaVersion]


class SchemasAnswer(BaseModel):
    """All streams, and the rules of their envelope, which are published in the same way."""

    asyncapi: str
    streams: list[StreamSchemas]
    rules: StreamSchemas


@dataclass(frozen=True, slots=True)
class Contract:
    """The answers, made once."""

    listing: Body
    asyncapi: Body
    latest: Mapping[str, Body]
    versions: Mapping[tuple[str, int], Body]
    examples: Mapping[str, Body]


StreamName = Annotated[str, Path(description="the stream's name, or `rules`", max_length=100)]


@router.get("/schemas", responses={200: {"model": SchemasAnswer}})
async def read_schemas(request: Request) -> Response:
    """Every published version of every event's schema, and what each added."""
    return respond(request, contract().listing)


@router.get("/schemas/{stream}", responses={200: {"content": {SCHEMA: {}}}})
async def read_schema(request: Request, stream: StreamName) -> Response:
    """The latest published JSON Schema of a stream's events; Content-Location names its version."""
    return respond(request, _found(contract().latest, stream))


@router.get("/schemas/{stream}/versions/{version}", responses={200: {"content": {SCHEMA: {}}}})
async def read_schema_version(
    request: Request, stream: StreamName, version: Annotated[int, Path(ge=1, le=MOST_VERSIONS)]
) -> Response:
    """One published version, which never changes."""
    return respond(request, _found(contract().versions, (stream, version)))


@router.get("/schemas/{stream}/examples", responses={200: {"content": {JSON: {}}}})
async def read_examples(request: Request, stream: StreamName) -> Response:
    """Golden events: each record as it lies in Kafka, with its partition, key, headers and body."""
    return respond(request, _found(contract().examples, stream))


@router.get("/asyncapi.json", responses={200: {"content": {ASYNCAPI_FORM: {}}}})
async def read_asyncapi(request: Request) -> Response:
    """The AsyncAPI document: streams, servers, order, guarantees, compatibility, examples."""
    return respond(request, contract().asyncapi)


@cache
def contract() -> Contract:
    """Everything that is answered here."""
    publications = Publications()
    rules, schemas = publications.rules(), publications.schemas()
    golden: dict[str, list[dict[str, object]]] = {}
    for example in examples():
        golden.setdefault(example.topic.name, []).append({"name": example.name, **example.as_json()})
    streams = [
        _stream(topic.name, schemas[topic.name], type=topic.event_type, dataschema=topic.dataschema) for topic in PUBLIC
    ]
    listing = {"asyncapi": "/v1/asyncapi.json", "streams": streams, "rules": _stream("rules", rules)}
    versions = [version for each in [*schemas.values(), rules] for version in each]
    return Contract(
        listing=_body(msgspec.json.encode(listing), JSON, ASKED_AGAIN),
        asyncapi=_body(ASYNCAPI.read_bytes(), ASYNCAPI_FORM, ASKED_AGAIN),
        latest={each[-1].stream: _latest(each[-1]) for each in [*schemas.values(), rules]},
        versions={(each.stream, each.number): _body(each.content, _form(each), FOR_EVER) for each in versions},
        examples={stream: _body(msgspec.json.encode(records), JSON, ASKED_AGAIN) for stream, records in golden.items()},
    )


def _found(bodies: Mapping[Any, Body], key: str | tuple[str, int]) -> Body:
    if key not in bodies:
        raise Problem(404, detail=_NOT_THERE)
    return bodies[key]


def _stream(
    stream: str,
    versions: Sequence[Version],
    type: str | None = None,  # noqa: A002 - CloudEvents' own word
    dataschema: str | None = None,
) -> dict[str, Any]:
    return {
        "stream": stream,
        "type": type,
        "dataschema": dataschema,
        "latest": f"/v1/schemas/{stream}",
        "examples": f"/v1/schemas/{stream}/examples" if type else None,
        "versions": [
            {
                "version": version.number,
                "published": version.published.isoformat(),
                "sha256": version.sha256,
                "url": _url(version),
                "added": changes(versions[: version.number]) if type else [],
            }
            for version in versions
        ],
    }


def _url(version: Version) -> str:
    return f"/v1/schemas/{version.stream}/versions/{version.number}"


def _form(version: Version) -> str:
    return JSON if version.stream == "rules" else SCHEMA


def _latest(version: Version) -> Body:
    return _body(version.content, _form(version), ASKED_AGAIN, {"Content-Location": _url(version)})


def _body(content: bytes, form: str, caching: str, headers: Mapping[str, str] | None = None) -> Body:
    told = {"Cache-Control": caching, "Vary": "Accept-Encoding", **(headers or {})}
    return Body(content, gzip.compress(content, mtime=0), f'W/"{sha256(content).hexdigest()[:32]}"', form, told)
