"""Directives: sent, withdrawn, and read by those whom they reach or concern."""

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
from services.registration.store.published import use_files
from shared.contracts.events import Role
from shared.postgres.pool import Connection, acquire

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


WITHDRAW = """
UPDATE directive SET withdrawn_at = $2, withdrawn_by = $3, withdrawal_reason = $4 WHERE directive_id = $1
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
    """The directives of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

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


async def _locked(connection: Connection, directive_id: UUID) -> Directive:
    await connection.execute(LOCK_DIRECTIVE, directive_id)
    return await found(connection, directive_id)


async def found(connection: Connection, directive_id: UUID) -> Directive:
    """Return a directive. Raises `UnknownDirective`."""
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
