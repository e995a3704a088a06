"""The one consumer: its position is in the service's database and moves in the transaction of the effects.

For every batch, in this order:

1. fetch records of the partitions that this process owns; the first of each has to be at the position (what a rebalance
   left in the buffers begins elsewhere: seek back, do not apply);
2. one transaction: `prepare` decides, the positions move (`Fenced` when somebody else has taken a partition over),
   `write` makes the effects;
3. after the commit, `committed`;
4. every few seconds Kafka is told the positions, as advice to lag tools only.

Killed before the commit of 2: nothing happened. Killed after it: the position is behind the effects. A commit whose
answer was lost: the next take-over reads which of the two it was.

At an assignment, and after any trouble with the database, partitions are taken over: the owner epoch rises, and the
position is read and sought. At a revocation the batch under way is drained.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from shared.contracts.topics import Topic
from shared.kafka.account import Account
from shared.kafka.handler import Handler, PartitionBatch
from shared.kafka.identity import TopicIdentities
from shared.kafka.membership import Gathering, client, joined
from shared.kafka.position import Fenced, Position, TakenOver, end_stalled, move, partitions_known, take_over
from shared.kafka.progress import Progress
from shared.kafka.reading import PartitionsMissing, Reading, RecordsMissing
from shared.kafka.settings import KafkaSettings
from shared.kafka.watched import WatchedConsumer
from shared.observability import tracing
from shared.observability.clock import pause
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, acquire

DRAIN_SECONDS = 30.0
"""A batch's transaction ends within the database's own time-outs, which are shorter than this."""
BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits between attempts while the database or Kafka is away; the last one repeats."""
COMMIT_EVERY_SECONDS = 5.0
MEASURE_EVERY_SECONDS = 1.0
"""How often it is asked where partitions end; readers of the lag need it no newer, and one small request a second costs
nothing worth naming."""
IDENTITY_EVERY_SECONDS = 2.0
"""A topic that is deleted and made again is noticed within this time, and at every assignment."""

_RETRIED = (
    *UNREACHABLE,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,  # two owners of different partitions met the same new id; the second finds it known
)
_log = log(__name__)


