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


def before_few(came: Iterable[tuple[str, date, int, int]], ends: Sequence[date]) -> list[frozenset[str]]:
    """For each of some days, the districts whose subdistricts are withheld as they stood at its end, because what came
    to few persons would follow from them and from the next end that is shown.

    What stands now is shown. From there backwards an end is shown where what came until the next shown one was enough
    in each subdistrict that got anything (`_is_enough`); that decides alone, whatever days are asked for. All of a
    district go together: of one alone, the day would follow from the district's.

    came: subdistrict, day, persons and visits, of each day since the first of the ends on which anything came. Of a
    district those may be left out that are later than the last day that was not enough for one of its subdistricts.
    """
    districts: dict[str, dict[date, list[tuple[str, int, int]]]] = defaultdict(lambda: defaultdict(list))
    for code, day, persons, visits in came:
        districts[code[:DISTRICT]][day].append((code, persons, visits))
    found: list[set[str]] = [set() for _ in ends]
    for district, course in districts.items():
        days = sorted(course)
        before = _hidden_before(course)
        for place, end in enumerate(ends):
            following = bisect_right(days, end)
            if following < len(days) and days[following] in before:
                found[place].add(district)
    return list(map(frozenset, found))


def _hidden_before(course: Mapping[date, Sequence[tuple[str, int, int]]]) -> frozenset[date]:
    """The days of a district before which its subdistricts' figures are withheld."""
    hidden: set[date] = set()
    since: dict[str, tuple[int, int]] = {}  # what came until the next end that is shown
    several = False
    for day in sorted(course, reverse=True):
        for code, persons, visits in course[day]:
            before = since.get(code, (0, 0))
            since[code] = (before[0] + persons, before[1] + visits)
        if _is_enough(since.values(), several=several):
            since.clear()
            several = False
        else:
            hidden.add(day)
            several = True
    return frozenset(hidden)


def _is_enough(sums: Iterable[tuple[int, int]], *, several: bool) -> bool:
    """Whether what came to the subdistricts of a district, in persons and visits, tells nothing of few persons.

    Fewer persons than before are never enough, since together with what came else they may be few. several: days; of
    one subdistrict alone they would follow from the district's, which are shown.
    """
    moved = [each for each in sums if any(each)]
    return all(max(each) >= SMALL_CELL for each in moved) and not (several and len(moved) == 1)
