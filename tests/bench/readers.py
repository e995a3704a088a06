"""A hundred readers of pages while the projector drains at full speed: every figure has to come within 50 ms.

Each reader asks once a second, as a page does that is told of changes; what is asked lies for all of them in the same
second, so that answers are made for several at once. Requests are due at their own moments: one that has to wait for a
connection counts its wait.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from services.reporting.domain import day_in_thailand
from shared.areas.register import provinces
from shared.observability.clock import SystemClock
from tests.bench import cpu
from tests.bench.load import Order, ordered
from tests.bench.pipeline import DRAIN_TIMEOUT, PER_SECOND, recorded
from tests.bench.read import fill
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, POSITION, Setting, drain, setting

READERS = 100
A_SECOND = 100
"""Of all readers together."""
MILLISECONDS = 50.0
"""The bound at p99."""
FIRST_SECONDS = 60.0
DAYS = 14
"""Past days that the time slider goes over."""


def questions() -> dict[str, list[str]]:
    """By case, what the readers ask in turn."""
    today = day_in_thailand(SystemClock().now())
    country = ["coverage", "progress", "freshness", "volunteers", "quality"]
    below = [province.code for province in provinces()]
    days = [today - timedelta(days=each) for each in range(DAYS)]
    return {
        "country by province": [f"/v1/{each}?level=province" for each in country],
        "provinces by district": [f"/v1/{each}?area={code}" for code in below for each in ("coverage", "progress")],
        "past days, country by province": [f"/v1/history?level=province&day={day}" for day in days],
    }


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Asks while nothing comes in, then while the projector works through what waits."""
    asked = questions()
    with setting(INTAKE) as found:
        await fill(found)
        await found.start("reporting-http")
        for name, paths in asked.items():
            show(await _asked(found, name, paths, seconds, "nothing coming in"))
        for number, (name, paths) in enumerate(asked.items()):
            # Half as much again as is drained meanwhile on a quiet machine: it may not end before the readers do.
            waiting = await recorded(found, int(1.5 * PER_SECOND["projector"] * seconds), seed=50 + number)
            show(await _while_draining(found, name, paths, seconds, waiting))


async def _while_draining(found: Setting, name: str, paths: list[str], seconds: float, waiting: int) -> Figure:
    async with found.database("reporting") as pool:
        taken = int(await pool.fetchval(POSITION, None))
        await found.start("reporting-projector")
        draining = asyncio.create_task(drain(pool, None, taken + waiting, DRAIN_TIMEOUT, warm_up=0.02))
        figure = await _asked(found, name, paths, seconds, "the projector draining")
        figure.notes["still draining at the end"] = not draining.done()
        figure.notes["drained a second"] = round((await draining).rate)
    await found.stop("reporting-projector")
    return figure


async def _asked(found: Setting, name: str, paths: list[str], seconds: float, meanwhile: str) -> Figure:
    port, most = found.port("reporting-http"), int(A_SECOND * seconds)
    await ordered(Order(port, [], 4, 1, FIRST_SECONDS, len(paths), 0, reads=paths))  # each was asked for once before
    order = Order(port, [], READERS, 1, seconds + 1, most, 0, rate=A_SECOND, reads=paths)
    before = cpu.usage(found.stack)
    outcome = await ordered(order)
    answered = outcome.statuses.get("200", 0)
    return Figure(
        "readers",
        f"{name}; {READERS} readers; {meanwhile}",
        answered / outcome.seconds,
        "requests/s",
        {},
        cpu.microseconds(before, cpu.usage(found.stack), answered),
        {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3, "longest": outcome.longest * 1e3},
        {"statuses": outcome.statuses, "within the bound": outcome.p99 * 1e3 <= MILLISECONDS},
    )
