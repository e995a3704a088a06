"""Reads of the figures, rolled up through the area codes, and the tables of denominators.

`$1` is the code of the area that is asked for and `$2` the number of digits of the level that it is broken down to: a
code begins with the code of the area around it, and ':' is the character after '9', so a range of codes is everything
in an area.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

import asyncpg

from services.reporting.answers import (
    AsOf,
    Denominator,
    Figures,
    HelpCounts,
    OrganisationMonth,
    People,
    Place,
    Places,
    Position,
    Stream,
)
from services.reporting.domain import HELP_MEDIAN_OVER, REASONS
from services.reporting.notices import Kind, notify
from services.reporting.projector import VERSION
from shared.contracts.events import FacilityStatus, Reason, Role, VolunteerStatus
from shared.contracts.topics import Topic
from shared.postgres.pool import Connection, acquire

TableKind = Literal["houses", "population", "residents"]
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


@asynccontextmanager
async def snapshot(pool: Pool) -> AsyncIterator[Connection]:
    """A connection whose reads all see the same moment, so that figures and their `as_of` belong together."""
    async with acquire(pool) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection


# How many events wait, and since when that is known.
LAG: Final = """
LEFT JOIN (
    SELECT e.topic,
           sum(greatest(0, e.end_offset - coalesce(p.next_offset, 0)))::bigint AS lag,
           min(e.measured_at) AS measured_at
    FROM stream_end AS e
    LEFT JOIN consumer_position AS p USING (topic, partition)
    GROUP BY e.topic
) AS e USING (topic)"""

AS_OF = f"""
SELECT t.topic, s.newest, e.lag, e.measured_at, EXISTS (SELECT FROM projection_version WHERE version < $2) AS filling
FROM unnest($1::text[]) AS t (topic)
LEFT JOIN stream_progress AS s USING (topic)
{LAG}
"""  # noqa: S608 - the statement above


async def as_of(connection: Connection, topics: Sequence[Topic]) -> AsOf:
    """How new the figures are, per stream."""
    rows = await connection.fetch(AS_OF, [topic.name for topic in topics], VERSION)
    return {row["topic"]: Stream(row["newest"], row["lag"], row["measured_at"], row["filling"]) for row in rows}


# The figures stand in the order of `Figures`.
FIGURES_BY_AREA = """
SELECT left(subdistrict, $2) AS area,
       sum(submissions)::bigint AS submissions,
       sum(superseded)::bigint  AS superseded,
       sum(households)::bigint  AS households,
       sum(revisits)::bigint    AS revisits,
       sum(persons)::bigint     AS persons,
       sum(dose_0)::bigint      AS dose_0,
       sum(dose_1)::bigint      AS dose_1,
       sum(dose_2)::bigint      AS dose_2,
       sum(dose_3)::bigint      AS dose_3,
       sum(wanting)::bigint     AS wanting,
       sum(wanting_608)::bigint AS wanting_608,
       sum(undecided)::bigint   AS undecided,
       sum(refusing)::bigint    AS refusing,
       sum(home_visit)::bigint  AS home_visit,
       sum(follow_ups)::bigint  AS follow_ups,
       sum(followed_up)::bigint AS followed_up,
       sum(vaccinated)::bigint  AS vaccinated
FROM survey_subdistrict
WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
GROUP BY 1
"""


async def figures(connection: Connection, area: str, digits: int) -> dict[str, Figures]:
    """The survey's figures by area code; areas without any are left out."""
    rows = await connection.fetch(FIGURES_BY_AREA, area, digits)
    return {row[0]: Figures._make(row[1:]) for row in rows}


REASONS_BY_AREA: Final = f"""
SELECT left(subdistrict, $2) AS area, {", ".join(f"sum({reason})::bigint" for reason in REASONS)}
FROM survey_subdistrict
WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
GROUP BY 1
"""  # noqa: S608 - names of ours

REASONS_WITHOUT_COLUMN: Final = """
SELECT left(subdistrict, $2) AS area, reason, sum(persons)::bigint AS persons
FROM reason_subdistrict
WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
GROUP BY 1, 2
HAVING sum(persons) <> 0
"""


