"""In which order tests run, and which of them one of two workers runs together.

A whole stack that nobody needs at the moment takes 28 % of a processor from who works, one without services 6 %, and
its start 30 s of processor time. So those with a stack for themselves come first, one worker has all of them who share
one, and the stack that the others share is started when only tests are left that need it.
"""

from collections import Counter
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

FAULTS: Final = "tests/faults/"
"""Its files share a stack that is started for them and stopped behind the last of them."""


class Together(LoadFileScheduling):  # type: ignore[misc]  # xdist comes without types
    """Gives each worker whole files, and the faults as if they were one; in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by number of tests: the longest have fewest, and came last

    def _split_scope(self, nodeid: str) -> str:
        return FAULTS if nodeid.startswith(FAULTS) else str(super()._split_scope(nodeid))


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests of each file as they stand there; first the faults, those that start something else before their common
    stack; last the files in which somebody needs the stack that all share, of these those with most tests first, so
    that both workers end at the same time."""
    needing, on_common = _files_with(items, "stack"), _files_with(items, "campaigns")
    tests = Counter(map(_file, items))

    def place(item: pytest.Item) -> tuple[int, int, str]:
        file = _file(item)
        if file.startswith(FAULTS):
            return 0, int(file in on_common), file
        return (2, -tests[file], file) if file in needing else (1, 0, file)

    return sorted(items, key=place)


def _files_with(items: list[pytest.Item], fixture: str) -> set[str]:
    return {_file(item) for item in items if fixture in getattr(item, "fixturenames", ())}


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]
