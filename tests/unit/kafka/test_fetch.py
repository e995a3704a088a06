"""How the shared consumer shares a batch out among its partitions."""

from typing import Any

import pytest
from aiokafka import TopicPartition

from shared.contracts.topics import SURVEY_INTAKE
from shared.kafka.reading import Reading

MOST = 50
SHARE = 10
"""Of a batch; what the first answer brings beside is the fifth."""
PLACES = [TopicPartition(SURVEY_INTAKE.name, partition) for partition in range(4)]


class Buffered:
    """An aiokafka consumer that holds so many records of each of `PLACES` ready, and counts how often it is asked."""

    def __init__(self, *records: int) -> None:
        self._records = {place: list(range(number)) for place, number in zip(PLACES, records, strict=True)}
        self.asked = 0

    async def getmany(self, *places: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, list[int]]:
        self.asked += 1
        given = {}
        for place in places or PLACES:
            found, self._records[place] = self._records[place][:max_records], self._records[place][max_records:]
            if found:
                given[place] = found
                max_records -= len(found)
        return given


async def fetch(buffered: Any) -> list[int]:
    """How many records of each partition come into one batch."""
    fetched = await Reading(MOST).fetch(buffered, PLACES)
    assert all(records == list(range(len(records))) for records in fetched.values())
    return [len(fetched.get(place, [])) for place in PLACES]


@pytest.mark.parametrize(
    ("waiting", "taken"),
    [
        ((0, 0, 0, 0), [0, 0, 0, 0]),
        ((3, 0, 2, 4), [3, 0, 2, 4]),
        ((5, 5, 5, 5), [5, 5, 5, 5]),
        ((0, 40, 0, 0), [0, 40, 0, 0]),
        ((0, 90, 0, 3), [0, 47, 0, 3]),
        ((10, 10, 10, 10), [10, 10, 10, 10]),
    ],
)
async def test_all_that_waits_is_taken_up_to_the_limit(waiting: tuple[int, ...], taken: list[int]) -> None:
    assert await fetch(Buffered(*waiting)) == taken


async def test_no_partition_waits_for_the_backlog_of_another() -> None:
    taken = await fetch(Buffered(90, 90, 90, 90))
    assert min(taken) == SHARE
    assert sum(taken) == MOST


async def test_a_small_batch_is_asked_for_once() -> None:
    buffered = Buffered(3, 1, 0, 2)
    await fetch(buffered)
    assert buffered.asked == 1
