"""What the clock does to requests for help: late ones are handed up, dead ones expire, old ones are forgotten."""

from datetime import datetime
from typing import Final

import asyncpg

from services.survey.help import domain
from services.survey.help.changes import Happened, put
from services.survey.help.domain import KEPT, Step
from services.survey.help.personal import FORGET_OLD
from services.survey.help.rows import NAMES, request_of
from shared.observability.clock import Clock
from shared.postgres.pool import Connection, acquire
from shared.postgres.throttle import FORGET as FORGET_COUNTS

EVERY_SECONDS: Final = 5.0
"""The shortest deadline is 15 minutes; who is told within seconds of it is told in time."""
AT_ONCE: Final = 500
"""Requests in one transaction: some tenths of a second of locks. A full batch is followed by the next one at once."""

# What somebody else has in hand is looked at in the next turn.
EXPIRED: Final = f"""
SELECT {NAMES} FROM help_request WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - names of ours

LATE: Final = f"""
SELECT {NAMES} FROM help_request WHERE hand_up_at <= $1 ORDER BY hand_up_at LIMIT $2 FOR UPDATE SKIP LOCKED
"""  # noqa: S608 - names of ours


class HelpKeeping:
    """The keeper's duty."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def turn(self) -> None:
        """Do everything that is due."""
        now = self._clock.now()
        async with acquire(self._pool) as connection:
            while await _expire(connection, now) == AT_ONCE:
                pass
            while await _hand_up(connection, now) == AT_ONCE:
                pass
            while await connection.execute(FORGET_OLD, now - KEPT, AT_ONCE) == f"UPDATE {AT_ONCE}":
                pass
            await connection.execute(FORGET_COUNTS, now)


async def _expire(connection: Connection, now: datetime) -> int:
    async with connection.transaction():
        found = [request_of(row) for row in await connection.fetch(EXPIRED, now, AT_ONCE)]
        if found:
            await put(connection, None, [Happened(domain.expire(each, now), each, Step.EXPIRED) for each in found])
    return len(found)


async def _hand_up(connection: Connection, now: datetime) -> int:
    """One rung for each. After a long stop the next one follows with the next turn, until the clock is caught up."""
    async with connection.transaction():
        found = [request_of(row) for row in await connection.fetch(LATE, now, AT_ONCE)]
        if found:
            await put(connection, None, [Happened(domain.hand_up(each, now), each, Step.HANDED_UP) for each in found])
    return len(found)
