"""Every accepted submission is recorded once and published in an unbroken chain, whatever happens between the two."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from shared.contracts.events import SurveySubmitted
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED, Topic
from shared.kafka.producer import OrderedPublisher, OutgoingRecord, create_producer
from tests.integration.survey.conftest import DEADLINE_SECONDS, TAKEN, Survey, chained, submission, submissions

MEASURES = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting", "wanting_608", "undecided", "refusing")
SUMS = f"SELECT {', '.join(f'coalesce(sum((counts->>{m!r})::integer), 0) AS {m}' for m in MEASURES)} FROM household"  # noqa: S608

TAKE_OVERS = "SELECT sum(owner_epoch) FROM consumer_position"
"""Grows by one for each partition that another worker takes over."""


async def assert_exact(survey: Survey, bodies: Sequence[dict[str, Any]]) -> None:
    """What the events add up to is what the tables hold, and each submission is one event."""
    recorded = await survey.pool.fetch("SELECT submission_id::text FROM submission")
    assert Counter(body["submission_id"] for body in bodies) == Counter(row[0] for row in recorded)
    sums: Counter[str] = Counter(dict.fromkeys(MEASURES, 0))
    for body in bodies:
        for measure in MEASURES:
            sums[measure] += body["after"][measure] - (body["before"] or {}).get(measure, 0)
    row = await survey.pool.fetchrow(SUMS)
    assert row is not None
    assert dict(sums) == dict(row)


async def test_each_accepted_submission_is_recorded_and_published_once(survey: Survey) -> None:
    sent = submissions(1, 900, houses=200)
    async with survey.recorder():
        for start in range(0, len(sent), 100):
            answers = await survey.accept(*sent[start : start + 100])
            assert [answer.status for answer in answers] == [202] * 100
        await survey.accept(*sent[:50])  # the answer was lost: sent again
        await survey.until_recorded(950)
    assert await survey.pool.fetchval("SELECT count(*) FROM submission") == 900
    assert await survey.pool.fetchval("SELECT count(*) FROM repeated_submission WHERE same_content") == 50
    bodies = chained(await survey.published())
    await assert_exact(survey, bodies)
    for body in bodies:
        SurveySubmitted.model_validate(body)
    assert {body["outcome"] for body in bodies} == {"recorded", "superseded"}


async def test_the_latest_visit_stands(survey: Survey) -> None:
    chance = random.Random(2)
    visits = [submission(chance, house="99/1", area="500101") for _ in range(5)]
    latest = max(visits, key=lambda visit: (visit["captured_at"], visit["submission_id"]))
    async with survey.recorder():
        for visit in visits:
            await survey.accept(visit)
        await survey.until_recorded(5)
    row = await survey.pool.fetchrow(
        "SELECT submission_id::text, (counts->>'persons')::integer AS persons FROM household"
    )
    assert row is not None
    assert row["submission_id"] == latest["submission_id"]
    assert row["persons"] == len(latest["persons"])


async def test_another_submission_under_a_used_id_is_kept_out_and_told(survey: Survey) -> None:
    chance = random.Random(3)
    first, second = submission(chance, house="1"), submission(chance, house="2")
    second["submission_id"] = first["submission_id"]
    async with survey.recorder():
        await survey.accept(first)
        await survey.until_recorded(1)
        await survey.accept(second)
        await survey.until_recorded(2)
    assert await survey.pool.fetchval("SELECT count(*) FROM household") == 1
    assert await survey.pool.fetchval("SELECT same_content FROM repeated_submission") is False


class Withheld(OrderedPublisher):
    """Publishes nothing until it is let go: a process that is stopped between its commit and its publication."""

    def __init__(self, real: OrderedPublisher) -> None:
        self._real = real
        self.asked = asyncio.Event()
        self.released = asyncio.Event()
        self.published = asyncio.Event()

    async def publish(self, topic: str, records: Mapping[int, Sequence[OutgoingRecord]]) -> None:
        """Waits, then publishes."""
        if records:
            self.asked.set()
        await self.released.wait()
        await self._real.publish(topic, records)
        if records:
            self.published.set()


async def test_a_recorder_that_was_thought_dead_changes_nothing(survey: Survey) -> None:
    """A zombie holds committed, unpublished events; another takes over, goes on, and then the zombie wakes."""
    sent = submissions(4, 200, houses=50)
    async with OrderedPublisher(survey.kafka) as real:
        withheld = Withheld(real)
        async with survey.recorder(withheld, group="zombie"):
            await survey.accept(*sent[:100])
            await survey.until_recorded(100)
            await withheld.asked.wait()
            before = await survey.pool.fetchval(TAKE_OVERS)
            async with survey.recorder(group="heir"):
                async with asyncio.timeout(DEADLINE_SECONDS):
                    while await survey.pool.fetchval(TAKE_OVERS) < before + survey.submitted_topic.partitions:
                        await asyncio.sleep(0.01)
                await survey.accept(*sent[100:])
                await survey.until_recorded(200)
                withheld.released.set()
                async with asyncio.timeout(DEADLINE_SECONDS):
                    await withheld.published.wait()
    partitions = await survey.published()
    bodies = chained(partitions)
    assert sum(map(len, partitions)) > len(bodies)  # the zombie's publication was a repetition
    await assert_exact(survey, bodies)


async def test_what_was_not_published_is_published_byte_for_byte_at_take_over(survey: Survey) -> None:
    sent = submissions(5, 60, houses=20)
    async with survey.recorder():
        await survey.accept(*sent)
        await survey.until_recorded(60)
    before = [[(r.key, r.value, r.headers, r.timestamp) for r in records] for records in await survey.published()]
    await survey.pool.execute("UPDATE consumer_position SET published = 0")
    async with survey.recorder():
        await survey.accept(submission(random.Random(6), house="new"))
        await survey.until_recorded(61)
    after = await survey.published()
    again = [
        [(r.key, r.value, r.headers, r.timestamp) for r in records[len(first) : 2 * len(first)]]
        for first, records in zip(before, after, strict=True)
    ]
    assert again == before
    await assert_exact(survey, chained(after))


async def test_a_recreated_intake_topic_begins_a_new_epoch(survey: Survey) -> None:
    sent = submissions(7, 80, houses=30)
    async with survey.recorder():
        await survey.accept(*sent[:40])
        await survey.until_recorded(40)
    await recreate(survey, survey.intake_topic, SURVEY_INTAKE)
    async with survey.recorder():
        answers = await survey.accept(*sent[40:])
        assert {answer.status for answer in answers} == {202}
        await survey.until_recorded(80)
    epochs = await survey.pool.fetch("SELECT DISTINCT sequence / 1000000000000000 AS epoch FROM submission ORDER BY 1")
    assert [row["epoch"] for row in epochs] == [1, 2]
    await assert_exact(survey, chained(await survey.published()))


async def recreate(survey: Survey, topic: Topic, kind: Topic) -> None:
    """Deletes a topic and makes it again under its name; the deletion takes Kafka a moment."""
    survey.runtime.delete_topic(topic)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while topic.name in survey.runtime.admin.list_topics(timeout=5).topics:
            await asyncio.sleep(0.05)
    survey.runtime.create_topic(kind, topic.name.removeprefix(f"{kind.name}-"), partitions=topic.partitions)


async def test_a_recreated_public_topic_is_filled_again_from_the_database(survey: Survey) -> None:
    sent = submissions(8, 50, houses=20)
    async with survey.recorder():
        await survey.accept(*sent[:40])
        await survey.until_recorded(40)
        await recreate(survey, survey.submitted_topic, SURVEY_SUBMITTED)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while sum(map(len, await survey.published())) < 40:
                await asyncio.sleep(0.1)
        await survey.accept(*sent[40:])
        await survey.until_recorded(50)
    await assert_exact(survey, chained(await survey.published()))


async def test_a_poison_record_is_put_aside_and_the_position_moves_on(survey: Survey) -> None:
    producer = create_producer(survey.kafka)
    await producer.start()
    for poison in (b"", b"\xff\x00", json.dumps({"not": "ours"}).encode()):
        await producer.send_and_wait(survey.intake_topic.name, poison, key=b"k", partition=0)
    await producer.stop()
    sent = submissions(9, 40, houses=40)
    async with survey.recorder():
        await survey.accept(*sent)
        await survey.until_recorded(43)
    causes = await survey.pool.fetch('SELECT "offset", cause FROM dead_letter ORDER BY 1')
    assert [tuple(row) for row in causes] == [(offset, "unreadable_body") for offset in range(3)]
    await assert_exact(survey, chained(await survey.published()))


async def test_a_rebalance_loses_and_repeats_nothing(survey: Survey) -> None:
    """Recorders come and go while submissions arrive."""
    sent = submissions(10, 600, houses=100)
    async with survey.recorder():
        await survey.accept(*sent[:200])
        async with survey.recorder():
            await survey.accept(*sent[200:400])
            await survey.until_recorded(300)
            async with survey.recorder():
                await survey.accept(*sent[400:])
                await survey.until_recorded(500)
        await survey.until_recorded(600)
    assert await survey.pool.fetchval(TAKEN) == 600
    await assert_exact(survey, chained(await survey.published()))


@pytest.mark.parametrize("at", ["prepare", "write"])
async def test_a_lost_database_connection_is_waited_out(survey: Survey, at: str) -> None:
    """The server ends the recorder's sessions in the middle of its transactions."""
    sent = submissions(11, 300, houses=100)
    async with survey.recorder() as handler:
        original = getattr(handler, at)
        left = 3

        async def cut(connection: Any, batches: Any) -> None:
            nonlocal left
            if left:
                left -= 1
                pid = await connection.fetchval("SELECT pg_backend_pid()")
                await survey.pool.fetchval("SELECT pg_terminate_backend($1)", pid)
            await original(connection, batches)

        setattr(handler, at, cast(Any, cut))
        for start in range(0, 300, 50):
            await survey.accept(*sent[start : start + 50])
        await survey.until_recorded(300)
    assert left == 0
    assert await survey.pool.fetchval("SELECT count(*) FROM submission") == 300
    await assert_exact(survey, chained(await survey.published()))
