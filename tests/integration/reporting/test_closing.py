"""January 2565 is closed, late data and an erasure come, and it is corrected: both figures are shown, and nothing that
was closed ever changes."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from services.reporting.months import admin, store
from services.reporting.months.answers import Corrected, MonthFigures, RowLevel
from services.reporting.months.closing import (
    AlreadyClosed,
    BeingClosed,
    EventsMissing,
    Months,
    NotClosed,
    NotEnded,
    NothingDiffers,
    StillFilling,
    count,
    verify,
)
from services.reporting.months.schedule import ClosingDuty
from services.reporting.projector import TOPICS, VERSION
from services.reporting.rebuild.builder import build
from services.reporting.rebuild.version import put_version
from services.reporting.settings import MonthSettings
from services.reporting.store import Pool, snapshot
from shared.kafka.producer import create_producer
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import PARTITIONS, Streams, eventually, fresh_pool, projecting
from tests.integration.reporting.months import DECEMBER, JANUARY, NOON, apply, counts, erasure, rows_of, visit
from tests.integration.reporting.test_figures import submitted
from tests.integration.reporting.test_months import EVENTS
from tests.runtime import Runtime
from tests.unit.reporting.campaigns import campaign

END = datetime(2022, 1, 31, 17, tzinfo=UTC)
"""Midnight in Thailand."""
LATER = END + timedelta(days=9)
GAP = "INSERT INTO gap (topic, partition, topic_epoch, previous) VALUES ('survey-submitted', 0, 1, 7)"
LATE = visit(20, 4, "500101", counts(3, 3), recorded_at=LATER)
ERASED = erasure(visit(3, 2, "500201", counts(5, 5, 3)), NOON + timedelta(days=3))


@pytest.fixture
async def pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to the test's own database, with January's visits."""
    async with fresh_pool(runtime) as pool:
        await apply(pool, EVENTS)
        yield pool


@pytest.fixture
def months(pool: Pool) -> Months:
    """Closes the test's months."""
    return Months(pool, TOPICS)


