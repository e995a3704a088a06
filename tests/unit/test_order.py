"""In which order the tests themselves run, and which of them together."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.order import Together, group, in_order, last_file


@dataclass
class Item:
    """A test by its name, and what it asks for."""

    nodeid: str
    fixturenames: tuple[str, ...] = ()
    groups: list[str] = field(default_factory=list)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        """Keep the name of its group."""
        self.groups += mark.args


@pytest.fixture
def collected() -> list[Any]:
    """Tests as pytest collects them."""
    return [
        Item("tests/e2e/test_demo.py::test_b"),
        Item("tests/e2e/test_few.py::test_a", ("stack",)),
        Item("tests/e2e/test_many.py::test_a", ("stack",)),
        Item("tests/e2e/test_many.py::test_b"),
        Item("tests/faults/test_killed.py::test_a", ("campaigns",)),
        Item("tests/faults/test_supervisor.py::test_a"),
        Item("tests/unit/test_x.py::test_b"),
        Item("tests/unit/test_x.py::test_a"),
    ]


def test_those_who_share_a_stack_begin_and_short_ones_end(collected: list[Any]) -> None:
    assert [item.nodeid.removeprefix("tests/") for item in in_order(collected)] == [
        "faults/test_supervisor.py::test_a",
        "faults/test_killed.py::test_a",
        "e2e/test_many.py::test_a",
        "e2e/test_many.py::test_b",
        "e2e/test_few.py::test_a",
        "e2e/test_demo.py::test_b",
        "unit/test_x.py::test_b",
        "unit/test_x.py::test_a",
    ]


def test_who_shares_a_stack_is_of_one_group_with_its_whole_file(collected: list[Any]) -> None:
    group(collected)
    assert [item.groups for item in collected] == [
        *([], ["stack"], ["stack"], ["stack"]),
        *(["faults"], ["faults"], [], []),
    ]


def test_the_common_stack_ends_behind_the_last_who_needs_it(collected: list[Any]) -> None:
    assert last_file(in_order(collected)) == "tests/e2e/test_few.py"


def test_one_worker_has_a_whole_group_and_else_whole_files() -> None:
    together = Together.__new__(Together)
    parts = {
        "tests/faults/test_a.py::test@faults": "faults",
        "tests/faults/test_b.py::test[a@b]@faults": "faults",
        "tests/unit/test_c.py::test": "tests/unit/test_c.py",
        "tests/unit/test_c.py::test[a@b]": "tests/unit/test_c.py",
    }
    assert {part: together._split_scope(part) for part in parts} == parts


def test_groups_that_are_not_told_are_noticed() -> None:
    with pytest.raises(pytest.UsageError, match="fit together"):
        Together.__new__(Together)._split_scope("tests/faults/test_a.py::test")
