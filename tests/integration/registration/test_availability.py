"""What the service says while its database is away, and that it recovers by itself."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.registration.processes import http as application
from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.security.tokens import TokenSigner
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import START, Barred, Office, Phones, new_phone
from tests.runtime import Runtime

DEADLINE = 20.0
"""Seconds; what is waited for takes a few tenths."""


@pytest.fixture
async def operator(runtime: Runtime) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """The database's administrator."""
    async with await open_pool(runtime.postgres_settings("postgres", "postgres"), application="operator") as pool:
        yield pool


async def test_a_database_that_is_away_is_said_and_waited_out(
    runtime: Runtime,
    operator: "asyncpg.Pool[asyncpg.Record]",
    registration_settings: RegistrationSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(application, "WATCH_SECONDS", 0.05)
    database, clock = runtime.create_database("registration"), MovableClock(START)
    app = http_app(registration_settings, database, bar=Barred(), clock=clock, gateway=Phones())
    signer = TokenSigner.from_file(registration_settings.signing_keys_file, issuer=ISSUER)
    async with app.router.lifespan_context(app):
        office = Office(app, signer, operator, clock)
        body = {"name": "อบต.", "kind": "agency", "area": "50"}
        assert (await office.client.get("/readyz")).status_code == 200
        await operator.execute(f"ALTER DATABASE {database.database} CONNECTION LIMIT 0")
        await operator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database.database
        )
        async with asyncio.timeout(DEADLINE):
            while (await office.client.get("/readyz")).status_code == 200:
                await asyncio.sleep(0.05)
        for method, path, token, content in (
            ("POST", "/v1/organisations", office.administrator, body),
            ("GET", "/v1/volunteers", office.token(Role.PROVINCE_ADMINISTRATOR, "50"), None),
            ("POST", "/v1/codes", None, {"phone": new_phone()}),
            ("POST", "/v1/tokens", None, {"grant_type": "refresh_token", "refresh_token": "x"}),
        ):
            answer = await office.ask(method, path, token, json=content)
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), path
            assert "Retry-After" in answer.headers
        assert (await office.client.get("/healthz")).status_code == 200
        assert (await office.client.get("/.well-known/jwks.json")).status_code == 200
        await operator.execute(f"ALTER DATABASE {database.database} CONNECTION LIMIT -1")
        async with asyncio.timeout(DEADLINE):
            while (await office.client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        assert (await office.ask("POST", "/v1/organisations", office.administrator, json=body)).status_code == 201
        await office.client.aclose()
