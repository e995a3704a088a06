"""Takes back from Kafka the events that a restored database has given out and no longer knows.

A database that is brought to an earlier moment goes on numbering where it stood then, while Kafka, and everybody who
has read it, is further: new events would bear numbers that are taken, and be dropped as repetitions. So the outbox
takes in what the topic holds beyond it, with the same numbers and bytes:

1. the topic is read from its beginning, and what lies above the partition's last number is kept;
2. of these an event that the outbox has, committed and not yet numbered at the moment, gets its number; another is
   added, marked as adopted: the outbox and the topic are equal again, and the numbers go on behind it;
3. each entity of an adopted event is given at least that event's revision, so that its next change is the highest one
   everywhere;
4. an entity that the database does not know at all is ended by one more event: it would stand in everybody's figures
   for ever, and nobody here could change it.

Each step may be repeated. What was changed in the entities themselves is lost, and is named: `./jitasa admin
lost-changes`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import NoneType
from typing import Any, Final, NamedTuple, get_args
from uuid import UUID, uuid4

from aiokafka import TopicPartition
from aiokafka.errors import KafkaTimeoutError
from aiokafka.structs import ConsumerRecord
from pydantic import BaseModel

from shared.contracts.envelope import EnvelopeError, from_headers
from shared.contracts.topics import Topic
from shared.kafka.identity import TopicIdentities
from shared.kafka.settings import KafkaSettings
from shared.kafka.watched import WatchedConsumer
from shared.postgres.outbox import append
from shared.postgres.pool import Connection

READ_SECONDS: Final = 30.0
"""Without any record for so long the topic is given up, and the relay begins again."""
AT_ONCE: Final = 1_000
"""Events in one transaction, some megabytes."""

LAST_SEQUENCES: Final = "SELECT partition, last_sequence FROM outbox_position WHERE topic = $1"

ADOPT: Final = """
WITH found AS (
    SELECT *
    FROM unnest($2::integer[], $3::text[], $4::uuid[], $5::timestamptz[], $6::bytea[], $7::bigint[], $8::bigint[])
        AS f (partition, key, event_id, event_time, body, sequence, previous)
), moved AS (
    INSERT INTO outbox_position AS p (topic, partition, last_sequence)
    SELECT $1, partition, max(sequence) FROM found GROUP BY partition
    ON CONFLICT (topic, partition) DO UPDATE SET last_sequence = greatest(p.last_sequence, excluded.last_sequence)
)
INSERT INTO outbox AS o
    (topic, partition, key, event_id, event_time, body, sequence, previous, published_at, adopted_at)
SELECT $1, partition, key, event_id, event_time, body, sequence, previous, now(), now()
FROM found
ORDER BY partition, sequence
ON CONFLICT (event_id) DO UPDATE SET
    sequence = excluded.sequence, previous = excluded.previous, published_at = excluded.published_at
RETURNING old.event_id IS NULL AS unknown
"""


@dataclass(frozen=True, slots=True)
class Entity:
    """Where a service keeps what a topic tells of: the table, and the column of the id, which is the events' key.
    `ending`: what the body of an event says that ends one."""

    table: str
    id: str
    ending: Mapping[str, str | None]

    @property
    def unknown(self) -> str:
        """The latest event of each entity that was adopted and is in no table ($1: topic)."""
        return f"""
SELECT key, body
FROM (
    SELECT DISTINCT ON (key) key, body, adopted_at
    FROM outbox
    WHERE topic = $1 AND key IN (SELECT key FROM outbox WHERE topic = $1 AND adopted_at IS NOT NULL)
    ORDER BY key, id DESC
) AS latest
WHERE adopted_at IS NOT NULL AND NOT EXISTS (SELECT FROM {self.table} AS e WHERE e.{self.id} = latest.key::uuid)
"""  # noqa: S608 - names of the service's own code

    @property
    def surpass(self) -> str:
        """Gives each entity at least the revision of what was adopted about it ($1: topic)."""
        return f"""
