"""Quotas bind: a subscriber that reads too much is slowed down, and nobody else is."""

import asyncio
import os
import time
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest
from confluent_kafka import Consumer, TopicPartition

from services.reporting.subscribers.domain import DEFAULT_BYTES, LEAST_BYTES, MOST_BYTES, MOST_PERCENT
from shared.contracts.topics import FACILITY_UPDATED
from tests.integration.outside.actors import Attempts, for_aiokafka, inside
from tests.integration.outside.conftest import Door, fill
from tests.runtime import Runtime

TOPIC: Final = FACILITY_UPDATED.name
RECORD_BYTES: Final = 16 * 1024
RECORDS: Final = 256
"""4 MB in all: what Kafka lets through before it looks is the quota of its window of some 10 s, 0.7 MB of the least."""
READING_SECONDS: Final = 4.0


def read(settings: dict[str, Any], seconds: float) -> tuple[int, float, list[float]]:
    """Reads the partition from its beginning: bytes, seconds until all were there or the time was up, and by how much
    Kafka said that it throttled."""
    throttled: list[float] = []
    consumer = Consumer(
        {
            **settings,
            "group.id": f"{settings['sasl.username']}-quotas",
            "enable.auto.commit": False,
            "fetch.message.max.bytes": 256 * 1024,
            "throttle_cb": lambda event: throttled.append(event.throttle_time),
        }
    )
    found, began = 0, time.monotonic()
    try:
        consumer.assign([TopicPartition(TOPIC, 1, 0)])
        while found < RECORDS * RECORD_BYTES and time.monotonic() < began + seconds:
            record = consumer.poll(0.1)
            if record is not None and record.error() is None:
                found += len(record.value() or b"")
        return found, time.monotonic() - began, throttled
    finally:
        consumer.close()


async def test_a_subscriber_that_reads_too_fast_is_slowed_down_and_nobody_else_is(runtime: Runtime, door: Door) -> None:
    await asyncio.to_thread(fill, runtime, [TOPIC], RECORDS, os.urandom(RECORD_BYTES), 1)
    slow = await door.let_in("slow", TOPIC, bytes_a_second=LEAST_BYTES)
    fast = await door.let_in("fast", TOPIC, bytes_a_second=DEFAULT_BYTES)
    whole = RECORDS * RECORD_BYTES
    # Everybody at the same time, the slow one for as long as the others take and then some more.
    (slowed, _, told), (others, took, untold), (services, _, untold_inside) = await asyncio.gather(
        asyncio.to_thread(read, dict(slow.settings), READING_SECONDS),
        asyncio.to_thread(read, dict(fast.settings), 60.0),
        asyncio.to_thread(read, inside(runtime, "reporting"), 60.0),
    )
    print(f"slow: {slowed:,} of {whole:,} bytes in {READING_SECONDS} s, told {told}; fast: all in {took:.2f} s")
    assert others == services == whole
    assert slowed <= LEAST_BYTES * 11 + 2 * RECORD_BYTES < whole / 4
    assert max(told, default=0.0) > 0
    assert not any(untold)
    assert not any(untold_inside)


async def test_a_larger_quota_holds_at_once(runtime: Runtime, door: Door) -> None:
    await asyncio.to_thread(fill, runtime, [TOPIC], RECORDS, os.urandom(RECORD_BYTES), 1)
    await door.let_in("slow", TOPIC, bytes_a_second=LEAST_BYTES)
    wide = await door.let_in("slow", TOPIC, bytes_a_second=DEFAULT_BYTES)
    found, took, _ = await asyncio.to_thread(read, dict(wide.settings), 60.0)
    print(f"wide: {found:,} bytes in {took:.2f} s")
    assert found == RECORDS * RECORD_BYTES


async def asked(attempts: Attempts, seconds: float) -> tuple[int, int]:
    """Asks as often as it can: how often that was, and the longest throttling in ms. Ends at the first one."""
    client = AIOKafkaClient(**for_aiokafka(attempts.settings))
    count, throttled = 0, 0
    try:
        await client.bootstrap()
        node, end = client.get_random_node(), time.monotonic() + seconds
        request = FetchRequest(0, 0, 1024, 0, [(TOPIC, [(partition, 0, 1024) for partition in range(24)])])
        while not throttled and time.monotonic() < end:
            answers = await asyncio.gather(*(client.send(node, request) for _ in range(5)))
            count += len(answers)
            throttled = max(answer.throttle_time_ms for answer in answers)
    finally:
        await client.close()
    return count, throttled


async def test_a_subscriber_that_asks_without_end_is_slowed_down_and_another_is_not(door: Door) -> None:
    busy = await door.let_in("busy", TOPIC, request_percent=1, bytes_a_second=MOST_BYTES)
    other = await door.let_in("other", TOPIC, request_percent=MOST_PERCENT, bytes_a_second=MOST_BYTES)
    (count, throttled), (others, untold) = await asyncio.gather(asked(busy, 60.0), asked(other, 3.0))
    print(f"busy: throttled by {throttled} ms after {count:,} requests; other: {others:,} requests, {untold} ms")
    assert throttled > 0
    assert untold == 0
