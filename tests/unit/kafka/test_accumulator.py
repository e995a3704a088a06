"""Records on their way into produce batches: one under way per partition, a bounded number behind it, and what senders
are told."""

import asyncio
from dataclasses import replace
from typing import Any, cast

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from shared.contracts.topics import SURVEY_INTAKE
from shared.kafka.accumulator import MAX_WAITING_BATCHES, Accumulator

TOPIC = replace(SURVEY_INTAKE, partitions=2)
BATCH_RECORDS = 3


class Batch:
    """Takes three records."""

    def __init__(self) -> None:
        self.keys: list[bytes] = []

    def append(self, *, key: bytes, **_: object) -> object | None:
        """None when it is full."""
        if len(self.keys) == BATCH_RECORDS:
            return None
        self.keys.append(key)
        return self


class Producer:
    """Notes batches; they are acknowledged when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, list[bytes], asyncio.Future[Any]]] = []
        self.came = asyncio.Event()
        self.partitions = TOPIC.partitions

    async def partitions_for(self, _topic: str) -> set[int]:
        """As many as the test says."""
        return set(range(self.partitions))

    def create_batch(self) -> Batch:
        """An empty batch."""
        return Batch()

    async def send_batch(self, batch: Batch, _topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Takes a batch."""
        acknowledgement: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append((partition, batch.keys, acknowledgement))
        self.came.set()
        return acknowledgement

    async def next(self) -> tuple[int, list[bytes], "asyncio.Future[Any]"]:
        """The batch that was sent first and not taken by the test yet."""
        async with asyncio.timeout(5):
            while not self.sent:
                self.came.clear()
                await self.came.wait()
        return self.sent.pop(0)


def accumulator_on(producer: Producer, *, patience_seconds: float = 5) -> Accumulator:
    return Accumulator(cast(AIOKafkaProducer, producer), TOPIC, patience_seconds=patience_seconds)


def records(partition: int, *keys: int) -> list[tuple[int, bytes, bytes]]:
    return [(partition, b"%d" % key, b"value") for key in keys]


async def test_a_partition_has_one_batch_under_way_in_order_and_holds_up_no_other() -> None:
    producer = Producer()
    accumulator = accumulator_on(producer)
    sending = asyncio.create_task(accumulator.send([*records(0, 1, 2, 3, 4), *records(1, 5)]))
    first, other = await producer.next(), await producer.next()
    assert (first[:2], other[:2]) == ((0, [b"1", b"2", b"3"]), (1, [b"5"]))
    assert not producer.sent
    first[2].set_result(None)
    partition, keys, acknowledgement = await producer.next()
    assert (partition, keys) == (0, [b"4"])
    assert not sending.done()
    acknowledgement.set_result(None)
    other[2].set_result(None)
    assert await sending == [True] * 5


async def test_what_finds_no_room_is_given_back_and_the_rest_goes_on() -> None:
    producer = Producer()
    accumulator = accumulator_on(producer)
    under_way = asyncio.create_task(accumulator.send(records(0, 0)))
    _, _, acknowledgement = await producer.next()
    room = MAX_WAITING_BATCHES * BATCH_RECORDS
    behind = asyncio.create_task(accumulator.send(records(0, *range(1, room + 3))))
    acknowledgement.set_result(None)
    for _ in range(MAX_WAITING_BATCHES):
        _, _, acknowledgement = await producer.next()
        acknowledgement.set_result(None)
    assert await under_way == [True]
    assert await behind == [True] * room + [False] * 2


async def test_patience_ends_for_the_sender_and_not_for_the_batch() -> None:
    producer = Producer()
    accumulator = accumulator_on(producer, patience_seconds=0.05)
    assert await accumulator.send(records(0, 1)) == [False]
    (_, _, acknowledgement) = await producer.next()
    sending = asyncio.create_task(accumulator.send(records(0, 2)))
    await asyncio.sleep(0)
    acknowledgement.set_result(None)
    (_, keys, acknowledgement) = await producer.next()
    acknowledgement.set_result(None)
    assert (keys, await sending) == ([b"2"], [True])
    assert not accumulator.failed.is_set()


async def test_a_refusal_for_good_is_known() -> None:
    producer = Producer()
    accumulator = accumulator_on(producer)
    sending = asyncio.create_task(accumulator.send(records(0, 1)))
    (_, _, acknowledgement) = await producer.next()
    acknowledgement.set_exception(MessageSizeTooLargeError())
    assert await sending == [False]
    assert accumulator.failed.is_set()


class WithoutPartition(Producer):
    """Knows no partition, as aiokafka says it."""

    async def send_batch(self, batch: Batch, _topic: str, *, partition: int) -> "asyncio.Future[Any]":
        """Refuses."""
        raise AssertionError("Unrecognized partition")


async def test_a_partition_that_is_gone_is_a_failure_and_nobody_waits_for_it() -> None:
    accumulator = accumulator_on(WithoutPartition())
    async with asyncio.timeout(2):
        assert await accumulator.send(records(0, 1)) == [False]
    assert accumulator.failed.is_set()


async def test_records_go_to_partitions_that_the_topic_was_given() -> None:
    producer = Producer()
    accumulator = accumulator_on(producer)
    producer.partitions = 2 * TOPIC.partitions
    assert await accumulator.learn() == producer.partitions
    sending = asyncio.create_task(accumulator.send(records(producer.partitions - 1, 1)))
    partition, keys, acknowledgement = await producer.next()
    acknowledgement.set_result(None)
    assert (partition, keys, await sending) == (producer.partitions - 1, [b"1"], [True])
