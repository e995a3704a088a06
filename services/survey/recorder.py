"""The recorder: takes accepted surveys, follow-ups and erasures from `survey-intake` into the database and publishes
what each changed (`services.survey.household` says what).

One batch (the shared consumer gives the frame, see shared/kafka/consumer.py):

1. in one transaction: keep other recorders from the households' subdistricts; read which ids are known and what the
   households stand at now; decide; move the positions, which fails when another recorder has taken a partition over;
   write submissions, households, persons to reach and follow-ups, and destroy what erasures end;
2. after the commit, publish: per partition in order, each produce batch acknowledged before the next is sent. This
   overlaps with 1 of the next batch, never with its 2;
3. `published` moves with the next batch's transaction.

Killed before the commit: nothing happened. Killed after it: at take-over, everything recorded at or above `published`
is published once more from the stored rows, byte for byte, and consumers drop what they have. A recorder that was
thought dead can neither move the position nor record anything; what it still publishes was committed, hence is a
repetition.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from services.survey import store
from services.survey.household import Household
from services.survey.quality import Comparison
from services.survey.reach import store as reach_store
from services.survey.records import IntakeRecord, decode
from shared.contracts.envelope import HeaderWriter
from shared.contracts.topics import SURVEY_SUBMITTED, Topic
from shared.kafka.handler import PartitionBatch
from shared.kafka.identity import TopicIdentities
from shared.kafka.position import Position, TakenOver, move
from shared.kafka.producer import OrderedPublisher, OutgoingRecord
from shared.kafka.projection import DeadLetters
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import PUBLISHED, REPUBLISHED
from shared.observability.tracing import Headers, onward
from shared.postgres.pool import Connection

SEQUENCES_PER_EPOCH: Final = 10**15
"""Offsets of one identity of `survey-intake`: sequence = topic_epoch * 10^15 + offset, readable and within 63 bits."""
COLLECT_MILLISECONDS: Final = 60
"""A batch of ten records costs nearly as much as one of a hundred, and nobody sees 60 ms."""
REPUBLISHED_AT_ONCE: Final = 5_000
"""Rows read and published in one step of a take-over: some 3 MB."""

_log = log(__name__)


class SurveyEvent(msgspec.Struct, frozen=True):
    """`SurveySubmitted` of the contract in the form that is quick to write; `before` and `after` are JSON as stored."""

    submission_id: UUID
    household_id: UUID
    volunteer_id: UUID | None
    organisation_id: UUID | None
    area: str
    captured_at: datetime
    recorded_at: datetime
    kind: str
    outcome: str
    revision: int
    before: msgspec.Raw | None
    after: msgspec.Raw | None
    flags: Sequence[str]


class Recorder:
    """The consumer's handler that records submissions (see the module)."""

    def __init__(
        self, publisher: OrderedPublisher, identities: TopicIdentities, clock: Clock, topic: Topic = SURVEY_SUBMITTED
    ) -> None:
        self._publisher = publisher
        self._topic = topic.name
        self._identities = identities
        self._clock = clock
        self._dead_letters = DeadLetters()
        self._plan = _Plan()
        self._publishing: asyncio.Task[None] | None = None
        self._published: dict[int, int] = {}  # by partition: every event below this sequence is in Kafka

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        """Publishes once more what is recorded and not known to be in Kafka; everything, when the topic is another
        one."""
        await self.drain()
        identity = (await self._identities.of([self._topic]))[self._topic]
        positions = []
        for one in taken:
            before = one.position
            if before.published_topic_id not in (None, identity):
                _log.error("published_topic_is_another", partition=before.partition, topic=self._topic)
                before = before.moved(published=0)
            end = await self._publish_again(connection, before)
            after = before.moved(published=end, published_topic_id=identity)
            await move(connection, [(before, after)])
            self._published[after.partition] = end
            positions.append(after)
        return positions

    async def prepare(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Reads what the batch meets in the database and decides what it changes."""
        self._dead_letters.begin()
        plan = self._plan = _Plan()
        arrivals = self._read(batches)
        records = [record for in_order in arrivals for _, record in in_order]
        await store.hold(connection, store.Work.RECORDING, {record.household_id for record in records})
        plan.known = await store.known_submissions(connection, [record.submission_id for record in records])
        new = plan.first_seen(records)
        plan.households = await store.households(connection, list({record.household_id for record in records}))
        named = [(one.household_id, person.person_id) for one in new if one.reach for person in one.reach]
        await reach_store.bring_follow_ups(connection, plan.households, named)
        plan.comparison = await _compare(connection, plan.in_time(new))
        plan.recorded_at = self._clock.now()
        for batch, in_order in zip(batches, arrivals, strict=True):
            last = batch.position.last_sequence
            for sequence, record in in_order:
                if plan.take(batch.position.partition, sequence, last, record):
                    last = sequence
            published = self._published.get(batch.position.partition, batch.position.published)
            batch.moved = batch.moved.moved(last_sequence=last, published=published)

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Writes what was decided."""
        plan = self._plan
        await self._dead_letters.write(connection)
        await store.add_submissions(connection, plan.submissions)
        await store.add_repeated(connection, plan.repeated)
        households = plan.households.values()
        await reach_store.forget(connection, households)
        await store.put_households(connection, households)
        await reach_store.put_follow_ups(connection, households)
        await store.put_sightings(connection, plan.comparison.seen)

    async def committed(self, batches: Sequence[PartitionBatch]) -> None:
        """Starts to publish the batch, once the one before it is in Kafka."""
        self._dead_letters.committed()
        await self.drain()
        events = self._plan.events
        ends = {batch.position.partition: (batch.moved.last_sequence or -1) + 1 for batch in batches}
        self._publishing = asyncio.create_task(self._publish(events, ends))

    async def idle(self) -> None:
        """Lets a failed publication be known although no further batch comes."""
        if self._publishing is not None and self._publishing.done():
            await self.drain()

    async def drain(self) -> None:
        """Waits until what was committed is in Kafka; raises what publishing raised."""
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            await publishing

    def _read(self, batches: Sequence[PartitionBatch]) -> list[list[tuple[int, IntakeRecord]]]:
        arrivals: list[list[tuple[int, IntakeRecord]]] = []
        for batch in batches:
            base = batch.position.topic_epoch * SEQUENCES_PER_EPOCH
            in_order: list[tuple[int, IntakeRecord]] = []
            for record in batch.records:
                if record.headers:  # only of what is followed
                    self._plan.followed[base + record.offset] = onward(record.headers)
                try:
                    in_order.append((base + record.offset, decode(record.value or b"")))
                except ValueError:
                    self._dead_letters.add(batch.position, record, base + record.offset, "unreadable_body")
            arrivals.append(in_order)
        return arrivals

    async def _publish(self, events: dict[int, list[OutgoingRecord]], ends: dict[int, int]) -> None:
        await self._publisher.publish(self._topic, events)
        PUBLISHED.labels(self._topic).inc(sum(map(len, events.values())))
        self._published |= ends

    async def _publish_again(self, connection: Connection, position: Position) -> int:
        start = position.published
        while rows := await store.recorded_from(connection, position.partition, start, REPUBLISHED_AT_ONCE):
            again = [event_record(stored_event(dict(row)), row["sequence"], row["previous"]) for row in rows]
            await self._publisher.publish(self._topic, {position.partition: again})
            REPUBLISHED.labels(self._topic).inc(len(again))
            start = rows[-1]["sequence"] + 1
        return start


async def _compare(connection: Connection, records: Sequence[IntakeRecord]) -> Comparison:
    volunteers = {record.volunteer_id for record in records if record.cell is not None and record.volunteer_id}
    persons: dict[bytes, UUID] = {}
    for record in records:
        for person in record.persons:
            persons.setdefault(person, record.household_id)
    return Comparison(
        records,
        await store.last_sightings(connection, list(volunteers)),
        await store.first_households(connection, persons),
    )


class _Plan:
    """What one batch changes, decided record by record in the order of arrival."""

    def __init__(self) -> None:
        self.known: dict[UUID, bytes] = {}
        self.households: dict[UUID, Household] = {}
        self.comparison = Comparison((), {}, {})
        self.recorded_at: datetime
        self.submissions: list[tuple[Any, ...]] = []
        self.repeated: list[tuple[Any, ...]] = []
        self.events: dict[int, list[OutgoingRecord]] = defaultdict(list)
        self.followed: dict[int, Headers] = {}

    def first_seen(self, records: Sequence[IntakeRecord]) -> Sequence[IntakeRecord]:
        """Those of `records`, in the order of arrival, that `take` will record: of each new id the first."""
        first: dict[UUID, IntakeRecord] = {}
        for record in records:
            if record.submission_id not in self.known:
                first.setdefault(record.submission_id, record)
        return list(first.values())

    def in_time(self, records: Sequence[IntakeRecord]) -> Sequence[IntakeRecord]:
        """Those of new `records` that tell of nothing that was erased before they came."""
        erased = {one.household_id: one.erased_at for one in self.households.values() if one.erased_at is not None}
        if not erased and all(record.erased_by is None for record in records):
            return records  # nearly always
        kept = []
        for record in records:
            household_id, captured_at = record.household_id, record.captured_at
            until = erased.get(household_id)
            if record.erased_by is not None:
                erased[household_id] = captured_at if until is None else max(until, captured_at)
            elif until is not None and captured_at <= until:
                continue
            kept.append(record)
        return kept

    def take(self, partition: int, sequence: int, previous: int | None, record: IntakeRecord) -> bool:
        """Decides one record; False when its id is known, so that it becomes no event."""
        known = self.known.get(record.submission_id)
        if known is not None:
            self.repeated.append(
                (
                    partition,
                    sequence,
                    record.submission_id,
                    record.volunteer_id,
                    record.area,
                    record.received_at,
                    known == record.digest,
                )
            )
            return False
        self.known[record.submission_id] = record.digest
        household = self.households.get(record.household_id)
        if household is None:
            household = self.households[record.household_id] = Household(record.household_id)
        outcome, before, after, kept = household.take(record)
        revision = household.revision
        by_volunteer = record.volunteer_id is not None  # else it is no visit, of which nothing is odd
        flags = self.comparison.flags(record) if kept and by_volunteer else record.flags
        row = (
            record.submission_id,
            record.household_id,
            record.volunteer_id,
            record.organisation_id,
            record.area,
            record.captured_at,
            record.received_at,
            self.recorded_at,
            record.kind,
            outcome,
            revision,
            before,
            after,
            record.digest,
            partition,
            sequence,
            previous,
            record.key_id,
            (record.wrapped_key or None) if kept else None,
            record.sealed,
            flags or None,
            (record.persons or None) if kept else None,
            [person.person_id for person in record.reach] if kept and record.reach else None,
            record.notice,
        )
        self.submissions.append(row)
        event = SurveyEvent(
            record.submission_id,
            record.household_id,
            record.volunteer_id,
            record.organisation_id,
            record.area,
            record.captured_at,
            self.recorded_at,
            record.kind,
            outcome,
            revision,
            _raw(before),
            _raw(after),
            flags,
        )
        self.events[partition].append(event_record(event, sequence, previous, self.followed.get(sequence, ())))
        return True


_headers = HeaderWriter(
    SURVEY_SUBMITTED.source or "", SURVEY_SUBMITTED.event_type or "", SURVEY_SUBMITTED.dataschema or ""
)
_encode = msgspec.json.Encoder().encode


def event_record(event: SurveyEvent, sequence: int, previous: int | None, followed: Headers = ()) -> OutgoingRecord:
    """The event of a recorded submission, from what its row holds: the first publication and every later one are the
    same bytes. followed: a header of the first one alone, behind those of the contract (`shared.observability.tracing`)
    """
    key = str(event.household_id)
    headers = _headers.write(str(event.submission_id), key, event.recorded_at, sequence, previous)
    headers += followed
    return OutgoingRecord(
        key.encode(),
        _encode(event),
        headers,
        int(event.recorded_at.timestamp() * 1000),
    )


def stored_event(row: Mapping[str, Any]) -> SurveyEvent:
    """The event of a row of `submission`."""
    columns = {name: row[name] for name in SurveyEvent.__struct_fields__}
    return SurveyEvent(
        **columns | {"before": _raw(row["before"]), "after": _raw(row["after"]), "flags": row["flags"] or ()}
    )


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text.encode())
