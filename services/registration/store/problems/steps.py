"""Raising a ticket, and each step that is taken with it: by people, or by the time limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import problems as domain
from services.registration.domain.problems import LEVELS, Category, Problem, State
from services.registration.likeness import Likeness
from services.registration.store.problems.viewers import COLUMNS, VISIBLE, UnknownProblem, Viewer, problem_of
from services.registration.store.sealed_fields import seal_fields
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing

INSERT_PROBLEM = """
INSERT INTO problem
    (problem_id, category, area, level, state, raised_by, raised_at, record_id, due_at, sketch, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)
"""

INSERT_STEP = """
INSERT INTO problem_step (problem_id, revision, kind, level, state, at, done_by) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

WRITE_FIELD = """
INSERT INTO problem_field (problem_id, field, key_id, wrapped_key, ciphertext) VALUES ($1, $2, $3, $4, $5)
"""

# A survivor is locked before those merged into it, as a change of the survivor does, or the two would wait for each
# other.
LOCK = f"""
SELECT {COLUMNS}
FROM problem AS p
WHERE p.problem_id = ANY($1) AND {VISIBLE}
ORDER BY p.merged_into IS NOT NULL, p.problem_id
FOR UPDATE
"""  # noqa: S608 - constants of this package

UPDATE_PROBLEM = """
UPDATE problem
SET level = $2, state = $3, owner = $4, due_at = $5, settled_at = $6, merged_into = $7, revision = $8,
    known_problem_id = coalesce($9, known_problem_id)
WHERE problem_id = $1
"""

UPDATE_FOLLOWERS = """
UPDATE problem SET level = $2, state = $3, owner = $4, due_at = $5, settled_at = $6 WHERE merged_into = $1
"""

# Those that were merged into a ticket go with it: chains keep one link.
MOVE_FOLLOWERS = "UPDATE problem SET merged_into = $2 WHERE merged_into = $1"

# Many processes may do this at once: each takes rows that no other holds, and a row that another has just raised no
# longer meets the condition, which is checked again on the locked row.
ESCALATE_OVERDUE = """
WITH due AS (
    SELECT problem_id
    FROM problem
    WHERE due_at <= $1 AND merged_into IS NULL AND level <> 'central'
    ORDER BY due_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
), gone_up AS (
    UPDATE problem AS p
    SET level = n.above, state = 'open', owner = NULL, due_at = $1 + n.stays, revision = p.revision + 1
    FROM due, unnest($3::text[], $4::text[], $5::interval[]) AS n (level, above, stays)
    WHERE p.problem_id = due.problem_id AND n.level = p.level
    RETURNING p.problem_id, p.revision, p.level, p.state, p.due_at
), followers AS (
    UPDATE problem AS p
    SET level = g.level, state = g.state, owner = NULL, due_at = g.due_at
    FROM gone_up AS g
    WHERE p.merged_into = g.problem_id
)
INSERT INTO problem_step (problem_id, revision, kind, level, state, at, done_by)
SELECT problem_id, revision, 'expired', level, state, $1, NULL FROM gone_up
RETURNING problem_id
"""


@dataclass(frozen=True, slots=True)
class NewProblem:
    """What somebody says is wrong, in the clear; title, text and page are sealed before they are stored."""

    category: Category
    area: str
    title: str
    text: str
    page: str | None
    record_id: UUID | None


