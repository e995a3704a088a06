"""Who looks at tickets: which of them he sees, and the record of what he has read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.registration.domain.problems import Category, Level, Problem, State
from services.registration.store.people import RECORD_ACCESS
from shared.contracts.events import Role
from shared.postgres.pool import Connection

COLUMNS = """p.problem_id, p.category, p.area, p.level, p.state, p.raised_by, p.raised_at, p.owner, p.due_at,
       p.settled_at, p.merged_into, p.revision, p.record_id, p.known_problem_id"""

# Who sees a ticket: $2 raised it, or works ($3) in an area ($4) that contains the ticket's.
VISIBLE = "(p.raised_by = $2 OR ($3 AND p.area >= $4 AND p.area < $4 || ':'))"


class UnknownProblem(Exception):
    """There is no such ticket, known problem or file, or the caller may not see it."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at tickets: `works` says whether he works on those of his area, or sees only his own."""

    subject: UUID
    role: Role
    area: str
    works: bool


async def record_reading(
    connection: Connection, rows: Sequence[asyncpg.Record], viewer: Viewer, purpose: str, now: datetime
) -> None:
    """Record who has read the tickets of others, in the caller's transaction; nobody is recorded as reading his own."""
    others = sorted({row["raised_by"] for row in rows} - {viewer.subject})
    if others:
        await connection.execute(RECORD_ACCESS, now, viewer.subject, purpose, others)


def problem_of(row: asyncpg.Record) -> Problem:
    """Read a ticket from `COLUMNS`."""
    return Problem(
        problem_id=row["problem_id"],
        category=Category(row["category"]),
        area=row["area"],
        level=Level(row["level"]),
        state=State(row["state"]),
        raised_by=row["raised_by"],
        raised_at=row["raised_at"],
        owner=row["owner"],
        due_at=row["due_at"],
        settled_at=row["settled_at"],
        merged_into=row["merged_into"],
        revision=row["revision"],
    )
