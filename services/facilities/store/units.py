"""What DHIS2 takes of the register: places as organisation units, and their beds at the end of a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.facilities.domain.places import Facility
from services.facilities.store.rows import COLUMNS, facility_of
from shared.postgres.pool import Connection

# When a closed place was closed: the last time it became so, or with its first entry.
SELECT_UNITS: Final = f"""
SELECT {COLUMNS},
       CASE WHEN status = 'closed' THEN coalesce(
           (SELECT max(changed_at) FROM facility_revision AS r
            WHERE r.facility_id = f.facility_id AND r.change = 'closed'), created_at) END AS closed_at
FROM facility AS f
WHERE facility_id > $1 AND area >= $2 AND area < $2 || ':'
ORDER BY facility_id
LIMIT $3
"""  # noqa: S608 - the columns are a constant

# As each place stood at a moment, by its latest revision then.
SELECT_BEDS: Final = """
SELECT f.facility_id, r.changed_at, r.content ->> 'kind' AS kind, r.content ->> 'status' AS status,
       (r.content ->> 'capacity')::integer AS capacity, (r.content ->> 'free')::integer AS free
FROM (
    SELECT facility_id FROM facility
    WHERE facility_id > $1 AND area >= $2 AND area < $2 || ':'
    ORDER BY facility_id
    LIMIT $3
) AS f
LEFT JOIN LATERAL (
    SELECT changed_at, content FROM facility_revision
    WHERE facility_id = f.facility_id AND changed_at < $4
    ORDER BY revision DESC
    LIMIT 1
) AS r ON true
ORDER BY f.facility_id
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """A place, and when it was closed if it is."""

    facility: Facility
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Beds:
    """What was known of a place's beds at a moment; changed_at: None where the place was not there yet."""

    facility_id: UUID
    changed_at: datetime | None
    kind: str | None
    status: str | None
    capacity: int | None
    free: int | None


async def units(connection: Connection, area: str, after: UUID, limit: int) -> Sequence[Unit]:
    """At most `limit` places of an area in the order of their ids, beginning behind `after`."""
    rows = await connection.fetch(SELECT_UNITS, after, area, limit)
    return [Unit(facility_of(row), row["closed_at"]) for row in rows]


async def beds(connection: Connection, area: str, after: UUID, limit: int, *, before: datetime) -> Sequence[Beds]:
    """The same places as they stood just before a moment."""
    rows = await connection.fetch(SELECT_BEDS, after, area, limit, before)
    return [Beds(**row) for row in rows]
