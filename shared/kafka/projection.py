"""A consumer of public events: judges each by the sequence rule, puts poison aside, and applies the rest.

A gap (`previous` is above the last sequence applied) stops the partition: nothing of it is applied, its position stays,
a gauge and the log say so. Reading goes on without effect, since the missing events come again further on, when their
publisher takes over; they are applied then, and reading starts again at the position until nothing is missing.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, NamedTuple, Protocol

from aiokafka.structs import ConsumerRecord

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import chain_place
from shared.contracts.topics import Topic
from shared.kafka.handler import PartitionBatch
from shared.kafka.position import Position, TakenOver
from shared.observability.logs import log
from shared.observability.metrics import DEAD_LETTERS, GAPS, REPETITIONS
from shared.postgres.pool import Connection

MOST_DEAD_LETTERS = 1_000
"""In one process's life. A broken producer is to stop the line, not to drain a topic into the table."""
MOST_KEPT_BYTES = 64 * 1024
"""Of a dead letter's value; the record itself stays in its topic."""

_log = log(__name__)


class PoisonRecord(Exception):
    """A record that cannot be read; `cause` is a stable word for it."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


def read_body(decode: Callable[[bytes], Any], wanted: bytes, kind: bytes | None, value: bytes | None) -> Any:
    """The body of an event of the type `kind`; raises `PoisonRecord`, also when another one is wanted."""
    if kind != wanted:
        raise PoisonRecord("unknown_type")
    if value is None:
        raise PoisonRecord("no_body")
    try:
        return decode(value)
    except (ValueError, RecursionError) as error:  # pydantic's, msgspec's and json's, for what is nested too deep too
        raise PoisonRecord("unreadable_body") from error


class TooMuchPoison(Exception):
    """More dead letters than a few broken records explain: an operator has to look."""


class Event(NamedTuple):
    """One event that is to be applied. `time` is the event's own, in milliseconds since 1970."""

    topic: str
    sequence: int
    time: int
    body: Any


Gap = tuple[int | None, int]
"""The last sequence that was applied (None: nothing yet), and the larger one that comes before the next event there
is."""


class Gaps(Protocol):
    """Where a service notes what is missing, and what its operators have given up."""

    async def dismissed(self, connection: Connection, position: Position) -> Set[Gap]:
        """Gaps of a partition that the chain may pass over."""

    async def note(self, connection: Connection, found: Sequence[tuple[Position, Gap | None]]) -> None:
        """Notes what partitions wait for now, None: for nothing any more; in the transaction of the batch."""


class Projection(Protocol):
    """What a service makes of public events."""

    decoders: Mapping[str, Callable[[bytes], Any]]
    """By topic, how a body is read; whatever it raises makes the record poison."""

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Makes the effects of a batch, in its transaction. Called once per batch, with the events of a partition in
        order."""


INSERT_DEAD_LETTERS = """
INSERT INTO dead_letter (topic, partition, topic_epoch, "offset", sequence, cause, key, headers, value)
SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[], $7::bytea[],
$8::jsonb[],
                     $9::bytea[])
ON CONFLICT (topic, topic_epoch, partition, "offset") DO NOTHING
"""


class DeadLetters:
    """Writes unreadable records into `dead_letter`, and stops the process when there are too many."""

    def __init__(self, most: int = MOST_DEAD_LETTERS) -> None:
        self._most = most
        self._count = 0
        self._rows: list[tuple[Any, ...]] = []

    def begin(self) -> None:
        """Forgets what was added since the last write; a batch that is tried again adds it again."""
        self._rows = []

    def add(self, position: Position, record: ConsumerRecord, sequence: int | None, cause: str) -> None:
        """Puts a record aside."""
        headers = [
            [name, None if value is None else base64.b64encode(value).decode()] for name, value in record.headers
        ]
        value = None if record.value is None else record.value[:MOST_KEPT_BYTES]
        self._rows.append(
            (
                position.topic,
                position.partition,
                position.topic_epoch,
                record.offset,
                sequence,
                cause,
                record.key,
                json.dumps(headers),
                value,
            )
        )

    async def write(self, connection: Connection) -> None:
        """Stores them in the batch's transaction."""
        if not self._rows:
            return
        if self._count + len(self._rows) > self._most:
            raise TooMuchPoison(f"more than {self._most} unreadable records, the latest: {self._rows[-1][5]}")
        await connection.execute(INSERT_DEAD_LETTERS, *map(list, zip(*self._rows, strict=True)))

    def committed(self) -> None:
        """Counts and reports what the committed batch put aside."""
        self._count += len(self._rows)
        for topic, partition, _, offset, _, cause, *_ in self._rows:
            DEAD_LETTERS.labels(topic).inc()
            _log.error("dead_letter", topic=topic, partition=partition, offset=offset, cause=cause)
        self._rows = []


