"""Erasing a person: what is readable or leads to him goes, ids and dates that figures need stay.

One transaction, under the person's row:

1. He withdraws, if he has not before: with the event that tells all services, and the end of his sign-ins.
2. Offices and contacts of organisations end; places at trainings are given to who waits for them.
3. Tickets that he raised lose their words and pictures, and are closed unless others' tickets follow them.
4. Everything found by his phone or name loses it: keyed hashes, codes, proofs, name tokens.
5. The sealed fields go, and with them the wrapped data keys: what is left of their bytes can never be opened.
6. A row says that he was erased, when and by whom, with the sealed reason of a written request.

A kill before the end leaves everything as it was; asked for again after it, the row is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from services.registration.domain import sign_ups
from services.registration.domain.people import Authority, Person, Refused
from services.registration.domain.sign_ups import Step
from services.registration.store.people import LOCK_BY_ID, People, person_of
from services.registration.store.sealed_fields import open_field
from services.registration.store.sign_in import end_sign_ins
from services.registration.store.trainings.sessions import LOCK_SESSION, fill
from shared.contracts.events import Role, VolunteerStatus
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.citizens import citizen_of
from shared.security.sealing import KeyRing

REASON_KEPT: Final = timedelta(days=365)
"""As requests about the survey's data: after that nobody asks why any more."""
REASON: Final = "erasure"
"""The name under which the reason is sealed."""

ERASED: Final = "SELECT erased_at, erased_by FROM person_erasure WHERE person_id = $1"

# Of the last two administrators who erase themselves at once the second finds that he is the last.
LOCK_ADMINISTRATORS: Final = "SELECT pg_advisory_xact_lock(7231004)"
OTHER_ADMINISTRATOR: Final = """
SELECT true FROM person
WHERE role = 'central_administrator' AND status = 'approved' AND person_id <> $1
LIMIT 1
"""

PHONE: Final = """
SELECT p.phone_index, s.key_id, s.wrapped_key, s.ciphertext
FROM person AS p LEFT JOIN sealed_field AS s ON s.person_id = p.person_id AND s.field = 'phone'
WHERE p.person_id = $1
"""

# $1: the person; $2: now; $3: who erases.
END_OFFICES: Final = (
    "UPDATE appointment SET ended_at = $2, ended_by = $3 WHERE person_id = $1 AND ended_at IS NULL",
    """
UPDATE organisation_contact SET valid_to = greatest($2, valid_from), ended_by = $3
WHERE person_id = $1 AND (valid_to IS NULL OR valid_to > $2)
""",
)

COMING_SESSIONS: Final = """
SELECT u.session_id
FROM training_sign_up AS u JOIN training_session AS s USING (session_id)
WHERE (u.person_id = $1 OR u.phone_index = $2) AND u.state <> 'cancelled' AND u.attended_at IS NULL AND s.ends_at > $3
ORDER BY u.session_id
"""
CANCEL_SIGN_UPS: Final = """
UPDATE training_sign_up SET state = 'cancelled', cancelled_at = $4
WHERE session_id = $1 AND (person_id = $2 OR phone_index = $3) AND state <> 'cancelled' AND attended_at IS NULL
"""

# A ticket that others follow before its followers, as all who change tickets do.
LOCK_TICKETS: Final = """
SELECT problem_id FROM problem WHERE raised_by = $1 ORDER BY merged_into IS NOT NULL, problem_id FOR UPDATE
"""
CLOSE_TICKETS: Final = """
WITH closed AS (
    UPDATE problem AS p
    SET state = 'closed', due_at = NULL, settled_at = $2, revision = p.revision + 1
    WHERE p.raised_by = $1 AND p.state <> 'closed' AND p.merged_into IS NULL
      AND NOT EXISTS (SELECT FROM problem AS f WHERE f.merged_into = p.problem_id)
    RETURNING p.problem_id, p.revision, p.level, p.state
)
INSERT INTO problem_step (problem_id, revision, kind, level, state, at, done_by)
SELECT problem_id, revision, 'closed', level, state, $2, $3 FROM closed
"""
# Of a ticket that others follow, answers stay: they are read by all who follow it. What he wrote himself goes.
DESTROY_WORDS: Final = """
DELETE FROM problem_field AS w
USING problem AS p
WHERE p.problem_id = w.problem_id AND p.raised_by = $1
  AND (
      w.field NOT LIKE 'note.%'
      OR NOT EXISTS (SELECT FROM problem AS f WHERE f.merged_into = p.problem_id)
      OR EXISTS (
          SELECT FROM problem_step AS s
          WHERE s.problem_id = p.problem_id AND w.field = 'note.' || s.revision AND s.done_by = $1
      )
  )
"""
DESTROY_PICTURES: Final = """
DELETE FROM problem_attachment AS a USING problem AS p WHERE p.problem_id = a.problem_id AND p.raised_by = $1
"""
# Which titles are alike is told by the sketches too.
DROP_SKETCHES: Final = "UPDATE problem SET sketch = '{}' WHERE raised_by = $1"

# $1: the person; $2: the phone's keyed hash, null for who was found without one.
FORGET_BY_PHONE: Final = (
    """
DELETE FROM training_sign_up_field AS f USING training_sign_up AS u
WHERE u.sign_up_id = f.sign_up_id AND (u.person_id = $1 OR u.phone_index = $2)
""",
    """
UPDATE training_sign_up SET person_id = coalesce(person_id, $1), phone_index = NULL
WHERE person_id = $1 OR phone_index = $2
""",
    """
UPDATE training_completion SET person_id = coalesce(person_id, $1), phone_index = NULL
WHERE person_id = $1 OR phone_index = $2
""",
)
FORGET_HELP: Final = "DELETE FROM registration_help WHERE phone_index = $1"
FORGET_PROOFS: Final = "DELETE FROM phone_proof WHERE subject = $1"

