"""Organisations and the group codes by which volunteers join them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from services.registration.codes import new_group_code
from services.registration.domain.people import Organisation
from shared.contracts.events import OrganisationKind
from shared.postgres.pool import Connection, acquire

INSERT_ORGANISATION = """
INSERT INTO organisation (organisation_id, name, kind, area, parent_id, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# ":" is the character after "9": the range holds exactly the codes that begin with the prefix, and an index serves it.
SELECT_ORGANISATION = """
SELECT organisation_id, name, kind, area, parent_id
FROM organisation
WHERE organisation_id = $1 AND area >= $2 AND area < $2 || ':'
"""

INSERT_GROUP_CODE = """
INSERT INTO group_code (code, organisation_id, expires_at, uses_left, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
RETURNING code
"""

REVOKE_GROUP_CODE = """
UPDATE group_code AS g
SET revoked_at = coalesce(g.revoked_at, $4)
FROM organisation AS o
WHERE g.code = $1 AND g.organisation_id = $2
  AND o.organisation_id = g.organisation_id AND o.area >= $3 AND o.area < $3 || ':'
RETURNING g.code
"""

# The row lock makes the count exact: of many who use the last place of a code at once, one gets it.
SPEND_GROUP_CODE = """
UPDATE group_code AS g
SET uses_left = g.uses_left - 1
FROM organisation AS o
WHERE g.code = $1 AND g.uses_left > 0 AND g.expires_at > $2 AND g.revoked_at IS NULL
  AND o.organisation_id = g.organisation_id
RETURNING o.organisation_id, o.name, o.kind, o.area, o.parent_id
"""


async def add_organisation(
    pool: asyncpg.Pool[asyncpg.Record], organisation: Organisation, *, by: UUID, now: datetime
) -> None:
    """Store a new organisation. Its parent must exist."""
    async with acquire(pool) as connection:
        await connection.execute(
            INSERT_ORGANISATION,
            organisation.organisation_id,
            organisation.name,
            organisation.kind,
            organisation.area,
            organisation.parent_id,
            now,
            by,
        )


async def find_organisation(
    pool: asyncpg.Pool[asyncpg.Record], organisation_id: UUID, *, within: str = ""
) -> Organisation | None:
    """Return the organisation if its area lies inside `within`."""
    async with acquire(pool) as connection:
        row = await connection.fetchrow(SELECT_ORGANISATION, organisation_id, within)
    return organisation_of(row) if row else None


async def add_group_code(
    pool: asyncpg.Pool[asyncpg.Record],
    organisation_id: UUID,
    *,
    expires_at: datetime,
    uses: int,
    by: UUID,
    now: datetime,
) -> str:
    """Make a code that opens `uses` sign-ups until `expires_at`."""
    async with acquire(pool) as connection:
        while True:  # a code that is taken already is one in tens of millions
            code = new_group_code()
            if await connection.fetchval(INSERT_GROUP_CODE, code, organisation_id, expires_at, uses, now, by):
                return code


async def revoke_group_code(
    pool: asyncpg.Pool[asyncpg.Record], code: str, organisation_id: UUID, *, within: str, now: datetime
) -> bool:
    """End a code of an organisation inside `within`. False if there is no such code."""
    async with acquire(pool) as connection:
        return await connection.fetchval(REVOKE_GROUP_CODE, code, organisation_id, within, now) is not None


async def spend_group_code(connection: Connection, code: str, *, now: datetime) -> Organisation | None:
    """Use one place of a code, in the caller's transaction. None if it is unknown, revoked, expired or used up."""
    row = await connection.fetchrow(SPEND_GROUP_CODE, code, now)
    return organisation_of(row) if row else None


def organisation_of(row: asyncpg.Record) -> Organisation:
    """Read an organisation from the columns that the statements of this module give."""
    return Organisation(
        row["organisation_id"], row["name"], OrganisationKind(row["kind"]), row["area"], row["parent_id"]
    )