class ProjectionHandler:
    """The consumer's handler for a projection (see the module)."""

    def __init__(
        self,
        projection: Projection,
        topics: Sequence[Topic],
        *,
        gaps: Gaps | None = None,
        most_dead_letters: int = MOST_DEAD_LETTERS,
    ) -> None:
        """gaps: where they are noted and dismissed; without, each is waited out."""
        self._projection = projection
        self._types = {topic.name: (topic.event_type or "").encode() for topic in topics}
        self._dead_letters = DeadLetters(most_dead_letters)
        self._gaps = gaps
        self._dismissed: dict[tuple[str, int], Set[Gap]] = {}
        self._found: dict[tuple[str, int], tuple[Position, Gap | None]] = {}
        self._noted: dict[tuple[str, int], Gap] = {}
        self._events: list[Event] = []
        self._waiting: dict[tuple[str, int], int] = {}  # by partition in a gap: the largest sequence seen beyond it

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        """Learns what was dismissed; for the rest the position says it all."""
        for one in taken:
            place = (one.position.topic, one.position.partition)
            if self._waiting.pop(place, None) is not None:
                GAPS.labels(*place).set(0)  # it may be dismissed; one that is still there is met again
            self._noted.pop(place, None)
            if self._gaps is not None:
                self._dismissed[place] = await self._gaps.dismissed(connection, one.position)
        return [one.position for one in taken]

    @property
    def waiting(self) -> bool:
        """Whether a partition waits for something that is missing."""
        return bool(self._waiting)

    async def prepare(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Decides for each record whether it is applied."""
        self._events = []
        self._found = {}
        self._dead_letters.begin()
        for batch in batches:
            self._judge(batch)

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Applies the batch."""
        await self._dead_letters.write(connection)
        if self._gaps is not None and self._found:
            await self._gaps.note(connection, list(self._found.values()))
        if self._events:
            await self._projection.apply(connection, self._events)

    async def committed(self, batches: Sequence[PartitionBatch]) -> None:
        """Reports."""
        self._dead_letters.committed()

    async def idle(self) -> None:
        """Nothing to do."""

    def _judge(self, batch: PartitionBatch) -> None:
        place = (batch.position.topic, batch.position.partition)
        last = batch.position.last_sequence
        repetitions = 0
        waiting = self._waiting.get(place)
        came = False
        for record in batch.records:
            found = chain_place(record.headers)
            if found is None:
                self._dead_letters.add(batch.position, record, None, "no_sequence")
                continue
            sequence, previous, kind = found
            verdict = judge(last, sequence, previous)
            if verdict is Verdict.GAP and (last, previous) in self._dismissed.get(place, ()):
                verdict = Verdict.APPLY
                self._found[place] = (batch.position, None)
                _log.warning("gap_passed_over", topic=place[0], partition=place[1], last=last, previous=previous)
            if verdict is Verdict.REPETITION:
                repetitions += 1
            elif verdict is Verdict.GAP:
                if waiting is None:
                    batch.moved = batch.moved.moved(next_offset=record.offset)
                    self._report_gap(place, record.offset, last, previous)
                if previous is not None and not came:
                    self._note(batch.position, (last, previous))
                waiting = max(waiting or 0, sequence)
            else:
                self._take(batch, record, sequence, kind)
                last = sequence
                came = came or waiting is not None
                if waiting is not None and last >= waiting:
                    waiting = None
                    self._waiting.pop(place, None)
                    GAPS.labels(*place).set(0)
                    self._close(batch.position)
                    _log.warning("gap_closed", topic=place[0], partition=place[1], last=last)
        REPETITIONS.labels(batch.topic.name).inc(repetitions)
        self._settle(batch, last, waiting, came)

    def _note(self, position: Position, gap: Gap) -> None:
        """What a partition waits for: of the gaps behind what was applied last, the one up to the lowest sequence. Who
        gave up a wider one would give up what has come of it, too."""
        place = (position.topic, position.partition)
        noted = self._noted.get(place)
        if noted is None or gap[0] != noted[0] or gap[1] < noted[1]:
            self._noted[place] = gap
            self._found[place] = (position, gap)

    def _close(self, position: Position) -> None:
        place = (position.topic, position.partition)
        self._noted.pop(place, None)
        self._found[place] = (position, None)

    def _settle(self, batch: PartitionBatch, last: int | None, waiting: int | None, came: bool) -> None:
        """Where the position goes and what is read next. came: something that was missing was applied."""
        place = (batch.position.topic, batch.position.partition)
        next_offset = batch.moved.next_offset
        if waiting is None:
            next_offset = batch.records[-1].offset + 1
        else:
            if place in self._waiting:
                next_offset = batch.position.next_offset
            if came:
                batch.read_on = next_offset  # what lies behind the gap may fit now
            self._waiting[place] = waiting
        batch.moved = batch.moved.moved(next_offset=next_offset, last_sequence=last)

    def _take(self, batch: PartitionBatch, record: ConsumerRecord, sequence: int, kind: bytes | None) -> None:
        try:
            name = batch.topic.name
            body = read_body(self._projection.decoders[name], self._types[name], kind, record.value)
        except PoisonRecord as error:
            self._dead_letters.add(batch.position, record, sequence, error.cause)
        else:
            self._events.append(Event(batch.topic.name, sequence, record.timestamp, body))

    @staticmethod
    def _report_gap(place: tuple[str, int], offset: int, last: int | None, previous: int | None) -> None:
        GAPS.labels(*place).set(1)
        _log.error("gap", topic=place[0], partition=place[1], offset=offset, last=last, previous=previous)
