"""Courses of the registration database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain.trainings import Audience, Course
from services.registration.store.cursors import Cursor
from shared.contracts.events import Role
from shared.postgres.pool import acquire

COURSE = "c.course_id, c.area, c.title_th, c.title_en, c.audience, c.required_for, c.validity_months, c.retired_at"

INSERT_COURSE = """
INSERT INTO training_course
    (course_id, area, title_th, title_en, audience, required_for, validity_months, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

SELECT_COURSE = f"SELECT {COURSE} FROM training_course AS c WHERE c.course_id = $1"  # noqa: S608 - constants

LOCK_COURSE = f"""
SELECT {COURSE}
FROM training_course AS c
WHERE c.course_id = $1 AND c.area >= $2 AND c.area < $2 || ':'
FOR UPDATE
"""  # noqa: S608 - constants of this module

UPDATE_COURSE = """
UPDATE training_course
SET title_th = $2, title_en = $3, required_for = $4, validity_months = $5,
    retired_at = CASE WHEN $6 THEN coalesce(retired_at, $7) END
WHERE course_id = $1
"""

PAGE_COURSES = f"""
SELECT {COURSE}, c.created_at
FROM training_course AS c
WHERE c.retired_at IS NULL
  AND ($1::text IS NULL OR c.audience = $1)
  AND ($2::timestamptz IS NULL OR (c.created_at, c.course_id) < ($2, $3))
ORDER BY c.created_at DESC, c.course_id DESC
LIMIT $4
"""  # noqa: S608 - constants of this module


class UnknownTraining(Exception):
    """There is no such course, session, sign-up or material, or it is not the caller's."""


class Courses:
    """The courses of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def add(self, course: Course, *, by: UUID, now: datetime) -> None:
        """Store a new course."""
        async with acquire(self._pool) as connection:
            await connection.execute(
                INSERT_COURSE,
                course.course_id,
                course.area,
                course.title_th,
                course.title_en,
                course.audience,
                list(course.required_for),
                course.validity_months,
                now,
                by,
            )

    async def one(self, course_id: UUID) -> Course:
        """Return a course. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_COURSE, course_id)
        if row is None:
            raise UnknownTraining
        return course_of(row)

    async def change(
        self, course_id: UUID, change: Callable[[Course], Course], *, within: str, now: datetime
    ) -> Course:
        """Change a course of an area inside `within`. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_COURSE, course_id, within)
            if row is None:
                raise UnknownTraining
            after = change(course_of(row))
            await connection.execute(
                UPDATE_COURSE,
                course_id,
                after.title_th,
                after.title_en,
                list(after.required_for),
                after.validity_months,
                after.retired,
                now,
            )
        return after

    async def page(
        self, audience: Audience | None, *, after: Cursor | None, limit: int
    ) -> Sequence[tuple[Course, datetime]]:
        """Return the next courses that are taught, the newest first, with the time of their entry."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(PAGE_COURSES, audience, *(after or (None, None)), limit)
        return [(course_of(row), row["created_at"]) for row in rows]


def course_of(row: asyncpg.Record | Mapping[str, Any]) -> Course:
    """Read a course from its own row or from that of one of its sessions."""
    return Course(
        course_id=row["course_id"],
        area=row["course_area"] if "course_area" in row else row["area"],
        title_th=row["title_th"],
        title_en=row["title_en"],
        audience=Audience(row["audience"]),
        required_for=tuple(Role(role) for role in row["required_for"]),
        validity_months=row["validity_months"],
        retired=row["retired_at"] is not None,
    )
