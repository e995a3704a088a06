"""How often one phone or one address may do something. Counted in the database, in a table `throttle` of the service:
all its processes count together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

import asyncpg

from shared.postgres.pool import acquire

SPEND = """
INSERT INTO throttle AS t (key, ends_at, spent)
VALUES ($1, $2::timestamptz + $3::interval, 1)
ON CONFLICT (key) DO UPDATE
SET spent   = CASE WHEN t.ends_at <= $2 THEN 1 ELSE t.spent + 1 END,
    ends_at = CASE WHEN t.ends_at <= $2 THEN excluded.ends_at ELSE t.ends_at END
RETURNING spent, ends_at
"""

FORGET = "DELETE FROM throttle WHERE ends_at <= $1"

LOOK = "SELECT spent, ends_at FROM throttle WHERE key = $1 AND ends_at > $2"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `times` within `window`, counted from the first time."""

    name: str
    times: int
    window: timedelta


class Throttled(Exception):
    """The limit is reached; it opens again after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after)
        self.retry_after = retry_after


class Index(Protocol):
    """Keyed hashes of text: a blind index."""

    def of(self, kind: str, text: str) -> bytes:
        """The hash of a text of some kind."""
        ...


class Throttle:
    """Counts what is done per phone or address, neither of which it stores."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], index: Index) -> None:
        self._pool = pool
        self._index = index

    async def spend(self, limit: Limit, who: str, *, now: datetime) -> None:
        """Count one time. Raises `Throttled` when it is one too many."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SPEND, self._key(limit, who), now, limit.window)
        if row is not None and row["spent"] > limit.times:
            raise Throttled(ceil((row["ends_at"] - now).total_seconds()))

    async def note_failure(self, limit: Limit, who: str, *, now: datetime) -> None:
        """Count one failure. Whoever fails is told of that alone; `check` stops the next attempt."""
        with suppress(Throttled):
            await self.spend(limit, who, now=now)

    async def check(self, limit: Limit, who: str, *, now: datetime) -> None:
        """Raise `Throttled` when the failures have used up the limit."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(LOOK, self._key(limit, who), now)
        if row is not None and row["spent"] >= limit.times:
            raise Throttled(ceil((row["ends_at"] - now).total_seconds()))

    async def sweep(self, *, now: datetime) -> None:
        """Delete the counts whose time is over."""
        async with acquire(self._pool) as connection:
            await connection.execute(FORGET, now)

    def _key(self, limit: Limit, who: str) -> bytes:
        return self._index.of(f"throttle.{limit.name}", who)
