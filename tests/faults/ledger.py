"""Counts what must be equal after a campaign: what clients were told, the databases, and the public topics."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, cast

import asyncpg
import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    SURVEY_INTAKE,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    Topic,
)
from tests.lists import NOT_LISTED
from tests.runtime import Runtime

QUIET_SECONDS: Final = 60.0
"""After a campaign what was resent last is still on its way; a take-over takes 10 s, a busy machine needs more."""
READ_SECONDS: Final = 30.0
SHOWN: Final = 5
OTHERWISE: Final = "was not repeated as it was"

RECORDED: Final = """
SELECT (SELECT count(*) FROM submission) + (SELECT count(*) FROM repeated_submission)
     + (SELECT count(*) FROM dead_letter WHERE topic = 'survey-intake')
"""
LISTED: Final = "SELECT coalesce(sum(next_offset), 0) FROM consumer_position WHERE topic = 'survey-submitted'"
UNPUBLISHED: Final = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
SUBMISSIONS: Final = "SELECT submission_id FROM submission"
FOLLOW_UPS: Final = "SELECT count(*) FROM submission WHERE kind = 'follow_up' AND outcome = 'recorded'"
RELAYED: Final = {
    "registration": (VOLUNTEER_REGISTERED,),
    "facilities": (FACILITY_UPDATED, FURTHER_FACILITY_UPDATED),
}
"""The topics into which a service's outbox goes."""
OUTBOX: Final = "SELECT event_id FROM outbox"
DEAD_LETTERS: Final = "SELECT count(*) FROM dead_letter"
COUNTED: Final = (
    *("persons", "dose_0", "dose_1", "dose_2", "dose_3"),
    *("wanting", "wanting_608", "undecided", "refusing", "home_visit"),
)
HOUSEHOLDS: Final = f"""
SELECT area, count(*) AS households, {", ".join(f"sum((counts->>'{name}')::integer) AS {name}" for name in COUNTED)}
FROM household
WHERE counts IS NOT NULL
GROUP BY area
"""  # noqa: S608 - names of this module only
AGGREGATES: Final = f"SELECT subdistrict, households, {', '.join(COUNTED)} FROM survey_subdistrict"  # noqa: S608
VISITS: Final = "SELECT coalesce(sum(submissions), 0) FROM survey_subdistrict"

Sums = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A public topic as a subscriber that begins at its beginning applies it, and what was wrong with it."""

    ids: list[str]
    bodies: list[dict[str, Any]]
    findings: list[str]


async def differences(runtime: Runtime, told: set[str], *, gone: int = 0, restored: bool = False) -> list[str]:
    """What is not equal, once nothing moves any more. told: the ids of all submissions that were answered 202.

    gone: records of intake that were taken and went with a lost Kafka. restored: the survey's database stood at an
    earlier moment, and recorded at another time what was published before: such a repetition has other bytes.
    """
    found = [*await all_recorded(runtime, gone), *await _relayed(runtime)]
    submissions = {str(row[0]) for row in await rows(runtime, "survey", SUBMISSIONS)}
    stream = await read(runtime, SURVEY_SUBMITTED)
    found += [one for one in stream.findings if not (restored and one.endswith(OTHERWISE))]
    found += _unlike("recorded submissions", submissions, "told to clients", told)
    found += _unlike("published submissions", stream.ids, "recorded", submissions)
    households = await sums_of(runtime, "survey", HOUSEHOLDS)
    found += unequal("events", _summed(stream.bodies), households)
    if persons := await settled(runtime, "survey", NOT_LISTED, 0):
        found.append(f"{persons} persons to reach stand otherwise in the lists than in their households")
    if (visits := await settled(runtime, "reporting", VISITS, len(told))) != len(told):
        found.append(f"{len(told)} submissions were told to clients, reporting counts {visits}")
    found += unequal("aggregates", await sums_of(runtime, "reporting", AGGREGATES), households)
    for service, topics in RELAYED.items():
        streams = [await read(runtime, topic) for topic in topics]
        found += [finding for stream in streams for finding in stream.findings]
        outbox = {str(row[0]) for row in await rows(runtime, service, OUTBOX)}
        published = [event_id for stream in streams for event_id in stream.ids]
        found += _unlike(f"events of {service}", published, "in the outbox", outbox)
    for service in ("survey", "reporting"):
        if letters := await value(runtime, service, DEAD_LETTERS):
            found.append(f"{letters} dead letters of {service}")
    return found


async def rows(runtime: Runtime, database: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    """Read from a service's database."""
    connection = await asyncpg.connect(**runtime.stack.postgres.connection(database=database), timeout=10)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        return found
    finally:
        await connection.close()


async def value(runtime: Runtime, database: str, query: str) -> int:
    """Read one number from a service's database."""
    return int((await rows(runtime, database, query))[0][0])


async def read(runtime: Runtime, topic: Topic) -> Stream:
    """Read a public topic from its beginning, drop repetitions, and judge the rest by the sequence rule."""
    return await asyncio.to_thread(_read, runtime, topic)


async def accepted_records(runtime: Runtime) -> int:
    """How many records the private topic has."""
    with _consumer(runtime) as consumer:
        return sum((await asyncio.to_thread(_ends, consumer, SURVEY_INTAKE)).values())


