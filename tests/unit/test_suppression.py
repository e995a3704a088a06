"""What is withheld cannot be computed: not by subtraction, not over days, not by who knows the rule itself."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate, combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.history.course import history_rows
from services.reporting.history.store import Course
from shared.areas.register import subdistricts
from shared.areas.suppression import LEAST_HIDDEN, SMALL_CELL, before_few, is_small, withheld
from tests.unit.reporting.attacker import Attacker

FEW = st.integers(0, 12) | st.just(0) | st.integers(1, 4)
CODES = [area.code for area in subdistricts("5001")]


def districts(most: int, least: int = 2) -> st.SearchStrategy[dict[str, int]]:
    """Persons by subdistrict of one district."""
    return st.lists(FEW, min_size=least, max_size=most).map(lambda numbers: dict(zip(CODES, numbers, strict=False)))


@given(districts(6))
def test_all_that_is_small_is_withheld_and_never_alone(persons: Mapping[str, int]) -> None:
    """With so many persons around it that they are not few, or with the whole district; else nothing is withheld."""
    hidden = withheld(persons)
    small = {code for code, number in persons.items() if is_small(number)}
    assert small <= hidden
    assert bool(hidden) == bool(small)
    if hidden and hidden != set(persons):
        assert len(hidden) > 1
        assert sum(persons[code] for code in hidden) >= LEAST_HIDDEN
        assert any(persons[code] >= SMALL_CELL for code in hidden)
        assert all(persons[code] for code in hidden)  # where there is nobody, everybody may see it


@pytest.mark.parametrize(("subdistricts_in_it", "most"), [(2, 40), (3, 24), (4, 12)])
def test_who_knows_the_rule_finds_two_values_at_least_for_everything_withheld(
    subdistricts_in_it: int, most: int
) -> None:
    """Every district with so many persons in each, among all that would look the same to the public."""
    codes = CODES[:subdistricts_in_it]
    alike: dict[tuple[tuple[int | None, ...], int], list[tuple[int, ...]]] = defaultdict(list)
    for numbers in product(range(most + 1), repeat=subdistricts_in_it):
        hidden = withheld(dict(zip(codes, numbers, strict=True)))
        if hidden and sum(numbers) <= most:  # of these all are there that have as many persons
            shown = tuple(None if code in hidden else number for code, number in zip(codes, numbers, strict=True))
            alike[shown, sum(numbers)].append(numbers)
    assert alike
    for (shown, _), found in alike.items():
        for place, number in enumerate(shown):
            assert number is not None or len({numbers[place] for numbers in found}) > 1, found


@given(st.dictionaries(st.sampled_from([*CODES[:4], "500201", "100101"]), st.integers(0, 9)))
def test_districts_are_judged_apart(persons: dict[str, int]) -> None:
    """What is withheld in one has nothing to do with another."""
    each = [{code: number for code, number in persons.items() if code[:4] == one} for one in ("5001", "5002", "1001")]
    assert withheld(persons) == frozenset().union(*map(withheld, each))


DAYS = 4
ENDS = [date(2022, 1, 1) + timedelta(days=each) for each in range(DAYS)]


def test_the_end_before_few_came_is_withheld_of_the_whole_district() -> None:
    """Also where nothing came for some days between; the present is shown, and so is an end before many came."""
    came = [
        ("500101", ENDS[2], 3, 1),
        ("500102", ENDS[2], 9, 2),
        ("500201", ENDS[1], 4, 4),
        ("500202", ENDS[2], 30, 9),
        ("500301", ENDS[3], 2, 5),  # as many visits as would be enough
    ]
    assert before_few(came, ENDS) == [
        frozenset({"5001", "5002"}),
        frozenset({"5001"}),
        frozenset(),
        frozenset(),
    ]


@pytest.mark.parametrize(
    ("course", "shown"),
    [
        ([(0, 10), (1, 2)], set[int]()),  # from the first end to the present B got few, though nobody the day after
        ([(0, 10), (0, 2), (1, 10)], {2}),  # of one subdistrict alone, the few would follow from the district's
        ([(1, 10), (0, 2), (1, 3), (0, 10), (0, 1), (0, 4), (1, 5)], {0, 6}),
        ([(0, -6), (0, 5)], {1}),  # together fewer by one
        ([(0, 5), (0, -6), (1, 5), (0, 11)], {2, 3}),
    ],
)
def test_ends_are_shown_from_which_to_the_next_shown_one_nobody_got_few(
    course: Sequence[tuple[int, int]], shown: set[int]
) -> None:
    """course: which subdistrict got something on each day, and how many persons, in one visit. Each end is judged the
    same whatever else is asked for."""
    first = date(2022, 1, 1)
    days = [first + timedelta(days=each) for each in range(len(course) + 1)]
    came = [(CODES[place], day, persons, persons > 0) for (place, persons), day in zip(course, days[1:], strict=True)]
    shown = shown | {len(course)}
    assert [not each for each in before_few(came, days)] == [number in shown for number in range(len(days))]
    for number, day in enumerate(days):
        (alone,) = before_few([each for each in came if each[1] > day], [day])
        assert (not alone) == (number in shown)


def seen(start: Sequence[int], course: Sequence[Sequence[int]]) -> list[tuple[int | None, ...]]:
    """What the public sees of a district at the end of each day and before the first: its persons, and those of its
    subdistricts that are shown. Whoever got anything got it in one visit."""
    days = [date(2022, 1, 1) + timedelta(days=each) for each in range(len(course) + 1)]
    came = [
        (code, day, persons, 1)
        for day, each in zip(days[1:], course, strict=True)
        for code, persons in zip(CODES, each, strict=False)
        if persons
    ]
    views: list[tuple[int | None, ...]] = []
    standing = list(start)
    for few_since, brought in zip(before_few(came, days), [(0,) * len(start), *course], strict=True):
        standing = [number + more for number, more in zip(standing, brought, strict=True)]
        persons = dict(zip(CODES, standing, strict=False))
        hidden = frozenset(persons) if few_since else withheld(persons)
        views.append((sum(standing), *(None if code in hidden else number for code, number in persons.items())))
    return views


@pytest.mark.parametrize(
    "course",
    [
        [(10, 0), (0, 2)],
        [(3, 0), (3, 0)],
        [(10, 0), (3, 0), (10, 0)],
        [(4, 7), (2, 0), (1, 8)],
    ],
)
def test_who_knows_the_rule_finds_two_values_at_least_for_every_day_of_few(course: Sequence[tuple[int, int]]) -> None:
    """Among all courses of two subdistricts that would look the same to the public, which ends are withheld
    included."""
    now = [20 + sum(each[place] for each in course) for place in range(2)]
    view = seen((20, 20), course)
    alike = []
    for firsts in product(*(range(sum(each) + 1) for each in course)):
        other = [(first, sum(each) - first) for first, each in zip(firsts, course, strict=True)]
        start = tuple(number - sum(each[place] for each in other) for place, number in enumerate(now))
        if seen(start, other) == view:
            alike.append(other)
    assert list(course) in alike
    for day, each in enumerate(course):
        for place, persons in enumerate(each):
            assert not is_small(persons) or len({other[day][place] for other in alike}) > 1


@given(st.lists(st.lists(FEW, min_size=DAYS, max_size=DAYS), min_size=2, max_size=5))
def test_no_day_gives_another_away(numbers: Sequence[Sequence[int]]) -> None:
    """Each day's figures, what it brought, and the same of the district: nothing withheld follows from all of it."""
    codes = CODES[: len(numbers)]
    areas = subdistricts("5001")[: len(numbers)]
    courses: dict[str, Course] = {
        code: [(number, number) for number in each] for code, each in zip(codes, numbers, strict=True)
    }

    few = [any(is_small(each[day]) for each in numbers) for day in range(DAYS)]
    came = [
        (code, ENDS[day], each[day], 1)
        for code, each in zip(codes, numbers, strict=True)
        for day in range(1, DAYS)
        if each[day]
    ]
    few_since = before_few(came, ENDS)

    def hides(day: int, persons: Mapping[str, int]) -> frozenset[str]:
        return frozenset(codes) if few_since[day] else withheld(dict.fromkeys(codes, 0) | dict(persons))

    rows = history_rows(areas, courses, DAYS - 1, ["persons"], hides)
    public = Attacker()
    for day in range(DAYS):
        public.learns({(code, day): 1 for code in codes})
    for row in rows:
        for day in range(1, DAYS):
            if row.cumulative["persons"][day - 1] is not None:
                public.learns({(row.area, day): 1})
            if row.by_day["persons"][day - 1] is not None:
                public.learns({(row.area, day): 1, (row.area, day - 1): -1})
    for row, each in zip(rows, numbers, strict=True):
        standing = list(accumulate(each))
        for day in range(1, DAYS):
            shown = row.cumulative["persons"][day - 1]
            assert shown is None or shown == standing[day]
            assert shown is not None or not public.knows({(row.area, day): 1})
            assert not is_small(standing[day]) or shown is None
            brought = row.by_day["persons"][day - 1]
            assert brought is None or (brought == each[day] and not few[day])
            assert brought is not None or not public.knows({(row.area, day): 1, (row.area, day - 1): -1})
        ends = [end for end, number in enumerate(row.cumulative["persons"], 1) if number is not None]
        assert not [(one, end) for one, end in combinations(ends, 2) if is_small(standing[end] - standing[one])]


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-12, 12), st.integers(0, 2)), min_size=2, max_size=4), min_size=1, max_size=12
    )
)
def test_between_two_ends_that_are_shown_no_subdistrict_got_few(course: Sequence[Sequence[tuple[int, int]]]) -> None:
    """Whatever came: corrections make fewer of many, and erasures without a visit."""
    days = [date(2022, 1, 1) + timedelta(days=each) for each in range(len(course) + 1)]
    came = [
        (code, day, persons, visits)
        for day, each in zip(days[1:], course, strict=True)
        for code, (persons, visits) in zip(CODES, each, strict=False)
        if persons or visits
    ]
    shown = [day for day, districts in zip(days, before_few(came, days), strict=True) if not districts]
    assert days[-1] in shown
    for one, end in combinations(shown, 2):
        for code in CODES:
            between = [each[2:] for each in came if each[0] == code and one < each[1] <= end]
            persons, visits = (sum(numbers) for numbers in zip((0, 0), *between, strict=True))
            assert not is_small(max(abs(persons), visits))


def test_hiding_the_small_ones_alone_would_give_them_away() -> None:
    """By subtraction from the district; and so would showing what a day brought beside what is withheld of its end."""
    persons = {CODES[0]: 3, CODES[1]: 20, CODES[2]: 30}
    public = Attacker()
    public.learns(dict.fromkeys(persons, 1))
    for code, number in persons.items():
        if not is_small(number):
            public.learns({code: 1})
    assert public.knows({CODES[0]: 1})
    public = Attacker()
    public.learns({(CODES[0], 2): 1})  # shown on the second day
    assert not public.knows({(CODES[0], 1): 1})
    public.learns({(CODES[0], 2): 1, (CODES[0], 1): -1})  # and what that day brought
    assert public.knows({(CODES[0], 1): 1})


def test_the_attacker_is_able() -> None:
    """He subtracts; else these tests would hold whatever is shown."""
    public = Attacker()
    public.learns({"a": 1, "b": 1, "c": 1})
    public.learns({"c": 1})
    assert not public.knows({"a": 1})
    assert public.knows({"a": 1, "b": 1})
    public.learns({"a": 1, "b": -1})
    assert public.knows({"a": 1})
    assert public.knows({"b": 1})
