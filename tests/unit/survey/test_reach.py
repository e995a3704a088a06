"""Whom a survey names as to reach, under which id, in which order, and what a search finds him by."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.survey.reach.doses import RULES, rule_on
from services.survey.reach.persons import persons_to_reach
from services.survey.reach.priorities import PRIORITIES, priorities_on, rank_on
from services.survey.reach.tokens import name_tokens, phone_token
from services.survey.records import ReachPerson
from services.survey.submission import Submission
from shared.security.blind_index import BlindIndex
from shared.security.keyed_ids import HouseholdIds
from shared.security.spelling import words_of

IDS, INDEX = HouseholdIds(bytes(32)), BlindIndex(bytes(32))
HOUSE, OTHER = UUID(int=1), UUID(int=2)
NUMBER = "1101700230708"
BEFORE_BOOSTERS, SINCE = "2021-10-01T09:00:00+07:00", "2022-01-15T09:00:00+07:00"


def found(
    *persons: dict[str, Any], at: str = SINCE, house: UUID = HOUSE, phone: str | None = None
) -> list[ReachPerson]:
    """Of a survey at one house; everybody wants vaccine who does not say otherwise."""
    body = {
        "submission_id": UUID(int=3),
        "captured_at": at,
        "address": {"area": "500101", "house": "1"},
        "contact": {"phone": phone},
        "persons": [{"wants_vaccine": "yes"} | person for person in persons],
    }
    return list(persons_to_reach(msgspec.convert(body, Submission), house, IDS, INDEX))


def doses(*vaccines: str | None) -> list[dict[str, Any]]:
    """Doses, the first to the last, of these vaccines."""
    return [{"number": number, "vaccine": vaccine} for number, vaccine in enumerate(vaccines, 1)]


@pytest.mark.parametrize(
    ("had", "before_boosters", "since"),
    [
        ((), True, True),
        (("511",), True, True),
        ((None, None), False, True),
        (("511", "511", "210"), False, False),
        (("212",), False, True),
        (("212", "208"), False, False),
    ],
)
def test_what_counts_as_complete_is_dated(had: tuple[str | None, ...], before_boosters: bool, since: bool) -> None:
    assert bool(found({"doses": doses(*had)}, at=BEFORE_BOOSTERS)) is before_boosters
    assert bool(found({"doses": doses(*had)})) is since


def test_a_day_is_thailands() -> None:
    two = {"doses": doses("511", "511")}
    assert found(two, at="2021-12-19T16:59:59Z") == []
    assert len(found(two, at="2021-12-19T17:00:00Z")) == 1
    assert rule_on(date(1999, 1, 1)) is RULES[0]
    assert priorities_on(date(1999, 1, 1)) is PRIORITIES[0]


@pytest.mark.parametrize("wants", ["no", "undecided", None])
def test_only_who_wants_vaccine_is_to_be_reached(wants: str | None) -> None:
    assert found({"wants_vaccine": wants}) == []


def test_the_order_of_january_2022() -> None:
    day = date(2022, 1, 1)
    order = [(True, True, None), (True, False, 5), (False, True, 80), (False, True, 70), (False, True, None)]
    order += [(False, False, 18), (False, False, 17)]
    assert [rank_on(day, *one) for one in order] == list(range(7))
    assert rank_on(day, False, False, None) == 6
    assert rank_on(date(2021, 12, 31), False, True, 80) == rank_on(date(2021, 12, 31), False, True, 20) == 1
    for one in PRIORITIES:
        assert one.groups[-1].takes(home_visit=False, at_risk=False, age=None)


def test_what_the_record_says_of_a_person() -> None:
    person = {"name": "นางสาวสมหญิง ใจดี", "age": 71, "home_visit": True, "reasons": ["other", "cost", "cost"]}
    [one] = found(person | {"doses": doses("511"), "registered_area": "๑๐"}, phone="081-234-5678")
    assert (one.place, one.rank, one.dose, one.at_risk, one.home_visit) == (0, 0, 1, True, True)
    assert (one.reasons, one.registered_area) == (("cost", "other"), "10")
    assert [*one.tokens] == [*name_tokens(INDEX, words_of("สมหญิง ใจดี")), phone_token(INDEX, "0812345678")]
    assert all(-(2**63) <= token < 2**63 for token in one.tokens)


def test_a_person_has_one_id_by_number_everywhere_and_by_name_in_a_household() -> None:
    [first], [second] = found({"national_id": NUMBER}), found({"national_id": "1-1017-00230-70-8"}, house=OTHER)
    assert first.person_id == second.person_id
    names = ["นางสาวสมหญิง ใจดี", "สมหญิง  ใจดี", "นาง\u200bสาว สมหญิง ใจดี"]
    ids = {one.person_id for name in names for one in found({"name": name})}
    assert len(ids) == 1
    assert ids.isdisjoint(one.person_id for one in found({"name": names[0]}, house=OTHER))
    assert found({})[0].person_id == IDS.of_place(HOUSE, 0)
    misprint = {"national_id": "1101700230704", "national_id_as_shown": True}
    assert found(misprint)[0].person_id == IDS.of_place(HOUSE, 0)


def test_two_who_would_share_an_id_are_told_apart() -> None:
    same = {"name": "สมชาย ใจดี"}
    first, second = found(same, same)
    assert (first.person_id, second.person_id) == (IDS.of_name(HOUSE, ["สมชาย", "ใจดี"]), IDS.of_place(HOUSE, 1))
