"""Persons: sign-up, decisions, appointments, counts. Every change writes its event in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import people as domain
from services.registration.domain import sign_ups
from services.registration.domain.people import Authority, Organisation, Person, Refused
from services.registration.domain.sign_ups import Step
from services.registration.name_index import tokens_of_name
from services.registration.privacy.notices import Shown
from services.registration.store.organisations import spend_group_code
from services.registration.store.proofs import Proof, write_proof
from services.registration.store.sealed_fields import opened, seal_fields
from services.registration.store.sign_in import end_sign_ins
from services.registration.store.training_duty import check_new_trained, check_trained
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.postgres import outbox
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing

# All that a new person leaves, in one statement: at 200 sign-ups a second each further one is felt. Nothing of it is
# written where the phone or national id is known.
INSERT_PERSON = """
WITH added AS (
    INSERT INTO person
        (person_id, organisation_id, area, role, status, phone_index, national_id_index, registered_at, revision,
         name_tokens, group_code, assisted_by, waiting_since, notice, notice_shown,
         national_id_shared)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $8, $23, $24, $25)
    ON CONFLICT DO NOTHING
    RETURNING person_id
), sealed AS (
    INSERT INTO sealed_field (person_id, field, key_id, wrapped_key, ciphertext)
    SELECT a.person_id, f.field, f.key_id, f.wrapped_key, f.ciphertext
    FROM added AS a, unnest($13::text[], $14::text[], $15::bytea[], $16::bytea[])
         AS f (field, key_id, wrapped_key, ciphertext)
), told AS (
    INSERT INTO outbox (topic, partition, key, event_id, event_time, body)
    SELECT $17::text, $18::integer, a.person_id::text, $19::uuid, $8::timestamptz, $20::bytea FROM added AS a
), proof AS (
    INSERT INTO sign_up_code (person_id, code_hash, expires_at)
    SELECT a.person_id, $21::bytea, $22::timestamptz FROM added AS a WHERE $21 IS NOT NULL
)
SELECT person_id FROM added
"""

UPDATE_PERSON = """
UPDATE person
SET organisation_id = $2, area = $3, role = $4, status = $5, revision = $6,
    refused_at = CASE WHEN $7 THEN $8 ELSE refused_at END
WHERE person_id = $1
"""

# Whoever signs up again is found by the new name, and has to prove the phone and wait once more.
RENEW_PERSON = """
UPDATE person
SET name_tokens = $2, group_code = $3, waiting_since = $4, assisted_by = NULL, phone_confirmed_at = NULL,
    national_id_index = coalesce($5, national_id_index), notice = $6, notice_shown = $7,
    national_id_shared = $8
