"""What waits on a coordinator's desk: numbers alone, so that nobody's name is read for them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.registration.domain.problems import Level
from services.registration.domain.sign_ups import DECIDED_WITHIN
from services.registration.store.lists import AWAITS_NO_FIRST_DAY
from shared.postgres.pool import acquire

MOST: Final = 10_000
"""Nobody works on more in a week. Counting on would make a desk of the whole country slow on the day of a bulk import;
those who have waited longest are counted first, so that the overdue ones are among them."""

APPROVALS: Final = f"""
SELECT count(*) AS waiting, count(*) FILTER (WHERE waiting_since < $2) AS overdue
FROM (
    SELECT waiting_since FROM person
    WHERE status = 'pending' AND area >= $1 AND area < $1 || ':' AND {AWAITS_NO_FIRST_DAY}
    ORDER BY waiting_since
    LIMIT $3
) AS longest
"""  # noqa: S608 - text of our own modules

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

# Approved persons who lack a course that is required of their role in their area. Courses come first: mostly none is
# required, and then nobody has to be looked at.
UNTRAINED: Final = """
SELECT count(*) FROM (
    SELECT DISTINCT p.person_id
    FROM training_course AS c
    JOIN person AS p ON p.role = ANY (c.required_for) AND starts_with(p.area, c.area)
    WHERE c.retired_at IS NULL AND p.status = 'approved' AND p.area >= $1 AND p.area < $1 || ':'
      AND NOT EXISTS (
          SELECT FROM training_completion AS t
          WHERE t.course_id = c.course_id AND t.person_id = p.person_id
            AND (t.valid_until IS NULL OR t.valid_until > $2)
      )
      AND NOT EXISTS (
          SELECT FROM training_completion AS t
          WHERE t.course_id = c.course_id AND t.phone_index = p.phone_index
            AND (t.valid_until IS NULL OR t.valid_until > $2)
      )
    LIMIT $3
) AS untrained
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many wait, at most `MOST`, and how many of them for too long."""

    waiting: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What waits in an area. `help_oldest` is when the first of those who ask for help did so; `untrained` is None for
    the whole country, whose million volunteers are counted course by course and province by province."""

    approvals: Waiting
    problems: Waiting
    help_waiting: int
    help_oldest: datetime | None
    untrained: int | None


async def read_desk(pool: asyncpg.Pool[asyncpg.Record], area: str, level: Level, *, now: datetime) -> Desk:
    """Count what waits in `area`, with the problems that are to be answered at `level`."""
    async with acquire(pool) as connection:
        (approvals,) = await connection.fetch(APPROVALS, area, now - DECIDED_WITHIN, MOST)
        (problems,) = await connection.fetch(PROBLEMS, area, level, now, MOST)
        (asking,) = await connection.fetch(HELP, area, MOST)
        untrained = await connection.fetchval(UNTRAINED, area, now, MOST) if area else None
    return Desk(
        approvals=Waiting(approvals["waiting"], approvals["overdue"]),
        problems=Waiting(problems["waiting"], problems["overdue"]),
        help_waiting=asking["waiting"],
        help_oldest=asking["oldest"],
        untrained=untrained,
    )
