"""On which day somebody last used the system: what tells a coordinator who is there from one who is not.

Every use of the system needs an access token, which lives for a quarter of an hour: whoever decides, answers or only
looks has signed in, or refreshed the sign-in, on that day. So this is noted where tokens are given out and where they
are checked, in memory; a person is written once a day, all who wait with one statement.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.observability.clock import BANGKOK, Clock
from shared.postgres.pool import acquire
from shared.security.principal import Principal
from shared.web.authentication import Verifier

# Programs hold tokens as well, and are no persons. Rows are locked in one order, so that two processes do not wait for
# each other.
WRITE: Final = """
INSERT INTO active_day AS a (person_id, last_active_day)
SELECT p.person_id, noted.day
FROM unnest($1::uuid[], $2::date[]) AS noted (person_id, day)
JOIN person AS p USING (person_id)
ORDER BY p.person_id
ON CONFLICT (person_id) DO UPDATE SET last_active_day = excluded.last_active_day
WHERE a.last_active_day < excluded.last_active_day
"""

MOST_KNOWN: Final = 100_000
"""Persons remembered as written, some 10 MB. Beyond, memory begins anew and a person may be written twice a day, which
changes nothing."""

WRITE_SECONDS: Final = 2.0
"""A killed process loses what was noted in this time; the next refresh of the sign-in notes it again."""


class Presence:
    """Notes who is there, and writes it."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool
        self._day = date.min
        self._known: set[UUID] = set()
        self._waiting: dict[UUID, date] = {}

    def note(self, person_id: UUID, now: datetime) -> None:
        """Note that somebody uses the system."""
        day = now.astimezone(BANGKOK).date()
        if day != self._day or len(self._known) >= MOST_KNOWN:
            self._day = day
            self._known.clear()
        if person_id not in self._known:
            self._known.add(person_id)
            self._waiting[person_id] = day

    async def write(self) -> None:
        """Write what waits. When the database is away it raises as asyncpg does, and what waits goes on waiting."""
        waiting = dict(self._waiting)
        if not waiting:
            return
        async with acquire(self._pool) as connection:
            await connection.execute(WRITE, list(waiting), list(waiting.values()))
        for person_id, day in waiting.items():
            if self._waiting.get(person_id) == day:
                del self._waiting[person_id]


class NotingVerifier:
    """Checks tokens, and notes whose they are."""

    def __init__(self, verifier: Verifier, presence: Presence, clock: Clock) -> None:
        self._verifier = verifier
        self._presence = presence
        self._clock = clock

    async def verify(self, token: str) -> Principal:
        """The holder; raises as the verifier does."""
        principal = await self._verifier.verify(token)
        self._presence.note(principal.subject, self._clock.now())
        return principal
