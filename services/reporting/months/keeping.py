"""Keeps the sums of the months that are still counted, so that readers need not wait for them: a duty of the keeper."""

from collections.abc import Sequence
from datetime import date
from typing import Final

import msgspec

from services.reporting import store as figures
from services.reporting.months.answers import FIGURES
from services.reporting.months.calendar import month_before, month_of
from services.reporting.months.counting import COUNT_SECONDS, KEEP_TABLES, MEMORY, count_rows
from services.reporting.months.sources import COLUMNS
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.observability.clock import Clock
from shared.postgres.pool import acquire

EVERY_SECONDS: Final = 10.0
"""How soon the sums of a small country are new; a turn without new events costs two small statements."""

NEW_EVENTS: Final = """
SELECT coalesce(sum(p.events), 0)::bigint AS applied, (SELECT events FROM month_summed WHERE month = $1) AS summed
FROM stream_progress AS p
"""

# As text, since rows that are compared by IS NOT DISTINCT FROM cannot be hashed: a minute for 60,000 organisations.
FORGET: Final = """
DELETE FROM month_sum AS s
WHERE s.month = $1 AND NOT EXISTS (
    SELECT FROM month_fresh AS f
    WHERE f.grain = s.grain AND f.area = s.area
      AND coalesce(f.organisation_id::text, '') = coalesce(s.organisation_id::text, '')
)
"""

# Only rows that differ are written: most of a country is asleep.
PUT: Final = f"""
INSERT INTO month_sum AS s (month, grain, area, organisation_id, {COLUMNS})
SELECT $1::date, grain, area, organisation_id, {COLUMNS}
FROM month_fresh
WHERE grain <> 'account'
ON CONFLICT (month, grain, area, organisation_id) DO UPDATE
SET ({COLUMNS}) = ({", ".join(f"excluded.{name}" for name in FIGURES)})
WHERE ({", ".join(f"s.{name}" for name in FIGURES)}) <> ({", ".join(f"excluded.{name}" for name in FIGURES)})
"""  # noqa: S608 - names of ours

NOTE: Final = """
INSERT INTO month_summed (month, as_of, events) VALUES ($1, $2, $3)
ON CONFLICT (month) DO UPDATE SET as_of = excluded.as_of, events = excluded.events
"""

FORGET_OTHERS: Final = (
    "DELETE FROM month_sum WHERE month <> ALL ($1::date[])",
    "DELETE FROM month_summed WHERE month <> ALL ($1::date[])",
)


class KeepingDuty:
    """Sums up the present month and the one before, again and again."""

    def __init__(self, pool: Pool, clock: Clock, topics: Sequence[Topic]) -> None:
        self._pool = pool
        self._clock = clock
        self._topics = topics

    async def turn(self) -> None:
        """Counts what has new events."""
        present = month_of(self._clock.now())
        months = [present, month_before(present)]
        for month in months:
            await self.sum_up(month)
        async with acquire(self._pool) as connection:
            for statement in FORGET_OTHERS:
                await connection.execute(statement, months)

    async def sum_up(self, month: date) -> None:
        """Brings the sums of one month up to this moment."""
        async with acquire(self._pool) as connection, connection.transaction(isolation="repeatable_read"):
            await connection.execute(KEEP_TABLES)
            row = await connection.fetchrow(NEW_EVENTS, month)
            if row is None or row["applied"] == row["summed"]:
                return
            await connection.execute(MEMORY)
            as_of = await figures.as_of(connection, self._topics)
            await count_rows(connection, month)
            await connection.execute(FORGET, month, timeout=COUNT_SECONDS)
            await connection.execute(PUT, month, timeout=COUNT_SECONDS)
            await connection.execute(NOTE, month, msgspec.json.encode(as_of).decode(), row["applied"])