FORGET_PERSON: Final = (
    "DELETE FROM sealed_field WHERE person_id = $1",
    "DELETE FROM sign_up_code WHERE person_id = $1",
    "DELETE FROM refresh_family WHERE person_id = $1",
    "DELETE FROM active_day WHERE person_id = $1",
    """
UPDATE person
SET phone_index = NULL, national_id_index = NULL, name_tokens = '{}', group_code = NULL, phone_confirmed_at = NULL
WHERE person_id = $1
""",
)

RECORD: Final = """
INSERT INTO person_erasure (person_id, erased_at, erased_by, key_id, wrapped_key, ciphertext)
VALUES ($1, $2, $3, $4, $5, $6)
"""

FIND: Final = """
SELECT erased_at, erased_by, key_id, wrapped_key, ciphertext FROM person_erasure WHERE person_id = $1
"""

SWEEP_REASONS: Final = """
UPDATE person_erasure SET key_id = NULL, wrapped_key = NULL, ciphertext = NULL
WHERE erased_at <= $1 AND wrapped_key IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Erased:
    """That a person was erased. moved_up: sign-ups for trainings that got his places, to be told so."""

    person_id: UUID
    erased_at: datetime
    moved_up: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Who erased somebody and when. reason: of a written request, for a year; None for who erased himself."""

    erased_at: datetime
    erased_by: UUID
    reason: str | None


class Erasures:
    """Erases persons of the registration database; `ring` and `index` open and find what is to go."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], people: People, ring: KeyRing, index: BlindIndex) -> None:
        self._pool = pool
        self._people = people
        self._ring = ring
        self._index = index

    async def erase(
        self,
        person_id: UUID,
        *,
        by: UUID,
        now: datetime,
        authority: Authority | None = None,
        reason: str | None = None,
    ) -> Erased:
        """Erase a person: himself (no authority), or at his written request inside the area of `authority`.

        Whoever has been erased stays so, and is answered as the first time. Raises `UnknownPerson`, and `Refused` also
        with "last_administrator" for the only central administrator, after whom nobody could appoint another, and with
        "suspended" for who erases himself while he is.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            person = person_of(await connection.fetchrow(LOCK_BY_ID, person_id, authority.area if authority else ""))
            known = await connection.fetchrow(ERASED, person_id)
            if known is not None:
                return Erased(person_id, known["erased_at"])
            # Who has withdrawn holds no role any more, and is nobody's superior.
            gone = person.status is VolunteerStatus.WITHDRAWN
            withdrawn = person if gone else sign_ups.withdraw(person, authority)
            await _not_the_last(connection, person)
            if withdrawn.revision != person.revision:
                await self._people.write_change(connection, person, withdrawn, Step.ERASURE, by, now)
            await end_sign_ins(connection, person_id, now=now)
            for statement in END_OFFICES:
                await connection.execute(statement, person_id, now, by)
            moved_up = await self._forget(connection, person_id, by, now)
            sealed = (
                (None, None, None)
                if reason is None
                else self._ring.seal(reason.encode(), household=str(person_id), field=REASON)
            )
            await connection.execute(RECORD, person_id, now, by, *sealed)
        return Erased(person_id, now, moved_up)

    async def find(self, person_id: UUID) -> Record | None:
        """Return who erased somebody, when, and why; None of nobody who was."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(FIND, person_id)
        if row is None:
            return None
        return Record(row["erased_at"], row["erased_by"], open_field(self._ring, row, of=person_id, field=REASON))

    async def sweep(self, *, now: datetime) -> None:
        """Destroy the reasons of long ago."""
        async with acquire(self._pool) as connection:
            await connection.execute(SWEEP_REASONS, now - REASON_KEPT)

    async def _forget(self, connection: Connection, person_id: UUID, by: UUID, now: datetime) -> list[UUID]:
        found = await connection.fetchrow(PHONE, person_id)
        assert found is not None  # noqa: S101 - its row is locked
        phone_index = found["phone_index"]
        moved_up = await _give_places_up(connection, person_id, phone_index, now)
        await connection.execute(LOCK_TICKETS, person_id)
        await connection.execute(CLOSE_TICKETS, person_id, now, by)
        for statement in (DESTROY_WORDS, DESTROY_PICTURES, DROP_SKETCHES):
            await connection.execute(statement, person_id)
        for statement in FORGET_BY_PHONE:
            await connection.execute(statement, person_id, phone_index)
        await connection.execute(FORGET_HELP, phone_index)
        phone = open_field(self._ring, found, of=person_id, field="phone")
        if phone is not None:
            await connection.execute(FORGET_PROOFS, citizen_of(self._index, phone))
        for statement in FORGET_PERSON:
            await connection.execute(statement, person_id)
        return moved_up


async def _not_the_last(connection: Connection, person: Person) -> None:
    if person.role is not Role.CENTRAL_ADMINISTRATOR or person.status is not VolunteerStatus.APPROVED:
        return
    await connection.execute(LOCK_ADMINISTRATORS)
    if not await connection.fetchval(OTHER_ADMINISTRATOR, person.person_id):
        raise Refused("last_administrator")


async def _give_places_up(
    connection: Connection, person_id: UUID, phone_index: bytes | None, now: datetime
) -> list[UUID]:
    moved_up: list[UUID] = []
    for row in await connection.fetch(COMING_SESSIONS, person_id, phone_index, now):
        await connection.execute(LOCK_SESSION, row["session_id"])
        await connection.execute(CANCEL_SIGN_UPS, row["session_id"], person_id, phone_index, now)
        moved_up += await fill(connection, row["session_id"])
    return moved_up
