"""The week's work: which places are fresh, due and overdue, and how that was in the weeks before."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.facilities.domain.freshness import OVERDUE_AFTER, Freshness, overdue_before, week_of
from services.facilities.domain.places import Facility
from services.facilities.store.rows import COLUMNS, facility_of
from shared.postgres.pool import Connection

# Those that wait for longest first. A range of area and organisation, walked in the order of confirmation.
SELECT_MINE: Final = f"""
SELECT {COLUMNS}
FROM facility
WHERE area >= $1 AND area < $1 || ':' AND ($2::uuid IS NULL OR organisation_id = $2) AND status <> 'closed'
  AND (confirmed_at, facility_id) > ($3, $4)
  AND ($5::timestamptz IS NULL OR confirmed_at >= $5) AND ($6::timestamptz IS NULL OR confirmed_at < $6)
ORDER BY confirmed_at, facility_id
LIMIT $7
"""  # noqa: S608 - the columns are a constant

SELECT_FRESHNESS: Final = """
SELECT {by} AS of, count(*) FILTER (WHERE confirmed_at >= $2) AS fresh,
       count(*) FILTER (WHERE confirmed_at < $2 AND confirmed_at >= $3) AS due,
       count(*) FILTER (WHERE confirmed_at < $3) AS overdue
FROM facility
WHERE area >= $1 AND area < $1 || ':' AND status <> 'closed'
GROUP BY 1
ORDER BY overdue DESC, of
LIMIT $4
"""

# Organisations by district, each with its places that nobody has confirmed this week.
SELECT_NEGLECTED: Final = """
SELECT keeper, district, count(*) FILTER (WHERE confirmed_at >= $3) AS due,
       count(*) FILTER (WHERE confirmed_at < $3) AS overdue,
       (array_agg(DISTINCT email) FILTER (WHERE email IS NOT NULL))[1:$7] AS emails
FROM (
    SELECT coalesce(organisation_id, '00000000-0000-0000-0000-000000000000') AS keeper, left(area, 4) AS district,
           confirmed_at, email
    FROM facility
    WHERE area >= $1 AND area < $1 || ':' AND status <> 'closed' AND confirmed_at < $2
) AS f
WHERE (keeper, district) > ($4, $5)
GROUP BY keeper, district
ORDER BY keeper, district
LIMIT $6
"""

# As each place stood at the end of each week, by its latest revision then. A place that a list has confirmed as of an
# earlier day counts by the day on which the list came.
SELECT_TREND: Final = """
SELECT w.ends_at, count(*) AS places, count(*) FILTER (WHERE r.changed_at < w.ends_at - $3::interval) AS overdue
FROM unnest($2::timestamptz[]) AS w (ends_at)
CROSS JOIN facility AS f
CROSS JOIN LATERAL (
    SELECT changed_at, content ->> 'status' AS status
    FROM facility_revision
    WHERE facility_id = f.facility_id AND changed_at < w.ends_at
    ORDER BY revision DESC
    LIMIT 1
) AS r
WHERE f.area >= $1 AND f.area < $1 || ':' AND r.status <> 'closed'
GROUP BY w.ends_at
ORDER BY w.ends_at
"""


class By(StrEnum):
    """What freshness is counted by: the areas one level below the one that is asked for, kinds, or organisations."""

    AREA = "area"
    KIND = "kind"
    ORGANISATION = "organisation"


@dataclass(frozen=True, slots=True)
class Counted:
    """How many open places of something are fresh, due and overdue. of: a code, kind or organisation; None: nobody."""

    of: str | None
    fresh: int
    due: int
    overdue: int


@dataclass(frozen=True, slots=True)
class WeekEnd:
    """How many open places there were at the end of a week, and how many of them were overdue."""

    ends_at: datetime
    places: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Neglected:
    """Open places of an organisation in a district that nobody has confirmed this week.

    keeper: the organisation, the nil UUID where nobody keeps them; emails: some of the places' own addresses.
    """

    keeper: UUID
    district: str
    due: int
    overdue: int
    emails: Sequence[str]


async def mine(
    connection: Connection,
    area: str,
    organisation: UUID | None,
    after: tuple[datetime, UUID],
    limit: int,
    *,
    now: datetime,
    freshness: Freshness | None,
) -> Sequence[Facility]:
    """Open places of an area, and of an organisation if one is named, which wait for longest first."""
    began, overdue = week_of(now), overdue_before(now)
    since, until = {
        None: (None, None),
        Freshness.FRESH: (began, None),
        Freshness.DUE: (overdue, began),
        Freshness.OVERDUE: (None, overdue),
    }[freshness]
    rows = await connection.fetch(SELECT_MINE, area, organisation, *after, since, until, limit)
    return [facility_of(row) for row in rows]


async def freshness(connection: Connection, area: str, by: By, limit: int, *, now: datetime) -> Sequence[Counted]:
    """Open places by freshness, the most overdue first."""
    digits = min(len(area) + 2, 6)
    column = {By.AREA: f"left(area, {digits})", By.KIND: "kind", By.ORGANISATION: "organisation_id::text"}[by]
    rows = await connection.fetch(SELECT_FRESHNESS.format(by=column), area, week_of(now), overdue_before(now), limit)
    return [Counted(row["of"], row["fresh"], row["due"], row["overdue"]) for row in rows]


async def trend(connection: Connection, area: str, ends: Sequence[datetime]) -> Sequence[WeekEnd]:
    """How it was at the ends of some weeks."""
    rows = await connection.fetch(SELECT_TREND, area, ends, OVERDUE_AFTER)
    return [WeekEnd(row["ends_at"], row["places"], row["overdue"]) for row in rows]


async def neglected(
    connection: Connection, area: str, after: tuple[UUID, str], limit: int, most_emails: int, *, now: datetime
) -> Sequence[Neglected]:
    """Who neglects places of an area, in the order of organisation and district, beginning behind `after`."""
    rows = await connection.fetch(SELECT_NEGLECTED, area, week_of(now), overdue_before(now), *after, limit, most_emails)
    return [Neglected(row["keeper"], row["district"], row["due"], row["overdue"], row["emails"] or []) for row in rows]
