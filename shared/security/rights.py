"""Which role may do what: one table for all services.

A right says what may be done; the area prefix of the role says where. Both have to hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from shared.contracts.events import Role


class Right(StrEnum):
    """One thing that a role may do inside its area."""

    SUBMISSION_CREATE = "submission.create"
    SUBMISSION_READ = "submission.read"
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"
    GROUP_CODE_WRITE = "group_code.write"
    VOLUNTEER_READ = "volunteer.read"
    VOLUNTEER_DECIDE = "volunteer.decide"
    APPOINTMENT_WRITE = "appointment.write"
    FACILITY_WRITE = "facility.write"
    DENOMINATOR_WRITE = "denominator.write"
    FIGURES_EXACT = "figures.exact"
    COUNTS_READ = "counts.read"
    COORDINATOR_READ = "coordinator.read"
    COORDINATOR_CONTACT = "coordinator.contact"
    REGISTRATION_HELP = "registration_help.write"
    DESK_READ = "desk.read"
    SELF_READ = "self.read"
    PROBLEM_RAISE = "problem.raise"
    PROBLEM_WORK = "problem.work"
    KNOWN_PROBLEM_WRITE = "known_problem.write"
    TRAINING_ATTEND = "training.attend"
    TRAINING_HOLD = "training.hold"
    TRAINING_READ = "training.read"
    TRAINING_WRITE = "training.write"
    DIRECTIVE_READ = "directive.read"
    DIRECTIVE_FOLLOW = "directive.follow"
    DIRECTIVE_WRITE = "directive.write"


# Whoever signs in asks who he is and says what does not work; a program's operator meets technical problems too.
_ANYONE = frozenset({Right.SELF_READ, Right.PROBLEM_RAISE})
# People, not programs: they are trained, and directives reach them by name.
_PERSON = _ANYONE | {Right.TRAINING_ATTEND, Right.DIRECTIVE_READ, Right.COORDINATOR_READ}
# People who visit houses. A coordinator surveys too: he is the one who helps out where a volunteer is missing.
_SURVEYOR = _PERSON | {Right.SUBMISSION_CREATE, Right.SUBMISSION_READ}
_COORDINATOR = _SURVEYOR | {
    Right.ORGANISATION_READ,
    Right.GROUP_CODE_WRITE,
    Right.VOLUNTEER_READ,
    Right.VOLUNTEER_DECIDE,
    Right.FACILITY_WRITE,
    Right.FIGURES_EXACT,
    Right.COORDINATOR_CONTACT,
    Right.REGISTRATION_HELP,
    Right.DESK_READ,
    Right.PROBLEM_WORK,
    # He gathers people in his own place; what is taught, and to whom it is a duty, administrators decide.
    Right.TRAINING_HOLD,
    Right.TRAINING_READ,
    # He reminds those who have not acknowledged.
    Right.DIRECTIVE_FOLLOW,
}
# Administrators read submissions but make none: a submission counts for the volunteer who was at the house.
_ADMINISTRATOR = frozenset(Right) - {Right.SUBMISSION_CREATE}

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.CENTRAL_ADMINISTRATOR: _ADMINISTRATOR,
        Role.PROVINCE_ADMINISTRATOR: _ADMINISTRATOR,
        # A district's coordinator finds the subdistricts' coordinators; below him there is nobody left to appoint.
        Role.DISTRICT_COORDINATOR: _COORDINATOR | {Right.APPOINTMENT_WRITE, Right.ORGANISATION_WRITE},
        Role.SUBDISTRICT_COORDINATOR: _COORDINATOR,
        Role.VOLUNTEER: _SURVEYOR,
        Role.PLACE_OFFICER: _PERSON | {Right.FACILITY_WRITE},
        # It receives the exact counts in the public streams anyway.
        Role.EXTERNAL_SYSTEM: _ANYONE | {Right.FIGURES_EXACT},
    }
)
"""The rights of each role."""
