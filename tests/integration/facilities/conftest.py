"""A register on a real, freshly migrated database, asked over its real HTTP application."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import httpx
import pytest

from services.facilities.processes.http import create
from services.facilities.reference import Reference
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.security.principal import Principal
from shared.web.authentication import Authentication
from tests.runtime import Runtime

NOW = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)


def subject(token: str) -> UUID:
    """Who holds the test's token `role@area`."""
    return uuid5(UUID(int=0), token)


class Tokens:
    """Takes `role@area` as a token: proving tokens is tested elsewhere."""

    async def verify(self, token: str) -> Principal:
        """The holder of `token`."""
        role, _, area = token.partition("@")
        return Principal(subject(token), UUID(int=7), Role(role), area, NOW + timedelta(minutes=15), "t")

    def is_barred(self, subject: UUID) -> bool:
        """Nobody."""
        return False


@pytest.fixture(scope="module")
async def pool(runtime: Runtime) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    """Connections to the module's own database."""
    pool = await open_pool(runtime.create_database("facilities"), application="test")
    yield pool
    pool.terminate()


@pytest.fixture
def clock() -> MovableClock:
    """The register's clock."""
    return MovableClock(NOW)


@pytest.fixture
async def client(pool: "asyncpg.Pool[asyncpg.Record]", clock: MovableClock) -> AsyncIterator[httpx.AsyncClient]:
    """The register; a request without a token of its own is a place officer's of province 50."""
    tokens, reference = Tokens(), Reference(pool)
    async with pool.acquire() as connection:
        await reference.read(connection)
    app = create(pool, Authentication(tokens, tokens), clock, reference, ready=list)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://facilities",
        headers={"Authorization": "Bearer place_officer@50", "Accept-Language": "en"},
    ) as client:
        yield client


@pytest.fixture
def place() -> Callable[..., dict[str, Any]]:
    """Makes the body of a field hospital in Chiang Mai, with changes."""

    def body(**changes: Any) -> dict[str, Any]:
        return {
            "kind": "field_hospital",
            "name": "โรงพยาบาลสนาม",
            "area": "500101",
            "official_code": None,
            "position": {"lat": 18.7883, "lon": 98.9853},
            "status": "open",
            "capacity": 200,
            "free": 12,
            "hours": [{"days": ["mon", "sun"], "open": "08:30", "close": "16:30"}],
            "hours_note": None,
            "services": ["oxygen"],
            "contact": {"phone": "053 936 150", "email": None, "website": None},
        } | changes

    return body
