"""Who is shut out is out within seconds, also with a connection that stands; who has a new password loses nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest

from deploy.local.home import Home
from deploy.local.stack import Stack
from services.reporting.subscribers.gate import Gate
from shared.contracts.topics import HELP_UPDATED
from shared.kafka.producer import create_producer
from tests.integration.outside.actors import Attempts, for_aiokafka, gets_in
from tests.integration.outside.conftest import Door
from tests.runtime import Runtime, running

TOPIC: Final = HELP_UPDATED.name
EVERY_SECONDS: Final = 0.01
CUT_SECONDS: Final = 3.0
"""Within this a revoked subscriber reads nothing more; 0.1 s was measured on an idle machine."""
REAUTHENTICATION_SECONDS: Final = 8.0
"""Several times what signing in takes on a busy machine: with 3 s whoever came in was put out again at once."""
REFUSED: Final = 29


@asynccontextmanager
async def written(producer: AIOKafkaProducer) -> AsyncIterator[list[int]]:
    """Numbers, one after another, in the first partition as long as the block lasts; gives what is there by now."""
    numbers: list[int] = []
    enough = asyncio.Event()

    async def write() -> None:
        while not enough.is_set():
            await producer.send_and_wait(TOPIC, str(len(numbers)).encode(), partition=0)
            numbers.append(len(numbers))
            await asyncio.sleep(EVERY_SECONDS)

    writing = asyncio.create_task(write())
    try:
        yield numbers
    finally:
        enough.set()
        await writing


async def last_given(attempts: Attempts, started: asyncio.Event, patience: float) -> tuple[float, float]:
    """Reads over one connection until Kafka refuses: the moments of the last records, and of the refusal. A refusal
    before the first record is none: a broker takes a moment until it knows whom its controller has let in."""
    given: float | None = None
    end = time.monotonic() + patience
    while time.monotonic() < end:
        client, refused = AIOKafkaClient(**for_aiokafka(attempts.settings)), False
        try:
            await client.bootstrap()
            node = client.get_random_node()
            while not refused and time.monotonic() < end:
                answer = await client.send(node, FetchRequest(50, 1, 1024, 0, [(TOPIC, [(0, 0, 1024)])]))
                for _, ((_partition, code, *_others, records),) in answer.topics:  # none of who is slowed down
                    refused = code == REFUSED
                    if records:
                        given = time.monotonic()
                        started.set()
                await asyncio.sleep(EVERY_SECONDS)
        except KafkaError:
            refused = True
        finally:
            await client.close()
        if refused and given is not None:
            return given, time.monotonic()
    raise AssertionError("it was never let in, or never refused")


async def values(consumer: AIOKafkaConsumer) -> list[int]:
    """The next numbers, if any come soon."""
    found = await consumer.getmany(timeout_ms=200)
    return [int(record.value) for records in found.values() for record in records]


async def test_a_revoked_subscriber_reads_nothing_more_over_a_connection_that_stands(
    runtime: Runtime, door: Door
) -> None:
    attempts = await door.let_in("cut", TOPIC)
    producer = create_producer(runtime.kafka_settings())
    await producer.start()
    try:
        async with written(producer):
            started = asyncio.Event()
            reading = asyncio.create_task(last_given(attempts, started, 60.0))
            await asyncio.wait_for(started.wait(), 30)
            began = time.monotonic()
            await door.shut_out("cut")
            noted = time.monotonic() - began
            given, refused = await reading
    finally:
        await producer.stop()
    print(f"the last records {given - began:.2f} s, refused {refused - began:.2f} s, noted as done {noted:.2f} s")
    assert given - began < CUT_SECONDS
    assert not await asyncio.to_thread(gets_in, attempts.settings)


async def test_a_stream_that_is_taken_away_is_refused_and_the_others_go_on(door: Door, filled: None) -> None:
    attempts = await door.let_in("less", TOPIC, "survey-submitted")
    assert await asyncio.to_thread(attempts.readable, (TOPIC, "survey-submitted")) == {TOPIC, "survey-submitted"}
    await door.let_in("less", "survey-submitted")
    assert await asyncio.to_thread(attempts.readable, (TOPIC, "survey-submitted")) == {"survey-submitted"}


@pytest.fixture(scope="module")
def impatient() -> Iterator[Runtime]:
    """A broker that has connections prove themselves again every few seconds."""

    def make(home: Home, port_base: int) -> Stack:
        stack = Stack(home, port_base)
        stack.kafka.reauthentication_ms = int(REAUTHENTICATION_SECONDS * 1000)
        return stack

    with running(make, ()) as stack:
        yield Runtime(stack)


async def test_an_old_password_ends_with_its_connection_and_the_new_one_misses_nothing(
    impatient: Runtime, tmp_path: Path
) -> None:
    door = Door(impatient, Gate(impatient.kafka_settings("gatekeeper")))
    before = await door.let_in("turned", TOPIC, password="the first")
    before = Attempts({**before.settings, "sasl.password": "the first"}, before.group)
    after = Attempts({**before.settings, "sasl.password": "the second"}, before.group)
    producer = create_producer(impatient.kafka_settings())
    await producer.start()
    try:
        async with AsyncExitStack() as reading:
            async with written(producer) as numbers:
                started = asyncio.Event()
                old = asyncio.create_task(last_given(before, started, 60.0))
                await asyncio.wait_for(started.wait(), 30)
                began = time.monotonic()
                await door.let_in("turned", TOPIC, password="the second")
                assert not await asyncio.to_thread(gets_in, before.settings)
                got: list[int] = []
                consumer = await reading.enter_async_context(
                    AIOKafkaConsumer(
                        TOPIC, group_id=after.group, auto_offset_reset="earliest", **for_aiokafka(after.settings)
                    )
                )
                # Long enough that it, too, has had to prove itself several times.
                end = time.monotonic() + 2.5 * REAUTHENTICATION_SECONDS
                while time.monotonic() < end:
                    got += await values(consumer)
            while len(got) < len(numbers):
                got += await values(consumer)
        given, _ = await old
    finally:
        await producer.stop()
    print(f"the old password read for {given - began:.2f} s; the new one got {len(got):,} in order")
    assert given - began < 2 * REAUTHENTICATION_SECONDS + 1
    assert got == numbers
    assert len(got) > 100
