"""Retention: what is kept for longer than its purpose needs is destroyed by the clock, in bounded batches.

Destroying means that the wrapped data key goes: the sealed content can then never be opened, and the counts of a
household stay as figures without a person. Surveys and follow-ups are walked in the order of recording, partition by
partition, so that each is looked at once and none needs an index of its own.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from services.survey.privacy.purposes import Purpose, ended
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import RETENTION_ENDED
from shared.postgres.pool import Connection, acquire

READINGS_KEPT: Final = timedelta(days=730)
"""The least that the audit log keeps (the database's own rule, two years, in `forget_readings`)."""
BATCH: Final = 1_000
"""Rows looked at or deleted in one transaction: some 20 ms."""
BATCHES: Final = 500
"""In one turn and purpose, so that a long backlog does not hold back the others."""
EVERY_SECONDS: Final = 3600.0
"""Periods are days: nobody sees an hour."""
COUNT_SECONDS: Final = 900.0
"""A dry run reads whole tables."""

PARTITIONS: Final = "SELECT DISTINCT partition FROM consumer_position ORDER BY partition"

PROGRESS: Final = """
SELECT coalesce((SELECT sequence FROM retention_progress WHERE purpose = $1 AND partition = $2), -1)
"""

MOVE: Final = """
INSERT INTO retention_progress (purpose, partition, sequence) VALUES ($1, $2, $3)
ON CONFLICT (purpose, partition) DO UPDATE SET sequence = excluded.sequence
"""

# In the order of recording: times of recording rise with the sequences of a partition, but for recorders' clocks.
NEXT: Final = """
SELECT sequence, household_id, recorded_at
FROM submission
WHERE partition = $1 AND sequence > $2
ORDER BY sequence
LIMIT $3
"""

# What a later visit has replaced for long enough: both were recorded before the day. Looked at when the later one of
# the two has come of age, whichever that is.
_REPLACED: Final = """
o.wrapped_key IS NOT NULL AND o.recorded_at < $1 AND EXISTS (
    SELECT
    FROM submission AS x
    WHERE x.household_id = o.household_id AND x.kind = 'survey' AND x.recorded_at < $1
      AND (x.captured_at, x.submission_id) > (o.captured_at, o.submission_id)
)
"""
END_REPLACED: Final = f"""
UPDATE submission AS o SET wrapped_key = NULL WHERE o.household_id = ANY ($2::uuid[]) AND {_REPLACED}
"""  # noqa: S608 - constants of ours
COUNT_REPLACED: Final = f"SELECT count(*) FROM submission AS o WHERE {_REPLACED}"  # noqa: S608 - constants of ours

END_INDEX: Final = """
DELETE FROM person_index AS p USING submission AS s
WHERE s.partition = $1 AND s.sequence > $2 AND s.sequence <= $3 AND s.recorded_at < $4
  AND p.household_id = s.household_id AND p.blind_index = ANY (s.persons)
  AND NOT EXISTS (
      SELECT
      FROM submission AS x
      WHERE x.household_id = s.household_id AND x.recorded_at >= $4 AND p.blind_index = ANY (x.persons)
  )
"""
END_PERSONS: Final = """
UPDATE household AS h SET reach = NULL
FROM submission AS s
WHERE s.partition = $1 AND s.sequence > $2 AND s.sequence <= $3 AND s.recorded_at < $4
  AND h.household_id = s.household_id AND h.submission_id = s.submission_id AND h.reach IS NOT NULL
"""
END_REACH: Final = """
DELETE FROM reach AS r USING submission AS s
WHERE s.partition = $1 AND s.sequence > $2 AND s.sequence <= $3 AND s.recorded_at < $4
  AND r.household_id = s.household_id AND r.submission_id = s.submission_id
"""
END_FOLLOW_UPS: Final = """
DELETE FROM follow_up AS f USING submission AS s
WHERE s.partition = $1 AND s.sequence > $2 AND s.sequence <= $3 AND s.recorded_at < $4
  AND f.submission_id = s.submission_id
"""
END_SURVEYS: Final = """
UPDATE submission
SET wrapped_key = NULL, persons = NULL, reach = NULL
WHERE partition = $1 AND sequence > $2 AND sequence <= $3 AND recorded_at < $4
  AND (wrapped_key IS NOT NULL OR persons IS NOT NULL OR reach IS NOT NULL)
"""
COUNT_SURVEYS: Final = "SELECT count(*) FROM submission WHERE recorded_at < $1 AND wrapped_key IS NOT NULL"

END_SIGHTINGS: Final = """
DELETE FROM volunteer_sighting
WHERE volunteer_id IN (SELECT volunteer_id FROM volunteer_sighting WHERE captured_at < $1 LIMIT $2)
"""
COUNT_SIGHTINGS: Final = "SELECT count(*) FROM volunteer_sighting WHERE captured_at < $1"

END_READINGS: Final = "SELECT forget_readings($1, $2)"
COUNT_READINGS: Final = "SELECT count(*) FROM reading WHERE read_at < $1"

END_REQUESTS: Final = """
UPDATE subject_request
SET wrapped_key = NULL, subject = NULL
WHERE request_id IN (
    SELECT request_id FROM subject_request WHERE closed_at < $1 AND wrapped_key IS NOT NULL LIMIT $2
)
"""
COUNT_REQUESTS: Final = "SELECT count(*) FROM subject_request WHERE closed_at < $1 AND wrapped_key IS NOT NULL"

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class _Ending:
    """How one purpose ends: what it does in one batch (the number of rows it ended; fewer than a batch: no more), and
    how many there are."""

    end: Callable[[Connection, datetime, int], Awaitable[int]]
    count: str


async def _end_sightings(connection: Connection, before: datetime, most: int) -> int:
    return _number(await connection.execute(END_SIGHTINGS, before, most))


async def _end_readings(connection: Connection, before: datetime, most: int) -> int:
    return int(await connection.fetchval(END_READINGS, before, most))


async def _end_requests(connection: Connection, before: datetime, most: int) -> int:
    return _number(await connection.execute(END_REQUESTS, before, most))


ENDINGS: Final[Mapping[Purpose, _Ending]] = {
    Purpose.SIGHTING: _Ending(_end_sightings, COUNT_SIGHTINGS),
    Purpose.AUDIT: _Ending(_end_readings, COUNT_READINGS),
    Purpose.SUBJECT_REQUEST: _Ending(_end_requests, COUNT_REQUESTS),
}
"""Purposes whose rows are found by a time of their own."""


class Retention:
    """The keeper's duty."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def turn(self) -> None:
        """Ends what has been kept for its time, purpose by purpose."""
        now = self._clock.now()
        walks = {Purpose.SUPERSEDED: _end_replaced, Purpose.SURVEY: _end_surveys}
        for purpose, end in walks.items():
            async with acquire(self._pool) as connection:
                partitions = [row[0] for row in await connection.fetch(PARTITIONS)]
            for partition in partitions:
                self._tell(purpose, await self._walk(purpose, partition, ended(purpose, now), end))
        for purpose, ending in ENDINGS.items():
            number = 0
            for _ in range(BATCHES):
                async with acquire(self._pool) as connection:
                    done = await ending.end(connection, ended(purpose, now), BATCH)
                number += done
                if done < BATCH:
                    break
            self._tell(purpose, number)

    async def _walk(
        self,
        purpose: Purpose,
        partition: int,
        before: datetime,
        end: Callable[[Connection, datetime, int, int, list[asyncpg.Record]], Awaitable[int]],
    ) -> int:
        number = 0
        for _ in range(BATCHES):
            async with acquire(self._pool) as connection, connection.transaction():
                start = await connection.fetchval(PROGRESS, purpose.value, partition)
                rows = await connection.fetch(NEXT, partition, start, BATCH)
                young = next((place for place, row in enumerate(rows) if row["recorded_at"] >= before), len(rows))
                rows = rows[:young]
                if not rows:
                    break
                number += await end(connection, before, partition, start, rows)
                await connection.execute(MOVE, purpose.value, partition, rows[-1]["sequence"])
        return number

    def _tell(self, purpose: Purpose, number: int) -> None:
        if number:
            RETENTION_ENDED.labels(purpose.value).inc(number)
            _log.info("retention_ended", purpose=purpose.value, rows=number)


async def _end_replaced(
    connection: Connection, before: datetime, _partition: int, _start: int, rows: list[asyncpg.Record]
) -> int:
    return _number(await connection.execute(END_REPLACED, before, list({row["household_id"] for row in rows})))


async def _end_surveys(
    connection: Connection, before: datetime, partition: int, start: int, rows: list[asyncpg.Record]
) -> int:
    stretch = (partition, start, rows[-1]["sequence"], before)
    for statement in (END_INDEX, END_PERSONS, END_REACH, END_FOLLOW_UPS):
        await connection.execute(statement, *stretch)
    return _number(await connection.execute(END_SURVEYS, *stretch))


async def due(connection: Connection, now: datetime) -> Mapping[Purpose, int]:
    """How many rows a turn would end now, by purpose: the dry run. Changes nothing."""
    counts = {
        Purpose.SUPERSEDED: COUNT_REPLACED,
        Purpose.SURVEY: COUNT_SURVEYS,
        **{purpose: ending.count for purpose, ending in ENDINGS.items()},
    }
    return {
        purpose: await connection.fetchval(statement, ended(purpose, now), timeout=COUNT_SECONDS)
        for purpose, statement in counts.items()
    }


def _number(status: str) -> int:
    return int(status.rpartition(" ")[2])
