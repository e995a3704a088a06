"""Searching places by whatever FHIR asks of them, in the order of their ids or of their distance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import cos, radians
from typing import Final
from uuid import UUID

from services.facilities.domain.places import Facility, Position
from services.facilities.store.conditions import NOTHING, Condition, joined
from services.facilities.store.finding import EARTH_KM, KM_PER_DEGREE, PLAN_EACH_TIME
from services.facilities.store.rows import COLUMNS, facility_of
from shared.contracts.events import FacilityStatus
from shared.postgres.pool import Connection

SELECT_PAGE: Final = f"""
SELECT {COLUMNS}
FROM facility
WHERE facility_id > $1 {{conditions}}
ORDER BY facility_id
LIMIT $2
"""  # noqa: S608 - text of this module only

COUNT: Final = """
SELECT count(*) FROM facility WHERE true {conditions}
"""

# The index leaves what lies in a box, the sphere tells which of these are near enough, and in which order.
NEAR: Final = f"""
SELECT {COLUMNS}, 2 * {EARTH_KM} * asin(sqrt(least(1,
           sind((lat - $1) / 2) ^ 2 + cosd(lat) * cosd($1) * sind((lon - $2) / 2) ^ 2))) AS away
FROM facility
WHERE lat IS NOT NULL AND on_plane(lat, lon) <@ box(on_plane($1 - $4, $2 - $5), on_plane($1 + $4, $2 + $5))
  {{conditions}}
"""  # noqa: S608
SELECT_NEAR: Final = f"""
SELECT * FROM ({NEAR}) AS near
WHERE away <= $3 AND (away, facility_id) > ($6, $7)
ORDER BY away, facility_id
LIMIT $8
"""  # noqa: S608
COUNT_NEAR: Final = f"""
SELECT count(*) FROM ({NEAR}) AS near WHERE away <= $3
"""  # noqa: S608


BEGINS: Final = "(search_spelling($?::text) <> '' AND starts_with(search_name, search_spelling($?::text)))"
CONTAINS: Final = """(search_spelling($?::text) <> '' AND search_runs @> search_runs(search_spelling($?::text))
       AND strpos(search_name, search_spelling($?::text)) > 0)"""


@dataclass(frozen=True, slots=True)
class Near:
    """Around which position, and how far, in km."""

    position: Position
    km: float

    @property
    def values(self) -> tuple[float, float, float, float, float]:
        """As `NEAR` takes them: with half the height and width of a box around the circle, in degrees."""
        up = self.km / KM_PER_DEGREE * 1.01
        return self.position.lat, self.position.lon, self.km, up, up / max(cos(radians(self.position.lat)), 0.1)


def of_ids(ids: Sequence[UUID]) -> Condition:
    """Of these places."""
    return Condition("facility_id = ANY ($?::uuid[])", (list(ids),)) if ids else NOTHING


def of_codes(codes: Sequence[str]) -> Condition:
    """With one of these official codes."""
    return Condition("official_code = ANY ($?::text[])", (list(codes),)) if codes else NOTHING


def of_kinds(kinds: Sequence[str]) -> Condition:
    """Of one of these kinds."""
    return Condition("kind = ANY ($?::text[])", (list(kinds),)) if kinds else NOTHING


def of_status(statuses: Sequence[FacilityStatus]) -> Condition:
    """With one of these statuses."""
    return Condition("status = ANY ($?::text[])", (list(statuses),)) if statuses else NOTHING


def in_areas(codes: Sequence[str]) -> Condition:
    """In one of these subdistricts."""
    return Condition("area = ANY ($?::text[])", (list(codes),)) if codes else NOTHING


def named(text: str) -> Condition:
    """With a name that begins so, however it is typed; a text without a letter begins none."""
    return Condition(BEGINS, (text, text))


def with_name_containing(text: str) -> Condition:
    """With a name in which this stands somewhere, however it is typed."""
    return Condition(CONTAINS, (text, text, text))


def named_exactly(text: str) -> Condition:
    """With this name, letter by letter."""
    return Condition("name = $?::text", (text,))


def managed_by(code: str) -> Condition:
    """Of the institution with this official code; a place that turned out to be another one has left it."""
    return Condition("(official_code = $?::text AND merged_into IS NULL)", (code,))


def updated(since: datetime | None, until: datetime | None) -> Condition:
    """With a last change at or after `since` and before `until`."""
    if until is None:
        return Condition("updated_at >= $?::timestamptz", (since,))
    if since is None:
        return Condition("updated_at < $?::timestamptz", (until,))
    return Condition("(updated_at >= $?::timestamptz AND updated_at < $?::timestamptz)", (since, until))


SHUT: Final = Condition("status IN ('closed', 'suspended')")
OCCUPIED: Final = Condition("(status = 'full' OR (status = 'open' AND free = 0))")
UNOCCUPIED: Final = Condition("(status = 'open' AND free > 0)")


async def page(
    connection: Connection, conditions: Sequence[Condition], after: UUID | None, limit: int
) -> Sequence[Facility]:
    """At most `limit` places in the order of their ids, beginning behind `after`."""
    sql, values = joined(conditions, 3)
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        rows = await connection.fetch(SELECT_PAGE.format(conditions=sql), after or UUID(int=0), limit, *values)
    return [facility_of(row) for row in rows]


async def near(
    connection: Connection, conditions: Sequence[Condition], around: Near, after: tuple[float, UUID] | None, limit: int
) -> Sequence[tuple[float, Facility]]:
    """At most `limit` places with their distance in km, the nearest first, beginning behind `after`."""
    sql, values = joined(conditions, 9)
    behind = after or (-1.0, UUID(int=0))
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        rows = await connection.fetch(SELECT_NEAR.format(conditions=sql), *around.values, *behind, limit, *values)
    return [(row["away"], facility_of(row)) for row in rows]


async def count(connection: Connection, conditions: Sequence[Condition], around: Near | None) -> int:
    """How many places there are."""
    sql, values = joined(conditions, 1 if around is None else 6)
    query = (COUNT if around is None else COUNT_NEAR).format(conditions=sql)
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        return int(await connection.fetchval(query, *(() if around is None else around.values), *values))
