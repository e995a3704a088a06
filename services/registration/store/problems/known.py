"""Known problems, written for everybody in both languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain.problems import Category
from services.registration.likeness import Likeness
from services.registration.store.cursors import Cursor
from services.registration.store.problems.viewers import UnknownProblem
from shared.postgres.pool import acquire

INSERT_KNOWN = """
INSERT INTO known_problem
    (known_problem_id, category, title_th, title_en, answer_th, answer_en, state, sketch_th, sketch_en, updated_at,
     updated_by, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)
"""

UPDATE_KNOWN = """
UPDATE known_problem
SET category = $3, title_th = $4, title_en = $5, answer_th = $6, answer_en = $7, state = $8, sketch_th = $9,
    sketch_en = $10, updated_at = $11, updated_by = $12, revision = revision + 1
WHERE known_problem_id = $1 AND revision = $2
RETURNING revision
"""

SELECT_KNOWN = """
SELECT known_problem_id, category, title_th, title_en, answer_th, answer_en, state, updated_at, revision
FROM known_problem
WHERE known_problem_id = $1
"""

PAGE_KNOWN = """
SELECT known_problem_id, category, title_th, title_en, answer_th, answer_en, state, updated_at, revision
FROM known_problem
WHERE ($1::text IS NULL OR category = $1)
  AND CASE WHEN $2::text IS NULL THEN state <> 'retired' ELSE state = $2 END
  AND ($3::timestamptz IS NULL OR (updated_at, known_problem_id) < ($3, $4))
ORDER BY updated_at DESC, known_problem_id DESC
LIMIT $5
"""


class Outdated(Exception):
    """Somebody else has changed it in the meantime."""


@dataclass(frozen=True, slots=True)
class KnownText:
    """A known problem as it is written: for everybody, in both languages."""

    category: Category
    title_th: str
    title_en: str
    answer_th: str
    answer_en: str
    state: str


class KnownProblems:
    """The known problems of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], likeness: Likeness) -> None:
        self._pool = pool
        self._likeness = likeness

    async def add(self, text: KnownText, *, by: UUID, now: datetime) -> UUID:
        """Enter a known problem."""
        known_problem_id = uuid4()
        async with acquire(self._pool) as connection:
            await connection.execute(INSERT_KNOWN, known_problem_id, *self._known_values(text), now, by)
        return known_problem_id

    async def change(
        self,
        known_problem_id: UUID,
        change: Callable[[KnownText], KnownText],
        *,
        revision: int,
        by: UUID,
        now: datetime,
    ) -> None:
        """Rewrite a known problem that stands at `revision`. Raises `UnknownProblem` and `Outdated`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_KNOWN, known_problem_id)
            if row is None:
                raise UnknownProblem
            before = KnownText(
                Category(row["category"]),
                row["title_th"],
                row["title_en"],
                row["answer_th"],
                row["answer_en"],
                row["state"],
            )
            if not await connection.fetchval(
                UPDATE_KNOWN, known_problem_id, revision, *self._known_values(change(before)), now, by
            ):
                raise Outdated

    async def one(self, known_problem_id: UUID) -> Mapping[str, Any] | None:
        """Return a known problem."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_KNOWN, known_problem_id)
        return dict(row) if row else None

    async def page(
        self, category: Category | None, state: str | None, *, after: Cursor | None, limit: int
    ) -> Sequence[Mapping[str, Any]]:
        """Return the next known problems, the latest change first; retired ones only when asked for."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(PAGE_KNOWN, category, state, *(after or (None, None)), limit)
        return [dict(row) for row in rows]

    def _known_values(self, text: KnownText) -> tuple[Any, ...]:
        return (
            text.category,
            text.title_th,
            text.title_en,
            text.answer_th,
            text.answer_en,
            text.state,
            self._likeness.sketch(text.title_th),
            self._likeness.sketch(text.title_en),
        )
