"""Technical problem tickets, their history and screenshots, and the list of known problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import problems as domain
from services.registration.domain.problems import LEVELS, Category, Level, Problem, ProblemRefused, State
from services.registration.likeness import ALIKE, COMPONENTS, Likeness
from services.registration.store.people import RECORD_ACCESS
from shared.contracts.events import Role
from shared.observability.logs import log
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing, SealBroken, Sealed

_log = log(__name__)

MAX_ATTACHMENTS = 3
"""What was tapped, what was shown then, and the page before."""

MAX_SIMILAR = 10
"""More than anyone compares before he goes on."""

MAX_CANDIDATES = 500
"""Tickets whose likeness is looked at; comparing one takes 0.1 ms."""

_COLUMNS = """p.problem_id, p.category, p.area, p.level, p.state, p.raised_by, p.raised_at, p.owner, p.due_at,
       p.settled_at, p.merged_into, p.revision, p.record_id, p.known_problem_id"""

# Who sees a ticket: $2 raised it, or works ($3) in an area ($4) that contains the ticket's.
_VISIBLE = "(p.raised_by = $2 OR ($3 AND p.area >= $4 AND p.area < $4 || ':'))"

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
SELECT {_COLUMNS}
FROM problem AS p
WHERE p.problem_id = ANY($1) AND {_VISIBLE}
ORDER BY p.merged_into IS NOT NULL, p.problem_id
FOR UPDATE
"""  # noqa: S608 - constants of this module

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

# The page's last ticket bounds the next one.
_PAGE = f"""
SELECT {_COLUMNS}, f.key_id, f.wrapped_key, f.ciphertext
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
"""  # noqa: S608 - constants of this module

# Two statements, so that each is served by an index: with one for both, somebody's own few tickets would be looked for
# among all of the country's.
PAGE_MINE = _PAGE % "p.raised_by = $2"
PAGE_OF_AREA = _PAGE % "p.merged_into IS NULL"

SELECT_PROBLEM = f"SELECT {_COLUMNS} FROM problem AS p WHERE p.problem_id = $1 AND {_VISIBLE}"  # noqa: S608 - as above

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

SELECT_ATTACHMENTS = """
SELECT attachment_id, media_type, size FROM problem_attachment WHERE problem_id = $1 ORDER BY attached_at, attachment_id
"""

INSERT_ATTACHMENT = """
INSERT INTO problem_attachment
    (attachment_id, problem_id, media_type, size, attached_at, key_id, wrapped_key, ciphertext)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (SELECT count(*) FROM problem_attachment WHERE problem_id = $2) < $9
RETURNING true
"""

SELECT_ATTACHMENT = f"""
SELECT p.problem_id, p.raised_by, a.media_type, a.key_id, a.wrapped_key, a.ciphertext
FROM problem_attachment AS a JOIN problem AS p USING (problem_id)
WHERE p.problem_id = $1 AND {_VISIBLE} AND a.attachment_id = $5
"""  # noqa: S608 - constants of this module

SELECT_CONTACT = """
SELECT field, key_id, wrapped_key, ciphertext
FROM sealed_field
WHERE person_id = $1 AND field IN ('name', 'phone')
"""

# When something is broken for all, thousands raise it in the same words: the newest of them say as much as all.
SIMILAR = f"""
WITH candidate AS (
    SELECT {_COLUMNS}, p.sketch
    FROM problem AS p
    WHERE p.sketch && $1 AND p.state <> 'closed' AND p.merged_into IS NULL
      AND {_VISIBLE}
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
"""  # noqa: S608 - constants of this module

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
"""  # noqa: S608 - constants of this module

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

# Duplicates count: each is somebody who met the problem.
COUNTS = """
SELECT left(area, 2) AS province, category, level, count(*) AS raised,
       count(*) FILTER (WHERE state IN ('open', 'in_progress')) AS waiting,
       count(*) FILTER (WHERE merged_into IS NOT NULL) AS merged
FROM problem
WHERE raised_at >= $1 AND raised_at < $2 AND area >= $3 AND area < $3 || ':'
GROUP BY left(area, 2), category, level
ORDER BY left(area, 2), category, level
"""

COUNT_WAITING = """
SELECT count(*) FILTER (WHERE state IN ('open', 'in_progress')) AS waiting,
       count(*) FILTER (WHERE state = 'answered') AS answered
