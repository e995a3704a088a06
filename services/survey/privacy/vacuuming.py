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
LISTS_FOLLOW: Final = timedelta(minutes=1)
"""The lists of whom to reach are made behind the recorder: what an erasure ends there, it ends within this time."""
VACUUM_SECONDS: Final = 3600.0
"""The first one on a table of 28 million households reads all of it."""

# When the recorder ended the keys, which in a surge may be long after the erasure was sent.
LATEST: Final = """
SELECT max(s.recorded_at)
FROM subject_request AS r JOIN submission AS s ON s.submission_id = r.request_id
WHERE r.kind = 'erasure'
"""

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
            begun = self._begun
            if latest is None or (begun is not None and (latest + LISTS_FOLLOW < begun or now - begun < EVERY)):
                return
            for table in TABLES:
                await connection.execute(f"VACUUM (INDEX_CLEANUP ON) {table}", timeout=VACUUM_SECONDS)
        self._begun = now
        _log.info("erased_rows_vacuumed", tables=len(TABLES))
