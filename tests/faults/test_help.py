"""Requests for help while survey-http and survey-relay are killed with -9: nothing that was answered is lost, nothing
is told twice, and reporting ends with the survey's own counts."""

import asyncio
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any, Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.demo.client import Client, Session, SmsSink, by_one_time_code, by_secret
from deploy.demo.help import Caller, calls_of
from deploy.demo.plan import Call, Volunteer
from deploy.local.addresses import Addresses
from deploy.local.stack import Stack
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.events import HelpUpdated, VolunteerStatus
from shared.contracts.topics import HELP_UPDATED
from tests.faults.campaigns import Campaigns
from tests.faults.stacks import ProxiedStack
from tests.runtime import Runtime

DISTRICT: Final = "8401"
KILLS: Final = 4
"""Of each of the two, one after the other, each in the middle of the work."""
AT_ONCE: Final = 4
BURST: Final = 6
"""Calls that are let begin before each kill."""
DEADLINE_SECONDS: Final = 180.0
STEPS: Final = """
SELECT count(*) FROM help_step JOIN help_request AS r USING (request_id) WHERE r.area LIKE $1 || '%'
"""
STANDING: Final = """
SELECT request_id, area, status, revision FROM help_request WHERE area LIKE $1 || '%'
"""


async def volunteer_of(client: Client, addresses: Addresses, administrator: Session) -> tuple[str, Session]:
    """A volunteer of the district: phone and session."""
    sink = SmsSink(addresses.sms_sink)
    phone = f"06{Random().randrange(10**8):08d}"

    async def made(path: str, body: dict[str, Any]) -> Any:
        answer = await client.send("POST", f"{addresses.registration}{path}", body=body, session=administrator)
        assert answer.is_success, answer.text
        return answer.json()

    organisation = await made("/v1/organisations", {"name": "อสม.", "kind": "agency", "area": DISTRICT[:2]})
    body = {"name": "มานี", "phone": phone, "role": "volunteer", "area": f"{DISTRICT}01"}
    await made("/v1/appointments", body | {"organisation_id": organisation["organisation_id"]})
    return phone, by_one_time_code(client, addresses.registration, sink, phone)


async def published(stack: Stack, wanted: set[UUID]) -> tuple[list[HelpUpdated], int]:
    """The events of these requests as a subscriber applies them, and how many repetitions it drops; fails at a gap."""
    consumer = AIOKafkaConsumer(**Runtime(stack).kafka_settings().for_aiokafka(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(HELP_UPDATED.name, number) for number in range(HELP_UPDATED.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        last: dict[int, int] = {}
        events, dropped, left = [], 0, sum(ends.values())
        async with asyncio.timeout(DEADLINE_SECONDS):
            while left:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    for record in records:
                        left -= 1
                        envelope = from_headers(record.headers)
                        verdict = judge(last.get(partition.partition), envelope.sequence, envelope.previous)
                        assert verdict is not Verdict.GAP, partition
                        if verdict is not Verdict.APPLY:
                            dropped += 1
                            continue
                        last[partition.partition] = envelope.sequence
                        event = HelpUpdated.model_validate_json(record.value)
                        if event.request_id in wanted:
                            events.append(event)
        return events, dropped
    finally:
        await consumer.stop()


async def test_killed_in_between_no_request_is_lost_and_none_told_twice(campaigns: Campaigns[ProxiedStack]) -> None:
    campaigns.failed = True  # until it turns out not to be
    stack = campaigns.stack
    addresses, random = stack.addresses(), Random(17)
    database = await asyncpg.connect(**stack.postgres.connection(database="survey"), timeout=10)
    async with Client(connections=AT_ONCE) as client:
        administrator = by_secret(client, addresses.registration, addresses.client_id, addresses.client_secret)
        phone, volunteer = await volunteer_of(client, addresses, administrator)
        # He works in one subdistrict: all ask from there.
        one = Volunteer(0, 0, "", phone, None, DISTRICT, VolunteerStatus.APPROVED)
        calls = [_moved(call) for call in calls_of(random, [one] * 60, run=random.randrange(1, 10_000))]
        caller = Caller(client, addresses, SmsSink(addresses.sms_sink))
        queue = calls[::-1]

        permits = asyncio.Semaphore(0)

        async def work() -> None:
            while queue:
                call = queue.pop()
                await permits.acquire()
                await caller.play(call, volunteer)

        async def kill() -> int:
            kills = 0
            for process in ("survey-http", "survey-relay") * KILLS:
                goal = await database.fetchval(STEPS, DISTRICT) + random.randint(1, BURST)
                for _ in range(BURST):  # each call is at least one step: the goal comes in the middle of them
                    permits.release()
                while await database.fetchval(STEPS, DISTRICT) < goal:
                    await asyncio.sleep(0.002)
                stack.kill(process)
                kills += 1
                await asyncio.to_thread(stack.wait_ready)
            for _ in calls:
                permits.release()
            return kills

        async with asyncio.timeout(DEADLINE_SECONDS):
            killing = asyncio.create_task(kill())
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            kills = await killing
        await asyncio.to_thread(stack.wait_ready)

        rows = {row["request_id"]: row for row in await database.fetch(STANDING, DISTRICT)}
        assert {str(request_id) for request_id in rows} == {call.request_id for call in calls}
        assert {str(row["request_id"]): row["status"] for row in rows.values()} == {
            call.request_id: call.ends.value for call in calls
        }
        steps = await database.fetchval(STEPS, DISTRICT)
        assert steps == sum(row["revision"] for row in rows.values()), "every revision is one step"

        async with asyncio.timeout(DEADLINE_SECONDS):
            while await database.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"):
                await asyncio.sleep(0.05)
        events, dropped = await published(stack, set(rows))
        assert Counter(event.request_id for event in events) == {key: row["revision"] for key, row in rows.items()}
        for request_id, row in rows.items():
            mine = [event for event in events if event.request_id == request_id]
            assert [event.revision for event in mine] == list(range(1, row["revision"] + 1))
            assert mine[-1].status == row["status"]

        wanted = Counter(row["status"] for row in rows.values())
        names = ("waiting", "accepted", "helping", "done")
        async with asyncio.timeout(DEADLINE_SECONDS):
            while True:
                answer = await client.send(
                    "GET",
                    f"{addresses.reporting}/v1/help",
                    session=administrator,
                    params={"area": DISTRICT, "level": "district"},
                )
                (row,) = answer.json()["rows"]
                if row["asked"] == len(calls) and all(row[name] == wanted[name] for name in names):
                    break
                await asyncio.sleep(0.1)
    await database.close()
    assert kills == 2 * KILLS
    campaigns.failed = False
    print(
        f"{len(calls)} requests, {steps} steps, {kills} kills, {client.traffic.repeated} requests sent again, "
        f"{len(events)} events, {dropped} repetitions dropped by the subscriber"
    )


def _moved(call: Call) -> Call:
    """The call from the volunteer's subdistrict; its position lies in the district."""
    return replace(call, area=f"{DISTRICT}01")
