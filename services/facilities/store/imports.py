"""Imports and their rows: sent, claimed, told of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.facilities.store.places import Actor
from shared.contracts.events import Role
from shared.postgres.pool import Connection

LEASE: Final = timedelta(seconds=60)
"""A chunk of rows takes a second; who has told nothing for a minute has died."""
MOST_ATTEMPTS: Final = 5
"""Whatever ends a worker so often, ends it every time."""
MOST_WAITING: Final = 10
"""Of one sender at a time: nobody looks at more previews in an hour."""
KEPT: Final = timedelta(days=90)
"""So long a file can be checked again; then it is erased: beside places it may hold columns about persons, which
nobody here reads."""


class State(StrEnum):
    """Where an import stands."""

    WAITING = "waiting"
    CHECKED = "checked"
    APPLYING = "applying"
    APPLIED = "applied"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Import:
    """A list that somebody sent; `guess` and `columns` as JSON, None until it was read."""

    import_id: UUID
    state: State
    name: str
    actor: Actor
    """Who sent it."""
    asked: Actor
    """Who asked for its present step."""
    sent_at: datetime
    guess: Any
    columns: Any
    row_count: int
    partial: bool
    confirm: bool
    finished_at: datetime | None
    failure: str | None
    attempt: int
    """Told with every write of who has claimed it: whoever claims it next has another."""
    tried: int
    """How often its present step was."""


class Fenced(Exception):
    """Another worker has this import by now."""


class TooManyWaiting(Exception):
    """The sender has as many imports waiting as he may."""


_COLUMNS: Final = """
import_id, state, name, sent_by, organisation, role, area, sent_at, guess, columns, row_count, partial, confirm,
finished_at, failure, attempt, attempt - attempts_before AS tried,
coalesce(asked_by, sent_by) AS asked_by, coalesce(asked_role, role) AS asked_role,
coalesce(asked_area, area) AS asked_area,
CASE WHEN asked_by IS NULL THEN organisation ELSE asked_organisation END AS asked_organisation
"""

# The same file, sent again before anything was done with it, is the same import.
FIND_SENT: Final = """
SELECT import_id FROM facility_import
WHERE sent_by = $1 AND digest = $2 AND state IN ('waiting', 'checked')
ORDER BY sent_at DESC LIMIT 1
"""
COUNT_WAITING: Final = """
SELECT count(*) FROM facility_import WHERE sent_by = $1 AND state IN ('waiting', 'applying', 'undoing')
"""
LOCK_SENDER: Final = "SELECT pg_advisory_xact_lock(hashtextextended('facility_import ' || $1, 0))"
INSERT: Final = """
INSERT INTO facility_import (import_id, state, name, file, digest, sent_by, organisation, role, area, sent_at)
VALUES ($1, 'waiting', $2, $3, $4, $5, $6, $7, $8, $9)
"""

# A place officer sees what officers of his organisation sent, or his own if he has none; others the imports of their
# area. A coordinator's list was judged by a coordinator's rights: it may change places that no such officer may.
VISIBLE: Final = f"""
area >= $1 AND area < $1 || ':'
AND ($2::uuid IS NULL OR role = '{Role.PLACE_OFFICER.value}' AND $2 IN (organisation, sent_by))
"""
SELECT_ONE: Final = f"""
SELECT {_COLUMNS} FROM facility_import WHERE {VISIBLE} AND import_id = $3
"""  # noqa: S608 - text of this module only
SELECT_PAGE: Final = f"""
SELECT {_COLUMNS} FROM facility_import
WHERE {VISIBLE} AND (sent_at, import_id) < ($3, $4)
ORDER BY sent_at DESC, import_id DESC
LIMIT $5
"""  # noqa: S608
COUNT_RESULTS: Final = """
SELECT result, count(*) AS rows FROM facility_import_row WHERE import_id = $1 GROUP BY result
"""
SELECT_ROWS: Final = """
SELECT number, result, facility_id, before, after, duplicate_of, faults, notices
FROM facility_import_row
WHERE import_id = $1 AND ($2::text IS NULL OR result = $2) AND number > $3
ORDER BY number
LIMIT $4
"""

# From one state to the next, by whoever is first.
MOVE: Final = f"""
UPDATE facility_import
SET state = $4, attempts_before = attempt, lease_until = NULL, failure = NULL, finished_at = NULL,
    columns = coalesce($6, columns), partial = coalesce($7, partial), confirm = coalesce($8, confirm),
    asked_by = $9, asked_organisation = $10, asked_role = $11, asked_area = $1
