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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from deploy import catalogue
from shared.contracts.topics import SURVEY_SUBMITTED
from tests.bench import cpu, flood
from tests.bench.end_to_end import settled
from tests.bench.report import Figure
from tests.bench.setting import POSITION, Setting, setting

TIMES = 5
CASES = (("batches of 50", 50, 32, 512), ("singles", 1, 64, 1_900))
"""What is sent, by how many connections at the best rate, and by how many in the flood: enough that there is one for
each request, and fewer than make intake impatient (`shared.web.connections.CROWD`)."""
MODEST = 0.05
"""Of the best rate: what the other organisation sends meanwhile."""
MODEST_CONNECTIONS = 64
MOST_BEHIND_SECONDS = 600
"""Until the last household of a flood is in the aggregates: a flood of five minutes leaves some minutes of work."""
MEMORY_SECONDS = 2.0
"""Between looks at the memory of everything, each of which takes a tenth of a second of a processor."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Measures batches and singles: the best rate, the flood, and the best rate again, for `seconds` each."""
    processes = [process.name for service in catalogue.SERVICES for process in service.processes]
    with setting(processes) as found:
        flooding, modest = found.tokens[:2]  # of two organisations
        port = found.port("survey-http")
        await flood.ordered(flood.Order(port, flooding, 16, 50, 3, seed=1))  # warm-up
        for number, (case, batch, few, many) in enumerate(CASES, 1):
            seed = 1_000 * number
            before = await _play(found, flood.Order(port, flooding, few, batch, seconds, seed))
            best_rate = before.finished
            played = await _play(
                found,
                flood.Order(port, flooding, many, batch, seconds, seed + 1, TIMES * best_rate),
                flood.Order(port, modest, MODEST_CONNECTIONS, batch, seconds, seed + 2, MODEST * best_rate),
            )
            after = await _play(found, flood.Order(port, flooding, few, batch, seconds, seed + 3))
            show(_figure(case, before, played, after))


@dataclass
class _Played:
    """What came of some orders at once. finished: households a second that got into the aggregates, from the first
    request until the last of them was there; used: by program, before and after; memory: at each look, by program."""

    outcomes: Sequence[flood.Outcome]
    finished: float
    used: tuple[Mapping[str, cpu.Usage], Mapping[str, cpu.Usage]]
    memory: Sequence[Mapping[str, cpu.Usage]]


async def _play(found: Setting, *orders: flood.Order) -> _Played:
    """Sends to intake from processes of their own, when nothing is under way any more, and waits for the aggregates."""
    async with found.database("reporting") as pool:
        known = await settled(pool)
        before = cpu.usage(found.stack)
        memory: list[Mapping[str, cpu.Usage]] = [before]
        remembering = asyncio.create_task(_remember(found, memory))
        try:
            outcomes = await asyncio.gather(*map(flood.ordered, orders))
            after = cpu.usage(found.stack)
            accepted = sum(outcome.accepted for outcome in outcomes)
            async with asyncio.timeout(MOST_BEHIND_SECONDS):
                while await pool.fetchval(POSITION, SURVEY_SUBMITTED.name) < known + accepted:
                    await asyncio.sleep(0.05)
            seconds = time.monotonic() - min(outcome.began for outcome in outcomes)
        finally:
            remembering.cancel()
        return _Played(outcomes, accepted / seconds, (before, after), [*memory, after])


async def _remember(found: Setting, memory: list[Mapping[str, cpu.Usage]]) -> None:
    while True:
        await asyncio.sleep(MEMORY_SECONDS)
        memory.append(await asyncio.to_thread(cpu.usage, found.stack))


def _figure(case: str, before: _Played, played: _Played, after: _Played) -> Figure:
    heavy, modest = played.outcomes
    [best] = before.outcomes
    used, usage = played.used
    return Figure(
        "overload",
        f"{case}, {TIMES} times the best rate",
        played.finished,
        "households/s",
        raw={"the best rate before it": before.finished, "the best rate behind it": after.finished},
        cpu_microseconds=cpu.microseconds(used, usage, heavy.accepted + modest.accepted),
        milliseconds={
            "accepted p50": heavy.accepted_p50 * 1e3,
            "accepted p99": heavy.accepted_p99 * 1e3,
            "refused p50": heavy.refused_p50 * 1e3,
            "refused p99": heavy.refused_p99 * 1e3,
            "modest accepted p50": modest.accepted_p50 * 1e3,
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
                name: round((one.seconds - used[name].seconds) / heavy.seconds, 2)
                for name, one in usage.items()
                if name in used
            },
            "modest organisation accepted": round(modest.accepted / max(1, modest.offered), 4),
            "modest organisation's statuses": modest.statuses,
            "memory MB at begin, highest, end": {
                name: _course([each[name].proportional >> 20 for each in played.memory if name in each])
                for name in used
            },
        },
    )


def _course(values: Sequence[int]) -> tuple[int, int, int]:
    return values[0], max(values), values[-1]
