"""Rebuilds beside the shown figures: exact, without a moment without figures, and not to be spoilt by kills."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from services.reporting import store
from services.reporting.ends import StreamEnds
from services.reporting.projector import TABLES, TOPICS, VERSION
from services.reporting.rebuild import duty, schema
from services.reporting.rebuild import store as rebuilds
from services.reporting.rebuild.builder import Positions, build
from services.reporting.rebuild.duty import Rebuilding
from services.reporting.rebuild.swap import OutOfDate
from services.reporting.rebuild.version import note_version, put_version
from services.reporting.store import Pool
from shared.contracts.events import SurveySubmitted
from shared.contracts.topics import Topic
from shared.kafka.producer import create_producer
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import PARTITIONS, Streams, eventually, lag, projecting
from tests.integration.reporting.test_figures import person, place, submitted
from tests.runtime import Runtime, told
from tests.unit.reporting.campaigns import campaign

EVENTS = [submitted(event) for event in campaign(seed=11, length=160).events]


@pytest.fixture
async def database(runtime: Runtime) -> AsyncIterator[PostgresSettings]:
    """The test's own database."""
    database = runtime.create_database("reporting")
    yield database
    runtime.drop_database(database)


@pytest.fixture
async def pool(database: PostgresSettings) -> AsyncIterator[Pool]:
    """Connections to it."""
    pool = await open_pool(database, application="test")
    yield pool
    pool.terminate()


@pytest.fixture
def topics(runtime: Runtime) -> tuple[Topic, ...]:
    """The test's own streams."""
    return tuple(runtime.create_topic(topic, partitions=PARTITIONS) for topic in TOPICS)


@pytest.fixture
async def streams(kafka: KafkaSettings, topics: tuple[Topic, ...]) -> AsyncIterator[Streams]:
    """What is written to them."""
    producer = create_producer(kafka)
    await producer.start()
    yield Streams(producer, topics)
    await producer.stop()


@pytest.fixture
def ends(kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...]) -> StreamEnds:
    """Measures where they end."""
    return StreamEnds(kafka, pool, topics, SystemClock())


@pytest.fixture
def rebuilding(kafka: KafkaSettings, database: PostgresSettings, pool: Pool, topics: tuple[Topic, ...]) -> Rebuilding:
    """The keeper's duty, in a group of its own."""
    return Rebuilding(pool, kafka, database, SystemClock(), topics=topics, group=f"rebuild-{uuid4()}")


async def publish(streams: Streams, events: Sequence[SurveySubmitted]) -> None:
    """As the survey does."""
    await asyncio.gather(*(streams.write(event, key=str(event.household_id)) for event in events))


async def publish_others(streams: Streams) -> None:
    """People and places."""
    for number in range(6):
        await streams.write(person(number), key=str(number))
        await streams.write(place(number), key=str(number))


async def applied(pool: Pool, ends: StreamEnds) -> None:
    """Waits until nothing is left."""
    await ends.measure()

    async def nothing_waits() -> bool:
        return await lag(pool) == 0

    await eventually(nothing_waits, "everything has been applied")


async def figures(pool: Pool) -> dict[str, list[str]]:
    """Everything that the projections hold; rows of nothing but noughts count as missing, as they do for readers."""
    found = {}
    for table in TABLES:
        rows = [tuple(row) for row in await pool.fetch(f"SELECT * FROM {table}")]  # noqa: S608 - the projector's names
        found[table] = sorted(str(row) for row in rows if any(isinstance(value, int) and value for value in row))
    return found


async def ask(pool: Pool) -> None:
    """Asks for a rebuild."""
    async with acquire(pool) as connection:
        assert await rebuilds.ask(connection, "operator", "to be sure", None, datetime.now(UTC))


async def structure(pool: Pool) -> list[str]:
    """Indexes and options by name, as migrations find them."""
    names = await pool.fetch(
        "SELECT indexname || ' ' || indexdef AS line FROM pg_indexes WHERE schemaname = 'public' UNION ALL "
        "SELECT relname || ' ' || array_to_string(reloptions, ',') FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND reloptions IS NOT NULL ORDER BY 1"
    )
    return [row["line"] for row in names]


