"""Lists of persons in the order of the index person_by_area, and the record of who has read their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.registration.store.people import RECORD_ACCESS
from services.registration.store.sealed_fields import open_field
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing

PersonCursor = tuple[str, datetime, UUID]
"""Area, time of registration and id of the last person of a page."""


def before_all_of(area: str) -> PersonCursor:
    """Return where the first page of an area begins.

    A row comparison with nulls would find nothing; one that begins before the area would have the index walked from
    there, through all areas with smaller codes.
    """
    return area, datetime.min.replace(tzinfo=UTC), UUID(int=0)


async def named(
    connection: Connection, ring: KeyRing, rows: Sequence[asyncpg.Record], *, reader: UUID, purpose: str, now: datetime
) -> Sequence[Mapping[str, Any]]:
    """Return a page's persons with their names; the reading is recorded in the caller's transaction."""
    if rows:
        await connection.execute(RECORD_ACCESS, now, reader, purpose, [row["person_id"] for row in rows])
    return [
        {
            "person_id": row["person_id"],
            "area": row["area"],
            "role": row["role"],
            "registered_at": row["registered_at"],
            "name": open_field(ring, row, of=row["person_id"], field="name"),
        }
        for row in rows
    ]
