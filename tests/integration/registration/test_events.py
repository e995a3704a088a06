"""The service's events as others get them: through the relay, from the real topic, as its own Kafka user."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import Envelope, from_headers
from shared.contracts.events import Role, VolunteerRegistered
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


async def test_who_withdrew_and_signed_up_again_is_barred_until_approved(office: Office, runtime: Runtime) -> None:
    bar = BarredVolunteers(runtime.kafka_settings("survey"))
    await bar.start()
    try:
        async with relaying(office, runtime), asyncio.timeout(DEADLINE):
            phone = new_phone()
            volunteer = await office.volunteer(phone=phone)
            himself = office.token(Role.VOLUNTEER, "500101", UUID(volunteer))
            await office.ask("POST", f"/v1/volunteers/{volunteer}/withdrawal", himself)
            assert (await office.sign_up(phone=phone)).json()["volunteer_id"] == volunteer
            await read(runtime, {volunteer: 4})
            while not bar.is_barred(UUID(volunteer)):
                await asyncio.sleep(0.05)
            # What comes after in the same partition shows that the second sign-up has been taken in.
            later = await office.volunteer()
            while VOLUNTEER_REGISTERED.partition_of(later) != VOLUNTEER_REGISTERED.partition_of(volunteer):
                later = await office.volunteer()
            await office.suspend(later)
            while not bar.is_barred(UUID(later)):
                await asyncio.sleep(0.05)
            assert bar.is_barred(UUID(volunteer))
            await office.approve(volunteer)
            while bar.is_barred(UUID(volunteer)):
                await asyncio.sleep(0.05)
    finally:
        await bar.stop()


async def test_a_transfer_and_approvals_at_once_reach_the_figures_whole(office: Office, runtime: Runtime) -> None:
    """Summed up as reporting does it, the events of all ways to change somebody give what stands in the database."""
    agency, partner = await office.organisation("95"), await office.organisation("9501", "network_partner")
    code = await office.group_code(agency)
    ids = [(await office.sign_up(group_code=code, area="950101")).json()["volunteer_id"] for _ in range(6)]
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "95")
    await office.ask("POST", "/v1/approvals", province, json={"volunteer_ids": ids[:4], "decision": "approve"})
    for volunteer in ids[:2]:
        path = f"/v1/volunteers/{volunteer}/transfer"
        await office.ask("POST", path, province, json={"organisation_id": partner, "area": "950102"})
    await office.ask("POST", f"/v1/volunteers/{ids[5]}/refusal", province, json={"reason": "ก"})
    wanted = dict.fromkeys(ids, 2) | {ids[0]: 3, ids[1]: 3, ids[4]: 1}
    async with relaying(office, runtime):
        records = await read(runtime, wanted)
    sums: Counter[tuple[str, str, str]] = Counter()
    for _, key, _, event in records:
        if key in wanted:
            sums[event.area, str(event.organisation_kind), str(event.status)] += 1
            if (was := event.before) is not None:
                sums[was.area, str(was.organisation_kind), str(was.status)] -= 1
    assert {key: count for key, count in sums.items() if count} == {
        ("950101", "agency", "approved"): 2,
        ("950102", "network_partner", "approved"): 2,
        ("950101", "agency", "pending"): 1,
        ("950101", "agency", "withdrawn"): 1,
    }
