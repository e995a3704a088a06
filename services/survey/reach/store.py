"""Persons to reach, follow-ups and erasures in the survey database: one statement for all households of a batch."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.survey.household import FollowUp, Household, Reached
from shared.postgres.pool import Connection

REACHED = f"SELECT {', '.join(Reached._fields)} FROM reach WHERE household_id = ANY ($1::uuid[])"  # noqa: S608

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

END_REACH = "DELETE FROM reach WHERE household_id = ANY ($1::uuid[])"

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


async def bring_persons(
    connection: Connection, by_id: Mapping[UUID, Household], named: Sequence[tuple[UUID, UUID]]
) -> None:
    """Gives stored households (by id) their persons to reach and the follow-ups that may still be applied.

    named: households and persons whom the batch's surveys name; of those who are not to reach yet, when a visit first
    heard of them is looked for in the household's earlier surveys.
    """
    if not by_id:
        return
    persons: dict[UUID, list[Reached]] = defaultdict(list)
    for row in await connection.fetch(REACHED, list(by_id)):
        persons[row[0]].append(Reached(*row))
    for household_id, rows in persons.items():
        by_id[household_id].know(rows)
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


async def put_persons(connection: Connection, households: Collection[Household]) -> None:
    """Writes the persons to reach of those households in which they have changed, and the new follow-ups. Of those who
    are erased nobody holds a claim any more."""
    changed: list[UUID] = []
    persons: list[Reached] = []
    follow_ups: list[tuple[Any, ...]] = []
    for one in households:
        if one.reach_changed:
            if one.stored:
                changed.append(one.household_id)
            persons += one.reach.values()
        follow_ups += [(one.household_id, *follow_up) for follow_up in one.new_follow_ups]
    if changed:
        await connection.execute(END_REACH, changed)
    if erased := [one for one in households if one.left is not None]:
        await connection.execute(FORGET_CLAIMS, [one.household_id for one in erased], *_left(erased))
    if persons:
        await connection.copy_records_to_table("reach", records=persons, columns=Reached._fields)
    if follow_ups:
        await connection.copy_records_to_table("follow_up", records=follow_ups, columns=FOLLOW_UP_COLUMNS)


async def forget(connection: Connection, households: Iterable[Household]) -> None:
    """Destroys what erasures end, once the batch's submissions are written and before its follow-ups are: the keys to
    everything sealed, the indexes of persons and the follow-ups, but for what came after the erasure and for those who
    are left."""
    erased = [one for one in households if one.left is not None]
    if not erased:
        return
    ids = [one.household_id for one in erased]
    kept = [record for one in erased for record in one.kept]
    await connection.execute(FORGET_FOLLOW_UPS, ids, *_left(erased))
    await connection.execute(FORGET_PERSONS, ids, [person for record in kept for person in record.persons])
    await connection.execute(DESTROY_KEYS, ids, [record.submission_id for record in kept])


def _left(erased: Iterable[Household]) -> tuple[list[UUID], list[UUID]]:
    left = [(one.household_id, person) for one in erased for person in one.left or ()]
    return [household for household, _ in left], [person for _, person in left]
