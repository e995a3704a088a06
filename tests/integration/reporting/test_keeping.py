"""The sums of open months: what readers would count themselves, as of a moment ago."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from services.reporting.months import store
from services.reporting.months.answers import RowLevel
from services.reporting.months.closing import Months
from services.reporting.months.keeping import KeepingDuty
from services.reporting.projector import TOPICS
from services.reporting.store import Pool, snapshot
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import fresh_pool
from tests.integration.reporting.months import DECEMBER, JANUARY, apply, counts, rows_of, visit
from tests.integration.reporting.test_months import EVENTS
from tests.runtime import Runtime
from tests.unit.reporting.campaigns import campaign

IN_JANUARY = datetime(2022, 1, 31, 16, 59, tzinfo=UTC)
LEVELS: tuple[tuple[str, RowLevel], ...] = (
    ("", "country"),
    ("", "province"),
    ("50", "district"),
    ("", "subdistrict"),
    ("", "organisation"),
    ("50", "organisation"),
    ("500101", "organisation"),
    ("50", "volunteer"),
)


@pytest.fixture
async def pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to the test's own database, with two months."""
    async with fresh_pool(runtime) as pool:
        await apply(pool, [*EVENTS, *campaign(seed=21, length=150).events])
        yield pool


async def written(pool: Pool) -> list[asyncpg.Record]:
    """The sums, and by which transaction each row was written."""
    return await pool.fetch("SELECT xmin::text, * FROM month_sum ORDER BY 2, 3, 4, 5 NULLS FIRST")


async def test_sums_are_what_each_reader_would_count(pool: Pool) -> None:
    """At every level, with active volunteers told apart; and so they are when the month is closed."""
    counted = [await rows_of(pool, JANUARY, area, level) for area, level in LEVELS]
    async with snapshot(pool) as connection:
        assert await store.as_of_sums(connection, JANUARY) is None
    duty = KeepingDuty(pool, MovableClock(IN_JANUARY), TOPICS)
    await duty.turn()
    assert await pool.fetchval("SELECT count(*) FROM month_sum WHERE month = $1", JANUARY) > 20
    assert [await rows_of(pool, JANUARY, area, level) for area, level in LEVELS] == counted
    async with snapshot(pool) as connection:
        as_of = await store.as_of_sums(connection, JANUARY)
        assert as_of is not None
        assert as_of["survey-submitted"].time is not None
    await Months(pool, TOPICS).close(JANUARY, now=IN_JANUARY + timedelta(minutes=1), by="test")
    assert [await rows_of(pool, JANUARY, area, level) for area, level in LEVELS] == counted


async def test_only_what_is_new_is_summed_up_and_written(pool: Pool) -> None:
    """Without events nothing is; with some, the rows that differ; what came to nothing goes."""
    duty = KeepingDuty(pool, MovableClock(IN_JANUARY), TOPICS)
    await duty.sum_up(JANUARY)
    first = await written(pool)
    await duty.sum_up(JANUARY)
    assert await written(pool) == first
    gone = visit(70, 9, "100102", counts(2, 1))
    await apply(pool, [gone, visit(71, 3, "500101", counts(2, 1))])
    await duty.sum_up(JANUARY)
    second = await written(pool)
    changed = {row["area"] for row in second} - {row["area"] for row in first}
    assert changed == {"100102"}
    before = {tuple(row)[1:5]: row for row in first}
    again = {tuple(row)[1:5]: row for row in second}
    assert again[JANUARY, "area", "500102", None] == before[JANUARY, "area", "500102", None]
    assert again[JANUARY, "area", "500101", None] != before[JANUARY, "area", "500101", None]
    await pool.execute("DELETE FROM volunteer_month WHERE volunteer_id = $1", UUID(int=9))
    await apply(pool, [visit(72, 3, "500101", counts(2, 1))])
    await duty.sum_up(JANUARY)
    assert "100102" not in {row["area"] for row in await written(pool)}


async def test_months_that_are_over_are_forgotten(pool: Pool) -> None:
    """The present one and the one before are kept: a reader of others counts for himself, or reads what was closed."""
    for month, kept in ((JANUARY, {DECEMBER, JANUARY}), (datetime(2022, 2, 5, tzinfo=UTC), {JANUARY})):
        moment = datetime(month.year, month.month, 5, tzinfo=UTC)
        await KeepingDuty(pool, MovableClock(moment), TOPICS).turn()
        assert {row["month"] for row in await written(pool)} >= kept
    assert DECEMBER not in {row["month"] for row in await written(pool)}
    assert await rows_of(pool, DECEMBER, "", "province")


async def test_rows_rank_and_stand_beside_the_month_before(pool: Pool) -> None:
    """From the sums as from the counting."""
    await KeepingDuty(pool, MovableClock(IN_JANUARY), TOPICS).turn()
    rows = list((await rows_of(pool, JANUARY, "", "subdistrict", sort="persons")).values())
    assert all(one.figures.persons >= other.figures.persons for one, other in pairwise(rows))
    (december,) = (row.before for row in rows if row.key == "500101")
    assert december.persons >= 2
