"""The survey database, in sets: one statement for all rows of a batch."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from services.survey.domain import Visit
from services.survey.household import Household
from services.survey.quality import Sighting
from shared.contracts.partitioning import partition_of
from shared.contracts.topics import NUMBERS_OF_PARTITIONS, SUBDISTRICT_CHARACTERS
from shared.postgres.pool import Connection

# In the order of the locks, so that two who want several of them never lock each other out.
HOLD = "SELECT pg_advisory_xact_lock($1, one.lock) FROM unnest($2::integer[]) AS one (lock)"

KNOWN_SUBMISSIONS = "SELECT submission_id, digest FROM submission WHERE submission_id = ANY ($1::uuid[])"

HOUSEHOLDS = """
SELECT household_id, revision, submission_id, captured_at, counts, reach, followed_at, erased_at, erased_by
FROM household
WHERE household_id = ANY ($1::uuid[])
"""

CHANGE_HOUSEHOLDS = """
UPDATE household AS h
SET revision = c.revision, submission_id = c.submission_id, captured_at = c.captured_at, counts = c.counts,
    reach = c.reach, village = coalesce(h.village, c.village), followed_at = c.followed_at, erased_at = c.erased_at,
    erased_by = c.erased_by
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::timestamptz[], $6::json[], $7::json[],
            $8::timestamptz[], $9::timestamptz[], $10::uuid[])
     AS c (household_id, village, revision, submission_id, captured_at, counts, reach, followed_at, erased_at,
           erased_by)
WHERE h.household_id = c.household_id
"""

SIGHTINGS = """
SELECT volunteer_id, captured_at, cell_row, cell_column
FROM volunteer_sighting
WHERE volunteer_id = ANY ($1::uuid[])
"""

PUT_SIGHTINGS = """
INSERT INTO volunteer_sighting AS v (volunteer_id, captured_at, cell_row, cell_column)
SELECT *
FROM unnest($1::uuid[], $2::timestamptz[], $3::smallint[], $4::smallint[])
     AS c (volunteer_id, captured_at, cell_row, cell_column)
ORDER BY volunteer_id
ON CONFLICT (volunteer_id) DO UPDATE SET
    captured_at = excluded.captured_at,
    cell_row    = excluded.cell_row,
    cell_column = excluded.cell_column
WHERE v.captured_at < excluded.captured_at
"""

CLAIM_PERSONS = """
INSERT INTO person_index (blind_index, household_id)
SELECT * FROM unnest($1::bytea[], $2::uuid[]) AS c (blind_index, household_id)
ORDER BY blind_index
ON CONFLICT (blind_index) DO NOTHING
"""

HOUSEHOLDS_OF_PERSONS = "SELECT blind_index, household_id FROM person_index WHERE blind_index = ANY ($1::bytea[])"

RECORDED_FROM = """
SELECT submission_id, household_id, volunteer_id, organisation_id, area, captured_at, recorded_at, kind, outcome,
revision,
       before, after, flags, partition, sequence, previous
