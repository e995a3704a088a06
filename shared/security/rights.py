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
    SUBMISSION_READ = "submission.read"
    ORGANISATION_WRITE = "organisation.write"
    GROUP_CODE_WRITE = "group_code.write"
    VOLUNTEER_READ = "volunteer.read"
    VOLUNTEER_DECIDE = "volunteer.decide"
    APPOINTMENT_READ = "appointment.read"
    APPOINTMENT_WRITE = "appointment.write"
    SYSTEM_WRITE = "system.write"
    FACILITY_WRITE = "facility.write"
    DENOMINATOR_WRITE = "denominator.write"
    FIGURES_EXACT = "figures.exact"
    COUNTS_READ = "counts.read"


MEANINGS: Mapping[Right, str] = MappingProxyType(
    {
        Right.SUBMISSION_CREATE: "send what was found at a household",
        Right.SUBMISSION_READ: "see what became of submissions",
        Right.ORGANISATION_WRITE: "enter organisations",
        Right.GROUP_CODE_WRITE: "make and revoke group codes",
        Right.VOLUNTEER_READ: "list volunteers with names and numbers; each reading is recorded",
        Right.VOLUNTEER_DECIDE: "approve and suspend those of lower rank",
        Right.APPOINTMENT_READ: "list who holds which role, with names; each reading is recorded",
        Right.APPOINTMENT_WRITE: "appoint to lower roles, and end such appointments",
        Right.SYSTEM_WRITE: "make, list and revoke accounts of systems",
        Right.FACILITY_WRITE: "enter, change and confirm places",
        Right.DENOMINATOR_WRITE: "put in the tables that percentages are of",
        Right.FIGURES_EXACT: "see figures of very few persons",
        Right.COUNTS_READ: "read the services' own counts, for reconciliation",
    }
)
"""What each right is about, in words."""

# People who visit houses. A coordinator surveys too: he is the one who helps out where a volunteer is missing.
_SURVEYOR = frozenset({Right.SUBMISSION_CREATE, Right.SUBMISSION_READ})
_COORDINATOR = _SURVEYOR | {
    Right.GROUP_CODE_WRITE,
    Right.VOLUNTEER_READ,
    Right.VOLUNTEER_DECIDE,
    Right.APPOINTMENT_READ,
    Right.FACILITY_WRITE,
    Right.FIGURES_EXACT,
}
# Administrators read submissions but make none: a submission counts for the volunteer who was at the house.
_ADMINISTRATOR = frozenset(Right) - {Right.SUBMISSION_CREATE, Right.SYSTEM_WRITE, Right.DENOMINATOR_WRITE}

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        # A system's account belongs to no province: it is the centre that knows who is connected, and can end it.
        # Tables of denominators are the whole country's.
        Role.CENTRAL_ADMINISTRATOR: _ADMINISTRATOR | {Right.SYSTEM_WRITE, Right.DENOMINATOR_WRITE},
        Role.PROVINCE_ADMINISTRATOR: _ADMINISTRATOR,
        # A district's coordinator finds the subdistricts' coordinators; below him there is nobody left to appoint.
        Role.DISTRICT_COORDINATOR: _COORDINATOR | {Right.APPOINTMENT_WRITE, Right.ORGANISATION_WRITE},
        Role.SUBDISTRICT_COORDINATOR: _COORDINATOR,
        Role.VOLUNTEER: _SURVEYOR,
        Role.PLACE_OFFICER: frozenset({Right.FACILITY_WRITE}),
        # It receives the exact counts in the public streams anyway.
        Role.EXTERNAL_SYSTEM: frozenset({Right.FIGURES_EXACT}),
    }
)
"""The rights of each role."""
