"""Deciding about many who wait, at once: a few statements for all, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from services.registration.domain import people as domain
from services.registration.domain.people import Authority, Person, Refused
from services.registration.domain.sign_ups import Step
from services.registration.store.people import person_of
from services.registration.store.training_duty import untrained
from shared.contracts.events import VolunteerStatus
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.postgres import outbox
from shared.postgres.pool import acquire

# In the order of their ids, so that two who decide about the same persons wait for each other.
LOCK_MANY = """
SELECT p.person_id, p.organisation_id, o.kind, p.area, p.role, p.status, p.registered_at, p.revision
FROM person AS p JOIN organisation AS o USING (organisation_id)
WHERE p.person_id = ANY ($1::uuid[]) AND p.area >= $2 AND p.area < $2 || ':'
ORDER BY p.person_id
FOR UPDATE OF p
"""

# Registered by an appointment whose first day has not come; as services/registration/store/people.py has it for one.
WAIT_FOR_FIRST_DAY = """
SELECT p.person_id
FROM person AS p
JOIN appointment AS a ON a.person_id = p.person_id AND a.appointed_at = p.registered_at
WHERE p.person_id = ANY ($1::uuid[]) AND a.begun_at IS NULL AND a.ended_at IS NULL
"""

APPROVE_MANY = """
UPDATE person AS p
SET status = 'approved', revision = c.revision
FROM unnest($1::uuid[], $2::integer[]) AS c (person_id, revision)
WHERE p.person_id = c.person_id
"""

DECIDE_MANY = """
INSERT INTO decision (person_id, revision, status, role, area, decided_by, decided_at, step, organisation_id)
SELECT person_id, revision, 'approved', role, area, $6, $7, $8, organisation_id
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::uuid[])
     AS c (person_id, revision, role, area, organisation_id)
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one of many: `outcome` is approved, unchanged (it stood so already), not_found, or the code of the
    rule that forbids it; `person` as it stands now, None if it is not the decider's to know."""

    person_id: UUID
    outcome: str
    person: Person | None


async def approve_all(
    pool: asyncpg.Pool[asyncpg.Record],
    ids: Sequence[UUID],
    *,
    authority: Authority,
    by: UUID,
    now: datetime,
    training_required: bool,
) -> Sequence[Result]:
    """Approve all of `ids` who wait inside the authority's area; a result for each, in their order.

    Only those who wait: a suspension is lifted one by one, by somebody who looks at it.
    """
    async with acquire(pool) as connection, connection.transaction():
        found = {
            row["person_id"]: person_of(row) for row in await connection.fetch(LOCK_MANY, list(ids), authority.area)
        }
        held_back = {row["person_id"]: "not_begun" for row in await connection.fetch(WAIT_FOR_FIRST_DAY, list(found))}
        if training_required:
            held_back |= dict.fromkeys(await untrained(connection, found, now=now), "training_required")
        results = [_judged(person_id, found.get(person_id), authority, held_back) for person_id in ids]
        approved = [result.person for result in results if result.outcome == "approved" and result.person is not None]
        if approved:
            revisions = [person.revision for person in approved]
            people = [person.person_id for person in approved]
            await connection.execute(APPROVE_MANY, people, revisions)
            await connection.execute(
                DECIDE_MANY,
                people,
                revisions,
                [person.role for person in approved],
                [person.area for person in approved],
                [person.organisation_id for person in approved],
                by,
                now,
                Step.APPROVAL,
            )
            events = [(str(after.person_id), domain.event_of(found[after.person_id], after)) for after in approved]
            await outbox.append_all(connection, VOLUNTEER_REGISTERED, events, time=now)
    return results


def _judged(person_id: UUID, person: Person | None, authority: Authority, held_back: Mapping[UUID, str]) -> Result:
    if person is None:
        return Result(person_id, "not_found", None)
    try:
        after = domain.decide(person, VolunteerStatus.APPROVED, authority)
    except Refused as refused:
        return Result(person_id, refused.code, person)
    if after is person:
        return Result(person_id, "unchanged", person)
    if person.status is not VolunteerStatus.PENDING:
        return Result(person_id, "not_pending", person)
    if person_id in held_back:
        return Result(person_id, held_back[person_id], person)
    return Result(person_id, "approved", after)
