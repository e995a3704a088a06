"""Places as lists, and how many there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.facilities.domain.places import Facility
from services.facilities.store.rows import COLUMNS, facility_of
from shared.contracts.events import FacilityStatus
from shared.postgres.pool import Connection


@dataclass(frozen=True, slots=True)
class Filters:
    """Which places are asked for; None means all. overdue_before: only those last confirmed before that moment."""

    area: str = ""
    kind: str | None = None
    status: FacilityStatus | None = None
    overdue_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many places of a kind and status a subdistrict has."""

    area: str
    kind: str
    status: FacilityStatus
    places: int


# ":" is the character after "9": every code that begins with the prefix lies between the prefix and that.
SELECT_PAGE: Final = f"""
SELECT {COLUMNS}
FROM facility
WHERE ($1::uuid IS NULL OR facility_id > $1)
  AND area >= $2 AND area < $2 || ':'
  AND ($3::text IS NULL OR kind = $3)
  AND ($4::text IS NULL OR status = $4)
  AND ($5::timestamptz IS NULL OR (confirmed_at < $5 AND status <> 'closed'))
ORDER BY facility_id
LIMIT $6
"""  # noqa: S608 - the columns are a constant

SELECT_COUNTS: Final = """
SELECT area, kind, status, count(*) AS places
FROM facility
WHERE area >= $1 AND area < $1 || ':'
GROUP BY area, kind, status
ORDER BY area, kind, status
"""


async def page(connection: Connection, filters: Filters, after: UUID | None, limit: int) -> Sequence[Facility]:
    """At most `limit` places in the order of their ids, beginning behind `after`."""
    rows = await connection.fetch(
        SELECT_PAGE, after, filters.area, filters.kind, filters.status, filters.overdue_before, limit
    )
    return [facility_of(row) for row in rows]


async def counts(connection: Connection, area: str) -> Sequence[Count]:
    """Places by subdistrict, kind and status inside `area`: this service's own word, for reconciliation."""
    rows = await connection.fetch(SELECT_COUNTS, area)
    return [Count(row["area"], row["kind"], FacilityStatus(row["status"]), row["places"]) for row in rows]
