"""The production protocol is exact in every schedule, and every way to break it on purpose is found."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.campaign import FAULTS
from tests.simulation.variants import VARIANTS

ROOT = Path(__file__).resolve().parents[2]
MOST_SCHEDULES = 3_000
"""Within so many a broken variant has to be found. Most take less than 50; without the owner's epoch, 50 to 600."""


REACHED = {
    "consumer_restarts",
    "database_or_kafka_away",
    "dead_letter",
    "gap",
    "gap_closed",
    "producer_failed",
    "published_topic_is_another",
    "relay_waits",
    "topic_is_another",
}
"""Events that the production code logs on its rarer ways: a simulation that takes none of them proves little."""


def simulate(*arguments: str, seconds: float = 120.0) -> tuple[int, str]:
    """Runs `python -m tests.simulation`: a process of its own, whose hashes are not random."""
    command = [sys.executable, "-W", "error", "-m", "tests.simulation", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.timeout(7200)  # as many as are asked for
def test_every_schedule_is_exact(schedules: int, seed: int | None) -> None:
    arguments = ["--schedules", str(schedules)] if seed is None else [str(seed)]
    code, told = simulate(*arguments, seconds=7000.0)
    print(told)
    assert code == 0, told[-20_000:]


def test_a_seed_replays_exactly() -> None:
    first, second = simulate("17"), simulate("17")
    assert first == second
    assert first[1].count("\n") > 50


def test_schedules_strike_everywhere() -> None:
    code, told = simulate("--json", "--schedules", "600")
    assert code == 0, told
    outcome = json.loads(told)
    assert outcome["faults"].keys() == FAULTS.keys()
    assert not REACHED - outcome["logged"].keys()


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_broken_protocol_is_found(variant: str) -> None:
    code, told = simulate("--variant", variant, "--schedules", str(MOST_SCHEDULES), "--processes", "1", seconds=280.0)
    assert code == 1, told
    found = re.search(r"seed (\d+): ", told)
    assert found is not None, told
    assert f"replay: python -m tests.simulation {found[1]}" in told
