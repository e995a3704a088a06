"""What a household counts for, and that the quick form is the contract's."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.survey.domain import Visit, count
from services.survey.recorder import event_record, stored_event
from services.survey.records import IntakeRecord, decode, encode
from services.survey.submission import Person
from shared.contracts.envelope import from_headers
from shared.contracts.events import HouseholdCounts, Reason, SurveySubmitted

AT = datetime(2022, 1, 15, 2, 30, tzinfo=UTC)


def persons(*given: dict[str, Any]) -> tuple[Person, ...]:
    return msgspec.convert(given, tuple[Person, ...])


@pytest.mark.parametrize(
    ("person", "measures"),
    [
        ({}, {"dose_0"}),
        ({"doses": [{"number": 1}]}, {"dose_1"}),
        ({"doses": [{"number": 2}]}, {"dose_2"}),
        ({"doses": [{"number": 1}, {"number": 2}]}, {"dose_2"}),
        ({"doses": [{"number": n} for n in (1, 2, 3, 4)]}, {"dose_3"}),
        ({"wants_vaccine": "yes"}, {"dose_0", "wanting"}),
        ({"wants_vaccine": "yes", "age": 59}, {"dose_0", "wanting"}),
        ({"wants_vaccine": "yes", "age": 60}, {"dose_0", "wanting", "wanting_608"}),
        ({"wants_vaccine": "yes", "birth_year": 2505}, {"dose_0", "wanting", "wanting_608"}),
        ({"wants_vaccine": "yes", "risks": ["pregnancy_12_weeks"]}, {"dose_0", "wanting", "wanting_608"}),
        ({"wants_vaccine": "no", "age": 90}, {"dose_0", "refusing"}),
        ({"wants_vaccine": "undecided"}, {"dose_0", "undecided"}),
        ({"home_visit": True}, {"dose_0", "home_visit"}),
    ],
)
def test_a_person_counts_for(person: dict[str, Any], measures: set[str]) -> None:
    counted = msgspec.structs.asdict(count(persons(person), AT))
    assert {name for name, value in counted.items() if value and name != "reasons"} == measures | {"persons"}


def test_a_reason_counts_once_a_person() -> None:
    counted = count(persons({"reasons": ["cost", "cost", "other"]}, {"reasons": ["cost"]}), AT)
    assert counted.reasons == {"cost": 2, "other": 1}


person = st.fixed_dictionaries(
    {},
    optional={
        "age": st.integers(0, 130),
        "doses": st.lists(st.integers(1, 10).map(lambda n: {"number": n}), max_size=4),
        "wants_vaccine": st.sampled_from(["yes", "no", "undecided", None]),
        "reasons": st.lists(st.sampled_from([reason.value for reason in Reason]), max_size=5),
        "home_visit": st.booleans(),
        "risks": st.lists(st.sampled_from(["stroke", "cancer"]), max_size=2),
    },
)


@given(st.lists(person, max_size=10))
def test_counts_are_the_contract_s_and_survive_the_way(household: list[dict[str, Any]]) -> None:
    """The quick forms say the same as the pydantic models, field by field and in their order."""
    counted = count(persons(*household), AT)
    HouseholdCounts.model_validate(msgspec.structs.asdict(counted))
    record = IntakeRecord(
        UUID(int=1), UUID(int=2), UUID(int=3), None, "500101", None, AT, AT, "survey", counted, b"d", "k", b"w", b"s"
    )
    assert decode(encode(record)) == record
    text = msgspec.json.encode(counted).decode()
    row = {
        "submission_id": record.submission_id,
        "household_id": record.household_id,
        "volunteer_id": record.volunteer_id,
        "organisation_id": None,
        "area": record.area,
        "captured_at": AT,
        "recorded_at": AT,
        "kind": "survey",
        "outcome": "recorded",
        "revision": 1,
        "before": None,
        "after": text,
        "flags": None,
    }
    published = event_record(stored_event(row), sequence=5, previous=3)
    model = SurveySubmitted.model_validate_json(published.value)
    assert json.loads(model.model_dump_json()) == json.loads(published.value)
    assert list(json.loads(model.model_dump_json())) == list(json.loads(published.value))
    envelope = from_headers(published.headers)
    assert (envelope.sequence, envelope.previous, envelope.id) == (5, 3, str(record.submission_id))


def test_the_later_visit_stands_and_ties_are_decided_by_id() -> None:
    early, late = Visit(AT, UUID(int=9)), Visit(AT.replace(hour=3), UUID(int=1))
    assert late.supersedes(early)
    assert not early.supersedes(late)
    assert Visit(AT, UUID(int=10)).supersedes(early)
    assert not early.supersedes(early)
