"""After an erasure: dead rows, which still hold wrapped keys, leave the tables within minutes and not some day.

What PostgreSQL frees it does not overwrite, and its log of changes and backups hold copies: those end with the
key-encryption key (docs/privacy.md).
"""

from datetime import datetime, timedelta
from typing import Final

import asyncpg

from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.postgres.pool import acquire

EVERY: Final = timedelta(minutes=10)
"""At most so often: each time reads the blocks that changed since."""
TABLES: Final = (
    "submission",
    "household",
    "reach",
    "follow_up",
    "person_index",
    "claim",
    "flag_review",
    "subject_request",
    "help_request",
    "help_step",
)
VACUUM_SECONDS: Final = 3600.0
"""The first one on a table of 28 million households reads all of it."""

LATEST: Final = "SELECT max(closed_at) FROM subject_request WHERE kind = 'erasure' AND state = 'done'"

_log = log(__name__)


class Vacuuming:
    """The keeper's duty."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._begun: datetime | None = None

    async def turn(self) -> None:
        """Vacuums what erasures have touched, when there was one since the last time."""
        now = self._clock.now()
        async with acquire(self._pool) as connection:
            latest = await connection.fetchval(LATEST)
            if latest is None or (self._begun is not None and (latest < self._begun or now - self._begun < EVERY)):
                return
            for table in TABLES:
                await connection.execute(f"VACUUM (INDEX_CLEANUP ON) {table}", timeout=VACUUM_SECONDS)
        self._begun = now
        _log.info("erased_rows_vacuumed", tables=len(TABLES))
