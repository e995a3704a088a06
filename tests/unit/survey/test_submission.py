"""What intake refuses, with the path, the code and a message in two languages, and what it takes."""

import json
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.survey.submission import (
    MAX_PERSONS,
    MAX_SUBMISSIONS,
    Submission,
    Unreadable,
    area_of,
    check,
    read_batch,
    read_submission,
    village_of,
)
from shared.web.problems import FieldError

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
ABOLISHED = "100205"
GOOD: dict[str, Any] = {
    "submission_id": "0190b1c2-0000-7000-8000-000000000001",
    "captured_at": "2022-01-15T09:30:00+07:00",
    "address": {"area": "500101", "village": "50010103", "house": "99/1", "unit": None},
    "position": {"lat": 18.7883, "lon": 98.9853, "accuracy_m": 12},
    "contact": {"name": "สมมุติ", "phone": "0812345678"},
    "persons": [
        {
            "name": "สมมุติ ทดสอบ",
            "national_id": None,
            "age": 71,
            "sex": "f",
            "doses": [{"number": 1, "date": "2021-08-01", "vaccine": "511"}],
            "risks": ["age_60", "diabetes"],
            "wants_vaccine": "yes",
            "reasons": ["hard_to_reach"],
            "home_visit": True,
        }
    ],
}


def changed(path: str, value: Any) -> bytes:
    """The good submission with one place changed; `...` takes it away."""
    body: Any = deepcopy(GOOD)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = body
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(body).encode()


def errors_of(body: bytes) -> list[FieldError]:
    try:
        return check(read_submission(body), NOW)
    except Unreadable as unreadable:
        return unreadable.errors


def test_the_contract_s_example_is_accepted() -> None:
    assert errors_of(json.dumps(GOOD).encode()) == []


def test_only_five_things_are_required() -> None:
    least = {
        "submission_id": GOOD["submission_id"],
        "captured_at": GOOD["captured_at"],
        "address": {"area": "500101", "house": "1"},
        "persons": [{}],
    }
    assert errors_of(json.dumps(least).encode()) == []


@pytest.mark.parametrize(
    ("path", "value", "where", "code"),
    [
        ("submission_id", ..., "submission_id", "required"),
        ("submission_id", "7", "submission_id", "not_a_uuid"),
        ("captured_at", "2022-01-15T09:30:00", "captured_at", "no_time_zone"),
        ("captured_at", "yesterday", "captured_at", "not_a_time"),
        ("captured_at", "2022-02-06T09:30:00+07:00", "captured_at", "in_the_future"),
        ("captured_at", "9999-12-31T23:00:00Z", "captured_at", "in_the_future"),
        ("captured_at", "9999-12-31T23:59:59-12:00", "captured_at", "in_the_future"),
        ("address.area", ..., "address.area", "required"),
        ("address.area", 500101, "address.area", "wrong_type"),
        ("address.area", "50", "address.area", "not_a_subdistrict"),
        ("address.area", "500199", "address.area", "unknown_area"),
        ("address.village", "50010203", "address.village", "other_village"),
        ("address.village", "5001010²", "address.village", "other_village"),
        ("address.area", "50010①", "address.area", "not_a_subdistrict"),
        ("address.house", "", "address.house", "too_short"),
        ("address.house", "9" * 61, "address.house", "too_long"),
        ("address", [], "address", "wrong_type"),
        ("position.lat", 91, "position.lat", "out_of_range"),
        ("contact.phone", "021234567", "contact.phone", "mobile_malformed"),
        ("persons", ..., "persons", "required"),
        ("persons", [{}] * (MAX_PERSONS + 1), "persons", "too_many"),
        ("persons.0.age", "71", "persons[0].age", "wrong_type"),
        ("persons.0.age", -1, "persons[0].age", "out_of_range"),
        ("persons.0.birth_year", 2000, "persons[0].birth_year", "other_age"),
        ("persons.0.sex", "woman", "persons[0].sex", "not_a_choice"),
        ("persons.0.national_id", "1101700230709", "persons[0].national_id", "national_id_check_digit"),
        ("persons.0.national_id", "12345", "persons[0].national_id", "national_id_malformed"),
        (
            "persons.0",
            {"national_id": "12345", "national_id_as_shown": True},
            "persons[0].national_id",
            "national_id_malformed",
        ),
        ("persons.0.doses.0.number", 0, "persons[0].doses[0].number", "out_of_range"),
        ("persons.0.doses.0.date", "2022-02-07", "persons[0].doses[0].date", "in_the_future"),
        ("persons.0.doses.0.date", "2019-02-07", "persons[0].doses[0].date", "too_early"),
        ("persons.0.doses.0.vaccine", "1", "persons[0].doses[0].vaccine", "not_a_choice"),
        ("persons.0.doses", [{"number": 1}, {"number": 1}], "persons[0].doses[1].number", "same_dose"),
        ("persons.0.reasons.0", "laziness", "persons[0].reasons[0]", "not_a_choice"),
        ("persons.0.home_visit", "yes", "persons[0].home_visit", "wrong_type"),
    ],
)
def test_a_bad_field_is_named(path: str, value: Any, where: str, code: str) -> None:
    [error] = errors_of(changed(path, value))
    assert (error.path, error.code) == (where, code)
    assert error.message.th
    assert error.message.en


