"""Five times what is taken: what is accepted then, how soon it and the rest are answered, whether memory stays flat,
and whether an organisation beside the flood is served.

The best rate is that of one request after the other on each of a few connections; the flood is offered at five times
this rate, whatever is answered. Generator and system share the machine's processors: what the flood's generator takes
more than that of the best rate, the system has less, and so it is told beside the figure.
"""

import asyncio
from collections.abc import Callable, Sequence

from deploy import catalogue
from tests.bench import cpu, flood
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting

TIMES = 5
CASES = (("batches of 50", 50, 32, 512), ("singles", 1, 64, 512))
"""What is sent, by how many connections at the best rate, and by how many in the flood: a refusal of 50 ms and an
acceptance of 200 ms keep some 150 of them busy."""
MODEST = 0.05
"""Of the best rate: what the other organisation sends meanwhile."""
MODEST_CONNECTIONS = 64
SAMPLES = 20
"""Looks at the memory during a flood."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Measures batches and singles, the best rate and the flood for `seconds` each."""
    processes = [process.name for service in catalogue.SERVICES for process in service.processes]
    with setting(processes) as found:
        flooding_token = found.tokens[0]
        await play(found, flooding_token, 50, 16, 3, seed=1)  # warm-up
        for number, (case, batch, few, many) in enumerate(CASES, 1):
            best = await play(found, flooding_token, batch, few, seconds, seed=1_000 * number)
            show(await _overload(found, case, batch, many, seconds, best, 1_000 * number))


async def play(
    found: Setting, token: str, batch: int, connections: int, seconds: float, seed: int, rate: float | None = None
) -> flood.Outcome:
    """Sends to intake from a process of its own."""
    port = found.port("survey-http")
    return await flood.ordered(flood.Order(port, token, connections, batch, seconds, seed, rate))


async def _overload(
    found: Setting, case: str, batch: int, connections: int, seconds: float, best: flood.Outcome, seed: int
) -> Figure:
    best_rate = best.accepted / best.seconds
    flooding_token, modest_token = found.tokens[:2]  # of two organisations
    before = cpu.usage(found.stack)
    remembering = asyncio.create_task(_memory(found, seconds))
    heavy, modest = await asyncio.gather(
        play(found, flooding_token, batch, connections, seconds, seed + 1, TIMES * best_rate),
        play(found, modest_token, batch, MODEST_CONNECTIONS, seconds, seed + 2, MODEST * best_rate),
    )
    after = cpu.usage(found.stack)
    memory = await remembering
    accepted = (heavy.accepted + modest.accepted) / heavy.seconds
    return Figure(
        "overload",
        f"{case}, {TIMES} times the best rate",
        accepted,
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
    return {name: _course([each[name].bytes >> 20 for each in seen if name in each]) for name in seen[0]}


def _course(values: Sequence[int]) -> tuple[int, int, int]:
    return values[0], max(values), values[-1]
