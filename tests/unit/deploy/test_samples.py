"""The hour of samples that the operators' page shows: bounded, and honest about processes that start again or fall
silent."""

import pytest

from deploy.local.samples import EVERY_SECONDS, KEPT, Samples, quantile

START = 1_700_000_000.0


def worker(lag: int, *, rate: float = 10.0, oldest: float = 60.0, partitions: int = 2, group: str = "recorders") -> str:
    """What a worker answers: all that waits lies in its first partition."""
    waiting = [lag, *[0] * (partitions - 1)]
    lines = [
        f'jitasa_consumer_lag{{group="{group}",topic="t",partition="{number}"}} {each}'
        for number, each in enumerate(waiting)
    ]
    labels = f'{{group="{group}"}}'
    return "\n".join(
        [
            *lines,
            f"jitasa_consumer_oldest_seconds{labels} {oldest}",
            f"jitasa_consumer_records_per_second{labels} {rate}",
            "",
        ]
    )


def intake(accepted: int, *, refused: int = 0, quick: int = 0, slow: int = 0, in_flight: int = 0) -> str:
    """What an intake answers; quick: answers within 10 ms, slow: within 100 ms."""
    labels = 'method="POST",route="/v1/submissions"'
    name = "jitasa_http_request_seconds_bucket"
    return "\n".join(
        [
            f'jitasa_intake_submissions_total{{status="202"}} {accepted}',
            f'jitasa_intake_submissions_total{{status="429"}} {refused}',
            f"jitasa_intake_in_flight {in_flight}",
            f'{name}{{{labels},le="0.01"}} {quick}',
            f'{name}{{{labels},le="0.1"}} {quick + slow}',
            f'{name}{{{labels},le="+Inf"}} {quick + slow}',
            "",
        ]
    )


def test_an_hour_is_kept_and_no_more() -> None:
    samples = Samples()
    for number in range(KEPT + 10):
        now = START + number * EVERY_SECONDS
        samples.take(now, {"recorder": worker(number), "survey-http": intake(number)})
    told = samples.document(now)
    (group,) = told["groups"]
    assert len(group["samples"]) == len(told["intake"]["samples"]) == KEPT
    assert group["samples"][0] == [START + 10 * EVERY_SECONDS, 10, 10.0]
    assert group["samples"][-1] == [now, KEPT + 9, 10.0]


def test_a_group_that_fell_silent_keeps_its_last_figures_and_their_time_for_an_hour() -> None:
    samples = Samples()
    samples.take(START, {"recorder": worker(7)})
    samples.take(START + 3600, {})
    (group,) = samples.document(START + 3600)["groups"]
    assert (group["lag"], group["seen_at"], len(group["samples"])) == (7, START, 1)
    samples.take(START + 3605, {})
    assert samples.document(START + 3605)["groups"] == []


def test_partitions_that_nobody_tells_of_are_missed() -> None:
    samples = Samples()
    samples.take(START, {"recorder": worker(1, partitions=3), "recorder-2": worker(1, partitions=5)})
    samples.take(START + 5, {"recorder": worker(1, partitions=3)})
    (group,) = samples.document(START + 5)["groups"]
    assert (group["partitions"], group["most_partitions"]) == (3, 8)
    assert group["by_partition"] == [["t", 0, 1], ["t", 1, 0], ["t", 2, 0]]


@pytest.mark.parametrize(
    ("lags", "oldest", "trend"),
    [
        ([100, 90], 60.0, "catching_up"),
        ([100, 100], 60.0, "falling_behind"),
        ([100, 300, 200], 60.0, "falling_behind"),
        ([100, 300], 0.4, "current"),
    ],
)
def test_the_trend_is_against_a_minute_ago(lags: list[int], oldest: float, trend: str) -> None:
    samples = Samples()
    for number, lag in enumerate(lags):
        samples.take(START + number * EVERY_SECONDS, {"recorder": worker(lag, oldest=oldest)})
    (group,) = samples.document(START + 60)["groups"]
    assert group["trend"] == trend


def test_rates_of_intake_are_what_came_since_the_sample_before() -> None:
    samples = Samples()
    samples.take(START, {"survey-http": intake(1_000, refused=5), "survey-http-2": intake(50)})
    assert samples.document(START)["intake"]["accepted_per_second"] == 0.0, "since when is not known"
    samples.take(
        START + 5, {"survey-http": intake(2_000, refused=15, in_flight=3), "survey-http-2": intake(550, in_flight=4)}
    )
    told = samples.document(START + 5)["intake"]
    assert told["accepted_per_second"] == 300.0
    assert told["refused_per_second"] == {"429": 2.0}
    assert (told["in_flight"], told["processes"]) == (7, 2)
    assert told["samples"] == [[START, 0.0, 0.0], [START + 5, 300.0, 2.0]]


def test_an_intake_that_started_again_begins_at_zero() -> None:
    samples = Samples()
    samples.take(START, {"survey-http": intake(1_000)})
    samples.take(START + 5, {})
    samples.take(START + 10, {"survey-http": intake(40)})
    told = samples.document(START + 10)["intake"]
    assert told["accepted_per_second"] == 4.0
    assert [at for at, _, _ in told["samples"]] == [START, START + 10], "a sample without intake is a hole"


def test_the_answer_time_is_that_of_the_last_minute() -> None:
    samples = Samples()
    quick, slow = 0, 0
    for number in range(30):
        quick += 100
        slow += 100 if number < 10 else 0
        samples.take(START + number * EVERY_SECONDS, {"survey-http": intake(0, quick=quick, slow=slow)})
    p99 = samples.document(START + 150)["intake"]["p99_seconds"]
    assert p99 == pytest.approx(0.0099)


@pytest.mark.parametrize(
    ("buckets", "value"),
    [
        ({}, None),
        ({"1": 0, "+Inf": 0}, None),
        ({"1": 100, "2": 200, "+Inf": 200}, 1.0),
        ({"1": 0, "2": 200, "+Inf": 200}, 1.5),
        ({"1": 1, "2": 2, "+Inf": 200}, 2.0),
    ],
)
def test_a_quantile_lies_within_its_bucket(buckets: dict[str, float], value: float | None) -> None:
    assert quantile(0.5, buckets) == value
