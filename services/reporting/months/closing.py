"""Closing a month, and correcting a closed one: each in one transaction, from one moment of the projections.

The rows are counted into a temporary table, hashed as they will ever be read, and kept together with the positions of
the streams at that moment. Whoever makes the projections anew from the streams, up to those positions, and counts them
in the same way, gets the same hash. Killed anywhere, nothing has happened.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

import asyncpg
import msgspec

from services.reporting import store as figures
from services.reporting.months.answers import FIGURES, Closing
from services.reporting.months.calendar import end_of
from services.reporting.months.counting import COUNT_SECONDS, KEEP_TABLES, KEYS, MEMORY, count_rows
from services.reporting.months.sources import COLUMNS, Parameters, Source, frozen
from services.reporting.months.store import closings
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.observability.logs import log
from shared.postgres.pool import Connection, acquire

_log = log(__name__)


class NotEnded(Exception):
    """The month is not over, so that it cannot be closed."""


class AlreadyClosed(Exception):
    """The month is closed; what came since makes a correction."""


class NotClosed(Exception):
    """An open month needs no correction."""


class NothingDiffers(Exception):
    """The month stands as it was closed."""


class BeingClosed(Exception):
    """Another closing or correction is at work."""


class StillFilling(Exception):
    """Figures that are new in this version are still being counted from the streams' beginning."""


class EventsMissing(Exception):
    """A stream has a gap: what lies behind it is not counted, and what has come of it may lie behind the position."""


@dataclass(frozen=True, slots=True)
class Counted:
    """All rows of a month as they are counted now: their SHA-256 and their number."""

    hash: str
    rows: int


# Waits for nobody: who closes at the same time is told so, and a million rows are not counted twice. It comes before
# the transaction's moment is taken, so that what another has closed is seen.
LOCK: Final = "LOCK TABLE month_close IN SHARE ROW EXCLUSIVE MODE NOWAIT"

CANONICAL: Final = f"""
SELECT {KEYS}, {COLUMNS} FROM {{rows}}
ORDER BY grain COLLATE "C", area COLLATE "C", organisation_id NULLS FIRST, account_id NULLS FIRST
"""  # noqa: S608 - names of ours
"""The rows as they are hashed: as CSV of PostgreSQL with its head line, in this order, none with all figures zero."""


async def count(connection: Connection, month: date) -> Counted:
    """Counts the month into the temporary table `month_fresh` of the caller's transaction, from the projections that
    its search path names."""
    await count_rows(connection, month)
    return await _hashed(connection, "month_fresh", month)


async def verify(connection: Connection, month: date, revision: int) -> Counted:
    """The hash of the frozen rows as they stand in a revision: the closing's own, unless somebody changed a row."""
    await connection.execute(MEMORY)
    rows = " UNION ALL ".join(
        f"SELECT '{grain}' AS grain, * FROM ({_standing(month, revision, grain)}) AS {grain}"  # noqa: S608 - ours
        for grain in ("account", "area", "organisation")
    )
    return await _hashed(connection, f"({rows}) AS standing", month)


def _standing(month: date, revision: int, grain: str) -> str:
    given = Parameters([])
    rows = frozen(Source(month, revision), grain, "true", given)
    # COPY takes no parameters; these are a date and a number.
    for place, value in enumerate(given.values, 1):
        rows = rows.replace(f"${place}", f"'{value}'")
    return f"SELECT * FROM ({rows}) AS f WHERE ({COLUMNS}) <> ({', '.join('0' for _ in FIGURES)})"  # noqa: S608 - ours


async def _hashed(connection: Connection, rows: str, month: date) -> Counted:
    digest = sha256(f"{month:%Y-%m}\n".encode())
    lines = 0

    async def take(data: bytes) -> None:
        nonlocal lines
        digest.update(data)
        lines += data.count(b"\n")

    await connection.copy_from_query(
        CANONICAL.format(rows=rows), output=take, format="csv", header=True, timeout=COUNT_SECONDS
    )
    return Counted(digest.hexdigest(), lines - 1)


