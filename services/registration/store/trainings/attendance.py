"""Attendance: the code that the trainer shows, and the completion that comes of it."""

from __future__ import annotations

import hmac
from datetime import datetime
from uuid import UUID

import asyncpg

from services.registration.codes import attendance_code
from services.registration.domain import trainings as domain
from services.registration.domain.trainings import Session, TrainingRefused
from services.registration.store.trainings.courses import UnknownTraining, course_of
from services.registration.store.trainings.sessions import LOCK_SESSION, SELECT_SESSION, held_by, session_of
from services.registration.store.trainings.sign_ups import own_sign_up, phone_of
from shared.postgres.pool import acquire
from shared.security.blind_index import BlindIndex

MARK_ATTENDED = """
UPDATE training_sign_up
SET attended_at = coalesce(attended_at, $2)
WHERE sign_up_id = $1
RETURNING attended_at, person_id, phone_index
"""

INSERT_COMPLETION = """
INSERT INTO training_completion (sign_up_id, course_id, session_id, person_id, phone_index, completed_at, valid_until)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""


class WrongCode(Exception):
    """The attendance code is another."""


class Attendance:
    """The attendance at the registration database's sessions; codes and phones under the keys of `index`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], index: BlindIndex) -> None:
        self._pool = pool
        self._index = index

    async def code(self, session_id: UUID, *, by: UUID, within: str | None) -> tuple[str, Session]:
        """Return a session's attendance code, to who holds it. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_SESSION, session_id)
        if row is None or not held_by(session_of(row), by, within):
            raise UnknownTraining
        return self._code_of(row), session_of(row)

    async def attend(
        self, session_id: UUID, code: str | None, *, person: UUID | None, phone: str | None, now: datetime
    ) -> tuple[UUID, datetime]:
        """Record that somebody is there, and with it that the course is completed: its id and the time, the first.

        One who waited for a place and came in all the same counts. Raises `UnknownTraining`, `TrainingRefused` and
        `WrongCode`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_SESSION, session_id)
            if row is None:
                raise UnknownTraining
            course = course_of(row)
            domain.check_attendance(session_of(row), now)
            if code is None or not hmac.compare_digest(code, self._code_of(row)):
                raise WrongCode
            phone_index: bytes | None
            if phone is not None:
                phone_index = self._index.of_phone(phone)
            else:
                phone_index = await phone_of(connection, person)
            own = await own_sign_up(connection, session_id, person, phone_index)
            if own is None:
                raise TrainingRefused("not_signed_up")
            attended = await connection.fetchrow(MARK_ATTENDED, own["sign_up_id"], now)
            if attended is None:  # the session's lock keeps it there
                raise UnknownTraining
            at: datetime = attended["attended_at"]
            await connection.execute(
                INSERT_COMPLETION,
                own["sign_up_id"],
                course.course_id,
                session_id,
                attended["person_id"],
                attended["phone_index"],
                at,
                domain.valid_until(at, course.validity_months),
            )
        return course.course_id, at

    def _code_of(self, row: asyncpg.Record) -> str:
        # Derived, not stored: who reads the table learns no code.
        return attendance_code(self._index.of("attendance-code", f"{row['session_id']}\0{row['code_number']}"))
