"""Where persons to reach are: counted by grid cell, or by the areas inside one, from what is stored in the clear."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.postgres.pool import Connection

MOST_ITEMS: Final = 1_000
"""Of a subdistrict, one by one: their seals are opened in 40 ms. The largest subdistricts of cities have more, of which
the first by priority are shown; the cells count all."""

BY_CELL = """
SELECT cell_row, cell_column, count(*) AS persons, count(*) FILTER (WHERE at_risk) AS at_risk,
       count(*) FILTER (WHERE home_visit) AS home_visit, count(*) FILTER (WHERE owner IS NULL) AS free,
       count(*) FILTER (WHERE due_first < $3) AS late
FROM reach
WHERE household_id BETWEEN $1 AND $2 AND status IN ('open', 'appointed')
GROUP BY cell_row, cell_column
ORDER BY cell_row, cell_column
"""

BY_DISTRICT = """
SELECT left(area, 4) AS area, count(*) AS persons, count(*) FILTER (WHERE at_risk) AS at_risk,
       count(*) FILTER (WHERE home_visit) AS home_visit, count(*) FILTER (WHERE owner IS NULL) AS free,
       count(*) FILTER (WHERE due_first < $3) AS late
FROM reach
WHERE household_id BETWEEN $1 AND $2 AND status IN ('open', 'appointed')
GROUP BY 1
ORDER BY 1
"""

IN_SUBDISTRICT = """
SELECT household_id, person_id
FROM reach
WHERE area = $1 AND status IN ('open', 'appointed')
ORDER BY rank, wanting_since, household_id, person_id
LIMIT $2
"""


async def by_cell(connection: Connection, area: str, now: datetime) -> list[asyncpg.Record]:
    """Persons of a district or subdistrict by the cell of their house; null: without a position."""
    return await connection.fetch(BY_CELL, *households_in(area), now)


async def by_district(connection: Connection, area: str, now: datetime) -> list[asyncpg.Record]:
    """Persons of a province by district."""
    return await connection.fetch(BY_DISTRICT, *households_in(area), now)


async def in_subdistrict(connection: Connection, area: str) -> list[tuple[UUID, UUID]]:
    """Persons of a subdistrict, by priority, at most `MOST_ITEMS`."""
    return [(row[0], row[1]) for row in await connection.fetch(IN_SUBDISTRICT, area, MOST_ITEMS)]


def households_in(area: str) -> tuple[UUID, UUID]:
    """The lowest and the highest id that a household inside the area may have: they begin with its code."""
    return UUID(hex=area.ljust(32, "0")), UUID(hex=area.ljust(32, "f"))
