"""How many schedules, or which one."""

import pytest

SCHEDULES = 8_000
"""One takes 5 to 6 ms of CPU: under half a minute on two free cores, a minute on two that have other things to do as
well. `--schedules 100000` is the long run."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`pytest tests/simulation --schedules N`, or `--seed N` for one schedule with its trace."""
    parser.addoption("--schedules", type=int, default=SCHEDULES, help="schedules of the simulation to run")
    parser.addoption("--seed", type=int, default=None, help="replay this schedule of the simulation")


@pytest.fixture
def schedules(request: pytest.FixtureRequest) -> int:
    """How many schedules to run. A run of more than this folder does not know its options."""
    return int(request.config.getoption("--schedules", default=SCHEDULES))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int | None:
    """The one schedule to run, if any."""
    given = request.config.getoption("--seed", default=None)
    return None if given is None else int(given)
