"""In which order tests run, and which of them one of three workers runs together.

Tests wait as often as they compute: two workers kept two processors busy for 65 % of the time, so there are three. A
whole stack takes 21 s of processor time to start, and then a fifth of a processor although nobody asks it for
anything; one without services takes 8 s and an eighth. So all that share a stack are one worker's, which ends it behind
the last of them, and these two groups, the longest pieces of work, are begun first. What is left is a file at a time,
by name: those with a stack for themselves come before the short ones of `tests/unit`, with which all workers end at
nearly the same time.

Whoever adds a file: a stack of its own costs as much as 200 tests that ask a service. Take `stack` where it does, which
costs nothing more; `runtime` where Kafka and PostgreSQL suffice; and neither where no real one is needed. Every process
that a test starts takes 0.7 to 1.1 s, nearly all of it for loading: what only one process of a service needs, such as
routes, is loaded by that one.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadGroupScheduling

FAULTS: Final = "tests/faults/"
"""Its files share a stack that is started for them and stopped behind the last of them."""
COMMON: Final = "stack"
"""The fixture of the stack that all others share, and the name of their group."""


class Together(LoadGroupScheduling):  # type: ignore[misc]  # xdist comes without types
    """Gives each worker whole groups, and of what is in none whole files; in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by number of tests: the longest have fewest, and came last

    def _split_scope(self, nodeid: str) -> str:
        group = str(super()._split_scope(nodeid))
        if group != nodeid:
            return group
        if nodeid.startswith(FAULTS):  # else every worker would start every stack, and nobody would see why it is slow
            raise pytest.UsageError("xdist tells no groups: do its version and pytest's fit together?")
        return nodeid.partition("::")[0]


def group(items: Sequence[pytest.Item]) -> None:
    """Mark the faults as one group, and the files in which somebody needs the common stack as another."""
    needing = _files_with(items, COMMON)
    for item in items:
        file = _file(item)
        if file.startswith(FAULTS) or file in needing:
            item.add_marker(pytest.mark.xdist_group("faults" if file.startswith(FAULTS) else COMMON))


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests of each file as they stand there; first the faults, those that start something else before their stack;
    then the files in which somebody needs the common stack, those with most tests first; then all others."""
    needing, on_campaigns = _files_with(items, COMMON), _files_with(items, "campaigns")
    tests = Counter(map(_file, items))

    def place(item: pytest.Item) -> tuple[int, int, str]:
        file = _file(item)
        if file.startswith(FAULTS):
            return 0, int(file in on_campaigns), file
        return (1, -tests[file], file) if file in needing else (2, 0, file)

    return sorted(items, key=place)


def last_file(items: Sequence[pytest.Item]) -> str:
    """The last file in which somebody needs the common stack."""
    return next(_file(item) for item in reversed(items) if COMMON in _names(item))


def _files_with(items: Sequence[pytest.Item], fixture: str) -> set[str]:
    return {_file(item) for item in items if fixture in _names(item)}


def _names(item: pytest.Item) -> Sequence[str]:
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