async def all_recorded(runtime: Runtime, gone: int = 0) -> list[str]:
    """Every record of intake is a submission, a repetition or a dead letter."""
    accepted = gone + await accepted_records(runtime)
    recorded = await settled(runtime, "survey", RECORDED, accepted)
    return [] if recorded == accepted else [f"{accepted} records of intake, {recorded} of them taken"]


async def _relayed(runtime: Runtime) -> list[str]:
    left = {service: await settled(runtime, service, UNPUBLISHED, 0) for service in ("registration", "facilities")}
    return [f"{count} events of {service} were never published" for service, count in left.items() if count]


async def settled(runtime: Runtime, database: str, query: str, wanted: int) -> int:
    """What the query counts once it counts `wanted`, or what it stays at."""
    deadline = asyncio.get_running_loop().time() + QUIET_SECONDS
    while (found := await value(runtime, database, query)) != wanted:
        if asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.1)
    return found


@contextmanager
def _consumer(runtime: Runtime) -> Iterator[Consumer]:
    settings = {**runtime.kafka_settings().for_librdkafka(), "log_level": 0}
    consumer = Consumer({**settings, "group.id": "faults", "enable.auto.commit": False})
    try:
        yield consumer
    finally:
        consumer.close()


def _ends(consumer: Consumer, topic: Topic) -> dict[int, int]:
    there_are = consumer.list_topics(topic.name, timeout=READ_SECONDS).topics[topic.name].partitions
    places = [TopicPartition(topic.name, partition) for partition in there_are]
    return {place.partition: consumer.get_watermark_offsets(place, timeout=READ_SECONDS)[1] for place in places}


def records(runtime: Runtime, topic: Topic) -> Iterator[Message]:
    """All records that a topic has by now, in order within each partition. Raises `TimeoutError` when some do not
    come."""
    with _consumer(runtime) as consumer:
        ends = _ends(consumer, topic)
        consumer.assign([TopicPartition(topic.name, partition, OFFSET_BEGINNING) for partition in ends])
        left = sum(ends.values())
        while left:
            some = consumer.consume(min(left, 5_000), timeout=READ_SECONDS)
            if not some:
                raise TimeoutError(f"{left} records of {topic.name} could not be read")
            left -= len(some)
            yield from some


def _read(runtime: Runtime, topic: Topic) -> Stream:
    stream = Stream([], [], [])
    last: dict[int | None, int] = {}
    first: dict[tuple[int | None, int], Message] = {}
    try:
        for record in records(runtime, topic):
            _take(stream, record, last, first)
    except TimeoutError as error:
        stream.findings.append(str(error))
    return stream


def _take(
    stream: Stream, record: Message, last: dict[int | None, int], first: dict[tuple[int | None, int], Message]
) -> None:
    """What a subscriber does with the next record. last, first: what it has taken, by partition and sequence."""
    partition, place = record.partition(), f"{record.topic()} {record.partition()}"
    envelope = from_headers(cast(list[tuple[str, bytes | None]], record.headers()))
    former = first.setdefault((partition, envelope.sequence), record)
    match judge(last.get(partition), envelope.sequence, envelope.previous):
        case Verdict.APPLY:
            last[partition] = envelope.sequence
            stream.ids.append(envelope.id)
            stream.bodies.append(msgspec.json.decode(record.value() or b""))
        case Verdict.REPETITION:
            if (former.value(), former.headers()) != (record.value(), record.headers()):
                stream.findings.append(f"{place}: {envelope.sequence} {OTHERWISE}")
        case Verdict.GAP:
            stream.findings.append(f"{place}: a gap from {last.get(partition)} to {envelope.previous}")


def _summed(bodies: Iterable[dict[str, Any]]) -> Sums:
    sums: Sums = defaultdict(Counter)
    for body in bodies:
        add(sums, body)
    return sums


def add(sums: Sums, body: dict[str, Any]) -> None:
    """Add what one event says, after less before, to the sums by area, a `defaultdict`."""
    before, after = body["before"] or {}, body["after"] or {}
    of_area = sums[body["area"]]
    of_area["households"] += bool(after) - bool(before)
    for name in COUNTED:
        of_area[name] += after.get(name, 0) - before.get(name, 0)


async def sums_of(runtime: Runtime, database: str, query: str) -> Sums:
    """Sums by area, as `HOUSEHOLDS` and `AGGREGATES` give them."""
    return {
        row[0]: Counter({name: row[name] for name in ("households", *COUNTED)})
        for row in await rows(runtime, database, query)
    }


def unequal(name: str, sums: Sums, households: Sums) -> list[str]:
    """Where the sums differ from those of the households."""
    areas = [
        area for area in sums.keys() | households.keys() if sums.get(area, Counter()) != households.get(area, Counter())
    ]
    return [f"the sums of {name} and of households differ in {area}" for area in sorted(areas)[:SHOWN]]


def _unlike(name: str, ids: Iterable[str], other_name: str, others: set[str]) -> list[str]:
    counted = Counter(ids)
    found = [f"{one} is twice among the {name}" for one, times in counted.items() if times > 1][:SHOWN]
    missing, surplus = others - counted.keys(), counted.keys() - others
    if missing:
        found.append(
            f"{len(missing)} of {len(others)} {other_name} are not among the {name}: {sorted(missing)[:SHOWN]}"
        )
    if surplus:
        found.append(
            f"{len(surplus)} of {len(counted)} {name} are not among those {other_name}: {sorted(surplus)[:SHOWN]}"
        )
    return found
