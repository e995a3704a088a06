"""What the events mean for the figures: a batch of events folded into what has to be added to them.

Nothing here reads or writes. Every survey figure is a sum of (after - before), so that folding the same events in any
batches gives the same sums, and no state of a household is needed.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from operator import add, attrgetter, sub
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

from services.reporting.submissions import Counts, Submission
from shared.contracts.events import (
    FacilityChange,
    FacilityUpdated,
    FurtherFacilityUpdated,
    HelpStatus,
    HelpUpdated,
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

FOLLOW_UP_FIGURES: Final = ("follow_ups", "followed_up", "vaccinated")
"""Recorded visits that follow up a household; its persons who wanted vaccine before; doses that they had got since."""

FIGURES: Final = ("submissions", "superseded", "households", "revisits", *PERSON_FIGURES, *FOLLOW_UP_FIGURES)
"""Every survey figure."""

VISIT_FIGURES: Final = (
    "submissions",
    "superseded",
    "households",
    "revisits",
    "persons",
    "dose_0",
    "wanting",
    *FOLLOW_UP_FIGURES,
)
"""A `Changes.visits` row, in the order of the columns of `volunteer_month`."""

CHANGES: Final[Mapping[FacilityChange, int]] = {
    FacilityChange.CREATED: 0,
    FacilityChange.UPDATED: 1,
    FacilityChange.CONFIRMED: 2,
    FacilityChange.CLOSED: 3,
}
"""Where a change of a place is counted in a `Changes.place_changes` row."""

REASONS: Final = tuple(f"reason_{reason}" for reason in Reason)
"""Persons by known reason for not being vaccinated. A reason that is new in the contract needs its columns, and
what `reason_subdistrict` and `reason_day` hold of it, moved by a migration."""

COLUMNS: Final = (*FIGURES, *REASONS)
"""A `Changes.survey` row, in the order of the columns of `survey_subdistrict` and `survey_day`."""

HELP_MEDIAN_OVER: Final = timedelta(days=30)
"""The median time to acceptance is that of requests first accepted in this time: how it goes now, not how it went in
the first wave."""
OVERDUE_AFTER: Final = timedelta(days=7)
"""Places are to be brought up to date every week (the directive's clause 3)."""

_BANGKOK: Final = timedelta(hours=7)  # Thailand has had no daylight saving since 1941
_SUPERSEDED_OUTCOME, _ERASURE = SubmissionOutcome.SUPERSEDED, SubmissionKind.ERASURE  # members are slow to look up
_FOLLOW_UP = SubmissionKind.FOLLOW_UP
_SUBMISSIONS, _SUPERSEDED, _HOUSEHOLDS, _REVISITS = range(4)
_PERSONS = slice(4, 4 + len(PERSON_FIGURES))
_FOLLOW_UPS, _FOLLOWED_UP, _VACCINATED = (FIGURES.index(name) for name in FOLLOW_UP_FIGURES)
_VISIT_PERSONS, _VISIT_DOSE_0, _VISIT_WANTING = range(4, 7)
_VISIT_FOLLOW_UPS, _VISIT_FOLLOWED_UP, _VISIT_VACCINATED = range(7, 10)
_person_figures = attrgetter(*PERSON_FIGURES)
_Key = TypeVar("_Key")
_REASONS: Final[Mapping[str, int]] = {reason.value: COLUMNS.index(f"reason_{reason}") for reason in Reason}


# The keys of what is counted for every submission are plain tuples: a named one takes ten times as long to make.
SurveyKey = tuple[str, date]
"""The subdistrict in which something was captured, and the day (of Thailand) on which it was."""

ReasonKey = tuple[str, date, str]
"""The same, for one reason for not being vaccinated that has no column."""

VisitKey = tuple[int, int, str, int | None, int | None]
"""The year and month, the subdistrict, which volunteer made visits (None: an erasure, nobody's) and for which
organisation, if for any. Of the ids only the numbers, which compare in a fifth of the time; see `visit`."""


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


class PlaceChangeKey(NamedTuple):
    """Changes of places that are counted together: the first day of the month, the subdistrict, the agency that keeps
    the place's data and the account that made the change."""

    month: date
    area: str
    organisation_id: UUID | None
    changed_by: UUID | None


class RegistrationKey(NamedTuple):
    """People who first signed up in the same month, by where and through whom they are now."""

    month: date
    area: str
    organisation_id: UUID | None
    organisation_kind: str | None
    role: str


class HelpKey(NamedTuple):
    """Requests for help that stand alike."""

    area: str
    kind: str
    status: str


class HelpMonthKey(NamedTuple):
    """Requests of one subdistrict that were done in the same month."""

    month: date
    area: str


def visit(key: VisitKey) -> tuple[date, str, UUID | None, UUID | None]:
    """The first day of the month, the subdistrict, the volunteer and the organisation of a `VisitKey`."""
    year, month, area, volunteer, organisation = key
    return (
        date(year, month, 1),
        area,
        None if volunteer is None else UUID(int=volunteer),
        None if organisation is None else UUID(int=organisation),
    )


def doses(counts: Counts) -> int:
    """Doses that the persons of a household have had, a fourth and further ones left out."""
    return counts.dose_1 + 2 * counts.dose_2 + 3 * counts.dose_3


def day_in_thailand(moment: datetime) -> date:
    """The calendar day in Thailand of a moment. The last hours of the year 9999, which no calendar can move, stay where
    they are."""
    try:
        return (moment.astimezone(UTC) + _BANGKOK).date()
    except OverflowError:
        return moment.date()


def month_in_thailand(moment: datetime) -> date:
    """The first day of the calendar month in Thailand of a moment."""
    return day_in_thailand(moment).replace(day=1)


@dataclass(slots=True)
class Progress:
    """How far one stream has been taken: the largest event time in milliseconds since 1970, and how many events."""

    newest: int
    events: int


@dataclass(slots=True)
class Changes:
    """What a batch of events adds to the figures.

    survey: rows in the order of `COLUMNS`; reasons: persons by reasons that have no column; flags: submissions;
    visits: rows in the order of `VISIT_FIGURES`; volunteers and registrations: people; facilities: the latest state of
    each place; place_changes: rows in the order of `CHANGES`; help and help_done: requests; help_requests:
    the latest state of each.
    """

    survey: dict[SurveyKey, list[int]] = field(default_factory=dict)
    reasons: dict[ReasonKey, int] = field(default_factory=dict)
    flags: Counter[FlagKey] = field(default_factory=Counter)
    visits: dict[VisitKey, list[int]] = field(default_factory=dict)
    volunteers: dict[VolunteerKey, int] = field(default_factory=dict)
    facilities: dict[UUID, PlaceEvent] = field(default_factory=dict)
    facility_areas: set[str] = field(default_factory=set)
    registrations: dict[RegistrationKey, int] = field(default_factory=dict)
    place_changes: dict[PlaceChangeKey, list[int]] = field(default_factory=dict)
    help: dict[HelpKey, int] = field(default_factory=dict)
    help_done: dict[HelpMonthKey, int] = field(default_factory=dict)
    help_requests: dict[UUID, HelpUpdated] = field(default_factory=dict)
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
        household away, or makes it smaller (`follow_up` that nobody made). A follow-up is no survey of the household.
        """
        area, day = key = event.area, day_in_thailand(event.captured_at)
        row = self.survey.get(key)
        if row is None:
            row = self.survey[key] = [0] * len(COLUMNS)
        for flag in event.flags:
            self.flags[FlagKey(area, flag)] += 1
        made = self._visits(event, area, day)
        superseded = event.outcome is _SUPERSEDED_OUTCOME
        kind = event.kind
        visited = kind is not _ERASURE and event.volunteer_id is not None
        if visited:
            row[_SUBMISSIONS] += 1
            made[_SUBMISSIONS] += 1
        if superseded:
            row[_SUPERSEDED] += visited
            made[_SUPERSEDED] += visited
            return
        before, after = event.before, event.after
        if after is not None:
            row[_HOUSEHOLDS] += 1
            row[_PERSONS] = map(add, row[_PERSONS], _person_figures(after))
            self._add_reasons(row, area, day, after.reasons, 1)
            made[_HOUSEHOLDS] += 1
            made[_VISIT_PERSONS] += after.persons
            made[_VISIT_DOSE_0] += after.dose_0
            made[_VISIT_WANTING] += after.wanting
        if before is not None:
            row[_HOUSEHOLDS] -= 1
            revisited = visited and kind is not _FOLLOW_UP
            row[_REVISITS] += revisited
            row[_PERSONS] = map(sub, row[_PERSONS], _person_figures(before))
            self._add_reasons(row, area, day, before.reasons, -1)
            made[_HOUSEHOLDS] -= 1
            made[_REVISITS] += revisited
            made[_VISIT_PERSONS] -= before.persons
            made[_VISIT_DOSE_0] -= before.dose_0
            made[_VISIT_WANTING] -= before.wanting
        if visited and kind is _FOLLOW_UP:
            self._add_follow_up(row, made, before, after)

    def _visits(self, event: Submission, area: str, day: date) -> list[int]:
        """The row to which the submission's volunteer and organisation count."""
        volunteer, organisation = event.volunteer_id, event.organisation_id
        key = (
            day.year,
            day.month,
            area,
            None if volunteer is None else volunteer.int,
            None if organisation is None else organisation.int,
        )
        made = self.visits.get(key)
        if made is None:
            made = self.visits[key] = [0] * len(VISIT_FIGURES)
        return made

    @staticmethod
    def _add_follow_up(row: list[int], made: list[int], before: Counts | None, after: Counts | None) -> None:
        """Counts a recorded follow-up; fewer doses than before are a correction and nobody's vaccination."""
        row[_FOLLOW_UPS] += 1
        made[_VISIT_FOLLOW_UPS] += 1
        if before is None or after is None:
            return
        given = max(0, doses(after) - doses(before))
        row[_FOLLOWED_UP] += before.wanting
        row[_VACCINATED] += given
        made[_VISIT_FOLLOWED_UP] += before.wanting
        made[_VISIT_VACCINATED] += given

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
        month = month_in_thailand(event.registered_at)
        for each, people in ((event, 1), (event.before, -1)):
            if each is not None:
                kind, role = each.organisation_kind, each.role
                _count(self.volunteers, VolunteerKey(each.area, kind, role, each.status), people)
                _count(self.registrations, RegistrationKey(month, each.area, each.organisation_id, kind, role), people)

    def add_facility(self, event: PlaceEvent) -> None:
        """A place was entered, changed, confirmed or closed; the highest revision is its state."""
        self.facility_areas.add(event.area)
        if event.before is not None:
            self.facility_areas.add(event.before.area)
        known = self.facilities.get(event.facility_id)
        if known is None or event.revision > known.revision:
            self.facilities[event.facility_id] = event
        key = PlaceChangeKey(month_in_thailand(event.updated_at), event.area, event.organisation_id, event.changed_by)
        row = self.place_changes.setdefault(key, [0] * len(CHANGES))
        row[CHANGES[event.change]] += 1

    def add_help(self, event: HelpUpdated) -> None:
        """A request for help was made or moved on. One that is done closes in the month in which it was; one that is
        opened again is taken from the month of that."""
        latest = self.help_requests.get(event.request_id)
        if latest is None or event.revision > latest.revision:
            self.help_requests[event.request_id] = event
        month = month_in_thailand(event.updated_at)
        for each, requests in ((event, 1), (event.before, -1)):
            if each is not None:
                _count(self.help, HelpKey(each.area, each.kind, each.status), requests)
                if each.status is HelpStatus.DONE:
                    _count(self.help_done, HelpMonthKey(month, each.area), requests)


def _count(counts: dict[_Key, int], key: _Key, number: int) -> None:
    """Adds to what is counted under the key; what comes to nothing is left out."""
    if total := counts.get(key, 0) + number:
        counts[key] = total
    else:
        counts.pop(key, None)


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
