"""The main job as its user runs it: `./jitasa demo --exit` is exact and says so, and a wrong figure is found."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import asyncpg
import pytest

from deploy.local import ports
from deploy.local.home import CHECKOUT, Home
from deploy.local.stack import Stack
from tests.runtime import temporary_home

SECONDS = 240.0
"""Starting, playing and comparing on two busy cores."""

EXACT = "every figure exact"
LARGEST = "SELECT subdistrict FROM survey_subdistrict ORDER BY persons DESC, subdistrict LIMIT 1"
SPOIL = "UPDATE survey_subdistrict SET wanting = wanting + $2 WHERE subdistrict = $1"


class Terminal:
    """Runs commands of `./jitasa` on a home and ports of its own."""

    def __init__(self, home: Home, base: int) -> None:
        self.stack = Stack(home, base)
        self._environment = os.environ | {
            "JITASA_HOME": str(home.root),
            "JITASA_TOOLS": str(home.tools),
            "JITASA_PORT_BASE": str(base),
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONWARNINGS": "error",
        }

    def run(self, *words: str) -> tuple[int, str]:
        """The exit code and everything written."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy", *words],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.returncode, done.stdout

    def in_reporting(self, statement: str, *values: object) -> object:
        """Run a statement in reporting's database, as an operator with its password could; the first value."""

        async def run() -> object:
            connection = await asyncpg.connect(**self.stack.postgres.connection(database="reporting"))
            try:
                return await connection.fetchval(statement, *values)
            finally:
                await connection.close()

        return asyncio.run(run())


@pytest.fixture(scope="module")
def terminal() -> Iterator[Terminal]:
    with temporary_home() as home:
        found = Terminal(home, ports.free_base())
        try:
            yield found
        finally:
            found.run("down")


def test_the_demo_starts_everything_is_exact_and_leaves_nothing_running(terminal: Terminal) -> None:
    code, output = terminal.run("demo", "--exit", "--households", "1000")
    assert code == 0, output
    assert EXACT in output
    assert "ทุกตัวเลขถูกต้องตรงกัน" in output
    assert terminal.run("status")[0] == 3


def test_a_figure_changed_in_the_database_is_found_and_named(terminal: Terminal) -> None:
    assert terminal.run("up", "--detach")[0] == 0
    code, output = terminal.run("demo", "--exit", "--households", "200")
    assert (code, EXACT in output) == (0, True), output  # a second campaign on top of whatever is there
    assert terminal.run("admin", "reconcile")[0] == 0

    area = terminal.in_reporting(LARGEST)
    terminal.in_reporting(SPOIL, area, 1)

    code, output = terminal.run("admin", "reconcile")
    assert code == 1
    assert f"reporting: {area} " in output
    assert "wanting: expected" in output
    code, output = terminal.run("demo", "--exit", "--households", "200")
    assert code == 1
    assert EXACT not in output
    assert f"reporting: {area} " in output
    assert "wanting: expected" in output

    code, output = terminal.run("admin", "rebuild", "--reason", "a figure was changed by hand")
    assert (code, ": done in" in output) == (0, True), output
    assert terminal.run("admin", "reconcile")[0] == 0
    assert terminal.run("admin", "dead-letters", "list")[0] == 0
    assert terminal.run("admin", "gaps", "list")[0] == 0
    code, output = terminal.run("admin", "dead-letters", "replay", "1")
    assert (code, "there is none" in output) == (1, True), output
