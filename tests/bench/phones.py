"""Phones that come back online together: a thousand with a hundred forms each, as the app sends them, counted exactly.

Each phone is one connection, sends its forms fifty at a time, one batch after the other, and keeps the ids of what was
answered 429 or 503, or not at all, to send them again after a wait that doubles. The phones' own time is taken from the
first request to the last answer, as their volunteers see it.
"""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle, islice

import asyncpg
import httpx
import msgspec

from tests.bench import cpu, raw
from tests.bench.load import HOST, Order
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting
from tests.bench.submissions import batches

PROCESSES = ("registration-http", "registration-relay", "survey-http", "survey-recorder", "survey-lister")
CASES = ((1, 500), (1_000, 100))
"""Phones, and forms on each."""
BATCH = 50
FIRST_WAIT_SECONDS, MOST_WAIT_SECONDS = 1.0, 30.0
"""As in services/survey/pages/phone/sync.js."""
ANSWER_SECONDS = 30.0
DEADLINE_SECONDS = 300.0
SECONDS_RAW = 3.0
RECORDED = "SELECT count(*) FROM submission"
REPEATED = "SELECT count(*) FROM repeated_submission"


@dataclass
class Told:
    """What one phone was told. seconds: from its first request to its last answer."""

    accepted: int = 0
    again: int = 0
    seconds: float = 0.0


async def run(_: float, show: Callable[[Figure], None]) -> None:
    """One phone after weeks, and a thousand at once; the time is theirs, so that none is given."""
    with setting(PROCESSES) as found:
        await found.load(batch=BATCH, connections=4, seconds=3, most=5_000, seed=1)  # warm-up
        echo = await raw.http_echo(Order(0, found.tokens, 64, BATCH, SECONDS_RAW, 200_000, 2))
        for number, (phones, forms) in enumerate(CASES):
            figure = await _together(found, phones, forms, seed=70 + number)
            figure.raw = {"raw HTTP echo": echo.households / echo.seconds}
            show(figure)


async def _together(found: Setting, phones: int, forms: int, seed: int) -> Figure:
    bodies = batches(phones * forms // BATCH, BATCH, seed)
    loads = [
        [msgspec.json.decode(body)["submissions"] for body in islice(bodies, forms // BATCH)] for _ in range(phones)
    ]
    limits = httpx.Limits(max_connections=phones, max_keepalive_connections=phones)
    url = f"http://{HOST}:{found.port('survey-http')}/v1/submissions:batch"
    async with (
        found.database("survey") as pool,
        httpx.AsyncClient(limits=limits, timeout=ANSWER_SECONDS, trust_env=False) as client,
        asyncio.timeout(DEADLINE_SECONDS),
    ):
        before, repeated = await _settled(pool), await pool.fetchval(REPEATED)
        used = cpu.usage(found.stack)
        begun = time.perf_counter()
        told = await asyncio.gather(
            *(_phone(client, url, token, load) for token, load in zip(cycle(found.tokens), loads, strict=False))
        )
        took = time.perf_counter() - begun
        while await pool.fetchval(RECORDED) < before + phones * forms:
            await asyncio.sleep(0.02)
        recorded_after = time.perf_counter() - begun
        after = cpu.usage(found.stack)
        recorded = await pool.fetchval(RECORDED) - before
        twice = await pool.fetchval(REPEATED) - repeated
    accepted, times = sum(one.accepted for one in told), sorted(one.seconds for one in told)
    if not accepted == recorded == phones * forms:
        raise RuntimeError(f"{phones * forms} forms, {accepted} accepted, {recorded} recorded")
    return Figure(
        "phones",
        f"{phones:,} phones with {forms} forms each",
        accepted / took,
        "forms/s",
        cpu_microseconds=cpu.microseconds(used, after, accepted),
        milliseconds={
            "a phone's time, median": times[len(times) // 2] * 1e3,
            "the longest": times[-1] * 1e3,
            "until all are recorded": recorded_after * 1e3,
        },
        notes={
            "forms": phones * forms,
            "accepted": accepted,
            "recorded": recorded,
            "accepted twice, counted once": twice,
            "sent again": sum(one.again for one in told),
        },
    )


async def _settled(pool: "asyncpg.Pool[asyncpg.Record]") -> int:
    """How many are recorded, once that no longer grows."""
    stored, more = -1, 0
    while stored != more:
        stored = more
        await asyncio.sleep(0.2)
        more = int(await pool.fetchval(RECORDED))
    return stored


async def _phone(client: httpx.AsyncClient, url: str, token: str, load: list[list[dict[str, object]]]) -> Told:
    told, begun = Told(), time.perf_counter()
    for batch in load:
        waiting, wait = batch, FIRST_WAIT_SECONDS
        while True:
            answered = await _send(client, url, token, waiting)
            left = [form for form, status in zip(waiting, answered, strict=True) if status != 202]
            told.accepted += len(waiting) - len(left)
            if not left:
                break
            told.again += len(left)
            waiting = left
            await asyncio.sleep(wait * random.uniform(0.75, 1.25))
            wait = min(2 * wait, MOST_WAIT_SECONDS)
    told.seconds = time.perf_counter() - begun
    return told


async def _send(client: httpx.AsyncClient, url: str, token: str, forms: list[dict[str, object]]) -> list[int]:
    """The status of each form; 503 for all when there was no answer."""
    body = msgspec.json.encode({"submissions": forms})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        answer = await client.post(url, content=body, headers=headers)
    except httpx.TransportError:
        return [503] * len(forms)
    if answer.status_code != 207:
        return [answer.status_code] * len(forms)
    return [result["status"] for result in answer.json()["results"]]
