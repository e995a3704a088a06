"""Positions of a consumer in its own database, moved in the transaction of the effects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from shared.postgres.pool import Connection


class Fenced(Exception):
    """Another owner has taken a partition over: what this process knows of it is out of date."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far one partition has been taken; the columns of `consumer_position`."""

    topic: str
    partition: int
    topic_id: str
    topic_epoch: int
    owner_epoch: int
    next_offset: int
    last_sequence: int | None
    published: int
    published_topic_id: str | None

    def moved(
        self,
        *,
        next_offset: int | None = None,
        last_sequence: int | None = None,
        published: int | None = None,
        published_topic_id: str | None = None,
    ) -> "Position":
        """This position further on; what is not given stays."""
        return Position(
            self.topic,
            self.partition,
            self.topic_id,
            self.topic_epoch,
            self.owner_epoch,
            self.next_offset if next_offset is None else next_offset,
            self.last_sequence if last_sequence is None else last_sequence,
            self.published if published is None else published,
            published_topic_id or self.published_topic_id,
        )


STALLED_AFTER: Final = timedelta(seconds=10)
"""As long as a stopped process may hold a transaction open between two statements; a batch's COPY takes a fraction of a
second."""

# None of PostgreSQL's time-outs ends a COPY whose client has stopped in the middle of sending, and with it the locks
# that it holds (measured with 18: idle_in_transaction_session_timeout, statement_timeout and transaction_timeout).
END_STALLED = """
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
  AND application_name = current_setting('application_name')
  AND state = 'active' AND wait_event = 'ClientRead' AND query_start < clock_timestamp() - $1::interval
"""

TAKE_OVER = """
INSERT INTO consumer_position AS p (topic, partition, topic_id, topic_epoch, owner_epoch, next_offset)
SELECT $1, new.partition, $2, 1, 1, new.first_offset
FROM unnest($3::integer[], $4::bigint[]) AS new (partition, first_offset)
ORDER BY new.partition
ON CONFLICT (topic, partition) DO UPDATE SET
    owner_epoch = p.owner_epoch + 1,
    topic_id    = excluded.topic_id,
    topic_epoch = CASE WHEN p.topic_id = excluded.topic_id THEN p.topic_epoch ELSE p.topic_epoch + 1 END,
    next_offset = CASE WHEN p.topic_id = excluded.topic_id THEN p.next_offset ELSE excluded.next_offset END
RETURNING p.*, old.topic_id AS former_topic_id, old.next_offset AS former_next_offset
"""

MOVE = """
UPDATE consumer_position AS p
SET next_offset = m.next_offset, last_sequence = m.last_sequence, published = m.published,
    published_topic_id = m.published_topic_id
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
            $8::text[])
     AS m (topic, partition, owner_epoch, expected_offset, next_offset, last_sequence, published, published_topic_id)
WHERE p.topic = m.topic AND p.partition = m.partition
  AND p.owner_epoch = m.owner_epoch AND p.next_offset = m.expected_offset
"""


HIGHEST = "SELECT max(partition) FROM consumer_position WHERE topic = $1"


@dataclass(frozen=True, slots=True)
class TakenOver:
    """A position after take-over, and the one of the topic's former identity when there was another."""

    position: Position
    former_next_offset: int | None


async def end_stalled(connection: Connection, after: timedelta = STALLED_AFTER) -> int:
    """Ends the sessions of processes of this kind that stopped in the middle of a COPY at least `after` ago: they would
    keep their partitions locked for as long as they stay so. Returns how many."""
    return int(await connection.fetchval(END_STALLED, after))


async def take_over(
    connection: Connection, topic: str, topic_id: str, first_offsets: Mapping[int, int]
) -> list[TakenOver]:
    """Makes this process the owner of the partitions of `topic`, which fences the one before.

    first_offsets: by partition, where to begin in a topic of an identity not seen before.
    """
    rows = await connection.fetch(TAKE_OVER, topic, topic_id, list(first_offsets), list(first_offsets.values()))
    taken = []
    for row in rows:
        changed = row["former_topic_id"] not in (None, topic_id)
        taken.append(TakenOver(_position(row), row["former_next_offset"] if changed else None))
    return taken


async def partitions_known(connection: Connection, topic: str) -> int:
    """How many partitions the topic has had at least, by what was taken of it."""
    highest: int | None = await connection.fetchval(HIGHEST, topic)
    return 0 if highest is None else highest + 1


def _position(row: asyncpg.Record) -> Position:
    return Position(
        row["topic"],
        row["partition"],
        row["topic_id"],
        row["topic_epoch"],
        row["owner_epoch"],
        row["next_offset"],
        row["last_sequence"],
        row["published"],
        row["published_topic_id"],
    )


async def move(connection: Connection, steps: Sequence[tuple[Position, Position]]) -> None:
    """Moves positions (from, to) in the caller's transaction; raises `Fenced` when one is not where it was left.

    The rows stay locked until the transaction ends, so a former owner that is still at work waits here and then finds
    no row.
    """
    ordered = sorted(steps, key=lambda step: (step[0].topic, step[0].partition))
    status = await connection.execute(
        MOVE,
        [before.topic for before, _ in ordered],
        [before.partition for before, _ in ordered],
        [before.owner_epoch for before, _ in ordered],
        [before.next_offset for before, _ in ordered],
        [after.next_offset for _, after in ordered],
        [after.last_sequence for _, after in ordered],
        [after.published for _, after in ordered],
        [after.published_topic_id for _, after in ordered],
    )
    if status != f"UPDATE {len(ordered)}":
        raise Fenced(f"{status}, expected {len(ordered)} positions to move")
