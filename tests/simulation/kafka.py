"""A small Kafka: topics with identities, partitions, consumer groups; and aiokafka's clients as far as they are used.

What it does on purpose, because the real one does it: a produce batch may arrive late, also after its process died; an
acknowledgement may be late; a rejected batch does not keep the next one of its partition from being written; records
fetched before a rebalance may come after it; a member learns late that its partitions are somebody else's; a topic that
is made anew begins at offset 0, and who reads beyond its end is set back to its beginning.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, MessageSizeTooLargeError, UnknownTopicOrPartitionError
from aiokafka.structs import ConsumerRecord

from tests.simulation.scheduler import Process, World, settle

SESSION_SECONDS = 1.0
"""After so long without a heartbeat a member is expelled; a tenth of the product's, like the database's time-outs."""
REBALANCE_SECONDS = 6.0
"""A member that has not come back by then is left out."""
HEARTBEAT_SECONDS = 0.1
METADATA_SECONDS = 1.0
"""Within this time the members of a group notice that a topic is gone or there again."""
NO_TOPIC_SECONDS = 0.1
"""How long a producer waits before it looks again for a topic that is not there."""
STALE_FETCH = 0.05
"""Share of resumed partitions that first give records fetched before the position was sought."""
FETCHED_AT_ONCE = 0.85
"""Chance that a partition with records takes part in an answer: fetches come from several brokers."""


@dataclass(slots=True)
class Topic:
    """A topic of one identity."""

    name: str
    topic_id: str
    logs: list[list[ConsumerRecord]]


@dataclass(slots=True)
class Trouble:
    """What is to go wrong next.

    produce: by topic, for the coming batches "refused" (not written, for good), "late" (written late) or
    "unacknowledged" (written, and told late); identities: how many questions time out.
    """

    produce: dict[str, deque[str]] = field(default_factory=dict)
    identities: int = 0


class Cluster:
    """The brokers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.topics: dict[str, Topic] = {}
        self.former: list[Topic] = []
        self.groups: dict[str, Group] = {}
        self.consumers: list[Consumer] = []
        self.trouble = Trouble()
        self.batch_records = 3
        """Records that fit into one produce batch."""
        self.under_way = 0
        """Produce batches that were sent and have not arrived."""
        self.partitions: dict[str, int] = {}
        """Of each topic, as it is or as it was before it was deleted: what clients know of it."""
        self._identities = itertools.count(1)

    def create(self, name: str, partitions: int) -> None:
        """Makes a topic."""
        self.topics[name] = Topic(name, f"{name}-{next(self._identities)}", [[] for _ in range(partitions)])
        self.partitions[name] = partitions
        self.world.note(f"kafka: {name} is made, id {self.topics[name].topic_id}")
        self._new_metadata()

    def grow(self, name: str, partitions: int) -> None:
        """Gives a topic so many partitions, more than it has."""
        logs = self.topics[name].logs
        logs += [[] for _ in range(len(logs), partitions)]
        self.partitions[name] = partitions
        self.world.note(f"kafka: {name} has {partitions} partitions")
        self._new_metadata()

    def delete(self, name: str) -> int:
        """Deletes a topic; gives its number of partitions."""
        topic = self.topics.pop(name)
        self.former.append(topic)
        self._new_metadata()
        self.world.note(f"kafka: {name} is deleted")
        return len(topic.logs)

    def _new_metadata(self) -> None:
        for group in self.groups.values():
            self.world.after(self.world.chance.random() * METADATA_SECONDS, group.rebalance)

    def log(self, place: TopicPartition) -> list[ConsumerRecord]:
        """A partition's records; raises aiokafka's error when the topic does not exist."""
        topic = self.topics.get(place.topic)
        if topic is None:
            raise UnknownTopicOrPartitionError(place.topic)
        return topic.logs[place.partition]

    def append(self, topic: str, partition: int, batch: "Batch", by: str) -> None:
        """Writes a produce batch."""
        log = self.topics[topic].logs[partition]
        first = len(log)
        for offset, (key, value, headers, timestamp) in enumerate(batch.records, first):
            log.append(
                ConsumerRecord(
                    topic, partition, offset, timestamp, 0, key, value, None, len(key or b""), len(value), headers
                )
            )
        if self.world.tracing:
            names = [_name(record) for record in log[first:]]
            self.world.note(f"kafka: {by} writes {topic}/{partition}@{first} {names}")
        place = TopicPartition(topic, partition)
        for consumer in self.consumers:
            consumer.told_of_records(place)

    def woken(self, process: Process) -> None:
        """A process that was paused learns with its next heartbeat that it was expelled."""
        for consumer in self.consumers:
            if consumer.process is process and consumer.group.missing(consumer):
                self.world.after(self.world.chance.random() * HEARTBEAT_SECONDS, consumer.tell)

    def silent(self, process: Process) -> None:
        """A process has sent no heartbeat for the length of a session, or its connection is gone for so long."""
        for consumer in [one for one in self.consumers if one.process is process]:
            self.world.note(f"kafka: {process.name} is expelled from {consumer.group.name}")
            consumer.group.leave(consumer)
            if not process.alive:
                self.consumers.remove(consumer)

    def group(self, name: str) -> "Group":
        """A consumer group."""
        return self.groups.setdefault(name, Group(self, name))


