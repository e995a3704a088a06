"""The subscriber's reference consumer on a real broker and database: killed at any moment, its sums are the events'."""

import ast
import asyncio
import re
import sys
from typing import Final

from deploy.subscriber.scenarios import delete_topic
from deploy.subscriber.synthetic import SyntheticStream
from shared.contracts.topics import SURVEY_SUBMITTED
from tests.integration.subscriber.conftest import CONSUMER, PATIENCE_SECONDS, Subscriber, eventually
from tests.runtime import Runtime

MOST_LINES: Final = 150
KILLS: Final = 10
AREAS: Final = tuple(f"5001{number:02}" for number in range(1, 13))


def test_it_is_short_and_needs_nothing_of_ours() -> None:
    text = CONSUMER.read_text(encoding="utf-8")
    in_javascript = CONSUMER.with_suffix(".cjs").read_text(encoding="utf-8")
    assert max(len(text.splitlines()), len(in_javascript.splitlines())) <= MOST_LINES
    required = set(re.findall(r'require\("(?!node:)([^"]+)"\)', in_javascript))
    assert required == {"kafkajs", "postgres"}
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"aiokafka", "asyncpg"}


async def test_killed_at_random_its_sums_are_those_of_the_events(
    stream: SyntheticStream, subscriber: Subscriber
) -> None:
    stopping = asyncio.Event()

    async def publish() -> None:
        while not stopping.is_set():
            for partition in {stream.make(stream.dice.choice(AREAS)) for _ in range(40)}:
                whole = len(stream.records[partition])
                done = published.get(partition, 0)
                # Now and then from further back, as after a take-over.
                first = max(0, done - stream.dice.choice((0, 0, 0, 25)))
                await stream.publish(partition, first, whole)
                published[partition] = whole
                if stream.dice.random() < 0.05:
                    await stream.publish_foreign(partition)
            await asyncio.sleep(0.01)  # so that there are many batches to be killed in

    published: dict[int, int] = {}
    publishing = asyncio.create_task(publish())
    try:
        for turn in range(KILLS):
            wanted = await subscriber.events() + stream.dice.randrange(1, 300)

            async def enough(wanted: int = wanted) -> bool:
                return await subscriber.events() >= wanted

            async with subscriber.running() as process:
                await eventually(enough, f"{wanted} events")
                if turn % 2:
                    await subscriber.kill_in_transaction(process)
                else:
                    await asyncio.sleep(stream.dice.random() * 0.05)  # any moment of a batch
    finally:
        stopping.set()
        await publishing
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums
    assert await subscriber.value("SELECT count(*) FROM put_aside") == 0


async def test_stops_at_a_gap_and_goes_on_when_it_is_published_again(
    stream: SyntheticStream, subscriber: Subscriber
) -> None:
    partition = stream.make(AREAS[0], 10)
    before_the_gap = dict(stream.sums)
    stream.make(AREAS[0], 30)
    await stream.publish(partition, 0, 10)
    await stream.publish(partition, 14)  # four are lost
    async with subscriber.running() as process:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert b"events are missing" in said
        assert await subscriber.sums() == before_the_gap
    async with subscriber.running() as process:  # nor does it pass over it after a restart
        assert process.stdout is not None
        assert b"events are missing" in await asyncio.wait_for(process.stdout.readline(), PATIENCE_SECONDS)
        assert await subscriber.sums() == before_the_gap
        await stream.publish(partition, 10, 14)  # those alone: what lies behind has been read already
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums


async def test_a_topic_that_was_made_anew_loses_nothing(
    stream: SyntheticStream, subscriber: Subscriber, runtime: Runtime
) -> None:
    partition = stream.make(AREAS[0], 10)
    await stream.publish(partition, 0)
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events of the old topic")
    await asyncio.to_thread(delete_topic, runtime.admin, stream.topic, PATIENCE_SECONDS)
    suffix = stream.topic.name.removeprefix(f"{SURVEY_SUBMITTED.name}-")
    runtime.create_topic(SURVEY_SUBMITTED, suffix, partitions=3)
    stream.epoch = 1
    stream.make(AREAS[0], 25)  # more than there were: the old offset lies inside the new topic
    await stream.publish(partition, 10)
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events of the new topic")
    assert await subscriber.sums() == stream.sums


async def test_what_it_does_not_know_takes_its_place_and_changes_nothing(
    stream: SyntheticStream, subscriber: Subscriber
) -> None:
    partition = stream.make(AREAS[0])
    stream.make_other(AREAS[0], b'{"whatever": 1}', "care.jitasa.something-later.v2")
    stream.make_other(AREAS[0], b"\xff not JSON")
    stream.make_other(AREAS[0], b'{"area": "500101", "before": null}')
    stream.make(AREAS[0])
    await stream.publish(partition, 0)
    async with subscriber.running():
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums
    assert await subscriber.value("SELECT count(*) FROM put_aside") == 2


async def test_of_two_processes_one_ends(stream: SyntheticStream, subscriber: Subscriber) -> None:
    async def both_count() -> bool:
        await stream.publish(partition, max(0, len(stream.records[partition]) - 1))
        stream.make(AREAS[0])
        return one.returncode is not None or other.returncode is not None

    partition = stream.make(AREAS[0])
    async with subscriber.running() as one, subscriber.running() as other:
        await eventually(both_count, "one of them ends")
        ended = one if one.returncode is not None else other
        assert ended.stderr is not None
        assert b"only one may work" in await ended.stderr.read()
        assert ended.returncode == 1
        await stream.publish(partition, len(stream.records[partition]) - 1)
        await eventually(lambda: subscriber.caught_up(stream), "all events")
    assert await subscriber.sums() == stream.sums
