"""One stack for all faults: each test leaves it exact and ready for the next."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.campaigns import Campaigns
from tests.faults.stacks import ProxiedStack
from tests.runtime import running as running_stack


class Running:
    """The stack that runs, and another one after a test that failed: what that left behind is not to be counted."""

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened
        self._campaigns: Campaigns[ProxiedStack] | None = None

    def campaigns(self) -> Campaigns[ProxiedStack]:
        """The campaigns on a stack that is exact."""
        if self._campaigns is None or self._campaigns.failed:
            self._opened.close()
            self._campaigns = Campaigns(self._opened.enter_context(running_stack(ProxiedStack)))
        return self._campaigns


@pytest.fixture(scope="package")
def running() -> Iterator[Running]:
    """A stack of its own, so that everything that clients were told can be counted."""
    with ExitStack() as opened:
        yield Running(opened)


@pytest.fixture
def campaigns(running: Running) -> Campaigns[ProxiedStack]:
    """Where this test plays its campaign."""
    return running.campaigns()
