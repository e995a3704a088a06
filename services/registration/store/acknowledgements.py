"""Who has acknowledged which directives, and who has still to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain import directives as domain
from services.registration.domain.directives import Directive
from services.registration.store.directives import Audience, UnknownDirective, found
from services.registration.store.persons_in_order import PersonCursor, before_all_of, named
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

COUNT_OPEN = """
SELECT count(*) AS open, count(*) FILTER (WHERE d.deadline < $4) AS overdue
FROM directive AS d
WHERE d.area = ANY($1) AND $2 = ANY(d.roles) AND d.withdrawn_at IS NULL
  AND NOT EXISTS (SELECT FROM directive AS n WHERE n.replaces = d.directive_id)
  AND NOT EXISTS (
      SELECT FROM directive_acknowledgement AS a WHERE a.directive_id = d.directive_id AND a.person_id = $3
  )
"""

INSERT_ACKNOWLEDGEMENT = """
INSERT INTO directive_acknowledgement (directive_id, person_id, role, area, acknowledged_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING
"""

SELECT_ACKNOWLEDGEMENT = """
SELECT acknowledged_at FROM directive_acknowledgement WHERE directive_id = $1 AND person_id = $2
"""

# Of those whom the directive reaches now inside $3; who has left or holds another role counts no more.
COUNT_ACKNOWLEDGED = """
SELECT left(p.area, $4) AS area, count(*) AS persons, count(a.person_id) AS acknowledged,
       count(*) FILTER (WHERE a.acknowledged_at > $5) AS late
FROM person AS p
LEFT JOIN directive_acknowledgement AS a ON a.directive_id = $1 AND a.person_id = p.person_id
WHERE p.status = 'approved' AND p.role = ANY($2) AND p.area >= $3 AND p.area < $3 || ':'
GROUP BY left(p.area, $4)
ORDER BY left(p.area, $4)
"""

# One walk along the index person_by_area, as the list of volunteers.
PAGE_MISSING = """
SELECT p.person_id, p.area, p.role, p.registered_at, n.key_id, n.wrapped_key, n.ciphertext
FROM person AS p
LEFT JOIN sealed_field AS n ON n.person_id = p.person_id AND n.field = 'name'
WHERE p.status = 'approved' AND p.role = ANY($2) AND p.area >= $3 AND p.area < $3 || ':'
  AND NOT EXISTS (
      SELECT FROM directive_acknowledgement AS a WHERE a.directive_id = $1 AND a.person_id = p.person_id
  )
  AND (p.area, p.registered_at, p.person_id) > ($4, $5, $6)
ORDER BY p.area, p.registered_at, p.person_id
LIMIT $7
"""


class Acknowledgements:
    """The acknowledgements of the registration database; `ring` opens the names of those who have not acknowledged."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def acknowledge(self, directive_id: UUID, reader: Audience, *, now: datetime) -> datetime:
        """Record that the reader has taken note, and return when he first did.

        Raises `UnknownDirective` for what is not to him, and `DirectiveRefused` for what no longer stands.
        """
        async with acquire(self._pool) as connection:
            directive = await found(connection, directive_id)
            if not domain.reaches(directive, reader.role, reader.area):
                raise UnknownDirective
            known: datetime | None = await connection.fetchval(SELECT_ACKNOWLEDGEMENT, directive_id, reader.subject)
            if known is not None:
                return known
            domain.check_stands(directive)
            await connection.execute(
                INSERT_ACKNOWLEDGEMENT, directive_id, reader.subject, reader.role, reader.area, now
            )
            first: datetime = await connection.fetchval(SELECT_ACKNOWLEDGEMENT, directive_id, reader.subject)
        return first

    async def count_open(self, reader: Audience, *, now: datetime) -> Mapping[str, int]:
        """Count the directives that the reader has still to acknowledge, and of them those `overdue`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(COUNT_OPEN, reader.around, reader.role, reader.subject, now)
        return dict(row) if row else {}

    async def count_acknowledged(self, directive: Directive, area: str) -> Sequence[Mapping[str, Any]]:
        """Count, one level below `area`, whom the directive reaches now, who has acknowledged, and who did so late."""
        inner = _inside_both(directive.area, area)
        if inner is None:
            return []
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                COUNT_ACKNOWLEDGED,
                directive.directive_id,
                list(directive.roles),
                inner,
                min(len(area) + 2, 6),
                directive.deadline,
            )
        return [dict(row) for row in rows]

    async def missing(
        self, directive: Directive, area: str, *, after: PersonCursor | None, limit: int, reader: UUID, now: datetime
    ) -> Sequence[Mapping[str, Any]]:
        """Return the next persons of `area` who have not acknowledged, with names; the reading is recorded."""
        inner = _inside_both(directive.area, area)
        if inner is None:
            return []
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(
                PAGE_MISSING,
                directive.directive_id,
                list(directive.roles),
                inner,
                *(after or before_all_of(inner)),
                limit,
            )
            return await named(
                connection, self._ring, rows, reader=reader, purpose="directive not acknowledged", now=now
            )


def _inside_both(one: str, other: str) -> str | None:
    """The inner of two areas; None where neither lies in the other."""
    inner = max(one, other, key=len)
    return inner if inner.startswith(one) and inner.startswith(other) else None
