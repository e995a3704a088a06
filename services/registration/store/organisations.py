"""Organisations, their place among others, and the group codes by which volunteers join them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.codes import new_group_code
from services.registration.domain.organisations import DEEPEST, Unfit, check_parent
from services.registration.domain.people import Organisation
from shared.contracts.events import OrganisationKind
from shared.postgres.pool import Connection, acquire

_RUN = 3
"""Characters of the runs that search_runs() makes of a name."""

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
INSERT INTO group_code (code, organisation_id, expires_at, uses, uses_left, created_at, created_by)
VALUES ($1, $2, $3, $4, $4, $5, $6)
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

# The whole register is small; whoever changes who belongs to whom waits for others who do, so that no two changes, each
# of them right, make a circle together.
LOCK_PARENTS = "SELECT pg_advisory_xact_lock(7231002)"

# An organisation and all above it, the nearest first.
ABOVE = """
WITH RECURSIVE above AS (
    SELECT organisation_id, name, kind, area, parent_id, 1 AS depth FROM organisation WHERE organisation_id = $1
    UNION ALL
    SELECT o.organisation_id, o.name, o.kind, o.area, o.parent_id, a.depth + 1
    FROM above AS a JOIN organisation AS o ON o.organisation_id = a.parent_id
    WHERE a.depth < $2
)
SELECT organisation_id, name, kind, area, parent_id FROM above ORDER BY depth
"""

UPDATE_ORGANISATION = "UPDATE organisation SET name = $2, parent_id = $3 WHERE organisation_id = $1"

ORGANISATIONS = """
SELECT organisation_id, name, kind, area, parent_id, search_name
FROM organisation
WHERE area >= $1 AND area < $1 || ':' AND (search_name, organisation_id) > ($2, $3) {conditions}
ORDER BY search_name, organisation_id
LIMIT $4
"""

SPELLING = "SELECT search_spelling($1)"

# Which index serves best depends on the area and the name that are asked for: a plan made for any of them would not do.
PLAN_EACH_TIME = "SET LOCAL plan_cache_mode = force_custom_plan"

BY_STATUS = "SELECT status, count(*) AS volunteers FROM person WHERE organisation_id = $1 GROUP BY status"

CODES_ALIVE = """
SELECT count(*) FROM group_code
WHERE organisation_id = $1 AND revoked_at IS NULL AND uses_left > 0 AND expires_at > $2
"""

GROUP_CODES = """
SELECT code, expires_at, uses, uses_left, uses - uses_left AS used, revoked_at, created_at
FROM group_code
WHERE organisation_id = $1 AND (created_at, code) < ($2, $3)
ORDER BY created_at DESC, code DESC
LIMIT $4
"""

NameCursor = tuple[str, UUID]
"""Spelling for searches and id of the last organisation of a page."""
CodeCursor = tuple[datetime, str]
"""When the last code of a page was made, and the code."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Which organisations are asked for: all conditions that are set hold. `name` is looked for anywhere in names; of
    one or two characters, at their beginning."""

    area: str
    kind: OrganisationKind | None = None
    name: str | None = None
    parent: UUID | None = None


async def add_organisation(
    pool: asyncpg.Pool[asyncpg.Record], organisation: Organisation, *, by: UUID, now: datetime
) -> None:
    """Store a new organisation. Raises `Unfit` for a parent that does not exist or that it cannot belong to."""
    async with acquire(pool) as connection, connection.transaction():
        if organisation.parent_id is not None:  # nobody stands below it yet: it makes no circle
            await _check_parent(connection, organisation, organisation.parent_id)
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


async def change_organisation(
    pool: asyncpg.Pool[asyncpg.Record],
    organisation_id: UUID,
    *,
    within: str,
    name: str | None,
    parent: UUID | None,
    change_parent: bool,
) -> Organisation | None:
    """Rename an organisation inside `within`, and with `change_parent` let it belong to `parent` (None: to nobody).

    None if there is no such organisation. Raises `Unfit`.
    """
    async with acquire(pool) as connection, connection.transaction():
        if change_parent:  # before the row: who holds the row and waits here would wait for who waits for the row
            await connection.execute(LOCK_PARENTS)
        row = await connection.fetchrow(SELECT_ORGANISATION + "FOR NO KEY UPDATE", organisation_id, within)
        if row is None:
            return None
        before = organisation_of(row)
        after = replace(before, name=name or before.name, parent_id=parent if change_parent else before.parent_id)
        if after.parent_id != before.parent_id and after.parent_id is not None:
            await _check_parent(connection, after, after.parent_id)
        if after != before:
            await connection.execute(UPDATE_ORGANISATION, organisation_id, after.name, after.parent_id)
        return after


async def _check_parent(connection: Connection, organisation: Organisation, parent_id: UUID) -> None:
    above = [organisation_of(row) for row in await connection.fetch(ABOVE, parent_id, DEEPEST)]
    if not above:
        raise Unfit("parent_area")
    ids = [one.organisation_id for one in above]
    check_parent(organisation.organisation_id, organisation.area, above[0], ids)


async def list_organisations(
    pool: asyncpg.Pool[asyncpg.Record], looked: Looked, *, after: NameCursor | None, limit: int
) -> Sequence[tuple[Organisation, NameCursor]]:
    """Return the next organisations by name, each with the cursor that stands behind it."""
    async with acquire(pool) as connection, connection.transaction():
        conditions, values = await _conditions(connection, looked, first=5)
        start = after or ("", UUID(int=0))
        await connection.execute(PLAN_EACH_TIME)
        rows = await connection.fetch(ORGANISATIONS.format(conditions=conditions), looked.area, *start, limit, *values)
    return [(organisation_of(row), (row["search_name"], row["organisation_id"])) for row in rows]


async def _conditions(connection: Connection, looked: Looked, first: int) -> tuple[str, list[Any]]:
    wanted: list[tuple[str, Any]] = []
    if looked.kind is not None:
        wanted.append(("kind = ${}", looked.kind))
    if looked.parent is not None:
        wanted.append(("parent_id = ${}", looked.parent))
    if looked.name is not None:
        spelling = await connection.fetchval(SPELLING, looked.name)
        if len(spelling) < _RUN:
            # U+10FFFF comes after whatever a name holds: the range is that of the names that begin so.
            wanted.append(("search_name >= ${0} AND search_name < ${0} || U&'\\+10FFFF'", spelling))
        else:
            runs = "search_runs @> search_runs(${0})"
            wanted.append((f"{runs} AND strpos(search_name, ${{0}}) > 0", spelling))
    text = " ".join("AND " + each.format(number) for number, (each, _) in enumerate(wanted, first))
    return text, [value for _, value in wanted]


async def counts(
    pool: asyncpg.Pool[asyncpg.Record], organisation_id: UUID, *, now: datetime
) -> tuple[dict[str, int], int]:
    """Count an organisation's people by status, and its codes that still open a sign-up."""
    async with acquire(pool) as connection:
        by_status = {row["status"]: row["volunteers"] for row in await connection.fetch(BY_STATUS, organisation_id)}
        return by_status, await connection.fetchval(CODES_ALIVE, organisation_id, now)


async def list_group_codes(
    pool: asyncpg.Pool[asyncpg.Record], organisation_id: UUID, *, after: CodeCursor | None, limit: int
) -> Sequence[asyncpg.Record]:
    """Return the next codes of an organisation, the newest first: the columns of `GROUP_CODES`."""
    start = after or (datetime.max.replace(tzinfo=UTC), "")
    async with acquire(pool) as connection:
        return await connection.fetch(GROUP_CODES, organisation_id, *start, limit)


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
