"""The keeper's duty: notes where the consumer groups of subscribers are, which Kafka alone knows.

Kafka tells where a group has noted its place, and not when: that a place has moved is seen between two looks. A
subscriber who keeps his place in a database of his own, as he should, has no group, or one that stands still.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from services.reporting.store import Pool
from services.reporting.subscribers.domain import PREFIX, STREAMS, group_prefix
from shared.kafka.administration import Admin
from shared.kafka.settings import REQUEST_MILLISECONDS, KafkaSettings
from shared.observability.clock import Clock
from shared.postgres.pool import Connection, acquire

EVERY_SECONDS: Final = 2.0
"""As often as the streams' ends are measured: what a subscriber lacks is the one less the other."""
MOST_GROUPS: Final = 10
"""Of one subscriber, by name: each costs a request. Whoever has more keeps the others to himself."""
SECONDS: Final = REQUEST_MILLISECONDS / 1000

INSIDE: Final = "SELECT name, subscriber_id FROM subscriber WHERE revoked_at IS NULL"

FORGET: Final = """
DELETE FROM subscriber_place AS p
WHERE NOT EXISTS (
    SELECT FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[]) AS f (subscriber_id, consumer_group, stream, partition)
    WHERE (f.subscriber_id, f.consumer_group, f.stream, f.partition)
        = (p.subscriber_id, p.consumer_group, p.stream, p.partition)
)
"""  # noqa: E501 - a row of columns

PUT: Final = """
INSERT INTO subscriber_place AS p (subscriber_id, consumer_group, stream, partition, next_offset, moved_at)
SELECT f.*, $6 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::bigint[]) AS f
ON CONFLICT (subscriber_id, consumer_group, stream, partition)
DO UPDATE SET next_offset = excluded.next_offset, moved_at = excluded.moved_at
WHERE p.next_offset <> excluded.next_offset
"""

Place = tuple[str, str, int, int]
"""Of a group: its name, stream, partition, and the offset that it wants next."""


class Places:
    """Looks where the groups are."""

    def __init__(self, pool: Pool, settings: KafkaSettings, clock: Clock) -> None:
        self._pool = pool
        self._admin = Admin(settings)
        self._clock = clock

    async def turn(self) -> None:
        """Looks once. While there are no subscribers Kafka is not asked. Raises `confluent_kafka.KafkaException`, and
        what the database raises."""
        async with acquire(self._pool) as connection:
            inside = {row["name"]: row["subscriber_id"] for row in await connection.fetch(INSIDE)}
        looked_at, found = self._clock.now(), []
        if inside:
            found = await asyncio.to_thread(self._admin.ask, partial(_look, list(inside)))
        async with acquire(self._pool) as connection, connection.transaction():
            await note(connection, [(inside[name], *place) for name, place in found], looked_at)


def _look(names: Iterable[str], admin: AdminClient) -> list[tuple[str, Place]]:
    listed = admin.list_consumer_groups(request_timeout=SECONDS).result(SECONDS)
    groups = sorted(each.group_id for each in listed.valid if each.group_id.startswith(PREFIX))
    found: list[tuple[str, Place]] = []
    for name in names:
        for group in [each for each in groups if each.startswith(group_prefix(name))][:MOST_GROUPS]:
            found += [(name, place) for place in _places(admin, group)]
    return found


def _places(admin: AdminClient, group: str) -> Sequence[Place]:
    answers = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=SECONDS)
    known = answers[group].result(SECONDS).topic_partitions
    return [(group, each.topic, each.partition, each.offset) for each in known if each.topic in STREAMS]


async def note(connection: Connection, found: Sequence[tuple[UUID, str, str, int, int]], now: datetime) -> None:
    """Keeps exactly these places (subscriber, group, stream, partition, next offset). In a transaction."""
    columns = [list(column) for column in zip(*found, strict=True)] or [[], [], [], [], []]
    await connection.execute(FORGET, *columns[:4])
    await connection.execute(PUT, *columns, now)