WHERE person_id = $1
"""

RENAME_PERSON = "UPDATE person SET name_tokens = $2 WHERE person_id = $1"

NATIONAL_ID_OF_ANOTHER = "SELECT true FROM person WHERE national_id_index = $1 AND person_id <> $2"

INSERT_DECISION = """
INSERT INTO decision (person_id, revision, status, role, area, decided_by, decided_at, step, organisation_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

# Whoever is transferred takes the role along: what was held in the old area ends, and the same is held in the new one
# until the same last day, so that the new area's administrators see it and may end it, and the old one's may not.
MOVE_HELD = """
WITH ended AS (
    UPDATE appointment SET ended_by = $4, ended_at = $5
    WHERE person_id = $1 AND begun_at IS NOT NULL AND ended_at IS NULL
    RETURNING role, to_day
)
INSERT INTO appointment
    (appointment_id, person_id, role, area, organisation_id, from_day, to_day, appointed_by, appointed_at, begun_at)
SELECT gen_random_uuid(), $1, role, $2, $3, least(($5 AT TIME ZONE 'Asia/Bangkok')::date, to_day), to_day, $4, $5, $5
FROM ended
"""

# Whoever withdraws, in whatever way, holds no role any more; what is awaited is judged on its first day.
END_HELD = """
UPDATE appointment SET ended_by = $2, ended_at = $3
WHERE person_id = $1 AND begun_at IS NOT NULL AND ended_at IS NULL
"""

WRITE_SEALED = """
INSERT INTO sealed_field (person_id, field, key_id, wrapped_key, ciphertext)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, field) DO UPDATE
SET key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext
"""

# The person is locked before the organisation is looked up: joined first, a row whose organisation was changed by the
# transaction that was waited for would not be found at all.
LOCK_BY_ID = """
WITH p AS MATERIALIZED (
    SELECT * FROM person WHERE person_id = $1 AND area >= $2 AND area < $2 || ':' FOR UPDATE
)
SELECT p.person_id, p.organisation_id, o.kind, p.area, p.role, p.status, p.registered_at, p.revision
FROM p JOIN organisation AS o USING (organisation_id)
"""

LOCK_BY_PHONE = """
WITH p AS MATERIALIZED (
    SELECT * FROM person WHERE phone_index = $1 FOR UPDATE
)
SELECT p.person_id, p.organisation_id, o.kind, p.area, p.role, p.status, p.registered_at, p.revision
FROM p JOIN organisation AS o USING (organisation_id)
"""

# Registered by an appointment whose first day has not come: neither to be approved before it nor to be suspended.
WAITS_FOR_FIRST_DAY = """
SELECT true
FROM appointment
WHERE person_id = $1 AND appointed_at = $2 AND begun_at IS NULL AND ended_at IS NULL
"""

RECORD_ACCESS = """
INSERT INTO personal_data_access (read_at, reader, purpose, persons) VALUES ($1, $2, $3, $4)
"""

COUNTS = """
SELECT p.area, o.kind AS organisation_kind, p.status, count(*) AS volunteers
FROM person AS p JOIN organisation AS o USING (organisation_id)
WHERE p.area >= $1 AND p.area < $1 || ':'
GROUP BY p.area, o.kind, p.status
ORDER BY p.area, o.kind, p.status
"""


class UnknownGroupCode(Exception):
    """The code does not exist, was revoked, has expired or is used up: who asks is not told which."""


class UnknownPerson(Exception):
    """There is no such person in the caller's area."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What a person is found and called by. The indexes and tokens are blind; name and phone are sealed before they are
    stored."""

    name: str
    phone: str
    phone_index: bytes
    national_id_index: bytes | None
    name_tokens: Sequence[int]

    @classmethod
    def of(cls, index: BlindIndex, name: str, phone: str, national_id: str | None = None) -> Contact:
        """Make the indexes and tokens of a name and of numbers that were checked."""
        return cls(
            name,
            phone,
            index.of_phone(phone),
            index.of_national_id(national_id) if national_id else None,
            tokens_of_name(index, name),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """Which version of the privacy notice somebody was shown, and how."""

    version: str
    shown: Shown


class People:
    """The persons of the registration database, their names and numbers sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, *, training_required: bool = False) -> None:
        self._pool = pool
        self._ring = ring
        self._training_required = training_required

    async def sign_up(
        self,
        contact: Contact,
        *,
        group_code: str,
        area: str,
        now: datetime,
        proof: Proof,
        told: Told | None = None,
    ) -> Person | None:
        """Register a volunteer through a group code; `proof` is what will confirm the phone.

        None means that somebody with this phone is registered already; nothing is changed then, but the place of the
        code is spent all the same, or its count would tell strangers who is registered. Somebody whose national id
        alone is known is registered without it: the message to his own phone would tell him whose it is otherwise, and
        who decides is told.
        Raises `UnknownGroupCode` and `domain.Refused`; both leave the code's count as it was.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            organisation = await spend_group_code(connection, group_code, now=now)
            if organisation is None:
                raise UnknownGroupCode
            person = domain.sign_up(uuid4(), organisation, area, now)
            if await self.add(connection, person, contact, group_code=group_code, proof=proof, told=told):
                return person
            row = await connection.fetchrow(LOCK_BY_PHONE, contact.phone_index)
            if row is not None:
                before = person_of(row)
                return await self._renew(connection, before, contact, organisation, area, group_code, now, proof, told)
            unnumbered = replace(contact, national_id_index=None)
            added = await self.add(
                connection, person, unnumbered, group_code=group_code, proof=proof, told=told, national_id_shared=True
            )
            return person if added else None

    async def assist(
        self,
        contact: Contact,
        *,
        organisation: Organisation,
        area: str,
        authority: Authority,
        by: UUID,
        now: datetime,
        approved: bool,
        proof: Proof,
        told: Told | None = None,
    ) -> Person | None:
        """Sign somebody up on his behalf. None if the phone or national id is registered; raises `domain.Refused`."""
        person = sign_ups.assist(uuid4(), organisation, area, authority, now, approved=approved)
        async with acquire(self._pool) as connection, connection.transaction():
            if not await self.add(connection, person, contact, assisted_by=by, proof=proof, told=told):
                return None
            if approved and self._training_required:
                await check_new_trained(connection, person, now=now)
            await self.record_decision(connection, person, Step.ASSISTED_SIGN_UP, by, now)
            return person

    async def change(
        self,
        person_id: UUID,
        rule: Callable[[Person], Person],
        *,
        step: Step,
        within: str,
        by: UUID,
        now: datetime,
        reason: str | None = None,
        seen: int | None = None,
    ) -> Person:
        """Change a person inside `within` as `rule` says, and note who took which step and why.

        seen: the revision that whoever decides was shown; None, who takes things as they are. Nothing is refused to
        somebody who wants what stands already. Raises `UnknownPerson` and `domain.Refused`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_BY_ID, person_id, within)
            if row is None:
                raise UnknownPerson
            before = person_of(row)
            if await connection.fetchval(WAITS_FOR_FIRST_DAY, person_id, before.registered_at):
                raise Refused("not_begun", before)
            after = rule(before)
            if after.revision != before.revision:
                if seen is not None and seen != before.revision:
                    raise Refused("changed", before)
                if self._training_required:
                    await check_trained(connection, before, after, now=now)
                await self.write_change(connection, before, after, step, by, now)
                if reason is not None:
                    await self.write_sealed(connection, person_id, {f"reason.{after.revision}": reason})
            return after

    async def rename(self, index: BlindIndex, person_id: UUID, name: str) -> None:
        """Call somebody who holds a role by another name, at his own wish. Raises `UnknownPerson`."""
        async with acquire(self._pool) as connection, connection.transaction():
            person = person_of(await connection.fetchrow(LOCK_BY_ID, person_id, ""))
            if person.status is not VolunteerStatus.APPROVED:
                raise UnknownPerson
            await self._write_name(connection, person_id, name, tokens_of_name(index, name))

    async def counts(self, area: str) -> Sequence[Mapping[str, Any]]:
        """Count the persons of `area` by area, kind of organisation and status."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(COUNTS, area)]

    async def add(
        self,
        connection: Connection,
        person: Person,
        contact: Contact,
        *,
        group_code: str | None = None,
        assisted_by: UUID | None = None,
        proof: Proof | None = None,
        told: Told | None = None,
        national_id_shared: bool = False,
    ) -> bool:
        """Register a person, in the caller's transaction. False if the phone or national id is registered already."""
        fields = seal_fields(self._ring, person.person_id, {"name": contact.name, "phone": contact.phone})
        key = str(person.person_id)
        added = await connection.fetchval(
            INSERT_PERSON,
            person.person_id,
            person.organisation_id,
            person.area,
            person.role,
            person.status,
            contact.phone_index,
            contact.national_id_index,
            person.registered_at,
            person.revision,
            contact.name_tokens,
            group_code,
            assisted_by,
            *zip(*(field[1:] for field in fields), strict=True),
            VOLUNTEER_REGISTERED.name,
            VOLUNTEER_REGISTERED.partition_of(key),
            uuid4(),
            domain.event_of(None, person).model_dump_json().encode(),
            proof.code_hash(person.person_id) if proof else None,
            proof.expires_at if proof else None,
            told.version if told else None,
            told.shown if told else None,
            national_id_shared,
        )
        return added is not None

    async def _renew(
        self,
        connection: Connection,
        before: Person,
        contact: Contact,
        organisation: Organisation,
        area: str,
        group_code: str,
        now: datetime,
        proof: Proof,
        told: Told | None,
    ) -> Person | None:
        after = sign_ups.sign_up_again(before, organisation, area)
        if after is None:
            return None
        shared = bool(await connection.fetchval(NATIONAL_ID_OF_ANOTHER, contact.national_id_index, before.person_id))
        await self._update(connection, before, after, now)
        await connection.execute(
            RENEW_PERSON,
            after.person_id,
            contact.name_tokens,
            group_code,
            now,
            None if shared else contact.national_id_index,
            told.version if told else None,
            told.shown if told else None,
            shared,
        )
        await self.write_sealed(connection, after.person_id, {"name": contact.name})
        await write_proof(connection, after.person_id, proof)
        return after

    async def write_change(
        self, connection: Connection, before: Person, after: Person, step: Step, by: UUID, now: datetime
    ) -> None:
        """Write a person's next revision with its event, in the transaction that holds the person's row."""
        await self._update(connection, before, after, now, refused=step is Step.REFUSAL)
        await self.record_decision(connection, after, step, by, now)
        if after.status is VolunteerStatus.WITHDRAWN:
            await connection.execute(END_HELD, after.person_id, by, now)
        if step is Step.TRANSFER:
            await connection.execute(MOVE_HELD, after.person_id, after.area, after.organisation_id, by, now)
        if after.status is not VolunteerStatus.APPROVED:
            await end_sign_ins(connection, after.person_id, now=now)

    async def _update(
        self, connection: Connection, before: Person, after: Person, now: datetime, *, refused: bool = False
    ) -> None:
        await connection.execute(
            UPDATE_PERSON,
            after.person_id,
            after.organisation_id,
            after.area,
            after.role,
            after.status,
            after.revision,
            refused,
            now,
        )
        await _announce(connection, before, after, now)

    async def record_decision(
        self, connection: Connection, person: Person, step: Step, by: UUID, now: datetime
    ) -> None:
        """Note who took the step that made the person's present revision."""
        await connection.execute(
            INSERT_DECISION,
            person.person_id,
            person.revision,
            person.status,
            person.role,
            person.area,
            by,
            now,
            step,
            person.organisation_id,
        )

    async def write_name(self, connection: Connection, person_id: UUID, contact: Contact) -> None:
        """Call a person by another name, in the caller's transaction."""
        await self._write_name(connection, person_id, contact.name, contact.name_tokens)

    async def _write_name(self, connection: Connection, person_id: UUID, name: str, tokens: Sequence[int]) -> None:
        await self.write_sealed(connection, person_id, {"name": name})
        await connection.execute(RENAME_PERSON, person_id, tokens)

    def opened(self, row: asyncpg.Record, column: str, field: str | None = None) -> str | None:
        """Open the column of a row, with its _key and _wrapped beside it; `field` is the field's name where another."""
        return opened(self._ring, row, column, field)

    async def write_sealed(self, connection: Connection, person_id: UUID, fields: Mapping[str, str]) -> None:
        """Seal texts about a person, instead of what these fields held before."""
        await connection.executemany(WRITE_SEALED, seal_fields(self._ring, person_id, fields))


async def _announce(connection: Connection, before: Person | None, after: Person, now: datetime) -> None:
    await outbox.append(
        connection,
        VOLUNTEER_REGISTERED,
        key=str(after.person_id),
        event=domain.event_of(before, after),
        event_id=uuid4(),
        time=now,
    )


def person_of(row: asyncpg.Record | None) -> Person:
    """Read a person from the columns that the statements of this package give. Raises `UnknownPerson` for None."""
    if row is None:
        raise UnknownPerson
    return Person(
        person_id=row["person_id"],
        organisation_id=row["organisation_id"],
        organisation_kind=OrganisationKind(row["kind"]),
        area=row["area"],
        role=Role(row["role"]),
        status=VolunteerStatus(row["status"]),
        registered_at=row["registered_at"],
        revision=row["revision"],
    )
