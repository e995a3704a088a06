"""One stack for all faults: each test leaves it exact and ready for the next."""

from collections.abc import Iterator

import pytest

from tests.faults.campaigns import Campaigns
from tests.runtime import started


@pytest.fixture(scope="package")
def campaigns() -> Iterator[Campaigns]:
    """A stack of its own, so that everything that clients were told can be counted."""
    with started(services=True) as stack:
        yield Campaigns(stack)
