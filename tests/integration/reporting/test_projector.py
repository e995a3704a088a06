"""The projector under bad records, repetitions, gaps, restarts and company: the figures stay exact."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from services.reporting.ends import StreamEnds
from services.reporting.notices import CHANNEL
from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.store import Pool
from shared.contracts.events import (
    FacilityBefore,
    FacilityChange,
    FacilityStatus,
    FacilityUpdated,
    FurtherFacilityBefore,
    FurtherFacilityUpdated,
    SurveySubmitted,
)
from shared.contracts.golden import examples
from shared.contracts.topics import Topic
from shared.kafka.producer import create_producer
from shared.kafka.projection import Event
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock
from tests.integration.reporting.conftest import PARTITIONS, Streams, eventually, fresh_pool, lag, projecting
from tests.integration.reporting.test_figures import place, submitted
from tests.runtime import Runtime
from tests.unit.reporting.campaigns import campaign

FIRST = submitted(campaign(seed=3, length=1).events[0])


@pytest.fixture
async def pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to the test's own database."""
    async with fresh_pool(runtime) as pool:
        yield pool


@pytest.fixture
def topics(runtime: Runtime) -> tuple[Topic, ...]:
    """The test's own streams."""
    return tuple(runtime.create_topic(topic, partitions=PARTITIONS) for topic in TOPICS)


@pytest.fixture
async def streams(kafka: KafkaSettings, topics: tuple[Topic, ...]) -> AsyncIterator[Streams]:
    """What is written to the test's own streams."""
    producer = create_producer(kafka)
    await producer.start()
    yield Streams(producer, topics)
    await producer.stop()


@pytest.fixture
def settled(kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...]) -> Callable[[], Awaitable[None]]:
    """Waits until everything written has been applied."""
    ends = StreamEnds(kafka, pool, topics, SystemClock())

    async def nothing_waits() -> bool:
        return await lag(pool) == 0

    async def wait() -> None:
        await ends.measure()
        await eventually(nothing_waits, "the projector has applied everything")

    return wait


async def totals(pool: Pool) -> tuple[int, int, int]:
    """Submissions, households and persons of the whole country."""
    row = await pool.fetchrow(
        "SELECT coalesce(sum(submissions), 0)::int, coalesce(sum(households), 0)::int, coalesce(sum(persons), 0)::int "
        "FROM survey_subdistrict"
    )
    assert row is not None
    return tuple(row)


