"""Places that may be one: suggested, dismissed, merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.facilities.domain import places as domain
from services.facilities.domain.places import Facility
from services.facilities.store import places
from services.facilities.store.places import Actor, OtherArea, OtherOrganisation, StaleRevision, UnknownFacility
from shared.postgres.pool import Connection

ALIKE: Final = 0.5
"""The share of runs of three characters that two names have in common (Jaccard). "รพ.สต.บ้านแม่กา" and
"โรงพยาบาลส่งเสริมสุขภาพตำบลแม่กา" have 0.8; two villages' health centres, whose long first words are the same, 0.6
to 0.7, but they lie apart."""
NEAR_DEGREES: Final = 0.005
"""Half a kilometre: a large hospital's grounds, and the error of a position that was tapped on a map."""

NEIGHBOURS: Final = 20
"""With so many a place is compared, the nearest first: lists give hundreds of places the position of the district's
office, and all of these with each other would take minutes."""

# Each pair once, the lower id first. Names are compared only where places of one kind lie close together.
SELECT_PAIRS: Final = """
WITH near AS (
    SELECT a.facility_id AS one, b.facility_id AS other,
           a.official_code IS NOT NULL AND a.official_code = b.official_code AS same_code,
           cardinality(ARRAY(SELECT unnest(a.search_runs) INTERSECT SELECT unnest(b.search_runs))) AS common,
           cardinality(a.search_runs) + cardinality(b.search_runs) AS runs
    FROM facility AS a
    CROSS JOIN LATERAL (
        SELECT facility_id, official_code, search_runs
        FROM facility
        WHERE kind = a.kind AND status <> 'closed' AND facility_id > a.facility_id
          AND on_plane(lat, lon) <@ box(on_plane(a.lat - $4, a.lon - $4), on_plane(a.lat + $4, a.lon + $4))
        ORDER BY on_plane(lat, lon) <-> on_plane(a.lat, a.lon)
        LIMIT $7
    ) AS b
    WHERE a.area >= $1 AND a.area < $1 || ':' AND a.status <> 'closed' AND a.lat IS NOT NULL
), coded AS (
    SELECT a.facility_id AS one, b.facility_id AS other
    FROM facility AS a
    JOIN facility AS b ON b.official_code = a.official_code AND b.kind = a.kind AND b.facility_id > a.facility_id
    WHERE a.area >= $1 AND a.area < $1 || ':' AND a.status <> 'closed' AND b.status <> 'closed'
), pair AS (
    SELECT one, other, 'same_code' AS reason FROM coded
    UNION
    SELECT one, other, 'similar_name' FROM near
    WHERE NOT same_code AND runs > 0 AND common >= $5::float8 * (runs - common)
)
SELECT one, other, reason
FROM pair AS p
WHERE (one, other) > ($2, $3)
  AND NOT EXISTS (SELECT FROM duplicate_dismissal AS d WHERE d.one = p.one AND d.other = p.other)
ORDER BY one, other
LIMIT $6
"""

DISMISS: Final = """
INSERT INTO duplicate_dismissal (one, other, dismissed_by, dismissed_at)
SELECT least($1::uuid, $2), greatest($1::uuid, $2), $3, $4
WHERE (
    SELECT count(*) FROM facility WHERE facility_id IN ($1, $2) AND area >= $5 AND area < $5 || ':'
) = 2
ON CONFLICT (one, other) DO UPDATE SET dismissed_by = duplicate_dismissal.dismissed_by
RETURNING one
"""


class Reason(StrEnum):
    """Why two places may be one."""

    SAME_CODE = "same_code"
    SIMILAR_NAME = "similar_name"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two places that may be one."""

    one: Facility
    other: Facility
    reason: Reason


async def pairs(connection: Connection, area: str, after: tuple[UUID, UUID], limit: int) -> Sequence[Pair]:
    """Pairs of which the first lies in `area`, in the order of their ids, beginning behind `after`."""
    rows = await connection.fetch(SELECT_PAIRS, area, *after, NEAR_DEGREES, ALIKE, limit, NEIGHBOURS)
    known = await places.get_many(connection, list({row[side] for row in rows for side in ("one", "other")}))
    return [Pair(known[row["one"]], known[row["other"]], Reason(row["reason"])) for row in rows]


async def dismiss(connection: Connection, one: UUID, other: UUID, actor: Actor, at: datetime) -> bool:
    """Remembers that two places are two. False unless both lie in the actor's area."""
    return await connection.fetchval(DISMISS, one, other, actor.subject, at, actor.area) is not None


async def merge(
    connection: Connection, facility_id: UUID, survivor_id: UUID, actor: Actor, at: datetime, *, expected: int
) -> Facility:
    """Makes one place of two: gives the one that is closed.

    expected: the revision of that one which the actor has seen.

    Raises:
        UnknownFacility, OtherArea, StaleRevision, MergedFacility.
        OtherOrganisation: of the one that is closed; the other one stays as it is, whoever keeps it.
    """
    async with connection.transaction():
        known = await places.get_many(connection, [facility_id, survivor_id])
        if len(known) != 2:
            raise UnknownFacility
        locked = await places.lock_many(connection, [facility_id, survivor_id], actor.area)
        if len(locked) != 2:
            raise OtherArea
        before = locked[facility_id]
        if actor.only_of is not None and before.content.organisation_id not in (None, actor.only_of):
            raise OtherOrganisation
        if before.revision != expected:
            raise StaleRevision(before.revision)
        step = domain.merged(before, locked[survivor_id], at)
        await places.update(connection, [step], actor)
        return step.after
