"""The transfer log: who received what, of which area, when. Rows are added and read, never changed or deleted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.reporting.streams.position import Position
from shared.postgres.pool import Connection
from shared.security.principal import Principal

INSERT: Final = """
INSERT INTO stream_transfer (
    subscriber, organisation_id, role, stream, area, form, events, first_number, last_number, topic_id, positions,
    began_at, ended_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13)
"""

PAGE: Final = """
SELECT id, subscriber, organisation_id, role, stream, area, form, events, first_number, last_number, topic_id,
       positions, began_at, ended_at
FROM stream_transfer
WHERE starts_with(area, $1) AND id < $2 AND ($3::uuid IS NULL OR subscriber = $3) AND ($4::text IS NULL OR stream = $4)
ORDER BY id DESC
LIMIT $5
"""

LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Transfer:
    """Events that one subscriber was sent. first_number, last_number: in his feed; positions: by partition, the first
    offset that was looked at and the one behind the last."""

    id: int
    subscriber: UUID
    organisation_id: UUID | None
    role: str
    stream: str
    area: str
    form: str
    events: int
    first_number: int
    last_number: int
    topic_id: str
    positions: Mapping[str, tuple[int, int]]
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class TransfersAnswer:
    """The newest first; `cursor` leads to the older ones and is null at the end."""

    transfers: Sequence[Transfer]
    cursor: str | None


class Sending:
    """What one answer has sent since it was last written down."""

    def __init__(self, principal: Principal, position: Position, form: str) -> None:
        self._principal = principal
        self._position = position
        self._form = form
        self.events = 0
        self._began_at: datetime | None = None
        self._from = self._offsets()
        self._number = position.number

    def add(self, events: int, now: datetime) -> None:
        """So many more are about to be sent."""
        self.events += events
        if self.events and self._began_at is None:
            self._began_at = now

    async def note(self, connection: Connection, now: datetime) -> None:
        """Writes down what there is."""
        ends, position = self._offsets(), self._position
        moved = {str(n): [a, b] for n, (a, b) in enumerate(zip(self._from, ends, strict=True)) if a != b}
        await connection.execute(
            INSERT,
            self._principal.subject,
            self._principal.organisation,
            self._principal.role,
            position.stream,
            position.area,
            self._form,
            self.events,
            self._number + 1,
            position.number,
            position.topic_id,
            json.dumps(moved),
            self._began_at,
            now,
        )
        self.events, self._began_at, self._from, self._number = 0, None, ends, position.number

    def _offsets(self) -> list[int]:
        return [place.next_offset for place in self._position.places]


async def page(
    connection: Connection, area: str, before: int, subscriber: UUID | None, stream: str | None, limit: int
) -> list[Transfer]:
    """Transfers of scopes inside `area`, the newest first, older than the one with the id `before`."""
    rows = await connection.fetch(PAGE, area, before, subscriber, stream, limit)
    return [Transfer(**{**row, "positions": json.loads(row["positions"])}) for row in rows]
