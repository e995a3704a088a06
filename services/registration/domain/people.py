"""The rules of registration: who may hold which role where, who decides about whom, what a change tells the world."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.contracts.events import OrganisationKind, Role, VolunteerBefore, VolunteerRegistered, VolunteerStatus


class Refused(Exception):
    """A rule forbids the change.

    `code` is one of not_below, outside_area, outside_organisation, held_elsewhere, wrong_level, withdrawn, suspended,
    not_begun, awaited, not_pending, changed, last_administrator. `standing` is the person as it stands, where whoever
    decided may know.
    """

    def __init__(self, code: str, standing: Person | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.standing = standing


@dataclass(frozen=True, slots=True)
class Organisation:
    """An agency or network partner. It takes volunteers inside `area`."""

    organisation_id: UUID
    name: str
    kind: OrganisationKind
    area: str
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class Person:
    """A person and the one role that he or she holds in one area."""

    person_id: UUID
    organisation_id: UUID
    organisation_kind: OrganisationKind
    area: str
    role: Role
    status: VolunteerStatus
    registered_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class Authority:
    """In what capacity somebody decides about others."""

    role: Role
    area: str


_RANK = {
    Role.CENTRAL_ADMINISTRATOR: 0,
    Role.PROVINCE_ADMINISTRATOR: 1,
    Role.DISTRICT_COORDINATOR: 2,
    Role.SUBDISTRICT_COORDINATOR: 3,
    Role.PLACE_OFFICER: 4,
    Role.VOLUNTEER: 4,
    Role.EXTERNAL_SYSTEM: 4,
}
"""Nobody decides about those of the same rank: neither about a colleague nor about himself."""

_DIGITS = {
    Role.CENTRAL_ADMINISTRATOR: (0,),
    Role.PROVINCE_ADMINISTRATOR: (2,),
    Role.DISTRICT_COORDINATOR: (4,),
    Role.SUBDISTRICT_COORDINATOR: (6,),
    # Staff of a province's or district's agency survey and keep places all over it.
    Role.PLACE_OFFICER: (2, 4, 6),
    Role.VOLUNTEER: (2, 4, 6),
    Role.EXTERNAL_SYSTEM: (0, 2, 4, 6),
}
"""How many digits the area code has in which a role is held."""

APPOINTABLE = frozenset(Role) - {Role.CENTRAL_ADMINISTRATOR, Role.EXTERNAL_SYSTEM}
"""Roles that persons are appointed to. Accounts of the other two are made by the operator (admin.py)."""


def check_level(role: Role, area: str) -> None:
    """Raise `Refused` ("wrong_level") unless `role` is held in areas of the level of `area`."""
    if len(area) not in _DIGITS[role]:
        raise Refused("wrong_level")


def check_authority(by: Authority, role: Role, area: str) -> None:
    """Raise `Refused` unless the holder of `by` may decide about somebody who holds `role` in `area`."""
    if not area.startswith(by.area):
        raise Refused("outside_area")
    if _RANK[role] <= _RANK[by.role]:
        raise Refused("not_below")


def sign_up(person_id: UUID, organisation: Organisation, area: str, now: datetime) -> Person:
    """Make a volunteer who waits for approval. The organisation's area must contain `area`."""
    check_level(Role.VOLUNTEER, area)
    if not area.startswith(organisation.area):
        raise Refused("outside_organisation")
    return Person(
        person_id=person_id,
        organisation_id=organisation.organisation_id,
        organisation_kind=organisation.kind,
        area=area,
        role=Role.VOLUNTEER,
        status=VolunteerStatus.PENDING,
        registered_at=now,
        revision=1,
    )


def decide(person: Person, status: VolunteerStatus, by: Authority) -> Person:
    """Approve or suspend `person`. What is so already stays so, with its revision: a second click is no change."""
    check_authority(by, person.role, person.area)
    if person.status is VolunteerStatus.WITHDRAWN:
        raise Refused("withdrawn", person)
    if person.status is status:
        return person
    return replace(person, status=status, revision=person.revision + 1)


def appoint_new(
    person_id: UUID, organisation: Organisation, role: Role, area: str, by: Authority, now: datetime
) -> Person:
    """Give `role` in `area` to somebody who is not registered yet. The appointment is the approval."""
    _check_appointment(organisation, role, area, by)
    return Person(
        person_id=person_id,
        organisation_id=organisation.organisation_id,
        organisation_kind=organisation.kind,
        area=area,
        role=role,
        status=VolunteerStatus.APPROVED,
        registered_at=now,
        revision=1,
    )


def appoint(
    person: Person, organisation: Organisation, role: Role, area: str, by: Authority, *, role_ended: bool = False
) -> Person:
    """Give `role` in `area` to a registered person, instead of the one held so far.

    The present role must lie within the authority as well: nobody takes a person from another area or from above
    himself. A suspension is not lifted by the way. role_ended: the person holds no role since the end of an
    appointment, and may be taken up again by anybody.
    """
    _check_appointment(organisation, role, area, by)
    if not role_ended:
        try:
            check_authority(by, person.role, person.area)
        except Refused:
            raise Refused("held_elsewhere") from None
        if person.status in (VolunteerStatus.WITHDRAWN, VolunteerStatus.SUSPENDED):
            raise Refused(str(person.status))
    appointed = replace(
        person,
        organisation_id=organisation.organisation_id,
        organisation_kind=organisation.kind,
        area=area,
        role=role,
        status=VolunteerStatus.APPROVED,
    )
    return person if appointed == person else replace(appointed, revision=person.revision + 1)


def _check_appointment(organisation: Organisation, role: Role, area: str, by: Authority) -> None:
    check_level(role, area)
    check_authority(by, role, area)
    if not area.startswith(organisation.area):
        raise Refused("outside_organisation")


def event_of(before: Person | None, after: Person) -> VolunteerRegistered:
    """Say what changed, with the state before it, so that an aggregate can take the old away and add the new."""
    return VolunteerRegistered(
        volunteer_id=after.person_id,
        organisation_id=after.organisation_id,
        organisation_kind=after.organisation_kind,
        area=after.area,
        role=after.role,
        status=after.status,
        registered_at=after.registered_at,
        revision=after.revision,
        before=None
        if before is None
        else VolunteerBefore(
            status=before.status,
            area=before.area,
            role=before.role,
            organisation_id=before.organisation_id,
            organisation_kind=before.organisation_kind,
        ),
    )