async def reasons(connection: Connection, area: str, digits: int) -> dict[str, dict[str, int]]:
    """Persons by reason for not being vaccinated, by area code; areas and reasons without any are left out."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for code, *known in await connection.fetch(REASONS_BY_AREA, area, digits):
        found[code] = {reason: persons for reason, persons in zip(Reason, known, strict=True) if persons}
    for code, reason, persons in await connection.fetch(REASONS_WITHOUT_COLUMN, area, digits):
        found[code][reason] = persons
    return found


FLAGS = """
SELECT area, array_agg(flag) AS flags, array_agg(submissions) AS submissions
FROM (
    SELECT left(subdistrict, $2) AS area, flag, sum(submissions)::bigint AS submissions
    FROM flag_subdistrict
    WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
    GROUP BY 1, 2
) AS by_flag
GROUP BY area
"""


async def flags(connection: Connection, area: str, digits: int) -> dict[str, dict[str, int]]:
    """Submissions by quality flag, by area code; areas without any are left out."""
    rows = await connection.fetch(FLAGS, area, digits)
    return {row["area"]: dict(zip(row["flags"], row["submissions"], strict=True)) for row in rows}


DENOMINATORS = """
SELECT DISTINCT ON (area) area, value, source, dated
FROM denominator
WHERE kind = $1 AND area >= $2 AND area < $2 || ':' AND length(area) = ANY ($3::integer[])
ORDER BY area, dated DESC
"""


async def denominators(
    connection: Connection, kind: TableKind, area: str, digits: Sequence[int]
) -> dict[str, Denominator]:
    """By area code, the value of the newest table that names the area; for codes of the given lengths inside `area`."""
    rows = await connection.fetch(DENOMINATORS, kind, area, digits)
    return {row["area"]: Denominator(kind, row["value"], row["source"], row["dated"]) for row in rows}


FRESHNESS = """
SELECT left(area, $2) AS area, kind, status,
       count(*) AS places,
       count(*) FILTER (WHERE confirmed_at >= $3) AS confirmed
FROM facility
WHERE area >= $1 AND area < $1 || ':'
GROUP BY 1, 2, 3
"""


async def freshness(
    connection: Connection, area: str, digits: int, overdue_before: datetime
) -> dict[str, dict[str, Places]]:
    """Places by area code and kind. Closed ones are counted in `statuses` alone: nobody has to confirm them."""
    statuses: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    confirmed: dict[tuple[str, str], int] = defaultdict(int)
    for row in await connection.fetch(FRESHNESS, area, digits, overdue_before):
        key = (row["area"], row["kind"])
        statuses[key][row["status"]] = row["places"]
        if row["status"] != FacilityStatus.CLOSED:
            confirmed[key] += row["confirmed"]
    found: dict[str, dict[str, Places]] = defaultdict(dict)
    for (code, kind), places in statuses.items():
        total = sum(places.values()) - places.get(FacilityStatus.CLOSED, 0)
        fresh = confirmed[code, kind]
        found[code][kind] = Places(total, fresh, total - fresh, places)
    return found


PLACES = """
SELECT *
FROM facility
WHERE area >= $1 AND area < $1 || ':' AND (area, facility_id) > ($2, $3::uuid)
ORDER BY area, facility_id
LIMIT $4
"""

PlaceKey = tuple[str, UUID]
FIRST_PLACE: Final[PlaceKey] = ("", UUID(int=0))


async def places(
    connection: Connection, area: str, after: PlaceKey, limit: int, overdue_before: datetime
) -> list[Place]:
    """Places inside `area` in the order of area and id, beginning behind `after`."""
    return [
        Place(
            str(row["facility_id"]),
            row["kind"],
            row["name"],
            row["area"],
            row["status"],
            None if row["lat"] is None else Position(row["lat"], row["lon"]),
            row["capacity"],
            row["free"],
            row["updated_at"],
            row["confirmed_at"],
            row["status"] != FacilityStatus.CLOSED and row["confirmed_at"] < overdue_before,
        )
        for row in await connection.fetch(PLACES, area, *after, limit)
    ]


HELP = """
WITH counted AS (
    SELECT left(area, $2) AS area,
           sum(requests)::bigint AS asked,
           sum(requests * (status IN ('waiting', 'accepted', 'helping'))::integer)::bigint AS open,
           sum(requests * (status = 'waiting')::integer)::bigint                           AS waiting,
           sum(requests * (status = 'accepted')::integer)::bigint                          AS accepted,
           sum(requests * (status = 'helping')::integer)::bigint                           AS helping,
           sum(requests * (status = 'done')::integer)::bigint                              AS done
    FROM help_count
    WHERE area >= $1 AND area < $1 || ':'
    GROUP BY 1
), late AS (
    SELECT left(area, $2) AS area, count(*) AS overdue
    FROM help_request
    WHERE area >= $1 AND area < $1 || ':' AND deadline < $3
    GROUP BY 1
), taken AS (
    SELECT left(area, $2) AS area, count(*) AS requests,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM accepted_at - asked_at)) AS median
    FROM help_request
    WHERE area >= $1 AND area < $1 || ':' AND accepted_at > $4 AND asked_at IS NOT NULL
    GROUP BY 1
)
SELECT area, asked, open, waiting, accepted, helping, done,
       coalesce(overdue, 0) AS overdue, coalesce(taken.requests, 0) AS accepted_lately,
       round(taken.median)::bigint AS median_seconds
