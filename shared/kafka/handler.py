"""What a consumer and the process that it feeds ask of each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiokafka.structs import ConsumerRecord

from shared.contracts.topics import Topic
from shared.kafka.position import Position, TakenOver
from shared.postgres.pool import Connection


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

    @property
    def taken(self) -> int:
        """How many records the position moves by: none where something is missing, and it stands."""
        return self.moved.next_offset - self.position.next_offset


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
