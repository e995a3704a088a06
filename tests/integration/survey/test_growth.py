"""The topics are given more partitions while an intake that does not know it, and one that does, tell of the same
households."""

import asyncio
import random
from collections import defaultdict
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec
import pytest

from deploy import provisioning
from services.survey import store
from services.survey.intake import Intake
from services.survey.reach.lister import Lister
from shared.contracts.topics import NUMBERS_OF_PARTITIONS, SURVEY_INTAKE, Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.producer import create_producer
from shared.kafka.reading import PartitionsMissing
from tests.integration.survey.conftest import VOLUNTEER, Survey, chained, submission

HOUSES = 12
ROUNDS = 8


def grown(survey: Survey, topic: Topic) -> Topic:
    """With twice as many partitions."""
    more = replace(topic, partitions=2 * topic.partitions)
    assert provisioning.topics(survey.runtime.admin, [more], replicas=1, in_sync=1) == []
    return more


def visits(chance: random.Random) -> list[dict[str, Any]]:
    """One to each house, in subdistricts of which some have another partition than before."""
    areas = [f"5001{number:02}" for number in range(1, 13)]
    return [submission(chance, area=area, house="1") for area in areas[:HOUSES]]


async def test_who_knows_and_who_does_not_tell_of_the_same_households(survey: Survey) -> None:
    """Both partitions of a household are worked on by two recorders at once; what an event says of before is what the
    one of the revision before says of after, and all of it sums up to the households."""
    chance = random.Random(7)
    accepted = 0
    async with survey.recorder(), survey.recorder():
        for answer in await survey.intake.accept([msgspec.json.encode(one) for one in visits(chance)], VOLUNTEER):
            assert answer.status == 202
            accepted += 1
        survey.submitted_topic = grown(survey, survey.submitted_topic)
        old_topic, survey.intake_topic = survey.intake_topic, grown(survey, survey.intake_topic)
        producer = create_producer(survey.kafka, compression=None)
        await producer.start()
        try:
            keys = survey.sealing, survey.household_ids, survey.blind_index, survey.clock
            knowing = Intake(producer, *keys, old_topic)
            await knowing.learn()
            for _ in range(ROUNDS):
                bodies = [[msgspec.json.encode(one) for one in visits(chance)] for _ in range(2)]
                told = await asyncio.gather(
                    survey.intake.accept(bodies[0], VOLUNTEER), knowing.accept(bodies[1], VOLUNTEER)
                )
                assert {answer.status for answers in told for answer in answers} == {202}
                accepted += 2 * HOUSES
            await survey.until_listed(accepted)
        finally:
            await producer.stop()
    events = chained(await survey.published())
    assert len(events) == accepted
    states: dict[str, dict[int, Any]] = defaultdict(dict)
    for event in events:
        if event["outcome"] == "recorded":
            assert event["revision"] not in states[event["household_id"]], "two were recorded from one state"
            states[event["household_id"]][event["revision"]] = event["after"]
    for event in events:
        former = event["revision"] - (event["outcome"] == "recorded")
        assert event["before"] == states[event["household_id"]].get(former)
    latest = {UUID(each): state[max(state)] for each, state in states.items()}
    rows = await survey.pool.fetch("SELECT household_id, revision, counts FROM household")
    assert {row[0]: msgspec.json.decode(row[2]) for row in rows} == latest
    both = await survey.pool.fetchval(
        "SELECT count(*) FROM (SELECT FROM submission GROUP BY household_id HAVING count(DISTINCT partition) > 1) AS h"
    )
    assert both == sum(
        old_topic.partition_of(str(each)) != survey.intake_topic.partition_of(str(each)) for each in latest
    )
    assert both > 0


async def test_a_household_is_recorded_by_one_at_a_time_and_listed_meanwhile(survey: Survey) -> None:
    here, there = ([UUID(f"{area}00-0000-8000-8000-000000000000")] for area in ("500101", "500102"))
    async with survey.pool.acquire() as one, survey.pool.acquire() as other:
        async with one.transaction():
            await store.hold(one, store.Work.RECORDING, here + there)
            async with other.transaction():
                await store.hold(other, store.Work.LISTING, here)
            waiting = asyncio.create_task(_held(other, here))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(waiting), 0.3)
        await asyncio.wait_for(waiting, 5)


async def _held(connection: Any, households: list[UUID]) -> None:
    async with connection.transaction():
        await store.hold(connection, store.Work.RECORDING, households)


def test_subdistricts_that_share_a_lock_share_a_partition_whatever_the_number() -> None:
    """So that nobody waits for whom he has nothing to do with."""
    most = NUMBERS_OF_PARTITIONS[-1]
    keys = [f"{number:06}" for number in range(100_000, 110_000, 7)]
    for number in NUMBERS_OF_PARTITIONS:
        by_lock = defaultdict(set)
        for key in keys:
            lock = replace(SURVEY_INTAKE, partitions=most).partition_of(key)
            by_lock[lock].add(replace(SURVEY_INTAKE, partitions=number).partition_of(key))
        assert all(len(partitions) == 1 for partitions in by_lock.values())


async def test_a_topic_that_came_back_with_fewer_partitions_is_not_read(survey: Survey) -> None:
    """What belongs into the missing ones would be left out for good."""
    chance = random.Random(8)
    answers = await survey.intake.accept([msgspec.json.encode(one) for one in visits(chance)], VOLUNTEER)
    async with survey.recorder():
        await survey.until_recorded(len(answers))
    survey.runtime.delete_topic(survey.intake_topic)
    suffix = survey.intake_topic.name.removeprefix(f"{SURVEY_INTAKE.name}-")
    survey.runtime.create_topic(SURVEY_INTAKE, suffix, partitions=2)
    consumer = PositionedConsumer(
        survey.kafka, survey.pool, group=f"fewer-{suffix}", topics=[survey.intake_topic], handler=Lister()
    )
    with pytest.raises(PartitionsMissing, match="has 2 partitions, but records of 4 were taken: give it 4 again"):
        async with asyncio.timeout(60):
            await consumer.run(asyncio.Event())
