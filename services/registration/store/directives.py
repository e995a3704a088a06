"""Directives, whom they reach, and who has acknowledged them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain import directives as domain
from services.registration.domain.directives import Directive, DirectiveRefused
from services.registration.store.cursors import Cursor
from services.registration.store.persons_in_order import PersonCursor, before_all_of, named
from services.registration.store.published import use_files
from shared.contracts.events import Role
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing

_COLUMNS = """d.directive_id, d.issuer, d.reference, d.title_th, d.text_th, d.title_en, d.text_en, d.area, d.roles,
       d.deadline, d.replaces, d.sent_at, d.sent_by, d.withdrawn_at, d.withdrawal_reason,
       (SELECT n.directive_id FROM directive AS n WHERE n.replaces = d.directive_id) AS replaced_by"""

INSERT_DIRECTIVE = """
INSERT INTO directive
    (directive_id, issuer, reference, title_th, text_th, title_en, text_en, area, roles, deadline, replaces, sent_at,
     sent_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (issuer, reference) DO NOTHING
RETURNING true
"""

INSERT_FILES = """
INSERT INTO directive_file (directive_id, place, file_id)
SELECT $1, place, file_id FROM unnest($2::uuid[]) WITH ORDINALITY AS f (file_id, place)
"""

# One of two replaces or withdraws a directive. It is read after the lock, in a statement of its own: what the other
# inserted is not seen by a statement that began before. Acknowledgements take no lock; a million wait for nobody.
LOCK_DIRECTIVE = "SELECT FROM directive WHERE directive_id = $1 FOR NO KEY UPDATE"
FIND_DIRECTIVE = f"SELECT {_COLUMNS} FROM directive AS d WHERE d.directive_id = $1"  # noqa: S608 - constants

# A reader is reached ($2, $3: role and area), or a directive went out from his area or one around it ($4: writers),
# or he follows those that concern his area ($5).
_READABLE = """(
    ($2 = ANY(d.roles) AND starts_with($3, d.area))
    OR ($4 AND d.issuer >= $3 AND d.issuer < $3 || ':')
    OR ($5 AND (starts_with(d.area, $3) OR starts_with($3, d.area)))
)"""

SELECT_DIRECTIVE = f"""
SELECT {_COLUMNS}, a.acknowledged_at, $2 = ANY(d.roles) AND starts_with($3, d.area) AS addressed
FROM directive AS d
LEFT JOIN directive_acknowledgement AS a ON a.directive_id = d.directive_id AND a.person_id = $6
WHERE d.directive_id = $1 AND {_READABLE}
"""  # noqa: S608 - constants of this module

SELECT_FILES = """
SELECT f.directive_id, f.file_id, p.media_type, p.size
FROM directive_file AS f JOIN published_file AS p USING (file_id)
WHERE f.directive_id = ANY($1)
ORDER BY f.directive_id, f.place
"""

# $1 holds the codes of the reader's area and of all around it: few values, which the index finds one by one.
PAGE_TO_ME = f"""
SELECT {_COLUMNS}, a.acknowledged_at, true AS addressed
FROM directive AS d
LEFT JOIN directive_acknowledgement AS a ON a.directive_id = d.directive_id AND a.person_id = $3
WHERE d.area = ANY($1) AND $2 = ANY(d.roles)
  AND (NOT $4 OR (a.person_id IS NULL AND d.withdrawn_at IS NULL
                  AND NOT EXISTS (SELECT FROM directive AS n WHERE n.replaces = d.directive_id)))
  AND ($5::timestamptz IS NULL OR (d.sent_at, d.directive_id) < ($5, $6))
ORDER BY d.sent_at DESC, d.directive_id DESC
LIMIT $7
"""  # noqa: S608 - constants of this module

PAGE_SENT = f"""
SELECT {_COLUMNS}, a.acknowledged_at, $2 = ANY(d.roles) AND starts_with($1, d.area) AS addressed
FROM directive AS d
LEFT JOIN directive_acknowledgement AS a ON a.directive_id = d.directive_id AND a.person_id = $3
WHERE d.issuer >= $1 AND d.issuer < $1 || ':'
  AND ($4::timestamptz IS NULL OR (d.sent_at, d.directive_id) < ($4, $5))
ORDER BY d.sent_at DESC, d.directive_id DESC
LIMIT $6
"""  # noqa: S608 - constants of this module

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

WITHDRAW = """
UPDATE directive SET withdrawn_at = $2, withdrawn_by = $3, withdrawal_reason = $4 WHERE directive_id = $1
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


class UnknownDirective(Exception):
    """There is no such directive, or it is neither to the caller nor from him."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who reads: in what capacity, and whether he also writes or follows directives there."""

    subject: UUID
    role: Role
    area: str
    writes: bool
    follows: bool

    @property
    def around(self) -> list[str]:
        """The codes of his area and of all that contain it, the country's empty one included."""
        return [self.area[:digits] for digits in range(0, len(self.area) + 1, 2)]


@dataclass(frozen=True, slots=True)
class Received:
    """A directive as somebody reads it; `addressed` says whether it is to him."""

    directive: Directive
    addressed: bool
    acknowledged_at: datetime | None
    files: Sequence[Mapping[str, Any]]


class Directives:
    """The directives of the registration database; `ring` opens the names of those who have not acknowledged."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def send(self, directive: Directive, files: Sequence[UUID], *, most: int) -> None:
        """Send a directive with uploaded files of at most `most` bytes each. It is final from then on.

        Raises `DirectiveRefused`, `UnknownFileId`, and `UnknownDirective` for one that it should replace.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            if directive.replaces is not None:
                domain.check_replaces(directive, await _locked(connection, directive.replaces))
            sent = await connection.fetchval(
                INSERT_DIRECTIVE,
                directive.directive_id,
                directive.issuer,
                directive.reference,
                directive.title_th,
                directive.text_th,
                directive.title_en,
                directive.text_en,
                directive.area,
                list(directive.roles),
                directive.deadline,
                directive.replaces,
                directive.sent_at,
                directive.sent_by,
            )
            if not sent:
                raise DirectiveRefused("reference_taken")
            if files:
                await use_files(connection, files, by=directive.sent_by, most=most)
                await connection.execute(INSERT_FILES, directive.directive_id, files)

    async def withdraw(self, directive_id: UUID, reader: Audience, *, reason: str, now: datetime) -> None:
        """Withdraw a directive of the reader's area or one inside it. Raises `UnknownDirective`, `DirectiveRefused`."""
        async with acquire(self._pool) as connection, connection.transaction():
            directive = await _locked(connection, directive_id)
            if not directive.issuer.startswith(reader.area):
                raise UnknownDirective
            domain.check_stands(directive)
            await connection.execute(WITHDRAW, directive_id, now, reader.subject, reason)

    async def acknowledge(self, directive_id: UUID, reader: Audience, *, now: datetime) -> datetime:
        """Record that the reader has taken note, and return when he first did.

        Raises `UnknownDirective` for what is not to him, and `DirectiveRefused` for what no longer stands.
        """
        async with acquire(self._pool) as connection:
            directive = await _found(connection, directive_id)
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

    async def read(self, directive_id: UUID, reader: Audience) -> Received:
        """Return a directive that is to the reader, from him, or about his area. Raises `UnknownDirective`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(
                SELECT_DIRECTIVE,
                directive_id,
                reader.role,
                reader.area,
                reader.writes,
                reader.follows,
                reader.subject,
            )
            if row is None:
                raise UnknownDirective
            files = await connection.fetch(SELECT_FILES, [directive_id])
        return _received(row, files)

    async def page(self, reader: Audience, *, unacknowledged: bool, after: Cursor | None, limit: int) -> list[Received]:
        """Return the next directives to the reader, the latest first."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                PAGE_TO_ME,
                reader.around,
                reader.role,
                reader.subject,
                unacknowledged,
                *(after or (None, None)),
                limit,
            )
            files = await connection.fetch(SELECT_FILES, [row["directive_id"] for row in rows])
        return [_received(row, files) for row in rows]

    async def sent(self, reader: Audience, *, after: Cursor | None, limit: int) -> list[Received]:
        """Return the next directives that went out from the reader's area, or from one inside it, the latest first."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                PAGE_SENT, reader.area, reader.role, reader.subject, *(after or (None, None)), limit
            )
            files = await connection.fetch(SELECT_FILES, [row["directive_id"] for row in rows])
        return [_received(row, files) for row in rows]

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


async def _locked(connection: Connection, directive_id: UUID) -> Directive:
    await connection.execute(LOCK_DIRECTIVE, directive_id)
    return await _found(connection, directive_id)


async def _found(connection: Connection, directive_id: UUID) -> Directive:
    row = await connection.fetchrow(FIND_DIRECTIVE, directive_id)
    if row is None:
        raise UnknownDirective
    return _directive_of(row)


def _received(row: asyncpg.Record, files: Sequence[asyncpg.Record]) -> Received:
    return Received(
        directive=_directive_of(row),
        addressed=row["addressed"],
        acknowledged_at=row["acknowledged_at"],
        files=[dict(file) for file in files if file["directive_id"] == row["directive_id"]],
    )


def _directive_of(row: asyncpg.Record) -> Directive:
    return Directive(
        directive_id=row["directive_id"],
        issuer=row["issuer"],
        reference=row["reference"],
        title_th=row["title_th"],
        text_th=row["text_th"],
        title_en=row["title_en"],
        text_en=row["text_en"],
        area=row["area"],
        roles=tuple(Role(role) for role in row["roles"]),
        deadline=row["deadline"],
        replaces=row["replaces"],
        sent_at=row["sent_at"],
        sent_by=row["sent_by"],
        withdrawn_at=row["withdrawn_at"],
        withdrawal_reason=row["withdrawal_reason"],
        replaced_by=row["replaced_by"],
    )
