"""The materials of courses, version by version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain.trainings import TrainingRefused
from services.registration.store.published import use_files
from services.registration.store.trainings.courses import LOCK_COURSE, UnknownTraining
from shared.postgres.pool import acquire

# The course's row is locked: versions of one material are numbered one after the other.
INSERT_MATERIAL = """
INSERT INTO training_material
    (material_id, version, course_id, title, link, file_id, valid_from, added_at, added_by)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, $8
FROM training_material
WHERE material_id = $1
RETURNING version
"""

MATERIAL_OF_COURSE = "SELECT true FROM training_material WHERE material_id = $1 AND course_id = $2 LIMIT 1"

COUNT_VERSIONS = "SELECT count(*) FROM training_material WHERE course_id = $1"

# `current` is the newest version that is valid already; older and coming ones stay readable.
SELECT_MATERIALS = """
SELECT m.material_id, m.version, m.title, m.link, m.file_id, f.media_type, f.size, m.valid_from,
       m.version = max(m.version) FILTER (WHERE m.valid_from <= $2) OVER (PARTITION BY m.material_id) AS current
FROM training_material AS m LEFT JOIN published_file AS f USING (file_id)
WHERE m.course_id = $1
ORDER BY m.material_id, m.version DESC
"""

SELECT_MATERIAL_FILE = """
SELECT file_id FROM training_material WHERE course_id = $1 AND material_id = $2 AND version = $3 AND file_id IS NOT NULL
"""

MAX_VERSIONS = 500
"""Of all materials of a course: what one answer lists."""


@dataclass(frozen=True, slots=True)
class NewMaterial:
    """A material, or the next version of the one that `material_id` names; either a link or an uploaded file."""

    material_id: UUID | None
    title: str
    link: str | None
    file_id: UUID | None
    valid_from: datetime


class Materials:
    """The materials of the registration database's courses; their files are published ones."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def add(
        self, course_id: UUID, new: NewMaterial, *, within: str, most: int, by: UUID, now: datetime
    ) -> tuple[UUID, int]:
        """Add a material or a version of one to a course inside `within`; return its id and version.

        Raises `UnknownTraining`, `UnknownFileId`, and `TrainingRefused` for the version that is one too many.
        """
        material_id = new.material_id or uuid4()
        async with acquire(self._pool) as connection, connection.transaction():
            if await connection.fetchrow(LOCK_COURSE, course_id, within) is None:
                raise UnknownTraining
            if new.material_id and not await connection.fetchval(MATERIAL_OF_COURSE, material_id, course_id):
                raise UnknownTraining
            if await connection.fetchval(COUNT_VERSIONS, course_id) >= MAX_VERSIONS:
                raise TrainingRefused("too_many_files")
            if new.file_id is not None:
                await use_files(connection, [new.file_id], by=by, most=most)
            version: int = await connection.fetchval(
                INSERT_MATERIAL,
                material_id,
                course_id,
                new.title,
                new.link,
                new.file_id,
                new.valid_from,
                now,
                by,
            )
        return material_id, version

    async def of_course(self, course_id: UUID, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Return all versions of a course's materials, each material's newest first."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(SELECT_MATERIALS, course_id, now)]

    async def file(self, course_id: UUID, material_id: UUID, version: int) -> UUID:
        """Return the file of a version. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            file_id: UUID | None = await connection.fetchval(SELECT_MATERIAL_FILE, course_id, material_id, version)
        if file_id is None:
            raise UnknownTraining
        return file_id
