"""The rules of training: whom a course is for, when somebody may sign up and attend, and how long it counts."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.registration.domain.people import Refused
from shared.contracts.events import Role
from shared.observability.clock import BANGKOK


class Audience(StrEnum):
    """For whom a course is, in the words of the directive's clause 4."""

    AGENCIES = "agencies"
    PARTNERS = "partners"
    PUBLIC = "public"


class Policy(StrEnum):
    """What happens to a volunteer who has not taken the courses that are required of him."""

    OFF = "off"
    WARN = "warn"
    HOLD = "hold"


class SignUpState(StrEnum):
    """Where somebody stands in a session."""

    PLACED = "placed"
    WAITING = "waiting"
    CANCELLED = "cancelled"


LONGEST_SESSION = timedelta(days=7)
"""A course of a working week; more is several sessions."""
FARTHEST_SESSION = timedelta(days=366)
"""A year's plan of training."""
CODE_BEFORE = timedelta(minutes=15)
"""People who come early enter the code while they wait."""
CODE_AFTER = timedelta(minutes=30)
"""The code is often shown at the end, and phones find their net on the way out."""


class TrainingRefused(Refused):
    """A rule forbids it.

    `code` is one of training_required, sign_up_closed, not_by_phone, session_cancelled, not_now, not_signed_up,
    course_retired.
    """


@dataclass(frozen=True, slots=True)
class Course:
    """A course. It is taught, and required of the holders of some roles, inside `area`; validity is in months."""

    course_id: UUID
    area: str
    title_th: str
    title_en: str
    audience: Audience
    required_for: tuple[Role, ...]
    validity_months: int | None
    retired: bool

    @property
    def by_phone(self) -> bool:
        """Whether one signs up by phone alone: the public has no accounts, and a volunteer none before approval."""
        return self.audience is Audience.PUBLIC or Role.VOLUNTEER in self.required_for


@dataclass(frozen=True, slots=True)
class Session:
    """One time at which a course is taught, online (`link`) or at a `place`."""

    session_id: UUID
    course_id: UUID
    area: str
    link: str | None
    place: str | None
    begins_at: datetime
    ends_at: datetime
    capacity: int
    sign_up_until: datetime
    trainer: UUID
    cancelled: bool


def wrong_time(begins_at: datetime, ends_at: datetime, sign_up_until: datetime, now: datetime) -> str | None:
    """Return the name of the first time of a new session that cannot be, None when all are good."""
    if not now < begins_at <= now + FARTHEST_SESSION:
        return "begins_at"
    if not begins_at < ends_at <= begins_at + LONGEST_SESSION:
        return "ends_at"
    if not now < sign_up_until <= ends_at:
        return "sign_up_until"
    return None


def check_sign_up(session: Session, course: Course, *, by_phone: bool, now: datetime) -> None:
    """Raise `TrainingRefused` unless somebody may sign up `now`."""
    if session.cancelled:
        raise TrainingRefused("session_cancelled")
    if now > session.sign_up_until:
        raise TrainingRefused("sign_up_closed")
    if by_phone and not course.by_phone:
        raise TrainingRefused("not_by_phone")


def check_attendance(session: Session, now: datetime) -> None:
    """Raise `TrainingRefused` unless the code of a session is good `now`."""
    if session.cancelled:
        raise TrainingRefused("session_cancelled")
    if not session.begins_at - CODE_BEFORE <= now <= session.ends_at + CODE_AFTER:
        raise TrainingRefused("not_now")


def valid_until(completed_at: datetime, months: int | None) -> datetime | None:
    """Return when a completion ends to count: the same day of a later month in Bangkok, or that month's last day."""
    if months is None:
        return None
    there = completed_at.astimezone(BANGKOK)
    year, month = divmod(there.year * 12 + there.month - 1 + months, 12)
    day = min(there.day, monthrange(year, month + 1)[1])
    return there.replace(year=year, month=month + 1, day=day).astimezone(completed_at.tzinfo)
