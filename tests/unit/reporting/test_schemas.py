"""The contract by URL: every published version, for ever the same, without a token."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from services.reporting.http import schemas
from services.reporting.http.schemas import SchemasAnswer, contract
from shared.contracts.golden import examples
from shared.contracts.publications import ASYNCAPI, Publications
from shared.contracts.topics import PUBLIC, SURVEY_INTAKE
from shared.web.app import create_app


@asynccontextmanager
async def nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """The routes alone: they need neither a database nor Kafka."""
    app = create_app(title="reporting", lifespan=nothing, ready=list)
    app.include_router(schemas.router)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://reporting") as client:
        yield client


async def listed(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    answer = (await client.get("/v1/schemas")).json()
    return [*answer["streams"], answer["rules"]]


async def test_lists_every_stream_with_every_version(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/schemas")
    assert answer.status_code == 200
    SchemasAnswer.model_validate(answer.json(), strict=True)
    assert [each["stream"] for each in answer.json()["streams"]] == [topic.name for topic in PUBLIC]
    assert SURVEY_INTAKE.name not in answer.text
    published = Publications()
    for each in answer.json()["streams"]:
        versions = published.schemas()[each["stream"]]
        assert [one["version"] for one in each["versions"]] == [version.number for version in versions]
        assert [one["sha256"] for one in each["versions"]] == [version.sha256 for version in versions]
    (help_updated,) = (each for each in answer.json()["streams"] if each["stream"] == "help-updated")
    assert help_updated["versions"][0]["added"] == []
    assert "/escalation" in [change["path"] for change in help_updated["versions"][1]["added"]]


async def test_a_published_version_is_kept_for_ever(client: httpx.AsyncClient) -> None:
    for stream in await listed(client):
        for version in stream["versions"]:
            answer = await client.get(version["url"])
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.content == next(
                each.content
                for each in [*Publications().schemas().get(stream["stream"], []), *Publications().rules()]
                if each.sha256 == version["sha256"]
            )
            again = await client.get(version["url"], headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


async def test_the_latest_is_asked_for_again_and_says_which_it_is(client: httpx.AsyncClient) -> None:
    for stream in await listed(client):
        answer = await client.get(stream["latest"])
        newest = await client.get(stream["versions"][-1]["url"])
        assert answer.json() == newest.json()
        assert answer.headers["content-location"] == stream["versions"][-1]["url"]
        assert answer.headers["cache-control"] == "public, no-cache"
        assert answer.headers["content-type"] == newest.headers["content-type"]
        again = await client.get(stream["latest"], headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


async def test_examples_are_the_golden_events_and_fit_the_schema(client: httpx.AsyncClient) -> None:
    for stream in (await listed(client))[:-1]:
        schema = Draft202012Validator((await client.get(stream["latest"])).json())
        told = (await client.get(stream["examples"])).json()
        assert [each["name"] for each in told] == [
            each.name for each in examples() if each.topic.name == stream["stream"]
        ]
        for each in told:
            schema.validate(each["body"])
            assert each["headers"]["ce_dataschema"] == stream["dataschema"]
            assert each["headers"]["ce_type"] == stream["type"]


async def test_the_asyncapi_document_is_that_of_the_contract(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/asyncapi.json")
    assert answer.headers["content-type"] == "application/vnd.aai.asyncapi+json;version=3.0.0"
    assert answer.json() == json.loads(ASYNCAPI.read_text(encoding="utf-8"))
    assert (await client.get("/v1/asyncapi.json", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_a_reader_with_a_token_may_keep_it_too(client: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer whatever"}
    answer = await client.get("/v1/schemas/help-updated/versions/1", headers=headers)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/schemas/survey-intake", 404),
        ("/v1/schemas/survey-intake/examples", 404),
        ("/v1/schemas/rules/examples", 404),
        ("/v1/schemas/help-updated/versions/99", 404),
        ("/v1/schemas/help-updated/versions/0", 400),
        ("/v1/schemas/help-updated/versions/last", 400),
        ("/v1/schemas/..%2f..%2fevents", 404),
    ],
)
async def test_what_was_never_published_is_not_there(client: httpx.AsyncClient, path: str, status: int) -> None:
    answer = await client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_it_is_packed_once() -> None:
    assert contract() is contract()
    assert all(body.packed is not None for body in contract().versions.values())
