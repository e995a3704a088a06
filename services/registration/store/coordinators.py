"""Coordinators: where there are any, when one was last there, and how to reach them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.registration.domain.coverage import Held
from services.registration.store.people import RECORD_ACCESS
from services.registration.store.sealed_fields import opened
from shared.contracts.events import Role
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

# The roles are named although $1 is one of them: only so does the planner know that the index person_coordinator holds
# every row that is asked for.
COVERAGE: Final = """
SELECT p.area, count(*) AS coordinators, max(a.last_active_day) AS last_active_day
FROM person AS p
LEFT JOIN active_day AS a USING (person_id)
WHERE p.role IN ('district_coordinator', 'subdistrict_coordinator') AND p.status = 'approved'
  AND p.role = $1 AND p.area >= $2 AND p.area < $2 || ':'
GROUP BY p.area
"""

PAGE: Final = """
SELECT p.person_id, p.role, p.area, o.name AS organisation, a.last_active_day,
       n.key_id AS name_key, n.wrapped_key AS name_wrapped, n.ciphertext AS name,
       t.key_id AS phone_key, t.wrapped_key AS phone_wrapped, t.ciphertext AS phone
FROM person AS p
JOIN organisation AS o USING (organisation_id)
LEFT JOIN active_day AS a USING (person_id)
LEFT JOIN sealed_field AS n ON $4 AND n.person_id = p.person_id AND n.field = 'name'
LEFT JOIN sealed_field AS t ON $4 AND t.person_id = p.person_id AND t.field = 'phone'
WHERE p.role IN ('district_coordinator', 'subdistrict_coordinator') AND p.status = 'approved'
  AND p.area >= $1 AND p.area < $1 || ':'
  AND (p.area, p.person_id) > ($2, $3)
ORDER BY p.area, p.person_id
LIMIT $5
"""

PURPOSE: Final = "coordinators' contacts"

Cursor = tuple[str, UUID]
"""Area and id of the last coordinator of a page."""

BEGINNING: Final[Cursor] = ("", UUID(int=0))


@dataclass(frozen=True, slots=True)
class Coordinator:
    """One coordinator. Name and phone are None for whoever is not entitled to them, and where a seal is broken."""

    person_id: UUID
    role: Role
    area: str
    organisation: str
    last_active_day: date | None
    name: str | None
    phone: str | None


class Coordinators:
    """The coordinators of the registration database; names and numbers are sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def held(self, role: Role, area: str) -> dict[str, Held]:
        """Return, for every area inside `area` that has any coordinator of this role, how many and how active."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(COVERAGE, role, area)
        return {row["area"]: Held(row["coordinators"], row["last_active_day"]) for row in rows}

    async def page(
        self, area: str, *, contacts: bool, after: Cursor, limit: int, reader: UUID, now: datetime
    ) -> Sequence[Coordinator]:
        """Return the next coordinators of `area`, by area; with their contacts, whose reading is recorded."""
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(PAGE, area, *after, contacts, limit)
            if rows and contacts:
                await connection.execute(RECORD_ACCESS, now, reader, PURPOSE, [row["person_id"] for row in rows])
        return [
            Coordinator(
                person_id=row["person_id"],
                role=Role(row["role"]),
                area=row["area"],
                organisation=row["organisation"],
                last_active_day=row["last_active_day"],
                name=opened(self._ring, row, "name"),
                phone=opened(self._ring, row, "phone"),
            )
            for row in rows
        ]
