"""What is withheld cannot be computed: not by subtraction, not over days, not by who knows the rule itself."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain import SMALL_CELL
from services.reporting.history.course import history_rows
from services.reporting.history.store import Course
from services.reporting.suppression import LEAST_HIDDEN, is_small, withheld
from shared.areas.register import subdistricts
from tests.unit.reporting.attacker import Attacker

FEW = st.integers(0, 12) | st.just(0) | st.integers(1, 4)
CODES = [area.code for area in subdistricts("5001")]


def districts(most: int, least: int = 2) -> st.SearchStrategy[dict[str, int]]:
    """Persons by subdistrict of one district."""
    return st.lists(FEW, min_size=least, max_size=most).map(lambda numbers: dict(zip(CODES, numbers, strict=False)))


def sums(parts: int, total: int) -> Iterator[tuple[int, ...]]:
    """Every way in which so many subdistricts can have so many persons together."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in sums(parts - 1, total - first):
            yield (first, *rest)


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


@given(districts(4))
def test_who_knows_the_rule_finds_two_values_at_least_for_everything_withheld(persons: Mapping[str, int]) -> None:
    """All districts that would look the same to the public, one by one."""
    hidden = sorted(withheld(persons))
    found: dict[str, set[int]] = {code: set() for code in hidden}
    total = sum(persons[code] for code in hidden)
    for guess in sums(len(hidden), total) if hidden else ():
        other = dict(persons) | dict(zip(hidden, guess, strict=True))
        if withheld(other) == set(hidden):
            for code, number in zip(hidden, guess, strict=True):
                found[code].add(number)
        if all(len(values) > 1 for values in found.values()):
            break
    assert all(len(values) > 1 for values in found.values())


@given(st.dictionaries(st.sampled_from([*CODES[:4], "500201", "100101"]), st.integers(0, 9)))
def test_districts_are_judged_apart(persons: dict[str, int]) -> None:
    """What is withheld in one has nothing to do with another."""
    each = [{code: number for code, number in persons.items() if code[:4] == one} for one in ("5001", "5002", "1001")]
    assert withheld(persons) == frozenset().union(*map(withheld, each))


DAYS = 4


@given(st.lists(st.lists(FEW, min_size=DAYS, max_size=DAYS), min_size=2, max_size=5))
def test_no_day_gives_another_away(numbers: Sequence[Sequence[int]]) -> None:
    """Each day's figures, what it brought, and the same of the district: nothing withheld follows from all of it."""
    codes = CODES[: len(numbers)]
    areas = subdistricts("5001")[: len(numbers)]
    courses: dict[str, Course] = {
        code: [(number, number) for number in each] for code, each in zip(codes, numbers, strict=True)
    }

    def hides(persons: Mapping[str, int]) -> frozenset[str]:
        return withheld(dict.fromkeys(codes, 0) | dict(persons))

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