def _name(record: ConsumerRecord) -> str:
    headers = dict(record.headers)
    if "ce_sequence" not in headers:
        return str(record.offset)
    return f"{int(headers['ce_sequence'])}<-{headers['ce_previous'].decode().lstrip('0')}"


class Group:
    """The coordinator's side of one consumer group, with the eager protocol."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.world = cluster.world
        self.name = name
        self.committed: dict[TopicPartition, int] = {}
        self._members: list[Consumer] = []
        self._joining: dict[Consumer, asyncio.Future[Any]] = {}
        self._rebalancing = False
        self._round = 0

    def missing(self, consumer: "Consumer") -> bool:
        """Whether a consumer is no member (any more)."""
        return consumer not in self._members

    def join(self, consumer: "Consumer", answer: "asyncio.Future[Any]") -> None:
        """A member comes (back); the answer is its assignment, once all others have come back too."""
        if not consumer.process.alive or consumer.closed:
            return
        if consumer not in self._members:
            self._members.append(consumer)
        self._joining[consumer] = answer
        if len(self._joining) == 1:
            self._round += 1
            self.world.after(REBALANCE_SECONDS, self._leave_out, self._round)
        self._call_others()
        self._settle()

    def leave(self, consumer: "Consumer") -> None:
        """A member goes or is expelled."""
        if consumer in self._members:
            self._members.remove(consumer)
            self._joining.pop(consumer, None)
            self._call_others()
            self._settle()

    def rebalance(self) -> None:
        """Has everybody come back, as when the coordinator moves."""
        self._call_others()

    def _call_others(self) -> None:
        self._rebalancing = True
        for member in self._members:
            if member not in self._joining:
                self.world.after(self.world.chance.random() * HEARTBEAT_SECONDS, self._call, member)

    def _call(self, member: "Consumer") -> None:
        """A member's heartbeat hears of a rebalance, unless it came by itself meanwhile."""
        if self._rebalancing and member not in self._joining:
            member.tell()

    def _leave_out(self, number: int) -> None:
        if number == self._round and self._joining:
            self._members = [member for member in self._members if member in self._joining]
            self._settle()

    def _settle(self) -> None:
        if not self._members or len(self._joining) < len(self._members):
            return
        places = [
            TopicPartition(name, partition)
            for name in sorted({name for member in self._members for name in member.subscribed})
            if name in self.cluster.topics
            for partition in range(len(self.cluster.topics[name].logs))
        ]
        turn = int(self.world.chance.random() * len(self._members))
        joining, self._joining = self._joining, {}
        self._rebalancing = False
        for number, member in enumerate(self._members):
            mine = [place for place in places if (place.partition + turn) % len(self._members) == number]
            if self.world.tracing:
                self.world.note(f"kafka: {member.process.name} gets {[f'{p.topic}/{p.partition}' for p in mine]}")
            self.world.after(self.world.latency(), settle, joining[member], mine, None)


