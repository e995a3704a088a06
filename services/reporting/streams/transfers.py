"""The transfer log: who received what, of which area, when. Rows are added and read, never changed or deleted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Final
from uuid import UUID

from services.reporting.streams.position import Position
from shared.postgres.pool import Connection
from shared.security.principal import Principal

INSERT: Final = """
WITH noted AS (
    INSERT INTO stream_transfer (
        subscriber, organisation_id, role, stream, area, form, events, first_number, last_number, topic_id, positions,
        began_at, ended_at
    )
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13)
), summed AS (
    INSERT INTO stream_receiver AS r (subscriber, organisation_id, stream, form, area, events, last_at)
    VALUES ($1, $2, $4, $6, $5, $7, $13)
    ON CONFLICT (subscriber, stream, form, area)
    DO UPDATE SET organisation_id = excluded.organisation_id, events = r.events + excluded.events,
                  last_at = greatest(r.last_at, excluded.last_at)
)
SELECT EXISTS (SELECT FROM receiver_revocation WHERE account = $1)
"""

PAGE: Final = """
SELECT id, subscriber, organisation_id, role, stream, area, form, events, first_number, last_number, topic_id,
       positions, began_at, ended_at
FROM stream_transfer
WHERE starts_with(area, $1) AND id < $2 AND ($3::uuid IS NULL OR subscriber = $3) AND ($4::text IS NULL OR stream = $4)
  AND ($5::timestamptz IS NULL OR ended_at >= $5) AND ($6::timestamptz IS NULL OR ended_at < $6)
ORDER BY id DESC
LIMIT $7
"""

# Nobody can tell what was read from Kafka itself, only what could be: from one decision about a subscriber to the next.
GRANTS: Final = """
SELECT s.name, s.client_id, c.streams, c.changed_at AS since, c.until
FROM (
    SELECT subscriber_id, change, streams, changed_at,
           lead(changed_at) OVER (PARTITION BY subscriber_id ORDER BY revision) AS until
    FROM subscriber_change
) AS c
JOIN subscriber AS s USING (subscriber_id)
WHERE c.change <> 'revoked'
ORDER BY c.changed_at DESC, s.name
LIMIT $1
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
class Receiver:
    """Who gets events, and in which form."""

    subscriber: UUID
    organisation_id: UUID | None
    role: str
    form: str


@dataclass(frozen=True, slots=True)
class Sought:
    """Which transfers: of scopes inside `area`, and where they are not None, of one account, one stream, and ended from
    `since` on and before `until`."""

    area: str
    subscriber: UUID | None = None
    stream: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class KafkaGrant:
    """For how long a subscriber of Kafka could read these streams of the whole country. client_id: its account, where
    one is known; until: null: still. Whether it did Kafka does not keep."""

    name: str
    client_id: UUID | None
    streams: Sequence[str]
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class KafkaGrantsAnswer:
    """The newest first, at most as many as are asked for."""

    grants: Sequence[KafkaGrant]


@dataclass(frozen=True, slots=True)
class TransfersAnswer:
    """The newest first; `cursor` leads to the older ones and is null at the end."""

    transfers: Sequence[Transfer]
    cursor: str | None


class Revoked(Exception):
    """The account is given nothing more. What it was given is written down."""


async def note(
    connection: Connection,
    receiver: Receiver,
    since: Position,
    until: Position,
    events: int,
    began_at: datetime | None,
    now: datetime,
) -> None:
    """Writes down that so many events, from one position of a feed to another, were sent."""
    await _insert(connection, receiver, _offsets(since), since.number, until, events, began_at, now)


class Sending:
    """What one answer has sent since it was last written down."""

    def __init__(self, principal: Principal, position: Position, form: str) -> None:
        self._receiver = Receiver(principal.subject, principal.organisation, principal.role, form)
        self._position = position
        self.events = 0
        self._began_at: datetime | None = None
        self._from = _offsets(position)
        self._number = position.number

    def add(self, events: int, now: datetime) -> None:
        """So many more are about to be sent."""
        self.events += events
        if self.events and self._began_at is None:
            self._began_at = now

    async def note(self, connection: Connection, now: datetime) -> None:
        """Writes down what there is. Raises `Revoked` behind it."""
        position = self._position
        ends = _offsets(position)
        revoked = await _insert(
            connection, self._receiver, self._from, self._number, position, self.events, self._began_at, now
        )
        self.events, self._began_at, self._from, self._number = 0, None, ends, position.number
        if revoked:
            raise Revoked


async def _insert(
    connection: Connection,
    receiver: Receiver,
    begins: Sequence[int],
    number: int,
    position: Position,
    events: int,
    began_at: datetime | None,
    now: datetime,
) -> bool:
    moved = {str(n): [a, b] for n, (a, b) in enumerate(zip_longest(begins, _offsets(position), fillvalue=0)) if a != b}
    revoked: bool = await connection.fetchval(
        INSERT,
        receiver.subscriber,
        receiver.organisation_id,
        receiver.role,
        position.stream,
        position.area,
        receiver.form,
        events,
        number + 1,
        position.number,
        position.topic_id,
        json.dumps(moved),
        began_at,
        now,
    )
    return revoked


def _offsets(position: Position) -> list[int]:
    return [place.next_offset for place in position.places]


async def page(connection: Connection, sought: Sought, before: int, limit: int) -> list[Transfer]:
    """Transfers that are sought, the newest first, older than the one with the id `before`."""
    rows = await connection.fetch(
        PAGE, sought.area, before, sought.subscriber, sought.stream, sought.since, sought.until, limit
    )
    return [Transfer(**{**row, "positions": json.loads(row["positions"])}) for row in rows]


async def grants(connection: Connection, limit: int) -> list[KafkaGrant]:
    """Who could read what from Kafka itself, and when, the newest decision first."""
    return [KafkaGrant(*row) for row in await connection.fetch(GRANTS, limit)]
