"""The supervisor itself is killed with -9 in the middle of a campaign and started again: still exact."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from deploy.local import ports
from deploy.local.description import describe
from deploy.local.home import CHECKOUT, Home
from deploy.local.stack import Stack
from tests.faults.campaigns import SEED, Campaigns
from tests.faults.road import Road
from tests.runtime import temporary_home

START_SECONDS = 120.0


def _jitasa(home: Home, base: int, *words: str) -> None:
    environment = {
        "JITASA_HOME": str(home.root),
        "JITASA_TOOLS": str(home.tools),
        "JITASA_PORT_BASE": str(base),
        "PYTHONPATH": str(CHECKOUT),
    }
    done = subprocess.run(
        [sys.executable, "-m", "deploy", *words],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _supervised() -> Iterator[tuple[Home, int]]:
    """A stack whose supervisor is a process of its own, as `./jitasa up --detach` leaves it."""
    with temporary_home() as home:
        base = ports.free_base()
        try:
            _jitasa(home, base, "up", "--detach")
            yield home, base
        finally:
            _jitasa(home, base, "down")


async def test_the_supervisor_is_killed_and_started_again() -> None:
    with _supervised() as (home, base):

        async def killed(road: Road) -> None:
            road.hold(Random(f"{SEED}/supervisor").randint(10, 40))
            await road.used_up()
            os.kill(describe(home)["supervisor"]["pid"], signal.SIGKILL)
            road.hold(10)  # what the supervisor kept still runs, until the next one ends it
            await asyncio.to_thread(_jitasa, home, base, "up", "--detach")
            road.open()

        await Campaigns(Stack(home, base)).play(killed, on=("survey",), provinces=10)
