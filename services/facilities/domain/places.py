"""A place: its `Content` is what its officer enters; the rest of `Facility` is what the register adds."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from shared.contracts.events import Day, FacilityChange, FacilityStatus


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84, in degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, local time of Asia/Bangkok (08:30); past midnight it closes earlier than it opens."""

    open: str
    close: str


@dataclass(frozen=True, slots=True)
class Hours:
    """One span of some days of the week."""

    days: tuple[Day, ...]
    open: str
    close: str


@dataclass(frozen=True, slots=True)
class DayException:
    """A date on which other hours hold than on its day of the week; none at all: closed."""

    date: date
    spans: tuple[Span, ...] = ()
    note: str | None = None


class Holidays(StrEnum):
    """What a place does on public holidays."""

    OPEN = "open"
    CLOSED = "closed"


class Access(StrEnum):
    """How one gets a turn."""

    WALK_IN = "walk_in"
    APPOINTMENT = "appointment"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Details:
    """What is asked of some kinds only (`kinds.Kind.fields`). vaccines: CVX codes as text."""

    lanes_per_hour: int | None = None
    vaccines: tuple[str, ...] = ()
    access: Access | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the institution; never a person's own number."""

    phone: str | None = None
    email: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What an officer enters about a place. holidays: None where nobody said; organisation_id: who keeps the place."""

    kind: str
    name: str
    area: str
    organisation_id: UUID | None = None
    official_code: str | None = None
    position: Position | None = None
    status: FacilityStatus = FacilityStatus.OPEN
    capacity: int | None = None
    free: int | None = None
    details: Details = Details()
    hours: tuple[Hours, ...] = ()
    exceptions: tuple[DayException, ...] = ()
    holidays: Holidays | None = None
    hours_note: str | None = None
    services: tuple[str, ...] = ()
    contact: Contact = Contact()


@dataclass(frozen=True, slots=True)
class Facility:
    """A place as the register holds it.

    updated_at: when it got this revision (confirming that nothing changed is an update); confirmed_at: when its content
    was last known to be right; merged_into: the place that it turned out to be, in which case it is closed.
    """

    facility_id: UUID
    content: Content
    revision: int
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime
    merged_into: UUID | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a place from `before` (None when it is new) to `after`."""

    kind: FacilityChange
    before: Facility | None
    after: Facility

    @property
    def takes_code(self) -> bool:
        """Whether the place gets a code that it did not have before, as an open place of its kind."""
        return takes_code(None if self.before is None else self.before.content, self.after.content)


class ClosedFacility(Exception):
    """A closed place has nothing to confirm; it is opened again by an update."""


class NotMerged(Exception):
    """The place is no other one: there is nothing to take back."""


class MergedFacility(Exception):
    """The place turned out to be another one, `survivor`, which is the one to change."""

    def __init__(self, survivor: UUID) -> None:
        super().__init__(survivor)
        self.survivor = survivor


def takes_code(before: Content | None, after: Content) -> bool:
    """Whether `after` has an open place's code that `before` did not have."""
    if after.official_code is None or after.status is FacilityStatus.CLOSED:
        return False
    if before is None or before.status is FacilityStatus.CLOSED:
        return True
    return (before.kind, before.official_code) != (after.kind, after.official_code)


def created(facility_id: UUID, content: Content, at: datetime) -> Change:
    """The first entry of a place."""
    return Change(FacilityChange.CREATED, None, Facility(facility_id, content, 1, at, at, at))


def updated(before: Facility, content: Content, at: datetime) -> Change:
    """The whole content entered anew: an update, a closing, or, when nothing differs, a confirmation.

    Raises `MergedFacility`.
    """
    if before.merged_into is not None:
        raise MergedFacility(before.merged_into)
    after = replace(before, content=content, revision=before.revision + 1, updated_at=at, confirmed_at=at)
    if content == before.content:
        kind = FacilityChange.CONFIRMED
    elif content.status is FacilityStatus.CLOSED and before.content.status is not FacilityStatus.CLOSED:
        kind = FacilityChange.CLOSED
    else:
        kind = FacilityChange.UPDATED
    return Change(kind, before, after)


def merged(before: Facility, survivor: Facility, at: datetime) -> Change:
    """The place turned out to be `survivor`, under which it goes on: closed from now on, its history kept.

    Raises `MergedFacility` where one of both is another one already.
    """
    for each in (before, survivor):
        if each.merged_into is not None:
            raise MergedFacility(each.merged_into)
    content = replace(before.content, status=FacilityStatus.CLOSED)
    after = replace(
        before,
        content=content,
        revision=before.revision + 1,
        updated_at=at,
        confirmed_at=at,
        merged_into=survivor.facility_id,
    )
    return Change(FacilityChange.CLOSED, before, after)


def parted(before: Facility, at: datetime) -> Change:
    """The merger was a mistake: the place is itself again, closed until somebody opens it. Raises `NotMerged`."""
    if before.merged_into is None:
        raise NotMerged
    after = replace(before, revision=before.revision + 1, updated_at=at, confirmed_at=at, merged_into=None)
    return Change(FacilityChange.UPDATED, before, after)


def confirmed(before: Facility, at: datetime) -> Change:
    """ "Nothing changed", said on purpose; raises `ClosedFacility` and `MergedFacility`."""
    if before.merged_into is not None:
        raise MergedFacility(before.merged_into)
    if before.content.status is FacilityStatus.CLOSED:
        raise ClosedFacility
    return updated(before, before.content, at)
