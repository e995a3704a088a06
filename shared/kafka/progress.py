"""How far a consumer has come: what waits, since when, at which rate it is taken, and when it will have been taken."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from aiokafka import TopicPartition

from shared.observability.metrics import DRAIN_SECONDS, GAPS, LAG, OLDEST_SECONDS, RECORDS_PER_SECOND

RATE_SECONDS = 60
"""Rates are means of the last minute: long enough to be steady, short enough to show a surge."""


def drain_seconds(waiting: int, records_per_second: float) -> float:
    """How long what waits now takes at that rate; infinite when something waits and nothing is taken."""
    if waiting == 0:
        return 0.0
    return waiting / records_per_second if records_per_second > 0 else math.inf


class Rate:
    """Records a second over the last `RATE_SECONDS`, or since the beginning while that is not so long ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._seconds: deque[tuple[int, int]] = deque()  # one entry for each second in which anything was taken

    def add(self, records: int) -> None:
        """So many more were taken now."""
        second = int(self._clock())
        if self._seconds and self._seconds[-1][0] == second:
            records += self._seconds.pop()[1]
        self._seconds.append((second, records))
        self._forget()

    def per_second(self) -> float:
        """The mean."""
        self._forget()
        seconds = min(max(self._clock() - self._began, 1.0), RATE_SECONDS)
        return sum(records for _, records in self._seconds) / seconds

    def _forget(self) -> None:
        oldest = self._clock() - RATE_SECONDS
        while self._seconds and self._seconds[0][0] <= oldest:
            self._seconds.popleft()


class Progress:
    """The progress of one process in one group, in the partitions that it owns. Its figures are metrics as well."""

    def __init__(
        self, group: str, *, now: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """now: seconds since 1970, as in the records' timestamps; clock: one that never goes back."""
        self._group = group
        self._now = now
        self._rate = Rate(clock)
        self._next: dict[TopicPartition, int] = {}
        self._ends: dict[TopicPartition, int] = {}
        self._since: dict[TopicPartition, float] = {}
        OLDEST_SECONDS.labels(group).set_function(self.oldest_seconds)
        RECORDS_PER_SECOND.labels(group).set_function(self._rate.per_second)
        DRAIN_SECONDS.labels(group).set_function(self.drain_seconds)

    def owns(self, place: TopicPartition, next_offset: int, end: int) -> None:
        """A partition was taken over. Since when its first record waits is known once it has been fetched."""
        self._next[place] = next_offset
        self._ends.pop(place, None)
        self.ends({place: end})

    def leaves(self, places: Iterable[TopicPartition]) -> None:
        """These partitions are no longer this process's business."""
        for place in list(places):
            if self._next.pop(place, None) is not None:
                del self._ends[place], self._since[place]
                LAG.remove(self._group, place.topic, place.partition)
                GAPS.remove(place.topic, place.partition)  # whoever reads it now tells of one that is still open

    def leaves_all(self) -> None:
        """None is."""
        self.leaves(self._next)

    def ends(self, ends: Mapping[TopicPartition, int]) -> None:
        """Partitions end here now."""
        for place, end in ends.items():
            if place not in self._next:  # lost meanwhile
                continue
            if self._waiting(place) == 0:
                self._since[place] = self._now()  # what waits, if anything, came since the last look
            self._ends[place] = end
            LAG.labels(self._group, place.topic, place.partition).set(self._waiting(place))

    def fetched(self, place: TopicPartition, timestamp: int, behind: int) -> None:
        """The next record to be taken bears this timestamp (milliseconds since 1970); fetched is what lies before the
        offset `behind`."""
        self._since[place] = timestamp / 1000
        self._ends[place] = max(self._ends[place], behind)

    def took(self, place: TopicPartition, records: int, next_offset: int, timestamp: int) -> None:
        """So many were taken. timestamp: of the next record or, where it was not fetched yet, of the one before it."""
        self._rate.add(records)
        if place in self._next:  # not when it was lost meanwhile
            self._next[place] = next_offset
            self._since[place] = timestamp / 1000

    def lag(self) -> int:
        """Records that wait."""
        return sum(self._waiting(place) for place in self._next)

    def oldest_seconds(self) -> float:
        """The age of the oldest record that waits; 0 when none does."""
        since = [self._since[place] for place in self._next if self._waiting(place)]
        return max(0.0, self._now() - min(since)) if since else 0.0

    def drain_seconds(self) -> float:
        """When everything that waits will have been taken, at the rate of the last minute."""
        return drain_seconds(self.lag(), self._rate.per_second())

    def _waiting(self, place: TopicPartition) -> int:
        return max(0, self._ends.get(place, 0) - self._next[place])