FROM problem
WHERE raised_by = $1
"""

Cursor = tuple[datetime, UUID]
"""Time and id of the last of a page."""


class UnknownProblem(Exception):
    """There is no such ticket, known problem or file, or the caller may not see it."""


class Outdated(Exception):
    """Somebody else has changed it in the meantime."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at tickets: `works` says whether he works on those of his area, or sees only his own."""

    subject: UUID
    role: Role
    area: str
    works: bool


@dataclass(frozen=True, slots=True)
class NewProblem:
    """What somebody says is wrong, in the clear; title, text and page are sealed before they are stored."""

    category: Category
    area: str
    title: str
    text: str
    page: str | None
    record_id: UUID | None


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


@dataclass(frozen=True, slots=True)
class KnownText:
    """A known problem as it is written: for everybody, in both languages."""

    category: Category
    title_th: str
    title_en: str
    answer_th: str
    answer_en: str
    state: str


class Problems:
    """The tickets of the registration database, what people typed sealed under `ring`."""

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
            written = {"title": new.title, "text": new.text}
            await self._write(connection, problem.problem_id, written | ({"page": new.page} if new.page else {}))
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
            found = {row["problem_id"]: _problem_of(row) for row in rows}
            if problem_id not in found or into not in found:
                raise UnknownProblem
            after = domain.merge(found[problem_id], found[into], viewer.role, viewer.area)
            await connection.execute(MOVE_FOLLOWERS, problem_id, into)
            await self._store(connection, after)
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
            await _record_reading(connection, rows, viewer, "problem list", now)
        return [self._listed(row) for row in rows]

    async def read(self, problem_id: UUID, viewer: Viewer, *, now: datetime) -> Ticket:
        """Return a ticket with its history and answer, and for those who work on it, whom to call.

        Raises `UnknownProblem`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(SELECT_PROBLEM, problem_id, viewer.subject, viewer.works, viewer.area)
            if row is None:
                raise UnknownProblem
            problem = _problem_of(row)
            survivor = problem.merged_into or problem_id
            fields = self._open_all(await connection.fetch(SELECT_FIELDS, [problem_id, survivor]))
            steps = await connection.fetch(SELECT_STEPS, [problem_id, survivor])
            attachments = await connection.fetch(SELECT_ATTACHMENTS, problem_id)
            duplicates = await connection.fetch(SELECT_DUPLICATES, problem_id)
            contact = None
            if problem.raised_by != viewer.subject:
                contact = await self._contact(connection, problem.raised_by)
            await _record_reading(connection, [row], viewer, "problem", now)
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
            attachments=[dict(one) for one in attachments],
            duplicates=[one["problem_id"] for one in duplicates],
            contact=contact,
        )

    async def similar(
        self, text: str, category: Category | None, viewer: Viewer, *, now: datetime
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[Ticket]]:
        """Return the known problems, and of the tickets that the viewer may see those, whose titles are like `text`."""
        sketch = self._likeness.sketch(text)
        async with acquire(self._pool) as connection, connection.transaction():
            known = await connection.fetch(SIMILAR_KNOWN, sketch, category, ALIKE, MAX_SIMILAR)
            rows = await connection.fetch(
                SIMILAR, sketch, viewer.subject, viewer.works, viewer.area, category, ALIKE, MAX_SIMILAR
            )
            await _record_reading(connection, rows, viewer, "problem list", now)
        return [dict(row) for row in known], [self._listed(row) for row in rows]

    async def attach(self, problem_id: UUID, viewer: Viewer, *, media_type: str, content: bytes, now: datetime) -> UUID:
        """Add a screenshot to a ticket of the viewer's own. Raises `UnknownProblem` and `ProblemRefused`."""
        attachment_id = uuid4()
        sealed = self._ring.seal(content, household=str(problem_id), field=f"attachment.{attachment_id}")
        async with acquire(self._pool) as connection, connection.transaction():
            # Nobody sees it by his office here: only who raised a ticket adds to it. The lock makes the count exact.
            row = await connection.fetchrow(LOCK, [problem_id], viewer.subject, False, viewer.area)
            if row is None:
                raise UnknownProblem
            if row["state"] == State.CLOSED:
                raise ProblemRefused("wrong_state")
            added = await connection.fetchval(
                INSERT_ATTACHMENT,
                attachment_id,
                problem_id,
                media_type,
                len(content),
                now,
                *sealed,
                MAX_ATTACHMENTS,
            )
            if not added:
                raise ProblemRefused("too_many_files")
        return attachment_id

    async def attachment(
        self, problem_id: UUID, attachment_id: UUID, viewer: Viewer, *, now: datetime
    ) -> tuple[str, bytes]:
        """Return a screenshot's media type and bytes. Raises `UnknownProblem`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(
                SELECT_ATTACHMENT, problem_id, viewer.subject, viewer.works, viewer.area, attachment_id
            )
            if row is None:
                raise UnknownProblem
            await _record_reading(connection, [row], viewer, "problem attachment", now)
        sealed = Sealed(row["key_id"], row["wrapped_key"], row["ciphertext"])
        try:
            content = self._ring.open_sealed(sealed, household=str(problem_id), field=f"attachment.{attachment_id}")
        except SealBroken:
            _log.error("sealed_field_broken", problem=str(problem_id), field="attachment", key=sealed.key_id)
            raise UnknownProblem from None
        return row["media_type"], content

    async def counts(self, area: str, *, begins: datetime, ends: datetime) -> Sequence[Mapping[str, Any]]:
        """Count the tickets of an area raised in a time, by province, category and the level that they have reached."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(COUNTS, begins, ends, area)]

    async def own_counts(self, subject: UUID) -> Mapping[str, int]:
        """Count the tickets that somebody raised: `waiting` for an answer, and `answered`, to be looked at."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(COUNT_WAITING, subject)
        return dict(row) if row else {}

    async def add_known(self, text: KnownText, *, by: UUID, now: datetime) -> UUID:
        """Enter a known problem."""
        known_problem_id = uuid4()
        async with acquire(self._pool) as connection:
            await connection.execute(INSERT_KNOWN, known_problem_id, *self._known_values(text), now, by)
        return known_problem_id

    async def change_known(
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

    async def known(self, known_problem_id: UUID) -> Mapping[str, Any] | None:
        """Return a known problem."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_KNOWN, known_problem_id)
        return dict(row) if row else None

    async def known_page(
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
            before = _problem_of(row)
            after = rule(before)
            if after.revision != before.revision:
                await self._store(connection, after, known_problem_id)
                await _follow(connection, after)
                await _record(connection, after, kind, viewer.subject, now)
                if note is not None:
                    await self._write(connection, problem_id, {f"note.{after.revision}": note})
            return after

    async def _store(self, connection: Connection, problem: Problem, known_problem_id: UUID | None = None) -> None:
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

    async def _write(self, connection: Connection, problem_id: UUID, fields: Mapping[str, str]) -> None:
        rows = []
        for field, text in fields.items():
            sealed = self._ring.seal(text.encode(), household=str(problem_id), field=field)
            rows.append((problem_id, field, *sealed))
        await connection.executemany(WRITE_FIELD, rows)

    async def _contact(self, connection: Connection, person_id: UUID) -> Mapping[str, str | None]:
        rows = await connection.fetch(SELECT_CONTACT, person_id)
        return {row["field"]: self._open(person_id, row["field"], row) for row in rows}

    def _listed(self, row: asyncpg.Record) -> Ticket:
        return Ticket(
            problem=_problem_of(row),
            record_id=row["record_id"],
            known_problem_id=row["known_problem_id"],
            title=self._open(row["problem_id"], "title", row) if row["ciphertext"] is not None else None,
            likeness=float(row["likeness"]) if "likeness" in row else None,
        )

    def _open_all(self, rows: Sequence[asyncpg.Record]) -> dict[tuple[UUID, str], str | None]:
        return {(row["problem_id"], row["field"]): self._open(row["problem_id"], row["field"], row) for row in rows}

    def _open(self, bound_to: UUID, field: str, row: asyncpg.Record) -> str | None:
        sealed = Sealed(row["key_id"], row["wrapped_key"], row["ciphertext"])
        try:
            return self._ring.open_sealed(sealed, household=str(bound_to), field=field).decode()
        except SealBroken:
            # One damaged row shall not hide the others.
            _log.error("sealed_field_broken", problem=str(bound_to), field=field, key=sealed.key_id)
            return None


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


async def _record_reading(
    connection: Connection, rows: Sequence[asyncpg.Record], viewer: Viewer, purpose: str, now: datetime
) -> None:
    others = sorted({row["raised_by"] for row in rows} - {viewer.subject})
    if others:
        await connection.execute(RECORD_ACCESS, now, viewer.subject, purpose, others)


def _problem_of(row: asyncpg.Record) -> Problem:
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
