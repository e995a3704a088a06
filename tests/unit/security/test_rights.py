"""The table of rights."""

from shared.contracts.events import Role
from shared.security.rights import RIGHTS, Right


def test_every_role_has_its_rights_and_every_right_a_holder() -> None:
    assert set(RIGHTS) == set(Role)
    assert frozenset().union(*RIGHTS.values()) == set(Right)


def test_rights_grow_with_rank() -> None:
    assert RIGHTS[Role.SUBDISTRICT_COORDINATOR] < RIGHTS[Role.DISTRICT_COORDINATOR]
    assert RIGHTS[Role.VOLUNTEER] < RIGHTS[Role.SUBDISTRICT_COORDINATOR]


def test_those_who_decide_about_others_are_few() -> None:
    deciders = {role for role in Role if Right.VOLUNTEER_DECIDE in RIGHTS[role]}
    assert deciders == {
        Role.CENTRAL_ADMINISTRATOR,
        Role.PROVINCE_ADMINISTRATOR,
        Role.DISTRICT_COORDINATOR,
        Role.SUBDISTRICT_COORDINATOR,
    }
    assert not RIGHTS[Role.EXTERNAL_SYSTEM] & {Right.SUBMISSION_READ, Right.VOLUNTEER_READ}
