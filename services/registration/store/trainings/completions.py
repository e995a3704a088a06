"""Completed courses: who is trained, who is not, and what somebody still has to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain.trainings import Course
from services.registration.store.persons_in_order import PersonCursor, before_all_of, named
from services.registration.store.training_duty import missing_courses
from shared.contracts.events import Role
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

MY_COMPLETIONS = """
SELECT c.course_id, c.title_th, c.title_en, t.session_id, t.completed_at, t.valid_until
FROM training_completion AS t JOIN training_course AS c USING (course_id)
WHERE t.person_id = $1 OR t.phone_index = (SELECT phone_index FROM person WHERE person_id = $1)
ORDER BY t.completed_at DESC, t.sign_up_id
LIMIT 100
"""

_COUNTS_NOW = "t.course_id = $1 AND (t.valid_until IS NULL OR t.valid_until > $2)"

_CONCERNED = """p.area >= $4 AND p.area < $4 || ':'
  AND p.status = 'approved' AND (cardinality($3::text[]) = 0 OR p.role = ANY($3))"""

# Joins, which the planner makes look-ups for a subdistrict and hashes for the country. `IN` over half a million trained
# is neither: their list does not fit into work_mem, and each of a million persons would be compared with all of it.
COUNT_TRAINED = f"""
WITH concerned AS (
    SELECT p.person_id, p.phone_index, left(p.area, $5) AS area FROM person AS p WHERE {_CONCERNED}
), trained AS (
    SELECT p.person_id FROM concerned AS p JOIN training_completion AS t USING (person_id) WHERE {_COUNTS_NOW}
    UNION
    SELECT p.person_id FROM concerned AS p JOIN training_completion AS t USING (phone_index) WHERE {_COUNTS_NOW}
)
SELECT p.area, count(*) AS persons, count(trained.person_id) AS trained
FROM concerned AS p LEFT JOIN trained USING (person_id)
GROUP BY p.area
ORDER BY p.area
"""  # noqa: S608 - constants of this module

# One walk along the index person_by_area, as the list of volunteers.
PAGE_TRAINED = f"""
SELECT p.person_id, p.area, p.role, p.registered_at, n.key_id, n.wrapped_key, n.ciphertext
FROM person AS p LEFT JOIN sealed_field AS n ON n.person_id = p.person_id AND n.field = 'name'
WHERE {_CONCERNED}
  AND (
      EXISTS (SELECT FROM training_completion AS t WHERE t.person_id = p.person_id AND {_COUNTS_NOW})
      OR EXISTS (SELECT FROM training_completion AS t WHERE t.phone_index = p.phone_index AND {_COUNTS_NOW})
  ) = $5
  AND (p.area, p.registered_at, p.person_id) > ($6, $7, $8)
ORDER BY p.area, p.registered_at, p.person_id
LIMIT $9
"""  # noqa: S608 - constants of this module


class Completions:
    """The completions of the registration database; `ring` opens the names of those who are listed."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def missing(self, person_id: UUID, role: Role, area: str, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Return the courses that are required of somebody and not completed, or not any more (`expired_at`)."""
        async with acquire(self._pool) as connection:
            return await missing_courses(connection, person_id, role, area, now=now)

    async def mine(self, person_id: UUID) -> Sequence[Mapping[str, Any]]:
        """Return the courses that somebody has completed, the latest first."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(MY_COMPLETIONS, person_id)]

    async def count_trained(self, course: Course, area: str, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Count, one level below `area`, the approved persons whom a course concerns, and those who are trained."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                COUNT_TRAINED, course.course_id, now, list(course.required_for), area, min(len(area) + 2, 6)
            )
        return [dict(row) for row in rows]

    async def trained(
        self,
        course: Course,
        area: str,
        *,
        trained: bool,
        after: PersonCursor | None,
        limit: int,
        reader: UUID,
        now: datetime,
    ) -> Sequence[Mapping[str, Any]]:
        """Return the next persons whom a course concerns and who are trained or are not; the reading is recorded."""
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(
                PAGE_TRAINED,
                course.course_id,
                now,
                list(course.required_for),
                area,
                trained,
                *(after or before_all_of(area)),
                limit,
            )
            return await named(connection, self._ring, rows, reader=reader, purpose="training list", now=now)
