"""What the events mean for the figures: a batch of events folded into what has to be added to them.

Nothing here reads or writes. Every survey figure is a sum of (after - before), so that folding the same events in any
batches gives the same sums, and no state of a household is needed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import add, attrgetter, sub
from typing import Final, NamedTuple
from uuid import UUID

from services.reporting.submissions import Submission
from shared.contracts.events import (
    FacilityUpdated,
    FurtherFacilityUpdated,
    Reason,
    SubmissionKind,
    SubmissionOutcome,
    VolunteerRegistered,
)

PERSON_FIGURES: Final = (
    "persons",
    "dose_0",
    "dose_1",
    "dose_2",
    "dose_3",
    "wanting",
    "wanting_608",
    "undecided",
    "refusing",
    "home_visit",
)
"""Counted in persons, taken from a household's counts under the same names."""

FIGURES: Final = ("submissions", "superseded", "households", "revisits", *PERSON_FIGURES)
"""Every survey figure."""

REASONS: Final = tuple(f"reason_{reason}" for reason in Reason)
"""Persons by known reason for not being vaccinated. A reason that is new in the contract needs its columns, and
what `reason_subdistrict` and `reason_day` hold of it, moved by a migration."""

COLUMNS: Final = (*FIGURES, *REASONS)
"""A `Changes.survey` row, in the order of the columns of `survey_subdistrict` and `survey_day`."""

OVERDUE_AFTER: Final = timedelta(days=7)
"""Places are to be brought up to date every week (the directive's clause 3)."""

SMALL_CELL: Final = 5
"""Below this many persons a subdistrict's figures may point at a household; they are not shown to everybody."""

_BANGKOK: Final = timedelta(hours=7)  # Thailand has had no daylight saving since 1941
_SUPERSEDED_OUTCOME, _ERASURE = SubmissionOutcome.SUPERSEDED, SubmissionKind.ERASURE  # members are slow to look up
_SUBMISSIONS, _SUPERSEDED, _HOUSEHOLDS, _REVISITS = range(4)
_PERSONS = slice(4, 4 + len(PERSON_FIGURES))
_person_figures = attrgetter(*PERSON_FIGURES)
_REASONS: Final[Mapping[str, int]] = {reason.value: COLUMNS.index(f"reason_{reason}") for reason in Reason}


# The keys of what is counted for every submission are plain tuples: a named one takes ten times as long to make.
SurveyKey = tuple[str, date]
"""The subdistrict in which something was captured, and the day (of Thailand) on which it was."""

ReasonKey = tuple[str, date, str]
"""The same, for one reason for not being vaccinated that has no column."""

VisitKey = tuple[int, int | None, int, int]
"""Which volunteer made visits for which organisation, if for any, in which year and month. Of the ids only the numbers,
which compare in a fifth of the time; see `visit`."""


PlaceEvent = FacilityUpdated | FurtherFacilityUpdated
"""Both streams of places. A place is in one of them only, so that its state is the highest revision of either."""


class FlagKey(NamedTuple):
    """Where submissions came with a quality flag."""

    subdistrict: str
    flag: str


class VolunteerKey(NamedTuple):
    """People who are counted together; `organisation_kind` is None for those who came through nobody."""

    area: str
    organisation_kind: str | None
    role: str
    status: str


def visit(key: VisitKey) -> tuple[UUID, UUID | None, date]:
    """The volunteer, the organisation and the first day of the month of a `VisitKey`."""
    volunteer, organisation, year, month = key
    return UUID(int=volunteer), None if organisation is None else UUID(int=organisation), date(year, month, 1)


def day_in_thailand(moment: datetime) -> date:
    """The calendar day in Thailand of a moment. The last hours of the year 9999, which no calendar can move, stay where
    they are."""
    try:
        return (moment.astimezone(UTC) + _BANGKOK).date()
    except OverflowError:
        return moment.date()


@dataclass(slots=True)
class Progress:
    """How far one stream has been taken: the largest event time in milliseconds since 1970, and how many events."""

    newest: int
    events: int


