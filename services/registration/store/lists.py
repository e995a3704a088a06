"""Persons as their coordinators see them: found, listed, waiting for approval. Every reading is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.domain.people import Person
from services.registration.store.people import RECORD_ACCESS, person_of
from services.registration.store.sealed_fields import opened
from shared.contracts.events import VolunteerStatus
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing

_COLUMNS = """
       p.person_id, p.organisation_id, o.kind, p.area, p.role, p.status, p.registered_at, p.revision,
       p.phone_confirmed_at, p.waiting_since, p.refused_at, p.assisted_by, p.group_code, p.national_id_shared,
       n.key_id AS name_key, n.wrapped_key AS name_wrapped, n.ciphertext AS name,
       t.key_id AS phone_key, t.wrapped_key AS phone_wrapped, t.ciphertext AS phone
"""

# Found first and joined afterwards: so that no more than a page of names is ever looked up.
_JOINED = """
JOIN organisation AS o USING (organisation_id)
LEFT JOIN sealed_field AS n ON n.person_id = p.person_id AND n.field = 'name'
LEFT JOIN sealed_field AS t ON t.person_id = p.person_id AND t.field = 'phone'
"""

# The first page begins just before the area: the walk along an index begins where the row comparison says, however far
# that is from the area. Conditions are left out where they are not asked for, since each list has an index of its own:
# person_by_area, person_by_status, person_by_organisation, person_by_name, or that of the phone.
PAGE = f"""
SELECT {_COLUMNS}
FROM (
    SELECT * FROM person
    WHERE area >= $1 AND area < $1 || ':' AND (area, registered_at, person_id) > ($2, $3, $4) {{conditions}}
    ORDER BY area, registered_at, person_id
    LIMIT $5
) AS p
{_JOINED}
ORDER BY p.area, p.registered_at, p.person_id
"""  # noqa: S608 - text of this module only

# Who was registered by an appointment waits for its first day and not for anybody's decision.
AWAITS_NO_FIRST_DAY = """NOT EXISTS (
        SELECT FROM appointment AS a
        WHERE a.person_id = person.person_id AND a.begun_at IS NULL AND a.ended_at IS NULL
          AND a.appointed_at = person.registered_at
    )"""

WAITING = f"""
SELECT {_COLUMNS}
FROM (
    SELECT * FROM person
    WHERE status = 'pending' AND area >= $1 AND area < $1 || ':' AND (waiting_since, person_id) > ($2, $3)
      AND {AWAITS_NO_FIRST_DAY}
    ORDER BY waiting_since, person_id
    LIMIT $4
) AS p
{_JOINED}
ORDER BY p.waiting_since, p.person_id
"""  # noqa: S608

ONE = f"""
SELECT {_COLUMNS}
FROM person AS p
{_JOINED}
WHERE p.person_id = $1 AND p.area >= $2 AND p.area < $2 || ':'
"""  # noqa: S608

HISTORY = """
SELECT d.person_id, d.revision, d.step, d.status, d.role, d.area, d.organisation_id, d.decided_by, d.decided_at,
       r.key_id AS reason_key, r.wrapped_key AS reason_wrapped, r.ciphertext AS reason
FROM decision AS d
LEFT JOIN sealed_field AS r ON r.person_id = d.person_id AND r.field = 'reason.' || d.revision
WHERE d.person_id = $1
ORDER BY d.revision DESC
LIMIT $2
"""

HOW_MANY = """
SELECT count(*)
FROM (SELECT FROM person WHERE area >= $1 AND area < $1 || ':' {conditions} LIMIT $2) AS counted
"""

# Which index serves best depends on the area and the name that are asked for: a plan made for any of them would not do.
PLAN_EACH_TIME = "SET LOCAL plan_cache_mode = force_custom_plan"

HISTORY_LENGTH = 100
"""Decisions about one person in an answer, the latest: more than anybody ever had."""

Cursor = tuple[str, datetime, UUID]
"""Area, time of registration and id of the last person of a page."""
QueueCursor = tuple[datetime, UUID]
"""Since when the last person of a page has waited, and its id."""

_BEGINNING = datetime.min.replace(tzinfo=UTC)
_NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Sought:
    """Which persons are asked for: all conditions that are set hold."""

    area: str
    status: VolunteerStatus | None = None
    organisation_id: UUID | None = None
    name_tokens: Sequence[int] = ()
    phone_index: bytes | None = None

    def conditions(self, first: int) -> tuple[str, list[Any]]:
        """Return the SQL of what is set beyond the area, its parameters numbered from `first`, and their values."""
        wanted: list[tuple[str, Any]] = []
        if self.status is not None:
            wanted.append(("status = ${}", self.status))
        if self.organisation_id is not None:
            wanted.append(("organisation_id = ${}", self.organisation_id))
        if self.name_tokens:
            wanted.append(("name_tokens @> ${}::bigint[]", list(self.name_tokens)))
        if self.phone_index is not None:
            wanted.append(("phone_index = ${}", self.phone_index))
        text = " ".join("AND " + each.format(number) for number, (each, _) in enumerate(wanted, first))
        return text, [value for _, value in wanted]


@dataclass(frozen=True, slots=True)
class Listed:
    """A person as a coordinator sees him. Name and phone are None once erased, or if they cannot be opened."""

    person: Person
    name: str | None
    phone: str | None
    phone_confirmed: bool
    waiting_since: datetime
    refused_at: datetime | None
    assisted_by: UUID | None
    group_code: str | None
    national_id_shared: bool


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision about a person. `step` and `organisation_id` are None for those of before they were noted."""

    revision: int
    step: str | None
    status: str
    role: str
    area: str
    organisation_id: UUID | None
    decided_by: UUID
    decided_at: datetime
    reason: str | None


