"""A long load while something goes wrong every half minute: `./jitasa bench soak --seconds 3600`.

Phones send at 70 % of the best rate. Shown is whether memory and open files of each process stay flat, and whether in
the end everything is exact. It is left out when all benchmarks are run.
"""

import asyncio
import signal
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from time import monotonic
from typing import Final

import psutil

from tests.bench import cpu
from tests.bench.report import Figure
from tests.faults import ledger, outline
from tests.faults.campaigns import SEED, back
from tests.faults.phones import Pace, Phones
from tests.faults.play import phones_of
from tests.faults.stacks import ProxiedStack
from tests.runtime import Runtime, running

PART: Final = 0.7
"""Of the best rate."""
BEST_SECONDS: Final = 15.0
"""For so long phones send as fast as they can, to find the best rate."""
PHONES, BATCH = 16, 50
MISHAP_EVERY_SECONDS: Final = 30.0
LEAST_MISHAPS: Final = 4
"""In a run too short for one every half minute."""
SLOW_SECONDS, LATENCY_SECONDS = 5.0, 0.05
CUT_SECONDS: Final = 1.0
BACK_SECONDS: Final = 300.0
"""A broker that was killed reads what it has not flushed; on a machine with much else to do that takes minutes."""
SAMPLE_SECONDS: Final = 5.0
BYTES_A_SUBMISSION: Final = 6_000
"""On the disk, in both topics, both databases and their write-ahead logs, measured; the load ends before it is full."""
DISK_PART: Final = 0.5
BEHIND_SECONDS: Final = 1_800.0
"""Until everything is counted after an hour of mishaps."""
WARM_UP: Final = 0.2
"""Of the run, in which caches fill; the rest is halved, and the halves are compared."""
GROWTH, GROWTH_MEGABYTES, GROWTH_FILES = 1.25, 30, 20
"""By how much the second half's most may be above the first's: the noise of collectors and of connections."""
OF_OTHERS: Final = ("kafka", "postgres")
"""Whose memory is bounded by their own settings and fills up to it."""

