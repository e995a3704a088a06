"""What became of a place: every revision, with who and when. Never altered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.facilities.domain.places import Content
from services.facilities.store import places
from services.facilities.store.places import OtherArea
from services.facilities.store.rows import content_of
from shared.contracts.events import FacilityChange
from shared.postgres.pool import Connection

# One more than is shown: what a revision changed is told by the one before it.
SELECT_REVISIONS: Final = """
SELECT revision, change, content, merged_into, changed_at, changed_by, organisation, role
FROM facility_revision
WHERE facility_id = $1 AND ($2::integer IS NULL OR revision < $2)
  AND EXISTS (SELECT FROM facility AS f WHERE f.facility_id = $1 AND starts_with(f.area, $4))
ORDER BY revision DESC
LIMIT $3
"""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision, and by whom."""

    revision: int
    change: FacilityChange
    content: Content
    merged_into: UUID | None
    changed_at: datetime
    changed_by: UUID
    organisation: UUID | None
    role: str


async def revisions(
    connection: Connection, facility_id: UUID, area: str, below: int | None, limit: int
) -> Sequence[Revision]:
    """At most `limit` revisions of a place that lies in `area`, the latest first, beginning below a number.

    Raises `UnknownFacility` and `OtherArea`.
    """
    rows = await connection.fetch(SELECT_REVISIONS, facility_id, below, limit, area)
    if not rows and not (await places.get(connection, facility_id)).content.area.startswith(area):
        raise OtherArea
    return [_revision(row) for row in rows]


def _revision(row: asyncpg.Record) -> Revision:
    return Revision(
        row["revision"],
        FacilityChange(row["change"]),
        content_of(row["content"]),
        row["merged_into"],
        row["changed_at"],
        row["changed_by"],
        row["organisation"],
        row["role"],
    )
