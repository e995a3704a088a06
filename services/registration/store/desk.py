"""What waits on a coordinator's desk: numbers alone, so that nobody's name is read for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.registration.domain.problems import Level
from services.registration.domain.sign_ups import DECIDED_WITHIN
from shared.postgres.pool import acquire

MOST: Final = 10_000
"""Nobody works on more in a week. Counting on would make a desk of the whole country slow on the day of a bulk import;
those who have waited longest are counted first, so that the overdue ones are among them."""

APPROVALS: Final = """
SELECT count(*) AS waiting, count(*) FILTER (WHERE waiting_since < $2) AS overdue
FROM (
    SELECT waiting_since FROM person
    WHERE status = 'pending' AND area >= $1 AND area < $1 || ':'
    ORDER BY waiting_since
    LIMIT $3
) AS longest
"""

# Of the reader's own level: what is below is worked on there, and goes up by itself.
PROBLEMS: Final = """
SELECT count(*) AS waiting, count(*) FILTER (WHERE due_at < $3) AS overdue
FROM (
    SELECT due_at FROM problem
    WHERE due_at IS NOT NULL AND merged_into IS NULL AND level = $2 AND area >= $1 AND area < $1 || ':'
    ORDER BY due_at
    LIMIT $4
) AS soonest
"""

HELP: Final = """
SELECT count(*) AS waiting, min(asked_at) AS oldest
FROM (
    SELECT asked_at FROM registration_help
    WHERE closed_at IS NULL AND area >= $1 AND area < $1 || ':'
    LIMIT $2
) AS waiting
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait, at most `MOST`, and how many of them for too long."""

    waiting: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What waits in an area. `help_oldest` is when the first of those who ask for help did so."""

    approvals: Waiting
    problems: Waiting
    help_waiting: int
    help_oldest: datetime | None


async def read_desk(pool: asyncpg.Pool[asyncpg.Record], area: str, level: Level, *, now: datetime) -> Desk:
    """Count what waits in `area`, with the problems that are to be answered at `level`."""
    async with acquire(pool) as connection:
        approvals = await connection.fetchrow(APPROVALS, area, now - DECIDED_WITHIN, MOST)
        problems = await connection.fetchrow(PROBLEMS, area, level, now, MOST)
        helped = await connection.fetchrow(HELP, area, MOST)
    assert approvals is not None and problems is not None and helped is not None  # noqa: S101 - counts have a row
    return Desk(
        approvals=Waiting(approvals["waiting"], approvals["overdue"]),
        problems=Waiting(problems["waiting"], problems["overdue"]),
        help_waiting=helped["waiting"],
        help_oldest=helped["oldest"],
    )