FROM counted LEFT JOIN late USING (area) LEFT JOIN taken USING (area)
"""


async def help_requests(connection: Connection, area: str, digits: int, now: datetime) -> dict[str, HelpCounts]:
    """Requests for help by area code; areas without any are left out. now: when they are overdue."""
    rows = await connection.fetch(HELP, area, digits, now, now - HELP_MEDIAN_OVER)
    return {code: HelpCounts(*counts) for code, *counts in rows}


VOLUNTEERS = """
SELECT CASE WHEN length(area) >= $2 THEN left(area, $2) END AS area,
       coalesce(organisation_kind, 'none') AS organisation_kind, role, status,
       sum(people)::bigint AS people
FROM volunteer_count
WHERE area >= $1 AND area < $1 || ':'
GROUP BY 1, 2, 3, 4
HAVING sum(people) <> 0
"""


async def volunteers(connection: Connection, area: str, digits: int) -> dict[str | None, People]:
    """People by area code; under None those whose role is held in an area wider than the level."""
    roles: dict[str | None, dict[str, dict[str, int]]] = {}
    kinds: dict[str | None, dict[str, dict[str, int]]] = {}
    for row in await connection.fetch(VOLUNTEERS, area, digits):
        statuses = roles.setdefault(row["area"], {}).setdefault(row["role"], {})
        statuses[row["status"]] = statuses.get(row["status"], 0) + row["people"]
        if row["role"] == Role.VOLUNTEER:
            kinds.setdefault(row["area"], {}).setdefault(row["organisation_kind"], {})[row["status"]] = row["people"]
    return {code: people(kinds.get(code, {}), by_role) for code, by_role in roles.items()}


def people(kinds: Mapping[str, Mapping[str, int]], roles: Mapping[str, Mapping[str, int]]) -> People:
    """People of one area, from those counts that are not zero."""
    of_volunteers = roles.get(Role.VOLUNTEER, {})
    return People(
        pending=of_volunteers.get(VolunteerStatus.PENDING, 0),
        approved=of_volunteers.get(VolunteerStatus.APPROVED, 0),
        suspended=of_volunteers.get(VolunteerStatus.SUSPENDED, 0),
        withdrawn=of_volunteers.get(VolunteerStatus.WITHDRAWN, 0),
        organisation_kinds=kinds,
        roles=roles,
    )


ORGANISATION_MONTHS = """
SELECT to_char(month, 'YYYY-MM') AS month,
       count(DISTINCT volunteer_id) FILTER (WHERE submissions > 0) AS volunteers,
       sum(submissions)::bigint AS submissions,
       sum(superseded)::bigint  AS superseded
FROM volunteer_month
WHERE organisation_id = $1
GROUP BY volunteer_month.month
ORDER BY volunteer_month.month DESC
LIMIT $2
"""


async def organisation_months(connection: Connection, organisation_id: UUID, limit: int) -> list[OrganisationMonth]:
    """What an organisation's volunteers did, the latest month first."""
    return [OrganisationMonth(*row) for row in await connection.fetch(ORGANISATION_MONTHS, organisation_id, limit)]


LOCK_DENOMINATORS = "LOCK TABLE denominator IN SHARE ROW EXCLUSIVE MODE"

DELETE_DENOMINATORS = "DELETE FROM denominator WHERE kind = $1 AND dated = $2"

INSERT_DENOMINATORS = """
INSERT INTO denominator (kind, dated, source, set_by, area, value, derived)
SELECT $1, $2, $3, $4, c.area, c.value, c.derived
FROM unnest($5::text[], $6::bigint[], $7::boolean[]) AS c (area, value, derived)
"""


async def replace_denominators(
    connection: Connection,
    kind: TableKind,
    dated: date,
    source: str,
    set_by: UUID,
    *,
    given: Mapping[str, int],
    derived: Mapping[str, int],
) -> None:
    """Puts a dated table in the place of the one of the same kind and date; whole or not at all."""
    async with connection.transaction():
        # Two writers of one table go one after the other; readers are not held up.
        await connection.execute(LOCK_DENOMINATORS)
        await connection.execute(DELETE_DENOMINATORS, kind, dated)
        await connection.execute(
            INSERT_DENOMINATORS,
            kind,
            dated,
            source,
            set_by,
            [*given, *derived],
            [*given.values(), *derived.values()],
            [False] * len(given) + [True] * len(derived),
        )
        await notify(connection, Kind.DENOMINATORS, None)


PUT_ENDS = """
INSERT INTO stream_end (topic, partition, end_offset, measured_at)
SELECT topic, partition, end_offset, $4
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS c (topic, partition, end_offset)
ORDER BY topic, partition
ON CONFLICT (topic, partition) DO UPDATE SET end_offset = excluded.end_offset, measured_at = excluded.measured_at
"""


async def put_ends(connection: Connection, ends: Mapping[tuple[str, int], int], measured_at: datetime) -> None:
    """Notes where each partition (topic, number) ends."""
    await connection.execute(
        PUT_ENDS,
        [topic for topic, _ in ends],
        [partition for _, partition in ends],
        list(ends.values()),
        measured_at,
    )
