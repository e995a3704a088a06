"""Courses, their materials and sessions, who signs up, who came, and who is trained."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.codes import attendance_code
from services.registration.domain import trainings as domain
from services.registration.domain.trainings import Audience, Course, Session, SignUpState, TrainingRefused
from services.registration.store.people import RECORD_ACCESS
from services.registration.store.persons_in_order import PersonCursor, before_all_of
from services.registration.store.published import use_files
from services.registration.store.training_duty import missing_courses
from shared.contracts.events import Role
from shared.observability.logs import log
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing, SealBroken, Sealed

_log = log(__name__)

KEEP_CONTACTS = timedelta(days=90)
"""Names and numbers of those without an account are there to reach them about a session: a quarter after it, for
certificates and questions, they are destroyed. That somebody came, and the keyed hash of the phone, stay."""

_COURSE = "c.course_id, c.area, c.title_th, c.title_en, c.audience, c.required_for, c.validity_months, c.retired_at"

INSERT_COURSE = """
INSERT INTO training_course
    (course_id, area, title_th, title_en, audience, required_for, validity_months, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

SELECT_COURSE = f"SELECT {_COURSE} FROM training_course AS c WHERE c.course_id = $1"  # noqa: S608 - constants

LOCK_COURSE = f"""
SELECT {_COURSE}
FROM training_course AS c
WHERE c.course_id = $1 AND c.area >= $2 AND c.area < $2 || ':'
FOR UPDATE
"""  # noqa: S608 - constants of this module

UPDATE_COURSE = """
UPDATE training_course
SET title_th = $2, title_en = $3, required_for = $4, validity_months = $5,
    retired_at = CASE WHEN $6 THEN coalesce(retired_at, $7) END
WHERE course_id = $1
"""

PAGE_COURSES = f"""
SELECT {_COURSE}, c.created_at
FROM training_course AS c
WHERE c.retired_at IS NULL
  AND ($1::text IS NULL OR c.audience = $1)
  AND ($2::timestamptz IS NULL OR (c.created_at, c.course_id) < ($2, $3))
ORDER BY c.created_at DESC, c.course_id DESC
LIMIT $4
"""  # noqa: S608 - constants of this module

# The course's row is locked: versions of one material are numbered one after the other.
INSERT_MATERIAL = """
INSERT INTO training_material
    (material_id, version, course_id, title, link, file_id, valid_from, added_at, added_by)
SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4, $5, $6, $7, $8
FROM training_material
WHERE material_id = $1
RETURNING version
"""

MATERIAL_OF_COURSE = "SELECT true FROM training_material WHERE material_id = $1 AND course_id = $2 LIMIT 1"

COUNT_VERSIONS = "SELECT count(*) FROM training_material WHERE course_id = $1"

# `current` is the newest version that is valid already; older and coming ones stay readable.
SELECT_MATERIALS = """
SELECT m.material_id, m.version, m.title, m.link, m.file_id, f.media_type, f.size, m.valid_from,
       m.version = max(m.version) FILTER (WHERE m.valid_from <= $2) OVER (PARTITION BY m.material_id) AS current
FROM training_material AS m LEFT JOIN published_file AS f USING (file_id)
WHERE m.course_id = $1
ORDER BY m.material_id, m.version DESC
"""

SELECT_MATERIAL_FILE = """
SELECT file_id FROM training_material WHERE course_id = $1 AND material_id = $2 AND version = $3 AND file_id IS NOT NULL
"""

_SESSION = """s.session_id, s.course_id, s.area, s.link, s.place, s.begins_at, s.ends_at, s.capacity, s.sign_up_until,
       s.trainer, s.cancelled_at, s.code_number"""

INSERT_SESSION = """
INSERT INTO training_session
    (session_id, course_id, area, link, place, begins_at, ends_at, capacity, sign_up_until, trainer, created_at,
     created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

SELECT_SESSION = f"""
SELECT {_SESSION}, {_COURSE.replace("c.area", "c.area AS course_area").replace("c.course_id, ", "")}
FROM training_session AS s JOIN training_course AS c USING (course_id)
WHERE s.session_id = $1
"""  # noqa: S608 - constants of this module

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
SELECT {_SESSION}, {_COURSE.replace("c.area", "c.area AS course_area").replace("c.course_id, ", "")},
       n.placed, n.waiting, mine.state AS my_state, mine.sign_up_id AS my_sign_up
FROM training_session AS s JOIN training_course AS c USING (course_id)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'placed') AS placed, count(*) FILTER (WHERE state = 'waiting') AS waiting
    FROM training_sign_up AS u
    WHERE u.session_id = s.session_id AND u.state <> 'cancelled'
) AS n
LEFT JOIN training_sign_up AS mine
    ON mine.session_id = s.session_id AND mine.person_id = $1 AND mine.state <> 'cancelled'
"""  # noqa: S608 - constants of this module

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

NEXT_NUMBER = (
    "UPDATE training_session SET next_number = next_number + 1 WHERE session_id = $1 RETURNING next_number - 1"
)

# The same somebody is found by either: who signed up by phone before he was registered, and signs in now.
SELECT_OWN_SIGN_UP = """
SELECT sign_up_id, state, number, attended_at
FROM training_sign_up
WHERE session_id = $1 AND state <> 'cancelled' AND (person_id = $2 OR phone_index = $3)
ORDER BY number
LIMIT 1
"""

PERSON_OF_PHONE = "SELECT person_id FROM person WHERE phone_index = $1"
PHONE_OF_PERSON = "SELECT phone_index FROM person WHERE person_id = $1"

INSERT_SIGN_UP = """
INSERT INTO training_sign_up
    (sign_up_id, session_id, number, person_id, phone_index, by_phone, state, signed_up_at)
VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7)
"""

WRITE_FIELD = """
INSERT INTO training_sign_up_field (sign_up_id, field, key_id, wrapped_key, ciphertext) VALUES ($1, $2, $3, $4, $5)
"""

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

COUNT_FREE = """
SELECT s.capacity > (SELECT count(*) FROM training_sign_up AS u WHERE u.session_id = $1 AND u.state = 'placed')
FROM training_session AS s
WHERE s.session_id = $1
"""

# $3: the signed-in person; $4: somebody who holds sessions there; else the id alone, of a sign-up by phone.
CANCEL_SIGN_UP = """
UPDATE training_sign_up
SET state = 'cancelled', cancelled_at = $5
WHERE sign_up_id = $1 AND session_id = $2 AND state <> 'cancelled' AND attended_at IS NULL
  AND (person_id = $3 OR $4 OR ($3 IS NULL AND by_phone))
RETURNING true
"""

CANCEL_OWN_SIGN_UP = """
UPDATE training_sign_up SET state = 'cancelled', cancelled_at = $2 WHERE sign_up_id = $1 AND attended_at IS NULL
"""

PAGE_SIGN_UPS = """
SELECT u.sign_up_id, u.number, u.state, u.person_id, u.by_phone, u.attended_at,
       coalesce(f.key_id, n.key_id) AS key_id, coalesce(f.wrapped_key, n.wrapped_key) AS wrapped_key,
       coalesce(f.ciphertext, n.ciphertext) AS ciphertext, f.sign_up_id IS NOT NULL AS own_name
FROM training_sign_up AS u
LEFT JOIN training_sign_up_field AS f ON f.sign_up_id = u.sign_up_id AND f.field = 'name'
LEFT JOIN sealed_field AS n ON n.person_id = u.person_id AND n.field = 'name'
WHERE u.session_id = $1 AND u.state <> 'cancelled' AND u.number > $2
ORDER BY u.number
LIMIT $3
"""

SELECT_NOTICE = """
SELECT u.sign_up_id, u.person_id, s.begins_at, c.title_th, c.title_en, f.sign_up_id IS NOT NULL AS own_phone,
       coalesce(f.key_id, n.key_id) AS key_id, coalesce(f.wrapped_key, n.wrapped_key) AS wrapped_key,
       coalesce(f.ciphertext, n.ciphertext) AS ciphertext
FROM training_sign_up AS u
JOIN training_session AS s USING (session_id)
JOIN training_course AS c USING (course_id)
LEFT JOIN training_sign_up_field AS f ON f.sign_up_id = u.sign_up_id AND f.field = 'phone'
LEFT JOIN sealed_field AS n ON n.person_id = u.person_id AND n.field = 'phone'
WHERE u.sign_up_id = $1 AND u.state = 'placed'
"""

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

MY_SIGN_UPS = """
SELECT u.sign_up_id, u.session_id, u.state, u.attended_at, s.course_id, s.begins_at, s.ends_at
FROM training_sign_up AS u JOIN training_session AS s USING (session_id)
WHERE (u.person_id = $1 OR u.phone_index = (SELECT phone_index FROM person WHERE person_id = $1))
  AND u.state <> 'cancelled' AND s.ends_at >= $2 AND s.cancelled_at IS NULL
ORDER BY s.begins_at, u.sign_up_id
LIMIT 100
"""

MY_COMPLETIONS = """
SELECT c.course_id, c.title_th, c.title_en, t.session_id, t.completed_at, t.valid_until
FROM training_completion AS t JOIN training_course AS c USING (course_id)
WHERE t.person_id = $1 OR t.phone_index = (SELECT phone_index FROM person WHERE person_id = $1)
ORDER BY t.completed_at DESC, t.sign_up_id
LIMIT 100
"""

_COUNTS_NOW = "t.course_id = $1 AND (t.valid_until IS NULL OR t.valid_until > $2)"

_CONCERNED = """p.area >= $4 AND p.area < $4 || ':'
  AND p.status = 'approved' AND (cardinality($3::text[]) = 0 OR p.role = ANY($3))"""

# Joins, which the planner makes look-ups for a subdistrict and hashes for the country. `IN` over half a million trained
# is neither: their list does not fit into work_mem, and each of a million persons would be compared with all of it.
COUNT_TRAINED = f"""
WITH concerned AS (
    SELECT p.person_id, p.phone_index, left(p.area, $5) AS area FROM person AS p WHERE {_CONCERNED}
), trained AS (
    SELECT p.person_id FROM concerned AS p JOIN training_completion AS t USING (person_id) WHERE {_COUNTS_NOW}
    UNION
    SELECT p.person_id FROM concerned AS p JOIN training_completion AS t USING (phone_index) WHERE {_COUNTS_NOW}
)
SELECT p.area, count(*) AS persons, count(trained.person_id) AS trained
FROM concerned AS p LEFT JOIN trained USING (person_id)
GROUP BY p.area
ORDER BY p.area
"""  # noqa: S608 - constants of this module

# One walk along the index person_by_area, as the list of volunteers.
PAGE_TRAINED = f"""
SELECT p.person_id, p.area, p.role, p.registered_at, n.key_id, n.wrapped_key, n.ciphertext
FROM person AS p LEFT JOIN sealed_field AS n ON n.person_id = p.person_id AND n.field = 'name'
WHERE {_CONCERNED}
  AND (
      EXISTS (SELECT FROM training_completion AS t WHERE t.person_id = p.person_id AND {_COUNTS_NOW})
      OR EXISTS (SELECT FROM training_completion AS t WHERE t.phone_index = p.phone_index AND {_COUNTS_NOW})
  ) = $5
  AND (p.area, p.registered_at, p.person_id) > ($6, $7, $8)
ORDER BY p.area, p.registered_at, p.person_id
LIMIT $9
"""  # noqa: S608 - constants of this module

SWEEP_CONTACTS = """
DELETE FROM training_sign_up_field AS f
USING training_sign_up AS u, training_session AS s
WHERE f.sign_up_id = u.sign_up_id AND s.session_id = u.session_id AND s.ends_at <= $1
"""

MAX_VERSIONS = 500
"""Of all materials of a course: what one answer lists."""

Cursor = tuple[datetime, UUID]
"""Time and id of the last of a page."""


class UnknownTraining(Exception):
    """There is no such course, session, sign-up or material, or it is not the caller's."""


class WrongCode(Exception):
    """The attendance code is another."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who signs up without an account."""

    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class SignUp:
    """Where somebody stands in a session; `sign_up_id` is the key by which a guest cancels."""

    sign_up_id: UUID
    state: SignUpState


@dataclass(frozen=True, slots=True)
class Notice:
    """Whom to tell about which course's session."""

    phone: str
    title_th: str
    title_en: str
    begins_at: datetime


@dataclass(frozen=True, slots=True)
class NewMaterial:
    """A material, or the next version of the one that `material_id` names; either a link or an uploaded file."""

    material_id: UUID | None
    title: str
    link: str | None
    file_id: UUID | None
    valid_from: datetime


class Trainings:
    """The training of the registration database; names and numbers of guests sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, index: BlindIndex) -> None:
        self._pool = pool
        self._ring = ring
        self._index = index

    async def add_course(self, course: Course, *, by: UUID, now: datetime) -> None:
        """Store a new course."""
        async with acquire(self._pool) as connection:
            await connection.execute(
                INSERT_COURSE,
                course.course_id,
                course.area,
                course.title_th,
                course.title_en,
                course.audience,
                list(course.required_for),
                course.validity_months,
                now,
                by,
            )

    async def course(self, course_id: UUID) -> Course:
        """Return a course. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_COURSE, course_id)
        if row is None:
            raise UnknownTraining
        return _course_of(row)

    async def change_course(
        self, course_id: UUID, change: Callable[[Course], Course], *, within: str, now: datetime
    ) -> Course:
        """Change a course of an area inside `within`. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_COURSE, course_id, within)
            if row is None:
                raise UnknownTraining
            after = change(_course_of(row))
            await connection.execute(
                UPDATE_COURSE,
                course_id,
                after.title_th,
                after.title_en,
                list(after.required_for),
                after.validity_months,
                after.retired,
                now,
            )
        return after

    async def courses(
        self, audience: Audience | None, *, after: Cursor | None, limit: int
    ) -> Sequence[tuple[Course, datetime]]:
        """Return the next courses that are taught, the newest first, with the time of their entry."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(PAGE_COURSES, audience, *(after or (None, None)), limit)
        return [(_course_of(row), row["created_at"]) for row in rows]

    async def add_material(
        self, course_id: UUID, new: NewMaterial, *, within: str, most: int, by: UUID, now: datetime
    ) -> tuple[UUID, int]:
        """Add a material or a version of one to a course inside `within`; return its id and version.

        Raises `UnknownTraining`, `UnknownFileId`, and `TrainingRefused` for the version that is one too many.
        """
        material_id = new.material_id or uuid4()
        async with acquire(self._pool) as connection, connection.transaction():
            if await connection.fetchrow(LOCK_COURSE, course_id, within) is None:
                raise UnknownTraining
            if new.material_id and not await connection.fetchval(MATERIAL_OF_COURSE, material_id, course_id):
                raise UnknownTraining
            if await connection.fetchval(COUNT_VERSIONS, course_id) >= MAX_VERSIONS:
                raise TrainingRefused("too_many_files")
            if new.file_id is not None:
                await use_files(connection, [new.file_id], by=by, most=most)
            version: int = await connection.fetchval(
                INSERT_MATERIAL,
                material_id,
                course_id,
                new.title,
                new.link,
                new.file_id,
                new.valid_from,
                now,
                by,
            )
        return material_id, version

    async def materials(self, course_id: UUID, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Return all versions of a course's materials, each material's newest first."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(SELECT_MATERIALS, course_id, now)]

    async def material_file(self, course_id: UUID, material_id: UUID, version: int) -> UUID:
        """Return the file of a version. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            file_id: UUID | None = await connection.fetchval(SELECT_MATERIAL_FILE, course_id, material_id, version)
        if file_id is None:
            raise UnknownTraining
        return file_id

    async def add_session(self, session: Session, *, by: UUID, now: datetime) -> None:
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

    async def change_session(
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
            if row is None or not _holds(_session_of(row), by, within):
                raise UnknownTraining
            await connection.execute(
                UPDATE_SESSION, session_id, capacity, link, place, trainer, int(new_code), cancel, now
            )
            moved_up = await connection.fetch(FILL, session_id)
        return [row["sign_up_id"] for row in moved_up]

    async def sessions(
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

    async def session(self, session_id: UUID, *, person: UUID | None) -> Mapping[str, Any]:
        """Return one session as `sessions` does, also a past or cancelled one. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(ONE_SESSION, person, session_id)
        if row is None:
            raise UnknownTraining
        return dict(row)

    async def code(self, session_id: UUID, *, by: UUID, within: str | None) -> tuple[str, Session]:
        """Return a session's attendance code, to who holds it. Raises `UnknownTraining`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_SESSION, session_id)
        if row is None or not _holds(_session_of(row), by, within):
            raise UnknownTraining
        return self._code_of(row), _session_of(row)

    async def sign_up(self, session_id: UUID, *, person: UUID | None, guest: Guest | None, now: datetime) -> SignUp:
        """Sign up somebody, a person or a guest, behind all who did before.

        A person who is signed up already is told where he stands. A guest is told the same as if he were new, with an
        id that belongs to nothing: who comes to a training is no stranger's business. Raises `UnknownTraining` and
        `TrainingRefused`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_SESSION, session_id)
            if row is None:
                raise UnknownTraining
            domain.check_sign_up(_session_of(row), _course_of(row), by_phone=person is None, now=now)
            phone_index: bytes | None
            if guest is not None:
                phone_index = self._index.of_phone(guest.phone)
                person = await connection.fetchval(PERSON_OF_PHONE, phone_index)
            else:
                phone_index = await connection.fetchval(PHONE_OF_PERSON, person)
            known = await connection.fetchrow(SELECT_OWN_SIGN_UP, session_id, person, phone_index)
            if known is not None and guest is None:
                return SignUp(known["sign_up_id"], SignUpState(known["state"]))
            if known is not None:
                free = await connection.fetchval(COUNT_FREE, session_id)
                return SignUp(uuid4(), SignUpState.PLACED if free else SignUpState.WAITING)
            sign_up_id = uuid4()
            number = await connection.fetchval(NEXT_NUMBER, session_id)
            await connection.execute(
                INSERT_SIGN_UP, sign_up_id, session_id, number, person, phone_index, guest is not None, now
            )
            if guest is not None:
                await self._write(connection, sign_up_id, {"name": guest.name, "phone": guest.phone})
            placed = {row["sign_up_id"] for row in await connection.fetch(FILL, session_id)}
        return SignUp(sign_up_id, SignUpState.PLACED if sign_up_id in placed else SignUpState.WAITING)

    async def cancel(
        self, session_id: UUID, sign_up_id: UUID | None, *, person: UUID | None, within: str | None, now: datetime
    ) -> Sequence[UUID]:
        """Cancel a sign-up: a person's own (None is whichever it is), a guest's by its id, or as who holds the session.

        Whoever waits longest gets the place in the same transaction, and is returned. Raises `UnknownTraining` and
        `TrainingRefused`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_SESSION, session_id)
            if row is None:
                raise UnknownTraining
            session = _session_of(row)
            if now > session.ends_at:
                raise TrainingRefused("too_late")
            if sign_up_id is None:
                phone_index = await connection.fetchval(PHONE_OF_PERSON, person)
                own = await connection.fetchrow(SELECT_OWN_SIGN_UP, session_id, person, phone_index)
                if own is None:
                    raise UnknownTraining
                await connection.execute(CANCEL_OWN_SIGN_UP, own["sign_up_id"], now)
            else:
                holds = person is not None and _holds(session, person, within)
                if not await connection.fetchval(CANCEL_SIGN_UP, sign_up_id, session_id, person, holds, now):
                    raise UnknownTraining
            moved_up = await connection.fetch(FILL, session_id)
        return [row["sign_up_id"] for row in moved_up]

    async def notice(self, sign_up_id: UUID) -> Notice | None:
        """Return whom to tell that he has a place now, and where; None where no phone is known."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_NOTICE, sign_up_id)
        if row is None:
            return None
        phone = self._open(row["sign_up_id"] if row["own_phone"] else row["person_id"], row, "phone")
        return Notice(phone, row["title_th"], row["title_en"], row["begins_at"]) if phone else None

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
            course = _course_of(row)
            domain.check_attendance(_session_of(row), now)
            if code is None or not hmac.compare_digest(code, self._code_of(row)):
                raise WrongCode
            phone_index: bytes | None
            if phone is not None:
                phone_index = self._index.of_phone(phone)
            else:
                phone_index = await connection.fetchval(PHONE_OF_PERSON, person)
            own = await connection.fetchrow(SELECT_OWN_SIGN_UP, session_id, person, phone_index)
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

    async def sign_ups(
        self, session_id: UUID, *, by: UUID, within: str | None, after: int, limit: int, now: datetime
    ) -> Sequence[Mapping[str, Any]]:
        """Return who comes to a session that is the caller's to hold, in order, with names; the reading is recorded."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(SELECT_SESSION, session_id)
            if row is None or not _holds(_session_of(row), by, within):
                raise UnknownTraining
            rows = await connection.fetch(PAGE_SIGN_UPS, session_id, after, limit)
            if rows:
                # A guest has no id of a person; the sign-up stands for him.
                read = [row["person_id"] or row["sign_up_id"] for row in rows]
                await connection.execute(RECORD_ACCESS, now, by, "training sign-ups", read)
        return [
            {
                "sign_up_id": row["sign_up_id"],
                "number": row["number"],
                "state": row["state"],
                "attended_at": row["attended_at"],
                "by_phone": row["by_phone"],
                "name": self._open(row["sign_up_id"] if row["own_name"] else row["person_id"], row),
            }
            for row in rows
        ]

    async def missing(self, person_id: UUID, role: Role, area: str, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Return the courses that are required of somebody and not completed, or not any more (`expired_at`)."""
        async with acquire(self._pool) as connection:
            return await missing_courses(connection, person_id, role, area, now=now)

    async def mine(
        self, person_id: UUID, *, now: datetime
    ) -> tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]:
        """Return somebody's coming sessions and completed courses."""
        async with acquire(self._pool) as connection:
            sign_ups = await connection.fetch(MY_SIGN_UPS, person_id, now)
            completions = await connection.fetch(MY_COMPLETIONS, person_id)
        return [dict(row) for row in sign_ups], [dict(row) for row in completions]

    async def count_trained(self, course: Course, area: str, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Count, one level below `area`, the approved persons whom a course concerns, and those who are trained."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(
                COUNT_TRAINED, course.course_id, now, list(course.required_for), area, min(len(area) + 2, 6)
            )
        return [dict(row) for row in rows]

    async def trained(
        self,
        course: Course,
        area: str,
        *,
        trained: bool,
        after: PersonCursor | None,
        limit: int,
        reader: UUID,
        now: datetime,
    ) -> Sequence[Mapping[str, Any]]:
        """Return the next persons whom a course concerns and who are trained or are not; the reading is recorded."""
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(
                PAGE_TRAINED,
                course.course_id,
                now,
                list(course.required_for),
                area,
                trained,
                *(after or before_all_of(area)),
                limit,
            )
            if rows:
                read = [row["person_id"] for row in rows]
                await connection.execute(RECORD_ACCESS, now, reader, "training list", read)
        return [
            {
                "person_id": row["person_id"],
                "area": row["area"],
                "role": row["role"],
                "registered_at": row["registered_at"],
                "name": self._open(row["person_id"], row),
            }
            for row in rows
        ]

    async def sweep(self, *, now: datetime) -> None:
        """Destroy the names and numbers of guests whose session is long over."""
        async with acquire(self._pool) as connection:
            await connection.execute(SWEEP_CONTACTS, now - KEEP_CONTACTS)

    def _code_of(self, row: asyncpg.Record) -> str:
        # Derived, not stored: who reads the table learns no code.
        return attendance_code(self._index.of("attendance-code", f"{row['session_id']}\0{row['code_number']}"))

    async def _write(self, connection: Connection, sign_up_id: UUID, fields: Mapping[str, str]) -> None:
        rows = []
        for field, text in fields.items():
            sealed = self._ring.seal(text.encode(), household=str(sign_up_id), field=field)
            rows.append((sign_up_id, field, *sealed))
        await connection.executemany(WRITE_FIELD, rows)

    def _open(self, bound_to: UUID, row: asyncpg.Record, field: str = "name") -> str | None:
        if row["ciphertext"] is None:
            return None
        sealed = Sealed(row["key_id"], row["wrapped_key"], row["ciphertext"])
        try:
            return self._ring.open_sealed(sealed, household=str(bound_to), field=field).decode()
        except SealBroken:
            # One damaged row shall not hide the others.
            _log.error("sealed_field_broken", of=str(bound_to), field=field, key=sealed.key_id)
            return None


def _holds(session: Session, by: UUID, within: str | None) -> bool:
    # The trainer may come from elsewhere; `within` is None for those whose role holds no sessions.
    return session.trainer == by or (within is not None and session.area.startswith(within))


def _course_of(row: asyncpg.Record) -> Course:
    return Course(
        course_id=row["course_id"],
        area=row["course_area"] if "course_area" in row else row["area"],
        title_th=row["title_th"],
        title_en=row["title_en"],
        audience=Audience(row["audience"]),
        required_for=tuple(Role(role) for role in row["required_for"]),
        validity_months=row["validity_months"],
        retired=row["retired_at"] is not None,
    )


def _session_of(row: asyncpg.Record) -> Session:
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
