"""The protocol, broken on purpose in one place each: the simulation has to find every one of them."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch
from zlib import adler32

from services.survey import store
from services.survey.recorder import Recorder
from services.survey.records import IntakeRecord
from shared.contracts import partitioning
from shared.contracts.chain import Verdict, judge
from shared.kafka import position, projection
from shared.kafka.handler import PartitionBatch
from shared.kafka.position import Position, TakenOver, move
from shared.kafka.producer import OrderedPublisher, OutgoingRecord
from shared.postgres.pool import Connection
from tests.simulation.campaign import FAULTS
from tests.simulation.database import Session, Statement, Work, move_statement, statement_of
from tests.simulation.processes import Pieces


class PublishesBeforeCommit(Recorder):
    """Tells of a submission before it is recorded."""

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Publishes inside the transaction."""
        await super().write(connection, batches)
        await self._publisher.publish(self._topic, self._plan.events)


class ForgetsTheUnpublished(Recorder):
    """Takes a partition over without publishing again what its former owner may not have published."""

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        """Holds everything for published."""
        await self.drain()
        identity = (await self._identities.of([self._topic]))[self._topic]
        positions = []
        for one in taken:
            after = one.position.moved(published=(one.position.last_sequence or -1) + 1, published_topic_id=identity)
            await move(connection, [(one.position, after)])
            self._published[after.partition] = after.published
            positions.append(after)
        return positions


class NumbersByClock(Recorder):
    """Takes the time of day for a sequence."""

    def _read(self, batches: Sequence[PartitionBatch]) -> list[list[tuple[int, IntakeRecord]]]:
        now = int(self._clock.now().timestamp() * 1e6)
        arrivals = super()._read(batches)
        return [[(now + place, record) for place, (_, record) in enumerate(one)] for one in arrivals]


class SendsAtOnce(OrderedPublisher):
    """Sends all produce batches of a partition without waiting for their acknowledgements one by one."""

    async def _publish_partition(self, topic: str, partition: int, records: Sequence[OutgoingRecord]) -> None:
        answers = []
        batch = self._producer.create_batch()
        for record in records:
            if not self._append(batch, record):
                answers.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                self._append(batch, record)
        if batch.record_count():
            answers.append(await self._producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*answers)


def _without_sequence(last: int | None, sequence: int, previous: int | None) -> Verdict:
    return Verdict.APPLY


def _without_previous(last: int | None, sequence: int, previous: int | None) -> Verdict:
    return judge(last, sequence, None)


def _another_hash(key: str | bytes, partitions: int) -> int:
    return adler32(key.encode() if isinstance(key, str) else key) % partitions


def _without_epoch(text: str) -> Statement:
    return move_statement(owner_epoch=False) if text == position.MOVE else statement_of(text)


def _nothing(_: Session, __: tuple[Any, ...]) -> Work:
    return None
    yield


def _without_holding(text: str) -> Statement:
    return _nothing if text == store.HOLD else statement_of(text)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to break the protocol. faults: what has to go wrong for it to show, where that is rare."""

    pieces: Pieces = field(default_factory=Pieces)
    patched: tuple[Any, str, Any] | None = None
    faults: Mapping[str, int] = field(default_factory=lambda: FAULTS)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Has its patch in place."""
        if self.patched is None:
            yield
            return
        with patch.object(*self.patched):
            yield


VARIANTS: Final[Mapping[str, Variant]] = {
    "publish_before_commit": Variant(Pieces(recorder=PublishesBeforeCommit)),
    "no_sequence_check": Variant(patched=(projection, "judge", _without_sequence)),
    "previous_ignored": Variant(
        patched=(projection, "judge", _without_previous),
        faults={"recreate": 3, "pause": 2, "crash": 2, "add_member": 1},
    ),
    "take_over_without_republication": Variant(Pieces(recorder=ForgetsTheUnpublished)),
    "sequence_from_a_clock": Variant(Pieces(recorder=NumbersByClock)),
    "another_hash": Variant(patched=(partitioning, "partition_of", _another_hash)),
    "owner_epoch_ignored": Variant(Pieces(statements=_without_epoch), faults={"pause_and_recreate": 1}),
    "subdistricts_not_held": Variant(
        Pieces(statements=_without_holding), faults={"grow": 3, "add_member": 1, "pause": 1}
    ),
    "batches_in_flight_together": Variant(
        Pieces(publisher=SendsAtOnce), faults={"batch_refused": 3, "crash": 1, "pause": 1}
    ),
}
