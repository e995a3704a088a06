"""What the benchmarks of growth do to the tables fits them as they are now."""

from collections.abc import Mapping

import pytest

from shared.postgres.pool import Connection, acquire, open_pool
from tests.bench.stored import DAY, FILL, HOUSEHOLD, SUBMISSION, VOLUNTEER_MONTH, multiply
from tests.runtime import Runtime

INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = $1"
CONSTRAINTS = "SELECT conname, contype, conindid::regclass::text FROM pg_constraint WHERE conrelid = $1::regclass"


@pytest.mark.parametrize(
    ("service", "table", "changed"),
    [
        ("survey", "household", HOUSEHOLD),
        ("survey", "submission", SUBMISSION),
        ("reporting", "survey_day", DAY),
        ("reporting", "volunteer_month", VOLUNTEER_MONTH),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_multiplied_table_has_its_indexes_again(
    runtime: Runtime, service: str, table: str, changed: Mapping[str, str]
) -> None:
    database = runtime.create_database(service).database
    pool = await open_pool(runtime.postgres_settings("postgres", database), application="test", max_size=1)
    async with pool, acquire(pool) as connection:
        before = await indexes(connection, table), await connection.fetch(CONSTRAINTS, table)
        await multiply(connection, table, 2, changed, households=5, days=1)
        found = await indexes(connection, table)
        assert all("fillfactor" in definition for definition in found.values())
        plain = {name: definition.replace(f" WITH (fillfactor='{FILL}')", "") for name, definition in found.items()}
        assert (plain, await connection.fetch(CONSTRAINTS, table)) == before


async def indexes(connection: Connection, table: str) -> dict[str, str]:
    """Their definitions by name."""
    return {row[0]: row[1] for row in await connection.fetch(INDEXES, table)}
