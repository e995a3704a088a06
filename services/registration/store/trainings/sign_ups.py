"""Who signs up for a session, waits for a place, and gives it up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import trainings as domain
from services.registration.domain.trainings import SignUpState, TrainingRefused
from services.registration.store.people import RECORD_ACCESS
from services.registration.store.sealed_fields import open_field, seal_fields
from services.registration.store.trainings.courses import UnknownTraining, course_of
from services.registration.store.trainings.sessions import LOCK_SESSION, SELECT_SESSION, fill, held_by, session_of
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing

KEEP_CONTACTS = timedelta(days=90)
"""Names and numbers of those without an account are there to reach them about a session: a quarter after it, for
certificates and questions, they are destroyed. That somebody came, and the keyed hash of the phone, stay."""

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

MY_SIGN_UPS = """
SELECT u.sign_up_id, u.session_id, u.state, u.attended_at, s.course_id, s.begins_at, s.ends_at
FROM training_sign_up AS u JOIN training_session AS s USING (session_id)
WHERE (u.person_id = $1 OR u.phone_index = (SELECT phone_index FROM person WHERE person_id = $1))
  AND u.state <> 'cancelled' AND s.ends_at >= $2 AND s.cancelled_at IS NULL
ORDER BY s.begins_at, u.sign_up_id
LIMIT 100
"""

SWEEP_CONTACTS = """
DELETE FROM training_sign_up_field AS f
USING training_sign_up AS u, training_session AS s
WHERE f.sign_up_id = u.sign_up_id AND s.session_id = u.session_id AND s.ends_at <= $1
"""


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


class SignUps:
    """The sign-ups of the registration database's sessions; names and numbers of guests sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, index: BlindIndex) -> None:
        self._pool = pool
        self._ring = ring
        self._index = index

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
            domain.check_sign_up(session_of(row), course_of(row), by_phone=person is None, now=now)
            phone_index: bytes | None
            if guest is not None:
                phone_index = self._index.of_phone(guest.phone)
                person = await connection.fetchval(PERSON_OF_PHONE, phone_index)
            else:
                phone_index = await phone_of(connection, person)
            known = await own_sign_up(connection, session_id, person, phone_index)
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
                contact = {"name": guest.name, "phone": guest.phone}
                await connection.executemany(WRITE_FIELD, seal_fields(self._ring, sign_up_id, contact))
            placed = await fill(connection, session_id)
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
            session = session_of(row)
            if now > session.ends_at:
                raise TrainingRefused("too_late")
            if sign_up_id is None:
                phone_index = await phone_of(connection, person)
                own = await own_sign_up(connection, session_id, person, phone_index)
                if own is None:
                    raise UnknownTraining
                await connection.execute(CANCEL_OWN_SIGN_UP, own["sign_up_id"], now)
            else:
                holds = person is not None and held_by(session, person, within)
                if not await connection.fetchval(CANCEL_SIGN_UP, sign_up_id, session_id, person, holds, now):
                    raise UnknownTraining
            return await fill(connection, session_id)

    async def notice(self, sign_up_id: UUID) -> Notice | None:
        """Return whom to tell that he has a place now, and where; None where no phone is known."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_NOTICE, sign_up_id)
        if row is None:
            return None
        of = row["sign_up_id"] if row["own_phone"] else row["person_id"]
        phone = open_field(self._ring, row, of=of, field="phone")
        return Notice(phone, row["title_th"], row["title_en"], row["begins_at"]) if phone else None

    async def page(
        self, session_id: UUID, *, by: UUID, within: str | None, after: int, limit: int, now: datetime
    ) -> Sequence[Mapping[str, Any]]:
        """Return who comes to a session that is the caller's to hold, in order, with names; the reading is recorded."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(SELECT_SESSION, session_id)
            if row is None or not held_by(session_of(row), by, within):
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
                "name": open_field(
                    self._ring, row, of=row["sign_up_id"] if row["own_name"] else row["person_id"], field="name"
                ),
            }
            for row in rows
        ]

    async def mine(self, person_id: UUID, *, now: datetime) -> Sequence[Mapping[str, Any]]:
        """Return somebody's coming sessions."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(MY_SIGN_UPS, person_id, now)]

    async def sweep(self, *, now: datetime) -> None:
        """Destroy the names and numbers of guests whose session is long over."""
        async with acquire(self._pool) as connection:
            await connection.execute(SWEEP_CONTACTS, now - KEEP_CONTACTS)


async def own_sign_up(
    connection: Connection, session_id: UUID, person: UUID | None, phone_index: bytes | None
) -> asyncpg.Record | None:
    """Return the sign-up of a person or of a phone."""
    return await connection.fetchrow(SELECT_OWN_SIGN_UP, session_id, person, phone_index)


async def phone_of(connection: Connection, person: UUID | None) -> bytes | None:
    """Return the keyed hash of a person's phone; None of nobody who is registered."""
    found: bytes | None = await connection.fetchval(PHONE_OF_PERSON, person)
    return found
