"""From when to when a role is held, and what its beginning and end make of a person."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest

from services.registration.domain import appointments as domain
from services.registration.domain import people
from services.registration.domain.appointments import FURTHEST_BEGINNING, LONGEST_TERM, Appointment, BadTerm, Term
from services.registration.domain.people import Authority, Organisation, Refused
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
TODAY = date(2022, 2, 5)
DAY = timedelta(days=1)
AGENCY = Organisation(uuid4(), "อบต.", OrganisationKind.AGENCY, "50", None)
PARTNER = Organisation(uuid4(), "มูลนิธิ", OrganisationKind.NETWORK_PARTNER, "50", None)
PROVINCE = Authority(Role.PROVINCE_ADMINISTRATOR, "50")


@pytest.mark.parametrize(
    ("from_day", "to_day", "refused"),
    [
        (None, None, None),
        (TODAY, TODAY, None),
        (TODAY + DAY, None, None),
        (TODAY + FURTHEST_BEGINNING, TODAY + FURTHEST_BEGINNING + LONGEST_TERM, None),
        (TODAY - DAY, None, ("from", "in_the_past")),
        (TODAY + FURTHEST_BEGINNING + DAY, None, ("from", "too_far_ahead")),
        (TODAY + DAY, TODAY, ("to", "before_from")),
        (None, TODAY - DAY, ("to", "before_from")),
        (TODAY, TODAY + LONGEST_TERM + DAY, ("to", "too_long")),
        (date.min, None, ("from", "in_the_past")),
        (date.max, date.max, ("from", "too_far_ahead")),
    ],
)
def test_the_days_of_a_term(from_day: date | None, to_day: date | None, refused: tuple[str, str] | None) -> None:
    if refused is None:
        assert domain.term(from_day, to_day, TODAY) == Term(from_day or TODAY, to_day)
    else:
        with pytest.raises(BadTerm) as error:
            domain.term(from_day, to_day, TODAY)
        assert (error.value.field, error.value.code) == refused


def appointment(role: Role, area: str, organisation: Organisation = AGENCY) -> Appointment:
    return Appointment(
        uuid4(), uuid4(), role, area, organisation.organisation_id, Term(TODAY, None), uuid4(), appointed_at=NOW
    )


def test_a_role_begins_and_ends_with_a_revision_each() -> None:
    waiting = domain.await_beginning(
        people.appoint_new(uuid4(), AGENCY, Role.DISTRICT_COORDINATOR, "5001", PROVINCE, NOW)
    )
    assert (waiting.status, waiting.revision) == (VolunteerStatus.PENDING, 1)
    made = appointment(Role.DISTRICT_COORDINATOR, "5001")
    assert domain.waits_for(waiting, made)
    begun = domain.begin(waiting, made, AGENCY)
    assert (begun.status, begun.revision) == (VolunteerStatus.APPROVED, 2)
    assert domain.begin(begun, made, AGENCY) is begun
    assert not domain.waits_for(begun, made)
    moved = domain.begin(begun, appointment(Role.SUBDISTRICT_COORDINATOR, "500101"), PARTNER)
    assert (moved.role, moved.area, moved.organisation_kind, moved.revision) == (
        Role.SUBDISTRICT_COORDINATOR,
        "500101",
        OrganisationKind.NETWORK_PARTNER,
        3,
    )
    ended = domain.end(moved)
    assert (ended.status, ended.revision) == (VolunteerStatus.WITHDRAWN, 4)
    assert domain.end(ended) is ended


def test_whose_role_has_ended_may_be_taken_up_by_anybody() -> None:
    ended = domain.end(people.appoint_new(uuid4(), AGENCY, Role.DISTRICT_COORDINATOR, "5001", PROVINCE, NOW))
    elsewhere = Organisation(uuid4(), "อบจ.", OrganisationKind.AGENCY, "51", None)
    by = Authority(Role.PROVINCE_ADMINISTRATOR, "51")
    for arguments, code in (
        ((AGENCY, Role.VOLUNTEER, "500101", PROVINCE), "withdrawn"),
        ((elsewhere, Role.VOLUNTEER, "510101", by), "held_elsewhere"),
    ):
        with pytest.raises(Refused) as refused:
            people.appoint(ended, *arguments)
        assert refused.value.code == code
    back = people.appoint(ended, elsewhere, Role.DISTRICT_COORDINATOR, "5101", by, role_ended=True)
    assert (back.status, back.area, back.revision) == (VolunteerStatus.APPROVED, "5101", 3)


def test_the_same_again_is_a_repetition_whatever_day_it_is() -> None:
    made = appointment(Role.DISTRICT_COORDINATOR, "5001")
    assert made.repeats(appointment(Role.DISTRICT_COORDINATOR, "5001"))
    assert not made.repeats(appointment(Role.DISTRICT_COORDINATOR, "5002"))
    assert not made.repeats(appointment(Role.DISTRICT_COORDINATOR, "5001", PARTNER))
