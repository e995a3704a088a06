"""The headers of safety of every answer: of each route of the four services, and of each page and all its files."""

import re
from collections.abc import Callable, Iterator
from typing import Final
from unittest.mock import Mock

import httpx

from deploy.local.operations import create as operations_page
from shared.contracts.events import Role
from shared.web.access import Access, Demand
from shared.web.files import PageRoute
from tests.integration.conftest import Head, Services, each, head_of
from tests.runtime import Runtime

SAME: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
OPEN_SOURCES: Final = frozenset(
    {"'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "*", "data:", "http:", "https:"}
)
PICTURES: Final = ("img-src", "data:")
"""Leaflet's empty tile, and a chosen screenshot: a picture runs nothing."""
ASKED_AGAIN: Final = frozenset(
    {
        "GET /v1/houses",  # 500 houses, of which a phone on a slow net asks only whether they have changed
        "GET /v1/openrosa/formList",
        "GET /v1/openrosa/forms/jitasa_household.xml",
        "GET /v1/openrosa/forms/jitasa_household/areas.csv",
        "GET /v1/openrosa/forms/jitasa_household/manifest",
        "POST /v1/openrosa/submission",
    }
)
"""Routes for who is signed in whose answers a browser may keep if it asks each time: none of these hold a person."""


def faults(head: Head) -> Iterator[str]:
    """What is wrong with the head of any answer."""
    for name, value in SAME.items():
        if head.headers.get(name) != value:
            yield f"{name} is {head.headers.get(name)}"
    policy = directives(head)
    if policy.get("default-src") != ["'none'"]:
        yield "the policy lets in what it does not name"
    if policy.get("frame-ancestors") != ["'none'"]:
        yield "others may frame it"
    for name, sources in policy.items():
        if opened := [each for each in sources if each in OPEN_SOURCES and (name, each) != PICTURES]:
            yield f"{name} of the policy has {opened}"
    if "cache-control" not in head.headers:
        yield "who may keep it is not said"
    if "set-cookie" in head.headers:
        yield "it sets a cookie, and there are none here"


def directives(head: Head) -> dict[str, list[str]]:
    """The policy of an answer."""
    parts = [part.split() for part in head.headers.get("content-security-policy", "").split(";")]
    return {part[0]: part[1:] for part in parts if part}


def keeping(key: str, route: Access, head: Head, *, signed_in: bool) -> str | None:
    """What is wrong with who may keep an answer."""
    told = head.headers.get("cache-control", "")
    if "no-store" in told:
        return None
    if key in ASKED_AGAIN:
        return None if told == "private, no-cache" else f"not private: {told}"
    if route.demand is Demand.NOTHING or (route.demand is Demand.OPTIONAL and not signed_in):
        return None
    return f"kept, though it is for one person: {told}"


async def test_every_route_answers_with_the_headers_of_safety(services: Services, token_of: Callable[..., str]) -> None:
    """Whether it lets in or refuses: without a token, as who may do most, and as a volunteer."""
    wrong, asked = [], 0
    for name, service, key, route in each(services):
        for role in (None, Role.CENTRAL_ADMINISTRATOR, Role.VOLUNTEER):
            token = None if role is None else token_of(role)
            head = await head_of(service, route, token, scheme="https")
            asked += 1
            found = [*faults(head), keeping(key, route, head, signed_in=role is not None)]
            if not head.headers.get("strict-transport-security", "").startswith("max-age=31536000"):
                found.append("TLS is not asked for again")
            wrong += [f"{name} {key} as {role}, {head.status}: {fault}" for fault in found if fault]
    assert wrong == []
    assert asked > 800


async def test_what_went_wrong_is_answered_with_them_too(services: Services) -> None:
    nowhere = Access("GET", "/nowhere", Demand.NOTHING, frozenset())
    for name, service in services.items():
        head = await head_of(service, nowhere, None)
        assert (head.status, list(faults(head))) == (404, []), name
        assert "strict-transport-security" not in head.headers, "a browser would refuse to come back without TLS"


async def test_every_page_and_file_has_them_and_no_page_runs_what_stands_in_it(
    services: Services, runtime: Runtime
) -> None:
    wrong, pages = [], 0
    operations = operations_page(Mock(), runtime.stack.tools.assets)
    files = {name: (service.app, service.files) for name, service in services.items()}
    files["operations"] = operations, [each.path for each in operations.routes if isinstance(each, PageRoute)]
    for name, (app, paths) in files.items():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://test") as client:
            for path in [*paths, *([] if name == "operations" else ["/docs", "/docs/start.js"])]:
                answer = await client.get(path)
                head = Head(answer.status_code, answer.headers)
                found = list(faults(head))
                if "text/html" in answer.headers.get("content-type", ""):
                    pages += 1
                    found += in_the_page(answer.text)
                    if directives(head).get("script-src") != ["'self'"]:
                        found.append("scripts come from elsewhere")
                wrong += [f"{name} {path}: {fault}" for fault in found]
    assert wrong == []
    assert pages > 30


def in_the_page(text: str) -> Iterator[str]:
    """What the policy would stop: scripts and styles that stand in a page."""
    for tag in re.findall(r"<script\b[^>]*>", text):
        if "src=" not in tag:
            yield f"a script stands in it: {tag}"
    if re.search(r"<style\b|\sstyle=|\son[a-z]+=", text):
        yield "a style or a handler stands in it"
