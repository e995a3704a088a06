"""The rebuilds that were asked for, and how far the one under way has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg

from services.reporting.rebuild.schema import schema_name
from shared.postgres.pool import Connection

Origin = Literal["administrator", "operator", "version"]
State = Literal["waiting", "filling", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One rebuild. origin: an administrator over HTTP, an operator at the machine, or a new version of the figures.

    done, of: events taken, and events there are, while it is being filled; nought otherwise.
    """

    rebuild_id: int
    state: State
    origin: Origin
    reason: str | None
    version: int | None
    number: int | None
    asked_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    cause: str | None
    done: int = 0
    of: int = 0


FIELDS: Final = "rebuild_id, state, origin, reason, version, number, asked_at, began_at, ended_at, cause"

OPEN: Final = f"SELECT {FIELDS} FROM rebuild WHERE state IN ('waiting', 'filling')"  # noqa: S608 - this module's names

LATEST: Final = f"SELECT {FIELDS} FROM rebuild ORDER BY rebuild_id DESC LIMIT $1"  # noqa: S608 - this module's names

ASK: Final = """
INSERT INTO rebuild (state, origin, reason, asked_by, asked_at) VALUES ('waiting', $1, $2, $3, $4)
ON CONFLICT ((true)) WHERE state IN ('waiting', 'filling') DO NOTHING
RETURNING rebuild_id
"""

ASK_FOR_VERSION: Final = """
INSERT INTO rebuild (state, origin, version, asked_at)
SELECT 'waiting', 'version', $1, $2
WHERE EXISTS (SELECT FROM projection_version WHERE version < $1)
  AND NOT EXISTS (SELECT FROM rebuild WHERE state = 'failed' AND version = $1)
ON CONFLICT ((true)) WHERE state IN ('waiting', 'filling') DO NOTHING
"""

BEGIN: Final = """
UPDATE rebuild SET state = 'filling', version = $2, number = $3, began_at = $4 WHERE rebuild_id = $1
"""

FAIL: Final = "UPDATE rebuild SET state = 'failed', cause = $2, ended_at = $3 WHERE rebuild_id = $1"

PROGRESS: Final = """
SELECT coalesce(sum(least(p.next_offset, e.end_offset)), 0)::bigint AS done,
       coalesce(sum(e.end_offset), 0)::bigint AS of
FROM stream_end AS e
LEFT JOIN {schema}.consumer_position AS p USING (topic, partition)
"""


async def open_one(connection: Connection) -> Rebuild | None:
    """The rebuild that waits or is under way."""
    row = await connection.fetchrow(OPEN)
    return None if row is None else Rebuild(*row)


async def latest(connection: Connection, limit: int) -> Sequence[Rebuild]:
    """The newest rebuilds first, with the progress of the one under way."""
    found = [Rebuild(*row) for row in await connection.fetch(LATEST, limit)]
    return [await _with_progress(connection, one) for one in found]


async def _with_progress(connection: Connection, one: Rebuild) -> Rebuild:
    if one.state != "filling" or one.number is None:
        return one
    try:
        async with connection.transaction():
            row = await connection.fetchrow(PROGRESS.format(schema=schema_name(one.number)))
    except asyncpg.UndefinedTableError:  # swapped in at this moment
        return one
    values = {name: getattr(one, name) for name in one.__slots__}
    return one if row is None else Rebuild(**{**values, "done": row["done"], "of": row["of"]})


async def ask(connection: Connection, origin: Origin, reason: str, asked_by: UUID | None, now: datetime) -> int | None:
    """Asks for a rebuild; its id, or None when one waits or is under way already."""
    found = await connection.fetchval(ASK, origin, reason, asked_by, now)
    return None if found is None else int(found)


async def ask_for_version(connection: Connection, version: int, now: datetime) -> None:
    """Asks for one if the shown figures are of an older version. After one that failed for it, somebody has to look and
    ask again."""
    await connection.execute(ASK_FOR_VERSION, version, now)


async def begin(connection: Connection, rebuild_id: int, version: int, number: int, now: datetime) -> None:
    """The schema of that number is filled by code of this version from now on."""
    await connection.execute(BEGIN, rebuild_id, version, number, now)


async def fail(connection: Connection, rebuild_id: int, cause: str, now: datetime) -> None:
    """It cannot be ended; `cause` is a stable word."""
    await connection.execute(FAIL, rebuild_id, cause, now)
