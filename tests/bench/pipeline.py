"""Recorder, lister and projector alone, each draining what was filled in; and reporting rebuilt from the streams'
start."""

import asyncio
from collections.abc import Callable

from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED
from tests.bench import cpu, raw, streams
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, POSITION, Setting, drain, setting
from tests.bench.submissions import submissions

PUT_HOUSEHOLDS = """
INSERT INTO household (household_id, area, village, revision, submission_id, captured_at, counts)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::uuid[], $6::timestamptz[], $7::json[])
ON CONFLICT (household_id) DO UPDATE SET revision = excluded.revision, counts = excluded.counts
"""
"""The plain way to store households, as a measure of the machine."""
HOUSEHOLD_COLUMNS = ("household_id", "area", "village", "revision", "submission_id", "captured_at", "counts")
PER_SECOND = {"recorder": 30_000, "lister": 30_000, "projector": 60_000, "rebuild": 30_000}
"""Households filled in for each second that the drain is to last; half of it for the rebuild, which takes as long to
fill and is the projector's work again."""
DRAIN_TIMEOUT = 600.0
WORKERS = {
    "recorder": ("survey", "survey-recorder", SURVEY_INTAKE.name),
    "lister": ("survey", "survey-lister", SURVEY_SUBMITTED.name),
    "projector": ("reporting", "reporting-projector", SURVEY_SUBMITTED.name),
    "rebuild": ("reporting", "reporting-projector", None),
}
"""Service, process and the topic that is drained (None: all)."""


async def recorder(seconds: float, show: Callable[[Figure], None]) -> None:
    """The recorder drains `survey-intake`."""
    with setting(INTAKE) as found:
        accepted = await found.prefill(int(PER_SECOND["recorder"] * seconds), seed=11)
        show(await drain_with(found, "recorder", "drain", accepted))


async def lister(seconds: float, show: Callable[[Figure], None]) -> None:
    """The lister drains `survey-submitted`."""
    with setting(INTAKE) as found:
        accepted = await recorded(found, int(PER_SECOND["lister"] * seconds), seed=14)
        show(await drain_with(found, "lister", "drain", accepted))


async def projector(seconds: float, show: Callable[[Figure], None]) -> None:
    """The projector drains `survey-submitted`."""
    with setting(INTAKE) as found:
        accepted = await recorded(found, int(PER_SECOND["projector"] * seconds), seed=12)
        show(await drain_with(found, "projector", "drain", accepted))


async def rebuild(seconds: float, show: Callable[[Figure], None]) -> None:
    """Reporting from nothing: an empty database, and every stream from its start.

    One event in twenty is a volunteer's and one in a hundred a place's, in streams as their services write them.
    """
    with setting(INTAKE) as found:
        accepted = await recorded(found, int(PER_SECOND["rebuild"] * seconds), seed=13)
        others = await streams.fill(found, volunteers=accepted // 20, facilities=accepted // 100)
        show(await drain_with(found, "rebuild", "all streams from their start", accepted + others))


async def recorded(found: Setting, households: int, seed: int) -> int:
    """Fills `survey-submitted` through intake and recorder; gives how many events it has more."""
    accepted = await found.prefill(households, seed)
    async with found.database("survey") as pool:
        taken = int(await pool.fetchval(POSITION, SURVEY_INTAKE.name))
        await found.start("survey-recorder")
        await drain(pool, SURVEY_INTAKE.name, taken + accepted, DRAIN_TIMEOUT)
    await found.stop("survey-recorder")  # it ends with everything published
    return accepted


async def drain_with(found: Setting, bench: str, case: str, records: int) -> Figure:
    """Starts one worker and measures how it takes the `records` that wait; it still runs afterwards."""
    service, process, topic = WORKERS[bench]
    before = {name: used for name, used in cpu.usage(found.stack).items() if name in ("kafka", "postgres")}
    async with found.database(service) as pool:
        taken = int(await pool.fetchval(POSITION, topic))
        starting = asyncio.create_task(found.start(process))
        drained = await drain(pool, topic, taken + records, DRAIN_TIMEOUT)
        after = cpu.usage(found.stack)
        await starting
    spent = cpu.microseconds(before, after, records)
    spent[process] = after[process].seconds * 1e6 / records
    return Figure(
        bench,
        case,
        drained.rate,
        "records/s",
        raw=await limits(found, bench),
        cpu_microseconds=spent,
        notes={"records": records} | cpu.memory(after),
    )


async def limits(found: Setting, bench: str) -> dict[str, float]:
    """What the machine could do at most of what the worker does, now."""
    produce = {"raw Kafka produce": await raw.kafka_produce(found, list(submissions(20_000, 5)))}
    if bench != "recorder":
        return produce
    return {
        "raw COPY of the same rows": await raw.postgres_copy(found, "survey", "submission"),
        "raw upsert of the same households": await raw.postgres_upsert(
            found, "survey", "household", PUT_HOUSEHOLDS, HOUSEHOLD_COLUMNS
        ),
    } | produce
