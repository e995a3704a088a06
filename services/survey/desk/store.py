"""Houses, visits to them and who made them, in sets.

A household's id begins with its subdistrict's code, so that what lies in an area is one range of the primary keys of
`house` and `household`, and the two are joined without a look at anything sealed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from services.survey.desk.domain import MOST_TEXT, House, State, lies_between
from services.survey.opening import standing_submissions
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, SealBroken, Sealed

SEALED_FIELD: Final = "house"
MOST_IN_VILLAGE: Final = 2_000
"""Houses of a village that are opened at once, a tenth of a second; the largest have some 1,000."""

# Nobody was met, or it was too long ago. To an erased household, which has no counts, nobody is sent again. Counts are
# kept as they were published, `persons` first: to look at their beginning costs a tenth of reading them as JSON, which
# the coverage of a subdistrict would do thousands of times. A test goes through the real recorder.
_STATE: Final = """CASE WHEN v.household_id IS NULL THEN 'new'
            WHEN v.counts IS NULL THEN 'done'
            WHEN v.captured_at < {before} OR starts_with(v.counts::text, '{{"persons":0,') THEN 'revisit'
            ELSE 'done' END"""

_COLUMNS: Final = f"""
       household_id, coalesce(h.area, v.area) AS area, coalesce(h.village, v.village) AS village, h.volunteer_id,
       h.added_at, v.captured_at AS last_visit_at, coalesce((v.counts->>'wanting')::integer, 0) AS wanting,
       {_STATE.format(before="$3")} AS state, h.key_id, h.wrapped_key, h.sealed
"""

HOUSES: Final = f"""
SELECT *
FROM (
    SELECT {_COLUMNS}
    FROM (SELECT * FROM house WHERE household_id BETWEEN $1 AND $2 AND household_id > $4) AS h
    FULL JOIN (SELECT * FROM household WHERE household_id BETWEEN $1 AND $2 AND household_id > $4) AS v
        USING (household_id)
    WHERE h.household_id IS NOT NULL OR v.counts IS NOT NULL
) AS all_of_it
WHERE ($5::text IS NULL OR coalesce(village, '-') = $5) AND ($6::text IS NULL OR state = $6)
ORDER BY household_id
LIMIT $7
"""  # noqa: S608 - text of this module only

HOUSES_OF_VOLUNTEER: Final = f"""
SELECT *
FROM (
    SELECT {_COLUMNS}
    FROM (SELECT * FROM house WHERE volunteer_id = $8 AND household_id BETWEEN $1 AND $2 AND household_id > $4) AS h
    LEFT JOIN household AS v USING (household_id)
) AS all_of_it
WHERE ($5::text IS NULL OR coalesce(village, '-') = $5) AND ($6::text IS NULL OR state = $6)
ORDER BY household_id
LIMIT $7
"""  # noqa: S608 - text of this module only

COVERAGE: Final = f"""
SELECT area, village,
       count(*) FILTER (WHERE listed) AS listed,
       count(*) FILTER (WHERE listed AND state = 'done') AS done,
       count(*) FILTER (WHERE listed AND state = 'new') AS new,
       count(*) FILTER (WHERE listed AND state = 'revisit') AS revisit,
       count(*) FILTER (WHERE NOT listed) AS off_list,
       count(*) FILTER (WHERE listed AND volunteer_id IS NULL) AS unassigned,
       coalesce(sum(wanting), 0) AS wanting,
       max(last_visit_at) AS last_visit_at
