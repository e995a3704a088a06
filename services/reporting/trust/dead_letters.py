"""Records that could not be read: looked at, applied after all, or given up with a reason.

What can be read by now, since a decoder was mended, is applied where it is missing. The figures are sums, and a place's
highest revision is its state, so that it makes no difference that others were applied before it; and a rebuild, which
reads the record in its place by the same decoder, gives the same.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from services.reporting.projector import FiguresProjection
from shared.contracts.envelope import chain_place
from shared.contracts.topics import Topic
from shared.kafka.projection import MOST_KEPT_BYTES, Event, PoisonRecord, read_body
from shared.postgres.pool import Connection

MOST_SHOWN: Final = 8_192
"""Characters of a record's body that are shown: every event of ours is shorter."""
MOST_FAULTS: Final = 10

Resolution = Literal["replayed", "rebuilt", "dismissed"]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be read. sequence: its place in the stream, null for what has none."""

    id: int
    topic: str
    partition: int
    offset: int
    sequence: int | None
    cause: str
    seen_at: datetime
    resolution: Resolution | None
    resolved_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A dead letter with what is in it, as text. body: of a public stream, at most 8,192 characters; faults: what is
    wrong with it by today's contract, without its values; none: it can be replayed."""

    letter: DeadLetter
    key: str | None
    headers: Mapping[str, str | None]
    body: str | None
    faults: list[str]


@dataclass(frozen=True, slots=True)
class Gap:
    """A partition that waits for an event that is missing: nothing behind it is counted.

    last: the sequence that was applied last, null: none; previous: the sequence that the next event there is says comes
    before it.
    """

    topic: str
    partition: int
    last: int | None
    previous: int
    seen_at: datetime


class Unknown(Exception):
    """There is no such dead letter, or no such gap."""


class Resolved(Exception):
    """Somebody, or a rebuild, was quicker."""


class NotReplayable(Exception):
    """It cannot be applied; the argument says why: `no_sequence`, `not_kept_whole`, or what it cannot be read by."""


FIELDS: Final = 'id, topic, partition, "offset", sequence, cause, seen_at, resolution, resolved_at, reason'

LIST: Final = f"""
SELECT {FIELDS} FROM dead_letter WHERE id > $1 AND ($2 OR resolution IS NULL) ORDER BY id LIMIT $3
"""  # noqa: S608 - names of this module

ONE: Final = f"SELECT {FIELDS}, key, headers, value FROM dead_letter WHERE id = $1"  # noqa: S608 - as above

RESOLVE: Final = """
UPDATE dead_letter SET resolution = $2, resolved_at = $3, resolved_by = $4, reason = $5 WHERE id = $1
"""

OPEN: Final = """
SELECT topic, cause, count(*) AS letters FROM dead_letter WHERE resolution IS NULL GROUP BY topic, cause ORDER BY 1, 2
"""

GAPS: Final = """
SELECT topic, partition, last_sequence AS last, previous, seen_at FROM gap ORDER BY topic, partition
"""

DISMISS_GAP: Final = """
INSERT INTO gap_dismissal (topic, partition, topic_epoch, last_sequence, previous, reason, dismissed_by, dismissed_at)
SELECT g.topic, g.partition, g.topic_epoch, g.last_sequence, g.previous, $5, $6, $7
FROM gap AS g
JOIN consumer_position AS p ON p.topic = g.topic AND p.partition = g.partition
WHERE g.topic = $1 AND g.partition = $2 AND g.last_sequence IS NOT DISTINCT FROM $3 AND g.previous = $4
  AND p.last_sequence IS NOT DISTINCT FROM g.last_sequence
ON CONFLICT DO NOTHING
"""
"""Only where the partition still stands: a rebuild would pass over what has come of another gap since."""


async def page(connection: Connection, after: int, resolved: bool, limit: int) -> list[DeadLetter]:
    """At most `limit` of them, the oldest first, behind the id `after`; with `resolved` also those that are no more."""
    return [DeadLetter(*row) for row in await connection.fetch(LIST, after, resolved, limit)]


