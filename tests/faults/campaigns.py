"""Plays small campaigns through public HTTP while something happens to the stack, and holds everything to be exact."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from io import StringIO
from time import monotonic
from typing import Any, Final, Generic

import asyncpg
from rich.console import Console

from deploy import catalogue
from deploy.demo import figures
from deploy.demo.campaign import plan as make_plan
from deploy.demo.client import Client, by_secret
from deploy.demo.comparison import compare, expectation, follow, settled
from deploy.demo.display import Display
from deploy.demo.player import Player, claim_run
from deploy.demo.truth import Truth
from deploy.local.stack import Stack
from tests.faults import ledger
from tests.faults.regions import some_provinces
from tests.faults.road import Road
from tests.runtime import AnyStack, Runtime

SEED: Final = int(os.environ.get("JITASA_FAULTS_SEED", "1"))
"""Another seed plays other campaigns and kills at other moments."""
COUNTRY: Final = 5_000
"""Households of the campaign of which some provinces are played: about 70 a province, in one district of each."""
PROVINCES: Final = 12
ACCIDENT_SECONDS: Final = 90.0
"""Waiting inside an accident, for the victim's return or for progress: a take-over is the longest, 10 s."""
PATIENCE_SECONDS: Final = 0.5
"""After so long without any progress the burst was too small for the work that the victim is to do."""

Accident = Callable[[Road], Coroutine[Any, Any, None]]
Progress = Callable[[], Awaitable[int]]
Condition = Callable[[], Awaitable[bool]]


class Campaigns(Generic[AnyStack]):
    """One stack, and all campaigns that were played on it: what one has left behind must not disturb the next."""

    def __init__(self, stack: AnyStack) -> None:
        self.stack = stack
        self.runtime = Runtime(stack)
        self.failed = False
        self.told: set[str] = set()
        """Every submission that was answered 202."""

    async def play(
        self, accident: Accident, *, on: tuple[str, ...], seed: int = SEED, provinces: int = PROVINCES
    ) -> None:
        """Play one campaign during which `accident` happens, and compare everything that must be equal.

        on: the services whose requests the accident sees pass.
        """
        said = StringIO()
        self.failed = True  # until it turns out not to be
        try:
            findings = await self._play(accident, on, seed, provinces, Display(Console(file=said)))
        except BaseException as error:
            error.add_note(f"JITASA_FAULTS_SEED={seed}\n{said.getvalue()}")
            raise
        self.failed = bool(findings)
        assert not findings, f"JITASA_FAULTS_SEED={seed}\n{said.getvalue()}\n" + "\n".join(findings)

    async def _play(
        self, accident: Accident, on: tuple[str, ...], seed: int, provinces: int, display: Display
    ) -> list[str]:
        addresses = await asyncio.to_thread(self.stack.addresses)
        road = Road([self._port(service) for service in on])
        async with Client(transport=road) as client, asyncio.TaskGroup() as group:
            happening = group.create_task(accident(road))
            administrator = by_secret(client, addresses.registration, addresses.client_id, addresses.client_secret)
            shown = figures.Stack(client, addresses, administrator)
            run = await claim_run(client, addresses, administrator)
            base = await settled(shown)
            whole = make_plan(seed, run=run, now=datetime.now(UTC), households=COUNTRY)
            plan = some_provinces(whole, provinces)
            played = await Player(plan, client, addresses, administrator, display).play()
            truth = Truth()
            for wave in plan.waves:
                for batch in wave.batches:
                    for submission in batch.submissions:
                        if submission.submission_id in played.accepted_ids:
                            truth.accept(submission)
            expected = expectation(base, plan, truth)
            await follow(shown, expected[""], display)
            found = [str(one) for one in await compare(shown, expected, plan, truth, display)]
            if not happening.done():
                happening.cancel()
                found.append(f"the campaign ended before the accident did, after {road.answered} answers")
        self.told |= played.accepted_ids
        return played.surprises + found + await ledger.differences(self.runtime, self.told)

    @asynccontextmanager
    async def progress(self, road: Road, work: tuple[str, str] | None) -> AsyncIterator[Progress]:
        """What counts work: a query in a database, or without one the requests that were answered."""

        async def answered() -> int:
            return road.answered

        if work is None:
            yield answered
            return
        database, query = work
        connection = await asyncpg.connect(**self.stack.postgres.connection(database=database), timeout=10)

        async def counted() -> int:
            return int(await connection.fetchval(query))

        try:
            yield counted
        finally:
            await connection.close()

    def _port(self, service: str) -> int:
        http = next(one for one in catalogue.service(service).processes if one.name.endswith("-http"))
        return self.stack.port_base + http.port_offset


async def until(condition: Condition, what: str, *, every: float = 0.001, within: float = ACCIDENT_SECONDS) -> None:
    """Wait until a condition holds. Raises `TimeoutError`, saying what did not come about.

    every: seconds between two looks; by default so few that a process is met in the middle of its work.
    """
    deadline = monotonic() + within
    while not await condition():
        if monotonic() > deadline:
            raise TimeoutError(f"waited in vain until {what}")
        await asyncio.sleep(every)


async def back(stack: Stack, process: str, former: int | None = None, *, within: float = ACCIDENT_SECONDS) -> int:
    """Wait until a process is ready, and another one than `former`; its pid."""
    keeper = stack.process(process)

    async def ready() -> bool:
        return keeper.ready and keeper.identity is not None and keeper.identity.pid != former

    await until(ready, f"{process} is back", every=0.02, within=within)
    return keeper.pid


@asynccontextmanager
async def away(stack: Stack, process: str) -> AsyncIterator[None]:
    """Killed, and not started again for a while."""
    program = stack.process(process).program
    stack.kill(process)
    await asyncio.to_thread(stack.supervisor.stop, [process])
    try:
        yield
    finally:
        stack.supervisor.start(program)
        await back(stack, process)


def reached(progress: Progress, goal: int) -> Condition:
    """The condition that so much is done."""

    async def done() -> bool:
        return await progress() >= goal

    return done


def fed(road: Road, progress: Progress, goal: int) -> Condition:
    """The condition that so much is done. Where what has passed does not bring it about, more is let through."""
    seen, since = -1, monotonic()

    async def done() -> bool:
        nonlocal seen, since
        now = await progress()
        if now != seen:
            seen, since = now, monotonic()
        elif monotonic() - since > PATIENCE_SECONDS:
            road.hold(1)
            since = monotonic()
        return now >= goal

    return done