FROM (
    SELECT coalesce(h.area, v.area) AS area, coalesce(h.village, v.village) AS village, h.volunteer_id,
           h.household_id IS NOT NULL AS listed, v.captured_at AS last_visit_at,
           (v.counts->>'wanting')::integer AS wanting, {_STATE.format(before="$3")} AS state
    FROM (SELECT household_id, area, village, volunteer_id FROM house WHERE household_id BETWEEN $1 AND $2) AS h
    FULL JOIN (
        SELECT household_id, area, village, captured_at, counts FROM household WHERE household_id BETWEEN $1 AND $2
    ) AS v ON v.household_id = h.household_id
    WHERE h.household_id IS NOT NULL OR v.counts IS NOT NULL
) AS all_of_it
GROUP BY area, village
ORDER BY area, village NULLS LAST
"""  # noqa: S608 - text of this module only

# Credit for a visit stays whatever the household counts for since; an erasure is nobody's visit.
VOLUNTEERS: Final = f"""
WITH visits AS (
    SELECT volunteer_id,
           count(*) FILTER (WHERE kind = 'survey') AS visits,
           count(DISTINCT household_id) FILTER (WHERE kind = 'survey') AS households,
           count(*) FILTER (WHERE kind = 'follow_up') AS follow_ups,
           count(*) FILTER (WHERE flags IS NOT NULL AND kind = 'survey') AS flagged,
           max(captured_at) AS last_seen_at
    FROM submission
    WHERE household_id BETWEEN $1 AND $2 AND volunteer_id IS NOT NULL
      AND ($4::timestamptz IS NULL OR captured_at >= $4) AND ($5::timestamptz IS NULL OR captured_at < $5)
    GROUP BY volunteer_id
), houses AS (
    SELECT volunteer_id, count(*) AS assigned, count(*) FILTER (WHERE state = 'done') AS done
    FROM (
        SELECT h.volunteer_id, {_STATE.format(before="$3")} AS state
        FROM house AS h LEFT JOIN household AS v USING (household_id)
        WHERE h.household_id BETWEEN $1 AND $2 AND h.volunteer_id IS NOT NULL
    ) AS each
    GROUP BY volunteer_id
)
SELECT volunteer_id, coalesce(visits, 0) AS visits, coalesce(households, 0) AS households,
       coalesce(follow_ups, 0) AS follow_ups, coalesce(flagged, 0) AS flagged, last_seen_at,
       coalesce(assigned, 0) AS assigned, coalesce(done, 0) AS done
