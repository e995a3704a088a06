"""The register's events as a subscriber reads them from the real topic."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.envelope import Envelope, from_headers
from shared.contracts.events import FacilityUpdated, FurtherFacilityUpdated
from shared.contracts.topics import FACILITY_UPDATED, FURTHER_FACILITY_UPDATED, Topic
from shared.kafka.relay import Relay
from tests.runtime import Runtime

Place = Callable[..., dict[str, Any]]
TOPICS = (FACILITY_UPDATED, FURTHER_FACILITY_UPDATED)
Event = FacilityUpdated | FurtherFacilityUpdated
DEADLINE = 30.0
"""Seconds; the relay needs less than one, a busy machine some more."""


@asynccontextmanager
async def relaying(pool: Any, runtime: Runtime) -> AsyncIterator[None]:
    """The relay at work, as the service's own Kafka user."""
    stopping = asyncio.Event()
    relay = asyncio.create_task(Relay(pool, runtime.kafka_settings("facilities"), TOPICS).run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await relay


async def read(
    runtime: Runtime, keys: set[str], wanted: int, topic: Topic = FACILITY_UPDATED
) -> list[tuple[int, Envelope, Event]]:
    """(partition, envelope, event) of those places, from the topic's beginning, until there are as many as wanted."""
    model = FacilityUpdated if topic is FACILITY_UPDATED else FurtherFacilityUpdated
    consumer = AIOKafkaConsumer(**runtime.kafka_settings().for_aiokafka(), enable_auto_commit=False)
    await consumer.start()
    found: list[tuple[int, Envelope, Event]] = []
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        async with asyncio.timeout(DEADLINE):
            while len(found) < wanted:
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    found += [
                        (
                            partition.partition,
                            from_headers(record.headers),
                            model.model_validate_json(record.value),
                        )
                        for record in records
                        if record.key.decode() in keys
                    ]
    finally:
        await consumer.stop()
    return found


async def test_every_change_reaches_the_topic_in_order(
    client: httpx.AsyncClient, pool: Any, runtime: Runtime, place: Place
) -> None:
    bodies = [place(facility_id=str(uuid4()), free=number) for number in range(10)]
    keys = {body["facility_id"] for body in bodies}
    async with relaying(pool, runtime):
        await asyncio.gather(*(client.post("/v1/facilities", json=body) for body in bodies))
        for key in keys:
            await client.post(f"/v1/facilities/{key}/confirmation")
        await asyncio.gather(
            *(
                client.put(
                    f"/v1/facilities/{body['facility_id']}",
                    json=body | {"status": "closed"},
                    headers={"If-Match": '"2"'},
                )
                for body in bodies
            )
        )
        events = await read(runtime, keys, 30)

    by_place: dict[str, list[Event]] = defaultdict(list)
    by_partition: dict[int, list[Envelope]] = defaultdict(list)
    for partition, envelope, event in events:
        assert envelope.subject == str(event.facility_id)
        assert (envelope.type, envelope.source) == (FACILITY_UPDATED.event_type, FACILITY_UPDATED.source)
        assert envelope.time == event.updated_at
        assert partition == FACILITY_UPDATED.partition_of(envelope.subject)
        by_place[envelope.subject].append(event)
        by_partition[partition].append(envelope)

    assert by_place.keys() == keys
    for steps in by_place.values():
        assert [(event.revision, event.change) for event in steps] == [
            (1, "created"),
            (2, "confirmed"),
            (3, "closed"),
        ]
        assert steps[0].before is None
        for earlier, later in pairwise(steps):
            assert later.before is not None
            assert (later.before.status, later.before.free) == (earlier.status, earlier.free)
    for envelopes in by_partition.values():
        # The module's database is fresh, so that its stream begins with these events.
        assert [envelope.sequence for envelope in envelopes] == list(range(1, len(envelopes) + 1))
        assert [envelope.previous for envelope in envelopes] == [None, *range(1, len(envelopes))]


async def test_changes_made_while_the_relay_was_away_are_published_later(
    client: httpx.AsyncClient, pool: Any, runtime: Runtime, place: Place
) -> None:
    body = place(facility_id=str(uuid4()))
    await client.post("/v1/facilities", json=body)
    await client.post(f"/v1/facilities/{body['facility_id']}/confirmation")
    async with relaying(pool, runtime):
        events = await read(runtime, {body["facility_id"]}, 2)
    assert [event.change for _, _, event in events] == ["created", "confirmed"]


async def test_places_of_further_kinds_are_told_in_their_own_topic(
    client: httpx.AsyncClient, pool: Any, runtime: Runtime, place: Place
) -> None:
    temple = place(facility_id=str(uuid4()), kind="cremation_temple", free=None)
    point = place(facility_id=str(uuid4()), kind="test_point", free=None)
    keys = {temple["facility_id"], point["facility_id"]}
    async with relaying(pool, runtime):
        for body in (temple, point):
            await client.post("/v1/facilities", json=body)
            await client.post(f"/v1/facilities/{body['facility_id']}/confirmation")
        further = await read(runtime, keys, 2, FURTHER_FACILITY_UPDATED)
        standard = await read(runtime, keys, 2)
    assert [(event.kind, event.change) for _, _, event in further] == [
        ("cremation_temple", "created"),
        ("cremation_temple", "confirmed"),
    ]
    assert {str(event.facility_id) for _, _, event in standard} == {point["facility_id"]}
    envelopes = [envelope for _, envelope, _ in further]
    assert {envelope.type for envelope in envelopes} == {FURTHER_FACILITY_UPDATED.event_type}
    # The first of the partition, and the one behind it: a chain of its own.
    assert [(each.sequence, each.previous) for each in envelopes] == [(1, None), (2, 1)]
    assert further[1][2].before is not None
    assert further[1][2].before.kind == "cremation_temple"
