"""The account that a consumer gives of its work, as metrics and in the log."""

import time
from collections.abc import Iterable, Sequence
from typing import Final

from shared.kafka.handler import PartitionBatch
from shared.kafka.position import TakenOver
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

LATE_SECONDS: Final = 30.0
"""Beyond it a record counts as late: of the minute within which what was accepted shall be in the figures, the recorder
has one half and the projector the other."""

_log = log(__name__)


class Account:
    """Of one process in one group."""

    def __init__(self, group: str, topics: Iterable[str]) -> None:
        self._group = group
        # What is to be noticed the first time begins at nought: a rate sees no growth in what was not there before.
        FENCED.labels(group)
        LATE.labels(group)
        for topic in topics:
            DEAD_LETTERS.labels(topic)

    def fenced(self) -> None:
        """Somebody else had taken a partition over."""
        FENCED.labels(self._group).inc()

    def took_over(self, taken: Iterable[TakenOver]) -> None:
        """Partitions, of which some may be of a topic that was made anew."""
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

    def committed(self, batches: Sequence[PartitionBatch], seconds: float) -> None:
        """A transaction with these batches, which lasted so long."""
        BATCH_SECONDS.labels(self._group).observe(seconds)
        now = time.time()
        oldest, late = 0.0, 0
        for batch in batches:
            topic, taken = batch.position.topic, batch.taken
            CONSUMED.labels(self._group, topic).inc(taken)
            POSITION.labels(topic, batch.position.partition).set(batch.moved.next_offset)
            if taken:
                # By the batch: all of a partition was late if its oldest was.
                age = now - batch.records[0].timestamp / 1000
                oldest = max(oldest, age)
                late += taken if age > LATE_SECONDS else 0
        AGE_SECONDS.labels(self._group).observe(oldest)
        LATE.labels(self._group).inc(late)
