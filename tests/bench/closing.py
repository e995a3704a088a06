"""A month of 1.05 million volunteers: closed, checked, corrected and read, with another such month before it."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime

from services.reporting.months import store
from services.reporting.months.answers import PerformanceRow, RowLevel
from services.reporting.months.closing import Months, verify
from services.reporting.months.keeping import KeepingDuty
from services.reporting.projector import TOPICS
from services.reporting.store import Pool, snapshot
from shared.areas.register import subdistricts
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from tests.bench.report import Figure
from tests.runtime import Runtime, started

VOLUNTEERS = 1_050_000
ORGANISATIONS_OF_AREA = 8
JANUARY, DECEMBER = date(2022, 1, 1), date(2021, 12, 1)
LATER = datetime(2022, 2, 9, 19, tzinfo=UTC)
CORRECTED = 5_000
SECONDS = 300.0
"""For one statement about all rows, on a machine that may be busy."""
READS = 5

# A volunteer visits his own subdistrict, one in ten also the next one.
FILL_VISITS = """
INSERT INTO volunteer_month
    (month, subdistrict, volunteer_id, organisation_id, submissions, households, revisits, persons, dose_0, wanting,
     follow_ups, followed_up, vaccinated)
SELECT $1, area, md5('volunteer' || number)::uuid, md5('organisation' || area || (number % $3))::uuid,
       5 + number % 40, 4 + number % 35, number % 5, 12 + number % 90, number % 30, number % 20,
       number % 4, number % 3, number % 2
FROM (
    SELECT number, 1 + number % cardinality($2::text[]) AS place FROM generate_series(0, $4 - 1) AS number
    UNION ALL
    SELECT number, 1 + (number + 1) % cardinality($2::text[]) FROM generate_series(0, $4 - 1, 10) AS number
) AS visited
JOIN unnest($2::text[]) WITH ORDINALITY AS areas (area, place) USING (place)
ORDER BY area
"""
FILL_OTHERS = (
    "INSERT INTO registration_month SELECT $1, area, md5('organisation' || area || 1)::uuid, 'agency', 'volunteer', 3 "
    "FROM unnest($2::text[]) AS area",
    "INSERT INTO place_month SELECT $1, area, NULL, md5('officer' || area)::uuid, 1, 2, 4, 0 "
    "FROM unnest($2::text[]) AS area",
    "INSERT INTO help_month SELECT $1, area, 2 FROM unnest($2::text[]) AS area",
)


async def run(_: float, show: Callable[[Figure], None]) -> None:
    """Each once: a month is closed once a month."""
    with started(services=False) as stack:
        settings = Runtime(stack).create_database("reporting")
        pool = await open_pool(settings, application="bench", max_size=4)
        try:
            for month in (DECEMBER, JANUARY):
                await fill(pool, month)
            await measure(pool, show)
        finally:
            pool.terminate()


async def fill(pool: Pool, month: date) -> None:
    """What a whole country does in a month."""
    areas = [area.code for area in subdistricts()]
    await pool.execute(FILL_VISITS, month, areas, ORGANISATIONS_OF_AREA, VOLUNTEERS, timeout=SECONDS)
    for statement in FILL_OTHERS:
        await pool.execute(statement, month, areas, timeout=SECONDS)
    await pool.execute("VACUUM (ANALYZE) volunteer_month", timeout=SECONDS)


async def measure(pool: Pool, show: Callable[[Figure], None]) -> None:
    """Open and closed."""
    months = Months(pool, TOPICS)

    async def close(month: date) -> int:
        return (await months.close(month, now=LATER, by="bench")).rows

    async def correct() -> int:
        await pool.execute(
            "UPDATE volunteer_month SET persons = persons + 1 WHERE month = $1 AND volunteer_id IN "
            "(SELECT volunteer_id FROM volunteer_month WHERE month = $1 LIMIT $2)",
            JANUARY,
            CORRECTED,
        )
        return (await months.correct(JANUARY, now=LATER, by="bench", reason="late")).rows

    async def check() -> int:
        async with snapshot(pool) as connection:
            return (await verify(connection, JANUARY, 2)).rows

    async def sum_up() -> int:
        keeping = KeepingDuty(pool, SystemClock(), TOPICS)
        for month in (JANUARY, DECEMBER):
            await keeping.sum_up(month)
        return int(await pool.fetchval("SELECT count(*) FROM month_sum"))

    await timed("sums of two open months", sum_up, show)
    await pool.execute("VACUUM (ANALYZE) month_sum", timeout=SECONDS)
    await reads(pool, "open", show)
    await timed("close", lambda: close(JANUARY), show)
    await timed("close the month before", lambda: close(DECEMBER), show)
    await pool.execute("VACUUM (ANALYZE) month_row", timeout=SECONDS)
    await timed("correct, 5,000 volunteers", correct, show)
    await timed("verify", check, show)
    await reads(pool, "closed", show)
    await timed("all volunteers as a stream", lambda: whole(pool), show)


async def timed(case: str, work: Callable[[], Awaitable[int]], show: Callable[[Figure], None]) -> None:
    """Shows how long it takes, by rows a second."""
    began = time.perf_counter()
    rows = await work()
    seconds = time.perf_counter() - began
    show(Figure("closing", case, rows / seconds, "rows/s", notes={"rows": rows, "seconds": round(seconds, 1)}))


async def whole(pool: Pool) -> int:
    """Every volunteer of the country, beside the month before."""
    return sum([1 async for _ in rows(pool, "", "volunteer")])


async def rows(pool: Pool, area: str, level: RowLevel, limit: int | None = None) -> AsyncIterator[PerformanceRow]:
    """The rows of January."""
    async with snapshot(pool) as connection:
        async for row in store.rows(connection, JANUARY, None, area, level, limit=limit):
            yield row


CASES: tuple[tuple[str, RowLevel], ...] = (
    ("", "province"),
    ("50", "district"),
    ("", "subdistrict"),
    ("50", "organisation"),
    ("50", "volunteer"),
)


async def reads(pool: Pool, state: str, show: Callable[[Figure], None]) -> None:
    """A page of each kind, as a reader gets it."""
    for area, level in CASES:
        took = []
        for _ in range(READS):
            began = time.perf_counter()
            async with snapshot(pool) as connection:
                await store.total(connection, JANUARY, None, area)
                await store.total(connection, DECEMBER, None, area)
            found = sum([1 async for _ in rows(pool, area, level, 1_000)])
            took.append((time.perf_counter() - began) * 1_000)
        case = f"{state} month, {area or 'country'} by {level}, {found:,} rows"
        show(
            Figure("closing", case, 1_000 / min(took), "reads/s", milliseconds={"best": min(took), "worst": max(took)})
        )
