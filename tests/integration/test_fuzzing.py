"""Every route of the four services, called as its description allows and as it does not, over HTTP on real databases.

schemathesis makes the requests from each service's own /openapi.json: none is answered 500, and none otherwise than the
description says. Whoever may do most calls, and now and then somebody without a token; ids that earlier answers told
are tried again, so that things that exist are met too. The same requests come in every run; JITASA_FUZZ_EXAMPLES asks
for more of them than CI has time for.
"""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.registration.settings import RegistrationSettings
from shared.contracts.events import Role
from shared.security.citizen_tokens import sign_citizen
from shared.security.rights import RIGHTS, Right
from shared.security.tokens import TokenSigner
from shared.web.access import Demand
from shared.web.serve import HttpSettings, serve
from tests.integration.conftest import HOME, NOW, Service, Services

EXAMPLES: Final = int(os.environ.get("JITASA_FUZZ_EXAMPLES", "6"))
"""Requests for each route that its description allows; half as many that it does not."""
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
ANSWER_SECONDS: Final = 30.0
MOST_KNOWN: Final = 8
"""Ids of one name that are tried again."""
ENDLESS: Final = "text/event-stream"
NAMES: Final = ("registration", "survey", "facilities", "reporting")


@pytest.fixture(scope="module")
async def addresses(services: Services) -> AsyncIterator[Mapping[str, str]]:
    """Where the services answer."""
    stopping, urls = asyncio.Event(), {}
    async with asyncio.TaskGroup() as serving:
        for name, service in services.items():
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            serving.create_task(serve(service.app, HttpSettings(port=port), stopping))
            urls[name] = f"http://127.0.0.1:{port}"
            await answering(urls[name])
        yield urls
        stopping.set()


async def answering(url: str) -> None:
    """Waits until a service answers, and has its description ready."""
    async with httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS) as client:
        while True:
            with suppress(httpx.ConnectError):
                assert (await client.get("/openapi.json")).status_code == 200
                return
            await asyncio.sleep(0.05)


class Fuzz:
    """Calls one service; what is wrong stands in `found`."""

    def __init__(self, service: Service, address: str, callers: Callable[[Right | Demand], list[str | None]]) -> None:
        self.found: dict[str, str] = {}
        self.calls = 0
        self._routes = service.routes
        self._address = address
        self._callers = callers
        self._session = requests.Session()
        self._known: dict[str, list[Any]] = defaultdict(list)

    def run(self) -> None:
        """All routes, one after the other."""
        description = self._session.get(f"{self._address}/openapi.json", timeout=ANSWER_SECONDS).json()
        for result in schemathesis.openapi.from_dict(description).get_all_operations():
            assert isinstance(result, Ok), result
            operation = result.ok()
            if ENDLESS not in str(description["paths"][operation.path][operation.method.lower()]["responses"]):
                self._call(operation, GenerationMode.POSITIVE, EXAMPLES)
                self._call(operation, GenerationMode.NEGATIVE, EXAMPLES // 2)
        self._session.close()

    def _call(self, operation: Any, mode: GenerationMode, examples: int) -> None:
        method = operation.method.upper()
        # HEAD stands beside another method of the same path, with the same demands.
        route = next(
            one
            for one in self._routes.values()
            if one.path == operation.path and (one.method == method or method == "HEAD")
        )
        callers = self._callers(route.demand)

        @seed(1)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )
        @given(case=operation.as_strategy(generation_mode=mode), pick=st.integers(0, 10**6))
        def answered(case: Any, pick: int) -> None:
            for name in case.path_parameters or {}:
                if self._known[name] and pick % 3:
                    case.path_parameters[name] = self._known[name][pick % len(self._known[name])]
            self._check(f"{method} {operation.path}", case, callers[0] if pick % 5 else callers[-1], pick)

        with suppress(Unsatisfiable):  # a route that takes nothing can be called in one way alone
            answered()

    def _check(self, route: str, case: Any, token: str | None, pick: int) -> None:
        # Limits by address are tried elsewhere: here everybody comes from another one.
        headers = {"X-Forwarded-For": f"10.{pick % 250}.{pick // 250 % 250}.7"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        response = case.call(base_url=self._address, session=self._session, headers=headers, timeout=ANSWER_SECONDS)
        self.calls += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as failures:
            for failure in failures.exceptions:
                told = f"{type(failure).__name__}: {failure}\n{response.status_code} {response.text[:300]}"
                self.found.setdefault(f"{route} {type(failure).__name__}", f"{told}\n{case.as_curl_command()[:600]}")
        if response.content and "json" in response.headers.get("content-type", [""])[0]:
            for name, value in named(response.json()):
                if value not in self._known[name] and len(self._known[name]) < MOST_KNOWN:
                    self._known[name].append(value)


def named(document: Any) -> Iterator[tuple[str, Any]]:
    """Every value of an answer that could stand in a path, with its name."""
    if isinstance(document, dict):
        yield from ((name, value) for name, value in document.items() if isinstance(value, str | int) and value != "")
    for below in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        if isinstance(below, dict | list):
            yield from named(below)


@pytest.mark.parametrize("name", NAMES)
async def test_no_request_is_answered_otherwise_than_described(
    name: str,
    services: Services,
    addresses: Mapping[str, str],
    signing: tuple[RegistrationSettings, TokenSigner],
    token_of: Callable[..., str],
) -> None:
    citizen = sign_citizen(signing[1], UUID(int=3), issued_at=NOW, expires_at=NOW + timedelta(hours=1))

    def callers(demand: Right | Demand) -> list[str | None]:
        if demand is Demand.CITIZEN:
            return [citizen, None]
        if demand is Demand.NOTHING:
            return [None]
        roles = [role for role in Role if demand in RIGHTS[role]] if isinstance(demand, Right) else list(Role)
        return [token_of(min(roles, key=lambda role: len(HOME[role])), subject=UUID(int=1)), None]

    fuzz = Fuzz(services[name], addresses[name], callers)
    await asyncio.to_thread(fuzz.run)
    assert fuzz.found == {}
    assert fuzz.calls > 3 * len(services[name].routes)
