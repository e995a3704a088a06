"""Which role may do what: one table for all services, printed in docs/rights.md by `python -m deploy.rights`.

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
    SUBMISSION_ASSIST = "submission.assist"
    SUBMISSION_READ = "submission.read"
    HOUSEHOLD_READ = "household.read"
    REACH_READ = "reach.read"
    REACH_WORK = "reach.work"
    REACH_ASSIGN = "reach.assign"
    HELP_READ = "help.read"
    HELP_WORK = "help.work"
    HELP_MANAGE = "help.manage"
    QUALITY_REVIEW = "quality.review"
    HOUSE_WRITE = "house.write"
    PRIVACY_WORK = "privacy.work"
    PRIVACY_ADMINISTER = "privacy.administer"
    ORGANISATION_READ = "organisation.read"
    ORGANISATION_WRITE = "organisation.write"
    GROUP_CODE_WRITE = "group_code.write"
    VOLUNTEER_READ = "volunteer.read"
    VOLUNTEER_DECIDE = "volunteer.decide"
    APPOINTMENT_READ = "appointment.read"
    APPOINTMENT_WRITE = "appointment.write"
    SYSTEM_WRITE = "system.write"
    FACILITY_WRITE = "facility.write"
    REFERENCE_WRITE = "reference.write"
    DENOMINATOR_WRITE = "denominator.write"
    MONTH_CLOSE = "month.close"
    FIGURES_EXACT = "figures.exact"
    COUNTS_READ = "counts.read"
    STREAM_MEND = "stream.mend"
    SUBSCRIBER_WRITE = "subscriber.write"
    STREAM_READ = "stream.read"
    TRANSFER_READ = "transfer.read"
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


MEANINGS: Mapping[Right, str] = MappingProxyType(
    {
        Right.SUBMISSION_CREATE: "send what was found at a household",
        Right.SUBMISSION_ASSIST: "send it on a volunteer's behalf, which the record says",
        Right.SUBMISSION_READ: "see what became of submissions",
        Right.HOUSEHOLD_READ: "see a household's visits and persons; each reading is recorded",
        Right.REACH_READ: "see who wants vaccine and lacks it, with names; each reading is recorded",
        Right.REACH_WORK: "take persons to reach, and write down what came of it",
        Right.REACH_ASSIGN: "assign persons to reach to volunteers, and take them back",
        Right.HELP_READ: "see requests for help; names and numbers are recorded",
        Right.HELP_WORK: "accept requests for help and bring them to an end",
        Right.HELP_MANAGE: "hand back and close what others accepted, and merge requests",
        Right.QUALITY_REVIEW: "look at records with quality flags, and say what came of it",
        Right.HOUSE_WRITE: "enter the lists of houses, and assign them to volunteers",
        Right.PRIVACY_WORK: "decide about what persons ask concerning their data",
        Right.PRIVACY_ADMINISTER: "rotate keys, verify the audit log, report who saw what",
        Right.ORGANISATION_READ: "list organisations, and see their people by status",
        Right.ORGANISATION_WRITE: "enter and rename organisations",
        Right.GROUP_CODE_WRITE: "make and revoke group codes",
        Right.VOLUNTEER_READ: "list volunteers with names and numbers; each reading is recorded",
        Right.VOLUNTEER_DECIDE: "approve and suspend those of lower rank",
        Right.APPOINTMENT_READ: "list who holds which role, with names; each reading is recorded",
        Right.APPOINTMENT_WRITE: "appoint to lower roles, and end such appointments",
        Right.SYSTEM_WRITE: "make, list and revoke accounts of systems",
        Right.FACILITY_WRITE: "enter, change and confirm places",
        Right.REFERENCE_WRITE: "keep the kinds of place and the public holidays",
        Right.DENOMINATOR_WRITE: "put in the tables that percentages are of",
        Right.MONTH_CLOSE: "close months, and correct closed ones",
        Right.FIGURES_EXACT: "see figures of very few persons",
        Right.COUNTS_READ: "read the services' own counts, and where figures differ from them",
        Right.STREAM_MEND: "look at, replay and dismiss what could not be read, and have figures made anew",
        Right.SUBSCRIBER_WRITE: "let external systems read the public streams from Kafka, and shut them out",
        Right.STREAM_READ: "receive the public events of the area, from any point on",
        Right.TRANSFER_READ: "see who received events of the area, and when",
        Right.COORDINATOR_READ: "see where there are coordinators and when one was last active",
        Right.COORDINATOR_CONTACT: "see coordinators' names and numbers; each reading is recorded",
        Right.REGISTRATION_HELP: "see who asked for help with registering, with name and number; recorded",
        Right.DESK_READ: "see how much waits in the area",
        Right.SELF_READ: "ask who one is",
        Right.PROBLEM_RAISE: "raise problems, and follow one's own",
        Right.PROBLEM_WORK: "answer, hand up, merge and close problems of the area",
        Right.KNOWN_PROBLEM_WRITE: "write known problems and their answers",
        Right.TRAINING_ATTEND: "sign up for sessions and attend them",
        Right.TRAINING_HOLD: "announce and hold sessions",
        Right.TRAINING_READ: "see how many are trained",
        Right.TRAINING_WRITE: "enter courses and materials",
        Right.DIRECTIVE_READ: "read and acknowledge directives",
        Right.DIRECTIVE_FOLLOW: "see who has not acknowledged; names are recorded",
        Right.DIRECTIVE_WRITE: "send and withdraw directives",
    }
)
"""What each right is about, in words."""

# Whoever signs in asks who he is and says what does not work; a program's operator meets technical problems too.
_ANYONE = frozenset({Right.SELF_READ, Right.PROBLEM_RAISE})
# People, not programs: they are trained, and directives reach them by name.
_PERSON = _ANYONE | {Right.TRAINING_ATTEND, Right.DIRECTIVE_READ, Right.COORDINATOR_READ}
# People who visit houses. A coordinator surveys too: he is the one who helps out where a volunteer is missing.
_SURVEYOR = _PERSON | {
    Right.SUBMISSION_CREATE,
    Right.SUBMISSION_READ,
    Right.HOUSEHOLD_READ,
    Right.REACH_READ,
    Right.REACH_WORK,
    Right.HELP_READ,
    Right.HELP_WORK,
}
_COORDINATOR = _SURVEYOR | {
    Right.SUBMISSION_ASSIST,
    Right.REACH_ASSIGN,
    Right.HELP_MANAGE,
    Right.QUALITY_REVIEW,
    Right.HOUSE_WRITE,
    Right.PRIVACY_WORK,
    Right.ORGANISATION_READ,
    Right.GROUP_CODE_WRITE,
    Right.VOLUNTEER_READ,
    Right.VOLUNTEER_DECIDE,
    Right.APPOINTMENT_READ,
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
_ADMINISTRATOR = frozenset(Right) - {
    Right.SUBMISSION_CREATE,
    Right.SUBMISSION_ASSIST,
    Right.REACH_WORK,
    Right.PRIVACY_ADMINISTER,
    Right.SYSTEM_WRITE,
    Right.DENOMINATOR_WRITE,
    Right.MONTH_CLOSE,
    Right.REFERENCE_WRITE,
    Right.STREAM_MEND,
    Right.SUBSCRIBER_WRITE,
}

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        # A system's account belongs to no province: it is the centre that knows who is connected, and can end it.
        # Tables of denominators, closed months, kinds of place, holidays and streams are the whole country's.
        Role.CENTRAL_ADMINISTRATOR: _ADMINISTRATOR
        | {
            Right.SYSTEM_WRITE,
            Right.PRIVACY_ADMINISTER,
            Right.DENOMINATOR_WRITE,
            Right.MONTH_CLOSE,
            Right.REFERENCE_WRITE,
            Right.STREAM_MEND,
            Right.SUBSCRIBER_WRITE,
        },
        Role.PROVINCE_ADMINISTRATOR: _ADMINISTRATOR,
        # A district's coordinator finds the subdistricts' coordinators; below him there is nobody left to appoint.
        Role.DISTRICT_COORDINATOR: _COORDINATOR | {Right.APPOINTMENT_WRITE, Right.ORGANISATION_WRITE},
        Role.SUBDISTRICT_COORDINATOR: _COORDINATOR,
        Role.VOLUNTEER: _SURVEYOR,
        Role.PLACE_OFFICER: _PERSON | {Right.FACILITY_WRITE},
        # It receives the exact counts in the public streams anyway, and may check its sums of them; so does reporting.
        Role.EXTERNAL_SYSTEM: _ANYONE | {Right.FIGURES_EXACT, Right.COUNTS_READ, Right.STREAM_READ},
    }
)
"""The rights of each role."""
