"""What a service's database says of itself, as metrics: asked by one process of each service, a few times a minute.

A relay's outbox is measured here too, beside the relay: one that waits for Kafka must show what piles up behind it.
"""

import asyncio
from typing import Final

import asyncpg

from shared.observability.clock import pause
from shared.observability.logs import log
from shared.observability.metrics import (
    DATABASE_BYTES,
    DATABASE_COMMITS,
    DATABASE_DEADLOCKS,
    DATABASE_SESSIONS,
    DATABASE_TRANSACTION_SECONDS,
    OUTBOX_DEPTH,
    OUTBOX_OLDEST_SECONDS,
)
from shared.postgres.pool import UNREACHABLE, Connection, acquire

MEASURE_SECONDS: Final = 5.0
"""As often as metrics are usually fetched; all statements together take about 5 ms."""
STATES: Final = ("active", "idle", "idle in transaction")
"""Of sessions; all others are rare and short."""

SESSIONS: Final = "SELECT state, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY state"
SIZES: Final = """
SELECT pg_database_size(current_database()) AS bytes,
       (SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8
        FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()) AS transaction_seconds,
       xact_commit AS commits,
       deadlocks
FROM pg_stat_database
WHERE datname = current_database()
"""
# What is published has left both indexes: counted so, it does not take the longer the more there has ever been.
OUTBOX: Final = """
SELECT count(*) AS depth,
       coalesce(extract(epoch FROM max(clock_timestamp() - event_time)), 0)::float8 AS oldest_seconds
FROM (SELECT event_time FROM outbox WHERE sequence IS NULL
      UNION ALL
      SELECT event_time FROM outbox WHERE published_at IS NULL AND sequence IS NOT NULL) AS waiting
"""

_log = log(__name__)


async def measure_database(
    pool: "asyncpg.Pool[asyncpg.Record]", stopping: asyncio.Event, *, outbox: bool = False
) -> None:
    """Measures until `stopping` is set. While the database is away, the last figures stand."""
    while not stopping.is_set():
        try:
            async with acquire(pool) as connection:
                await measure(connection)
                if outbox:
                    await measure_outbox(connection)
        except UNREACHABLE as error:
            _log.info("database_not_measured", cause=type(error).__name__)
        await pause(stopping, MEASURE_SECONDS)


async def measure(connection: Connection) -> None:
    """Asks the database once."""
    sessions = {row[0]: row[1] for row in await connection.fetch(SESSIONS)}
    for state in STATES:
        DATABASE_SESSIONS.labels(state).set(sessions.get(state, 0))
    row = await connection.fetchrow(SIZES)
    assert row is not None  # noqa: S101 - of the database that one is connected to there is a row
    DATABASE_BYTES.set(row["bytes"])
    DATABASE_TRANSACTION_SECONDS.set(row["transaction_seconds"])
    DATABASE_COMMITS.set(row["commits"])
    DATABASE_DEADLOCKS.set(row["deadlocks"])


async def measure_outbox(connection: Connection) -> None:
    """Asks the outbox once."""
    row = await connection.fetchrow(OUTBOX)
    assert row is not None  # noqa: S101 - a count is a row
    OUTBOX_DEPTH.set(row["depth"])
    OUTBOX_OLDEST_SECONDS.set(row["oldest_seconds"])