def test_an_abolished_area_says_its_successor() -> None:
    [error] = errors_of(changed("address", {"area": ABOLISHED, "house": "1"}))
    assert error.code == "abolished_area"
    assert error.message.en.rsplit(" ", 1)[-1].isdigit()


def test_every_bad_field_is_named_at_once() -> None:
    body = json.loads(changed("persons.0.national_id", "12345"))
    body["contact"]["phone"] = "1"
    body["captured_at"] = "2023-01-01T00:00:00Z"
    assert {error.code for error in errors_of(json.dumps(body).encode())} == {
        "national_id_malformed",
        "mobile_malformed",
        "in_the_future",
    }


@pytest.mark.parametrize("body", [b"", b"{", b'{"a": nan}', b"\xff\xfe", b'{"a":' + b"[" * 100_000])
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    [error] = errors_of(body)
    assert error.code == "malformed_json"


def test_a_message_never_repeats_the_value() -> None:
    [error] = errors_of(changed("persons.0.national_id", "1101700230709"))
    assert "1101700230709" not in error.message.th + error.message.en + error.path


def test_thai_digits_are_read() -> None:
    body = json.loads(changed("address", {"area": "๕๐๐๑๐๑", "village": "๕๐๐๑๐๑๐๓", "house": "๙๙/๑"}))
    body["contact"]["phone"] = "๐๘๑-๒๓๔-๕๖๗๘"
    submission = read_submission(json.dumps(body).encode())
    assert check(submission, NOW) == []
    assert (area_of(submission), village_of(submission)) == ("500101", "50010103")


def test_birth_years_of_both_eras() -> None:
    for year in (1951, 2494):
        assert errors_of(changed("persons.0.birth_year", year)) == []


def test_phones_clocks_may_be_a_little_ahead() -> None:
    assert errors_of(changed("captured_at", (NOW + timedelta(minutes=9)).isoformat())) == []


def test_a_visit_before_the_first_vaccination_is_too_early() -> None:
    body = json.loads(changed("captured_at", "2020-12-31T00:00:00+07:00"))
    body["persons"] = []
    [error] = errors_of(json.dumps(body).encode())
    assert (error.path, error.code) == ("captured_at", "too_early")


def test_a_batch_is_judged_one_by_one() -> None:
    batch = read_batch(b'{"submissions": [{"anything": 1}, 2]}')
    assert len(batch.submissions) == 2


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (b"{}", "submissions", "required"),
        (b'{"submissions": 1}', "submissions", "wrong_type"),
        (json.dumps({"submissions": [1] * (MAX_SUBMISSIONS + 1)}).encode(), "submissions", "too_many"),
        (b"nonsense", "", "malformed_json"),
    ],
)
def test_a_bad_batch_is_refused_whole(body: bytes, path: str, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read_batch(body)
    [error] = refused.value.errors
    assert (error.path, error.code) == (path, code)


def test_reading_gives_the_declared_type() -> None:
    assert isinstance(read_submission(json.dumps(GOOD).encode()), Submission)
