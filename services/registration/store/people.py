"""Persons: sign-up, decisions, appointments, lists. Every change writes its event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import people as domain
from services.registration.domain.people import Authority, Person
from services.registration.store.organisations import spend_group_code
from services.registration.store.sign_in import end_sign_ins
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.observability.logs import log
from shared.postgres import outbox
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing, SealBroken, Sealed

_log = log(__name__)

INSERT_PERSON = """
INSERT INTO person
    (person_id, organisation_id, area, role, status, phone_index, national_id_index, registered_at, revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT DO NOTHING
RETURNING person_id
"""

UPDATE_PERSON = """
UPDATE person
SET organisation_id = $2, area = $3, role = $4, status = $5, revision = $6
WHERE person_id = $1
"""

INSERT_DECISION = """
INSERT INTO decision (person_id, revision, status, role, area, decided_by, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
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

# One walk along the index person_by_area, from the cursor on. The first page begins before every area: a row comparison
# with nulls would find nothing.
PAGE = """
SELECT p.person_id, p.organisation_id, o.kind, p.area, p.role, p.status, p.registered_at, p.revision,
       n.key_id AS name_key, n.wrapped_key AS name_wrapped, n.ciphertext AS name,
       t.key_id AS phone_key, t.wrapped_key AS phone_wrapped, t.ciphertext AS phone
FROM person AS p
JOIN organisation AS o USING (organisation_id)
LEFT JOIN sealed_field AS n ON n.person_id = p.person_id AND n.field = 'name'
LEFT JOIN sealed_field AS t ON t.person_id = p.person_id AND t.field = 'phone'
WHERE p.area >= $1 AND p.area < $1 || ':'
  AND ($2::text IS NULL OR p.status = $2)
  AND (p.area, p.registered_at, p.person_id) > ($3, $4, $5)
ORDER BY p.area, p.registered_at, p.person_id
LIMIT $6
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

Cursor = tuple[str, datetime, UUID]
"""Area, time of registration and id of the last person of a page."""


class UnknownGroupCode(Exception):
    """The code does not exist, was revoked, has expired or is used up: who asks is not told which."""


class UnknownPerson(Exception):
    """There is no such person in the caller's area."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What a person is found and called by. The indexes are blind; name and phone are sealed before they are stored."""

    name: str
    phone: str
    phone_index: bytes
    national_id_index: bytes | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A person as a coordinator sees him. Name and phone are None once erased, or if they cannot be opened."""

    person: Person
    name: str | None
    phone: str | None


class People:
    """The persons of the registration database, their names and numbers sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def sign_up(self, contact: Contact, *, group_code: str, area: str, now: datetime) -> Person | None:
        """Register a volunteer through a group code.

        None means that somebody with this phone or national id is registered already; nothing is changed then, but the
        place of the code is spent all the same, or its count would tell strangers who is registered.
        Raises `UnknownGroupCode` and `domain.Refused`; both leave the code's count as it was.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            organisation = await spend_group_code(connection, group_code, now=now)
            if organisation is None:
                raise UnknownGroupCode
            person = domain.sign_up(uuid4(), organisation, area, now)
            return person if await self.add(connection, person, contact, now) else None

    async def decide(
        self,
        person_id: UUID,
        status: VolunteerStatus,
        *,
        authority: Authority,
        by: UUID,
        now: datetime,
        reason: str | None = None,
    ) -> Person:
        """Approve or suspend a person inside the authority's area. A suspension ends the person's sign-ins at once.

        Raises `UnknownPerson` and `domain.Refused`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_BY_ID, person_id, authority.area)
            before = person_of(row)
            if await connection.fetchval(WAITS_FOR_FIRST_DAY, person_id, before.registered_at):
                raise domain.Refused("not_begun")
            after = domain.decide(before, status, authority)
            if after.revision != before.revision:
                await self.change(connection, before, after, by, now)
                if reason is not None:
                    await self.write_sealed(connection, person_id, {f"reason.{after.revision}": reason})
            return after

    async def page(
        self,
        *,
        area: str,
        status: VolunteerStatus | None,
        after: Cursor | None,
        limit: int,
        reader: UUID,
        now: datetime,
    ) -> Sequence[Listed]:
        """Return the next persons of `area`, by area and time of registration, and record who has read them."""
        start = after or ("", datetime.min.replace(tzinfo=now.tzinfo), UUID(int=0))
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(PAGE, area, status, *start, limit)
            if rows:
                await connection.execute(
                    RECORD_ACCESS, now, reader, "volunteer list", [row["person_id"] for row in rows]
                )
        return [Listed(person_of(row), self.opened(row, "name"), self.opened(row, "phone")) for row in rows]

    async def counts(self, area: str) -> Sequence[Mapping[str, Any]]:
        """Count the persons of `area` by area, kind of organisation and status."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(COUNTS, area)]

    async def add(self, connection: Connection, person: Person, contact: Contact, now: datetime) -> bool:
        """Register a person, in the caller's transaction. False if the phone or national id is registered already."""
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
        )
        if added is None:
            return False
        await self.write_sealed(connection, person.person_id, {"name": contact.name, "phone": contact.phone})
        await _announce(connection, None, person, now)
        return True

    async def change(self, connection: Connection, before: Person, after: Person, by: UUID, now: datetime) -> None:
        """Write a person's next revision with its event, in the transaction that holds the person's row."""
        await connection.execute(
            UPDATE_PERSON,
            after.person_id,
            after.organisation_id,
            after.area,
            after.role,
            after.status,
            after.revision,
        )
        await self.record_decision(connection, after, by, now)
        if after.status is not VolunteerStatus.APPROVED:
            await end_sign_ins(connection, after.person_id, now=now)
        await _announce(connection, before, after, now)

    async def record_decision(self, connection: Connection, person: Person, by: UUID, now: datetime) -> None:
        """Note who decided the person's present revision."""
        await connection.execute(
            INSERT_DECISION, person.person_id, person.revision, person.status, person.role, person.area, by, now
        )

    async def write_sealed(self, connection: Connection, person_id: UUID, fields: Mapping[str, str]) -> None:
        """Seal texts about a person, instead of what these fields held before."""
        rows = []
        for field, text in fields.items():
            sealed = self._ring.seal(text.encode(), household=str(person_id), field=field)
            rows.append((person_id, field, sealed.key_id, sealed.wrapped_key, sealed.ciphertext))
        await connection.executemany(WRITE_SEALED, rows)

    def opened(self, row: asyncpg.Record, column: str, field: str | None = None) -> str | None:
        """Open the column of a row, with its _key and _wrapped beside it; `field` is the field's name where another."""
        if row[column] is None:
            return None
        sealed, field = Sealed(row[f"{column}_key"], row[f"{column}_wrapped"], row[column]), field or column
        try:
            return self._ring.open_sealed(sealed, household=str(row["person_id"]), field=field).decode()
        except SealBroken:
            # One damaged row shall not hide a whole area from its coordinator.
            _log.error("sealed_field_broken", person=str(row["person_id"]), field=field, key=sealed.key_id)
            return None


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
    """Make a person of a row. Raises `UnknownPerson` where there is none."""
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
