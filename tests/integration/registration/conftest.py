"""The registration service on a real, freshly migrated database, asked over its real HTTP application."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from services.registration.sms import TextMessage
from services.registration.store.presence import Presence
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.tokens import TokenSigner
from tests.integration.conftest import ISSUER, settings_in
from tests.runtime import Runtime

START = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
_numbers = itertools.count(1)


class Phones:
    """Every phone at once: a gateway that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[TextMessage] = asyncio.Queue()

    async def send(self, message: TextMessage) -> None:
        """Keep the message."""
        self.messages.put_nowait(message)

    async def next(self, *, sign_ups: bool = False) -> TextMessage:
        """The next message, waited for; those with the code of a sign-up are left out unless they are asked for."""
        async with asyncio.timeout(10):
            while True:
                message = await self.messages.get()
                if sign_ups or message.confirmation_code is None:
                    return message


class Barred:
    """A bar that the test sets."""

    def __init__(self) -> None:
        self.subjects: set[UUID] = set()

    def is_barred(self, subject: UUID) -> bool:
        """Whether the test barred `subject`."""
        return subject in self.subjects


class Office:
    """The service and what a test does with it, from an address of its own."""

    def __init__(
        self, app: FastAPI, signer: TokenSigner, pool: asyncpg.Pool[asyncpg.Record], clock: MovableClock
    ) -> None:
        self.app = app
        self.signer = signer
        self.pool = pool
        self.clock = clock
        self.presence: Presence = app.state.parts.presence
        number = next(_numbers)
        self.client = self.client_at(f"10.1.{number // 250}.{number % 250}")
        self.administrator = self.token(Role.CENTRAL_ADMINISTRATOR, "")

    def client_at(self, address: str) -> httpx.AsyncClient:
        """Requests from another address."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 1)),
            base_url="http://registration",
            headers={"Accept-Language": "en"},
        )

    def token(self, role: Role, area: str, subject: UUID | None = None) -> str:
        """A good token of somebody."""
        now = self.clock.now()
        return self.signer.sign(
            subject=subject or uuid4(),
            organisation=None,
            role=role,
            area=area,
            issued_at=now,
            expires_at=now + timedelta(minutes=15),
        )

    async def ask(self, method: str, path: str, token: str | None = None, **arguments: Any) -> httpx.Response:
        """A request; `json` and `params` as in httpx."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.client.request(method, path, headers=headers, **arguments)

    async def organisation(self, area: str = "50", kind: str = "agency") -> str:
        """A new organisation's id."""
        body = {"name": "องค์การบริหารส่วนตำบล", "kind": kind, "area": area}
        answer = await self.ask("POST", "/v1/organisations", self.administrator, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["organisation_id"])

    async def group_code(self, organisation: str | None = None, **body: Any) -> str:
        """A new group code."""
        path = f"/v1/organisations/{organisation or await self.organisation()}/group-codes"
        answer = await self.ask("POST", path, self.administrator, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["code"])

    async def sign_up(self, **changes: Any) -> httpx.Response:
        """A sign-up with a fresh phone and group code, with changes."""
        body = {"name": "สมหญิง ใจดี", "phone": new_phone(), "area": "500101"} | changes
        if "group_code" not in body:
            body["group_code"] = await self.group_code()
        return await self.ask("POST", "/v1/volunteers", json=body)

    async def volunteer(self, area: str = "500101", *, approved: bool = True, phone: str | None = None) -> str:
        """The id of a new volunteer."""
        answer = await self.sign_up(area=area, phone=phone or new_phone())
        assert answer.status_code == 201, answer.text
        volunteer_id = str(answer.json()["volunteer_id"])
        if approved:
            assert (await self.approve(volunteer_id)).status_code == 200
        return volunteer_id

    async def approve(self, volunteer_id: str, token: str | None = None) -> httpx.Response:
        """An approval, by the central administrator unless said otherwise."""
        return await self.ask("POST", f"/v1/volunteers/{volunteer_id}/approval", token or self.administrator)

    async def suspend(self, volunteer_id: str, token: str | None = None) -> httpx.Response:
        """A suspension, by the central administrator unless said otherwise."""
        body = {"reason": "บันทึกโดยไม่ได้ไปเยี่ยมบ้าน"}
        return await self.ask(
            "POST", f"/v1/volunteers/{volunteer_id}/suspension", token or self.administrator, json=body
        )

    async def tokens(self, **form: str) -> httpx.Response:
        """A token request in the form that RFC 6749 asks for."""
        return await self.client.post("/v1/tokens", data=form)

    async def events(self, volunteer_id: str) -> list[dict[str, Any]]:
        """What the outbox holds about a person, in order."""
        rows = await self.pool.fetch("SELECT body FROM outbox WHERE key = $1 ORDER BY id", volunteer_id)
        return [json.loads(row["body"]) for row in rows]


def new_phone() -> str:
    """A mobile number that no other test has."""
    return f"08{next(_numbers):08}"


@pytest.fixture(scope="session")
def registration_settings(tmp_path_factory: pytest.TempPathFactory) -> RegistrationSettings:
    """Settings with keys of their own."""
    return settings_in(tmp_path_factory.mktemp("registration"))


@pytest.fixture(scope="session")
def database(runtime: Runtime) -> PostgresSettings:
    """The database of this folder's tests."""
    return runtime.create_database("registration")


@pytest.fixture
def clock() -> MovableClock:
    """The service's clock."""
    return MovableClock(START)


@pytest.fixture
def phones() -> Phones:
    """The phones that text messages reach."""
    return Phones()


@pytest.fixture
def barred() -> Barred:
    """Who is barred."""
    return Barred()


@pytest.fixture
async def office(
    registration_settings: RegistrationSettings,
    database: PostgresSettings,
    clock: MovableClock,
    phones: Phones,
    barred: Barred,
) -> AsyncIterator[Office]:
    """The running service."""
    app = http_app(registration_settings, database, bar=barred, clock=clock, gateway=phones)
    signer = TokenSigner.from_file(registration_settings.signing_keys_file, issuer=ISSUER)
    async with app.router.lifespan_context(app), await open_pool(database, application="test", max_size=2) as pool:
        office = Office(app, signer, pool, clock)
        async with office.client:
            yield office
