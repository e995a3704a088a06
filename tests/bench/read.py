"""What the live map and agencies ask of reporting, under load: while nothing comes in, and while events are applied.

The figures are those of a campaign of `HOUSEHOLDS`, of which the pipeline itself recorded a few (tests/bench/stored.py
tells how they become many).
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.reporting import store
from services.reporting.picture import store as picture
from shared.areas.register import children, provinces, subdistricts
from shared.postgres.pool import acquire
from tests.bench import cpu, raw, stored, streams
from tests.bench.load import HOST, Order, ordered
from tests.bench.pipeline import drain_with, recorded
from tests.bench.report import Figure
from tests.bench.setting import INTAKE, Setting, setting

HOUSEHOLDS = 5_000_000
FILLED = 50_000
PLACES = 20_000


class Case(NamedTuple):
    """A question, and the heaviest of the statements that answer it, asked of the database alone as its limit."""

    path: str
    statement: str
    arguments: tuple[Any, ...]


CASES = {
    "coverage, country by province": Case("/v1/coverage?level=province", store.FIGURES_BY_AREA, ("", 2)),
    "coverage, province by district": Case("/v1/coverage?area=50", store.FIGURES_BY_AREA, ("50", 4)),
    "coverage, district by subdistrict": Case("/v1/coverage?area=5001", store.FIGURES_BY_AREA, ("5001", 6)),
    "progress, country by province": Case("/v1/progress?level=province", store.FIGURES_BY_AREA, ("", 2)),
    "progress, country by subdistrict": Case("/v1/progress?level=subdistrict", store.FIGURES_BY_AREA, ("", 6)),
    "picture of a province by district": Case("/v1/picture?area=50", picture.SURVEY, (["50"], 4)),
    "picture of a district by subdistrict": Case("/v1/picture?area=5001", picture.SURVEY, (["5001"], 6)),
    "volunteers, country by province": Case("/v1/volunteers?level=province", store.VOLUNTEERS, ("", 2)),
    "places of a province for the map": Case(
        "/v1/places?area=50&limit=2000", store.PLACES, ("50", *store.FIRST_PLACE, 2_001)
    ),
}
CONNECTIONS = 4
"""Closed: each asks again when it is answered. Two cores are busy with fewer."""
MOST_A_SECOND = 5_000
"""More than is ever answered; requests are made before the load begins."""
PART = 0.2
"""Of the seconds asked for, for each case: there are many, and an answer takes milliseconds."""
OFFERED_A_SECOND = 3_000
"""Households a second that come in meanwhile, in batches of 50."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Asks everything twice: of figures that stand still, and of figures that change."""
    part = seconds * PART
    with setting(INTAKE) as found:
        await fill(found)
        await found.start("reporting-http")
        limits = await _limits(found, part)
        await _ask_everything(found, "nothing coming in", part, limits, show)
        await found.start("survey-recorder", "reporting-projector")
        meanwhile = asyncio.create_task(_surge(found, part * (len(CASES) + 2)))
        await _ask_everything(found, f"{OFFERED_A_SECOND:,} households/s offered", part, limits, show)
        meanwhile.cancel()
        with suppress(asyncio.CancelledError):
            await meanwhile


async def fill(found: Setting) -> None:
    """The figures of `HOUSEHOLDS`, with places, people and denominators."""
    accepted = await recorded(found, FILLED, seed=40)
    others = await streams.fill(found, volunteers=FILLED, facilities=PLACES)
    await drain_with(found, "rebuild", "fill", accepted + others)
    await found.stop("reporting-projector")
    await stored.grow_reporting(found, HOUSEHOLDS)
    given = {area.code: 3_000 for area in subdistricts()}
    derived = {"": 3_000 * len(given)}
    for province in provinces():
        below = children(province.code)
        derived |= {area.code: 3_000 * len(children(area.code)) for area in below}
        derived[province.code] = sum(derived[area.code] for area in below)
    async with found.database("reporting") as pool, acquire(pool) as connection:
        for kind in ("houses", "population"):
            await store.replace_denominators(
                connection,
                kind,
                datetime.now(UTC).date(),
                "benchmark",
                UUID(int=1),
                given=given,
                derived=derived,
            )
        await connection.execute("ANALYZE denominator")


class Limits(NamedTuple):
    """What the machine does at all, a second: echoes over HTTP, and each case's statement."""

    echo: float
    statements: Mapping[str, float]

    def of(self, case: str) -> dict[str, float]:
        """The limits of one case."""
        return {"raw HTTP echo": self.echo, "its SQL alone": self.statements[case]}


async def _limits(found: Setting, seconds: float) -> Limits:
    order = Order(0, [], CONNECTIONS, 1, seconds, int(4 * MOST_A_SECOND * seconds), 0, reads=["/"])
    echo = await raw.http_echo(order)
    statements = {
        name: await raw.postgres_query(found, "reporting", case.statement, case.arguments, seconds / 2)
        for name, case in CASES.items()
    }
    return Limits(echo.households / echo.seconds, statements)


async def _ask_everything(
    found: Setting, meanwhile: str, seconds: float, limits: Limits, show: Callable[[Figure], None]
) -> None:
    port = found.port("reporting-http")
    for name, case in CASES.items():
        order = Order(port, [], CONNECTIONS, 1, seconds, int(MOST_A_SECOND * seconds), 0, reads=[case.path])
        before = cpu.usage(found.stack)
        outcome = await ordered(order)
        after = cpu.usage(found.stack)
        answered = outcome.statuses.get("200", 0)
        spent = cpu.microseconds(before, after, answered)
        spent["load generator"] = outcome.cpu_seconds * 1e6 / max(1, answered)
        show(
            Figure(
                "read",
                f"{name}; {meanwhile}",
                answered / outcome.seconds,
                "requests/s",
                limits.of(name),
                spent,
                {"p50": outcome.p50 * 1e3, "p99": outcome.p99 * 1e3},
                {"statuses": outcome.statuses},
            )
        )
    delays, size, took = await _first_pictures(port, seconds)
    show(
        Figure(
            "read",
            f"live stream's first picture; {meanwhile}",
            len(delays) / took,
            "pictures/s",
            {"raw HTTP echo": limits.echo},
            milliseconds={"p50": delays[len(delays) // 2] * 1e3, "p99": delays[int(len(delays) * 0.99)] * 1e3},
            notes={"bytes": size},
        )
    )


async def _first_pictures(port: int, seconds: float) -> tuple[list[float], int, float]:
    """Opens the live stream again and again until its first event is whole; gives the sorted delays, the event's size
    and the seconds in all."""
    began = time.perf_counter()
    delays: list[float] = []
    sizes: list[int] = []

    async def viewer() -> None:
        while (opened := time.perf_counter()) < began + seconds:
            reader, writer = await asyncio.open_connection(HOST, port, limit=2**24)
            writer.write(f"GET /v1/live HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            while b"event: reset" not in (part := await reader.readuntil(b"\n\n")):
                continue  # the answer's head, and how soon to come back
            sizes.append(len(part))
            delays.append(time.perf_counter() - opened)
            writer.close()
            await writer.wait_closed()

    await asyncio.gather(*(viewer() for _ in range(CONNECTIONS)))
    return sorted(delays), max(sizes), time.perf_counter() - began


async def _surge(found: Setting, seconds: float) -> None:
    """Households come in until it is cancelled, at the latest after 3 times `seconds`."""
    await found.load(
        batch=50,
        connections=CONNECTIONS,
        seconds=3 * seconds,
        most=int(3 * seconds * OFFERED_A_SECOND),
        seed=41,
        rate=OFFERED_A_SECOND,
    )
