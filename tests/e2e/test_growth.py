"""The survey's topics are given twice as many partitions while volunteers send visits, and subscribers read, by every
way in; the command and whoever is at work are killed (-9) at each step. In the end everything is counted, and equal."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any, Final

import pytest

from deploy import provisioning
from deploy.local.home import CHECKOUT
from deploy.local.stack import Stack
from deploy.scale import Scale
from shared.contracts.topics import NUMBERS_OF_PARTITIONS, SURVEY_INTAKE, SURVEY_SUBMITTED
from tests.e2e.test_outsiders import CONSUMER, Outsider, Sums, World, counted
from tests.e2e.visitors import Office
from tests.faults import ledger
from tests.integration.recovery.field import Field
from tests.runtime import Runtime, started

BEFORE, AFTER = NUMBERS_OF_PARTITIONS[:2]
VISITS: Final = 120
FEW: Final = 8
PAUSE_SECONDS: Final = 0.3
PATIENCE_SECONDS: Final = 180.0
AT_WORK: Final = (
    *("survey-http", "survey-recorder", "survey-recorder-2", "survey-lister"),
    *("reporting-projector", "reporting-http", "reporting-webhooks"),
)
"""Processes that the number of partitions concerns."""
TAKEN: Final = "SELECT count(*) FROM consumer_position WHERE topic = '{topic}'"
HOUSES: Final = """
SELECT household_id::text, array_agg(DISTINCT partition) AS partitions FROM submission GROUP BY household_id
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """One of its own, since partitions are never taken away; with two recorders, who may meet in a household."""
    with started(services=True, scale=Scale(recorders=2)) as running:
        yield running


@pytest.fixture
async def world(stack: Stack, office: Office, tmp_path: Path) -> World:
    """An account for outside systems, of the whole country."""
    made = await office.post("/v1/systems", {"name": "สำนักทะเบียนกลาง"})
    granted = await office.client.post("/v1/tokens", data={"grant_type": "client_credentials", **made})
    return World(stack, office, tmp_path, granted.json()["access_token"])


@pytest.fixture
async def field(stack: Stack) -> AsyncIterator[Field]:
    """The volunteers."""
    async with Field(seed=14) as field:
        await field.meet(stack)
        yield field


class Operator:
    """Who gives the commands."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """`./jitasa admin`."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "JITASA_HOME": str(self._stack.home.root),
            "JITASA_TOOLS": str(self._stack.home.tools),
        }
        command = [sys.executable, "-m", "deploy", "admin", *words]
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT
        )

    async def does(self, *words: str) -> tuple[int, str]:
        """The exit code, and what was said."""
        process = self.start(*words)
        said, complained = await asyncio.to_thread(process.communicate)
        return process.returncode, said + complained

    async def is_killed(self, *words: str) -> str:
        """Once it has said one thing: that."""
        process = self.start(*words)
        assert process.stdout is not None
        line = await asyncio.to_thread(process.stdout.readline)
        process.kill()
        await asyncio.to_thread(process.communicate)
        return line

    def partitions(self) -> tuple[int, int]:
        """How many there are, of events and of intake."""
        topics = [SURVEY_SUBMITTED, SURVEY_INTAKE]
        found = provisioning.partitions(self._stack.kafka.admin(), topics)
        return found[SURVEY_SUBMITTED.name], found[SURVEY_INTAKE.name]


@pytest.mark.timeout(1200)  # everybody is killed twice, and comes back
async def test_partitions_are_doubled_while_everybody_works(stack: Stack, world: World, field: Field) -> None:
    runtime, operator = Runtime(stack), Operator(stack)
    houses = await field.visit(VISITS)
    async with AsyncExitStack() as over:
        outsiders = await _everybody(world, over)
        for outsider in outsiders:
            await over.enter_async_context(_kept(outsider))
            await _comes_to(outsider, outsider.has(VISITS))

        async with _at_work(field, houses):
            await _move(stack, operator, field, houses)
            await _all_take_part(runtime)
            await field.visit_again(houses)
        await field.visit_again(houses)

        told = len(field.accepted)
        assert await ledger.settled(runtime, "reporting", ledger.VISITS, told) == told
        found = await ledger.differences(runtime, field.accepted)
        assert not found, "\n".join(found)
        await _households_have_moved(runtime)
        await _states_follow_each_other(runtime)

        reported = await world.reported()
        for outsider in outsiders:
            await _comes_to(outsider, _has(outsider, reported))
            assert await outsider.events() == told, outsider.way
    await _who_begins_now_has_the_same(world, reported, told)

    assert (await operator.does("rebuild"))[0] == 0
    assert await world.reported() == reported
    code, said = await operator.does("reconcile")
    assert code == 0, said