@dataclass(slots=True)
class Changes:
    """What a batch of events adds to the figures.

    survey: rows in the order of `COLUMNS`; reasons: persons by reasons that have no column; flags: submissions;
    visits: submissions and, of them, superseded ones; volunteers: people; facilities: the latest state of each place.
    """

    survey: dict[SurveyKey, list[int]] = field(default_factory=dict)
    reasons: dict[ReasonKey, int] = field(default_factory=dict)
    flags: Counter[FlagKey] = field(default_factory=Counter)
    visits: dict[VisitKey, list[int]] = field(default_factory=dict)
    volunteers: dict[VolunteerKey, int] = field(default_factory=dict)
    facilities: dict[UUID, PlaceEvent] = field(default_factory=dict)
    facility_areas: set[str] = field(default_factory=set)
    progress: dict[str, Progress] = field(default_factory=dict)

    def note(self, topic: str, time: int) -> None:
        """An event of `topic` that happened at `time` (milliseconds since 1970) is among these changes."""
        progress = self.progress.get(topic)
        if progress is None:
            self.progress[topic] = Progress(time, 1)
            return
        progress.events += 1
        if time > progress.newest:
            progress.newest = time

    def add_submission(self, event: Submission) -> None:
        """A household was surveyed, followed up or erased.

        A superseded submission is a visit and leaves the household as it was; an erasure is no visit and takes the
        household away.
        """
        area, day = key = event.area, day_in_thailand(event.captured_at)
        row = self.survey.get(key)
        if row is None:
            row = self.survey[key] = [0] * len(COLUMNS)
        for flag in event.flags:
            self.flags[FlagKey(area, flag)] += 1
        superseded = event.outcome is _SUPERSEDED_OUTCOME
        visited = event.kind is not _ERASURE
        if visited:
            row[_SUBMISSIONS] += 1
            row[_SUPERSEDED] += superseded
            self._add_visit(event.volunteer_id, event.organisation_id, day, superseded)
        if superseded:
            return
        before, after = event.before, event.after
        if after is not None:
            row[_HOUSEHOLDS] += 1
            row[_PERSONS] = map(add, row[_PERSONS], _person_figures(after))
            self._add_reasons(row, area, day, after.reasons, 1)
        if before is not None:
            row[_HOUSEHOLDS] -= 1
            row[_REVISITS] += visited
            row[_PERSONS] = map(sub, row[_PERSONS], _person_figures(before))
            self._add_reasons(row, area, day, before.reasons, -1)

    def _add_visit(self, volunteer: UUID | None, organisation: UUID | None, day: date, superseded: bool) -> None:
        if volunteer is None:
            return
        key = (volunteer.int, None if organisation is None else organisation.int, day.year, day.month)
        visits = self.visits.get(key)
        if visits is None:
            visits = self.visits[key] = [0, 0]
        visits[_SUBMISSIONS] += 1
        visits[_SUPERSEDED] += superseded

    def _add_reasons(self, row: list[int], area: str, day: date, reasons: Mapping[str, int], sign: int) -> None:
        for reason, persons in reasons.items():
            column = _REASONS.get(reason)
            if column is not None:
                row[column] += sign * persons
                continue
            key = (area, day, reason)
            if total := self.reasons.get(key, 0) + sign * persons:
                self.reasons[key] = total
            else:
                self.reasons.pop(key, None)

    def add_volunteer(self, event: VolunteerRegistered) -> None:
        """A person signed up, was appointed, or changed status, area, role or organisation."""
        self._add_people(VolunteerKey(event.area, event.organisation_kind, event.role, event.status), 1)
        if (was := event.before) is not None:
            self._add_people(VolunteerKey(was.area, was.organisation_kind, was.role, was.status), -1)

    def _add_people(self, key: VolunteerKey, people: int) -> None:
        if total := self.volunteers.get(key, 0) + people:
            self.volunteers[key] = total
        else:
            self.volunteers.pop(key, None)

    def add_facility(self, event: PlaceEvent) -> None:
        """A place was entered, changed, confirmed or closed; the highest revision is its state."""
        self.facility_areas.add(event.area)
        if event.before is not None:
            self.facility_areas.add(event.before.area)
        known = self.facilities.get(event.facility_id)
        if known is None or event.revision > known.revision:
            self.facilities[event.facility_id] = event


def derive_above(given: Mapping[str, int], children: Mapping[str, tuple[str, ...]]) -> dict[str, int]:
    """The sums of the areas above those given, wherever every area below is known.

    given: values by area code; children: the codes one level below each area that has any. An area that was given keeps
    its value, even when the areas below sum to something else: registers count some people at a higher level only.
    """
    known = dict(given)
    for area in sorted(children, key=len, reverse=True):
        if area not in known:
            values = [known.get(child) for child in children[area]]
            if None not in values:
                known[area] = sum(value for value in values if value is not None)
    return {area: value for area, value in known.items() if area not in given}