WHERE {VISIBLE} AND import_id = $3 AND state = ANY ($5::text[]) AND ($4 <> 'waiting' OR file IS NOT NULL)
RETURNING {_COLUMNS}
"""  # noqa: S608

# Lists are checked side by side, but applied and undone one after the other: a second would only wait for the first.
CLAIM: Final = f"""
UPDATE facility_import
SET attempt = attempt + 1, lease_until = $1::timestamptz + $2::interval
WHERE import_id = (
    SELECT import_id FROM facility_import
    WHERE (lease_until IS NULL OR lease_until < $1)
      AND (state = 'waiting' OR state IN ('applying', 'undoing') AND NOT EXISTS (
          SELECT FROM facility_import WHERE state IN ('applying', 'undoing') AND lease_until >= $1
      ))
    ORDER BY sent_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING {_COLUMNS}
"""  # noqa: S608
READ_FILE: Final = "SELECT file FROM facility_import WHERE import_id = $1"
HOLD: Final = """
UPDATE facility_import
SET row_count = $3, lease_until = $4::timestamptz + $5::interval
WHERE import_id = $1 AND attempt = $2
RETURNING import_id
"""
SETTLE: Final = """
UPDATE facility_import
SET state = $3, failure = $4, finished_at = $5, lease_until = NULL,
    guess = coalesce($6, guess), columns = coalesce($7, columns)
WHERE import_id = $1 AND attempt = $2
RETURNING import_id
"""
# Held until the transaction ends, which may be after the lease: nobody else claims it meanwhile.
LOCK: Final = "SELECT import_id FROM facility_import WHERE import_id = $1 AND attempt = $2 FOR UPDATE"
ERASE_OLD: Final = "UPDATE facility_import SET file = NULL WHERE file IS NOT NULL AND sent_at < $1"


async def send(
    connection: Connection, import_id: UUID, name: str, file: bytes, digest: bytes, actor: Actor, at: datetime
) -> UUID:
    """Keep a file that is to be checked; gives its import, which is a former one where the same file still waits.

    Raises `TooManyWaiting`.
    """
    async with connection.transaction():
        await connection.execute(LOCK_SENDER, str(actor.subject))
        former = await connection.fetchval(FIND_SENT, actor.subject, digest)
        if former is not None:
            return UUID(str(former))
        if await connection.fetchval(COUNT_WAITING, actor.subject) >= MOST_WAITING:
            raise TooManyWaiting
        await connection.execute(
            INSERT,
            import_id,
            name,
            file,
            digest,
            actor.subject,
            actor.organisation,
            actor.role,
            actor.area,
            at,
        )
        return import_id


async def one(connection: Connection, area: str, organisation: UUID | None, import_id: UUID) -> Import | None:
    """An import in `area`; of an organisation, if one is named."""
    return _import(await connection.fetchrow(SELECT_ONE, area, organisation, import_id))


async def page(
    connection: Connection, area: str, organisation: UUID | None, before: tuple[datetime, UUID], limit: int
) -> Sequence[Import]:
    """Imports in `area`, the latest first."""
    rows = await connection.fetch(SELECT_PAGE, area, organisation, *before, limit)
    return [found for row in rows if (found := _import(row))]


async def results(connection: Connection, import_id: UUID) -> Mapping[str, int]:
    """How many rows have which result."""
    return {row["result"]: row["rows"] for row in await connection.fetch(COUNT_RESULTS, import_id)}


async def rows(
    connection: Connection, import_id: UUID, result: str | None, after: int, limit: int
) -> Sequence[asyncpg.Record]:
    """Rows of an import in their order, beginning behind a number."""
    return list(await connection.fetch(SELECT_ROWS, import_id, result, after, limit))


async def move(
    connection: Connection,
    actor: Actor,
    organisation: UUID | None,
    import_id: UUID,
    state: State,
    *,
    only_from: Sequence[State],
    columns: Any = None,
    partial: bool | None = None,
    confirm: bool | None = None,
) -> Import | None:
    """Give an import to the workers again, in the actor's name; only one of an organisation, if one is named.

    None where it is not there, in no such state, or its file is erased.
    """
    told = None if columns is None else json.dumps(columns, ensure_ascii=False)
    states = [str(each) for each in only_from]
    row = await connection.fetchrow(
        MOVE,
        actor.area,
        organisation,
        import_id,
        state,
        states,
        told,
        partial,
        confirm,
        actor.subject,
        actor.organisation,
        actor.role,
    )
    return _import(row)


async def claim(connection: Connection, now: datetime) -> Import | None:
    """Take the import that has waited longest, for `LEASE` from now."""
    return _import(await connection.fetchrow(CLAIM, now, LEASE))


async def file_of(connection: Connection, import_id: UUID) -> bytes | None:
    """The file, None once it is erased."""
    found: bytes | None = await connection.fetchval(READ_FILE, import_id)
    return found


async def hold(connection: Connection, claimed: Import, row_count: int, now: datetime) -> None:
    """Tell how far one is, and keep the import for `LEASE` from now. Raises `Fenced`."""
    if not await connection.fetchval(HOLD, claimed.import_id, claimed.attempt, row_count, now, LEASE):
        raise Fenced


async def lock(connection: Connection, claimed: Import) -> None:
    """Keep the import until the caller's transaction ends. Raises `Fenced`."""
    if not await connection.fetchval(LOCK, claimed.import_id, claimed.attempt):
        raise Fenced


async def settle(
    connection: Connection,
    claimed: Import,
    state: State,
    now: datetime,
    *,
    failure: str | None = None,
    guess: Any = None,
    columns: Any = None,
) -> None:
    """Let go of an import that has come to a state. Raises `Fenced`."""
    told = [None if value is None else json.dumps(value, ensure_ascii=False) for value in (guess, columns)]
    if not await connection.fetchval(SETTLE, claimed.import_id, claimed.attempt, state, failure, now, *told):
        raise Fenced


async def erase_old(connection: Connection, now: datetime) -> None:
    """Erase the files that were kept for long enough."""
    await connection.execute(ERASE_OLD, now - KEPT)


def _import(row: asyncpg.Record | None) -> Import | None:
    if row is None:
        return None
    return Import(
        row["import_id"],
        State(row["state"]),
        row["name"],
        Actor(row["sent_by"], row["organisation"], row["role"], row["area"]),
        Actor(row["asked_by"], row["asked_organisation"], row["asked_role"], row["asked_area"]),
        row["sent_at"],
        row["guess"] and json.loads(row["guess"]),
        row["columns"] and json.loads(row["columns"]),
        row["row_count"],
        row["partial"],
        row["confirm"],
        row["finished_at"],
        row["failure"],
        row["attempt"],
        row["tried"],
    )