PUT_CLOSING: Final = """
INSERT INTO month_close (month, revision, closed_at, closed_by, reason, hash, rows, positions, as_of)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

PUT_ROWS: Final = f"""
INSERT INTO month_row (month, revision, {KEYS}, {COLUMNS})
SELECT $1::date, 1, {KEYS}, {COLUMNS} FROM month_fresh
ORDER BY grain COLLATE "C", area COLLATE "C", organisation_id, account_id
"""  # noqa: S608 - names of ours

PUT_DIFFERENCES: Final = f"""
INSERT INTO month_row (month, revision, {KEYS}, {COLUMNS})
SELECT $1::date, $2::integer, * FROM (
    SELECT {KEYS}, {COLUMNS} FROM month_fresh
    EXCEPT
    SELECT {KEYS}, {COLUMNS} FROM ({{standing}}) AS s
) AS other
UNION ALL
SELECT $1::date, $2::integer, *, {", ".join("0" for _ in FIGURES)} FROM (
    SELECT {KEYS} FROM ({{standing}}) AS s
    EXCEPT
    SELECT {KEYS} FROM month_fresh
) AS gone
"""  # noqa: S608 - names of ours

POSITIONS: Final = """
SELECT topic, partition, topic_id, topic_epoch, next_offset, last_sequence
FROM consumer_position
WHERE topic = ANY ($1::text[])
ORDER BY topic, partition
"""


async def positions(connection: Connection, topics: Sequence[Topic]) -> dict[str, dict[str, Any]]:
    """How far each partition has been taken, by topic and partition, in the caller's snapshot."""
    found: dict[str, dict[str, Any]] = {}
    for topic, partition, *told in await connection.fetch(POSITIONS, [each.name for each in topics]):
        names = ("topic_id", "topic_epoch", "next_offset", "last_sequence")
        found.setdefault(topic, {})[str(partition)] = dict(zip(names, told, strict=True))
    return found


class Months:
    """Closes months and corrects closed ones."""

    def __init__(self, pool: Pool, topics: Sequence[Topic]) -> None:
        self._pool = pool
        self._topics = topics

    async def close(self, month: date, *, now: datetime, by: str) -> Closing:
        """Freezes the month. Raises `NotEnded`, `AlreadyClosed`, `BeingClosed`, `EventsMissing`, `StillFilling`.

        month: its first day; by: the account that closes it, `schedule` or `command`.
        """
        if now < end_of(month):
            raise NotEnded
        async with acquire(self._pool) as connection, connection.transaction(isolation="repeatable_read"):
            if await _begin(connection, month):
                raise AlreadyClosed
            await _check_gaps(connection)
            counted = await count(connection, month)
            await self._put(connection, month, 1, now, by, None, counted)
            await connection.execute(PUT_ROWS, month, timeout=COUNT_SECONDS)
            (closed,) = await closings(connection, month)
        _log.info("month_closed", month=closed.month, by=by, rows=closed.rows, hash=closed.hash)
        return closed

    async def correct(self, month: date, *, now: datetime, by: str, reason: str) -> Closing:
        """Notes what differs now from the month's latest revision. Raises `NotClosed`, `NothingDiffers`,
        `BeingClosed`, `EventsMissing`, `StillFilling`."""
        async with acquire(self._pool) as connection, connection.transaction(isolation="repeatable_read"):
            latest = await _begin(connection, month)
            if not latest:
                raise NotClosed
            await _check_gaps(connection)
            counted = await count(connection, month)
            standing = " UNION ALL ".join(
                f"SELECT '{grain}'::text COLLATE \"C\" AS grain, * FROM ({_standing(month, latest, grain)}) AS {grain}"  # noqa: S608 - ours
                for grain in ("account", "area", "organisation")
            )
            revision = latest + 1
            put = PUT_DIFFERENCES.format(standing=standing)
            if await connection.execute(put, month, revision, timeout=COUNT_SECONDS) == "INSERT 0 0":
                raise NothingDiffers
            await self._put(connection, month, revision, now, by, reason, counted)
            *_, corrected = await closings(connection, month)
        _log.info("month_corrected", month=corrected.month, revision=revision, by=by, hash=corrected.hash)
        return corrected

    async def _put(
        self,
        connection: Connection,
        month: date,
        revision: int,
        now: datetime,
        by: str,
        reason: str | None,
        counted: Counted,
    ) -> None:
        as_of = await figures.as_of(connection, self._topics)
        if any(stream.filling for stream in as_of.values()):
            raise StillFilling
        made_from = await positions(connection, self._topics)
        await connection.execute(
            PUT_CLOSING,
            month,
            revision,
            now,
            by,
            reason,
            counted.hash,
            counted.rows,
            json.dumps(made_from),
            msgspec.json.encode(as_of).decode(),
        )


LATEST: Final = "SELECT coalesce(max(revision), 0) FROM month_close WHERE month = $1"


async def _begin(connection: Connection, month: date) -> int:
    """The month's latest revision, 0 while it is open; from here on nobody else closes or corrects anything."""
    try:
        await connection.execute(LOCK)
    except asyncpg.LockNotAvailableError:
        raise BeingClosed from None
    await connection.execute(KEEP_TABLES)
    await connection.execute(MEMORY)
    return int(await connection.fetchval(LATEST, month))


async def _check_gaps(connection: Connection) -> None:
    if await connection.fetchval("SELECT EXISTS (SELECT FROM gap)"):
        raise EventsMissing