class Consumer:
    """aiokafka's `AIOKafkaConsumer`."""

    def __init__(self, cluster: Cluster, process: Process, group_id: str) -> None:
        self.process = process
        self.group = cluster.group(group_id)
        self.subscribed: list[str] = []
        self.closed = False
        self._stopping = False
        self._cluster = cluster
        self._world = cluster.world
        self._listener: Any = None
        self._coordinating: asyncio.Task[Any] | None = None
        self._told: asyncio.Future[Any] | None = None
        self._assigned: dict[TopicPartition, int] = {}  # the offset to be fetched next
        self._paused: set[TopicPartition] = set()
        self._stale: dict[TopicPartition, int] = {}
        self._parked: tuple[asyncio.Future[Any], int] | None = None

    def subscribe(self, topics: Sequence[str], *, listener: object) -> None:
        """Chooses topics."""
        self.subscribed = list(topics)
        self._listener = listener

    async def start(self) -> None:
        """Goes to the group."""
        await self.process.ask(lambda: self._cluster.consumers.append(self))
        self._coordinating = self.process.create_task(self._coordinate())

    async def stop(self) -> None:
        """Leaves the group, once a rebalance under way is through."""
        if self._coordinating is not None and self.process.alive:
            self._stopping = True
            self.tell()
            await self._coordinating
            await self.process.ask(self._leave)

    def assignment(self) -> set[TopicPartition]:
        """What this member believes to own."""
        return set(self._assigned)

    def pause(self, *places: TopicPartition) -> None:
        """Gives nothing of these partitions."""
        self._check(places)
        self._paused.update(places)

    def resume(self, *places: TopicPartition) -> None:
        """Gives records of these partitions again."""
        self._check(places)
        for place in places:
            self._paused.discard(place)
            if self._world.chance.random() < STALE_FETCH:
                self._stale[place] = self.group.committed.get(place, 0)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Goes on from an offset; what was fetched for another is thrown away."""
        self._check([place])
        self._stale.pop(place, None)
        self._assigned[place] = offset

    async def beginning_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The first offset of each; nothing expires here."""
        return await self.process.ask(lambda: {place: len(self._cluster.log(place)) * 0 for place in places})

    async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset behind the last record of each."""
        return await self.process.ask(lambda: {place: len(self._cluster.log(place)) for place in places})

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tells the group positions; refused from who is no member."""

        def serve() -> None:
            if self.group.missing(self):
                raise IllegalStateError("not a member")
            self.group.committed |= offsets

        await self.process.ask(serve)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Records of the owned partitions, or nothing after the time. Nothing is held ready, so that without any time
        for it there is never any."""
        if not timeout_ms:
            return {}
        answer = self.process.create_future()
        self._world.after(self._world.latency(), self._fetch, answer, max_records)
        timer = self.process.call_later(timeout_ms / 1000, settle, answer, {}, None)
        fetched: dict[TopicPartition, tuple[int, list[ConsumerRecord]]] = await answer
        timer.cancel()
        given = {}
        for place, (position, records) in fetched.items():
            # A seek or a revocation since the request throws away what was fetched for it.
            if place not in self._paused and self._assigned.get(place) == position:
                given[place] = records
                self._assigned[place] = records[-1].offset + 1
        return given

    def tell(self) -> None:
        """The heartbeat's answer: come back to the group."""
        if self._told is not None:
            settle(self._told, None, None)

    def told_of_records(self, place: TopicPartition) -> None:
        """Something was written to a partition."""
        if self._parked is not None and place in self._assigned:
            answer, max_records = self._parked
            self._parked = None
            self._world.after(self._world.latency(), self._fetch, answer, max_records)

    def _fetch(self, answer: "asyncio.Future[Any]", max_records: int) -> None:
        if answer.done() or not self.process.alive:
            return
        found: dict[TopicPartition, tuple[int, list[ConsumerRecord]]] = {}
        for place, position in self._assigned.items():
            topic = self._cluster.topics.get(place.topic)
            if topic is None or place in self._paused or not max_records:
                continue
            log = topic.logs[place.partition]
            if position > len(log):
                self._world.note(f"{self.process.name}: {place.topic}/{place.partition} has no offset {position}")
                position = self._assigned[place] = 0
            begin = self._stale.pop(place, position)
            records = log[begin : begin + 1 + int(self._world.chance.random() * max_records)]
            if records and (not found or self._world.chance.random() < FETCHED_AT_ONCE):
                found[place] = (position, records)
                max_records -= len(records)
        if found:
            settle(answer, found, None)
        else:
            self._parked = (answer, max_records)

    async def _coordinate(self) -> None:
        while not self._stopping:
            await self._listener.on_partitions_revoked(set(self._assigned))
            self._told = self.process.create_future()
            answer = self.process.create_future()
            self._world.after(self._world.latency(), self.group.join, self, answer)
            places = await answer
            self._assigned = {place: self.group.committed.get(place, 0) for place in places}
            self._paused.clear()
            self._stale.clear()
            await self._listener.on_partitions_assigned(set(places))
            if not self._stopping:
                await self._told

    def _leave(self) -> None:
        self.closed = True
        if self in self._cluster.consumers:
            self._cluster.consumers.remove(self)
        self.group.leave(self)

    def _check(self, places: Sequence[TopicPartition]) -> None:
        for place in places:
            if place not in self._assigned:
                raise IllegalStateError(f"{place} is not assigned")


