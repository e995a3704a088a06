"""The rules of appointments: from when to when a role may be held, and what its beginning and end make of a person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from services.registration.domain.people import Organisation, Person
from shared.contracts.events import Role, VolunteerStatus

FURTHEST_BEGINNING = timedelta(days=366)
"""A letter of appointment is written some weeks ahead, for a fiscal year at most a year."""
LONGEST_TERM = timedelta(days=5 * 366)
"""Longer than any term of office; who stays longer is appointed again, and somebody looks at it."""


class BadTerm(Exception):
    """Days that cannot be meant. `field` is from or to; `code` is one of in_the_past, too_far_ahead, before_from,
    too_long."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(field, code)
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class Term:
    """The days on which a role is held, in Thailand, the first and the last included. No last one: until ended."""

    from_day: date
    to_day: date | None


@dataclass(frozen=True, slots=True)
class Appointment:
    """Who was given which role where, and what has become of it.

    begun_at is None while the first day is awaited; ended_by is None where the last day has ended it.
    """

    appointment_id: UUID
    person_id: UUID
    role: Role
    area: str
    organisation_id: UUID
    term: Term
    appointed_by: UUID
    appointed_at: datetime
    begun_at: datetime | None = None
    ended_by: UUID | None = None
    ended_at: datetime | None = None

    @property
    def state(self) -> str:
        """`awaited`, `held` or `ended`."""
        if self.ended_at is not None:
            return "ended"
        return "awaited" if self.begun_at is None else "held"

    def repeats(self, other: Appointment) -> bool:
        """Say whether this gives the same role again as `other` does. The first day does not count: it may be over."""
        return (self.role, self.area, self.organisation_id, self.term.to_day) == (
            other.role,
            other.area,
            other.organisation_id,
            other.term.to_day,
        )


def term(from_day: date | None, to_day: date | None, today: date) -> Term:
    """Check the days that were asked for; without a first one it is `today`. Raises `BadTerm`."""
    first = today if from_day is None else from_day
    if first < today:
        raise BadTerm("from", "in_the_past")
    if first > today + FURTHEST_BEGINNING:
        raise BadTerm("from", "too_far_ahead")
    if to_day is not None and to_day < first:
        raise BadTerm("to", "before_from")
    if to_day is not None and to_day > first + LONGEST_TERM:
        raise BadTerm("to", "too_long")
    return Term(first, to_day)


def await_beginning(appointed: Person) -> Person:
    """Make of somebody who was just registered by an appointment one who waits for its first day."""
    return replace(appointed, status=VolunteerStatus.PENDING)


def waits_for(person: Person, appointment: Appointment) -> bool:
    """Say whether `person` was registered by this appointment and waits for its first day."""
    return person.status is VolunteerStatus.PENDING and person.registered_at == appointment.appointed_at


def begin(person: Person, appointment: Appointment, organisation: Organisation) -> Person:
    """Let `person` take the role, instead of the one held so far. Who decided this was judged at the appointment."""
    begun = replace(
        person,
        organisation_id=organisation.organisation_id,
        organisation_kind=organisation.kind,
        area=appointment.area,
        role=appointment.role,
        status=VolunteerStatus.APPROVED,
    )
    return person if begun == person else replace(begun, revision=person.revision + 1)


def end(person: Person) -> Person:
    """Take the role away. With it every sign-in and token ends; another appointment brings the person back."""
    if person.status is VolunteerStatus.WITHDRAWN:
        return person
    return replace(person, status=VolunteerStatus.WITHDRAWN, revision=person.revision + 1)
