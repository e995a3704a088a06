"""Recorder and projector alone, each draining what was filled in before; and reporting rebuilt from the streams'
start."""

import asyncio
from collections.abc import Callable

from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED
from tests.bench import cpu, raw
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, Setting, drain, setting
from tests.bench.submissions import submissions

PUT_HOUSEHOLDS = """
INSERT INTO household (household_id, area, village, revision, submission_id, captured_at, counts)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::integer[], $5::uuid[], $6::timestamptz[], $7::json[])
ON CONFLICT (household_id) DO UPDATE SET revision = excluded.revision, counts = excluded.counts
"""
"""The plain way to store households, as a measure of the machine."""
HOUSEHOLD_COLUMNS = ("household_id", "area", "village", "revision", "submission_id", "captured_at", "counts")
PER_SECOND = {"recorder": 30_000, "projector": 60_000}
"""Households filled in for each second that the drain is to last."""
DRAIN_TIMEOUT = 600.0


async def recorder(seconds: float, show: Callable[[Figure], None]) -> None:
    """The recorder drains `survey-intake`."""
    with setting(INTAKE) as found:
        accepted = await found.prefill(int(PER_SECOND["recorder"] * seconds), seed=11)
        show(await drain_with(found, "recorder", "drain", accepted))


async def projector(seconds: float, show: Callable[[Figure], None]) -> None:
    """The projector drains `survey-submitted`, then does so again from nothing."""
    with setting(INTAKE) as found:
        accepted = await found.prefill(int(PER_SECOND["projector"] * seconds), seed=12)
        await drain_with(found, "recorder", "drain", accepted)
        await asyncio.to_thread(found.stack.stop_services, ["survey-recorder"])
        show(await drain_with(found, "projector", "drain", accepted))


async def drain_with(found: Setting, bench: str, case: str, target: int) -> Figure:
    """Starts one worker and measures how it takes what waits."""
    service, process, topic = {
        "recorder": ("survey", "survey-recorder", SURVEY_INTAKE),
        "projector": ("reporting", "reporting-projector", SURVEY_SUBMITTED),
    }[bench]
    before = {name: used for name, used in cpu.usage(found.stack).items() if name in ("kafka", "postgres")}
    async with found.database(service) as pool:
        starting = asyncio.create_task(found.start(process))
        drained = await drain(pool, topic.name, target, DRAIN_TIMEOUT)
        after = cpu.usage(found.stack)
        await starting
    spent = cpu.microseconds(before, after, target)
    spent[process] = after[process].seconds * 1e6 / target
    return Figure(
        bench,
        case,
        drained.rate,
        "records/s",
        raw=await _limits(found, bench),
        cpu_microseconds=spent,
        notes={"records": target, "memory MB": {name: used.bytes // 2**20 for name, used in after.items()}},
    )


async def _limits(found: Setting, bench: str) -> dict[str, float]:
    if bench == "recorder":
        return {
            "raw COPY of the same rows": await raw.postgres_copy(found, "survey", "submission"),
            "raw upsert of the same households": await raw.postgres_upsert(
                found, "survey", "household", PUT_HOUSEHOLDS, HOUSEHOLD_COLUMNS
            ),
            "raw Kafka produce": await raw.kafka_produce(found, list(submissions(20_000, 5))),
        }
    return {"raw Kafka produce": await raw.kafka_produce(found, list(submissions(20_000, 5)))}
