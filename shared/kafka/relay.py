"""Publishes a service's outbox. One relay per service works at a time; others stand by for its advisory lock.

1. Take-over: publish, in order, what is numbered and not known to be in Kafka. In a topic that was made anew nothing
   is: everything is published once more. In a database that was restored something is that it does not know: see
   `shared.kafka.adoption`.
2. In one transaction, number the committed rows: per partition, in the order of the outbox.
3. Publish them: per partition in order, each produce batch acknowledged before the next is sent.
4. Mark them as published; go on with 2.

Killed between 2 and 4, the next relay publishes the same rows with the same numbers, and consumers drop the
repetitions.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Sequence

import asyncpg
from aiokafka.errors import KafkaError

from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.topics import Topic
from shared.kafka.adoption import Entity, adopt
from shared.kafka.identity import TopicIdentities
from shared.kafka.producer import OrderedPublisher, OutgoingRecord, PublishFailed
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import pause
from shared.observability.logs import log
from shared.observability.metrics import ADOPTED, PUBLISHED, REPUBLISHED
from shared.postgres.pool import UNREACHABLE, Connection, session

ROWS = 1_000
"""Rows numbered and published at once: enough for a bulk sign-up, small enough to be one second's work."""
POLL_SECONDS = 1.0
"""The notification wakes the relay at once; this is how long a lost one can go unnoticed."""
STAND_BY_SECONDS = 1.0
BACK_OFF_SECONDS = 1.0
IDENTITY_EVERY_SECONDS = 10.0
"""A topic that is deleted and made again is filled again within this time."""
LOCK_KEY = 7_231_001
"""Names the relay among the advisory locks of its service's own database."""

LOCK = "SELECT pg_try_advisory_lock($1)"

NUMBER_ROWS = """
WITH batch AS (
    SELECT id, topic, partition, row_number() OVER (PARTITION BY topic, partition ORDER BY id) AS place
    FROM (SELECT id, topic, partition FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT $1) AS oldest
), floor AS (
    SELECT coalesce(max(epoch), 0) * 1000000000000000 AS sequence FROM outbox_database
), added AS (
    INSERT INTO outbox_position AS p (topic, partition, last_sequence)
    SELECT topic, partition, floor.sequence + count(*) FROM batch, floor GROUP BY topic, partition, floor.sequence
    ON CONFLICT (topic, partition) DO UPDATE SET
        last_sequence = greatest(p.last_sequence + excluded.last_sequence - (SELECT sequence FROM floor),
                                 excluded.last_sequence)
    RETURNING p.topic, p.partition, coalesce(old.last_sequence, 0) AS former,
              greatest(coalesce(old.last_sequence, 0), (SELECT sequence FROM floor)) AS start
)
UPDATE outbox AS o
SET sequence = added.start + batch.place,
    previous = nullif(CASE batch.place WHEN 1 THEN added.former ELSE added.start + batch.place - 1 END, 0)
FROM batch JOIN added USING (topic, partition)
WHERE o.id = batch.id
"""

UNPUBLISHED_ROWS = """
SELECT id, topic, partition, key, event_id, event_time, body, sequence, previous
FROM outbox
WHERE published_at IS NULL AND sequence IS NOT NULL
ORDER BY topic, partition, sequence
LIMIT $1
"""

MARK_PUBLISHED = "UPDATE outbox SET published_at = now() WHERE id = ANY ($1::bigint[])"

NOTE_IDENTITY = """
INSERT INTO outbox_topic AS t (topic, topic_id) VALUES ($1, $2)
ON CONFLICT (topic) DO UPDATE SET topic_id = excluded.topic_id
"""

PUBLISHED_IN = "SELECT topic, topic_id FROM outbox_topic"

# The server's own name, and the first eight digits of its log's: they change whenever it begins another history.
DATABASE = """
SELECT (SELECT identity FROM outbox_database) AS former,
       system_identifier || ':' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS now
FROM pg_control_system()
"""

# $2: by how much the epoch rises.
NOTE_DATABASE = """
INSERT INTO outbox_database AS d (identity, epoch) VALUES ($1, $2)
ON CONFLICT (one) DO UPDATE SET identity = excluded.identity, epoch = d.epoch + excluded.epoch
"""

FORGET_PUBLISHED = "UPDATE outbox SET published_at = NULL WHERE topic = $1 AND published_at IS NOT NULL"

_log = log(__name__)


