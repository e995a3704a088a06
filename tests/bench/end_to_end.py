"""Everything at once: submissions at a rising rate, until the aggregates no longer keep up.

Beside the load, single probe submissions are sent to subdistricts of their own; how long each takes from its 202 to the
committed aggregate is the accept-to-aggregate delay.
"""

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import httpx

from deploy import catalogue
from shared.areas.register import subdistricts
from shared.contracts.topics import SURVEY_SUBMITTED
from tests.bench import cpu, raw
from tests.bench.intake import MOST_PER_SECOND
from tests.bench.load import Order, Outcome
from tests.bench.pipeline import limits
from tests.bench.report import Figure
from tests.bench.setting import POSITION, Setting, setting
from tests.bench.submissions import PROBED

SHARES = (0.06, 0.1, 0.12, 0.14, 0.16, 0.18, 0.21, 0.24, 0.28)
"""What is offered, of the limit below, measured right before: fixed rates are no load to one machine and too many for
another. On the machine of docs/performance.md's table 0.18 is 15,000 households/s in batches and 8,000 singles."""
LIMIT = {50: "raw COPY of the same rows", 1: "raw HTTP echo"}
CONNECTIONS = {50: 32, 1: 256}
"""Singles: 64 would bound the rate themselves, to 64 in the time of one answer."""
MOST_BEHIND_SECONDS = 1.0
"""A rate is sustained when, at its end, no more than this much of it is still on the way."""
LEAST_ACCEPTED = 0.99
"""... and as much of it is accepted, within a twentieth more of the time."""
POLL_SECONDS = 0.004

SUBMISSIONS = "SELECT submissions FROM survey_subdistrict WHERE subdistrict = $1"


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Finds the highest sustained rate of batches and of singles."""
    processes = [process.name for service in catalogue.SERVICES for process in service.processes]
    with setting(processes) as found:
        await found.load(batch=50, connections=8, seconds=5, most=20_000, seed=1)  # warm-up
        for batch, case in ((50, "batches of 50"), (1, "singles")):
            best: Figure | None = None
            raw_limits = await _limits(found, batch, seconds)
            for number, share in enumerate(SHARES):
                rate = int(share * raw_limits[LIMIT[batch]])
                figure = await measure(found, case, batch, rate, seconds, seed=100 * batch + number)
                figure.raw = raw_limits
                show(figure)
                if not figure.notes["sustained"]:
                    break
                best = figure
            if best is not None:
                show(replace(best, case=f"{case}, highest sustained"))


async def _limits(found: Setting, batch: int, seconds: float) -> dict[str, float]:
    """What the machine could do at most of each part of the way, now."""
    order = Order(0, found.tokens, CONNECTIONS[batch], batch, seconds / 2, int(MOST_PER_SECOND[batch] * seconds), 99)
    echo = await raw.http_echo(order)
    return {"raw HTTP echo": echo.households / echo.seconds} | await limits(found, "recorder")


async def measure(found: Setting, case: str, batch: int, rate: int, seconds: float, seed: int) -> Figure:
    """One rate: offered, accepted, how far behind at the end, and the probes' delays."""
    async with found.database("reporting") as pool:
        start = await settled(pool)
        before = cpu.usage(found.stack)
        stop = asyncio.Event()
        probing = asyncio.create_task(probe(found, pool, stop))
        outcome = await found.load(
            batch=batch,
            connections=CONNECTIONS[batch],
            seconds=seconds + 30,
            most=int(rate * seconds),
            seed=seed,
            rate=rate,
        )
        taken = int(await pool.fetchval(POSITION, SURVEY_SUBMITTED.name)) - start
        stop.set()
        delays = sorted(await probing)
        after = cpu.usage(found.stack)
        behind = max(0, outcome.accepted - taken) / rate
        await settled(pool)
    keeping_up = (
        outcome.seconds < seconds * 1.05
        and outcome.accepted >= LEAST_ACCEPTED * rate * seconds
        and behind <= MOST_BEHIND_SECONDS
    )
    return _figure(found, case, rate, outcome, delays, before, after, behind, keeping_up)


def _figure(
    found: Setting,
    case: str,
    rate: int,
    outcome: Outcome,
    delays: Sequence[float],
    before: dict[str, cpu.Usage],
    after: dict[str, cpu.Usage],
    behind: float,
    sustained: bool,
) -> Figure:
    return Figure(
        "end-to-end",
        f"{case}, {rate:,} offered",
        outcome.accepted / outcome.seconds,
        "households/s",
        cpu_microseconds=cpu.microseconds(before, after, outcome.accepted)
        | {"load generator": outcome.cpu_seconds * 1e6 / max(1, outcome.accepted)},
        milliseconds={
            "HTTP p50": outcome.p50 * 1e3,
            "HTTP p99": outcome.p99 * 1e3,
            "accept-to-aggregate p50": delays[len(delays) // 2] * 1e3,
            "accept-to-aggregate p99": delays[int(len(delays) * 0.99)] * 1e3,
        },
        notes={
            "sustained": sustained,
            "seconds behind at the end": round(behind, 2),
            "statuses": outcome.statuses,
            "probes": len(delays),
        }
        | cpu.memory(after),
    )


async def settled(pool: "asyncpg.Pool[asyncpg.Record]") -> int:
    """Waits until the projector's positions stand still; gives their sum."""
    last = -1
    async with asyncio.timeout(300):
        while True:
            now = int(await pool.fetchval(POSITION, SURVEY_SUBMITTED.name))
            if now == last:
                return now
            last = now
            await asyncio.sleep(1)


async def probe(found: Setting, pool: "asyncpg.Pool[asyncpg.Record]", stop: asyncio.Event) -> list[float]:
    """Delays from a probe's 202 to its committed aggregate, in seconds, resolved to `POLL_SECONDS`; one probe at a
    time."""
    areas = itertools.cycle(area.code for area in subdistricts(PROBED))
    delays: list[float] = []
    url = f"http://127.0.0.1:{found.port('survey-http')}/v1/submissions"
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {found.tokens[0]}"}, timeout=30) as client:
        while not stop.is_set():
            area = next(areas)
            known = await pool.fetchval(SUBMISSIONS, area) or 0
            answer = await client.post(url, content=_probe(area))
            if answer.status_code != 202:
                continue
            accepted = time.perf_counter()
            while (await pool.fetchval(SUBMISSIONS, area) or 0) == known:
                await asyncio.sleep(POLL_SECONDS)
            delays.append(time.perf_counter() - accepted)
    return delays


def _probe(area: str) -> bytes:
    return json.dumps(
        {
            "submission_id": str(uuid4()),
            "captured_at": datetime.now(UTC).isoformat(),
            "address": {"area": area, "house": str(uuid4())},
            "persons": [{"age": 40}],
        }
    ).encode()
