"""Follow-ups, and what erasures end, in the survey database: one statement for all households of a batch."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from services.survey.household import FollowUp, Household
from shared.postgres.pool import Connection

# Of those before the standing visit none is applied any more, whatever comes.
FOLLOW_UPS = """
SELECT f.household_id, f.captured_at, f.submission_id, f.person_id, f.outcome, f.dose, f.due_at, f.facility_id
FROM follow_up AS f JOIN household AS h USING (household_id)
WHERE f.household_id = ANY ($1::uuid[]) AND (h.captured_at IS NULL OR f.captured_at >= h.captured_at)
ORDER BY f.captured_at, f.submission_id
"""

HEARD = """
SELECT s.household_id, person, min(s.captured_at)
FROM submission AS s, unnest(s.reach) AS person
WHERE s.household_id = ANY ($1::uuid[])
GROUP BY 1, 2
"""

FORGET_REACH = """
DELETE FROM reach AS r
WHERE household_id = ANY ($1::uuid[])
      AND NOT EXISTS (SELECT FROM unnest($2::uuid[], $3::uuid[]) AS kept (household_id, person_id)
                      WHERE (kept.household_id, kept.person_id) = (r.household_id, r.person_id))
"""

FORGET_FOLLOW_UPS = """
DELETE FROM follow_up AS f
WHERE household_id = ANY ($1::uuid[])
      AND NOT EXISTS (SELECT FROM unnest($2::uuid[], $3::uuid[]) AS kept (household_id, person_id)
                      WHERE (kept.household_id, kept.person_id) = (f.household_id, f.person_id))
"""

# Not before the rows of `reach` are locked: whoever is taking a person on holds his row until his claim is committed.
FORGET_CLAIMS = """
DELETE FROM claim AS c
WHERE household_id = ANY ($1::uuid[])
      AND NOT EXISTS (SELECT FROM unnest($2::uuid[], $3::uuid[]) AS kept (household_id, person_id)
                      WHERE (kept.household_id, kept.person_id) = (c.household_id, c.person_id))
"""

FORGET_PERSONS = """
DELETE FROM person_index AS p
USING submission AS s
WHERE s.household_id = ANY ($1::uuid[]) AND p.household_id = s.household_id AND p.blind_index = ANY (s.persons)
      AND p.blind_index <> ALL ($2::bytea[])
"""

DESTROY_KEYS = """
UPDATE submission
SET wrapped_key = NULL, persons = NULL, reach = NULL
WHERE household_id = ANY ($1::uuid[]) AND submission_id <> ALL ($2::uuid[])
      AND (wrapped_key IS NOT NULL OR persons IS NOT NULL OR reach IS NOT NULL)
"""

FOLLOW_UP_COLUMNS = (
    "household_id",
    "captured_at",
    "submission_id",
    "person_id",
    "outcome",
    "dose",
    "due_at",
    "facility_id",
)


async def bring_follow_ups(
    connection: Connection, by_id: Mapping[UUID, Household], named: Sequence[tuple[UUID, UUID]]
) -> None:
    """Gives stored households (by id) the follow-ups that may still be applied.

    named: households and persons whom the batch's surveys name; of those who are not to reach yet, when a visit first
    heard of them is looked for in the household's earlier surveys.
    """
    followed = [one.household_id for one in by_id.values() if one.followed_at is not None]
    if followed:
        follow_ups: dict[UUID, list[FollowUp]] = defaultdict(list)
        for household_id, *follow_up in await connection.fetch(FOLLOW_UPS, followed):
            follow_ups[household_id].append(FollowUp(*follow_up))
        for household_id, found in follow_ups.items():
            by_id[household_id].follow_ups = found
    unheard = {one for one, person in named if one in by_id and person not in by_id[one].heard}
    if unheard:
        for household_id, person_id, since in await connection.fetch(HEARD, list(unheard)):
            by_id[household_id].heard = {**by_id[household_id].heard, person_id: since}


async def put_follow_ups(connection: Connection, households: Iterable[Household]) -> None:
    """Writes the new follow-ups."""
    rows = [(one.household_id, *follow_up) for one in households for follow_up in one.new_follow_ups]
    if rows:
        await connection.copy_records_to_table("follow_up", records=rows, columns=FOLLOW_UP_COLUMNS)


async def forget(connection: Connection, households: Iterable[Household]) -> None:
    """Destroys what erasures end, once the batch's submissions are written and before its follow-ups are: the keys to
    everything sealed, the indexes of persons and the follow-ups, but for what came after the erasure and for those who
    are left; and what the lists have of it, which the lister would remove too, but not before it is told so."""
    erased = [one for one in households if one.left is not None]
    if not erased:
        return
    ids = [one.household_id for one in erased]
    kept = [record for one in erased for record in one.kept]
    await connection.execute(FORGET_FOLLOW_UPS, ids, *_left(erased))
    await connection.execute(FORGET_REACH, ids, *_left(erased))
    await connection.execute(FORGET_CLAIMS, ids, *_left(erased))
    await connection.execute(FORGET_PERSONS, ids, [person for record in kept for person in record.persons])
    await connection.execute(DESTROY_KEYS, ids, [record.submission_id for record in kept])


def _left(erased: Iterable[Household]) -> tuple[list[UUID], list[UUID]]:
    left = [(one.household_id, person) for one in erased for person in one.left or ()]
    return [household for household, _ in left], [person for _, person in left]
