"""Another phone for somebody who is registered: he signs in with it, is called on it, and was trained by it.

One transaction under the person's row. Every sign-in ends with it: whoever has the former phone, or found it, is out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.registration.store.people import LOCK_BY_ID, People, UnknownPerson, person_of
from services.registration.store.sealed_fields import open_field
from services.registration.store.sign_in import end_sign_ins
from shared.contracts.events import VolunteerStatus
from shared.postgres.pool import acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing

FORMER: Final = """
SELECT p.phone_index, s.key_id, s.wrapped_key, s.ciphertext
FROM person AS p LEFT JOIN sealed_field AS s ON s.person_id = p.person_id AND s.field = 'phone'
WHERE p.person_id = $1
"""

CHANGE: Final = "UPDATE person SET phone_index = $2, phone_confirmed_at = $3 WHERE person_id = $1"

# What was found by the former phone is found by the person from now on: whoever gets that number next was not trained.
# A place in a session that he has a second time, as a guest, stays the guest's.
KEEP_TRAININGS: Final = (
    """
UPDATE training_sign_up AS u
SET person_id = $1, phone_index = NULL
WHERE phone_index = $2
  AND (person_id = $1 OR NOT EXISTS (
      SELECT FROM training_sign_up AS o
      WHERE o.person_id = $1 AND o.session_id = u.session_id AND o.state <> 'cancelled'))
""",
    """
UPDATE training_completion SET person_id = coalesce(person_id, $1), phone_index = NULL WHERE phone_index = $2
""",
)


class PhoneTaken(Exception):
    """Somebody else is registered with this phone."""


async def change_phone(
    pool: asyncpg.Pool[asyncpg.Record],
    people: People,
    *,
    ring: KeyRing,
    index: BlindIndex,
    person_id: UUID,
    phone: str,
    now: datetime,
) -> str | None:
    """Give somebody who holds a role another phone, which was proven to be his; the former one, None where its seal is
    broken. Doing it again changes nothing. Raises `UnknownPerson` and `PhoneTaken`."""
    async with acquire(pool) as connection, connection.transaction():
        person = person_of(await connection.fetchrow(LOCK_BY_ID, person_id, ""))
        if person.status is not VolunteerStatus.APPROVED:
            raise UnknownPerson
        former = await connection.fetchrow(FORMER, person_id)
        assert former is not None  # noqa: S101 - its row is locked
        await end_sign_ins(connection, person_id, now=now)  # before the code that waits is found no more
        for statement in KEEP_TRAININGS:
            await connection.execute(statement, person_id, former["phone_index"])
        try:
            await connection.execute(CHANGE, person_id, index.of_phone(phone), now)
        except asyncpg.UniqueViolationError:
            raise PhoneTaken from None
        await people.write_sealed(connection, person_id, {"phone": phone})
        return open_field(ring, former, of=person_id, field="phone")
