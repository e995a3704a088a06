"""One hour of what the processes of a stack say of themselves: lag and rates by group, and what intake does.

Everything is bounded: `KEPT` samples for each group and for intake, the last minute of answer times, and the last
counters of each intake. A group that nobody has told of for the hour is forgotten.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.local import lag
from deploy.local.lag import GroupLag

EVERY_SECONDS: Final = 5.0
KEPT: Final = 720
"""Samples: an hour of them."""
STALE_SECONDS: Final = 3 * EVERY_SECONDS
"""What is older than this is shown as stale: one sample may be late, three are not."""
MINUTE: Final = 12
"""Samples in which rates and answer times are taken together, as long as the workers' own rates."""
CURRENT_SECONDS: Final = 5.0
"""Records that wait no longer than this are just on their way."""
INTAKE: Final = "survey-http"
"""The first intake's name, and the beginning of all others'."""
_SUBMISSIONS, _IN_FLIGHT, _SECONDS = (
    "jitasa_intake_submissions_total",
    "jitasa_intake_in_flight",
    "jitasa_http_request_seconds_bucket",
)
_ACCEPTED: Final = "202"


@dataclass(slots=True)
class Group:
    """One consumer group: what was last heard of it, when, and its hour of (time, lag, records a second)."""

    latest: GroupLag
    seen_at: float
    samples: deque[tuple[float, int, float]] = field(default_factory=lambda: deque(maxlen=KEPT))
    most_partitions: int = 0
    """The most that were ever told of: where there are fewer now, a process does not answer."""

    @property
    def trend(self) -> str:
        """`current`, or, while records wait, `catching_up` or `falling_behind`: against a minute ago."""
        if self.latest.oldest_seconds <= CURRENT_SECONDS:
            return "current"
        before = self.samples[max(0, len(self.samples) - 1 - MINUTE)][1]
        return "catching_up" if self.latest.lag < before else "falling_behind"


class Increases:
    """How fast counters grow, by process; one that starts again begins at zero.

    Of each process that was ever named the last counters are kept: the stack has no more than its catalogue lists.
    """

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, Mapping[str, float]]] = {}

    def per_second(self, process: str, now: float, counters: Mapping[str, float]) -> dict[str, float]:
        """What each counter has grown by in a second since this process was last heard of; nothing at first."""
        before, last = self._last.get(process, (now, counters))
        self._last[process] = (now, counters)
        if now <= before:
            return {}
        former = {name: last.get(name, 0.0) for name in counters}
        return {
            name: (value - former[name] if value >= former[name] else value) / (now - before)
            for name, value in counters.items()
        }


class Samples:
    """The hour, sample by sample."""

    def __init__(self) -> None:
        self._at = 0.0
        self._groups: dict[str, Group] = {}
        self._answers = Increases()
        self._times = Increases()
        self._intake: deque[tuple[float, float, float]] = deque(maxlen=KEPT)  # time, accepted and refused a second
        self._refused: dict[str, float] = {}
        self._buckets: deque[Mapping[str, float]] = deque(maxlen=MINUTE)
        self._in_flight = 0.0
        self._intakes = 0

    def take(self, now: float, metrics: Mapping[str, str]) -> None:
        """One more sample. metrics: answers of /metrics by process; who did not answer is not in it."""
        self._at = now
        for latest in lag.together(metrics.values()):
            group = self._groups.setdefault(latest.group, Group(latest, now))
            group.latest, group.seen_at = latest, now
            group.most_partitions = max(group.most_partitions, latest.partitions)
            group.samples.append((now, latest.lag, latest.records_per_second))
        for name in [name for name, group in self._groups.items() if now - group.seen_at > KEPT * EVERY_SECONDS]:
            del self._groups[name]
        self._take_intake(now, {name: text for name, text in metrics.items() if name.startswith(INTAKE)})

    def document(self, now: float) -> dict[str, Any]:
        """Everything, for the page. Times are seconds since 1970; oldest samples first."""
        return {
            "now": now,
            "sampled_at": self._at,
            "every_seconds": EVERY_SECONDS,
            "stale_seconds": STALE_SECONDS,
            "kept_seconds": KEPT * EVERY_SECONDS,
            "groups": [_group(group) for _, group in sorted(self._groups.items())],
            "intake": {
                "processes": self._intakes,
                "accepted_per_second": round(self._intake[-1][1], 1) if self._intake else 0.0,
                "refused_per_second": {status: round(rate, 1) for status, rate in sorted(self._refused.items())},
                "in_flight": int(self._in_flight),
                "p99_seconds": quantile(0.99, _together(self._buckets)),
                "seen_at": self._intake[-1][0] if self._intake else None,
                "samples": [
                    [round(at, 1), round(accepted, 1), round(refused, 1)] for at, accepted, refused in self._intake
                ],
            },
        }

    def _take_intake(self, now: float, metrics: Mapping[str, str]) -> None:
        self._intakes = len(metrics)
        if not metrics:
            return  # nothing is known, which is not the same as nothing accepted
        submissions: list[Mapping[str, float]] = []
        buckets: list[Mapping[str, float]] = []
        self._in_flight = 0.0
        for process, text in metrics.items():
            answers: dict[str, float] = {}
            times: dict[str, float] = defaultdict(float)
            for sample in lag.samples(text, _SUBMISSIONS, _IN_FLIGHT, _SECONDS):
                if sample.name == _SUBMISSIONS:
                    answers[sample.labels["status"]] = sample.value
                elif sample.name == _IN_FLIGHT:
                    self._in_flight += sample.value
                elif sample.name == _SECONDS and sample.labels["method"] == "POST":
                    times[sample.labels["le"]] += sample.value
            submissions.append(self._answers.per_second(process, now, answers))
            buckets.append(self._times.per_second(process, now, times))
        self._buckets.append(_together(buckets))
        told = _together(submissions)
        accepted = told.pop(_ACCEPTED, 0.0)
        self._refused = {status: rate for status, rate in told.items() if rate}
        self._intake.append((now, accepted, sum(told.values())))


def quantile(part: float, buckets: Mapping[str, float]) -> float | None:
    """The value below which `part` of what a histogram counted lies, taken as evenly spread within a bucket; the last
    finite edge when it lies beyond, None when nothing was counted.

    buckets: counts at or below each upper edge, as Prometheus writes them.
    """
    edges = sorted((float(edge), count) for edge, count in buckets.items())
    if not edges or not edges[-1][1]:
        return None
    wanted = part * edges[-1][1]
    lower, below = 0.0, 0.0
    for edge, count in edges[:-1]:
        if count >= wanted:
            return lower + (edge - lower) * (wanted - below) / (count - below)
        lower, below = edge, count
    return lower


def _together(counters: Iterable[Mapping[str, float]]) -> dict[str, float]:
    sums: dict[str, float] = defaultdict(float)
    for each in counters:
        for name, value in each.items():
            sums[name] += value
    return dict(sums)


def _group(group: Group) -> dict[str, Any]:
    return {
        **group.latest.as_json(),
        "seen_at": group.seen_at,
        "trend": group.trend,
        "most_partitions": group.most_partitions,
        "by_partition": [
            [topic, number, waiting] for (topic, number), waiting in sorted(group.latest.by_partition.items())
        ],
        "samples": [[round(at, 1), waiting, round(rate, 1)] for at, waiting, rate in group.samples],
    }