class Batch:
    """aiokafka's `BatchBuilder`."""

    def __init__(self, most: int, now: float = 0.0) -> None:
        self.records: list[tuple[bytes | None, bytes, Sequence[tuple[str, bytes]], int]] = []
        self._most = most
        self._now = now

    def append(
        self, *, key: bytes | None, value: bytes, timestamp: int | None, headers: Sequence[tuple[str, bytes]]
    ) -> object | None:
        """Adds a record, stamped with the batch's own time where none is given; None when it does not fit any more."""
        if len(self.records) >= self._most:
            return None
        self.records.append((key, value, headers, int(self._now * 1000) if timestamp is None else timestamp))
        return self

    def record_count(self) -> int:
        """How many records are in it."""
        return len(self.records)


class Producer:
    """aiokafka's `AIOKafkaProducer`, idempotent: a retried batch is written once, and a partition has one under way."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self._cluster = cluster
        self._world = cluster.world
        self._process = process
        self._queues: dict[TopicPartition, deque[tuple[Batch, asyncio.Future[Any]]]] = {}

    async def start(self) -> None:
        """Finds the brokers."""
        await self._process.ask(lambda: None)

    async def stop(self) -> None:
        """Waits for what is under way."""
        if self._process.alive:
            waiting = [answer for queue in self._queues.values() for _, answer in queue if not answer.done()]
            if waiting:
                await asyncio.wait(waiting)

    async def partitions_for(self, topic: str) -> set[int]:
        """The partitions of a topic."""
        return set(range(self._cluster.partitions[topic]))

    def create_batch(self) -> Batch:
        """An empty batch."""
        return Batch(self._cluster.batch_records, self._world.now)

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Sends a batch after those before it; the future is its acknowledgement."""
        answer = self._process.create_future()
        place = TopicPartition(topic, partition)
        queue = self._queues.setdefault(place, deque())
        queue.append((batch, answer))
        if len(queue) == 1 and self._process.alive:
            self._send(place)
        return answer

    def _send(self, place: TopicPartition) -> None:
        troubles = self._cluster.trouble.produce.get(place.topic)
        trouble = troubles.popleft() if troubles else ""
        seconds = self._world.latency()
        if trouble:
            self._world.note(f"{self._process.name}: a batch for {place.topic}/{place.partition} is {trouble}")
        if trouble == "late":
            seconds += self._world.chance.random() * 4
        self._cluster.under_way += 1
        self._world.after(seconds, self._arrive, place, *self._queues[place][0], trouble)

    def _arrive(self, place: TopicPartition, batch: Batch, answer: "asyncio.Future[Any]", trouble: str) -> None:
        if place.topic not in self._cluster.topics:
            if self._process.alive:
                self._world.after(NO_TOPIC_SECONDS, self._arrive, place, batch, answer, trouble)
            else:
                self._cluster.under_way -= 1
            return
        self._cluster.under_way -= 1
        error: Exception | None = None
        seconds = 0.0
        if trouble == "refused":
            error = MessageSizeTooLargeError()
        else:
            self._cluster.append(place.topic, place.partition, batch, self._process.name)
        if trouble == "unacknowledged":
            seconds = self._world.chance.random() ** 3 * 12
        self._world.after(seconds, self._acknowledge, place, answer, error)

    def _acknowledge(self, place: TopicPartition, answer: "asyncio.Future[Any]", error: Exception | None) -> None:
        self._process.call_soon(self._acknowledged, place, answer, error)

    def _acknowledged(self, place: TopicPartition, answer: "asyncio.Future[Any]", error: Exception | None) -> None:
        queue = self._queues[place]
        queue.popleft()
        settle(answer, None, error)
        if queue:
            self._send(place)


class Identities:
    """`shared.kafka.identity.TopicIdentities`."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self._cluster = cluster
        self._process = process

    async def of(self, names: Sequence[str]) -> dict[str, str]:
        """The id of each topic."""
        return {name: topic.topic_id for name, topic in (await self._process.ask(lambda: self._ask(names))).items()}

    async def partitions(self, names: Sequence[str]) -> dict[str, int]:
        """How many partitions each topic has."""
        return {name: len(topic.logs) for name, topic in (await self._process.ask(lambda: self._ask(names))).items()}

    def _ask(self, names: Sequence[str]) -> dict[str, Topic]:
        if self._cluster.trouble.identities:
            self._cluster.trouble.identities -= 1
            raise TimeoutError("Kafka did not tell the identity")
        try:
            return {name: self._cluster.topics[name] for name in names}
        except KeyError as error:
            raise LookupError(f"topic {error} does not exist") from error