Mishap = Callable[[ProxiedStack], Awaitable[None]]


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Raises `SystemExit` when something is not exact or grows without end."""
    with running(ProxiedStack) as stack:
        told = outline.Tally()
        best = await _best(stack, told)
        rate = PART * best
        most = int(psutil.disk_usage(str(stack.home.root)).free * DISK_PART / BYTES_A_SUBMISSION)
        pace = Pace(PHONES, BATCH, PHONES * BATCH / rate, min(most, int(rate * seconds * 2)))
        watch = Watch(stack)
        phones = phones_of(stack, "soak", pace)
        before = told.number
        happened, took = await _play(stack, phones, watch, told, min(seconds, most / rate))
        ended = monotonic()
        findings = await _settled(stack, told) or await outline.differences(Runtime(stack), told)
        findings += watch.growth()
        waits = sorted(wait for _, wait in phones.waits)
        show(
            Figure(
                "soak",
                f"{took:.0f} s at {PART:.0%} of the best rate ({best:,.0f}/s), {happened.total()} mishaps",
                (told.number - before) / took,
                "submissions/s",
                milliseconds={"p50": waits[len(waits) // 2] * 1e3, "p99": waits[len(waits) * 99 // 100] * 1e3},
                notes={
                    "accepted, recorded, published and counted": told.number,
                    "told": dict(sorted(phones.told.items())),
                    "mishaps": dict(sorted(happened.items())),
                    "s from the last answer until compared": round(monotonic() - ended, 1),
                    "memory MB, first half and second": watch.most(0),
                    "open files, first half and second": watch.most(1),
                    "findings": findings,
                },
            )
        )
    if findings:
        raise SystemExit("\n".join(findings))


async def _best(stack: ProxiedStack, told: outline.Tally) -> float:
    """Submissions a second, from the first sent until all are counted, of phones that send as fast as they can."""
    begun = monotonic()
    phones = phones_of(stack, "best rate", Pace(PHONES, BATCH, 0.0, 10_000_000))
    async with asyncio.TaskGroup() as group:
        group.create_task(phones.run())
        await asyncio.sleep(BEST_SECONDS)
        phones.finish()
    told.add(phones.accepted)
    if findings := await _settled(stack, told):
        raise SystemExit("\n".join(findings))
    return told.number / (monotonic() - begun)


async def _play(
    stack: ProxiedStack, phones: Phones, watch: "Watch", told: outline.Tally, seconds: float
) -> tuple[Counter[str], float]:
    """Phones send while mishaps happen; what happened how often, and for how long phones sent."""
    begun = monotonic()
    happened: Counter[str] = Counter()
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(phones.run())
        watching = group.create_task(watch.run(phones, told))
        await _mishaps(stack, happened, begun, seconds)
        phones.finish()
        await sending
        watching.cancel()
    took = monotonic() - begun
    watch.take(phones, told)
    return happened, took


async def _mishaps(stack: ProxiedStack, happened: Counter[str], begun: float, seconds: float) -> None:
    random = Random(f"{SEED}/soak")
    every = min(MISHAP_EVERY_SECONDS, seconds / (LEAST_MISHAPS + 1))
    names = list(MISHAPS)
    for number in range(1, int(seconds / every)):
        await asyncio.sleep(max(0.0, begun + number * every - monotonic()))
        name = random.choice(names)
        print(f"    {monotonic() - begun:.0f} s: {name}", flush=True)
        await MISHAPS[name](stack)
        happened[name] += 1
    await asyncio.sleep(max(0.0, begun + seconds - monotonic()))


def _killed(process: str, number: signal.Signals = signal.SIGKILL) -> Mishap:
    async def mishap(stack: ProxiedStack) -> None:
        former = stack.process(process).pid
        stack.kill(process, number)
        await back(stack, process, former, within=BACK_SECONDS)

    return mishap


async def _kafka_slow(stack: ProxiedStack) -> None:
    stack.kafka_road.slow(LATENCY_SECONDS)
    await asyncio.sleep(SLOW_SECONDS)
    stack.kafka_road.pass_on()


async def _postgres_slow(stack: ProxiedStack) -> None:
    stack.postgres_road.slow(LATENCY_SECONDS)
    await asyncio.sleep(SLOW_SECONDS)
    stack.postgres_road.pass_on()


async def _kafka_cut_off(stack: ProxiedStack) -> None:
    stack.kafka_road.cut()
    await asyncio.sleep(CUT_SECONDS)
    stack.kafka_road.pass_on()


MISHAPS: Final[Mapping[str, Mishap]] = {
    **{
        f"{process} killed": _killed(process)
        for process in (
            *("registration-http", "survey-http", "survey-recorder", "survey-lister", "survey-keeper"),
            *("reporting-projector", "reporting-http", "registration-relay"),
        )
    },
    "Kafka killed": _killed("kafka"),
    "Kafka slow": _kafka_slow,
    "Kafka cut off": _kafka_cut_off,
    "PostgreSQL restarted": _killed("postgres", signal.SIGINT),
    "PostgreSQL slow": _postgres_slow,
}


async def _settled(stack: ProxiedStack, told: outline.Tally) -> list[str]:
    """Waits until reporting counts everything that was told, as long as it comes nearer."""
    runtime, deadline = Runtime(stack), monotonic() + BEHIND_SECONDS
    while (counted := await ledger.value(runtime, "reporting", ledger.VISITS)) < told.number:
        if monotonic() > deadline:
            return [f"{told.number} submissions were told to clients, reporting counts {counted}"]
        await asyncio.sleep(0.2)
    return []


@dataclass
class Watch:
    """Memory and open files by process, looked at every few seconds."""

    stack: ProxiedStack
    samples: "defaultdict[str, list[tuple[float, float]]]" = field(default_factory=lambda: defaultdict(list))

    async def run(self, phones: Phones, told: outline.Tally) -> None:
        """Looks until it is cancelled."""
        while True:
            await asyncio.sleep(SAMPLE_SECONDS)
            await asyncio.to_thread(self._look)
            self.take(phones, told)

    def take(self, phones: Phones, told: outline.Tally) -> None:
        """Counts what was accepted since the last look, and lets the phones forget it."""
        told.add(phones.accepted)
        phones.accepted.clear()
        phones.offered.clear()

    def _look(self) -> None:
        for name, used in cpu.usage(self.stack).items():
            with suppress(psutil.NoSuchProcess, ProcessLookupError):  # it has just been killed
                process = psutil.Process(self.stack.process(name).pid)
                files = sum(one.num_fds() for one in (process, *process.children(recursive=True)))
                self.samples[name].append((used.proportional / 1e6, files))

    def most(self, what: int) -> dict[str, tuple[int, int]]:
        """By process the most of the first half and of the second; what: 0 memory in MB, 1 open files."""
        return {name: _halves([one[what] for one in samples]) for name, samples in sorted(self.samples.items())}

    def growth(self) -> list[str]:
        """Whose second half is beyond the noise of the first."""
        found = []
        for what, noise, unit in ((0, GROWTH_MEGABYTES, "MB"), (1, GROWTH_FILES, "open files")):
            for name, (first, second) in self.most(what).items():
                if name not in OF_OTHERS and second > max(first * GROWTH, first + noise):
                    found.append(f"{name} grows from {first} to {second} {unit}")
        return found


def _halves(values: Sequence[float]) -> tuple[int, int]:
    warm = values[int(len(values) * WARM_UP) :]
    middle = len(warm) // 2
    return round(max(warm[:middle], default=0)), round(max(warm[middle:], default=0))