@asynccontextmanager
async def _at_work(field: Field, houses: set[str]) -> AsyncIterator[None]:
    """Visits all the time, to houses that were visited before and to others."""
    resting, dice = asyncio.Event(), random.Random(15)

    async def work() -> None:
        while not resting.is_set():
            await field.visit(FEW)
            await field.visit_again(dice.sample(sorted(houses), FEW))
            await asyncio.sleep(PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        try:
            yield
        finally:
            resting.set()


@asynccontextmanager
async def _kept(outsider: Outsider) -> AsyncIterator[None]:
    """At work; one that ends, as when reporting is killed, is started again."""

    async def keep() -> None:
        while True:
            async with outsider.running() as process:
                await process.wait()
            await asyncio.sleep(PAUSE_SECONDS)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})


async def _comes_to(outsider: Outsider, condition: Callable[[], Awaitable[bool]]) -> None:
    end = monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert monotonic() < end, f"{outsider.way} has {await outsider.events()} events"
        await asyncio.sleep(PAUSE_SECONDS)


async def _everybody(world: World, over: AsyncExitStack) -> list[Outsider]:
    made = await world.let_into_kafka()
    files = world.folder / made["subscriber"]["name"]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    consumer = await over.enter_async_context(world.consumer("python", [sys.executable, str(CONSUMER)], made))
    return [
        consumer,
        world.program("kafka", CONFIGURATION=str(files / "jitasa-librdkafka.properties")),
        world.program("lines"),
        world.program("events"),
        world.program("webhooks", PORT=port, CERTIFICATE=str(world.stack.kafka.certificates.keystore)),
    ]


async def _move(stack: Stack, operator: Operator, field: Field, houses: set[str]) -> None:
    """Killed, with whoever works, at each step, and done again."""
    code, said = await operator.does("partitions", "36")
    assert (code, "24, 48, 96" in said) == (1, True), said
    assert operator.partitions() == (BEFORE, BEFORE)

    assert await operator.is_killed("partitions", str(AFTER)) == "survey-submitted: 48 partitions, before 24\n"
    assert operator.partitions()[0] == AFTER
    await _all_are_killed(stack)
    await field.visit_again(houses)

    code, said = await operator.does("partitions", str(AFTER))
    assert code == 0, said
    assert operator.partitions() == (AFTER, AFTER)
    await _all_are_killed(stack)
    await field.visit_again(houses)

    code, said = await operator.does("partitions", str(AFTER))
    assert (code, "before 48" in said) == (0, True), said
    code, said = await operator.does("partitions", str(BEFORE))
    assert (code, "cannot be taken away" in said) == (1, True), said


async def _all_are_killed(stack: Stack) -> None:
    for name in AT_WORK:
        stack.kill(name, signal.SIGKILL)
    await asyncio.to_thread(stack.wait_ready, PATIENCE_SECONDS)


async def _all_take_part(runtime: Runtime) -> None:
    """Every partition is read."""
    for database, topic in (
        ("survey", SURVEY_INTAKE),
        ("survey", SURVEY_SUBMITTED),
        ("reporting", SURVEY_SUBMITTED),
    ):
        taken = TAKEN.format(topic=topic.name)
        assert await ledger.settled(runtime, database, taken, AFTER) == AFTER, f"{database}: {topic.name}"


async def _households_have_moved(runtime: Runtime) -> None:
    """A house has records where its subdistrict was or is, and of those that were visited again some in both."""
    before, now = (replace(SURVEY_INTAKE, partitions=number) for number in (BEFORE, AFTER))
    moved = 0
    for household, partitions in await ledger.rows(runtime, "survey", HOUSES):
        possible = {before.partition_of(household), now.partition_of(household)}
        assert set(partitions) <= possible, household
        moved += len(partitions) == 2
    assert moved > VISITS / 4


async def _states_follow_each_other(runtime: Runtime) -> None:
    """What an event of a household says it was before is what the one of the revision before says it is after,
    whichever partitions the two are in; of one revision there is one state."""
    stream = await ledger.read(runtime, SURVEY_SUBMITTED)
    states: dict[str, dict[int, Any]] = defaultdict(dict)
    for body in stream.bodies:
        assert states[body["household_id"]].setdefault(body["revision"], body["after"]) == body["after"], body
    for body in stream.bodies:
        of_household = states[body["household_id"]]
        former = body["after"] if body["outcome"] == "superseded" else of_household.get(body["revision"] - 1)
        assert body["before"] == former, body


async def _who_begins_now_has_the_same(world: World, reported: Sums, told: int) -> None:
    later = replace(world, folder=world.folder / "later")
    later.folder.mkdir()
    made = await later.let_into_kafka()
    async with later.consumer("python", [sys.executable, str(CONSUMER)], made) as consumer:
        for outsider in (consumer, later.program("lines")):
            await outsider.ends_with(reported)
            assert await outsider.events() == told, outsider.way


def _has(outsider: Outsider, wanted: Sums) -> Callable[[], Awaitable[bool]]:
    async def has_them() -> bool:
        return counted(await outsider.sums()) == wanted

    return has_them
