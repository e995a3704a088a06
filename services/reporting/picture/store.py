"""Reads of what the picture counts: for several areas at once, since what changes lies in a few districts.

`$1` are codes of the areas that are asked for and `$2` the number of digits of the level that they are broken down to.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import asyncpg

from services.reporting.answers import Denominator
from services.reporting.domain import FIGURES
from services.reporting.picture.rows import Counts
from services.reporting.store import TableKind
from shared.postgres.pool import Connection

SURVEY: Final = f"""
SELECT left(s.subdistrict, $2) AS area, {", ".join(f"sum(s.{figure})::bigint" for figure in FIGURES)}
FROM unnest($1::text[] COLLATE "C") AS inside (code)
JOIN survey_subdistrict AS s ON s.subdistrict >= inside.code AND s.subdistrict < inside.code || ':'
GROUP BY 1
"""  # noqa: S608 - names of ours


async def survey(connection: Connection, areas: Sequence[str], digits: int) -> dict[str, Counts]:
    """The survey's figures by area code; areas without any are left out."""
    return _by_area(await connection.fetch(SURVEY, areas, digits))


PLACES: Final = """
SELECT left(f.area, $2) AS area,
       count(*)                                       AS places,
       count(*) FILTER (WHERE f.status = 'open')      AS places_open,
       count(*) FILTER (WHERE f.confirmed_at < $3)    AS places_overdue
FROM unnest($1::text[] COLLATE "C") AS inside (code)
JOIN facility AS f ON f.area >= inside.code AND f.area < inside.code || ':'
WHERE f.status <> 'closed'
GROUP BY 1
"""


async def places(
    connection: Connection, areas: Sequence[str], digits: int, overdue_before: datetime
) -> dict[str, Counts]:
    """Places that are not closed, open ones, overdue ones."""
    return _by_area(await connection.fetch(PLACES, areas, digits, overdue_before))


HELP: Final = """
WITH counted AS (
    SELECT left(h.area, $2) AS area,
           sum(h.requests)::bigint AS asked,
           sum(h.requests * (h.status IN ('waiting', 'accepted', 'helping'))::integer)::bigint AS open,
           sum(h.requests * (h.status = 'waiting')::integer)::bigint                           AS waiting,
           sum(h.requests * (h.status = 'accepted')::integer)::bigint                          AS accepted,
           sum(h.requests * (h.status = 'helping')::integer)::bigint                           AS helping,
           sum(h.requests * (h.status = 'done')::integer)::bigint                              AS done
    FROM unnest($1::text[] COLLATE "C") AS inside (code)
    JOIN help_count AS h ON h.area >= inside.code AND h.area < inside.code || ':'
    GROUP BY 1
), late AS (
    SELECT left(r.area, $2) AS area, count(*) AS overdue
    FROM help_request AS r
    JOIN unnest($1::text[] COLLATE "C") AS inside (code) ON r.area >= inside.code AND r.area < inside.code || ':'
    WHERE r.deadline < $3
    GROUP BY 1
)
SELECT c.area, c.asked, c.open, c.waiting, c.accepted, c.helping, c.done, coalesce(l.overdue, 0) AS overdue
FROM counted AS c
LEFT JOIN late AS l USING (area)
"""


async def help_requests(connection: Connection, areas: Sequence[str], digits: int, now: datetime) -> dict[str, Counts]:
    """Requests for help, in the order of `HELP` of the rows; `now` is when they are overdue."""
    return _by_area(await connection.fetch(HELP, areas, digits, now))


DENOMINATORS: Final = """
SELECT DISTINCT ON (d.area) d.area, d.value, d.source, d.dated
FROM unnest($2::text[] COLLATE "C") AS inside (code)
JOIN denominator AS d ON d.area >= inside.code AND d.area < inside.code || ':'
WHERE d.kind = $1 AND length(d.area) = ANY ($3::integer[])
ORDER BY d.area, d.dated DESC
"""


async def denominators(
    connection: Connection, kind: TableKind, areas: Sequence[str], digits: Sequence[int]
) -> dict[str, Denominator]:
    """By area code, the value of the newest table that names the area; for codes of the given lengths."""
    rows = await connection.fetch(DENOMINATORS, kind, areas, digits)
    return {row["area"]: Denominator(kind, row["value"], row["source"], row["dated"]) for row in rows}


def _by_area(rows: Iterable[asyncpg.Record]) -> dict[str, Counts]:
    return {area: tuple(counts) for area, *counts in rows}
