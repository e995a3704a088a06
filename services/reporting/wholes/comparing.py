"""Whether a table is plausible: its sums beside the totals that it gives, and beside the table before it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.reporting.domain import derive_above

LARGE_CHANGE: Final = 0.2
"""From one table to the next an area's houses or people change by a few per cent; by a fifth, somebody should look."""
MOST_TOLD: Final = 50
"""Differences of each kind that are told, the largest first; the others are counted."""


@dataclass(frozen=True, slots=True)
class SumDifference:
    """An area whose value is not the sum of the areas below it."""

    area: str
    value: int
    below: int


@dataclass(frozen=True, slots=True)
class Change:
    """An area whose value changed much since the table before."""

    area: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class Former:
    """The table before: the newest of the kind that is older."""

    dated: date
    source: str
    values: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What somebody should look at before a table counts.

    derived: areas above the given ones, summed up; sums: given values that differ from the sum below, of
    `sum_count`; changes: large changes, of `change_count`; gone: areas that only the table before has.
    """

    derived: Mapping[str, int]
    sums: list[SumDifference]
    sum_count: int
    changes: list[Change]
    change_count: int
    gone: int


def compare(given: Mapping[str, int], children: Mapping[str, tuple[str, ...]], former: Former | None) -> Comparison:
    """Compare a table with itself and with the one before.

    children: the codes one level below each area that has any.
    """
    derived = derive_above(given, children)
    known = {**derived, **given}
    sums = []
    for area, value in given.items():
        below = [known.get(child) for child in children.get(area, ())]
        if below and None not in below and (found := sum(one for one in below if one is not None)) != value:
            sums.append(SumDifference(area, value, found))
    sums.sort(key=lambda one: (-abs(one.value - one.below), one.area))
    before = {} if former is None else former.values
    changes = [
        Change(area, before[area], value)
        for area, value in known.items()
        if area in before and abs(value - before[area]) >= LARGE_CHANGE * max(before[area], 1)
    ]
    changes.sort(key=lambda one: (-abs(one.now - one.before) / max(one.before, 1), one.area))
    gone = sum(area not in known for area in before)
    return Comparison(derived, sums[:MOST_TOLD], len(sums), changes[:MOST_TOLD], len(changes), gone)