class PositionedConsumer:
    """Feeds a handler from topics, one transaction a batch. One instance a process."""

    def __init__(
        self,
        settings: KafkaSettings,
        pool: "asyncpg.Pool[asyncpg.Record]",
        *,
        group: str,
        topics: Sequence[Topic],
        handler: Handler,
        watched: Sequence[Topic] = (),
        max_records: int = 2000,
        collect_milliseconds: int = 0,
        until: Mapping[tuple[str, int], int] | None = None,
        identities: TopicIdentities | None = None,
        open_consumer: Callable[..., AIOKafkaConsumer] = WatchedConsumer,
    ) -> None:
        """watched: topics that the handler publishes to; when one is made anew, partitions are taken over again.
        max_records: records in one transaction; measured best between 2,000 and 5,000, and 2,000 keeps delays
        short. collect_milliseconds: how long Kafka lets records gather before it answers, so that what is taken came
        until now; 0: it answers with the first that comes, which serves whoever is fed in batches. until: by topic and
        partition, the offset before which reading ends; nothing is read of a partition that is not named. identities,
        open_consumer: Kafka itself, unless something stands in for it."""
        self._settings = settings
        self._pool = pool
        self._group = group
        self._topics = {topic.name: topic for topic in topics}
        self._handler = handler
        self._collect_milliseconds = collect_milliseconds
        self._gathering = Gathering(collect_milliseconds)
        self._again = False
        self._identities = identities or TopicIdentities(settings)
        self._open_consumer = open_consumer
        self._watched = [topic.name for topic in watched]
        self._watched_identities: dict[str, str] = {}
        self._positions: dict[TopicPartition, Position] = {}
        self._pending: set[TopicPartition] = set()
        self._reading = Reading(max_records, until)
        self._working = asyncio.Lock()
        self._connected = False
        self._progress = Progress(group)
        self._account = Account(group, self._topics)

    @property
    def connected(self) -> bool:
        """True while the consumer is in its group and the database answers."""
        return self._connected

    def take_over_again(self) -> None:
        """Has everything that is owned taken over once more before more is read: something that decides about it has
        changed."""
        self._again = True

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set. Waits out a database or Kafka that is away; raises what cannot be waited
        out."""
        attempt = 0
        while not stopping.is_set():
            try:
                await self._in_group(stopping)
                return
            except (Fenced, KafkaError, LookupError, *_RETRIED) as error:
                self._connected = False
                if isinstance(error, Fenced):
                    self._account.fenced()
                _log.warning("consumer_restarts", group=self._group, cause=type(error).__name__)
            await self._back_off(attempt, stopping)
            attempt += 1

    async def _in_group(self, stopping: asyncio.Event) -> None:
        consumer = client(self._settings, self._group, self._collect_milliseconds, self._open_consumer)
        self._positions.clear()
        self._progress.leaves_all()
        self._pending.clear()
        async with joined(consumer, self._topics, self):
            measuring = asyncio.create_task(self._measure(consumer))
            try:
                await self._feed(consumer, stopping)
            finally:
                self._connected = False
                measuring.cancel()
                await asyncio.wait({measuring})

    async def _measure(self, consumer: AIOKafkaConsumer) -> None:
        """Notes again and again where the partitions end: beside the batches, of which a slow one may last for long
        while ever more waits behind it."""
        while True:
            await asyncio.sleep(MEASURE_EVERY_SECONDS)
            mine = list(self._positions.keys() & consumer.assignment())
            try:
                self._progress.ends(await consumer.end_offsets(mine) if mine else {})
            except Exception as error:  # whatever one look meets, the next one shall come: a lag must not stand still
                _log.warning("ends_not_known", group=self._group, cause=type(error).__name__)

    async def _feed(self, consumer: AIOKafkaConsumer, stopping: asyncio.Event) -> None:
        attempt = 0
        clock = asyncio.get_running_loop().time
        told = checked = clock()
        while not stopping.is_set():
            try:
                async with self._working:
                    if self._again:
                        self._again = False
                        self._retake(consumer)
                    await self._take_over_pending(consumer)
                self._connected = True
                fetched = await self._reading.fetch(consumer, self._positions)
                self._gathering.note(consumer, came=bool(fetched))
                async with self._working:
                    await self._process(consumer, fetched)
                attempt = 0
            except _RETRIED as error:
                self._connected = False
                _log.warning("database_or_kafka_away", group=self._group, cause=type(error).__name__)
                self._retake(consumer)
                await self._back_off(attempt, stopping)
                attempt += 1
                continue
            now = clock()
            if now - checked > IDENTITY_EVERY_SECONDS:
                checked = now
                await self._check_identities(consumer)
            if now - told > COMMIT_EVERY_SECONDS:
                told = now
                await self._tell_kafka(consumer)
        await self._tell_kafka(consumer)

    def _retake(self, consumer: AIOKafkaConsumer) -> None:
        """What was done is uncertain: everything assigned is taken over again before more is read."""
        self._positions.clear()
        self._pending = set(consumer.assignment())
        consumer.pause(*self._pending)

    async def _check_identities(self, consumer: AIOKafkaConsumer) -> None:
        identities = await self._identities.of([*self._topics, *self._watched])
        consumed_anew = any(identities[p.topic] != position.topic_id for p, position in self._positions.items())
        watched_anew = any(identities[name] != known for name, known in self._watched_identities.items())
        if consumed_anew or watched_anew:
            self._retake(consumer)

    async def _take_over_pending(self, consumer: AIOKafkaConsumer) -> None:
        pending = self._pending & set(consumer.assignment())
        if not pending:
            return
        identities = await self._identities.of([*self._topics, *self._watched])
        self._watched_identities = {name: identities[name] for name in self._watched}
        await self._check_partitions()
        first_offsets = await consumer.beginning_offsets(list(pending))
        async with acquire(self._pool) as connection:
            if ended := await end_stalled(connection):
                _log.warning("stalled_sessions_ended", group=self._group, sessions=ended)
            taken: list[TakenOver] = []
            async with connection.transaction():
                for topic in self._topics:
                    mine = {p.partition: first_offsets[p] for p in pending if p.topic == topic}
                    taken += await take_over(connection, topic, identities[topic], mine)
            self._account.took_over(taken)
            positions = await self._handler.taken_over(connection, taken)
        # Asked only now: the owner before may have taken records that came after an earlier answer.
        end_offsets = await consumer.end_offsets(list(pending))
        for position in positions:
            partition = TopicPartition(position.topic, position.partition)
            if not first_offsets[partition] <= position.next_offset <= end_offsets[partition]:
                raise RecordsMissing(
                    f"{partition.topic} partition {partition.partition} holds offsets {first_offsets[partition]} to "
                    f"{end_offsets[partition]}, but the next one to be taken is {position.next_offset}"
                )
            if partition not in consumer.assignment():
                continue
            self._positions[partition] = position
            self._progress.owns(partition, position.next_offset, end_offsets[partition])
            self._reading.begin(consumer, partition, position.next_offset)
        self._pending -= pending

    async def _check_partitions(self) -> None:
        """Raises `PartitionsMissing`. Kafka is asked after the database: meanwhile a topic may only have grown."""
        async with acquire(self._pool) as connection:
            known = {topic: await partitions_known(connection, topic) for topic in self._topics}
        for topic, there_are in (await self._identities.partitions(list(known))).items():
            if there_are < known[topic]:
                raise PartitionsMissing(
                    f"{topic} has {there_are} partitions, but records of {known[topic]} were taken: give it"
                    f" {known[topic]} again (docs/recovery.md)"
                )

    async def _process(self, consumer: AIOKafkaConsumer, fetched: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        batches = []
        for partition, records in fetched.items():
            position = self._positions.get(partition)
            if position is None:
                continue
            records = self._reading.to_take(consumer, partition, records)
            if not records:
                continue
            behind = records[-1].offset + 1
            self._progress.fetched(partition, records[0].timestamp, behind)
            moved = position.moved(next_offset=behind)
            batches.append(PartitionBatch(self._topics[partition.topic], position, records, moved, behind))
        if not batches:
            await self._handler.idle()
            return
        topics = (batch.topic.name for batch in batches)
        taken = (record for batch in batches for record in batch.records)
        with tracing.batch(self._group, topics, taken, sum(len(batch.records) for batch in batches)):
            await self._apply(consumer, batches)

    async def _apply(self, consumer: AIOKafkaConsumer, batches: list[PartitionBatch]) -> None:
        started = time.perf_counter()
        async with acquire(self._pool) as connection, connection.transaction():
            await self._handler.prepare(connection, batches)
            await move(connection, [(batch.position, batch.moved) for batch in batches])
            await self._handler.write(connection, batches)
        seconds = time.perf_counter() - started
        for batch in batches:
            self._moved(consumer, batch)
        self._account.committed(batches, seconds)
        await self._handler.committed(batches)

    def _moved(self, consumer: AIOKafkaConsumer, batch: PartitionBatch) -> None:
        place = TopicPartition(batch.position.topic, batch.position.partition)
        self._positions[place] = batch.moved
        self._reading.go_on(consumer, place, batch.records[-1].offset + 1, batch.read_on)
        next_known = batch.records[min(batch.taken, len(batch.records) - 1)]
        self._progress.took(place, batch.taken, batch.moved.next_offset, next_known.timestamp)

    async def _tell_kafka(self, consumer: AIOKafkaConsumer) -> None:
        if not self._positions:
            return
        offsets = {partition: position.next_offset for partition, position in self._positions.items()}
        try:
            await asyncio.wait_for(consumer.commit(offsets), timeout=COMMIT_EVERY_SECONDS)
        except (KafkaError, TimeoutError) as error:
            _log.info("advisory_commit_failed", group=self._group, cause=type(error).__name__)

    async def _back_off(self, attempt: int, stopping: asyncio.Event) -> None:
        seconds = BACK_OFF_SECONDS[min(attempt, len(BACK_OFF_SECONDS) - 1)]
        await pause(stopping, seconds)

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Drains the batch under way and forgets the partitions."""
        try:
            await asyncio.wait_for(self._working.acquire(), timeout=DRAIN_SECONDS)
        except TimeoutError:
            # The next owner's higher epoch keeps whatever this process still does from taking effect.
            _log.warning("revocation_without_drain", group=self._group)
        else:
            self._working.release()
        for partition in partitions:
            self._positions.pop(partition, None)
            self._progress.leaves([partition])
            self._pending.discard(partition)

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Notes the partitions; they are taken over before anything is read from them."""
        self._pending |= set(partitions)
