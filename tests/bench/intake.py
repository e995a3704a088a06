"""Intake alone, one process: how many households a second it accepts, and how quickly it answers."""

from collections.abc import Callable

from tests.bench import cpu, raw
from tests.bench.load import Order
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, Setting, setting
from tests.bench.submissions import submissions

CASES = (("singles, 64 connections", 1, 64), ("singles, 256 connections", 1, 256), ("batches of 50", 50, 16))
MOST_PER_SECOND = {1: 16_000, 50: 80_000}
"""More than is ever answered; bodies are made before the load begins."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Measures the three cases."""
    with setting(INTAKE) as found:
        await found.load(batch=50, connections=8, seconds=3, most=20_000, seed=1)  # warm-up
        produce = await raw.kafka_produce(found, list(submissions(20_000, 5)))
        for number, (case, batch, connections) in enumerate(CASES, 2):
            show(await _measure(found, case, batch, connections, seconds, number, produce))


async def _measure(
    found: Setting, case: str, batch: int, connections: int, seconds: float, seed: int, produce: float
) -> Figure:
    most = int(MOST_PER_SECOND[batch] * seconds)
    before = cpu.usage(found.stack)
    outcome = await found.load(batch=batch, connections=connections, seconds=seconds, most=most, seed=seed)
    after = cpu.usage(found.stack)
    echo = await raw.http_echo(Order(0, found.tokens, connections, batch, seconds / 2, most, seed))
    return Figure(
        "intake",
        case,
        outcome.accepted / outcome.seconds,
        "households/s",
        raw={"raw HTTP echo": echo.households / echo.seconds, "raw Kafka produce": produce},
        cpu_microseconds=cpu.microseconds(before, after, outcome.accepted)
        | {"load generator": outcome.cpu_seconds * 1e6 / max(1, outcome.accepted)},
        milliseconds={"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3, "longest": outcome.longest * 1e3},
        notes={"statuses": outcome.statuses},
    )
