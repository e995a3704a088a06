"""Requests for help on a real database, asked over the survey's real HTTP application."""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import ECKey, KeySet

from services.survey.help.keeping import HelpKeeping
from services.survey.help.parts import HelpParts
from services.survey.http import add_routes
from shared.contracts.events import HelpUpdated, Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.blind_index import BlindIndex
from shared.security.citizen_tokens import CitizenVerifier, sign_citizen
from shared.security.citizens import citizen_of
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner, TokenVerifier
from shared.web.app import create_app
from shared.web.authentication import Authentication
from tests.runtime import Runtime

NOW = datetime(2022, 2, 17, 3, 0, tzinfo=UTC)
ISSUER = "https://jitasa.example"
_numbers = itertools.count(1)


class Bar:
    """Those whom a test suspends."""

    def __init__(self) -> None:
        self.subjects: set[UUID] = set()

    def is_barred(self, subject: UUID) -> bool:
        """Whether the test did."""
        return subject in self.subjects


class Somebody:
    """Somebody with a token, and what he asks."""

    def __init__(self, place: "Place", token: str, subject: UUID, phone: str = "") -> None:
        self.place, self.token, self.subject, self.phone = place, token, subject, phone

    async def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A request; `json` and `params` as in httpx."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.place.client.request(method, path, headers=headers, **arguments)

    async def step(self, request_id: str, step: str, status: int = 200, **body: Any) -> dict[str, Any]:
        """A step on a request: acceptance, beginning, return, closing, merger, cancellation."""
        wanted = {"json": body} if body or step in ("return", "closing", "merger") else {}
        answer = await self.ask("POST", f"/v1/help-requests/{request_id}/{step}", **wanted)
        assert answer.status_code == status, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def requests(self, **params: Any) -> list[dict[str, Any]]:
        """The list."""
        answer = await self.ask("GET", "/v1/help-requests", params=params)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["requests"]
        return found


class Place:
    """The service and the people around it; areas of its own keep tests apart."""

    def __init__(
        self, app: FastAPI, pool: "asyncpg.Pool[asyncpg.Record]", signer: TokenSigner, clock: MovableClock, bar: Bar
    ) -> None:
        self.app, self.pool, self.signer, self.clock, self.bar = app, pool, signer, clock, bar
        self.tools: HelpParts = app.state.help
        self.keeping = HelpKeeping(pool, clock)
        self.client = self.client_at("10.7.0.1")

    def client_at(self, address: str) -> httpx.AsyncClient:
        """Requests from an address."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 1)),
            base_url="http://survey",
            headers={"Accept-Language": "en"},
        )

    def citizen(self, phone: str | None = None) -> Somebody:
        """A citizen who proved a phone."""
        phone = phone or f"08{next(_numbers):08}"
        subject, now = citizen_of(self.tools.index, phone), self.clock.now()
        token = sign_citizen(self.signer, subject, issued_at=now, expires_at=now + timedelta(days=60))
        return Somebody(self, token, subject, phone)

    def staff(self, role: Role = Role.VOLUNTEER, area: str = "500101") -> Somebody:
        """Somebody with a role."""
        subject, now = uuid4(), self.clock.now()
        token = self.signer.sign(
            subject=subject,
            organisation=None,
            role=role,
            area=area,
            issued_at=now,
            expires_at=now + timedelta(days=60),
        )
        return Somebody(self, token, subject)

    async def asked(self, citizen: Somebody | None = None, status: int = 201, **changes: Any) -> dict[str, Any]:
        """A request for help, with changes to its body; the answer."""
        citizen = citizen or self.citizen()
        answer = await citizen.ask("POST", "/v1/help-requests", json=body_of(citizen, **changes))
        assert answer.status_code == status, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def events(self, request_id: str) -> list[HelpUpdated]:
        """What the outbox holds about a request, in order."""
        rows = await self.pool.fetch("SELECT body FROM outbox WHERE key = $1 ORDER BY id", request_id)
        return [HelpUpdated.model_validate_json(row["body"]) for row in rows]

    async def readings(self, reader: UUID) -> list[tuple[str, list[UUID]]]:
        """What somebody was recorded to have read."""
        rows = await self.pool.fetch("SELECT purpose, households FROM reading WHERE reader = $1 ORDER BY id", reader)
        return [(row["purpose"], row["households"]) for row in rows]


def body_of(citizen: Somebody, **changes: Any) -> dict[str, Any]:
    """The body of a request for help."""
    return {
        "request_id": str(uuid4()),
        "kind": "medicine",
        "people": 2,
        "area": "500101",
        "phone": citizen.phone,
        "name": "สมหญิง ใจดี",
        "address": "99/1 หมู่ 3 ข้างวัด",
        "note": "ยาความดันหมด",
    } | changes


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture(scope="session")
def database(runtime: Runtime) -> PostgresSettings:
    """The database of this folder's tests."""
    return runtime.create_database("survey")


@pytest.fixture
async def place(database: PostgresSettings) -> AsyncIterator[Place]:
    """The service, on a database that this test has to itself as far as it looks: it is emptied before, but for the
    readings, which nobody can take away; readers are new ones each time."""
    pool = await open_pool(database, application="test", max_size=8)
    await pool.execute("TRUNCATE help_request, help_repeat, help_step, outbox, throttle CASCADE")
    clock, bar = MovableClock(NOW), Bar()
    keys = KeySet([ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)])
    signer = TokenSigner(keys, issuer=ISSUER)
    app = create_app(title="survey", lifespan=_nothing, ready=list)
    add_routes(app)

    def seconds() -> float:
        return clock.now().timestamp()

    app.state.pool = pool
    app.state.authentication = Authentication(TokenVerifier("", ISSUER, source=signer, now=seconds), bar)
    app.state.citizens = CitizenVerifier("", ISSUER, source=signer, now=seconds)
    app.state.help = HelpParts.of(pool, KeyRing("k", {"k": os.urandom(32)}), BlindIndex(os.urandom(32)), clock)
    try:
        yield Place(app, pool, signer, clock, bar)
    finally:
        await app.state.help.live.close()
        await pool.close()
