"""What `./jitasa status` says of the lag, from the metrics of several processes."""

import math

import pytest

from deploy.local.lag import duration, together


def _metrics(group: str, lags: dict[int, int], oldest: float, rate: float) -> str:
    partitions = [
        f'jitasa_consumer_lag{{group="{group}",topic="t",partition="{number}"}} {lag}.0' for number, lag in lags.items()
    ]
    labels = f'{{group="{group}"}}'
    return "\n".join(
        [
            "# TYPE jitasa_consumer_lag gauge",
            *partitions,
            "# TYPE jitasa_consumer_oldest_seconds gauge",
            f"jitasa_consumer_oldest_seconds{labels} {oldest}",
            "# TYPE jitasa_consumer_records_per_second gauge",
            f"jitasa_consumer_records_per_second{labels} {rate}",
            "# TYPE jitasa_consumer_drain_seconds gauge",
            f"jitasa_consumer_drain_seconds{labels} +Inf",
            "",
        ]
    )


def test_processes_of_a_group_are_taken_together() -> None:
    recorder, projector = together(
        [
            _metrics("survey-recorder", {0: 10, 1: 20}, 3.5, 4.0),
            _metrics("survey-recorder", {2: 30}, 8.0, 6.0),
            _metrics("a-projector", {0: 0}, 0.0, 0.0),
            "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 1.5\n",
        ]
    )[::-1]
    assert (recorder.group, recorder.processes, recorder.partitions) == ("survey-recorder", 2, 3)
    assert (recorder.lag, recorder.oldest_seconds, recorder.records_per_second) == (60, 8.0, 10.0)
    assert recorder.drain_seconds == 6.0
    assert (projector.group, projector.lag, projector.drain_seconds) == ("a-projector", 0, 0.0)


def test_what_is_never_taken_is_null_for_programs() -> None:
    (group,) = together([_metrics("g", {0: 1}, 5.0, 0.0)])
    assert group.drain_seconds == math.inf
    assert group.as_json()["drain_seconds"] is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "0.0 s"), (59.0, "59.0 s"), (90.0, "1.5 min"), (7200.0, "2.0 h"), (math.inf, "never")],
)
def test_durations_are_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words
