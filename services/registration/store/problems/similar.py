"""Known problems and tickets whose titles are like another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from services.registration.domain.problems import Category
from services.registration.likeness import ALIKE, COMPONENTS, Likeness
from services.registration.store.problems.tickets import Ticket, listed
from services.registration.store.problems.viewers import COLUMNS, VISIBLE, Viewer, record_reading
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

MAX_SIMILAR = 10
"""More than anyone compares before he goes on."""

MAX_CANDIDATES = 500
"""Tickets whose likeness is looked at; comparing one takes 0.1 ms."""

# When something is broken for all, thousands raise it in the same words: the newest of them say as much as all.
SIMILAR = f"""
WITH candidate AS (
    SELECT {COLUMNS}, p.sketch
    FROM problem AS p
    WHERE p.sketch && $1 AND p.state <> 'closed' AND p.merged_into IS NULL
      AND {VISIBLE}
      AND ($5::text IS NULL OR p.category = $5)
    ORDER BY p.raised_at DESC
    LIMIT {MAX_CANDIDATES}
), found AS (
    SELECT c.*, (SELECT count(*) FROM unnest(c.sketch) AS component WHERE component = ANY($1)) / {COMPONENTS}.0
                AS likeness
    FROM candidate AS c
)
SELECT found.*, f.key_id, f.wrapped_key, f.ciphertext
FROM found LEFT JOIN problem_field AS f ON f.problem_id = found.problem_id AND f.field = 'title'
WHERE likeness >= $6
ORDER BY likeness DESC, raised_at DESC
LIMIT $7
"""  # noqa: S608 - constants of this package

SIMILAR_KNOWN = f"""
SELECT *
FROM (
    SELECT known_problem_id, category, title_th, title_en, answer_th, answer_en, state, updated_at, revision,
           greatest(
               (SELECT count(*) FROM unnest(sketch_th) AS component WHERE component = ANY($1)),
               (SELECT count(*) FROM unnest(sketch_en) AS component WHERE component = ANY($1))
           ) / {COMPONENTS}.0 AS likeness
    FROM known_problem
    WHERE state <> 'retired' AND ($2::text IS NULL OR category = $2)
) AS found
WHERE likeness >= $3
ORDER BY likeness DESC, updated_at DESC
LIMIT $4
"""  # noqa: S608 - constants of this package


class SimilarTitles:
    """The titles of the registration database's tickets and known problems, by their sketches."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, likeness: Likeness) -> None:
        self._pool = pool
        self._ring = ring
        self._likeness = likeness

    async def find(
        self, text: str, category: Category | None, viewer: Viewer, *, now: datetime
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[Ticket]]:
        """Return the known problems, and of the tickets that the viewer may see those, whose titles are like `text`."""
        sketch = self._likeness.sketch(text)
        async with acquire(self._pool) as connection, connection.transaction():
            known = await connection.fetch(SIMILAR_KNOWN, sketch, category, ALIKE, MAX_SIMILAR)
            rows = await connection.fetch(
                SIMILAR, sketch, viewer.subject, viewer.works, viewer.area, category, ALIKE, MAX_SIMILAR
            )
            await record_reading(connection, rows, viewer, "problem list", now)
        return [dict(row) for row in known], [listed(self._ring, row) for row in rows]
