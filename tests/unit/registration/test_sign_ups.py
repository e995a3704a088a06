"""What becomes of a sign-up, and which organisation may belong to which."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from services.registration.domain import sign_ups
from services.registration.domain.organisations import DEEPEST, Unfit, check_parent
from services.registration.domain.people import Authority, Organisation, Person, Refused
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
AGENCY = Organisation(uuid4(), "อบต.", OrganisationKind.AGENCY, "50", None)
PARTNER = Organisation(uuid4(), "มูลนิธิ", OrganisationKind.NETWORK_PARTNER, "5001", None)
DISTRICT = Authority(Role.DISTRICT_COORDINATOR, "5001")


def person(status: VolunteerStatus, area: str = "500101", role: Role = Role.VOLUNTEER) -> Person:
    return Person(uuid4(), AGENCY.organisation_id, AGENCY.kind, area, role, status, NOW, 3)


def refusal(change: object, *arguments: object) -> Refused:
    with pytest.raises(Refused) as refused:
        change(*arguments)  # type: ignore[operator]
    return refused.value


@pytest.mark.parametrize("status", sorted(set(VolunteerStatus) - {VolunteerStatus.PENDING}))
def test_only_who_waits_is_refused(status: VolunteerStatus) -> None:
    stands = person(status)
    refused = refusal(sign_ups.refuse, stands, DISTRICT)
    assert (refused.code, refused.standing) == ("not_pending", stands)
    gone = sign_ups.refuse(person(VolunteerStatus.PENDING), DISTRICT)
    assert (gone.status, gone.revision) == (VolunteerStatus.WITHDRAWN, 4)


@pytest.mark.parametrize("status", [one for one in VolunteerStatus if one is not VolunteerStatus.SUSPENDED])
def test_everybody_may_go_once(status: VolunteerStatus) -> None:
    gone = sign_ups.withdraw(person(status), None)
    assert gone.status is VolunteerStatus.WITHDRAWN
    assert gone.revision == (3 if status is VolunteerStatus.WITHDRAWN else 4)
    assert sign_ups.withdraw(gone, DISTRICT) is gone


def test_a_suspension_is_left_behind_by_who_decides_alone() -> None:
    suspended = person(VolunteerStatus.SUSPENDED)
    refused = refusal(sign_ups.withdraw, suspended, None)
    assert (refused.code, refused.standing) == ("suspended", suspended)
    assert sign_ups.withdraw(suspended, DISTRICT).status is VolunteerStatus.WITHDRAWN


def test_nobody_lets_go_those_of_others() -> None:
    approved = VolunteerStatus.APPROVED
    assert refusal(sign_ups.withdraw, person(approved, "500201"), DISTRICT).code == "outside_area"
    equal = person(approved, "5001", Role.DISTRICT_COORDINATOR)
    assert refusal(sign_ups.withdraw, equal, DISTRICT).code == "not_below"
    assert refusal(sign_ups.refuse, person(VolunteerStatus.PENDING, "500201"), DISTRICT).code == "outside_area"


@pytest.mark.parametrize("status", VolunteerStatus)
def test_only_who_has_gone_signs_up_again(status: VolunteerStatus) -> None:
    before = person(status, role=Role.SUBDISTRICT_COORDINATOR)
    after = sign_ups.sign_up_again(before, PARTNER, "500102")
    if status is not VolunteerStatus.WITHDRAWN:
        assert after is None
        return
    assert after is not None
    assert (after.person_id, after.role, after.status) == (before.person_id, Role.VOLUNTEER, VolunteerStatus.PENDING)
    assert (after.organisation_kind, after.area, after.revision) == (PARTNER.kind, "500102", 4)
    assert after.registered_at == before.registered_at
    assert refusal(sign_ups.sign_up_again, before, PARTNER, "500201").code == "outside_organisation"


def test_a_transfer_changes_organisation_and_area_alone() -> None:
    suspended = person(VolunteerStatus.SUSPENDED)
    moved = sign_ups.transfer(suspended, PARTNER, "500102", DISTRICT)
    assert (moved.organisation_id, moved.organisation_kind, moved.area) == (
        PARTNER.organisation_id,
        PARTNER.kind,
        "500102",
    )
    assert (moved.status, moved.role, moved.revision) == (VolunteerStatus.SUSPENDED, Role.VOLUNTEER, 4)
    assert sign_ups.transfer(moved, PARTNER, "500102", DISTRICT) is moved
    for who, where, by, code in (
        (suspended, "500201", DISTRICT, "outside_area"),
        (person(VolunteerStatus.APPROVED, "500201"), "500101", DISTRICT, "outside_area"),
        (suspended, "500201", Authority(Role.PROVINCE_ADMINISTRATOR, "50"), "outside_organisation"),
        (suspended, "", Authority(Role.CENTRAL_ADMINISTRATOR, ""), "wrong_level"),
        (person(VolunteerStatus.WITHDRAWN), "500101", DISTRICT, "withdrawn"),
        (person(VolunteerStatus.APPROVED, "5001", Role.DISTRICT_COORDINATOR), "5001", DISTRICT, "not_below"),
    ):
        assert refusal(sign_ups.transfer, who, PARTNER, where, by).code == code, (who.area, where)


def test_help_with_signing_up_ends_at_the_own_area() -> None:
    helped = sign_ups.assist(uuid4(), AGENCY, "500101", DISTRICT, NOW, approved=True)
    assert (helped.status, helped.revision) == (VolunteerStatus.APPROVED, 1)
    waits = sign_ups.assist(uuid4(), AGENCY, "500101", DISTRICT, NOW, approved=False)
    assert waits.status is VolunteerStatus.PENDING
    with pytest.raises(Refused) as refused:
        sign_ups.assist(uuid4(), AGENCY, "500201", DISTRICT, NOW, approved=False)
    assert refused.value.code == "outside_area"


def test_an_answer_is_due_after_three_days() -> None:
    assert sign_ups.due_at(NOW) - NOW == timedelta(days=3)


def test_parents_contain_their_children_and_make_no_circle() -> None:
    child, parent, top = uuid4(), uuid4(), uuid4()
    above = Organisation(parent, "อำเภอ", OrganisationKind.AGENCY, "5001", top)
    check_parent(child, "500101", above, [parent, top])
    for area, ids, code in (
        ("500201", [parent, top], "parent_area"),
        ("50", [parent, top], "parent_area"),
        ("500101", [parent, top, child], "parent_cycle"),
        ("500101", [child], "parent_cycle"),
        ("500101", [uuid4() for _ in range(DEEPEST)], "parent_depth"),
    ):
        with pytest.raises(Unfit) as unfit:
            check_parent(child, area, above, ids)
        assert unfit.value.code == code
