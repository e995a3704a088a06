"""What becomes of a sign-up: refusal, withdrawal, a second sign-up, transfer, and help with signing up."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.registration.domain.people import (
    Authority,
    Organisation,
    Person,
    Refused,
    check_authority,
    check_level,
    sign_up,
)
from shared.contracts.events import Role, VolunteerStatus

DECIDED_WITHIN = timedelta(days=3)
"""How long somebody who signed up may wait for an answer; who waits longer is overdue. A campaign's week has five days
of visits, and who hears nothing until they are over does not come back."""


class Step(StrEnum):
    """What was decided about a person."""

    APPROVAL = "approval"
    SUSPENSION = "suspension"
    REFUSAL = "refusal"
    WITHDRAWAL = "withdrawal"
    TRANSFER = "transfer"
    APPOINTMENT = "appointment"
    APPOINTMENT_END = "appointment_end"
    ASSISTED_SIGN_UP = "assisted_sign_up"
    ERASURE = "erasure"


def due_at(waiting_since: datetime) -> datetime:
    """Return until when somebody who has waited since then is to be answered."""
    return waiting_since + DECIDED_WITHIN


def refuse(person: Person, by: Authority) -> Person:
    """Refuse somebody who waits for approval. To the world he has withdrawn; the refusal is remembered here alone."""
    check_authority(by, person.role, person.area)
    if person.status is not VolunteerStatus.PENDING:
        raise Refused("not_pending", person)
    return replace(person, status=VolunteerStatus.WITHDRAWN, revision=person.revision + 1)


def withdraw(person: Person, by: Authority | None) -> Person:
    """Let a person go: at his own wish (`by` is None) or by whoever may decide about him. Twice is no change.

    Nobody leaves a suspension behind by himself: he could sign up again without it.
    """
    if by is not None:
        check_authority(by, person.role, person.area)
    elif person.status is VolunteerStatus.SUSPENDED:
        raise Refused("suspended", person)
    if person.status is VolunteerStatus.WITHDRAWN:
        return person
    return replace(person, status=VolunteerStatus.WITHDRAWN, revision=person.revision + 1)


def sign_up_again(person: Person, organisation: Organisation, area: str) -> Person | None:
    """Let somebody who withdrew or was refused wait for approval once more, as a volunteer and the same person.

    None for everybody else: who is registered is registered already.
    """
    wanted = sign_up(person.person_id, organisation, area, person.registered_at)
    if person.status is not VolunteerStatus.WITHDRAWN:
        return None
    return replace(wanted, revision=person.revision + 1)


def transfer(person: Person, organisation: Organisation, area: str, by: Authority) -> Person:
    """Move a person to another organisation, and perhaps to another area, with the role and status held so far.

    Both areas have to be the decider's: nobody takes people from elsewhere or sends them there.
    """
    check_authority(by, person.role, person.area)
    check_level(person.role, area)
    check_authority(by, person.role, area)
    if not area.startswith(organisation.area):
        raise Refused("outside_organisation")
    if person.status is VolunteerStatus.WITHDRAWN:
        raise Refused("withdrawn", person)
    moved = replace(
        person, organisation_id=organisation.organisation_id, organisation_kind=organisation.kind, area=area
    )
    return person if moved == person else replace(moved, revision=person.revision + 1)


def assist(
    person_id: UUID, organisation: Organisation, area: str, by: Authority, now: datetime, *, approved: bool
) -> Person:
    """Make a volunteer whom a coordinator signs up on his behalf: waiting, or approved at once."""
    person = sign_up(person_id, organisation, area, now)
    check_authority(by, Role.VOLUNTEER, area)
    return replace(person, status=VolunteerStatus.APPROVED) if approved else person
