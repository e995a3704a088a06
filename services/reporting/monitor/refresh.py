"""The keeper's duty that copies the survey's days into the narrow table that the monitor reads."""

from collections.abc import Sequence
from typing import Final

from services.reporting import store
from services.reporting.store import Pool
from shared.contracts.topics import SURVEY_SUBMITTED, Topic
from shared.observability.clock import Clock
from shared.postgres.keeper import resting
from shared.postgres.pool import Connection, acquire

REFRESH_SECONDS: Final = 20.0
"""Who has no results for a week is not missed for 20 s. A turn costs 6 ms when nothing has changed."""
MOST_AT_ONCE: Final = 250
"""Subdistricts in one transaction, which takes some 20 ms of six days each: nobody waits long behind it."""
MOST_REST_SECONDS: Final = 2.0
"""Behind each transaction: of copying all 7,436 subdistricts no more than a minute is rest."""

CHANGED = """
SELECT coalesce(s.subdistrict, r.subdistrict) AS subdistrict
FROM survey_subdistrict AS s
FULL JOIN result_seen AS r USING (subdistrict)
WHERE (s.submissions, s.households, 'survey_day'::regclass::oid)
      IS DISTINCT FROM (r.submissions, r.households, r.made_from)
ORDER BY 1
"""

NOTE_SEEN = """
WITH gone AS (
    DELETE FROM result_seen AS r
    WHERE r.subdistrict = ANY ($1::text[])
          AND NOT EXISTS (SELECT FROM survey_subdistrict AS s WHERE s.subdistrict = r.subdistrict)
)
INSERT INTO result_seen AS r (subdistrict, made_from, submissions, households)
SELECT s.subdistrict, 'survey_day'::regclass::oid, s.submissions, s.households
FROM survey_subdistrict AS s
WHERE s.subdistrict = ANY ($1::text[])
ON CONFLICT (subdistrict) DO UPDATE
SET made_from = excluded.made_from, submissions = excluded.submissions, households = excluded.households
"""

_PUT_DAYS = """
WITH fresh AS MATERIALIZED ({fresh}), gone AS (
    DELETE FROM result_day AS r
    WHERE r.digits = {digits} AND r.area = ANY ($1::text[])
          AND NOT EXISTS (SELECT FROM fresh AS f WHERE f.area = r.area AND f.day = r.day)
)
INSERT INTO result_day (digits, area, day, submissions, households, revisits)
SELECT {digits}, f.area, f.day, f.submissions, f.households, f.revisits
FROM fresh AS f
LEFT JOIN (SELECT * FROM result_day WHERE digits = {digits} AND area = ANY ($1::text[])) AS r USING (area, day)
WHERE (f.submissions, f.households, f.revisits) IS DISTINCT FROM (r.submissions, r.households, r.revisits)
ON CONFLICT (digits, area, day) DO UPDATE
SET submissions = excluded.submissions, households = excluded.households, revisits = excluded.revisits
"""
"""Puts the days of areas whose codes have so many digits in the place of those that are there: only what differs."""

COPY_SUBDISTRICTS = _PUT_DAYS.format(
    digits=6,
    fresh="""
    SELECT subdistrict AS area, day, submissions, households, revisits
    FROM survey_day
    WHERE subdistrict = ANY ($1::text[])
""",
)

# ':' is the character after '9': everything in a district lies between its code and this. Summed district by district:
# of a table that has grown since it was analysed, a join compares every district with every row.
SUM_DISTRICTS = _PUT_DAYS.format(
    digits=4,
    fresh="""
    SELECT d.district AS area, summed.*
    FROM unnest($1::text[]) AS d (district)
    CROSS JOIN LATERAL (
        SELECT day, sum(submissions) AS submissions, sum(households) AS households, sum(revisits) AS revisits
        FROM result_day
        WHERE digits = 6 AND area >= d.district COLLATE "C" AND area < d.district || ':' COLLATE "C"
        GROUP BY day
    ) AS summed
""",
)

NOTE_REFRESH = """
INSERT INTO result_refresh (newest, lag, lag_measured_at, refreshed_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (one) DO UPDATE
SET newest = excluded.newest, lag = excluded.lag, lag_measured_at = excluded.lag_measured_at,
    refreshed_at = excluded.refreshed_at
"""


class ResultsRefresh:
    """Brings the copy up to what the projector has written.

    A turn, in steps; ended anywhere, the next one goes on:
    1. see in one snapshot which subdistricts differ from what was copied, and how new the figures are;
    2. copy them, some at a time: each transaction copies the days, sums up the districts and notes what was seen;
    3. note how new the copy is, by the snapshot of step 1.
    """

    def __init__(self, pool: Pool, clock: Clock, stream: Topic = SURVEY_SUBMITTED, *, rests: float = 0) -> None:
        """rests: behind each transaction of step 2, as many times as long as it took (`shared.postgres.keeper`)."""
        self._pool = pool
        self._clock = clock
        self._stream = stream
        self._rests = rests

    async def turn(self) -> None:
        """Copies everything that has changed until now."""
        began = self._clock.now()
        async with store.snapshot(self._pool) as connection:
            changed = [row["subdistrict"] for row in await connection.fetch(CHANGED)]
            known = (await store.as_of(connection, [self._stream]))[self._stream.name]
        for first in range(0, len(changed), MOST_AT_ONCE):
            async with (
                resting(self._rests, MOST_REST_SECONDS),
                acquire(self._pool) as connection,
                connection.transaction(isolation="repeatable_read"),
            ):
                await _copy(connection, changed[first : first + MOST_AT_ONCE])
        async with acquire(self._pool) as connection:
            await connection.execute(NOTE_REFRESH, known.time, known.lag, known.lag_measured_at, began)


async def _copy(connection: Connection, subdistricts: Sequence[str]) -> None:
    """Copies the days of some subdistricts, in a transaction that sees one moment."""
    await connection.execute(NOTE_SEEN, subdistricts)
    await connection.execute(COPY_SUBDISTRICTS, subdistricts)
    await connection.execute(SUM_DISTRICTS, sorted({code[:4] for code in subdistricts}))