async def test_golden_examples_are_applied(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """Every example of the contract is read; none becomes a dead letter."""
    golden = [each for each in examples() if any(each.topic.name == topic.name for topic in TOPICS)]
    for each in golden:
        topic = streams.of(type(each.event))
        await streams.write(each.event, key=each.key, time=each.envelope.time)
        assert topic.name.startswith(each.topic.name)
    async with projecting(kafka, pool, topics):
        await settled()
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0
    assert await pool.fetchval("SELECT sum(events) FROM stream_progress") == len(golden)
    surveys = [each.event for each in golden if isinstance(each.event, SurveySubmitted)]
    persons = sum(
        (one.after.persons if one.after else 0) - (one.before.persons if one.before else 0) for one in surveys
    )
    assert (await totals(pool))[2] == persons


async def test_poison_is_put_aside_and_the_stream_goes_on(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """With its place in the chain when its numbers can be read, and its cause."""
    survey = streams.of(SurveySubmitted)
    key = str(FIRST.household_id)
    bodies: list[bytes | None] = [
        b"{",
        b"\xff\xfe",
        None,
        json.dumps(FIRST.model_dump(mode="json") | {"area": "chiang mai"}).encode(),
    ]
    for body in bodies:
        partition, sequence, previous = streams.numbers(survey, key)
        await streams.put(survey, partition, sequence, previous, body, key=key)
    await streams.put_raw(survey, partition, b"foreign matter", key=key)
    await streams.write(FIRST, key=key)
    async with projecting(kafka, pool, topics):
        await settled()
    causes = [row["cause"] for row in await pool.fetch('SELECT cause FROM dead_letter ORDER BY "offset"')]
    assert causes == ["unreadable_body", "unreadable_body", "no_body", "unreadable_body", "no_sequence"]
    assert FIRST.after is not None
    assert await totals(pool) == (1, 1, FIRST.after.persons)


async def test_repetitions_and_restarts_count_once(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """Whatever is published again, and however often the projector begins again."""
    survey = streams.of(SurveySubmitted)
    events = [submitted(event) for event in campaign(seed=5, length=60).events]
    sent = []
    for position, event in enumerate(events):
        key = str(event.household_id)
        numbers = streams.numbers(survey, key)
        sent.append((*numbers, event.model_dump_json().encode()))
        await streams.put(survey, *sent[-1], key=key)
        if position % 20 == 19:
            for again in sent[-15:]:
                await streams.put(survey, *again, key=key)
            async with projecting(kafka, pool, topics):
                await settled()
    assert (await totals(pool))[0] == sum(event.kind != "erasure" for event in events)
    assert await pool.fetchval("SELECT sum(events)::int FROM stream_progress") == len(events)


async def test_a_gap_stops_until_the_missing_event_comes(
    kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...], streams: Streams
) -> None:
    """Nothing behind it is counted, nothing is counted twice, other partitions go on."""
    survey = streams.of(SurveySubmitted)
    value = FIRST.model_dump_json().encode()
    await streams.put(survey, 0, 2, None, value)
    await streams.put(survey, 0, 6, 4, value)
    await streams.put(survey, 1, 2, None, value)

    async def counted(number: int) -> bool:
        return (await totals(pool))[0] == number

    async with projecting(kafka, pool, topics):
        await eventually(lambda: counted(2), "what is not behind the gap")
        await asyncio.sleep(0.5)
        assert await counted(2)
        await streams.put(survey, 0, 4, 2, value)
        await eventually(lambda: counted(4), "the gap has closed")


PLACES = "SELECT kind, status, count(*) AS places FROM facility GROUP BY kind, status ORDER BY kind, status"


async def test_places_of_both_streams_are_counted_once_and_the_same_when_rebuilt(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    settled: Callable[[], Awaitable[None]],
    runtime: Runtime,
) -> None:
    """Repeated, with the projector begun again amid them, and from the beginning into an empty database."""
    further = streams.of(FurtherFacilityUpdated)
    sent = []
    for number in range(12):
        five = place(number)
        body = five.model_dump() | {
            "facility_id": uuid4(),
            "kind": "cremation_temple" if number % 3 else "oxygen_depot",
        }
        temple = FurtherFacilityUpdated.model_validate(body)
        events: list[FacilityUpdated | FurtherFacilityUpdated] = [five, temple]
        if number % 2:
            was = five.model_dump(include={"area", "status", "confirmed_at", "capacity", "free"})
            closed = {"status": FacilityStatus.CLOSED, "change": FacilityChange.CLOSED, "revision": 2}
            events += [
                five.model_copy(update={**closed, "before": FacilityBefore(kind=five.kind, **was)}),
                temple.model_copy(update={**closed, "before": FurtherFacilityBefore(kind=temple.kind, **was)}),
            ]
        for event in events:
            key = str(event.facility_id)
            topic = streams.of(type(event))
            numbers = streams.numbers(topic, key)
            sent.append((topic, *numbers, event.model_dump_json().encode()))
            await streams.put(*sent[-1], key=key)
        if number == 5:
            async with projecting(kafka, pool, topics):
                await settled()
            for again in sent:
                await streams.put(*again)
    async with projecting(kafka, pool, topics):
        await settled()
    counted = [tuple(row) for row in await pool.fetch(PLACES)]
    assert sum(places for *_, places in counted) == 24
    assert {row for row in counted if row[0] in ("cremation_temple", "oxygen_depot")} == {
        ("cremation_temple", "closed", 4),
        ("cremation_temple", "open", 4),
        ("oxygen_depot", "closed", 2),
        ("oxygen_depot", "open", 2),
    }
    progress = await pool.fetchval("SELECT events FROM stream_progress WHERE topic = $1", further.name)
    assert progress == sum(topic is further for topic, *_ in sent)
    async with fresh_pool(runtime) as rebuilt:

        async def all_there() -> bool:
            return bool(await rebuilt.fetchval("SELECT coalesce(sum(events), 0) = $1 FROM stream_progress", len(sent)))

        async with projecting(kafka, rebuilt, topics):
            await eventually(all_there, "everything was read anew")
        rows = "SELECT * FROM facility ORDER BY facility_id"
        assert await rebuilt.fetch(rows) == await pool.fetch(rows)


async def test_a_gap_of_further_places_stops_them_alone(
    kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...], streams: Streams
) -> None:
    """The sequence rule holds for each stream: what lacks an event waits, places of the five go on."""
    further = streams.of(FurtherFacilityUpdated)
    first, second = (
        FurtherFacilityUpdated.model_validate(place(number).model_dump() | {"kind": "cremation_temple"})
        for number in range(2)
    )
    await streams.put(further, 0, 4, 2, second.model_dump_json().encode())
    await streams.write(place(2), key=str(place(2).facility_id))

    async def kinds() -> list[str]:
        return [row[0] for row in await pool.fetch("SELECT kind FROM facility ORDER BY kind")]

    async def counted(number: int) -> bool:
        return (await kinds()).count("cremation_temple") == number

    async def five_went_on() -> bool:
        return len(await kinds()) == 1

    async with projecting(kafka, pool, topics):
        await eventually(five_went_on, "the other stream")
        assert await counted(0)
        await streams.put(further, 0, 2, None, first.model_dump_json().encode())
        await eventually(lambda: counted(2), "the gap has closed")


async def test_two_projectors_share_the_work(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """They meet in the same subdistricts without locking each other out, and the sums are exact."""
    events = [submitted(event) for event in campaign(seed=11, length=600).events]
    half = len(events) // 2
    for event in events[:half]:
        await streams.write(event, key=str(event.household_id))
    async with projecting(kafka, pool, topics, group="shared"), projecting(kafka, pool, topics, group="shared"):
        for event in events[half:]:
            await streams.write(event, key=str(event.household_id))
        await settled()
    assert (await totals(pool))[0] == sum(event.kind != "erasure" for event in events)


async def test_extreme_events_do_not_stop_the_line(pool: Pool) -> None:
    """Whatever fits the contract can be committed: the largest counts, the calendar's ends, a clock gone wrong."""
    most = 2**31 - 1
    body = FIRST.model_dump(mode="json")
    counts = dict.fromkeys(("dose_1", "dose_2", "dose_3", "wanting_608", "undecided", "refusing"), 0)
    after = counts | {"persons": most, "dose_0": most, "wanting": most, "home_visit": most, "reasons": {"cost": most}}
    projection = FiguresProjection()
    decode = projection.decoders[TOPICS[0].name]
    for moment, time in (("9999-12-31T23:59:59Z", 10**18), ("0001-01-01T00:00:00Z", -1)):
        changed = body | {"after": after, "captured_at": moment, "recorded_at": moment}
        event = Event(TOPICS[0].name, 1, time, decode(json.dumps(changed).encode()))
        async with pool.acquire() as connection, connection.transaction():
            await projection.apply(connection, [event] * 10)
    assert await pool.fetchval("SELECT sum(persons)::bigint FROM survey_subdistrict") == most * 20
    assert await pool.fetchval("SELECT count(*) FROM survey_day") == 2


async def test_a_batch_that_does_not_commit_tells_nobody(pool: Pool) -> None:
    """Notices are part of the transaction."""
    heard: list[object] = []
    decode = FiguresProjection().decoders[TOPICS[0].name]
    event = Event(TOPICS[0].name, 1, 0, decode(FIRST.model_dump_json().encode()))
    async with pool.acquire() as listening:

        def hear(*notice: object) -> None:
            heard.append(notice[-1])

        await listening.add_listener(CHANNEL, hear)
        for commits in (False, True):
            async with pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                await FiguresProjection().apply(connection, [event])
                await (transaction.commit() if commits else transaction.rollback())
        await pool.execute("SELECT pg_notify($1, 'end')", CHANNEL)

        async def ended() -> bool:
            return "end" in heard

        await eventually(ended, "all notices before the last one have come")
        await listening.remove_listener(CHANNEL, hear)
    assert heard == [f"survey {FIRST.area}", "end"]
    assert (await totals(pool))[0] == 1
