"""Contacts of organisations: persons who act for one, whatever their role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from services.registration.domain.people import Organisation
from services.registration.store.organisations import organisation_of
from services.registration.store.people import RECORD_ACCESS
from services.registration.store.sealed_fields import opened
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

# Only while the person is approved and still of this organisation: a suspension or transfer ends it without a word.
ORGANISATION_OF_CONTACT = """
SELECT o.organisation_id, o.name, o.kind, o.area, o.parent_id
FROM organisation_contact AS c
JOIN person AS p ON p.person_id = c.person_id AND p.organisation_id = c.organisation_id AND p.status = 'approved'
JOIN organisation AS o ON o.organisation_id = c.organisation_id
WHERE c.organisation_id = $1 AND c.person_id = $2 AND c.valid_from <= $3 AND (c.valid_to IS NULL OR c.valid_to > $3)
LIMIT 1
"""

# The person's row is locked: of two appointments at once the second finds the first one's row.
LOCK_CANDIDATE = """
SELECT true FROM person WHERE person_id = $1 AND organisation_id = $2 AND status = 'approved' FOR UPDATE
"""

PRESENT_CONTACT = """
SELECT valid_from FROM organisation_contact
WHERE organisation_id = $1 AND person_id = $2 AND (valid_to IS NULL OR valid_to > $3)
LIMIT 1
"""

ADD_CONTACT = """
INSERT INTO organisation_contact (organisation_id, person_id, valid_from, valid_to, appointed_by)
VALUES ($1, $2, $3, $4, $5)
"""

PROLONG_CONTACT = """
UPDATE organisation_contact SET valid_to = $4, appointed_by = $5
WHERE organisation_id = $1 AND person_id = $2 AND (valid_to IS NULL OR valid_to > $3)
"""

END_CONTACT = """
UPDATE organisation_contact SET valid_to = $3, ended_by = $4
WHERE organisation_id = $1 AND person_id = $2 AND (valid_to IS NULL OR valid_to > $3)
RETURNING true
"""

CONTACTS = """
SELECT c.person_id, c.valid_from, c.valid_to, c.appointed_by,
       p.organisation_id = c.organisation_id AND p.status = 'approved' AS acts,
       n.key_id AS name_key, n.wrapped_key AS name_wrapped, n.ciphertext AS name
FROM organisation_contact AS c
JOIN person AS p USING (person_id)
LEFT JOIN sealed_field AS n ON n.person_id = c.person_id AND n.field = 'name'
WHERE c.organisation_id = $1 AND (c.valid_to IS NULL OR c.valid_to > $2)
ORDER BY c.valid_from DESC, c.person_id
LIMIT $3
"""


async def organisation_of_contact(
    pool: asyncpg.Pool[asyncpg.Record], organisation_id: UUID, subject: UUID, *, now: datetime
) -> Organisation | None:
    """Return the organisation if `subject` acts for it now."""
    async with acquire(pool) as connection:
        row = await connection.fetchrow(ORGANISATION_OF_CONTACT, organisation_id, subject, now)
    return organisation_of(row) if row else None


async def appoint_contact(
    pool: asyncpg.Pool[asyncpg.Record],
    organisation_id: UUID,
    person_id: UUID,
    *,
    until: datetime | None,
    by: UUID,
    now: datetime,
) -> bool:
    """Let an approved person of the organisation act for it; who does already gets the new end. False if there is no
    such person in the organisation."""
    async with acquire(pool) as connection, connection.transaction():
        if not await connection.fetchval(LOCK_CANDIDATE, person_id, organisation_id):
            return False
        if await connection.fetchval(PRESENT_CONTACT, organisation_id, person_id, now):
            await connection.execute(PROLONG_CONTACT, organisation_id, person_id, now, until, by)
        else:
            await connection.execute(ADD_CONTACT, organisation_id, person_id, now, until, by)
        return True


async def end_contact(
    pool: asyncpg.Pool[asyncpg.Record], organisation_id: UUID, person_id: UUID, *, by: UUID, now: datetime
) -> bool:
    """End it. False if the person is no contact of the organisation."""
    async with acquire(pool) as connection:
        return bool(await connection.fetchval(END_CONTACT, organisation_id, person_id, now, by))


async def list_contacts(
    pool: asyncpg.Pool[asyncpg.Record],
    ring: KeyRing,
    organisation_id: UUID,
    *,
    limit: int,
    reader: UUID,
    now: datetime,
) -> Sequence[tuple[asyncpg.Record, str | None]]:
    """Return the present contacts (the columns of `CONTACTS`) with their names, and record who has read them."""
    async with acquire(pool) as connection, connection.transaction():
        rows = await connection.fetch(CONTACTS, organisation_id, now, limit)
        if rows:
            people = [row["person_id"] for row in rows]
            await connection.execute(RECORD_ACCESS, now, reader, "organisation contacts", people)
    return [(row, opened(ring, row, "name")) for row in rows]