async def open_ones(connection: Connection) -> list[tuple[str, str, int]]:
    """How many there are by stream and cause."""
    return [tuple(row) for row in await connection.fetch(OPEN)]


async def look(connection: Connection, number: int, topics: Sequence[Topic]) -> LookedAt:
    """What is in one, and whether it can be read by now. Raises `Unknown`."""
    row = await connection.fetchrow(ONE, number)
    if row is None:
        raise Unknown
    headers = _headers(row)
    try:
        _event(row, topics)
        faults = []
    except NotReplayable as error:
        faults = _faults(error)
    return LookedAt(
        DeadLetter(*[row[name] for name in DeadLetter.__slots__]),
        _text(row["key"]),
        {name: _text(value) for name, value in headers},
        _text(row["value"]),
        faults,
    )


async def replay(connection: Connection, number: int, topics: Sequence[Topic], *, by: UUID, now: datetime) -> None:
    """Applies one to the figures. Raises `Unknown`, `Resolved`, `NotReplayable`."""
    async with connection.transaction():
        row = await _held(connection, number)
        event = _event(row, topics)
        await FiguresProjection(topics).apply(connection, [event])
        await connection.execute(RESOLVE, number, "replayed", now, by, None)


async def dismiss(connection: Connection, number: int, reason: str, *, by: UUID, now: datetime) -> None:
    """Gives one up. Raises `Unknown`, `Resolved`."""
    async with connection.transaction():
        await _held(connection, number)
        await connection.execute(RESOLVE, number, "dismissed", now, by, reason)


async def gaps(connection: Connection) -> list[Gap]:
    """Partitions that wait."""
    return [Gap(*row) for row in await connection.fetch(GAPS)]


async def dismiss_gap(
    connection: Connection,
    topic: str,
    partition: int,
    last: int | None,
    previous: int,
    reason: str,
    *,
    by: UUID,
    now: datetime,
) -> None:
    """Gives up what is missing in exactly this gap: the chain goes on behind it, and a rebuild passes over it too.

    Raises `Unknown` for a gap that is not there, or is another by now.
    """
    if await connection.execute(DISMISS_GAP, topic, partition, last, previous, reason, by, now) == "INSERT 0 0":
        raise Unknown


async def _held(connection: Connection, number: int) -> asyncpg.Record:
    row = await connection.fetchrow(f"{ONE} FOR UPDATE", number)
    if row is None:
        raise Unknown
    if row["resolution"] is not None:
        raise Resolved
    return row


def _headers(row: asyncpg.Record) -> list[tuple[str, bytes | None]]:
    return [(name, None if value is None else base64.b64decode(value)) for name, value in json.loads(row["headers"])]


def _event(row: asyncpg.Record, topics: Sequence[Topic]) -> Event:
    """The event that it is; its time is in the past, which no figure's newest event is older than."""
    topic = next((topic for topic in topics if topic.name == row["topic"]), None)
    found = chain_place(_headers(row))
    if topic is None or found is None or row["sequence"] is None:
        raise NotReplayable("no_sequence")
    if row["value"] is not None and len(row["value"]) == MOST_KEPT_BYTES:
        raise NotReplayable("not_kept_whole")
    _, _, kind = found
    try:
        decode = FiguresProjection([topic]).decoders[topic.name]
        body = read_body(decode, (topic.event_type or "").encode(), kind, row["value"])
    except PoisonRecord as error:
        raise NotReplayable(error.cause) from error
    return Event(topic.name, row["sequence"], 0, body)


def _faults(error: NotReplayable) -> list[str]:
    cause = error.__cause__ and error.__cause__.__cause__
    if isinstance(cause, ValidationError):
        found = cause.errors(include_url=False, include_context=False, include_input=False)
        return [f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['type']}" for one in found[:MOST_FAULTS]]
    return [str(error) if cause is None else f"{error}: {type(cause).__name__}"]


def _text(value: bytes | None) -> str | None:
    """Bytes as text that JSON and a screen can hold."""
    if value is None:
        return None
    return value[: 4 * MOST_SHOWN].decode(errors="replace").replace("\0", "\ufffd")[:MOST_SHOWN]
