"""Stores that have grown: rows that the real pipeline wrote, copied inside the database until there are millions.

Five million households through the pipeline would take longer than all benchmarks together. A copy has every column of
a real row, and ids as random as real ones. Two things differ. The sealed submission is cut to `SEALED_BYTES`: nothing
on the way of a new record reads it, it would only fill the disk. And indexes are built at the end, with the free space
that random insertion leaves in a B-tree (`FILL`), so that they are as large as real ones. Then the tables are vacuumed
and analysed, as autovacuum does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.postgres.pool import Connection, acquire
from tests.bench.setting import Setting

SEALED_BYTES = 160
FILL = 70
"""Percent: a B-tree filled in random order is about ln 2 full."""
BUILD_MEMORY = "512MB"
COPY_TIMEOUT = 600.0
"""Seconds for one statement: gigabytes are written, on a machine that may be busy."""
VISITS_A_MONTH = 20
"""Of one volunteer."""
CAMPAIGN_DAYS = 60

COPIED_ID = "md5({column}::text || '/{households}/' || copy)::uuid"
"""Another id for each copy of each growth; the same one wherever the row's id stands in other tables."""
COPIED_HOUSEHOLD = (
    "(left(household_id::text, 6) || right(md5(household_id::text || '/{households}/' || copy), 26))::uuid"
)
"""The same for households, whose ids begin with their subdistrict's code."""
HOUSEHOLD = {"household_id": COPIED_HOUSEHOLD, "submission_id": COPIED_ID}
SUBMISSION = {
    "household_id": COPIED_HOUSEHOLD,
    "submission_id": COPIED_ID,
    # Negative: they lie before everything that a recorder may have to publish again, and in nobody's way.
    "sequence": "-({rows} + row_number() OVER ())",
    "previous": "NULL",
    "sealed": f"substr(sealed, 1, {SEALED_BYTES})",
}
DAY = {"day": "day - {days} * copy"}
VOLUNTEER_MONTH = {"volunteer_id": COPIED_ID}


@dataclass(frozen=True, slots=True)
class Index:
    """An index as the migrations made it. constraint: its clause, where it belongs to one."""

    name: str
    definition: str
    constraint: str | None


INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition,
       CASE WHEN c.contype = 'p' THEN 'PRIMARY KEY' WHEN c.contype = 'u' THEN 'UNIQUE' END AS constraint
FROM pg_index AS i
LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u')
WHERE i.indrelid = $1::regclass
ORDER BY 1
"""
COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""


async def grow_survey(found: Setting, households: int) -> None:
    """Copies the survey's rows until about so many households are stored."""
    async with found.database("survey", "postgres") as pool, acquire(pool) as connection:
        stored = int(await connection.fetchval("SELECT count(*) FROM household", timeout=COPY_TIMEOUT))
        copies = round(households / stored) - 1
        await multiply(connection, "household", copies, HOUSEHOLD, households=households)
        await multiply(connection, "submission", copies, SUBMISSION, households=households)
        await connection.execute("CHECKPOINT", timeout=COPY_TIMEOUT)


async def grow_reporting(found: Setting, households: int) -> None:
    """Copies reporting's rows as so many households would have left them.

    Sums by area have as many rows as there are areas, whatever is stored; those by day are copied to the days of a
    campaign, those of volunteers to as many as make the visits.
    """
    async with found.database("reporting", "postgres") as pool, acquire(pool) as connection:
        days = int(await connection.fetchval("SELECT 1 + max(day) - min(day) FROM survey_day"))
        await multiply(connection, "survey_day", CAMPAIGN_DAYS // days - 1, DAY, days=days)
        volunteers = int(await connection.fetchval("SELECT count(*) FROM volunteer_month"))
        copies = round(households / VISITS_A_MONTH / volunteers) - 1
        await multiply(connection, "volunteer_month", copies, VOLUNTEER_MONTH, households=households)
        await connection.execute("CHECKPOINT", timeout=COPY_TIMEOUT)


async def megabytes(found: Setting, service: str) -> int:
    """Size of a service's database."""
    async with found.database(service) as pool:
        return int(await pool.fetchval("SELECT pg_database_size(current_database())")) // 2**20


async def multiply(connection: Connection, table: str, copies: int, changed: Mapping[str, str], **given: int) -> None:
    """Adds `copies` of each row; changed: by column, what stands there in a copy instead, with `given` filled in."""
    if copies < 1:
        return
    rows = int(await connection.fetchval(f"SELECT count(*) FROM {table}", timeout=COPY_TIMEOUT))  # noqa: S608
    columns = [str(row[0]) for row in await connection.fetch(COLUMNS, table)]
    values = [changed.get(column, column).format(column=column, rows=rows, **given) for column in columns]
    quoted = ", ".join(f'"{column}"' for column in columns)
    indexes = [Index(**row) for row in await connection.fetch(INDEXES, table)]
    await connection.execute(f"SET maintenance_work_mem = '{BUILD_MEMORY}'; SET synchronous_commit = off")
    async with connection.transaction():
        for index in indexes:
            drop = f"ALTER TABLE {table} DROP CONSTRAINT" if index.constraint else "DROP INDEX"
            await connection.execute(f"{drop} {index.name}")
        await connection.execute(
            f"INSERT INTO {table} ({quoted}) "  # noqa: S608
            f"SELECT {', '.join(values)} FROM {table}, generate_series(1, {copies}) AS copy",
            timeout=COPY_TIMEOUT,
        )
        for index in indexes:
            await connection.execute(_filled(index.definition), timeout=COPY_TIMEOUT)
            if index.constraint:
                await connection.execute(
                    f"ALTER TABLE {table} ADD CONSTRAINT {index.name} {index.constraint} USING INDEX {index.name}"
                )
    await connection.execute(f"VACUUM (ANALYZE) {table}", timeout=COPY_TIMEOUT)


def _filled(definition: str) -> str:
    """An index's definition with room for what comes between; it stays with the index."""
    if " WITH (" in definition:
        return definition
    head, where, condition = definition.partition(" WHERE ")
    return f"{head} WITH (fillfactor = {FILL}){where}{condition}"