async def leftovers(pool: Pool) -> int:
    """Schemas of builds."""
    return int(await pool.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'build%'"))


@asynccontextmanager
async def reading(pool: Pool) -> AsyncIterator[list[int]]:
    """Somebody who reads the country's submissions again and again, and what he has read."""
    seen: list[int] = []

    async def read() -> None:
        while True:
            async with store.snapshot(pool) as connection:
                await store.as_of(connection, TOPICS)
                seen.append((await store.figures(connection, "", 0))[""].submissions)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(read())
    try:
        yield seen
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_rebuild_gives_the_same_figures_and_readers_are_never_without(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
    rebuilding: Rebuilding,
) -> None:
    """While events come in, with a projector at work, which goes on after the swap."""
    async with acquire(pool) as connection:
        await note_version(connection, VERSION)
    await publish(streams, EVENTS[:100])
    await publish_others(streams)
    before = await structure(pool)
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
        # What only a rebuild brings to light: it is not carried over.
        await pool.execute("UPDATE survey_subdistrict SET persons = persons + 1000")
        shown = (await pool.fetchval("SELECT sum(submissions) FROM survey_subdistrict")) or 0
        await ask(pool)
        async with reading(pool) as seen:
            publishing = asyncio.create_task(publish(streams, EVENTS[100:]))
            await rebuilding.turn()
            await publishing
            await applied(pool, ends)
            reads = len(seen)

            async def read_again() -> bool:
                return len(seen) > reads + 1

            await eventually(read_again, "the reader has read the new figures")
        async with acquire(pool) as connection:
            (done,) = await rebuilds.latest(connection, 5)
        assert (done.state, done.version) == ("done", VERSION)
        assert seen == sorted(seen)
        assert seen[0] >= shown > 0
        assert await structure(pool) == before
        assert await leftovers(pool) == 0
        found = await figures(pool)
    assert seen[-1] == sum(event.kind != "erasure" for event in EVENTS)
    await pool.execute(f"TRUNCATE consumer_position, stream_progress, {', '.join(TABLES)}")
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
    assert await figures(pool) == found


async def test_a_new_version_fills_itself_from_history_and_readers_are_told_meanwhile(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
    rebuilding: Rebuilding,
) -> None:
    """A projection that a migration has added is empty; a keeper of the new version counts it from the beginning."""
    await publish(streams, EVENTS[:60])
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
    whole = await figures(pool)
    await pool.execute("TRUNCATE volunteer_month, survey_day")
    await pool.execute("INSERT INTO month_summed VALUES ('2022-01-01', '{}', 60)")
    async with acquire(pool) as connection:
        await put_version(connection, VERSION - 1)
        assert all(stream.filling for stream in (await store.as_of(connection, topics)).values())
    await rebuilding.turn()
    assert await figures(pool) == whole
    async with acquire(pool) as connection:
        assert not any(stream.filling for stream in (await store.as_of(connection, topics)).values())
        (done,) = await rebuilds.latest(connection, 5)
    assert (done.state, done.origin) == ("done", "version")
    assert await pool.fetchval("SELECT events FROM month_summed") != 60  # what was summed up is summed up again
    await rebuilding.turn()
    async with acquire(pool) as connection:
        assert len(await rebuilds.latest(connection, 5)) == 1
        # An older projector at work: what it adds is of its version, whatever was there before.
        await note_version(connection, VERSION - 1)
        await note_version(connection, VERSION)
        assert await connection.fetchval("SELECT version FROM projection_version") == VERSION - 1


@pytest.mark.parametrize(
    "migration",
    ["CREATE INDEX of_later ON survey_day (submissions)", "ALTER TABLE facility ADD COLUMN of_later integer"],
)
async def test_what_a_migration_adds_meanwhile_is_not_swapped_away(
    kafka: KafkaSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
    rebuilding: Rebuilding,
    monkeypatch: pytest.MonkeyPatch,
    migration: str,
) -> None:
    """Tables of before it are given up, and others are filled."""
    await publish(streams, EVENTS[:10])
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
    shown = await figures(pool)
    await ask(pool)

    async def migrate(pool: Pool, _: int) -> None:
        await pool.execute(migration)

    with monkeypatch.context() as patch:
        patch.setattr(duty, "analyze", migrate)
        with pytest.raises(OutOfDate):
            await rebuilding.turn()
    before = await structure(pool)
    await rebuilding.turn()
    async with acquire(pool) as connection:
        assert (await rebuilds.latest(connection, 1))[0].state == "done"
    assert await structure(pool) == before
    assert await figures(pool) == shown
    if "COLUMN" in migration:
        await pool.execute("SELECT of_later FROM facility")


async def test_a_build_until_positions_is_what_was_shown_there(
    kafka: KafkaSettings,
    database: PostgresSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
) -> None:
    """Whatever has come since."""
    await publish(streams, EVENTS[:70])
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
        then = await figures(pool)
        rows = await pool.fetch("SELECT topic, partition, next_offset FROM consumer_position")
        positions: Positions = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
        await publish(streams, EVENTS[70:])
        await publish_others(streams)
        await applied(pool, ends)
    async with build(kafka, database, until=positions, topics=topics) as made:
        async with acquire(pool) as connection:
            await schema.sweep(connection, None)  # a keeper's: what is in use stays
        assert await figures(made) == then
        assert await made.fetchval("SELECT count(*) FROM rebuild") == 0  # other tables are found as ever
    assert await figures(pool) != then
    assert await leftovers(pool) == 0


async def killed_at(step: str, kafka: KafkaSettings, database: PostgresSettings, topics: Sequence[Topic]) -> None:
    """Lets a keeper's process rebuild until it kills itself at that step."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.integration.reporting.rebuilding", step),
        json.dumps([(topic.name, topic.partitions) for topic in topics]),
        env={
            "PATH": os.environ["PATH"],
            **told(kafka, database),
        },
    )
    assert await asyncio.wait_for(running.wait(), 60) == -signal.SIGKILL, step


async def test_killed_at_any_step_nothing_has_happened_or_it_is_swapped_wholly(
    kafka: KafkaSettings,
    database: PostgresSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
) -> None:
    """The builder at each of its steps; the next one goes on from where it was."""
    await publish(streams, EVENTS[:100])
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
        shown = await figures(pool)
        await ask(pool)
        numbers = []
        for step in ("creating", "filling", "swapping"):
            await killed_at(step, kafka, database, topics)
            assert await figures(pool) == shown, step
            async with acquire(pool) as connection:
                one = await rebuilds.open_one(connection)
                assert one is not None
                numbers.append(one.number)
                assert (one.state, one.number is None) == (
                    ("waiting", True) if step == "creating" else ("filling", False)
                )
                if step == "filling":
                    (told,) = await rebuilds.latest(connection, 1)
                    assert 0 < told.done < told.of
        assert len(set(numbers[1:])) == 1  # begun once, and gone on with
        await killed_at("swapped", kafka, database, topics)
        assert await figures(pool) == shown
        async with acquire(pool) as connection:
            assert (await rebuilds.latest(connection, 1))[0].state == "done"
        assert await leftovers(pool) == 0
        await publish(streams, EVENTS[100:])
        await applied(pool, ends)
    assert await pool.fetchval("SELECT sum(submissions)::int FROM survey_subdistrict") == sum(
        event.kind != "erasure" for event in EVENTS
    )


async def test_a_projector_killed_meanwhile_is_followed_by_one_that_goes_on_from_the_new_positions(
    kafka: KafkaSettings,
    database: PostgresSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
    rebuilding: Rebuilding,
) -> None:
    """The builder has come further than the dead one, and what it has counted is not counted again."""
    await publish(streams, EVENTS[:100])
    await killed_at("projecting", kafka, database, topics)
    taken = await pool.fetchval("SELECT sum(next_offset)::int FROM consumer_position")
    assert 0 < taken < 100
    await ask(pool)
    await rebuilding.turn()
    assert await pool.fetchval("SELECT sum(next_offset)::int FROM consumer_position") > taken
    await publish(streams, EVENTS[100:])
    async with projecting(kafka, pool, topics):
        await applied(pool, ends)
    assert await pool.fetchval("SELECT sum(submissions)::int FROM survey_subdistrict") == sum(
        event.kind != "erasure" for event in EVENTS
    )
    assert await pool.fetchval("SELECT sum(events)::int FROM stream_progress") == len(EVENTS)
