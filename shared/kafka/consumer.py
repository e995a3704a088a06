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
from dataclasses import dataclass
from typing import Protocol

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from shared.contracts.topics import Topic
from shared.kafka.identity import TopicIdentities
from shared.kafka.position import Fenced, Position, TakenOver, end_stalled, move, partitions_known, take_over
from shared.kafka.progress import Progress
from shared.kafka.settings import KafkaSettings
from shared.observability import tracing
from shared.observability.logs import log
from shared.observability.metrics import (
    AGE_SECONDS,
    BATCH_SECONDS,
    CONSUMED,
    DEAD_LETTERS,
    FENCED,
    LATE,
    POSITION,
    TAKE_OVERS,
    TOPIC_EPOCH,
)
from shared.postgres.pool import UNREACHABLE, Connection, acquire

FETCH_MILLISECONDS = 200
"""How long an idle fetch waits: the bound on noticing a stop or a new assignment."""
IDLE_MILLISECONDS = 100
"""How long Kafka keeps a fetch that finds nothing: an idle consumer asks ten times a second."""
DRAIN_SECONDS = 30.0
"""A batch's transaction ends within the database's own time-outs, which are shorter than this."""
STOP_SECONDS = 15.0
"""Leaving a broker that does not answer takes one request's time-out; whoever stays is put out by Kafka."""
BACK_OFF_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits between attempts while the database or Kafka is away; the last one repeats."""
COMMIT_EVERY_SECONDS = 5.0
COLLECTED_BYTES = 1024 * 1024
"""Kafka answers a fetch that collects at once when so much is there: about a thousand submissions, by which the fixed
cost of a batch is spread thin."""
MEASURE_EVERY_SECONDS = 1.0
"""How often it is asked where partitions end; readers of the lag need it no newer, and one small request a second costs
nothing worth naming."""
IDENTITY_EVERY_SECONDS = 2.0
"""A topic that is deleted and made again is noticed within this time, and at every assignment."""
LATE_SECONDS = 30.0
"""Beyond it a record counts as late: of the minute within which what was accepted shall be in the figures, the recorder
has one half and the projector the other."""
MOST_ASTRAY = 3
"""A rebalance may leave records from elsewhere in the buffers, once or twice; after a third seek the records are not
there."""

_RETRIED = (
    *UNREACHABLE,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,  # two owners of different partitions met the same new id; the second finds it known
)
_log = log(__name__)


class RecordsMissing(Exception):
    """Kafka no longer has records that were not yet taken: they expired or were deleted. Never passed over in
    silence."""


class PartitionsMissing(Exception):
    """The topic has fewer partitions than were read of it before: it was made anew with too few. Whoever went on would
    leave out for good what belongs into those that are missing."""


@dataclass(slots=True)
class PartitionBatch:
    """Records of one partition, without holes.

    `moved` is where the position goes with this batch: behind the records, unless the handler's `prepare` says
    otherwise. `read_on` is the offset to be read next: behind the records too, unless `prepare` wants some of them
    again.
    """

    topic: Topic
    position: Position
    records: Sequence[ConsumerRecord]
    moved: Position
    read_on: int


def begin_at_nought(group: str, topics: Iterable[str]) -> None:
    """Counters of what is to be noticed the first time: a rate sees no growth in what was not there before."""
    FENCED.labels(group)
    LATE.labels(group)
    for topic in topics:
        DEAD_LETTERS.labels(topic)


class Handler(Protocol):
    """What a process does with records."""

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        """Called when partitions were taken over and before anything is read from them; gives the positions to go on
        from."""

    async def prepare(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Decides what the batch does, in its transaction, before the positions move."""

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Makes the batch's effects, in its transaction, after the positions moved."""

    async def committed(self, batches: Sequence[PartitionBatch]) -> None:
        """Called after the commit."""

    async def idle(self) -> None:
        """Called when nothing is waiting in Kafka."""


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
        open_consumer: Callable[..., AIOKafkaConsumer] = AIOKafkaConsumer,
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
        self._max_records = max_records
        self._collect_milliseconds = collect_milliseconds
        self._until = until
        self._again = False
        self._identities = identities or TopicIdentities(settings)
        self._open_consumer = open_consumer
        self._watched = [topic.name for topic in watched]
        self._watched_identities: dict[str, str] = {}
        self._positions: dict[TopicPartition, Position] = {}
        self._pending: set[TopicPartition] = set()
        self._read: dict[TopicPartition, int] = {}
        self._astray: dict[TopicPartition, int] = {}
        self._working = asyncio.Lock()
        self._connected = False
        self._progress = Progress(group)
        begin_at_nought(group, self._topics)

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
                    FENCED.labels(self._group).inc()
                _log.warning("consumer_restarts", group=self._group, cause=type(error).__name__)
            await self._back_off(attempt, stopping)
            attempt += 1

    async def _in_group(self, stopping: asyncio.Event) -> None:
        consumer = self._open_consumer(
            **self._settings.for_aiokafka(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # only until the position is sought; records from elsewhere are not applied
            session_timeout_ms=6_000,  # the shortest that brokers allow: a killed process's partitions move within it
            heartbeat_interval_ms=1_000,
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=300_000,
            fetch_min_bytes=COLLECTED_BYTES if self._collect_milliseconds else 1,
            fetch_max_wait_ms=self._collect_milliseconds or IDLE_MILLISECONDS,
            max_partition_fetch_bytes=1024 * 1024,
        )
        self._positions.clear()
        self._progress.leaves_all()
        self._pending.clear()
        listener = _Listener(self, consumer)
        consumer.subscribe(list(self._topics), listener=listener)
        await consumer.start()
        measuring = asyncio.create_task(self._measure(consumer))
        try:
            await self._feed(consumer, stopping)
        finally:
            self._connected = False
            measuring.cancel()
            await asyncio.wait({measuring})
            await _stop(consumer)

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
                fetched = await self._fetch(consumer)
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

    async def _fetch(self, consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Up to `max_records`, the same share of every partition, and more of those that have more.

        One phone's households lie in all partitions, next to each other in time: taken together they fall into the same
        few rows of an aggregate. And no partition waits for another one's backlog.
        """
        share = max(1, self._max_records // (1 + len(self._positions)))  # and one for whoever comes first
        fetched: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
            timeout_ms=FETCH_MILLISECONDS, max_records=share
        )
        taken = sum(map(len, fetched.values()))
        full = list(self._positions) if taken == share else []  # who gave less than it was asked for has no more
        while full and taken < self._max_records:
            asked, full = full, []
            for partition in asked:
                room = min(share, self._max_records - taken)
                if room:
                    buffered = await consumer.getmany(partition, timeout_ms=0, max_records=room)
                    for records in buffered.values():
                        fetched.setdefault(partition, []).extend(records)
                        taken += len(records)
                        if len(records) == room:
                            full.append(partition)
        return fetched

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
            self._report(taken)
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
            self._astray.pop(partition, None)
            self._seek(consumer, partition, position.next_offset)
            consumer.resume(partition)
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

    def _report(self, taken: Iterable[TakenOver]) -> None:
        for one in taken:
            position = one.position
            TAKE_OVERS.labels(position.topic).inc()
            TOPIC_EPOCH.labels(position.topic).set(position.topic_epoch)
            if one.former_next_offset is not None:
                _log.error(
                    "topic_is_another",
                    topic=position.topic,
                    partition=position.partition,
                    topic_epoch=position.topic_epoch,
                    taken_of_the_former=one.former_next_offset,
                )

    async def _process(self, consumer: AIOKafkaConsumer, fetched: dict[TopicPartition, list[ConsumerRecord]]) -> None:
        batches = []
        for partition, records in fetched.items():
            position = self._positions.get(partition)
            if position is None or not records:
                continue
            if not self._in_sequence(consumer, partition, records):
                continue
            records = self._before_the_end(consumer, partition, records)
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
        BATCH_SECONDS.labels(self._group).observe(time.perf_counter() - started)
        for batch in batches:
            self._moved(consumer, batch)
        self._note_age(batches)
        await self._handler.committed(batches)

    def _note_age(self, batches: Sequence[PartitionBatch]) -> None:
        """By the batch: how old its oldest record was, and that all of a partition was late if its oldest was."""
        now = time.time()
        oldest, late = 0.0, 0
        for batch in batches:
            taken = batch.moved.next_offset - batch.position.next_offset
            if taken:  # not where something is missing, and the position stands
                age = now - batch.records[0].timestamp / 1000
                oldest = max(oldest, age)
                late += taken if age > LATE_SECONDS else 0
        AGE_SECONDS.labels(self._group).observe(oldest)
        LATE.labels(self._group).inc(late)

    def _moved(self, consumer: AIOKafkaConsumer, batch: PartitionBatch) -> None:
        topic, partition = batch.position.topic, batch.position.partition
        place = TopicPartition(topic, partition)
        self._positions[place] = batch.moved
        self._read[place] = batch.read_on
        if batch.read_on != batch.records[-1].offset + 1:
            consumer.seek(place, batch.read_on)
        taken = batch.moved.next_offset - batch.position.next_offset
        CONSUMED.labels(self._group, topic).inc(taken)
        POSITION.labels(topic, partition).set(batch.moved.next_offset)
        next_known = batch.records[min(taken, len(batch.records) - 1)]
        self._progress.took(place, taken, batch.moved.next_offset, next_known.timestamp)

    def _in_sequence(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord]
    ) -> bool:
        """Whether the records go on where reading stopped and have no holes. Our topics are neither compacted nor
        transactional, so a hole means that records are gone."""
        first, last, expected = records[0].offset, records[-1].offset, self._read[partition]
        if first != expected:
            self._astray[partition] = self._astray.get(partition, 0) + 1
            if self._astray[partition] > MOST_ASTRAY:
                raise RecordsMissing(f"{partition} goes on at {first} instead of {expected}")
            self._seek(consumer, partition, expected)
            return False
        if last - first != len(records) - 1:
            raise RecordsMissing(f"{partition} has a hole between {first} and {last}")
        self._astray.pop(partition, None)
        return True

    def _before_the_end(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: list[ConsumerRecord]
    ) -> list[ConsumerRecord]:
        """The records that are to be taken; a partition that has been read to its end is not read any more."""
        if self._until is None:
            return records
        wanted = max(0, self._until.get((partition.topic, partition.partition), 0) - records[0].offset)
        if wanted < len(records):
            consumer.pause(partition)
        return records[:wanted]

    def _seek(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
        self._read[partition] = offset
        consumer.seek(partition, offset)

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
        try:
            await asyncio.wait_for(stopping.wait(), timeout=seconds)
        except TimeoutError:
            return

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


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Tells the consumer of rebalances. Fetching starts before `on_partitions_assigned` ends (aiokafka#738): pause at
    once."""

    def __init__(self, owner: PositionedConsumer, consumer: AIOKafkaConsumer) -> None:
        self._owner = owner
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._owner.revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        self._owner.assigned(assigned)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    """Leaves the group, at the latest after `STOP_SECONDS`.

    While Kafka is away, aiokafka lets the cancellation of its own fetch task out of `stop()`. It must not be taken for
    one of ours: a task group holds a cancelled task for a finished one, and this process would do nothing from then on,
    in silence.
    """
    stopped = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopped], timeout=STOP_SECONDS)
    if not stopped.done():
        stopped.cancel()
        _log.warning("consumer_not_stopped", seconds=STOP_SECONDS)
    elif not stopped.cancelled() and (error := stopped.exception()) is not None:
        _log.warning("consumer_stopped_badly", cause=type(error).__name__)
