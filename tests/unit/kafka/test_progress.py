"""What waits, since when, and when it will have been taken."""

import math

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from shared.kafka.progress import Progress, Rate, drain_seconds
from shared.observability.metrics import GAPS

FIRST, SECOND = TopicPartition("t", 0), TopicPartition("t", 1)


class Time:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("waiting", "rate", "seconds"),
    [(0, 0.0, 0.0), (0, 100.0, 0.0), (500, 100.0, 5.0), (1, 0.0, math.inf), (1, 0.5, 2.0)],
)
def test_drain_time_is_what_waits_by_the_rate(waiting: int, rate: float, seconds: float) -> None:
    assert drain_seconds(waiting, rate) == seconds


def test_a_rate_is_the_mean_of_the_last_minute_or_of_the_time_since_the_beginning() -> None:
    time = Time()
    rate = Rate(time)
    assert rate.per_second() == 0
    rate.add(30)
    rate.add(30)
    assert rate.per_second() == 60, "less than a second counts as one"
    time.seconds += 10
    assert rate.per_second() == 6
    time.seconds += 30
    rate.add(60)
    assert rate.per_second() == 3
    time.seconds += 20
    assert rate.per_second() == 1, "the first records are a minute old"
    time.seconds += 1_000
    assert rate.per_second() == 0


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def progress(time: Time) -> Progress:
    return Progress("group", now=time, clock=time)


def metric(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"jitasa_consumer_{name}", {"group": "group", **labels})


def test_a_record_is_as_old_as_its_timestamp_and_ages_while_nothing_is_taken(progress: Progress, time: Time) -> None:
    progress.owns(FIRST, 5, 15)
    assert (progress.lag(), progress.oldest_seconds()) == (10, 0.0), "not fetched yet"
    progress.fetched(FIRST, 940_000, 15)
    assert progress.oldest_seconds() == 60
    time.seconds += 5
    assert progress.oldest_seconds() == 65
    progress.took(FIRST, 4, 9, 990_000)
    assert (progress.lag(), progress.oldest_seconds()) == (6, 15.0)
    progress.took(FIRST, 6, 15, 1_000_000)
    assert (progress.lag(), progress.oldest_seconds(), progress.drain_seconds()) == (0, 0.0, 0.0)


def test_what_was_fetched_waits_although_the_ends_were_not_asked_since(progress: Progress, time: Time) -> None:
    progress.owns(FIRST, 0, 0)
    progress.fetched(FIRST, 999_000, 3)
    time.seconds += 9
    assert (progress.lag(), progress.oldest_seconds()) == (3, 10.0)
    assert progress.drain_seconds() == math.inf


def test_the_first_record_after_a_quiet_hour_is_new(progress: Progress, time: Time) -> None:
    progress.owns(FIRST, 0, 0)
    progress.fetched(FIRST, 999_000, 1)
    progress.took(FIRST, 1, 1, 999_000)
    time.seconds += 3_600
    progress.ends({FIRST: 2})
    assert (progress.lag(), progress.oldest_seconds()) == (1, 0.0)


def test_the_oldest_of_all_partitions_counts(progress: Progress) -> None:
    progress.owns(FIRST, 0, 2)
    progress.owns(SECOND, 0, 3)
    progress.fetched(FIRST, 980_000, 2)
    progress.fetched(SECOND, 970_000, 3)
    assert (progress.lag(), progress.oldest_seconds()) == (5, 30.0)
    assert metric("oldest_seconds") == 30
    assert metric("lag", topic="t", partition="1") == 3


def test_a_partition_that_went_to_another_process_is_no_business_of_this_one(progress: Progress) -> None:
    progress.owns(FIRST, 0, 2)
    progress.owns(SECOND, 0, 3)
    progress.leaves([SECOND])
    progress.ends({SECOND: 9, FIRST: 2})
    assert progress.lag() == 2
    assert metric("lag", topic="t", partition="1") is None
    progress.leaves_all()
    assert (progress.lag(), metric("lag", topic="t", partition="0")) == (0, None)
    progress.leaves([FIRST])


def test_a_gap_in_a_partition_that_went_to_another_process_is_told_of_by_that_one(progress: Progress) -> None:
    progress.owns(FIRST, 0, 2)
    GAPS.labels("t", 0).set(1)
    progress.leaves([FIRST])
    assert REGISTRY.get_sample_value("jitasa_consumer_gap", {"topic": "t", "partition": "0"}) is None


def test_the_drain_time_is_shown_as_a_metric(progress: Progress, time: Time) -> None:
    progress.owns(FIRST, 0, 100)
    progress.took(FIRST, 40, 40, 1_000_000)
    time.seconds += 20
    assert metric("records_per_second") == 2
    assert metric("drain_seconds") == 30