FROM submission
WHERE partition = $1 AND sequence >= $2
ORDER BY sequence
LIMIT $3
"""

SUBMISSION_FATE = """
SELECT volunteer_id, area, captured_at, recorded_at, outcome, revision, kind, flags
FROM submission
WHERE submission_id = $1 AND (volunteer_id = $2 OR starts_with(area, $3))
"""

SUBMISSION_REPEATS = """
SELECT received_at, CASE WHEN same_content THEN 'duplicate' ELSE 'rejected' END AS outcome
FROM repeated_submission
WHERE submission_id = $1 AND (volunteer_id = $2 OR starts_with(area, $3))
ORDER BY sequence
LIMIT 20
"""

# Each half walks its index back from the cursor. Partition and sequence name a record of survey-intake, which stands in
# one of the two tables, so that the order is total.
OWN_SUBMISSIONS = """
SELECT *
FROM (
    (SELECT submission_id, kind, area, captured_at, received_at, recorded_at, outcome, revision, flags, partition,
            sequence
     FROM submission
     WHERE volunteer_id = $1 AND (received_at, partition, sequence) < ($2, $3, $4)
     ORDER BY received_at DESC, partition DESC, sequence DESC
     LIMIT $5)
    UNION ALL
    (SELECT submission_id, NULL, area, NULL, received_at, NULL,
            CASE WHEN same_content THEN 'duplicate' ELSE 'rejected' END, NULL, NULL, partition, sequence
     FROM repeated_submission
     WHERE volunteer_id = $1 AND (received_at, partition, sequence) < ($2, $3, $4)
     ORDER BY received_at DESC, partition DESC, sequence DESC
     LIMIT $5)
) AS arrival
ORDER BY received_at DESC, partition DESC, sequence DESC
LIMIT $5
"""

COUNTS = """
WITH households AS (
    SELECT area,
           count(*) AS households,
           coalesce(sum((counts->>'persons')::integer), 0) AS persons,
           coalesce(sum((counts->>'dose_0')::integer), 0) AS dose_0,
           coalesce(sum((counts->>'dose_1')::integer), 0) AS dose_1,
           coalesce(sum((counts->>'dose_2')::integer), 0) AS dose_2,
           coalesce(sum((counts->>'dose_3')::integer), 0) AS dose_3,
           coalesce(sum((counts->>'wanting')::integer), 0) AS wanting,
           coalesce(sum((counts->>'wanting_608')::integer), 0) AS wanting_608,
           coalesce(sum((counts->>'undecided')::integer), 0) AS undecided,
           coalesce(sum((counts->>'refusing')::integer), 0) AS refusing,
           coalesce(sum((counts->>'home_visit')::integer), 0) AS home_visit
    FROM household
    WHERE counts IS NOT NULL AND household_id BETWEEN $1 AND $2
    GROUP BY area
), submissions AS (
    SELECT area, count(volunteer_id) AS submissions,
           count(volunteer_id) FILTER (WHERE outcome = 'superseded') AS superseded
    FROM submission
    WHERE household_id BETWEEN $1 AND $2
    GROUP BY area
), reasons AS (
    SELECT area, json_object_agg(reason, persons) AS reasons
    FROM (
        SELECT area, reason, sum(persons::integer) AS persons
        FROM household, json_each_text(counts->'reasons') AS given (reason, persons)
        WHERE counts IS NOT NULL AND household_id BETWEEN $1 AND $2
        GROUP BY area, reason
    ) AS by_reason
    GROUP BY area
), flags AS (
    SELECT area, json_object_agg(flag, submissions) AS flags
    FROM (
        SELECT area, flag, count(*) AS submissions
        FROM submission, unnest(flags) AS flag
        WHERE household_id BETWEEN $1 AND $2
        GROUP BY area, flag
    ) AS by_flag
    GROUP BY area
)
SELECT area, submissions, superseded, coalesce(households, 0) AS households, coalesce(persons, 0) AS persons,
       coalesce(dose_0, 0) AS dose_0, coalesce(dose_1, 0) AS dose_1, coalesce(dose_2, 0) AS dose_2,
       coalesce(dose_3, 0) AS dose_3, coalesce(wanting, 0) AS wanting, coalesce(wanting_608, 0) AS wanting_608,
       coalesce(undecided, 0) AS undecided, coalesce(refusing, 0) AS refusing, coalesce(home_visit, 0) AS home_visit,
       coalesce(reasons, '{}') AS reasons, coalesce(flags, '{}') AS flags
FROM submissions LEFT JOIN households USING (area) LEFT JOIN reasons USING (area) LEFT JOIN flags USING (area)
ORDER BY area
"""

DAYS = """
SELECT (captured_at AT TIME ZONE 'Asia/Bangkok')::date AS day,
       count(volunteer_id) FILTER (WHERE sign = 1) AS submissions,
       count(volunteer_id) FILTER (WHERE sign = 1 AND outcome = 'superseded') AS superseded,
       coalesce(sum(sign) FILTER (WHERE counts IS NOT NULL), 0) AS households,
       coalesce(sum(sign * (counts->>'persons')::integer), 0) AS persons,
       coalesce(sum(sign * (counts->>'dose_0')::integer), 0) AS dose_0,
       coalesce(sum(sign * (counts->>'dose_1')::integer), 0) AS dose_1,
       coalesce(sum(sign * (counts->>'dose_2')::integer), 0) AS dose_2,
       coalesce(sum(sign * (counts->>'dose_3')::integer), 0) AS dose_3,
       coalesce(sum(sign * (counts->>'wanting')::integer), 0) AS wanting,
       coalesce(sum(sign * (counts->>'wanting_608')::integer), 0) AS wanting_608,
       coalesce(sum(sign * (counts->>'undecided')::integer), 0) AS undecided,
       coalesce(sum(sign * (counts->>'refusing')::integer), 0) AS refusing,
       coalesce(sum(sign * (counts->>'home_visit')::integer), 0) AS home_visit
