"""The order of a morning's visits, and why somebody comes when."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.survey.submission import Address, Person
from services.survey.visits.http.items import reasons
from services.survey.visits.lists import Entry
from services.survey.visits.persons import address_text, age_of
from services.survey.visits.routing import Spot, metres, natural, nearest_first

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
SPOTS = st.builds(Spot, st.floats(6, 20), st.floats(98, 105))


def test_metres_are_those_of_the_earth() -> None:
    assert metres(Spot(18.0, 98.0), Spot(19.0, 98.0)) == pytest.approx(111_195, abs=1)
    assert metres(Spot(18.0, 98.0), Spot(18.0, 99.0)) == pytest.approx(105_753, abs=1)


@given(st.none() | SPOTS, st.lists(SPOTS, max_size=12))
def test_every_stop_comes_once_and_none_left_is_nearer(start: Spot | None, spots: list[Spot]) -> None:
    found = nearest_first(start, list(enumerate(spots)))
    assert sorted(index for index, _ in found) == list(range(len(spots)))
    here, left = start, dict(enumerate(spots))
    for index, distance in found:
        if here is None:
            assert (index, distance) == (0, None)
        else:
            assert distance == min(metres(here, spot) for spot in left.values())
        here = left.pop(index)


def test_house_numbers_are_in_the_order_of_people() -> None:
    houses = ["10", "9/10", "9", "9/2", "100", "ไม่ทราบ", "9ก"]
    assert sorted(houses, key=natural) == ["9", "9/2", "9/10", "9ก", "10", "100", "ไม่ทราบ"]


def entry(**changes: object) -> Entry:
    """Somebody who is to be reached."""
    fields: dict[str, object] = dict.fromkeys(Entry._fields)
    fields |= {"household_id": UUID(int=1), "person_id": UUID(int=2), "status": "open", "dose": 0, "others": []}
    fields |= {"wanting_since": NOW, "at_risk": False, "home_visit": False} | changes
    return Entry(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({}, ["no_dose"]),
        ({"dose": 1, "at_risk": True}, ["at_risk", "next_dose"]),
        ({"home_visit": True, "wanting_since": NOW - timedelta(days=9)}, ["home_visit", "no_dose", "waiting"]),
        ({"wanting_since": NOW - timedelta(hours=11)}, ["no_dose", "waiting"]),  # yesterday in Thailand
    ],
)
def test_why_says_what_counts(changes: dict[str, object], codes: list[str]) -> None:
    for language in ("th", "en"):
        told = reasons(entry(**changes), NOW, language)
        assert [one.code for one in told] == codes
        assert not any("{" in one.message for one in told)


def test_late_is_past_the_first_date_while_there_is_something_to_do() -> None:
    past, ahead = NOW - timedelta(seconds=1), NOW + timedelta(seconds=1)
    assert entry(due_first=past).late(NOW)
    assert not entry(due_first=ahead).late(NOW)
    assert not entry().late(NOW)
    assert not entry(due_first=past, status="died").late(NOW)


def test_ages_go_on_and_years_are_of_either_era() -> None:
    captured = datetime(2021, 6, 1, tzinfo=UTC)
    assert age_of(Person(birth_year=2490), captured, NOW) == 75
    assert age_of(Person(birth_year=1947), captured, NOW) == 75
    assert age_of(Person(age=74), captured, NOW) == 75
    assert age_of(Person(), captured, NOW) is None


def test_an_address_is_written_as_people_write_it() -> None:
    address = Address(area="100101", house="12", unit="5A")
    assert address_text(address, "100101", "th") == ("บ้านเลขที่ 12 ห้อง 5A แขวงพระบรมมหาราชวัง เขตพระนคร กรุงเทพมหานคร")
    assert address_text(address, "100101", "en").startswith("House 12, unit 5A, ")
    odd = Address(area="500101", house="9", village="5001010²")  # stood in the database before it was refused
    assert "หมู่" not in address_text(odd, "500101", "th")
