"""Writes an event into the outbox, in the transaction of the change that it tells of."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from pydantic import BaseModel

from shared.contracts.topics import Topic
from shared.postgres.pool import Connection

INSERT_EVENT = """
INSERT INTO outbox (topic, partition, key, event_id, event_time, body)
VALUES ($1, $2, $3, $4, $5, $6)
"""

INSERT_EVENTS = """
INSERT INTO outbox (topic, partition, key, event_id, event_time, body)
SELECT $1, e.partition, e.key, e.event_id, $5, e.body
FROM unnest($2::integer[], $3::text[], $4::uuid[], $6::bytea[]) AS e (partition, key, event_id, body)
"""


async def append(
    connection: Connection, topic: Topic, *, key: str, event: BaseModel, event_id: UUID, time: datetime
) -> None:
    """Adds `event` of the entity `key` to the outbox; it is published once the caller's transaction has committed.

    Changes of one entity have to be made under a lock of its row: then their outbox ids rise in the order of their
    commits, and subscribers see them in that order.
    """
    body = event.model_dump_json().encode()
    await connection.execute(INSERT_EVENT, topic.name, topic.partition_of(key), key, event_id, time, body)


async def append_all(
    connection: Connection, topic: Topic, events: Sequence[tuple[str, BaseModel]], *, time: datetime
) -> None:
    """Adds events of different entities, each with its key, by one statement. What holds for `append` holds for each"""
    await connection.execute(
        INSERT_EVENTS,
        topic.name,
        [topic.partition_of(key) for key, _ in events],
        [key for key, _ in events],
        [uuid4() for _ in events],
        time,
        [event.model_dump_json().encode() for _, event in events],
    )