FROM submission, LATERAL (VALUES (after, 1), (before, -1)) AS c (counts, sign)
WHERE household_id BETWEEN $1 AND $2
GROUP BY 1
ORDER BY 1
"""

SUBMISSION_COLUMNS = (
    "submission_id",
    "household_id",
    "volunteer_id",
    "organisation_id",
    "area",
    "captured_at",
    "received_at",
    "recorded_at",
    "kind",
    "outcome",
    "revision",
    "before",
    "after",
    "digest",
    "partition",
    "sequence",
    "previous",
    "key_id",
    "wrapped_key",
    "sealed",
    "flags",
    "persons",
    "reach",
    "notice",
)

REPEATED_COLUMNS = (
    "partition",
    "sequence",
    "submission_id",
    "volunteer_id",
    "area",
    "received_at",
    "same_content",
)


class Arrival(NamedTuple):
    """When a record of `survey-intake` was received, and which one it is."""

    received_at: datetime
    partition: int
    sequence: int


NEWEST = Arrival(datetime.max.replace(tzinfo=UTC), 0, 0)
"""Later than every arrival."""


HOUSEHOLD_COLUMNS = (
    "household_id",
    "area",
    "village",
    "revision",
    "submission_id",
    "captured_at",
    "counts",
    "reach",
    "followed_at",
    "erased_at",
    "erased_by",
)


class Work(IntEnum):
    """What nobody else may do with a household at the same time; the numbers name the locks in the database."""

    RECORDING = 7_231_101
    LISTING = 7_231_102


async def hold(connection: Connection, work: Work, households: Iterable[UUID]) -> None:
    """Waits until nobody else does this work with a household of the same subdistricts, and keeps others from it until
    the transaction ends.

    While the topics keep their number of partitions nobody ever waits: a subdistrict's records are in one partition,
    which one process owns. After they have grown they may be in two for a while, or for as long as a process that does
    not know it yet still writes; then what both partitions tell of a household is worked on in turn all the same. There
    are as many locks as partitions at the most: subdistricts that share a lock share a partition, whatever the number.
    """
    subdistricts = {household_id.hex[:SUBDISTRICT_CHARACTERS] for household_id in households}
    locks = {partition_of(subdistrict, NUMBERS_OF_PARTITIONS[-1]) for subdistrict in subdistricts}
    await connection.execute(HOLD, work, sorted(locks))


async def known_submissions(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """Which of `ids` are recorded, with the digest of their content."""
    return {row[0]: row[1] for row in await connection.fetch(KNOWN_SUBMISSIONS, ids)}


async def households(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Household]:
    """The stored ones of `ids`, without their follow-ups."""
    found = {}
    for household_id, revision, submission_id, captured_at, *others in await connection.fetch(HOUSEHOLDS, ids):
        visit = None if submission_id is None else Visit(captured_at, submission_id)
        found[household_id] = Household(household_id, revision, visit, *others, stored=True)
    return found


async def put_households(connection: Connection, households: Iterable[Household]) -> None:
    """Stores what has changed: new ones by COPY, which costs a third of an upsert; of known ones, where they are
    stays."""
    added: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for one in households:
        if one.changed:
            captured_at, submission_id = one.visit or (None, None)
            place, state = (one.household_id, one.area, one.village), (one.followed_at, one.erased_at, one.erased_by)
            row = (*place, one.revision, submission_id, captured_at, one.counts, one.reach_text, *state)
            (changed if one.stored else added).append(row)
    if added:
        await connection.copy_records_to_table("household", records=added, columns=HOUSEHOLD_COLUMNS)
    if changed:
        ids, _, *columns = map(list, zip(*changed, strict=True))
        await connection.execute(CHANGE_HOUSEHOLDS, ids, *columns)


async def add_submissions(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Adds rows of `SUBMISSION_COLUMNS`; raises UniqueViolationError when an id was recorded in the meantime."""
    if rows:
        await connection.copy_records_to_table("submission", records=rows, columns=SUBMISSION_COLUMNS)


