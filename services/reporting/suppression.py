"""Which subdistricts' figures are withheld so that none of very few persons can be computed from what is shown.

A district's figures are shown whatever they are, so what is hidden in it has a known sum. Hiding the small subdistricts
alone would give a single one away, by subtraction. Others are hidden with them, and which ones follows from the codes
and not from the size of what is hidden: the choice itself tells nothing.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from services.reporting.domain import SMALL_CELL

LEAST_HIDDEN: Final = 2 * SMALL_CELL
"""Persons in the hidden subdistricts of a district together. With fewer, a small one beside one that is just large
enough could be told: of six persons in two subdistricts the small one would have one."""

DISTRICT: Final = 4
"""Digits of a district's code."""


def is_small(persons: int) -> bool:
    """Whether so few persons were counted that the figures may point at a household; nobody is no secret."""
    return persons != 0 and persons < SMALL_CELL


def withheld_in_district(persons: Mapping[str, int]) -> frozenset[str]:
    """The codes that are hidden among all subdistricts of one district, those without results included.

    Every small one, then others in the order of their codes until one of them is not small and `LEAST_HIDDEN` persons
    are hidden. Where the ones with results are too few for that, all are hidden, so that nobody knows which of them
    have the few.
    """
    small = {code for code, number in persons.items() if is_small(number)}
    if not small:
        return frozenset()
    hidden, total = set(small), sum(persons[code] for code in small)
    for code in sorted(persons):
        if persons[code] >= SMALL_CELL:
            hidden.add(code)
            total += persons[code]
            if total >= LEAST_HIDDEN:
                return frozenset(hidden)
    return frozenset(persons)


def withheld(persons: Mapping[str, int]) -> frozenset[str]:
    """The same for the subdistricts of any districts, each district's all being there."""
    districts: dict[str, dict[str, int]] = defaultdict(dict)
    small: set[str] = set()
    for code, number in persons.items():
        districts[code[:DISTRICT]][code] = number
        if is_small(number):
            small.add(code[:DISTRICT])
    return frozenset().union(*(withheld_in_district(districts[district]) for district in small))
