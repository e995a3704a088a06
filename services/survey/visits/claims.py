"""Claims: who has taken a person to reach, or was given one, until when.

A claim promises a visit by a day (`due_at`) and ends some days after it (`expires_at`): what nobody does is not kept
from others. Every change locks the rows of `reach` first, in the order of their keys, so that of two who want a person
at once exactly one gets him, and the lister waits for neither for longer than a statement.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple
from uuid import UUID

from shared.postgres.pool import Connection

PROMISED: Final = timedelta(days=3)
"""A visit that nobody dates is promised for this time: a working day is always among them."""
GRACE: Final = timedelta(days=4)
"""After the promised day the person is the owner's for so long, and shown as late; then he is free again."""
MOST_DAYS_AHEAD: Final = 30
"""Nobody promises further: who waits longer is better off with somebody else."""
MOST_CLAIMS: Final = 200
"""Persons that one volunteer may hold: twice all those of the 26 houses that a village health volunteer has. Without a
bound one phone could keep a district to itself."""
MOST_AT_ONCE: Final = 200
"""Persons in one request; as many as anybody may hold."""
MOST_ENDED: Final = 5_000
"""Claims that one turn of the keeper ends, in a transaction of a fraction of a second; the next turn takes more."""

Outcome = Literal["claimed", "kept", "taken", "too_many", "not_open", "not_found", "not_yours", "returned"]


