"""The streams that come from people's decisions, filled at once: what registration and facilities would publish in
months."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import cycle
from typing import Any
from uuid import UUID, uuid5

from shared.areas.register import subdistricts
from shared.contracts.envelope import HeaderWriter
from shared.contracts.golden import examples
from shared.contracts.topics import FACILITY_UPDATED, VOLUNTEER_REGISTERED, Topic
from shared.kafka.producer import OrderedPublisher, OutgoingRecord
from tests.bench.setting import Setting

NAMESPACE = UUID(int=9)


async def fill(found: Setting, *, volunteers: int, facilities: int) -> int:
    """Publishes so many approvals of volunteers and places newly entered, all over the country; gives their sum."""
    wanted = {
        (VOLUNTEER_REGISTERED.name, "approved"): ("volunteer_id", volunteers),
        (FACILITY_UPDATED.name, "created"): ("facility_id", facilities),
    }
    async with OrderedPublisher(found.runtime.kafka_settings()) as publisher:
        for example in examples():
            if kind := wanted.get((example.topic.name, example.name)):
                body = example.event.model_dump(mode="json")
                await publisher.publish(example.topic.name, records(example.topic, body, *kind))
    return volunteers + facilities


def records(topic: Topic, example: Mapping[str, Any], name: str, number: int) -> dict[int, list[OutgoingRecord]]:
    """`number` events like the example, each of another entity, by partition, numbered as their relay would.

    name: the field that holds the entity's id.
    """
    writer = HeaderWriter(topic.source or "", topic.event_type or "", topic.dataschema or "")
    now = datetime.now(UTC)
    found: dict[int, list[OutgoingRecord]] = defaultdict(list)
    for key, body in _bodies(example, name, number):
        in_order = found[topic.partition_of(key)]
        sequence = len(in_order) + 1
        headers = writer.write(str(uuid5(NAMESPACE, key)), key, now, sequence, sequence - 1 or None)
        in_order.append(OutgoingRecord(key.encode(), body, headers, int(now.timestamp() * 1000)))
    return found


def _bodies(example: Mapping[str, Any], name: str, number: int) -> Iterator[tuple[str, bytes]]:
    for each, area in zip(range(number), cycle(area.code for area in subdistricts()), strict=False):
        key = str(uuid5(NAMESPACE, f"{name}/{each}"))
        before = example["before"] and {**example["before"], "area": area}
        yield key, json.dumps({**example, name: key, "area": area, "before": before}, ensure_ascii=False).encode()
