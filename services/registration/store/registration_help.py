"""Requests of people who want to be helped with registering."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from services.registration.store.people import RECORD_ACCESS
from services.registration.store.sealed_fields import open_field
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

# A second request from the same phone changes nothing: the first one stands, with its place in the list.
INSERT: Final = """
INSERT INTO registration_help (request_id, area, phone_index, asked_at, key_id, wrapped_key, ciphertext)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING
"""

PAGE: Final = """
SELECT request_id, area, asked_at, key_id, wrapped_key, ciphertext
FROM registration_help
WHERE closed_at IS NULL AND area >= $1 AND area < $1 || ':'
  AND (area, asked_at, request_id) > ($2, $3, $4)
ORDER BY area, asked_at, request_id
LIMIT $5
"""

# Nobody needs the number any more.
CLOSE: Final = """
UPDATE registration_help
SET closed_at = $3, closed_by = $4, outcome = $5, key_id = NULL, wrapped_key = NULL, ciphertext = NULL
WHERE request_id = $1 AND closed_at IS NULL AND area >= $2 AND area < $2 || ':'
RETURNING outcome
"""

FIND_OUTCOME: Final = """
SELECT outcome FROM registration_help WHERE request_id = $1 AND area >= $2 AND area < $2 || ':'
"""

PURPOSE: Final = "registration help"

Cursor = tuple[str, datetime, UUID]
"""Area, time and id of the last request of a page."""


class Outcome(StrEnum):
    """How a request ended."""

    REGISTERED = "registered"
    NOT_REACHED = "not_reached"
    NOT_WANTED = "not_wanted"


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """Somebody who waits for help. Name and phone are None where the seal is broken."""

    request_id: UUID
    area: str
    asked_at: datetime
    name: str | None
    phone: str | None


class RegistrationHelp:
    """The requests of the registration database, sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def ask(self, *, name: str, phone: str, phone_index: bytes, area: str, now: datetime) -> None:
        """Keep a request, unless this phone has an open one."""
        request_id = uuid4()
        contact = json.dumps({"name": name, "phone": phone}).encode()
        sealed = self._ring.seal(contact, household=str(request_id), field="contact")
        async with acquire(self._pool) as connection:
            await connection.execute(INSERT, request_id, area, phone_index, now, *sealed)

    async def page(
        self, area: str, *, after: Cursor | None, limit: int, reader: UUID, now: datetime
    ) -> Sequence[HelpRequest]:
        """Return the next open requests of `area`, by area and time, and record who has read them."""
        start = after or ("", datetime.min.replace(tzinfo=now.tzinfo), UUID(int=0))
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(PAGE, area, *start, limit)
            if rows:
                await connection.execute(RECORD_ACCESS, now, reader, PURPOSE, [row["request_id"] for row in rows])
        return [self._open(row) for row in rows]

    async def close(
        self, request_id: UUID, outcome: Outcome, *, within: str, by: UUID, now: datetime
    ) -> Outcome | None:
        """Close a request inside `within` and destroy its contact. Of two who close it the first one's outcome stays.

        Returns the outcome that stands; None when there is no such request.
        """
        async with acquire(self._pool) as connection:
            closed = await connection.fetchval(CLOSE, request_id, within, now, by, outcome)
            closed = closed or await connection.fetchval(FIND_OUTCOME, request_id, within)
        return Outcome(closed) if closed else None

    def _open(self, row: asyncpg.Record) -> HelpRequest:
        text = open_field(self._ring, row, of=row["request_id"], field="contact")
        contact = json.loads(text) if text is not None else {"name": None, "phone": None}
        return HelpRequest(row["request_id"], row["area"], row["asked_at"], contact["name"], contact["phone"])
