"""The service's events as others get them: through the relay, from the real topic, as its own Kafka user."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import Envelope, from_headers
from shared.contracts.events import VolunteerRegistered
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.relay import Relay
from shared.kafka.standing import BarredVolunteers
from tests.integration.registration.conftest import Office, new_phone
from tests.runtime import Runtime

DEADLINE = 30.0
"""Seconds; the relay needs less than one, a busy machine some more."""


@asynccontextmanager
async def relaying(office: Office, runtime: Runtime) -> AsyncIterator[None]:
    """The relay at work, as the service's own Kafka user."""
    stopping = asyncio.Event()
    relay = Relay(office.pool, runtime.kafka_settings("registration"), [VOLUNTEER_REGISTERED])
    running = asyncio.create_task(relay.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


async def read(runtime: Runtime, wanted: dict[str, int]) -> list[tuple[int, str, Envelope, VolunteerRegistered]]:
    """(partition, key, envelope, event) of the topic from its beginning, until there are so many of each wanted key."""
    consumer = AIOKafkaConsumer(**runtime.kafka_settings().for_aiokafka(), enable_auto_commit=False)
    await consumer.start()
    found: list[tuple[int, str, Envelope, VolunteerRegistered]] = []
    missing = dict(wanted)
    try:
        partitions = [TopicPartition(VOLUNTEER_REGISTERED.name, n) for n in range(VOLUNTEER_REGISTERED.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        async with asyncio.timeout(DEADLINE):
            while any(number > 0 for number in missing.values()):
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    for record in records:
                        key = record.key.decode()
                        event = VolunteerRegistered.model_validate_json(record.value)
                        found.append((partition.partition, key, from_headers(record.headers), event))
                        missing[key] = missing.get(key, 0) - 1
    finally:
        await consumer.stop()
    return found


async def test_every_change_arrives_once_in_order_and_without_personal_data(office: Office, runtime: Runtime) -> None:
    phone = new_phone()
    async with relaying(office, runtime):
        first = await office.volunteer(phone=phone)
        second = await office.volunteer()
        await office.suspend(first)
        again = (await office.sign_up(phone=phone)).json()["volunteer_id"]
        records = await read(runtime, {first: 3, second: 2})
    last: dict[int, int] = defaultdict(int)
    for partition, key, envelope, event in records:
        assert partition == VOLUNTEER_REGISTERED.partition_of(key)
        assert judge(last.get(partition), envelope.sequence, envelope.previous) is Verdict.APPLY
        last[partition] = envelope.sequence
        assert envelope.subject == key == str(event.volunteer_id)
        assert (envelope.source, envelope.type) == ("/jitasa/registration", "care.jitasa.volunteer-registered.v1")
        assert phone not in event.model_dump_json()
    history = [event for _, key, _, event in records if key == first]
    assert [str(event.status) for event in history] == ["pending", "approved", "suspended"]
    for earlier, later in pairwise(history):
        assert later.before is not None
        assert (later.before.status, later.revision) == (earlier.status, earlier.revision + 1)
    assert again not in {key for _, key, _, _ in records}


async def test_a_suspension_reaches_who_checks_tokens(office: Office, runtime: Runtime) -> None:
    bar = BarredVolunteers(runtime.kafka_settings("survey"))
    await bar.start()
    try:
        async with relaying(office, runtime), asyncio.timeout(DEADLINE):
            volunteer = await office.volunteer()
            await office.suspend(volunteer)
            while not bar.is_barred(UUID(volunteer)):
                await asyncio.sleep(0.05)
            await office.approve(volunteer)
            while bar.is_barred(UUID(volunteer)):
                await asyncio.sleep(0.05)
    finally:
        await bar.stop()
