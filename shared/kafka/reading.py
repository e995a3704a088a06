"""Reading the partitions that a consumer owns: what is asked of each, and that nothing is left out."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

FETCH_MILLISECONDS: Final = 200
"""How long an idle fetch waits: the bound on noticing a stop or a new assignment."""
MOST_ASTRAY: Final = 3
"""A rebalance may leave records from elsewhere in the buffers, once or twice; after a third seek the records are not
there."""


class RecordsMissing(Exception):
    """Kafka no longer has records that were not yet taken: they expired or were deleted. Never passed over in
    silence."""


class PartitionsMissing(Exception):
    """The topic has fewer partitions than were read of it before: it was made anew with too few. Whoever went on would
    leave out for good what belongs into those that are missing."""


class Reading:
    """Which offset of each partition is read next."""

    def __init__(self, max_records: int, until: Mapping[tuple[str, int], int] | None = None) -> None:
        """until: by topic and partition, the offset before which reading ends; nothing is read of a partition that is
        not named."""
        self._max_records = max_records
        self._until = until
        self._next: dict[TopicPartition, int] = {}
        self._astray: dict[TopicPartition, int] = {}

    def begin(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
        """Read a partition that was taken over, from its position on."""
        self._astray.pop(partition, None)
        self._seek(consumer, partition, offset)
        consumer.resume(partition)

    async def fetch(
        self, consumer: AIOKafkaConsumer, owned: Collection[TopicPartition]
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Up to `max_records`, the same share of every partition, and more of those that have more. `owned` may change
        meanwhile.

        One phone's households lie in all partitions, next to each other in time: taken together they fall into the same
        few rows of an aggregate. And no partition waits for another one's backlog.
        """
        share = max(1, self._max_records // (1 + len(owned)))  # and one for whoever comes first
        fetched: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
            timeout_ms=FETCH_MILLISECONDS, max_records=share
        )
        taken = sum(map(len, fetched.values()))
        full = list(owned) if taken == share else []  # who gave less than it was asked for has no more
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

    def to_take(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: list[ConsumerRecord]
    ) -> list[ConsumerRecord]:
        """Those of the fetched records that are to be taken; none when they are from elsewhere, which is sought once
        more. Raises `RecordsMissing`."""
        if not records or not self._in_sequence(consumer, partition, records):
            return []
        return self._before_the_end(consumer, partition, records)

    def go_on(self, consumer: AIOKafkaConsumer, partition: TopicPartition, behind: int, read_on: int) -> None:
        """Records before the offset `behind` were processed; `read_on` is to be read next."""
        self._next[partition] = read_on
        if read_on != behind:
            consumer.seek(partition, read_on)

    def _in_sequence(
        self, consumer: AIOKafkaConsumer, partition: TopicPartition, records: Sequence[ConsumerRecord]
    ) -> bool:
        """Whether the records go on where reading stopped and have no holes. Our topics are neither compacted nor
        transactional, so a hole means that records are gone."""
        first, last, expected = records[0].offset, records[-1].offset, self._next[partition]
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
        """A partition that has been read to its end is not read any more."""
        if self._until is None:
            return records
        wanted = max(0, self._until.get((partition.topic, partition.partition), 0) - records[0].offset)
        if wanted < len(records):
            consumer.pause(partition)
        return records[:wanted]

    def _seek(self, consumer: AIOKafkaConsumer, partition: TopicPartition, offset: int) -> None:
        self._next[partition] = offset
        consumer.seek(partition, offset)
