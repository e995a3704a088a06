"""What the monitor reads: results by day, coordinators, and how new they are.

`$1` is the area's code and `$2` the number of digits of the level, as in `services.reporting.store`.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from services.reporting.answers import Stream
from services.reporting.monitor.forecast import Results
from shared.contracts.events import Role
from shared.postgres.pool import Connection

SUMMED_DIGITS: Final = 4
"""Districts are summed up beforehand: the country's provinces are 56,000 rows of 60 days instead of 446,000."""

# $3 and $4 are the period's days, $5 the digits of the rows that are summed up. In the order of `Results`.
RESULTS = """
SELECT left(area, $2) AS area,
       coalesce(sum(submissions) FILTER (WHERE day >= $3), 0)::bigint                                  AS submissions,
       coalesce(sum(households) FILTER (WHERE day >= $3), 0)::bigint                                   AS households,
       coalesce(sum(revisits) FILTER (WHERE day >= $3), 0)::bigint                                     AS revisits,
       coalesce(sum(households + revisits) FILTER (WHERE day > $4::date - 7), 0)::bigint               AS week,
       coalesce(sum(households + revisits) FILTER (WHERE day <= $4::date - 7
                                                     AND day > $4::date - 14), 0)::bigint              AS week_before,
       coalesce(sum(households) FILTER (WHERE day > $4::date - 7), 0)::bigint                          AS new_in_week,
       sum(households)::bigint                                                                         AS total,
       max(day) FILTER (WHERE submissions > 0)                                                         AS last
FROM result_day
WHERE digits = $5 AND day <= $4 AND area >= $1 AND area < $1 || ':'
GROUP BY 1
"""


async def results(connection: Connection, area: str, digits: int, first: date, last: date) -> dict[str, Results]:
    """What was surveyed, by area code; areas without any result until `last` are left out."""
    summed = max(digits, SUMMED_DIGITS)
    rows = await connection.fetch(RESULTS, area, digits, first, last, summed)
    return {row[0]: Results(*row[1:]) for row in rows}


COORDINATORS = """
SELECT left(area, $2) AS area, status, sum(people)::bigint AS people
FROM volunteer_count
WHERE area >= $1 AND area < $1 || ':' AND length(area) >= $2 AND role = ANY ($3::text[])
GROUP BY 1, 2
HAVING sum(people) <> 0
"""

COORDINATOR_ROLES: Final = (Role.DISTRICT_COORDINATOR.value, Role.SUBDISTRICT_COORDINATOR.value)


async def coordinators(connection: Connection, area: str, digits: int) -> dict[str, dict[str, int]]:
    """Coordinators of districts and subdistricts by status, by area code; areas without any are left out."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for code, status, people in await connection.fetch(COORDINATORS, area, digits, COORDINATOR_ROLES):
        found[code][status] = people
    return found


REFRESHED = "SELECT newest, lag, lag_measured_at, refreshed_at FROM result_refresh"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """When the results were copied last, and how new they were then."""

    stream: Stream
    at: datetime | None


async def refreshed(connection: Connection) -> Refreshed:
    """How new the results are."""
    row = await connection.fetchrow(REFRESHED)
    if row is None:
        return Refreshed(Stream(None, None, None), None)
    return Refreshed(Stream(row["newest"], row["lag"], row["lag_measured_at"]), row["refreshed_at"])
