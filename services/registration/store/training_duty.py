"""Which required courses somebody has not completed: asked by sign-in, approvals and the training itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.registration.domain.people import Person
from services.registration.domain.trainings import TrainingRefused
from shared.contracts.events import Role, VolunteerStatus
from shared.postgres.pool import Connection

# By person or by phone, each by its own index: somebody may be trained before he is registered.
MISSING = """
SELECT c.course_id, c.title_th, c.title_en, (
    SELECT max(t.valid_until) FROM training_completion AS t WHERE t.course_id = c.course_id AND t.person_id = $1
) AS expired_at
FROM training_course AS c
WHERE c.retired_at IS NULL AND $2 = ANY(c.required_for) AND starts_with($3, c.area)
  AND NOT EXISTS (
      SELECT FROM training_completion AS t
      WHERE t.course_id = c.course_id AND t.person_id = $1 AND (t.valid_until IS NULL OR t.valid_until > $4)
  )
  AND NOT EXISTS (
      SELECT FROM training_completion AS t
      WHERE t.course_id = c.course_id AND (t.valid_until IS NULL OR t.valid_until > $4)
        AND t.phone_index = (SELECT phone_index FROM person WHERE person_id = $1)
  )
ORDER BY c.created_at, c.course_id
LIMIT 50
"""

# The same for many persons in one statement, each held to the courses of his role and area.
UNTRAINED = """
SELECT DISTINCT p.person_id
FROM person AS p
JOIN training_course AS c
    ON c.retired_at IS NULL AND p.role = ANY(c.required_for) AND starts_with(p.area, c.area)
WHERE p.person_id = ANY($1)
  AND NOT EXISTS (
      SELECT FROM training_completion AS t
      WHERE t.course_id = c.course_id AND t.person_id = p.person_id AND (t.valid_until IS NULL OR t.valid_until > $2)
  )
  AND NOT EXISTS (
      SELECT FROM training_completion AS t
      WHERE t.course_id = c.course_id AND t.phone_index = p.phone_index
        AND (t.valid_until IS NULL OR t.valid_until > $2)
  )
"""

# Since the last sign-up: whoever withdrew and signed up again waits for a first approval once more.
APPROVED_BEFORE = """
SELECT true
FROM decision AS d JOIN person AS p USING (person_id)
WHERE d.person_id = $1 AND d.status = 'approved' AND d.decided_at >= p.waiting_since
LIMIT 1
"""


async def missing_courses(
    connection: Connection, person_id: UUID, role: Role, area: str, *, now: datetime
) -> Sequence[Mapping[str, Any]]:
    """Return the courses required of somebody and not completed, or not any more (`expired_at`): 50 at most."""
    return [dict(row) for row in await connection.fetch(MISSING, person_id, role, area, now)]


async def untrained(connection: Connection, persons: Collection[UUID], *, now: datetime) -> set[UUID]:
    """Return those of `persons` who have not completed every course that is required of them."""
    rows = await connection.fetch(UNTRAINED, list(persons), now)
    return {row["person_id"] for row in rows}


async def check_trained(connection: Connection, before: Person, after: Person, *, now: datetime) -> None:
    """Raise `TrainingRefused` ("training_required") for the approval of somebody who has not been trained.

    Only the first approval is held back: whoever was approved once is in the field, and to stop him there, when a
    course is newly required or its validity ends, would leave the households on his phone unsent. He is warned.
    """
    approval = before.status is not VolunteerStatus.APPROVED and after.status is VolunteerStatus.APPROVED
    if approval and not await connection.fetchval(APPROVED_BEFORE, before.person_id):
        await check_new_trained(connection, after, now=now)


async def check_new_trained(connection: Connection, person: Person, *, now: datetime) -> None:
    """Raise `TrainingRefused` ("training_required") if somebody who is approved for the first time is untrained."""
    if await untrained(connection, [person.person_id], now=now):
        raise TrainingRefused("training_required")
