"""Writes an event into the outbox, in the transaction of the change that it tells of."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.contracts.topics import Topic
from shared.postgres.pool import Connection

INSERT_EVENT = """
INSERT INTO outbox (topic, partition, key, event_id, event_time, body)
VALUES ($1, $2, $3, $4, $5, $6)
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
