"""Tickets as they are read: in lists, and one with its history, answer and whom to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain.problems import Category, Level, Problem, State
from services.registration.store.cursors import Cursor
from services.registration.store.problems.attachments import attachments_of
from services.registration.store.problems.viewers import (
    COLUMNS,
    VISIBLE,
    UnknownProblem,
    Viewer,
    problem_of,
    record_reading,
)
from services.registration.store.sealed_fields import open_field
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing

# The page's last ticket bounds the next one.
_PAGE = f"""
SELECT {COLUMNS}, f.key_id, f.wrapped_key, f.ciphertext
FROM problem AS p
LEFT JOIN problem_field AS f ON f.problem_id = p.problem_id AND f.field = 'title'
WHERE p.area >= $1 AND p.area < $1 || ':'
  AND ($3::text IS NULL OR p.state = $3)
  AND ($4::text IS NULL OR p.category = $4)
  AND ($5::text IS NULL OR p.level = $5)
  AND (NOT $6 OR p.owner = $2)
  AND (NOT $7 OR p.due_at < $8)
  AND ($9::timestamptz IS NULL OR (p.raised_at, p.problem_id) < ($9, $10))
  AND %s
ORDER BY p.raised_at DESC, p.problem_id DESC
LIMIT $11
"""  # noqa: S608 - constants of this package

# Two statements, so that each is served by an index: with one for both, somebody's own few tickets would be looked for
# among all of the country's.
PAGE_MINE = _PAGE % "p.raised_by = $2"
PAGE_OF_AREA = _PAGE % "p.merged_into IS NULL"

SELECT_PROBLEM = f"SELECT {COLUMNS} FROM problem AS p WHERE p.problem_id = $1 AND {VISIBLE}"  # noqa: S608 - as above

SELECT_FIELDS = """
SELECT problem_id, field, key_id, wrapped_key, ciphertext FROM problem_field WHERE problem_id = ANY($1)
"""

SELECT_STEPS = """
SELECT problem_id, revision, kind, level, state, at, done_by
FROM problem_step
WHERE problem_id = ANY($1)
ORDER BY at, revision
"""

SELECT_DUPLICATES = "SELECT problem_id FROM problem WHERE merged_into = $1 ORDER BY raised_at, problem_id LIMIT 100"

SELECT_CONTACT = """
SELECT field, key_id, wrapped_key, ciphertext
FROM sealed_field
WHERE person_id = $1 AND field IN ('name', 'phone')
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a ticket's history. `done_by` is None for the time limit."""

    kind: str
    level: Level
    state: State
    at: datetime
    done_by: UUID | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket with what is written in it. None stands where a seal is broken or nothing was written."""

    problem: Problem
    record_id: UUID | None
    known_problem_id: UUID | None
    title: str | None
    text: str | None = None
    page: str | None = None
    answer: str | None = None
    steps: Sequence[Step] = ()
    attachments: Sequence[Mapping[str, Any]] = ()
    duplicates: Sequence[UUID] = ()
    contact: Mapping[str, str | None] | None = None
    likeness: float | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tickets a list shows: `mine`, or those of `area`. The others leave all through when None or False."""

    area: str = ""
    state: State | None = None
    category: Category | None = None
    level: Level | None = None
    mine: bool = False
    owned: bool = False
    overdue: bool = False


class Tickets:
    """The tickets of the registration database; `ring` opens what people typed."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def page(
        self, viewer: Viewer, filters: Filters, *, after: Cursor | None, limit: int, now: datetime
    ) -> Sequence[Ticket]:
        """Return the viewer's own tickets, or those of an area without duplicates, newest first; readings are recorded.

        The area is the caller's to check: it must lie inside the viewer's, who works there, unless the tickets are his.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(
                PAGE_MINE if filters.mine else PAGE_OF_AREA,
                filters.area,
                viewer.subject,
                filters.state,
                filters.category,
                filters.level,
                filters.owned,
                filters.overdue,
                now,
                *(after or (None, None)),
                limit,
            )
            await record_reading(connection, rows, viewer, "problem list", now)
        return [listed(self._ring, row) for row in rows]

    async def read(self, problem_id: UUID, viewer: Viewer, *, now: datetime) -> Ticket:
        """Return a ticket with its history and answer, and for those who work on it, whom to call.

        Raises `UnknownProblem`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(SELECT_PROBLEM, problem_id, viewer.subject, viewer.works, viewer.area)
            if row is None:
                raise UnknownProblem
            problem = problem_of(row)
            survivor = problem.merged_into or problem_id
            fields = self._open_all(await connection.fetch(SELECT_FIELDS, [problem_id, survivor]))
            steps = await connection.fetch(SELECT_STEPS, [problem_id, survivor])
            attachments = await attachments_of(connection, problem_id)
            duplicates = await connection.fetch(SELECT_DUPLICATES, problem_id)
            contact = None
            if problem.raised_by != viewer.subject:
                contact = await self._contact(connection, problem.raised_by)
            await record_reading(connection, [row], viewer, "problem", now)
        answers = [
            fields.get((survivor, f"note.{step['revision']}"))
            for step in steps
            if step["problem_id"] == survivor and step["kind"] == "answered"
        ]
        return Ticket(
            problem=problem,
            record_id=row["record_id"],
            known_problem_id=row["known_problem_id"],
            title=fields.get((problem_id, "title")),
            text=fields.get((problem_id, "text")),
            page=fields.get((problem_id, "page")),
            answer=answers[-1] if answers else None,
            steps=[
                Step(
                    step["kind"],
                    Level(step["level"]),
                    State(step["state"]),
                    step["at"],
                    step["done_by"],
                    fields.get((problem_id, f"note.{step['revision']}")),
                )
                for step in steps
                if step["problem_id"] == problem_id
            ],
            attachments=attachments,
            duplicates=[one["problem_id"] for one in duplicates],
            contact=contact,
        )

    async def _contact(self, connection: Connection, person_id: UUID) -> Mapping[str, str | None]:
        rows = await connection.fetch(SELECT_CONTACT, person_id)
        return {row["field"]: open_field(self._ring, row, of=person_id, field=row["field"]) for row in rows}

    def _open_all(self, rows: Sequence[asyncpg.Record]) -> dict[tuple[UUID, str], str | None]:
        return {
            (row["problem_id"], row["field"]): open_field(self._ring, row, of=row["problem_id"], field=row["field"])
            for row in rows
        }


def listed(ring: KeyRing, row: asyncpg.Record) -> Ticket:
    """Read a ticket from its row with the sealed title, as lists show it."""
    return Ticket(
        problem=problem_of(row),
        record_id=row["record_id"],
        known_problem_id=row["known_problem_id"],
        title=open_field(ring, row, of=row["problem_id"], field="title"),
        likeness=float(row["likeness"]) if "likeness" in row else None,
    )