@pytest.fixture
async def producer(kafka: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    """Writes to Kafka."""
    producer = create_producer(kafka)
    await producer.start()
    yield producer
    await producer.stop()


async def frozen(pool: Pool) -> list[asyncpg.Record]:
    """Everything that was ever frozen."""
    return [
        *await pool.fetch("SELECT * FROM month_close ORDER BY month, revision"),
        *await pool.fetch("SELECT * FROM month_row ORDER BY 1, 2, 3, 4, 5 NULLS FIRST, 6 NULLS FIRST"),
    ]


async def total(pool: Pool, revision: int | None, area: str = "") -> MonthFigures:
    """January's figures of an area in a revision."""
    async with snapshot(pool) as connection:
        return await store.total(connection, JANUARY, revision, area)


async def test_january_is_closed_and_corrected_and_both_figures_are_shown(pool: Pool, months: Months) -> None:
    """At every level; the closing itself is read as it was for ever."""
    asked: dict[RowLevel, str] = {"province": "", "subdistrict": "50", "organisation": "50", "volunteer": "50"}
    open_rows = {level: await rows_of(pool, JANUARY, area, level) for level, area in asked.items()}
    closed = await months.close(JANUARY, now=LATER, by="schedule")
    assert (closed.month, closed.revision, closed.reason, closed.closed_by) == ("2022-01", 1, None, "schedule")
    for level, area in asked.items():
        assert await rows_of(pool, JANUARY, area, level) == open_rows[level]
    at_closing = await total(pool, None)
    before = await frozen(pool)
    await apply(pool, [LATE, ERASED])
    assert await total(pool, None) == at_closing
    corrected = await months.correct(JANUARY, now=LATER, by="command", reason="ส่งช้าและลบตามคำขอ")
    assert (corrected.revision, corrected.reason) == (2, "ส่งช้าและลบตามคำขอ")
    assert corrected.hash != closed.hash
    now = await total(pool, None)
    assert (now.households_new, now.persons) == (at_closing.households_new, at_closing.persons - 2)
    assert now.unvaccinated == at_closing.unvaccinated - 2
    assert now.volunteers_active == at_closing.volunteers_active + 1
    assert await total(pool, 1) == at_closing
    assert await total(pool, 0) == now
    row = (await rows_of(pool, JANUARY, "50", "subdistrict"))["500101"]
    assert row.corrected["persons"] == Corrected(row.figures.persons - 3, row.figures.persons)
    assert row.corrected.keys() == {"volunteers_active", "households_new", "persons", "unvaccinated"}
    people = await rows_of(pool, JANUARY, "50", "volunteer")
    assert people[str(UUID(int=4))].corrected["households_new"] == Corrected(0, 1)
    assert people[str(UUID(int=1))].corrected == {}
    first = await rows_of(pool, JANUARY, "50", "subdistrict", revision=1)
    assert first == open_rows["subdistrict"]
    assert [row for row in await frozen(pool) if row["revision"] == 1] == before
    assert await pool.fetchval("SELECT count(*) FROM month_row WHERE revision = 2") < 20


async def test_what_was_frozen_keeps_its_hash(pool: Pool, months: Months) -> None:
    """Computed from the rows that stand in each revision, it is the closing's; also when a row is gone."""
    only = visit(30, 8, "100101", counts(1, 1))
    await apply(pool, [only])
    closed = await months.close(JANUARY, now=LATER, by="schedule")
    await apply(pool, [LATE, ERASED, erasure(only, NOON)])
    second = await months.correct(JANUARY, now=LATER, by="schedule", reason="late")
    await apply(pool, [visit(31, 8, "100101", counts(2, 0))])
    third = await months.correct(JANUARY, now=LATER, by="schedule", reason="later")
    async with snapshot(pool) as connection:
        for each in (closed, second, third):
            found = await verify(connection, JANUARY, each.revision)
            assert (found.hash, found.rows) == (each.hash, each.rows)


async def test_the_same_figures_have_the_same_hash(runtime: Runtime, pool: Pool, months: Months) -> None:
    """Whatever the batches were; another figure has another one."""
    closed = await months.close(JANUARY, now=LATER, by="schedule")
    async with fresh_pool(runtime) as other:
        for event in reversed(EVENTS):
            await apply(other, [event])
        again = await Months(other, TOPICS).close(JANUARY, now=END, by="command")
    assert (again.hash, again.rows) == (closed.hash, closed.rows)
    async with fresh_pool(runtime) as other:
        await apply(other, EVENTS[:-1])
        fewer = await Months(other, TOPICS).close(JANUARY, now=END, by="command")
    assert fewer.hash != closed.hash


async def test_what_cannot_be_closed_or_corrected(pool: Pool, months: Months) -> None:
    """Each with an error of its own; nothing is written."""
    with pytest.raises(NotEnded):
        await months.close(JANUARY, now=END - timedelta(seconds=1), by="command")
    with pytest.raises(NotClosed):
        await months.correct(JANUARY, now=LATER, by="command", reason="why")
    async with acquire(pool) as connection:
        await put_version(connection, VERSION - 1)
    with pytest.raises(StillFilling):
        await months.close(JANUARY, now=LATER, by="command")
    async with acquire(pool) as connection:
        await put_version(connection, VERSION)
    await pool.execute(GAP)
    with pytest.raises(EventsMissing):
        await months.close(JANUARY, now=LATER, by="command")
    assert await frozen(pool) == []
    await pool.execute("DELETE FROM gap")
    await months.close(JANUARY, now=END, by="command")
    before = await frozen(pool)
    with pytest.raises(AlreadyClosed):
        await months.close(JANUARY, now=LATER, by="command")
    with pytest.raises(NothingDiffers):
        await months.correct(JANUARY, now=LATER, by="command", reason="why")
    async with acquire(pool) as other, other.transaction():
        await other.execute("LOCK TABLE month_close IN SHARE ROW EXCLUSIVE MODE")
        with pytest.raises(BeingClosed):
            await months.correct(JANUARY, now=LATER, by="command", reason="why")
    assert await frozen(pool) == before


@pytest.mark.parametrize("statement", ["UPDATE {} SET revision = 9", "DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", ["month_close", "month_row"])
async def test_a_closed_month_cannot_be_changed(pool: Pool, months: Months, table: str, statement: str) -> None:
    """By nobody who writes SQL, as long as he does not take the guard away."""
    await months.close(JANUARY, now=LATER, by="command")
    with pytest.raises(asyncpg.RaiseError, match="a closed month is never changed"):
        await pool.execute(statement.format(table))


async def test_a_changed_row_is_noticed(pool: Pool, months: Months) -> None:
    """By whoever verifies, when the guard was taken away."""
    closed = await months.close(JANUARY, now=LATER, by="command")
    await pool.execute("ALTER TABLE month_row DISABLE TRIGGER never_changed")
    await pool.execute("UPDATE month_row SET persons = persons + 1 WHERE grain = 'area' AND area = '50'")
    async with snapshot(pool) as connection:
        assert (await verify(connection, JANUARY, 1)).hash != closed.hash
    await pool.execute("UPDATE month_row SET persons = persons - 1 WHERE grain = 'area' AND area = '50'")
    await apply(pool, [LATE])
    corrected = await admin.close_month(pool, JANUARY, correct="late")
    assert await admin.verified(pool, JANUARY) == [(closed, True), (corrected, True)]
    assert corrected.closed_by == "command"
    await pool.execute("UPDATE month_row SET persons = 9 WHERE revision = 2 AND grain = 'account'")
    assert await admin.verified(pool, JANUARY) == [(closed, True), (corrected, False)]


async def test_killed_anywhere_it_is_closed_wholly_or_not_at_all(runtime: Runtime) -> None:
    """The command at each of its steps, from the counting to its last word."""
    database = runtime.create_database("reporting")
    async with await open_pool(database, application="test", max_size=2) as pool:
        await apply(pool, EVENTS)
        for step in ("counting", "noting", "keeping"):
            assert (await run_to_end(database, step))[0] == -signal.SIGKILL, step
            assert await frozen(pool) == [], step
        assert (await run_to_end(database, "closed"))[0] == -signal.SIGKILL
        async with snapshot(pool) as connection:
            (closed,) = await store.closings(connection, JANUARY)
            assert (await verify(connection, JANUARY, 1)).hash == closed.hash
        before = await frozen(pool)
        code, told = await run_to_end(database, "none")
        assert (code, b"closed already" in told) == (1, True)
        assert await frozen(pool) == before
    runtime.drop_database(database)


async def run_to_end(database: PostgresSettings, step: str) -> tuple[int, bytes]:
    """The command's exit code and what it complained about."""
    process = await started(step, environment(database), stderr=PIPE)
    _, told = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, told


async def test_a_projector_killed_during_the_closing_changes_nothing_and_the_streams_give_the_same_hash(
    runtime: Runtime, kafka: KafkaSettings, producer: AIOKafkaProducer
) -> None:
    """The closing has the figures of one moment, whatever is applied beside it. Made anew from the streams, up to the
    positions of that moment, they are the same, and so are those of the correction."""
    database = runtime.create_database("reporting")
    topics = tuple(runtime.create_topic(topic, partitions=PARTITIONS) for topic in TOPICS)
    named = json.dumps([(topic.name, topic.partitions) for topic in topics])
    streams = Streams(producer, topics)
    events = [submitted(event) for event in campaign(seed=5, length=120).events]
    async with await open_pool(database, application="test") as pool:
        months = Months(pool, topics)
        for event in events[:60]:
            await streams.write(event, key=str(event.household_id))
        projector = await started("projector", environment(database, kafka), named)
        await eventually(lambda: applied(pool, 60), "half of the events")
        async with acquire(pool) as holding:
            transaction = holding.transaction()
            await transaction.start()
            await holding.execute("LOCK TABLE stream_end IN ACCESS EXCLUSIVE MODE")
            closing = asyncio.create_task(months.close(JANUARY, now=LATER, by="schedule"))
            await eventually(lambda: waits(pool), "the closing has counted, and does not know yet up to where")
            projector.send_signal(signal.SIGKILL)
            await projector.wait()
            for event in events[60:]:
                await streams.write(event, key=str(event.household_id))
            async with projecting(kafka, pool, topics):
                await eventually(lambda: applied(pool, 120), "the other half, beside the closing")
            await transaction.rollback()
        closed = await closing
        corrected = await months.correct(JANUARY, now=LATER, by="schedule", reason="late")
        assert corrected.hash != closed.hash
        for each in (closed, corrected):
            positions = {
                (topic, int(partition)): told["next_offset"]
                for topic, partitions in each.positions.items()
                for partition, told in partitions.items()
            }
            async with (
                build(kafka, database, until=positions, topics=topics) as made,
                acquire(made) as connection,
                connection.transaction(),
            ):
                again = await count(connection, JANUARY)
            assert (again.hash, again.rows) == (each.hash, each.rows)
        assert sum(positions.values()) == 120
    runtime.drop_database(database)


async def applied(pool: Pool, events: int) -> bool:
    """Whether so many have been."""
    return bool(await pool.fetchval("SELECT coalesce(sum(events), 0) = $1 FROM stream_progress", events))


async def waits(pool: Pool) -> bool:
    """Whether somebody waits for `stream_end`."""
    return bool(
        await pool.fetchval("SELECT count(*) FROM pg_locks WHERE relation = 'stream_end'::regclass AND NOT granted")
    )


def environment(database: PostgresSettings, kafka: KafkaSettings | None = None) -> dict[str, str]:
    """How a process finds the database and the streams."""
    found = {
        "PATH": os.environ["PATH"],
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(database.password_file),
    }
    if kafka is not None:
        found |= {
            "JITASA_KAFKA_BOOTSTRAP": kafka.bootstrap,
            "JITASA_KAFKA_USERNAME": kafka.username,
            "JITASA_KAFKA_PASSWORD_FILE": str(kafka.password_file),
        }
    return found


async def started(step: str, environment: dict[str, str], *more: str, stderr: int | None = None) -> Process:
    """A process of `closing`."""
    arguments = ("-m", "tests.integration.reporting.closing", step, *more)
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, env=environment, stderr=stderr)


NIGHT = datetime(2022, 2, 9, 19, 0, tzinfo=UTC)
"""Two o'clock on 10 February in Thailand."""


async def test_a_month_is_closed_on_the_tenth_at_two(pool: Pool, months: Months) -> None:
    """By the keeper, once the figures are up to date; months without anything are left alone."""
    clock = MovableClock(NIGHT - timedelta(seconds=1))
    duty = ClosingDuty(pool, months, clock, MonthSettings(), TOPICS)
    await up_to_date(pool, clock, lag=0)
    await duty.turn()
    assert [row["month"] for row in await frozen(pool)] == [DECEMBER] * len(await frozen(pool))
    clock.advance(timedelta(seconds=1))
    for lag, behind in ((1, timedelta(hours=2)), (None, timedelta())):
        await up_to_date(pool, clock, lag=lag, behind=behind)
        await duty.turn()
        assert JANUARY not in [row["month"] for row in await frozen(pool)]
    await up_to_date(pool, clock, lag=1, behind=timedelta(minutes=59))
    await pool.execute(GAP)  # one partition stands still, however new the others are
    await duty.turn()
    assert JANUARY not in [row["month"] for row in await frozen(pool)]
    await pool.execute("DELETE FROM gap")
    await duty.turn()
    async with snapshot(pool) as connection:
        (closed,) = await store.closings(connection, JANUARY)
        assert set(await store.counted_months(connection, JANUARY, 24)) == {DECEMBER, JANUARY}
    assert (closed.closed_by, closed.closed_at) == ("schedule", NIGHT)
    before = await frozen(pool)
    await duty.turn()
    assert await frozen(pool) == before


async def up_to_date(pool: Pool, clock: MovableClock, lag: int | None, behind: timedelta = timedelta()) -> None:
    """What the projector would say of all streams: records that wait, and how old the newest event is."""
    await pool.execute("TRUNCATE stream_end, stream_progress")
    if lag is not None:
        for topic in TOPICS:
            await pool.execute("INSERT INTO stream_end VALUES ($1, 0, $2, $3)", topic.name, lag, clock.now())
            await pool.execute("INSERT INTO stream_progress VALUES ($1, $2, 1, $2)", topic.name, clock.now() - behind)