async def add_repeated(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Adds rows of `REPEATED_COLUMNS`."""
    if rows:
        await connection.copy_records_to_table("repeated_submission", records=rows, columns=REPEATED_COLUMNS)


async def last_sightings(connection: Connection, volunteers: Sequence[UUID]) -> dict[UUID, Sighting]:
    """Where and when those of `volunteers` were last at a door who ever were at one with a position."""
    if not volunteers:
        return {}
    return {row[0]: Sighting(*row[1:]) for row in await connection.fetch(SIGHTINGS, volunteers)}


async def put_sightings(connection: Connection, seen: Mapping[UUID, Sighting]) -> None:
    """Moves volunteers' last sightings forward; an older one changes nothing.

    In the order of volunteers, so that two recorders that meet in some wait for each other instead of locking each
    other out.
    """
    if seen:
        await connection.execute(PUT_SIGHTINGS, list(seen), *map(list, zip(*seen.values(), strict=True)))


async def first_households(connection: Connection, persons: Mapping[bytes, UUID]) -> dict[bytes, UUID]:
    """In which household each person was recorded first, by blind index; those in none yet, in the given one from now.

    Of two recorders that meet a new person at once, the second waits here for the first one's commit, and then sees
    it. In the order of persons, so that they never lock each other out.
    """
    if not persons:
        return {}
    found = await _households_of(connection, persons)
    new = {person: household for person, household in persons.items() if person not in found}
    if new:
        status = await connection.execute(CLAIM_PERSONS, list(new), list(new.values()))
        if status != f"INSERT 0 {len(new)}":  # another recorder was there first
            new |= await _households_of(connection, new)
    return found | new


async def _households_of(connection: Connection, persons: Mapping[bytes, UUID]) -> dict[bytes, UUID]:
    return {row[0]: row[1] for row in await connection.fetch(HOUSEHOLDS_OF_PERSONS, list(persons))}


async def recorded_from(connection: Connection, partition: int, sequence: int, limit: int) -> list[asyncpg.Record]:
    """Recorded submissions of a partition from a sequence on, in order."""
    return await connection.fetch(RECORDED_FROM, partition, sequence, limit)


async def submission_fate(
    connection: Connection, submission_id: UUID, subject: UUID, area: str | None
) -> tuple[asyncpg.Record | None, list[asyncpg.Record]]:
    """What became of a submission, and of others under its id; only of the subject's own and, unless None, of
    `area`."""
    scope = "-" if area is None else area  # no area begins with a dash
    fate = await connection.fetchrow(SUBMISSION_FATE, submission_id, subject, scope)
    return fate, await connection.fetch(SUBMISSION_REPEATS, submission_id, subject, scope)


async def own_submissions(connection: Connection, volunteer: UUID, before: Arrival, limit: int) -> list[asyncpg.Record]:
    """What a volunteer sent and the recorder took, recorded or repeated, received before `before`, newest first."""
    return await connection.fetch(OWN_SUBMISSIONS, volunteer, *before, limit)


async def counts(connection: Connection, area: str) -> list[dict[str, Any]]:
    """The survey's own sums by subdistrict inside `area`, counted from its tables; `reasons` (persons) and `flags`
    (submissions) by name."""
    return [
        dict(row) | {name: msgspec.json.decode(row[name]) for name in ("reasons", "flags")}
        for row in await connection.fetch(COUNTS, *_households(area))
    ]


async def days(connection: Connection, area: str) -> list[dict[str, Any]]:
    """By how much each day in Thailand changed the survey's sums of an area, by when the doors were visited; a
    superseded submission leaves them as they were, its counts before and after are the same."""
    return [dict(row) for row in await connection.fetch(DAYS, *_households(area))]


def _households(area: str) -> tuple[UUID, UUID]:
    """The lowest and the highest id that a household inside the area may have: they begin with its code, by which what
    lies inside it is found in the indexes of both tables (see `HouseholdIds`)."""
    return UUID(hex=area.ljust(32, "0")), UUID(hex=area.ljust(32, "f"))
