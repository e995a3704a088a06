"""Sessions of courses, and the one rule of who gets their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain import trainings as domain
from services.registration.domain.trainings import Audience, Session
from services.registration.store.cursors import Cursor
from services.registration.store.trainings.courses import COURSE, UnknownTraining
from shared.postgres.pool import Connection, acquire

_SESSION = """s.session_id, s.course_id, s.area, s.link, s.place, s.begins_at, s.ends_at, s.capacity, s.sign_up_until,
       s.trainer, s.cancelled_at, s.code_number"""

INSERT_SESSION = """
INSERT INTO training_session
    (session_id, course_id, area, link, place, begins_at, ends_at, capacity, sign_up_until, trainer, created_at,
     created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

SELECT_SESSION = f"""
SELECT {_SESSION}, {COURSE.replace("c.area", "c.area AS course_area").replace("c.course_id, ", "")}
FROM training_session AS s JOIN training_course AS c USING (course_id)
WHERE s.session_id = $1
"""  # noqa: S608 - constants of this package

# All that changes who has a place holds this lock, so that places are never given twice and the order is kept.
LOCK_SESSION = SELECT_SESSION + "FOR UPDATE OF s"

UPDATE_SESSION = """
UPDATE training_session
SET capacity = coalesce($2, capacity), link = coalesce($3, link), place = coalesce($4, place),
    trainer = coalesce($5, trainer), code_number = code_number + $6,
    cancelled_at = CASE WHEN $7 THEN coalesce(cancelled_at, $8) ELSE cancelled_at END
WHERE session_id = $1
"""

_SESSIONS = f"""
SELECT {_SESSION}, {COURSE.replace("c.area", "c.area AS course_area").replace("c.course_id, ", "")},
       n.placed, n.waiting, mine.state AS my_state, mine.sign_up_id AS my_sign_up
FROM training_session AS s JOIN training_course AS c USING (course_id)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'placed') AS placed, count(*) FILTER (WHERE state = 'waiting') AS waiting
    FROM training_sign_up AS u
    WHERE u.session_id = s.session_id AND u.state <> 'cancelled'
) AS n
LEFT JOIN training_sign_up AS mine
    ON mine.session_id = s.session_id AND mine.person_id = $1 AND mine.state <> 'cancelled'
"""  # noqa: S608 - constants of this package

# A session concerns an area that lies in its own, or in which it lies. None lasts longer than $7: the index leaves out
# all that began before.
PAGE_SESSIONS = (
    _SESSIONS
    + """
WHERE s.ends_at >= $2 AND s.begins_at >= $2 - $7::interval AND s.cancelled_at IS NULL
  AND ((s.area >= $3 AND s.area < $3 || ':') OR starts_with($3, s.area))
  AND ($4::text IS NULL OR c.audience = $4)
  AND ($5::uuid IS NULL OR s.course_id = $5)
  AND ($6::timestamptz IS NULL OR (s.begins_at, s.session_id) > ($6, $8))
ORDER BY s.begins_at, s.session_id
LIMIT $9
"""
)

ONE_SESSION = _SESSIONS + "WHERE s.session_id = $2"

# The one rule of places: whoever waits longest gets what is free. Signing up, cancelling, a larger room: all end here.
FILL = """
UPDATE training_sign_up AS u
SET state = 'placed'
FROM (
    SELECT sign_up_id
    FROM training_sign_up
    WHERE session_id = $1 AND state = 'waiting'
    ORDER BY number
    LIMIT greatest(0, (SELECT capacity FROM training_session WHERE session_id = $1)
                    - (SELECT count(*) FROM training_sign_up WHERE session_id = $1 AND state = 'placed'))
) AS next
WHERE u.sign_up_id = next.sign_up_id
RETURNING u.sign_up_id
"""


class Sessions:
    """The sessions of the registration database's courses."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def add(self, session: Session, *, by: UUID, now: datetime) -> None:
        """Store a new session."""
        async with acquire(self._pool) as connection:
            await connection.execute(
                INSERT_SESSION,
                session.session_id,
                session.course_id,
                session.area,
                session.link,
                session.place,
                session.begins_at,
                session.ends_at,
                session.capacity,
                session.sign_up_until,
                session.trainer,
                now,
                by,
            )

    async def change(
        self,
        session_id: UUID,
        *,
        by: UUID,
        within: str | None,
        now: datetime,
        capacity: int | None = None,
        link: str | None = None,
        place: str | None = None,
        trainer: UUID | None = None,
        new_code: bool = False,
        cancel: bool = False,
    ) -> Sequence[UUID]:
        """Change what is given of a session that is the caller's to hold. A larger room takes in who waits.

        Returns the sign-ups that got a place. A smaller room sends nobody away. Raises `UnknownTraining`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_SESSION, session_id)
            if row is None or not held_by(session_of(row), by, within):
                raise UnknownTraining
            await connection.execute(
                UPDATE_SESSION, session_id, capacity, link, place, trainer, int(new_code), cancel, now
            )
            return await fill(connection, session_id)

    async def page(
        self,
        *,
        area: str,
        audience: Audience | None,
        course_id: UUID | None,
        person: UUID | None,
        after: Cursor | None,
        limit: int,
        now: datetime,
    ) -> Sequence[Mapping[str, Any]]:
        """Return the next coming sessions that concern an area, with their courses and numbers, the soonest first.

        `my_state` tells where `person` stands.
        """
        begins_at, session_id = after or (None, None)
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                PAGE_SESSIONS,
                person,
                now,
                area,
                audience,
                course_id,
                begins_at,
                domain.LONGEST_SESSION,
                session_id,
                limit,
            )
        return [dict(row) for row in rows]

    async def one(self, session_id: UUID, *, person: UUID | None) -> Mapping[str, Any]:
        """Return one session as `page` does, also a past or cancelled one. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(ONE_SESSION, person, session_id)
        if row is None:
            raise UnknownTraining
        return dict(row)


async def fill(connection: Connection, session_id: UUID) -> Sequence[UUID]:
    """Give a session's free places to those who wait, in the transaction that holds its lock; return who got one."""
    return [row["sign_up_id"] for row in await connection.fetch(FILL, session_id)]


def held_by(session: Session, by: UUID, within: str | None) -> bool:
    """Say whether a session is somebody's to hold: its trainer, who may come from elsewhere, or `within` its area.

    `within` is None for those whose role holds no sessions.
    """
    return session.trainer == by or (within is not None and session.area.startswith(within))


def session_of(row: asyncpg.Record) -> Session:
    """Read a session from its row."""
    return Session(
        session_id=row["session_id"],
        course_id=row["course_id"],
        area=row["area"],
        link=row["link"],
        place=row["place"],
        begins_at=row["begins_at"],
        ends_at=row["ends_at"],
        capacity=row["capacity"],
        sign_up_until=row["sign_up_until"],
        trainer=row["trainer"],
        cancelled=row["cancelled_at"] is not None,
    )