class Relay:
    """Publishes the outbox of the database behind `pool`, which holds events of `topics` only."""

    def __init__(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        settings: KafkaSettings,
        topics: Sequence[Topic],
        *,
        entity: Entity | None = None,
        identities: TopicIdentities | None = None,
        open_publisher: Callable[[KafkaSettings], OrderedPublisher] = OrderedPublisher,
    ) -> None:
        """entity: what the events tell of. identities, open_publisher: Kafka itself, unless something stands in for
        it."""
        self._pool = pool
        self._settings = settings
        self._topics = {topic.name: topic for topic in topics}
        self._entity = entity
        self._identities = identities or TopicIdentities(settings)
        self._open_publisher = open_publisher
        self._known: dict[str, str] = {}
        self._wake = asyncio.Event()
        self._connected = False

    @property
    def connected(self) -> bool:
        """True while database and Kafka answer; a relay that stands by is connected as well."""
        return self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set; waits out a database or Kafka that is away."""
        while not stopping.is_set():
            try:
                async with self._open_publisher(self._settings) as publisher, session(self._pool) as connection:
                    await self._with_lock(connection, publisher, stopping)
            except (KafkaError, PublishFailed, LookupError, *UNREACHABLE) as error:
                _log.warning("relay_waits", cause=type(error).__name__)
            self._connected = False
            await pause(stopping, BACK_OFF_SECONDS)

    async def _with_lock(self, connection: Connection, publisher: OrderedPublisher, stopping: asyncio.Event) -> None:
        self._connected = True
        while not await connection.fetchval(LOCK, LOCK_KEY):
            await pause(stopping, STAND_BY_SECONDS)
            if stopping.is_set():
                return
        await connection.add_listener("outbox", self._notified)
        try:
            await self._note_identities(connection)
            await self._publish(connection, publisher, again=True)
            clock = asyncio.get_running_loop().time
            checked = clock()
            while not stopping.is_set():
                if clock() - checked > IDENTITY_EVERY_SECONDS:
                    checked = clock()
                    if await self._identities.of(list(self._topics)) != self._known:
                        return
                self._wake.clear()
                numbered = await self._number(connection)
                if numbered:
                    await self._publish(connection, publisher, again=False)
                if numbered < ROWS:
                    await self._wait_for_rows(stopping)
        finally:
            with contextlib.suppress(*UNREACHABLE):
                await connection.remove_listener("outbox", self._notified)

    async def _note_identities(self, connection: Connection) -> None:
        self._known = await self._identities.of(list(self._topics))
        published_in = {row[0]: row[1] for row in await connection.fetch(PUBLISHED_IN)}
        anew = [topic for topic, identity in self._known.items() if published_in.get(topic, identity) != identity]
        former, now = (await connection.fetch(DATABASE))[0]
        restored = former not in (None, now)
        if restored:
            _log.error("database_is_another", former=former, now=now)
            for topic in self._known.keys() - anew:
                count = await adopt(connection, self._settings, self._topics[topic], self._entity)
                ADOPTED.labels(topic).inc(count)
                _log.error("events_adopted", topic=topic, events=count)
        async with connection.transaction():
            for topic, identity in self._known.items():
                await connection.execute(NOTE_IDENTITY, topic, identity)
            for topic in anew:
                _log.error("published_topic_is_another", topic=topic)
                await connection.execute(FORGET_PUBLISHED, topic)
            if former != now:
                # Where nothing can tell which numbers were given out, new ones begin above all of them.
                await connection.execute(NOTE_DATABASE, now, int(restored and bool(anew)))

    async def _number(self, connection: Connection) -> int:
        status = await connection.execute(NUMBER_ROWS, ROWS)
        return int(status.removeprefix("UPDATE "))

    async def _publish(self, connection: Connection, publisher: OrderedPublisher, *, again: bool) -> None:
        while rows := await connection.fetch(UNPUBLISHED_ROWS, ROWS):
            streams: dict[str, dict[int, list[OutgoingRecord]]] = defaultdict(lambda: defaultdict(list))
            for row in rows:
                streams[row["topic"]][row["partition"]].append(self._record(row))
            for topic, partitions in streams.items():
                await publisher.publish(topic, partitions)
                count = sum(map(len, partitions.values()))
                PUBLISHED.labels(topic).inc(count)
                if again:
                    REPUBLISHED.labels(topic).inc(count)
            await connection.execute(MARK_PUBLISHED, [row["id"] for row in rows])

    def _record(self, row: asyncpg.Record) -> OutgoingRecord:
        topic = self._topics[row["topic"]]
        envelope = Envelope(
            id=str(row["event_id"]),
            source=topic.source or "",
            type=topic.event_type or "",
            subject=row["key"],
            time=row["event_time"],
            sequence=row["sequence"],
            previous=row["previous"],
            dataschema=topic.dataschema or "",
        )
        timestamp = int(row["event_time"].timestamp() * 1000)
        return OutgoingRecord(row["key"].encode(), row["body"], to_headers(envelope), timestamp)

    def _notified(self, *_: object) -> None:
        self._wake.set()

    async def _wait_for_rows(self, stopping: asyncio.Event) -> None:
        waits = [asyncio.create_task(self._wake.wait()), asyncio.create_task(stopping.wait())]
        await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
