"""Migrations that move figures: nothing is lost on the way, in either direction."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest

from deploy import catalogue
from services.reporting import store
from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.store import Pool
from shared.contracts.events import Reason
from shared.kafka.projection import Event
from shared.postgres.pool import Connection, acquire
from tests.integration.reporting.conftest import fresh_pool
from tests.runtime import Runtime
from tests.unit.reporting.campaigns import campaign

REASONS_AS_COLUMNS = "20220207000001_reasons_as_columns.sql"
BEFORE = """
SELECT 'subdistrict' AS place, subdistrict, NULL::date AS day, reason, persons FROM reason_subdistrict
UNION ALL SELECT 'day', subdistrict, day, reason, persons FROM reason_day
UNION ALL SELECT 'district', district, NULL, reason, persons FROM reason_district
"""


@pytest.fixture
async def pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to the test's own database."""
    async with fresh_pool(runtime) as pool:
        yield pool


def steps(name: str) -> Sequence[str]:
    """What a migration does on its way up and down."""
    return (catalogue.service("reporting").migrations[-1] / name).read_text().split("-- migrate:down")


async def test_reasons_move_into_columns_and_back(pool: Pool) -> None:
    up, down = steps(REASONS_AS_COLUMNS)
    events = campaign(seed=12, length=200).events
    async with acquire(pool) as connection:
        async with connection.transaction():
            await FiguresProjection().apply(connection, [Event(TOPICS[0].name, 1, 0, event) for event in events])
        figures = [await read(connection, digits) for digits in (0, 4, 6)]
        found = figures[0][""].keys()
        assert "a_reason_yet_unknown" in found
        assert found & set(Reason)
        await connection.execute(down)
        before = {tuple(row) for row in await connection.fetch(BEFORE) if row["persons"]}
        assert {(place, reason) for place, _, _, reason, _ in before} >= {
            (place, reason) for place in ("subdistrict", "day", "district") for reason in figures[0][""]
        }
        await connection.execute(up)
        assert [await read(connection, digits) for digits in (0, 4, 6)] == figures
        await connection.execute(down)
        assert {tuple(row) for row in await connection.fetch(BEFORE) if row["persons"]} == before


async def read(connection: Connection, digits: int) -> dict[str, dict[str, int]]:
    """Reasons by area, as answers have them."""
    return await store.reasons(connection, "", digits)


VISITS = """
SELECT volunteer_id, organisation_id, month, sum(submissions)::bigint, sum(superseded)::bigint
FROM volunteer_month WHERE volunteer_id IS NOT NULL
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""


async def test_visits_by_month_get_their_places_and_lose_them_again(pool: Pool) -> None:
    """What was counted before is kept without a place, until it is counted anew."""
    up, down = steps("20220210000001_figures_of_months.sql")
    events = campaign(seed=13, length=200).events
    async with acquire(pool) as connection:
        async with connection.transaction():
            await FiguresProjection().apply(connection, [Event(TOPICS[0].name, 1, 0, event) for event in events])
        visits = await connection.fetch(VISITS)
        assert len(visits) > 4
        months = await store.organisation_months(connection, UUID(int=9), 24)
        for step in (down, up, down, up):
            await connection.execute(step)
            assert await connection.fetch(VISITS) == visits
        assert await store.organisation_months(connection, UUID(int=9), 24) == months
        assert await connection.fetchval("SELECT count(*) FROM volunteer_month WHERE subdistrict <> ''") == 0
