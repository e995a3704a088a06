"""In which order the tests themselves run."""

from dataclasses import dataclass
from typing import Any

from tests.order import Together, in_order


@dataclass(frozen=True)
class Item:
    """A test by its name, and what it asks for."""

    nodeid: str
    fixturenames: tuple[str, ...] = ()


def test_the_stack_of_all_is_started_when_nothing_else_is_left() -> None:
    collected: list[Any] = [
        Item("tests/e2e/test_demo.py::test_b"),
        Item("tests/e2e/test_few.py::test_a", ("stack",)),
        Item("tests/e2e/test_many.py::test_a", ("stack",)),
        Item("tests/e2e/test_many.py::test_b"),
        Item("tests/faults/test_killed.py::test_a", ("campaigns",)),
        Item("tests/faults/test_supervisor.py::test_a"),
        Item("tests/unit/test_x.py::test_b"),
        Item("tests/unit/test_x.py::test_a"),
    ]
    assert [item.nodeid.removeprefix("tests/") for item in in_order(collected)] == [
        "faults/test_supervisor.py::test_a",
        "faults/test_killed.py::test_a",
        "e2e/test_demo.py::test_b",
        "unit/test_x.py::test_b",
        "unit/test_x.py::test_a",
        "e2e/test_many.py::test_a",
        "e2e/test_many.py::test_b",
        "e2e/test_few.py::test_a",
    ]


def test_one_worker_has_all_faults_and_else_whole_files() -> None:
    together = Together.__new__(Together)
    parts = {"faults/test_a.py::test", "faults/test_b.py::test", "unit/test_c.py::test", "unit/test_c.py::test_2"}
    assert {together._split_scope(f"tests/{name}") for name in parts} == {"tests/faults/", "tests/unit/test_c.py"}
