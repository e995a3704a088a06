"""Recorders are added while phones' households wait: what waits, second by second, as an operator sees it fall.

What an operator does in a surge (docs/operations.md, "How far behind"), rehearsed: one recorder faces a heap that it
takes too long for, a second one joins it, and the rate of both is told beside that of the one.
"""

import asyncio
import time
from collections.abc import Callable

import asyncpg

from deploy.scale import Scale
from tests.bench.report import Figure
from tests.bench.scale import shared
from tests.bench.setting import INTAKE, POSITION, setting

PER_SECOND = 40_000
"""Households for each second asked for: more than one recorder takes."""
ALONE_PART = 0.25
"""Of the heap, which one recorder takes before the second is started."""
LOOK_SECONDS = 1.0
MOST_SECONDS = 600.0
FIRST, SECOND = "survey-recorder", "survey-recorder-2"


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Prints what waits by the second; the rates of one recorder, and of two from when both have their share."""
    with setting(INTAKE, Scale(recorders=2)) as found:
        heap = await found.prefill(int(PER_SECOND * seconds), seed=50)
        async with found.database("survey") as pool:
            begun = time.perf_counter()
            await found.start(FIRST)
            await shared(found, [FIRST])
            alone = await _watched(pool, heap, until=int(heap * ALONE_PART), begun=begun)
            await found.start(SECOND)
            await shared(found, [FIRST, SECOND])
            both = await _watched(pool, heap, until=heap, begun=begun)
        await found.stop(FIRST, SECOND)
        show(
            Figure(
                "surge",
                f"{heap:,} households waited; a second recorder joins",
                both,
                "households/s with two",
                raw={"one recorder, right before": alone},
            )
        )


async def _watched(pool: "asyncpg.Pool[asyncpg.Record]", heap: int, *, until: int, begun: float) -> float:
    """Tells what waits until so many are taken; households a second meanwhile."""
    started, first = time.perf_counter(), await _taken(pool)
    async with asyncio.timeout(MOST_SECONDS):
        while (taken := await _taken(pool)) < until:
            print(f"    {time.perf_counter() - begun:5.0f} s: {heap - taken:9,} wait", flush=True)
            await asyncio.sleep(LOOK_SECONDS)
    return (taken - first) / max(time.perf_counter() - started, 1e-3)


async def _taken(pool: "asyncpg.Pool[asyncpg.Record]") -> int:
    return int(await pool.fetchval(POSITION, "survey-intake"))
