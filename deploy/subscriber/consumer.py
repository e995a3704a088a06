"""A subscriber of survey-submitted: how many persons were found in each subdistrict, and how many of them want vaccine.

Written from docs/events.md alone, to be copied. Position and effects move in one transaction, so that it may be killed
at any moment and every event counts once. Needs aiokafka and asyncpg, and is told by variables:

KAFKA_BOOTSTRAP, KAFKA_USERNAME, KAFKA_PASSWORD_FILE, KAFKA_CA_FILE   as the centre handed them out
KAFKA_PROTOCOL, KAFKA_MECHANISM, KAFKA_TOPIC                          SASL_SSL, SCRAM-SHA-512, survey-submitted
DATABASE_URL                                                          a PostgreSQL database of one's own
"""

import asyncio
import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.helpers import create_ssl_context

TYPE = b"care.jitasa.survey-submitted.v1"
COUNTED = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting")
TWENTY_DIGITS = re.compile(rb"[0-9]{20}")

TABLES = """SELECT pg_advisory_xact_lock(2565); -- of two that begin at once the second finds them made
CREATE TABLE IF NOT EXISTS position (topic text, partition integer, next_offset bigint NOT NULL DEFAULT 0,
    last_sequence bigint, PRIMARY KEY (topic, partition));
CREATE TABLE IF NOT EXISTS surveyed (area text PRIMARY KEY, events bigint, persons bigint, dose_0 bigint, dose_1 bigint,
    dose_2 bigint, dose_3 bigint, wanting bigint);
CREATE TABLE IF NOT EXISTS put_aside (topic text, partition integer, "offset" bigint, value bytea);
"""
BEGIN = "INSERT INTO position VALUES ($1, $2) ON CONFLICT (topic, partition) DO UPDATE SET topic = $1 RETURNING *"
MOVE = """
UPDATE position SET next_offset = $3, last_sequence = $4
WHERE topic = $1 AND partition = $2 AND next_offset = $5 AND last_sequence IS NOT DISTINCT FROM $6
"""
ADD = """
INSERT INTO surveyed AS s VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (area) DO UPDATE SET events = s.events + excluded.events, persons = s.persons + excluded.persons,
    dose_0 = s.dose_0 + excluded.dose_0, dose_1 = s.dose_1 + excluded.dose_1, dose_2 = s.dose_2 + excluded.dose_2,
    dose_3 = s.dose_3 + excluded.dose_3, wanting = s.wanting + excluded.wanting
"""


@dataclass
class Place:
    """Where a partition is. `last` is the truth; `offset` only says where to look for what comes next."""

    offset: int
    last: int | None
    looked_for: int | None = None  # all of the partition was looked through for this sequence
    waiting: bool = False  # and it was not there: it has to be published again


def numbers_of(headers: dict[str, bytes]) -> tuple[int, int | None] | None:
    """Sequence and previous; None for foreign matter, which has no place in the chain."""
    sequence, previous = headers.get("ce_sequence") or b"", headers.get("ce_previous") or b""
    if not TWENTY_DIGITS.fullmatch(sequence) or not (previous == b"-" or TWENTY_DIGITS.fullmatch(previous)):
        return None
    return int(sequence), None if previous == b"-" else int(previous)


def effect_of(value: bytes) -> tuple[str, list[int]]:
    """What an event adds to its subdistrict: one event, and the difference of the household's counts."""
    event = json.loads(value)
    before, after = event["before"] or {}, event["after"] or {}
    return str(event["area"]), [1, *(after.get(name, 0) - before.get(name, 0) for name in COUNTED)]


async def take(database: Any, partition: TopicPartition, old: Place, records: list[ConsumerRecord]) -> Place:
    """Apply records by the sequence rule, in one transaction with the position. Returns the new place."""
    new, closed = replace(old), False
    sums: dict[str, list[int]] = {}
    aside: list[tuple[Any, ...]] = []
    for record in records:
        headers = dict(record.headers)
        sequence, previous = numbers_of(headers) or (-1, None)
        if sequence <= (-1 if new.last is None else new.last):
            pass  # a repetition, or foreign matter
        elif previous is not None and (new.last is None or previous > new.last):  # a gap: never passed over
            if not new.waiting and new.looked_for != previous:  # was the topic made anew? Then it is further ahead.
                new.looked_for, new.offset = previous, 0
                break
            if not new.waiting:
                print(f"{partition}: between {new.last} and {sequence} events are missing", flush=True)
            new.waiting = True
        else:
            new.last = sequence
            closed, new.waiting = closed or new.waiting, False  # what was passed since is read again: see `follow`
            if headers.get("ce_type") == TYPE:  # others take their place, and mean nothing here
                try:
                    area, more = effect_of(record.value)
                    sums[area] = [a + b for a, b in zip(sums.get(area, [0] * len(more)), more, strict=True)]
                except (ValueError, KeyError, TypeError, AttributeError):
                    aside.append((*partition, record.offset, record.value))
        if not new.waiting and not closed:
            new.offset = record.offset + 1
    async with database.transaction():
        moved = await database.execute(MOVE, *partition, new.offset, new.last, old.offset, old.last)
        if moved != "UPDATE 1":
            raise SystemExit("Another process has moved this position: only one may work.")
        await database.executemany(ADD, [(area, *sums[area]) for area in sorted(sums)])
        await database.executemany("INSERT INTO put_aside VALUES ($1, $2, $3, $4)", aside)
    return new


async def follow(consumer: AIOKafkaConsumer, database: Any) -> None:
    """Read for ever. Whatever fails ends the process; whoever started it starts it again."""
    await database.execute(TABLES)
    places: dict[TopicPartition, Place] = {}
    while True:
        for partition in sorted(consumer.assignment() - places.keys()):  # all; later, what the topic was given since
            places[partition] = Place(*(await database.fetchrow(BEGIN, *partition))[2:])
            consumer.seek(partition, places[partition].offset)
        for partition, records in (await consumer.getmany(*places, timeout_ms=1000, max_records=1000)).items():
            place = places[partition] = await take(database, partition, places[partition], records)
            if not place.waiting and place.offset != records[-1].offset + 1:
                consumer.seek(partition, place.offset)


def create_consumer(told: dict[str, str]) -> AIOKafkaConsumer:
    """A consumer of all of the topic's partitions, without a group: the position is in the database."""
    return AIOKafkaConsumer(
        told["KAFKA_TOPIC"],
        bootstrap_servers=told["KAFKA_BOOTSTRAP"],
        security_protocol=told["KAFKA_PROTOCOL"],
        ssl_context=create_ssl_context(cafile=told["KAFKA_CA_FILE"]) if told["KAFKA_PROTOCOL"] == "SASL_SSL" else None,
        sasl_mechanism=told["KAFKA_MECHANISM"],
        sasl_plain_username=told["KAFKA_USERNAME"],
        sasl_plain_password=Path(told["KAFKA_PASSWORD_FILE"]).read_text().strip(),
        metadata_max_age_ms=10_000,  # within which partitions are found that the topic was given
        auto_offset_reset="earliest",  # the offset of a topic that was made anew may be beyond its end
    )


async def main() -> None:
    """Connect and follow."""
    usual = {"KAFKA_PROTOCOL": "SASL_SSL", "KAFKA_MECHANISM": "SCRAM-SHA-512", "KAFKA_TOPIC": "survey-submitted"}
    consumer, database = create_consumer(usual | os.environ), await asyncpg.connect(os.environ["DATABASE_URL"])
    await consumer.start()
    try:
        await follow(consumer, database)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
