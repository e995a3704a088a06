"""How often a consumer that gathers asks Kafka: seldom while nothing comes, and not for each record while some come."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.topics import HELP_UPDATED
from shared.kafka.membership import IDLE_MILLISECONDS, QUIET_SECONDS, Gathering, client, joined
from shared.kafka.producer import create_producer
from tests.runtime import Runtime

COLLECT_MILLISECONDS = 60
LOOK_MILLISECONDS = 50
WRITERS = 8
"""Beside each other, so that several records come in each 60 ms on a slow machine, too."""
SECONDS = 2.0


class Alone:
    """The only member of its group: takes what it is given."""

    async def revoked(self, partitions: object) -> None:
        """Nothing to give up."""

    def assigned(self, partitions: object) -> None:
        """It goes on by itself."""


async def test_it_asks_seldom_while_nothing_comes_and_gathers_while_something_does(runtime: Runtime) -> None:
    topic = runtime.create_topic(HELP_UPDATED, partitions=3)
    consumer = client(runtime.kafka_settings(), f"{topic.name}-group", COLLECT_MILLISECONDS, AIOKafkaConsumer)
    gathering = Gathering(COLLECT_MILLISECONDS)
    asked = 0
    send: Callable[..., Awaitable[Any]] = consumer._client.send

    async def counted(node: object, request: object, **more: Any) -> Any:
        nonlocal asked
        asked += type(request).__name__.startswith("FetchRequest")
        return await send(node, request, **more)

    async def looked(seconds: float) -> tuple[int, int, float]:
        """For so long at least: how often Kafka was asked, how many records came, and how long it took."""
        before, began, came = asked, time.monotonic(), 0
        while time.monotonic() < began + seconds:
            fetched = await consumer.getmany(timeout_ms=LOOK_MILLISECONDS)
            came += sum(map(len, fetched.values()))
            gathering.note(consumer, came=bool(fetched))
        return asked - before, came, time.monotonic() - began

    async def write() -> int:
        sent = 0
        while not stopping.is_set():
            await producer.send_and_wait(topic.name, b"{}", partition=sent % 3)
            sent += 1
        return sent

    consumer._client.send = counted
    stopping = asyncio.Event()
    producer = create_producer(runtime.kafka_settings())
    await producer.start()
    async with joined(consumer, [topic.name], Alone()):
        while len(consumer.assignment()) < 3:
            await asyncio.sleep(0.01)
        consumer.resume(*(TopicPartition(topic.name, partition) for partition in range(3)))
        await looked(QUIET_SECONDS)  # what was asked for while it began
        idle, none, took = await looked(SECONDS)
        assert none == 0
        assert 0 < idle <= took * 1000 / IDLE_MILLISECONDS + 2
        writing = [asyncio.create_task(write()) for _ in range(WRITERS)]
        busy, some, took = await looked(SECONDS)
        stopping.set()
        sent = sum(await asyncio.gather(*writing))
        assert some > 2 * busy  # one alone for the first that came, and then many together
        assert busy <= took * 1000 / COLLECT_MILLISECONDS + 2
        while some < sent:
            some += (await looked(0.1))[1]
        assert some == sent
    await producer.stop()
    runtime.delete_topic(topic)
