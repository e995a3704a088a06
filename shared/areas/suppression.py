"""Which subdistricts' figures are withheld so that none of very few persons can be computed from what is shown.

A district's figures are shown whatever they are, so what is hidden in it has a known sum. Hiding the small subdistricts
alone would give a single one away, by subtraction. Others are hidden with them, and which ones follows from the codes
and not from the size of what is hidden: the choice itself tells nothing.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

SMALL_CELL: Final = 5
"""Below this many persons a subdistrict's figures may point at a household; they are not shown to everybody."""

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


def before_few(moved: Iterable[tuple[str, date, bool]], ends: Sequence[date]) -> list[frozenset[str]]:
    """For each of some days, the districts whose subdistricts are withheld as they stood at its end, because what came
    next would follow from them: the next day on which anything came brought few persons to one of them.

    All of a district go together: of one alone, the day before would follow from the district's. What stands now is
    shown, so it is the days before that are withheld.

    moved: district, day, and whether any of its subdistricts had few that day; each day on which anything came.
    """
    days: dict[str, list[tuple[date, bool]]] = defaultdict(list)
    for district, day, few in moved:
        days[district].append((day, few))
    found: list[set[str]] = [set() for _ in ends]
    for district, course in days.items():
        course.sort()
        for place, end in enumerate(ends):
            following = bisect_right(course, (end, True))
            if following < len(course) and course[following][1]:
                found[place].add(district)
    return list(map(frozenset, found))