UPDATE {self.table} AS e SET revision = a.revision
FROM (
    SELECT key::uuid AS id, max((convert_from(body, 'UTF8')::jsonb->>'revision')::integer) AS revision
    FROM outbox WHERE topic = $1 AND adopted_at IS NOT NULL GROUP BY key
) AS a
WHERE e.{self.id} = a.id AND e.revision < a.revision
"""  # noqa: S608 - names of the service's own code


class _Told(NamedTuple):
    partition: int
    key: str
    event_id: UUID
    event_time: datetime
    body: bytes
    sequence: int
    previous: int | None


async def adopt(connection: Connection, settings: KafkaSettings, topic: Topic, entity: Entity | None) -> int:
    """Take into the outbox what `topic` holds beyond it; how many events its database knew nothing of.

    Raises `KafkaError` when the topic cannot be read to its end.
    """
    last = {row["partition"]: row["last_sequence"] for row in await connection.fetch(LAST_SEQUENCES, topic.name)}
    unknown = 0
    waiting: list[_Told] = []
    async for record in records(settings, topic):
        told = _told(record)
        if told is not None and told.sequence > last.get(told.partition, 0):
            last[told.partition] = told.sequence
            waiting.append(told)
        if len(waiting) >= AT_ONCE:
            unknown += await _adopt(connection, topic, waiting)
            waiting = []
    unknown += await _adopt(connection, topic, waiting)
    if entity is not None:
        await connection.execute(entity.surpass, topic.name)
        for row in await connection.fetch(entity.unknown, topic.name):
            now = datetime.now(UTC)
            event = ended(topic, entity, row["body"], now)
            await append(connection, topic, key=row["key"], event=event, event_id=uuid4(), time=now)
    return unknown


def ended(topic: Topic, entity: Entity, body: bytes, at: datetime) -> BaseModel:
    """The event that ends an entity, of which `body` told last."""
    if topic.model is None:
        raise ValueError(f"{topic.name} has no events")
    last: dict[str, Any] = json.loads(body)
    former = next(kind for kind in get_args(topic.model.model_fields["before"].annotation) if kind is not NoneType)
    changed: dict[str, Any] = {
        **entity.ending,
        "before": {name: last[name] for name in former.model_fields},
        "revision": last["revision"] + 1,
    }
    if "updated_at" in last:
        changed["updated_at"] = at
    return topic.model.model_validate(last | changed)


async def _adopt(connection: Connection, topic: Topic, events: Sequence[_Told]) -> int:
    if not events:
        return 0
    columns = map(list, zip(*events, strict=True))
    return sum(row["unknown"] for row in await connection.fetch(ADOPT, topic.name, *columns))


def _told(record: ConsumerRecord) -> _Told | None:
    """None: foreign matter, which takes no place in the stream."""
    try:
        envelope = from_headers(record.headers)
        event_id = UUID(envelope.id)
    except (EnvelopeError, ValueError):
        return None
    return _Told(
        record.partition,
        envelope.subject,
        event_id,
        envelope.time,
        record.value or b"",
        envelope.sequence,
        envelope.previous,
    )


async def records(settings: KafkaSettings, topic: Topic) -> AsyncIterator[ConsumerRecord]:
    """The topic from its beginning to where it ends now."""
    there_are = await TopicIdentities(settings).partitions([topic.name])
    consumer = WatchedConsumer(**settings.for_aiokafka(), auto_offset_reset="earliest")
    try:
        await consumer.start()
        partitions = [TopicPartition(topic.name, number) for number in range(there_are[topic.name])]
        consumer.assign(partitions)
        begins, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        left = {partition: end for partition, end in ends.items() if end > begins[partition]}
        clock = asyncio.get_running_loop().time
        heard = clock()
        while left:
            for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                heard = clock()
                for record in records:
                    yield record
                if records[-1].offset + 1 >= left.get(partition, 0):
                    left.pop(partition, None)
            if clock() - heard > READ_SECONDS:
                raise KafkaTimeoutError(f"{topic.name} cannot be read")
    finally:
        await consumer.stop()
