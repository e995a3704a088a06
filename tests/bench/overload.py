"""Five times what is taken: what is accepted then, how soon it and the rest are answered, whether memory stays flat,
and whether an organisation beside the flood is served.

The best rate is that of one request after the other on each of a few connections; the flood is offered at five times
this rate, whatever is answered. Both rates are what the system finishes: the households accepted, by the time until the
last of them is in the aggregates, for intake alone could take more than recorder and projector follow. Generator and
system share the machine's processors: what the flood's generator takes more than that of the best rate, the system has
less, and so it is told beside the figure.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Self

from deploy import catalogue
from shared.contracts.topics import SURVEY_SUBMITTED
from tests.bench import cpu, flood
from tests.bench.end_to_end import settled
from tests.bench.report import Figure
from tests.bench.setting import POSITION, Setting, setting

TIMES = 5
CASES = (("batches of 50", 50, 32, 512), ("singles", 1, 64, 512))
"""What is sent, by how many connections at the best rate, and by how many in the flood: a refusal of 50 ms and an
acceptance of 200 ms keep some 150 of them busy."""
MODEST = 0.05
"""Of the best rate: what the other organisation sends meanwhile."""
MODEST_CONNECTIONS = 64
MOST_BEHIND_SECONDS = 600
"""Until the last household of a flood is in the aggregates: a flood of five minutes leaves some minutes of work."""
SAMPLES = 20
"""Looks at the memory during a flood."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Measures batches and singles, the best rate and the flood for `seconds` each."""
    processes = [process.name for service in catalogue.SERVICES for process in service.processes]
    with setting(processes) as found:
        flooding_token = found.tokens[0]
        await play(found, flooding_token, 50, 16, 3, seed=1)  # warm-up
        for number, (case, batch, few, many) in enumerate(CASES, 1):
            finishing = await Finishing.begin(found)
            best = await play(found, flooding_token, batch, few, seconds, seed=1_000 * number)
            best_rate = await finishing.rate(best.accepted)
            show(await _overload(found, case, batch, many, seconds, best, best_rate, 1_000 * number))


async def play(
    found: Setting, token: str, batch: int, connections: int, seconds: float, seed: int, rate: float | None = None
) -> flood.Outcome:
    """Sends to intake from a process of its own."""
    port = found.port("survey-http")
    return await flood.ordered(flood.Order(port, token, connections, batch, seconds, seed, rate))


class Finishing:
    """From now on: how fast what is accepted gets into the aggregates."""

    def __init__(self, found: Setting, before: int) -> None:
        self._found = found
        self._before = before
        self._began = time.perf_counter()

    @classmethod
    async def begin(cls, found: Setting) -> Self:
        """Begins when nothing is under way any more."""
        async with found.database("reporting") as pool:
            return cls(found, await settled(pool))

    async def rate(self, accepted: int) -> float:
        """Waits until that many more are in the aggregates; gives how many that is a second since the beginning."""
        async with self._found.database("reporting") as pool, asyncio.timeout(MOST_BEHIND_SECONDS):
            while await pool.fetchval(POSITION, SURVEY_SUBMITTED.name) < self._before + accepted:
                await asyncio.sleep(0.05)
        return accepted / (time.perf_counter() - self._began)


async def _overload(
    found: Setting,
    case: str,
    batch: int,
    connections: int,
    seconds: float,
    best: flood.Outcome,
    best_rate: float,
    seed: int,
) -> Figure:
    flooding_token, modest_token = found.tokens[:2]  # of two organisations
    finishing = await Finishing.begin(found)
    before = cpu.usage(found.stack)
    remembering = asyncio.create_task(_memory(found, seconds))
    heavy, modest = await asyncio.gather(
        play(found, flooding_token, batch, connections, seconds, seed + 1, TIMES * best_rate),
        play(found, modest_token, batch, MODEST_CONNECTIONS, seconds, seed + 2, MODEST * best_rate),
    )
    after = cpu.usage(found.stack)
    memory = await remembering
    finished = await finishing.rate(heavy.accepted + modest.accepted)
    return Figure(
        "overload",
        f"{case}, {TIMES} times the best rate",
        finished,
        "households/s",
        raw={"the best rate": best_rate},
        cpu_microseconds=cpu.microseconds(before, after, heavy.accepted + modest.accepted),
        milliseconds={
            "accepted p50": heavy.accepted_p50 * 1e3,
            "accepted p99": heavy.accepted_p99 * 1e3,
            "refused p50": heavy.refused_p50 * 1e3,
            "refused p99": heavy.refused_p99 * 1e3,
            "modest accepted p99": modest.accepted_p99 * 1e3,
        },
        notes={
            "offered households/s": round(heavy.offered / heavy.seconds),
            "accepted households/s": round((heavy.accepted + modest.accepted) / heavy.seconds),
            "accepted households/s at the best rate": round(best.accepted / best.seconds),
            "seconds": round(heavy.seconds),
            "statuses": heavy.statuses,
            "not sent for want of a connection": heavy.unsent,
            "generator late ms, at worst": round(heavy.late * 1e3),
            "generator's processors": {
                "best": round(best.cpu_seconds / best.seconds, 2),
                "flood": round(heavy.cpu_seconds / heavy.seconds, 2),
                "modest": round(modest.cpu_seconds / modest.seconds, 2),
            },
            "processors": {
                name: round((used.seconds - before[name].seconds) / heavy.seconds, 2)
                for name, used in after.items()
                if name in before
            },
            "modest organisation accepted": round(modest.accepted / max(1, modest.offered), 4),
            "modest organisation's statuses": modest.statuses,
            "memory MB at begin, highest, end": memory,
        },
    )


async def _memory(found: Setting, seconds: float) -> dict[str, tuple[int, int, int]]:
    """By program, at the begin, at the highest and at the end."""
    seen: list[dict[str, cpu.Usage]] = []
    for _ in range(SAMPLES):
        seen.append(await asyncio.to_thread(cpu.usage, found.stack))
        await asyncio.sleep(seconds / SAMPLES)
    return {name: _course([each[name].proportional >> 20 for each in seen if name in each]) for name in seen[0]}


def _course(values: Sequence[int]) -> tuple[int, int, int]:
    return values[0], max(values), values[-1]