class PersonKey(NamedTuple):
    """A person of a household."""

    household_id: UUID
    person_id: UUID


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What became of one person in a change of claims, and whose he is after it.

    outcome: `claimed` (from now), `kept` (it was so already), `taken` (somebody else has him), `too_many` (the owner
    holds as many as one may), `not_open` (there is nothing to do for him any more), `not_found` (not to be reached, or
    in another area), `not_yours` (only one's own claims are given away), `returned` (free again).
    """

    key: PersonKey
    outcome: Outcome
    owner: UUID | None = None
    due_at: datetime | None = None


LOCK_PERSONS = """
SELECT household_id, person_id, status
FROM reach JOIN unnest($1::uuid[], $2::uuid[]) AS asked (household_id, person_id) USING (household_id, person_id)
WHERE starts_with(area, $3)
ORDER BY household_id, person_id
FOR UPDATE OF reach
"""

STANDING = """
SELECT household_id, person_id, volunteer_id, due_at
FROM claim JOIN unnest($1::uuid[], $2::uuid[]) AS asked (household_id, person_id) USING (household_id, person_id)
WHERE expires_at > $3
"""

# Two requests for one volunteer take turns, so that together they keep to what he may hold.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 216))"
HELD = """
SELECT count(*)
FROM claim JOIN reach USING (household_id, person_id)
WHERE volunteer_id = $1 AND expires_at > $2 AND status IN ('open', 'appointed')
"""

PUT_CLAIMS = """
WITH put AS (
    INSERT INTO claim (household_id, person_id, volunteer_id, claimed_at, due_at, expires_at, assigned_by)
    SELECT household_id, person_id, $3, $4, $5, $6, $7
    FROM unnest($1::uuid[], $2::uuid[]) AS asked (household_id, person_id)
    ON CONFLICT (household_id, person_id) DO UPDATE SET
        volunteer_id = excluded.volunteer_id,
        claimed_at   = excluded.claimed_at,
        due_at       = excluded.due_at,
        expires_at   = excluded.expires_at,
        assigned_by  = excluded.assigned_by
    RETURNING household_id, person_id, volunteer_id, due_at
)
UPDATE reach SET owner = put.volunteer_id, owner_due_at = put.due_at
FROM put
WHERE reach.household_id = put.household_id AND reach.person_id = put.person_id
"""

# With the rows of `reach` locked, so that nobody lists the persons anew meanwhile.
END_CLAIMS = """
WITH ended AS (
    DELETE FROM claim USING unnest($1::uuid[], $2::uuid[]) AS asked (household_id, person_id)
    WHERE claim.household_id = asked.household_id AND claim.person_id = asked.person_id
      AND claim.expires_at <= coalesce($3, 'infinity'::timestamptz)
    RETURNING claim.household_id, claim.person_id
)
UPDATE reach SET owner = NULL, owner_due_at = NULL
FROM ended
WHERE reach.household_id = ended.household_id AND reach.person_id = ended.person_id
"""

# Who made an appointment goes on to look after it: the claim lasts until some days behind its day.
KEEP_APPOINTED = """
UPDATE claim SET expires_at = reach.due_at + $2
FROM reach
WHERE claim.expires_at <= $1 AND reach.household_id = claim.household_id AND reach.person_id = claim.person_id
  AND reach.status = 'appointed' AND reach.due_at + $2 > $1
"""

ENDED = "SELECT household_id, person_id FROM claim WHERE expires_at <= $1 ORDER BY household_id, person_id LIMIT $2"


async def take(
    connection: Connection, volunteer: UUID, keys: Sequence[PersonKey], *, area: str, now: datetime, due_at: datetime
) -> list[ClaimResult]:
    """Takes persons of `area` for a volunteer, those that are free and as far as he may hold them; in a transaction."""
    return await _put(connection, volunteer, keys, area=area, now=now, due_at=due_at, assigned_by=None)


async def assign(
    connection: Connection,
    volunteer: UUID,
    keys: Sequence[PersonKey],
    *,
    area: str,
    now: datetime,
    due_at: datetime,
    by: UUID,
) -> list[ClaimResult]:
    """Gives persons of `area` to a volunteer, whosever they were; in a transaction."""
    return await _put(connection, volunteer, keys, area=area, now=now, due_at=due_at, assigned_by=by, from_others=True)


async def hand_over(
    connection: Connection,
    owner: UUID,
    volunteer: UUID,
    keys: Sequence[PersonKey],
    *,
    area: str,
    now: datetime,
    due_at: datetime,
) -> list[ClaimResult]:
    """Gives the owner's own persons to another volunteer; in a transaction."""
    return await _put(
        connection, volunteer, keys, area=area, now=now, due_at=due_at, assigned_by=owner, only_from=owner
    )


async def give_back(
    connection: Connection, keys: Sequence[PersonKey], *, area: str, now: datetime, owner: UUID | None
) -> list[ClaimResult]:
    """Makes persons of `area` free again, only those of `owner` unless None; in a transaction."""
    keys = list(dict.fromkeys(keys))
    found = await _lock(connection, keys, area)
    standing = await _standing(connection, keys, now)
    results: dict[PersonKey, ClaimResult] = {}
    for key in keys:
        holder, due_at = standing.get(key, (None, None))
        if key not in found:
            results[key] = ClaimResult(key, "not_found")
        elif owner is not None and holder is not None and holder != owner:
            results[key] = ClaimResult(key, "not_yours", holder, due_at)
        else:
            results[key] = ClaimResult(key, "returned")
    freed = [key for key in keys if results[key].outcome == "returned"]
    if freed:
        await _end(connection, freed, None)
    return [results[key] for key in keys]


async def end_expired(connection: Connection, now: datetime) -> int:
    """Removes claims that have ended, up to `MOST_ENDED`, and gives those with an appointment more time; in a
    transaction. Returns how many ended."""
    await connection.execute(KEEP_APPOINTED, now, GRACE)
    ended = [PersonKey(*row) for row in await connection.fetch(ENDED, now, MOST_ENDED)]
    if not ended:
        return 0
    await _lock(connection, ended, "")
    await _end(connection, ended, now)
    return len(ended)


async def _put(
    connection: Connection,
    volunteer: UUID,
    keys: Sequence[PersonKey],
    *,
    area: str,
    now: datetime,
    due_at: datetime,
    assigned_by: UUID | None,
    from_others: bool = False,
    only_from: UUID | None = None,
) -> list[ClaimResult]:
    keys = list(dict.fromkeys(keys))
    await connection.execute(ONE_AT_A_TIME, str(volunteer))
    found = await _lock(connection, keys, area)
    standing = await _standing(connection, keys, now)
    room = MOST_CLAIMS - await connection.fetchval(HELD, volunteer, now)
    results: dict[PersonKey, ClaimResult] = {}
    put: list[PersonKey] = []
    for key in keys:
        holder, holder_due_at = standing.get(key, (None, None))
        outcome: Outcome = "claimed"
        if key not in found:
            outcome, holder, holder_due_at = "not_found", None, None
        elif found[key] not in ("open", "appointed"):
            outcome = "not_open"
        elif only_from is not None and holder != only_from:
            outcome = "not_yours"
        elif holder == volunteer and not from_others:
            outcome = "kept"
        elif holder is not None and holder != volunteer and not from_others and only_from is None:
            outcome = "taken"
        elif holder != volunteer and room <= 0:  # below: persons whose claims stood came back on the lists
            outcome = "too_many"
        if outcome == "claimed":
            room -= holder != volunteer
            put.append(key)
            results[key] = ClaimResult(key, outcome, volunteer, due_at)
        else:
            results[key] = ClaimResult(key, outcome, holder, holder_due_at)
    if put:
        await connection.execute(PUT_CLAIMS, *_columns(put), volunteer, now, due_at, due_at + GRACE, assigned_by)
    return [results[key] for key in keys]


async def _lock(connection: Connection, keys: Sequence[PersonKey], area: str) -> dict[PersonKey, str]:
    rows = await connection.fetch(LOCK_PERSONS, *_columns(keys), area)
    return {PersonKey(row[0], row[1]): row[2] for row in rows}


async def _end(connection: Connection, keys: Sequence[PersonKey], until: datetime | None) -> None:
    await connection.execute(END_CLAIMS, *_columns(keys), until)


async def _standing(
    connection: Connection, keys: Sequence[PersonKey], now: datetime
) -> dict[PersonKey, tuple[UUID, datetime]]:
    rows = await connection.fetch(STANDING, *_columns(keys), now)
    return {PersonKey(row[0], row[1]): (row[2], row[3]) for row in rows}


def _columns(keys: Sequence[PersonKey]) -> tuple[list[UUID], list[UUID]]:
    return [key.household_id for key in keys], [key.person_id for key in keys]
