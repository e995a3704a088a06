"""Who may decide about whom, and what a change tells the world."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain import people as domain
from services.registration.domain.people import APPOINTABLE, Authority, Organisation, Person, Refused
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
AGENCY = Organisation(uuid4(), "อบต.", OrganisationKind.AGENCY, "50", None)
CENTRAL = Authority(Role.CENTRAL_ADMINISTRATOR, "")
PROVINCE = Authority(Role.PROVINCE_ADMINISTRATOR, "50")
DISTRICT = Authority(Role.DISTRICT_COORDINATOR, "5001")
SUBDISTRICT = Authority(Role.SUBDISTRICT_COORDINATOR, "500101")


def volunteer(
    area: str = "500101", status: VolunteerStatus = VolunteerStatus.PENDING, role: Role = Role.VOLUNTEER
) -> Person:
    return Person(uuid4(), AGENCY.organisation_id, AGENCY.kind, area, role, status, NOW, 1)


def refusal(change: object, *arguments: object) -> str:
    with pytest.raises(Refused) as refused:
        change(*arguments)  # type: ignore[operator]
    return refused.value.code


def test_a_sign_up_waits_for_approval() -> None:
    person = domain.sign_up(uuid4(), AGENCY, "500101", NOW)
    assert (person.status, person.role, person.revision) == (VolunteerStatus.PENDING, Role.VOLUNTEER, 1)
    assert person.organisation_kind is OrganisationKind.AGENCY
    assert refusal(domain.sign_up, uuid4(), AGENCY, "510101", NOW) == "outside_organisation"
    assert refusal(domain.sign_up, uuid4(), AGENCY, "", NOW) == "wrong_level"


@pytest.mark.parametrize("by", [CENTRAL, PROVINCE, DISTRICT, SUBDISTRICT])
def test_everyone_above_decides_about_a_volunteer(by: Authority) -> None:
    waiting = volunteer()
    approved = domain.decide(waiting, VolunteerStatus.APPROVED, by)
    assert (approved.status, approved.revision) == (VolunteerStatus.APPROVED, 2)
    suspended = domain.decide(approved, VolunteerStatus.SUSPENDED, by)
    assert (suspended.status, suspended.revision) == (VolunteerStatus.SUSPENDED, 3)
    assert domain.decide(suspended, VolunteerStatus.APPROVED, by).status is VolunteerStatus.APPROVED


def test_a_repeated_decision_changes_nothing() -> None:
    approved = volunteer(status=VolunteerStatus.APPROVED)
    assert domain.decide(approved, VolunteerStatus.APPROVED, SUBDISTRICT) is approved


def test_nobody_decides_outside_his_area_or_upwards() -> None:
    assert refusal(domain.decide, volunteer("500102"), VolunteerStatus.APPROVED, SUBDISTRICT) == "outside_area"
    assert refusal(domain.decide, volunteer("51"), VolunteerStatus.APPROVED, PROVINCE) == "outside_area"
    colleague = volunteer(role=Role.SUBDISTRICT_COORDINATOR)
    assert refusal(domain.decide, colleague, VolunteerStatus.SUSPENDED, SUBDISTRICT) == "not_below"
    assert refusal(domain.decide, volunteer(), VolunteerStatus.APPROVED, Authority(Role.VOLUNTEER, "50")) == "not_below"


def test_who_has_withdrawn_is_not_brought_back() -> None:
    gone = volunteer(status=VolunteerStatus.WITHDRAWN)
    assert refusal(domain.decide, gone, VolunteerStatus.APPROVED, CENTRAL) == "withdrawn"


def test_an_appointment_replaces_role_and_area() -> None:
    before = volunteer()
    after = domain.appoint(before, AGENCY, Role.SUBDISTRICT_COORDINATOR, "500102", DISTRICT)
    assert (after.role, after.area, after.status, after.revision) == (
        Role.SUBDISTRICT_COORDINATOR,
        "500102",
        VolunteerStatus.APPROVED,
        2,
    )
    assert domain.appoint(after, AGENCY, Role.SUBDISTRICT_COORDINATOR, "500102", DISTRICT) is after


def test_nobody_is_taken_from_elsewhere_or_from_above() -> None:
    arguments = (AGENCY, Role.SUBDISTRICT_COORDINATOR, "500101", DISTRICT)
    assert refusal(domain.appoint, volunteer("500201"), *arguments) == "held_elsewhere"
    assert refusal(domain.appoint, volunteer("5001", role=Role.DISTRICT_COORDINATOR), *arguments) == "held_elsewhere"


def test_an_appointment_does_not_lift_a_suspension() -> None:
    suspended = volunteer(status=VolunteerStatus.SUSPENDED)
    assert refusal(domain.appoint, suspended, AGENCY, Role.VOLUNTEER, "500101", CENTRAL) == "suspended"


@pytest.mark.parametrize(
    ("role", "area", "by", "code"),
    [
        (Role.PROVINCE_ADMINISTRATOR, "50", CENTRAL, None),
        (Role.DISTRICT_COORDINATOR, "5001", PROVINCE, None),
        (Role.SUBDISTRICT_COORDINATOR, "500101", DISTRICT, None),
        (Role.PLACE_OFFICER, "500101", DISTRICT, None),
        (Role.PROVINCE_ADMINISTRATOR, "50", PROVINCE, "not_below"),
        (Role.DISTRICT_COORDINATOR, "5001", DISTRICT, "not_below"),
        (Role.CENTRAL_ADMINISTRATOR, "", CENTRAL, "not_below"),
        (Role.DISTRICT_COORDINATOR, "5101", PROVINCE, "outside_area"),
        (Role.SUBDISTRICT_COORDINATOR, "500201", DISTRICT, "outside_area"),
        (Role.SUBDISTRICT_COORDINATOR, "5001", DISTRICT, "wrong_level"),
        (Role.DISTRICT_COORDINATOR, "500101", PROVINCE, "wrong_level"),
        (Role.VOLUNTEER, "", CENTRAL, "wrong_level"),
        (Role.VOLUNTEER, "510101", CENTRAL, "outside_organisation"),
    ],
)
def test_appointments_go_downwards_and_stay_inside(role: Role, area: str, by: Authority, code: str | None) -> None:
    if code is None:
        person = domain.appoint_new(uuid4(), AGENCY, role, area, by, NOW)
        assert (person.role, person.area, person.status) == (role, area, VolunteerStatus.APPROVED)
    else:
        assert refusal(domain.appoint_new, uuid4(), AGENCY, role, area, by, NOW) == code


AREAS = st.sampled_from(["", "50", "51", "5001", "5002", "500101", "500102", "510101"])
AUTHORITIES = st.builds(Authority, st.sampled_from(list(Role)), AREAS)


@given(AUTHORITIES, st.sampled_from(list(Role)), AREAS)
def test_no_appointment_reaches_above_or_beyond_who_makes_it(by: Authority, role: Role, area: str) -> None:
    everywhere = Organisation(uuid4(), "ส่วนกลาง", OrganisationKind.AGENCY, "", None)
    try:
        person = domain.appoint_new(uuid4(), everywhere, role, area, by, NOW)
    except Refused:
        return
    assert person.area.startswith(by.area)
    # Whoever was appointed cannot appoint the one who appointed him.
    assert refusal(domain.check_authority, Authority(person.role, person.area), by.role, by.area)


def test_an_event_takes_away_what_the_one_before_it_added() -> None:
    first = domain.sign_up(uuid4(), AGENCY, "500101", NOW)
    second = domain.decide(first, VolunteerStatus.APPROVED, DISTRICT)
    third = domain.appoint(second, AGENCY, Role.SUBDISTRICT_COORDINATOR, "500102", DISTRICT)
    events = [domain.event_of(*pair) for pair in ((None, first), (first, second), (second, third))]
    assert [event.revision for event in events] == [1, 2, 3]
    assert events[0].before is None
    for earlier, later in pairwise(events):
        assert later.before is not None
        for name in ("status", "area", "role", "organisation_id", "organisation_kind"):
            assert getattr(later.before, name) == getattr(earlier, name)


def test_only_the_operator_makes_the_highest_and_the_outermost() -> None:
    assert set(Role) - APPOINTABLE == {Role.CENTRAL_ADMINISTRATOR, Role.EXTERNAL_SYSTEM}