FROM visits FULL JOIN houses USING (volunteer_id)
ORDER BY visits DESC NULLS LAST, volunteer_id
LIMIT $6
"""  # noqa: S608 - text of this module only

OF_VILLAGE: Final = """
SELECT household_id, key_id, wrapped_key, sealed
FROM house
WHERE household_id BETWEEN $1 AND $2 AND village IS NOT DISTINCT FROM $3
LIMIT $4
"""

ADD: Final = """
INSERT INTO house (household_id, area, village, volunteer_id, added_at, added_by, key_id, wrapped_key, sealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (household_id) DO NOTHING
"""

LISTED: Final = """
SELECT household_id, village, added_at, key_id, wrapped_key, sealed FROM house WHERE household_id = $1
"""

REMOVE: Final = "DELETE FROM house WHERE household_id = $1 AND starts_with(area, $2)"

# In the order of the ids, so that two who assign overlapping houses wait for each other and do not lock each other out;
# the second then sees the first one's volunteer, and leaves his houses to him.
ASSIGN: Final = """
WITH wanted AS MATERIALIZED (
    SELECT household_id, volunteer_id
    FROM house
    WHERE household_id = ANY ($1::uuid[]) AND starts_with(area, $2)
    ORDER BY household_id
    FOR UPDATE
), assigned AS (
    UPDATE house AS h
    SET volunteer_id = $3
    FROM wanted AS w
    WHERE h.household_id = w.household_id AND w.volunteer_id IS DISTINCT FROM $3
      AND ($4 OR $3 IS NULL OR w.volunteer_id IS NULL)
    RETURNING h.household_id
)
SELECT (SELECT count(*) FROM assigned) AS assigned,
       (SELECT count(*) FROM wanted WHERE volunteer_id IS NOT DISTINCT FROM $3) AS unchanged,
       (SELECT count(*) FROM wanted) AS found
"""


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sealed of a house."""

    house: str
    unit: str | None = None


_addresses = msgspec.json.Decoder(Address)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which houses are asked for: of an area, and where given of a village (`-`: in none), state or volunteer."""

    area: str
    village: str | None = None
    state: State | None = None
    volunteer: UUID | None = None


@dataclass(frozen=True, slots=True)
class Assigned:
    """What came of an assignment, in houses: given now, his already, left to somebody else, not on the list here."""

    assigned: int
    unchanged: int
    held: int
    unknown: int


def households_in(area: str) -> tuple[UUID, UUID]:
    """The lowest and the highest id that a household inside the area may have."""
    return UUID(hex=area.ljust(32, "0")), UUID(hex=area.ljust(32, "f"))


def seal(ring: KeyRing, household_id: UUID, house: House) -> Sealed:
    """What is stored of the address."""
    plain = msgspec.json.encode(Address(house.house, house.unit))
    return ring.seal(plain, household=str(household_id), field=SEALED_FIELD)


async def page(
    connection: Connection, sought: Sought, *, before: datetime, after: UUID | None, limit: int
) -> list[asyncpg.Record]:
    """The next houses by their ids, still sealed. before: a visit older than this is due again."""
    start = after or UUID(int=0)
    asked: list[Any] = [*households_in(sought.area), before, start, sought.village, sought.state, limit]
    if sought.volunteer is not None:
        return await connection.fetch(HOUSES_OF_VOLUNTEER, *asked, sought.volunteer)
    return await connection.fetch(HOUSES, *asked)


async def addresses(connection: Connection, ring: KeyRing, rows: Sequence[asyncpg.Record]) -> dict[UUID, Address]:
    """The addresses of houses on the list, and of others as their visitors wrote them. Who asks notes the reading. What
    cannot be opened has none."""
    off_list = [row["household_id"] for row in rows if row["sealed"] is None]
    found: dict[UUID, Address] = {}
    if off_list:
        for household_id, submission in (await standing_submissions(connection, ring, off_list)).items():
            found[household_id] = Address(submission.address.house[:MOST_TEXT], submission.address.unit)
    for row in rows:
        if row["sealed"] is not None and (address := _opened(ring, row)) is not None:
            found[row["household_id"]] = address
    return found


async def coverage(connection: Connection, area: str, *, before: datetime) -> list[dict[str, Any]]:
    """By village what is on the list, what of it is done, and what is not."""
    return [dict(row) for row in await connection.fetch(COVERAGE, *households_in(area), before)]


async def volunteers(
    connection: Connection, area: str, *, before: datetime, since: datetime | None, until: datetime | None, limit: int
) -> list[dict[str, Any]]:
    """Who was at doors of the area between two moments, and whose houses there are; those with most visits first."""
    found = await connection.fetch(VOLUNTEERS, *households_in(area), before, since, until, limit)
    return [dict(row) for row in found]


async def in_range(
    connection: Connection, ring: KeyRing, area: str, village: str | None, first: str, last: str
) -> list[UUID] | None:
    """The houses of a village (None: those in no village) from one number to another; None where there are more than
    `MOST_IN_VILLAGE`. Who asks notes the reading."""
    rows = await connection.fetch(OF_VILLAGE, *households_in(area), village, MOST_IN_VILLAGE + 1)
    if len(rows) > MOST_IN_VILLAGE:
        return None
    opened = ((row["household_id"], _opened(ring, row)) for row in rows)
    return [one for one, address in opened if address is not None and lies_between(address.house, first, last)]


async def add(
    connection: Connection,
    ring: KeyRing,
    household_id: UUID,
    house: House,
    *,
    volunteer: UUID | None,
    by: UUID,
    now: datetime,
) -> bool:
    """Put a house on the list; False when it stands there already."""
    status = await connection.execute(
        ADD, household_id, house.area, house.village, volunteer, now, by, *seal(ring, household_id, house)
    )
    return status == "INSERT 0 1"


async def listed(connection: Connection, ring: KeyRing, household_id: UUID) -> dict[str, Any] | None:
    """What the list of houses says of one; None when it is not on it. Who asks notes the reading."""
    row = await connection.fetchrow(LISTED, household_id)
    if row is None:
        return None
    address = _opened(ring, row)
    return {
        "village": row["village"],
        "house": None if address is None else address.house,
        "unit": None if address is None else address.unit,
        "added_at": row["added_at"],
    }


async def remove(connection: Connection, household_id: UUID, within: str) -> bool:
    """Take a house off the list; what was surveyed there stays. False when there is none in the area."""
    return await connection.execute(REMOVE, household_id, within) == "DELETE 1"


async def assign(
    connection: Connection, ids: Sequence[UUID], within: str, volunteer: UUID | None, *, take_over: bool
) -> Assigned:
    """Give houses to a volunteer, or to nobody. Those of others stay theirs, unless they are taken over."""
    (row,) = await connection.fetch(ASSIGN, list(ids), within, volunteer, take_over)
    assigned, unchanged, found = row["assigned"], row["unchanged"], row["found"]
    return Assigned(assigned, unchanged, found - assigned - unchanged, len(set(ids)) - found)


def _opened(ring: KeyRing, row: asyncpg.Record) -> Address | None:
    try:
        plain = ring.open_sealed(
            Sealed(row["key_id"], row["wrapped_key"], row["sealed"]),
            household=str(row["household_id"]),
            field=SEALED_FIELD,
        )
    except SealBroken:
        return None
    return _addresses.decode(plain)
