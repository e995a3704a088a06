"""Subscribers over HTTP and by webhooks, written as outsiders would, while what they are served by is killed with -9
again and again."""

import asyncio
import os
import signal
from collections.abc import Iterator
from random import Random
from typing import Final

import httpx
import pytest

from deploy.local.stack import Stack
from shared.contracts.golden import examples
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.producer import OrderedPublisher, OutgoingRecord, PublishFailed
from tests.bench import streams
from tests.bench.replay import subscriber
from tests.bench.setting import Setting
from tests.integration.reporting.streams.outside import Outside
from tests.integration.reporting.webhooks.receiver import Receiver, receiving
from tests.integration.reporting.webhooks.sending import subscribe
from tests.runtime import Runtime, started

EVENTS: Final = 6_000
PART: Final = 40
"""Events of one partition that are published together: they come in while they are read."""
VICTIMS: Final = ("reporting-http", "kafka", "reporting-webhooks", "postgres", "reporting-http")
PATIENCE_SECONDS: Final = 150.0


@pytest.fixture(scope="module")
def setting() -> Iterator[Setting]:
    """Only what a subscriber needs."""
    with started(services=False) as stack:
        stack.start_services(("registration-http", "reporting-http", "reporting-webhooks"))
        yield Setting(stack, [])


def kill(stack: Stack, process: str) -> None:
    """Ends a process at once; its keeper starts it again."""
    pid = stack.supervisor.keepers[process].pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


async def published(runtime: Runtime, records: dict[int, list[OutgoingRecord]]) -> None:
    """All of them, in parts; what may not have been taken is published again, as a relay does."""
    waiting = {partition: list(mine) for partition, mine in records.items()}
    while waiting:
        try:
            async with OrderedPublisher(runtime.kafka_settings()) as publisher:
                while waiting:
                    await publisher.publish(SURVEY_SUBMITTED.name, {n: mine[:PART] for n, mine in waiting.items()})
                    waiting = {n: mine[PART:] for n, mine in waiting.items() if len(mine) > PART}
        except (PublishFailed, OSError, RuntimeError):
            await asyncio.sleep(0.2)


class Subscriber:
    """Reads to the end of everything, however often it is cut off. area: of its token."""

    def __init__(self, client: httpx.AsyncClient, area: str, records: dict[int, list[OutgoingRecord]]) -> None:
        self.outside = Outside(client, SURVEY_SUBMITTED.name)
        self.area = f'"area": "{area}'.encode()
        self.wanted = sum(self.area in record.value for mine in records.values() for record in mine)
        self.cut = 0

    async def read(self, random: Random, killing: "asyncio.Task[None]") -> None:
        """Until it has everything, and everybody has been killed who is to be."""
        while len(self.outside.kept.ids) < self.wanted or not killing.done():
            try:
                await self.outside.once(limit=random.choice((20, 300)), wait=1)
            except (httpx.TransportError, AssertionError):  # cut off, or told to come back
                self.cut += 1
                await asyncio.sleep(0.2)


async def received(receiver: Receiver, wanted: int, killing: "asyncio.Task[None]") -> None:
    """Until everything has come by webhooks, and everybody has been killed who is to be."""
    while len(set(receiver.ids)) < wanted or not killing.done():
        await asyncio.sleep(0.1)


async def test_every_event_once_whatever_dies(setting: Setting) -> None:
    """In the middle of answers and deliveries, while the stream grows: for the country and for a province."""
    random = Random(8)
    example = next(each.event.model_dump(mode="json") for each in examples() if each.topic is SURVEY_SUBMITTED)
    records = streams.records(SURVEY_SUBMITTED, example, "household_id", EVENTS)

    async def kill_all() -> None:
        for process in VICTIMS:
            await asyncio.sleep(random.uniform(0.5, 2.0))
            kill(setting.stack, process)

    async with subscriber(setting, "") as country, subscriber(setting, "30") as province, receiving() as receiver:
        await subscribe(province, receiver, [SURVEY_SUBMITTED.name], at_once=4, **{"from": "start"})
        readers = [Subscriber(country, "", records), Subscriber(province, "30", records)]
        async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
            group.create_task(published(setting.runtime, records))
            killing = group.create_task(kill_all())
            for reader in readers:
                group.create_task(reader.read(random, killing))
            group.create_task(received(receiver, readers[1].wanted, killing))
        assert set(receiver.ids) == set(readers[1].outside.kept.ids)
        assert (receiver.together, receiver.unsigned) == (1, 0)
        for reader in readers:
            kept = reader.outside.kept
            assert reader.cut > 0
            assert len(kept.ids) == len(set(kept.ids)) == reader.wanted > 0
            assert (reader.outside.gaps, reader.outside.repetitions, kept.number) == ([], 0, reader.wanted)
