"""What counts as a difference, and where it begins."""

from datetime import date

from services.reporting.trust.comparison import STEADY_LOOKS, Cell, Pair, Suspicion, first_days

HOUSEHOLDS = Cell("500101", "households")
PEOPLE = Cell("", "people.agency.approved")


def test_what_is_on_its_way_is_no_difference() -> None:
    suspicion = Suspicion()
    for waiting in (3, 2, 0, 0):
        suspicion.look({HOUSEHOLDS: 10}, {HOUSEHOLDS: 10 - waiting})
    assert suspicion.decided
    assert (suspicion.steady(), suspicion.moving()) == ({}, 0)


def test_what_stays_is_one_also_while_both_sides_grow() -> None:
    suspicion = Suspicion()
    for more in range(STEADY_LOOKS):
        assert not suspicion.decided or not suspicion.looks
        suspicion.look({HOUSEHOLDS: 10 + more, PEOPLE: 1}, {HOUSEHOLDS: 8 + more, PEOPLE: 1})
    assert suspicion.decided
    assert suspicion.steady() == {HOUSEHOLDS: Pair(12, 10)}


def test_what_moves_all_the_time_is_told_apart() -> None:
    suspicion = Suspicion()
    for waiting in (1, 2, 3, 2, 1):
        suspicion.look({HOUSEHOLDS: 10}, {HOUSEHOLDS: 10 - waiting})
    assert not suspicion.decided
    assert (suspicion.steady(), suspicion.moving()) == ({}, 1)


def test_what_began_to_differ_later_is_not_looked_at() -> None:
    suspicion = Suspicion()
    suspicion.look({HOUSEHOLDS: 1}, {})
    suspicion.look({PEOPLE: 1}, {})
    assert suspicion.pairs == {}


def test_a_count_that_is_missing_is_nought() -> None:
    suspicion = Suspicion()
    suspicion.look({HOUSEHOLDS: 0}, {PEOPLE: 0})
    assert suspicion.pairs == {}


def test_a_difference_begins_on_the_first_day_that_differs() -> None:
    first, second, third = (date(2022, 1, day) for day in (1, 2, 3))
    owned = [(first, "households", 4), (second, "households", 2), (third, "households", 1), (third, "persons", 1)]
    reported = [(first, "households", 4), (second, "households", 1), (third, "households", 2), (third, "persons", 1)]
    assert first_days(owned, reported) == {"households": second}


def test_every_figure_has_an_owner() -> None:
    owners = [Cell("", name).owner for name in ("persons", "reasons.cost", "people.agency.pending", "places.x.open")]
    assert owners == ["survey", "survey", "registration", "facilities"]