class Lists:
    """Reads persons of the registration database and opens their names and numbers with `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def page(
        self, sought: Sought, *, after: Cursor | None, limit: int, reader: UUID, purpose: str, now: datetime
    ) -> Sequence[Listed]:
        """Return the next persons by area and time of registration."""
        conditions, values = sought.conditions(6)
        statement = PAGE.format(conditions=conditions)
        start = after or (sought.area, _BEGINNING, _NOBODY)
        async with acquire(self._pool) as connection, connection.transaction():
            await connection.execute(PLAN_EACH_TIME)
            rows = await connection.fetch(statement, sought.area, *start, limit, *values)
            await _record(connection, rows, reader, purpose, now)
        return [self._listed(row) for row in rows]

    async def how_many(self, sought: Sought, *, most: int) -> int:
        """Count the persons, up to `most`."""
        conditions, values = sought.conditions(3)
        async with acquire(self._pool) as connection, connection.transaction():
            await connection.execute(PLAN_EACH_TIME)
            count: int = await connection.fetchval(HOW_MANY.format(conditions=conditions), sought.area, most, *values)
        return count

    async def waiting(
        self, area: str, *, after: QueueCursor | None, limit: int, reader: UUID, now: datetime
    ) -> Sequence[Listed]:
        """Return the next persons who wait for approval, those who have waited longest first."""
        start = after or (_BEGINNING, _NOBODY)
        async with acquire(self._pool) as connection, connection.transaction():
            await connection.execute(PLAN_EACH_TIME)
            rows = await connection.fetch(WAITING, area, *start, limit)
            await _record(connection, rows, reader, "approval queue", now)
        return [self._listed(row) for row in rows]

    async def one(
        self, person_id: UUID, *, within: str, reader: UUID, now: datetime
    ) -> tuple[Listed, Sequence[Decided]] | None:
        """Return a person inside `within` with the decisions about him, the latest first. Nobody is recorded as
        reading himself."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(ONE, person_id, within)
            if row is None:
                return None
            decisions = await connection.fetch(HISTORY, person_id, HISTORY_LENGTH)
            if reader != person_id:
                await _record(connection, [row], reader, "volunteer", now)
        return self._listed(row), [self._decided(decision) for decision in decisions]

    def _listed(self, row: asyncpg.Record) -> Listed:
        return Listed(
            person=person_of(row),
            name=opened(self._ring, row, "name"),
            phone=opened(self._ring, row, "phone"),
            phone_confirmed=row["phone_confirmed_at"] is not None,
            waiting_since=row["waiting_since"],
            refused_at=row["refused_at"],
            assisted_by=row["assisted_by"],
            group_code=row["group_code"],
            national_id_shared=row["national_id_shared"],
        )

    def _decided(self, row: asyncpg.Record) -> Decided:
        return Decided(
            revision=row["revision"],
            step=row["step"],
            status=row["status"],
            role=row["role"],
            area=row["area"],
            organisation_id=row["organisation_id"],
            decided_by=row["decided_by"],
            decided_at=row["decided_at"],
            reason=opened(self._ring, row, "reason", f"reason.{row['revision']}"),
        )


async def _record(
    connection: Connection, rows: Sequence[asyncpg.Record], reader: UUID, purpose: str, now: datetime
) -> None:
    if rows:
        await connection.execute(RECORD_ACCESS, now, reader, purpose, [row["person_id"] for row in rows])
