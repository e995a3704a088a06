"""Throughput by the number of processes of a kind, as far as this machine's cores show it."""

import asyncio
from collections.abc import Callable, Sequence

from deploy import catalogue
from deploy.local import lag
from deploy.scale import Scale
from tests.bench import cpu, raw
from tests.bench.load import Order
from tests.bench.pipeline import DRAIN_TIMEOUT, WORKERS, limits
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, POSITION, Setting, drain, setting

PER_SECOND = 10_000
"""Households for each second asked for, in every case."""
CONNECTIONS = 32
WORKER_NUMBERS = (1, 2, 4)
LEAST_MEASURED = 20_000
"""Records left when every process has its share: fewer are a fraction of a second's work, and no measure."""
SHARE_SECONDS = 60.0
"""A new member of a group has its partitions within seconds; on a busy machine within this."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Intake with 1 and 2 processes; what it accepted drained by 1 and 2 recorders, more of it by 4; all of that
    drained by 1, 2 and 4 projectors, each from the start."""
    households = int(PER_SECOND * seconds)
    recorded = 0
    with setting(INTAKE, Scale(intakes=2)) as found:
        raw_recorder: dict[str, float] = {}
        for number in WORKER_NUMBERS:
            if number == 2:
                await found.start("survey-http-2")
            accepted = await found.prefill(households, seed=30 + number) if number == 4 else 0
            if not accepted:
                figure = await _intake(found, number, households, seed=30 + number)
                accepted = int(figure.notes["accepted"])
                show(figure)
            figure = await _workers(found, "recorder", number, accepted)
            raw_recorder = raw_recorder or await limits(found, "recorder")
            figure.raw = raw_recorder
            show(figure)
            recorded += accepted
        raw_projector = await limits(found, "projector")
        for number in WORKER_NUMBERS:
            await found.empty("reporting")
            figure = await _workers(found, "projector", number, recorded)
            figure.raw = raw_projector
            if figure.notes["records"] < LEAST_MEASURED:
                print(f"scale: {figure.case}: too little was left when all had a share; ask for more --seconds")
                continue
            show(figure)


async def _intake(found: Setting, number: int, households: int, seed: int) -> Figure:
    before = cpu.usage(found.stack)
    outcome = await found.load(batch=50, connections=CONNECTIONS, seconds=600, most=households, seed=seed)
    after = cpu.usage(found.stack)
    echo = await raw.http_echo(Order(0, found.tokens, CONNECTIONS, 50, 600, households, seed))
    return Figure(
        "scale",
        f"intake, batches of 50, {_processes(number)}",
        outcome.accepted / outcome.seconds,
        "households/s",
        raw={"raw HTTP echo, one process": echo.households / echo.seconds},
        cpu_microseconds=cpu.microseconds(before, after, outcome.accepted)
        | {"load generator": outcome.cpu_seconds * 1e6 / max(1, outcome.accepted)},
        milliseconds={"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3},
        notes={"accepted": outcome.accepted, "statuses": outcome.statuses},
    )


async def _workers(found: Setting, bench: str, number: int, records: int) -> Figure:
    """Measured from when every process has its share of the partitions; stopped afterwards."""
    service, process, topic = WORKERS[bench]
    names = [process, *(f"{process}-{further}" for further in range(2, number + 1))]
    async with found.database(service) as pool:
        taken = int(await pool.fetchval(POSITION, topic))
        await found.start(*names)
        await shared(found, names)
        before = cpu.usage(found.stack)
        drained = await drain(pool, topic, taken + records, DRAIN_TIMEOUT, warm_up=0)
        after = cpu.usage(found.stack)
    await found.stop(*names)
    return Figure(
        "scale",
        f"{bench}, {_processes(number)}",
        drained.rate,
        "records/s",
        cpu_microseconds=cpu.microseconds(before, after, drained.records),
        notes={"records": drained.records, "seconds": round(drained.seconds, 1)},
    )


async def shared(found: Setting, names: Sequence[str]) -> None:
    """Waits until all partitions are somebody's, and everybody has some."""
    health = [found.stack.process(name).program.port for name in names]
    async with asyncio.timeout(SHARE_SECONDS):
        while True:
            shares = [await asyncio.to_thread(lag.of_processes, [port]) for port in health]
            owned = [sum(group.partitions for group in share) for share in shares]
            if all(owned) and sum(owned) % catalogue.SURVEY.topics_read[0].partitions == 0:
                return
            await asyncio.sleep(0.1)


def _processes(number: int) -> str:
    return "1 process" if number == 1 else f"{number} processes"
