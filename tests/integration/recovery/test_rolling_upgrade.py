"""From the former release to this one, process by process, while volunteers and offices work."""

import asyncio
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from deploy.local.home import CHECKOUT
from tests.faults import ledger
from tests.faults.scenarios import shared_by
from tests.integration.recovery import former
from tests.integration.recovery.field import Field
from tests.integration.recovery.former import MixedStack
from tests.integration.recovery.machine import PROCESSES
from tests.runtime import Runtime, running

SIDE_BY_SIDE = ("survey-recorder-2", "reporting-projector-2")
"""Of the present release, beside those of the former that share the partitions with them."""
MORE = 100
"""Visits that are accepted in each state of the upgrade."""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MixedStack]:
    """All of the former release."""
    commit = former.revision()
    if commit is None:
        pytest.skip("this checkout has no history (git clone --depth 1, or an archive), hence no former release")
    folder = tmp_path_factory.mktemp("former")
    former.unpack(commit, folder)
    with running(partial(MixedStack, former=folder), PROCESSES) as mixed:
        yield mixed


async def test_old_and_new_work_side_by_side_and_nothing_is_lost(mixed: MixedStack) -> None:
    runtime = Runtime(mixed)
    async with Field(seed=12) as field:
        await field.meet(mixed)
        _all_run(mixed, mixed.former)
        place = await field.enter_place("จุดฉีดก่อนปรับรุ่น")
        before = await _migrations(runtime)
        async with field.at_work():
            await _more(field)
            await asyncio.to_thread(mixed.migrate)
            await _more(field)

            mixed.present |= set(SIDE_BY_SIDE)
            await asyncio.to_thread(mixed.start_services, SIDE_BY_SIDE)
            for group in ("survey-recorder", "reporting-projector"):
                await shared_by(mixed, group, 2)
            await _more(field)

            for process in PROCESSES:
                mixed.present.add(process)
                await asyncio.to_thread(mixed.stop_services, [process])
                await asyncio.to_thread(mixed.start_services, [process])
                await _more(field)
        assert await field.change_place(place, "จุดฉีดหลังปรับรุ่น") == 2
        _all_run(mixed, CHECKOUT)
        assert await _migrations(runtime) >= before
        counted = await ledger.settled(runtime, "reporting", ledger.VISITS, len(field.accepted))
        assert counted == len(field.accepted)
        found = await ledger.differences(runtime, field.accepted)
        assert not found, "\n".join(found)


def _all_run(stack: MixedStack, code: Path) -> None:
    """Hold every process to run that code, as Linux tells; other systems do not."""
    if sys.platform == "linux":
        named = stack.supervisor.keepers.keys() & {*PROCESSES, *SIDE_BY_SIDE}
        assert {stack.code_of(process) for process in named} == {code.resolve()}


async def _more(field: Field) -> None:
    wanted = len(field.accepted) + MORE
    async with asyncio.timeout(60):
        while len(field.accepted) < wanted:
            await asyncio.sleep(0.02)


async def _migrations(runtime: Runtime) -> int:
    services = ("registration", "survey", "facilities", "reporting")
    return sum([await ledger.value(runtime, each, "SELECT count(*) FROM schema_migrations") for each in services])
