"""How many tickets there are, of an area in a time, or of one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from shared.postgres.pool import acquire

# Duplicates count: each is somebody who met the problem.
COUNTS = """
SELECT left(area, 2) AS province, category, level, count(*) AS raised,
       count(*) FILTER (WHERE state IN ('open', 'in_progress')) AS waiting,
       count(*) FILTER (WHERE merged_into IS NOT NULL) AS merged
FROM problem
WHERE raised_at >= $1 AND raised_at < $2 AND area >= $3 AND area < $3 || ':'
GROUP BY left(area, 2), category, level
ORDER BY left(area, 2), category, level
"""

COUNT_WAITING = """
SELECT count(*) FILTER (WHERE state IN ('open', 'in_progress')) AS waiting,
       count(*) FILTER (WHERE state = 'answered') AS answered
FROM problem
WHERE raised_by = $1
"""


class Counts:
    """Counts the tickets of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def raised_in(self, area: str, *, begins: datetime, ends: datetime) -> Sequence[Mapping[str, Any]]:
        """Count the tickets of an area raised in a time, by province, category and the level that they have reached."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(COUNTS, begins, ends, area)]

    async def of_person(self, subject: UUID) -> Mapping[str, int]:
        """Count the tickets that somebody raised: `waiting` for an answer, and `answered`, to be looked at."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(COUNT_WAITING, subject)
        return dict(row) if row else {}
