"""The dated tables of denominators: put in, taken back, listed; each stays as it was given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.reporting import store
from services.reporting.notices import Kind, notify
from services.reporting.store import TableKind
from services.reporting.wholes.comparing import Former
from shared.postgres.pool import Connection


class UnknownTable(LookupError):
    """There is no such table, or it does not count any more."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was put in. given: areas with a value, `derived` ones above them were summed up; total: of the
    country; ended_at: since when it does not count any more, being replaced or taken back."""

    table_id: UUID
    kind: TableKind
    dated: date
    source: str
    given: int
    derived: int
    total: int | None
    set_by: UUID
    set_at: datetime
    ended_at: datetime | None
    ended_by: UUID | None


LOCK = "LOCK TABLE denominator_table IN SHARE ROW EXCLUSIVE MODE"

END = """
UPDATE denominator_table SET ended_at = $3, ended_by = $4 WHERE kind = $1 AND dated = $2 AND ended_at IS NULL
"""

PUT = """
INSERT INTO denominator_table (table_id, kind, dated, source, areas, counts, derived, total, set_by, set_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def put(
    connection: Connection,
    table: Table,
    *,
    given: Mapping[str, int],
    derived: Mapping[str, int],
) -> None:
    """Puts a table in the place of the one of its kind and date; whole or not at all. The former one is kept."""
    async with connection.transaction():
        # Two writers go one after the other; readers are not held up.
        await connection.execute(LOCK)
        await connection.execute(END, table.kind, table.dated, table.set_at, table.set_by)
        await connection.execute(
            PUT,
            table.table_id,
            table.kind,
            table.dated,
            table.source,
            list(given),
            list(given.values()),
            table.derived,
            table.total,
            table.set_by,
            table.set_at,
        )
        await store.replace_denominators(
            connection, table.kind, table.dated, table.source, table.set_by, given=given, derived=derived
        )


TAKE_BACK = """
UPDATE denominator_table SET ended_at = $2, ended_by = $3 WHERE table_id = $1 AND ended_at IS NULL
RETURNING kind, dated
"""


async def take_back(connection: Connection, table_id: UUID, by: UUID, at: datetime) -> None:
    """Ends a table: the one of an older date counts again. Raises `UnknownTable`."""
    async with connection.transaction():
        await connection.execute(LOCK)
        row = await connection.fetchrow(TAKE_BACK, table_id, at, by)
        if row is None:
            raise UnknownTable
        await connection.execute(store.DELETE_DENOMINATORS, row["kind"], row["dated"])
        await notify(connection, Kind.DENOMINATORS, None)


COLUMNS = """
table_id, kind, dated, source, cardinality(areas) AS given, derived, total, set_by, set_at, ended_at, ended_by
"""

LIST = f"""
SELECT {COLUMNS}
FROM denominator_table
WHERE ($1::text IS NULL OR kind = $1) AND ($2::timestamptz IS NULL OR (set_at, table_id) < ($2, $3::uuid))
ORDER BY set_at DESC, table_id DESC
LIMIT $4
"""  # noqa: S608 - names of ours

TableKey = tuple[datetime, UUID]


async def page(connection: Connection, kind: TableKind | None, after: TableKey | None, limit: int) -> list[Table]:
    """Tables, those that were put in last first, beginning behind `after`."""
    at, table_id = after or (None, None)
    return [Table(*row) for row in await connection.fetch(LIST, kind, at, table_id, limit)]


ONE = f"SELECT {COLUMNS}, areas, counts FROM denominator_table WHERE table_id = $1"  # noqa: S608 - names of ours


async def read(connection: Connection, table_id: UUID) -> tuple[Table, Sequence[tuple[str, int]]]:
    """A table, and the values that were given by area. Raises `UnknownTable`."""
    row = await connection.fetchrow(ONE, table_id)
    if row is None:
        raise UnknownTable
    *columns, areas, counts = row
    return Table(*columns), list(zip(areas, counts, strict=True))


FORMER = """
SELECT area, value, dated, source
FROM denominator
WHERE kind = $1 AND dated = (SELECT max(dated) FROM denominator WHERE kind = $1 AND dated <= $2)
"""


async def former(connection: Connection, kind: TableKind, dated: date) -> Former | None:
    """The table of a kind that counts on a date: the newest one until then, which a new one replaces or follows. None:
    there is none."""
    rows = await connection.fetch(FORMER, kind, dated)
    if not rows:
        return None
    return Former(rows[0]["dated"], rows[0]["source"], {row["area"]: row["value"] for row in rows})
