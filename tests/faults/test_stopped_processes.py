"""A process that stands still for too long is replaced, and does no harm when it comes back."""

import asyncio
import signal
from dataclasses import replace
from random import Random
from typing import Final

import pytest

from deploy.local.supervisor import http_ready
from tests.faults.campaigns import SEED, Campaigns, back, fed, reached, until
from tests.faults.ledger import RECORDED
from tests.faults.road import Road
from tests.faults.scenarios import taken_over
from tests.faults.stacks import ProxiedStack
from tests.faults.test_killed_processes import APPLIED, BURST

SPARE_PORT: Final = 20
"""The distance from the stack's first port of one that nothing else uses."""


@pytest.mark.parametrize(
    ("process", "work"),
    [("survey-recorder", ("survey", RECORDED)), ("reporting-projector", ("reporting", APPLIED))],
    ids=["survey-recorder", "reporting-projector"],
)
async def test_a_zombie_changes_nothing(
    campaigns: Campaigns[ProxiedStack], process: str, work: tuple[str, str]
) -> None:
    random = Random(f"{SEED}/stopped {process}")
    stack = campaigns.stack
    first = stack.process(process).program
    port = stack.port_base + SPARE_PORT
    second = replace(
        first,
        name=f"{process}-2",
        port=port,
        ready=http_ready(port),
        environment={**first.environment, "JITASA_HTTP_PORT": str(port)},
    )

    async def stopped(road: Road) -> None:
        async with campaigns.progress(road, work) as progress:
            road.hold(random.randint(8, 40))
            await road.used_up()
            stack.supervisor.start(second)
            await back(campaigns.stack, second.name)
            goal = await progress() + random.randint(1, 60)
            road.hold(BURST)
            await until(fed(road, progress, goal), f"{process} has done some work")
            stack.kill(process, signal.SIGSTOP)
            try:
                taken = await taken_over(campaigns.runtime, process)
                # Traffic goes on for a while, so that there is something to be taken over and worked on.
                road.hold(random.randint(20, 40))
                await until(taken, f"all that {process} held is taken over", every=0.2)
                goal = await progress() + 1
                road.hold(10)
                await until(reached(progress, goal), f"the second {process} works")
            finally:
                stack.kill(process, signal.SIGCONT)
            road.open()

    try:
        await campaigns.play(stopped, on=("survey",))
    finally:
        await asyncio.to_thread(stack.supervisor.stop, [second.name])
