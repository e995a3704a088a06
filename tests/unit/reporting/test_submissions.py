"""msgspec's reading of `survey-submitted` and the contract's: the same bodies are accepted, refused and understood
alike."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.submissions import Submission, read_submission
from shared.contracts.events import SurveySubmitted
from shared.contracts.golden import examples
from tests.unit.reporting.campaigns import Campaign, campaigns

GOLDEN = [each.event for each in examples() if isinstance(each.event, SurveySubmitted)]
BODY: dict[str, Any] = json.loads(GOLDEN[0].model_dump_json())
AFTER: dict[str, Any] = {
    **dict.fromkeys(("dose_1", "dose_2", "dose_3", "wanting", "wanting_608", "undecided", "refusing", "home_visit"), 0),
    "persons": 2,
    "dose_0": 2,
    "reasons": {},
}


def understood(body: bytes) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """What msgspec and what the contract read; None where it is refused."""
    try:
        read: Submission | None = read_submission(body)
    except ValueError:
        read = None
    try:
        contract: SurveySubmitted | None = SurveySubmitted.model_validate_json(body)
    except ValueError:
        contract = None
    mine = None if read is None else SurveySubmitted.model_validate(read, from_attributes=True).model_dump()
    return mine, None if contract is None else contract.model_dump()


@pytest.mark.parametrize("event", GOLDEN, ids=lambda event: str(event.kind))
def test_golden_examples(event: SurveySubmitted) -> None:
    """Each is read as the contract reads it."""
    mine, contract = understood(event.model_dump_json().encode())
    assert mine == contract == event.model_dump()


@given(campaigns())
def test_generated_events(campaign: Campaign) -> None:
    """Each is read as the contract reads it."""
    for event in campaign.events:
        written = SurveySubmitted.model_validate(event, from_attributes=True).model_dump_json().encode()
        mine, contract = understood(written)
        assert mine == contract
        assert mine is not None


COUNTS = st.sampled_from([-1, 0, 1, 2, 3, 2**31 - 1, 2**31, 1.5, "1", None, True])


@given(st.sampled_from(sorted(AFTER.keys() - {"reasons"})), COUNTS)
def test_counts_out_of_line(name: str, value: Any) -> None:
    """A count that is no count, too large, or does not add up."""
    mine, contract = understood(json.dumps(BODY | {"after": AFTER | {name: value}}).encode())
    assert mine == contract


@pytest.mark.parametrize(
    "changes",
    [
        {"area": "50010"},
        {"area": "500101\n"},
        {"area": "๕๐๐๑๐๑"},
        {"area": 500101},
        {"captured_at": "2022-01-15T09:30:00"},
        {"captured_at": "9999-12-31T23:59:59-07:00"},
        {"recorded_at": "0001-01-01T00:00:00+07:00"},
        {"captured_at": "yesterday"},
        {"kind": "guess"},
        {"kind": "erasure"},
        {"outcome": "superseded", "after": None, "before": AFTER},
        {"outcome": "superseded", "before": AFTER, "after": AFTER},
        {"after": None},
        {"revision": 0},
        {"submission_id": "1"},
        {"volunteer_id": None, "organisation_id": None},
        {"after": AFTER | {"reasons": {"Cost": 1}}},
        {"after": AFTER | {"reasons": {"cost\n": 1}}},
        {"after": AFTER | {"reasons": {"cost": 3}}},
        {"after": AFTER | {"reasons": {"a_new_reason": 2}}},
        {"added_later": {"by": "a newer producer"}},
        {"flags": ["position_elsewhere", "a_new_flag"]},
        {"flags": ["Position"]},
        {"flags": ["a\n"]},
        {"flags": ["a"] * 21},
        {"flags": None},
        {"flags": "check_digit"},
    ],
)
def test_bodies_at_the_edge(changes: dict[str, Any]) -> None:
    """Accepted by both or refused by both."""
    mine, contract = understood(json.dumps(BODY | changes).encode())
    assert mine == contract


def test_flags_are_optional() -> None:
    """An event from before there were any has none."""
    mine, contract = understood(json.dumps({name: BODY[name] for name in BODY if name != "flags"}).encode())
    assert mine == contract
    assert mine is not None
    assert mine["flags"] == ()


@pytest.mark.parametrize("missing", sorted(BODY.keys() - {"flags"}))
def test_nothing_else_is_optional(missing: str) -> None:
    """Both refuse an event without one of its first fields."""
    assert understood(json.dumps({name: BODY[name] for name in BODY if name != missing}).encode()) == (None, None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"area": "\xff"}'])
def test_what_is_no_event_at_all(body: bytes) -> None:
    """Refused with a ValueError, which makes the record a dead letter."""
    assert understood(body) == (None, None)
