"""One household: its visits, and what came of following its persons up."""

from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from shared.postgres.pool import Connection

MOST_VISITS: Final = 100
"""Visits and follow-ups of a house, the newest; a house is visited some ten times in a campaign."""

HOUSEHOLD = """
SELECT household_id, area, village, revision, submission_id, captured_at
FROM household
WHERE household_id = $1 AND starts_with(area, $2) AND counts IS NOT NULL
"""

VISITS = """
SELECT submission_id, captured_at, recorded_at, volunteer_id, organisation_id, kind, outcome, flags
FROM submission
WHERE household_id = $1
ORDER BY captured_at DESC, submission_id DESC
LIMIT $2
"""

FOLLOW_UPS = """
SELECT f.submission_id, f.person_id, f.captured_at, f.outcome, f.dose, f.due_at, f.facility_id, s.volunteer_id,
       p.name AS facility
FROM follow_up AS f
JOIN submission AS s USING (submission_id)
LEFT JOIN vaccination_point AS p ON p.facility_id = f.facility_id
WHERE f.household_id = $1
ORDER BY f.captured_at DESC, f.submission_id DESC
LIMIT $2
"""

TO_REACH = "SELECT household_id, person_id FROM reach WHERE household_id = $1"


class Household(NamedTuple):
    """What is stored of a household in the clear."""

    row: asyncpg.Record
    visits: list[asyncpg.Record]
    follow_ups: list[asyncpg.Record]
    to_reach: list[tuple[UUID, UUID]]


async def household(connection: Connection, household_id: UUID, area: str) -> Household | None:
    """A household of `area`; None where there is none, or it was erased."""
    row = await connection.fetchrow(HOUSEHOLD, household_id, area)
    if row is None:
        return None
    return Household(
        row,
        await connection.fetch(VISITS, household_id, MOST_VISITS),
        await connection.fetch(FOLLOW_UPS, household_id, MOST_VISITS),
        [(one[0], one[1]) for one in await connection.fetch(TO_REACH, household_id)],
    )
