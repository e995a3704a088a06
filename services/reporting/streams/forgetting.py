"""The keeper's duty: the transfer log is kept for two years, and then forgotten in bounded batches."""

from datetime import timedelta
from typing import Final

from services.reporting.store import Pool
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.postgres.pool import acquire

KEPT: Final = timedelta(days=730)
"""As long as the survey's log of readings. The least that the database lets be kept (its own rule, two years, in
`forget_transfers`)."""
BATCH: Final = 1_000
"""Rows in one transaction: some 20 ms."""
BATCHES: Final = 500
"""In one turn: half a million rows, more than subscribers can make in the time between two."""
EVERY_SECONDS: Final = 3600.0
"""The period is days: nobody sees an hour."""

FORGET: Final = "SELECT forget_transfers($1, $2)"

_log = log(__name__)


class Forgetting:
    """Forgets what is older than its period."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def turn(self) -> None:
        """Forgets the oldest rows, batch by batch, until one finds fewer."""
        before, forgotten = self._clock.now() - KEPT, 0
        for _ in range(BATCHES):
            async with acquire(self._pool) as connection:
                found: int = await connection.fetchval(FORGET, before, BATCH)
            forgotten += found
            if found < BATCH:
                break
        if forgotten:
            _log.info("transfers_forgotten", count=forgotten)