class Steps:
    """The steps of the registration database's tickets; what people typed is sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, likeness: Likeness) -> None:
        self._pool = pool
        self._ring = ring
        self._likeness = likeness

    async def raise_problem(self, new: NewProblem, viewer: Viewer, *, now: datetime) -> Problem:
        """Store a ticket at the level where it begins."""
        level = domain.first_level(new.area, viewer.role, viewer.area)
        problem = Problem(
            problem_id=uuid4(),
            category=new.category,
            area=new.area,
            level=level,
            state=State.OPEN,
            raised_by=viewer.subject,
            raised_at=now,
            owner=None,
            due_at=now + domain.limits_at(now)[level],
            settled_at=None,
            merged_into=None,
            revision=1,
        )
        async with acquire(self._pool) as connection, connection.transaction():
            await connection.execute(
                INSERT_PROBLEM,
                problem.problem_id,
                problem.category,
                problem.area,
                problem.level,
                problem.state,
                problem.raised_by,
                now,
                new.record_id,
                problem.due_at,
                self._likeness.sketch(new.title),
            )
            await _record(connection, problem, "raised", viewer.subject, now)
            written = {"title": new.title, "text": new.text} | ({"page": new.page} if new.page else {})
            await connection.executemany(WRITE_FIELD, seal_fields(self._ring, problem.problem_id, written))
        return problem

    async def take(self, problem_id: UUID, viewer: Viewer, *, now: datetime) -> Problem:
        """Make the viewer the owner. Raises `UnknownProblem` and `ProblemRefused`, as the others do."""
        return await self._change(
            problem_id,
            viewer,
            "taken",
            now,
            lambda one: domain.take(one, viewer.subject, viewer.role, viewer.area, now),
        )

    async def escalate(self, problem_id: UUID, viewer: Viewer, *, note: str | None, now: datetime) -> Problem:
        """Hand a ticket one level up."""
        return await self._change(
            problem_id, viewer, "escalated", now, lambda one: domain.escalate(one, viewer.role, viewer.area, now), note
        )

    async def answer(
        self, problem_id: UUID, viewer: Viewer, *, text: str, known_problem_id: UUID | None, now: datetime
    ) -> Problem:
        """Answer a ticket and all that were merged into it."""
        return await self._change(
            problem_id,
            viewer,
            "answered",
            now,
            lambda one: domain.answer(one, viewer.subject, viewer.role, viewer.area, now),
            text,
            known_problem_id,
        )

    async def close(self, problem_id: UUID, viewer: Viewer, *, now: datetime) -> Problem:
        """Close a ticket."""
        return await self._change(
            problem_id,
            viewer,
            "closed",
            now,
            lambda one: domain.close(one, viewer.subject, viewer.role, viewer.area, now),
        )

    async def reopen(self, problem_id: UUID, viewer: Viewer, *, note: str, now: datetime) -> Problem:
        """Open a settled ticket again, for the one who raised it."""
        return await self._change(
            problem_id, viewer, "reopened", now, lambda one: domain.reopen(one, viewer.subject, now), note
        )

    async def merge(self, problem_id: UUID, into: UUID, viewer: Viewer, *, now: datetime) -> Problem:
        """Let a ticket, and those merged into it, follow another from now on."""
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(LOCK, [problem_id, into], viewer.subject, viewer.works, viewer.area)
            found = {row["problem_id"]: problem_of(row) for row in rows}
            if problem_id not in found or into not in found:
                raise UnknownProblem
            after = domain.merge(found[problem_id], found[into], viewer.role, viewer.area)
            await connection.execute(MOVE_FOLLOWERS, problem_id, into)
            await _store(connection, after)
            await _follow(connection, found[into])
            await _record(connection, after, "merged", viewer.subject, now)
        return after

    async def escalate_overdue(self, *, now: datetime, limit: int = 500) -> int:
        """Hand up what has stayed at its level too long, at most `limit` tickets; return how many.

        A ticket gets the whole time of its new level also if it should have gone up long ago: those above were not
        asked until now.
        """
        limits = domain.limits_at(now)
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                ESCALATE_OVERDUE,
                now,
                limit,
                list(LEVELS[:-1]),
                list(LEVELS[1:]),
                [limits[level] for level in LEVELS[1:]],
            )
        return len(rows)

    async def _change(
        self,
        problem_id: UUID,
        viewer: Viewer,
        kind: str,
        now: datetime,
        rule: Callable[[Problem], Problem],
        note: str | None = None,
        known_problem_id: UUID | None = None,
    ) -> Problem:
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK, [problem_id], viewer.subject, viewer.works, viewer.area)
            if row is None:
                raise UnknownProblem
            before = problem_of(row)
            after = rule(before)
            if after.revision != before.revision:
                await _store(connection, after, known_problem_id)
                await _follow(connection, after)
                await _record(connection, after, kind, viewer.subject, now)
                if note is not None:
                    noted = {f"note.{after.revision}": note}
                    await connection.executemany(WRITE_FIELD, seal_fields(self._ring, problem_id, noted))
            return after


async def _store(connection: Connection, problem: Problem, known_problem_id: UUID | None = None) -> None:
    await connection.execute(
        UPDATE_PROBLEM,
        problem.problem_id,
        problem.level,
        problem.state,
        problem.owner,
        problem.due_at,
        problem.settled_at,
        problem.merged_into,
        problem.revision,
        known_problem_id,
    )


async def _follow(connection: Connection, survivor: Problem) -> None:
    await connection.execute(
        UPDATE_FOLLOWERS,
        survivor.problem_id,
        survivor.level,
        survivor.state,
        survivor.owner,
        survivor.due_at,
        survivor.settled_at,
    )


async def _record(connection: Connection, problem: Problem, kind: str, by: UUID, now: datetime) -> None:
    await connection.execute(
        INSERT_STEP, problem.problem_id, problem.revision, kind, problem.level, problem.state, now, by
    )
