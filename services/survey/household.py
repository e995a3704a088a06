"""What a household stands at, and how each record of `survey-intake` moves it.

The rule, whatever the order in which records arrive: a household is its latest survey, with the follow-ups that were
captured after it applied in the order in which they were captured, to the persons whom that survey names as to reach.
Surveys and follow-ups compare by (captured_at, id). An erasure ends all that is there when it arrives, and all that was
captured before it and arrives later.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from services.survey.domain import Counts, Visit
from services.survey.records import FollowUpFact, IntakeRecord, ReachPerson
from shared.contracts.events import SubmissionOutcome

RECORDED, SUPERSEDED = SubmissionOutcome.RECORDED.value, SubmissionOutcome.SUPERSEDED.value

WANTING: Final = frozenset({"open", "appointed", "not_found"})
"""Statuses in which a person counts as wanting: of one who was not found nothing else is known."""
GONE: Final = frozenset({"moved", "died"})
"""Statuses in which a person counts for the household no more."""


class FollowUp(NamedTuple):
    """A follow-up as far as it changes anything; in the order in which they are applied."""

    captured_at: datetime
    submission_id: UUID
    person_id: UUID
    outcome: str
    dose: int | None
    due_at: datetime | None
    facility_id: UUID | None

    @property
    def visit(self) -> Visit:
        """What is compared with a survey's."""
        return Visit(self.captured_at, self.submission_id)


class Reached(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A person to reach as the standing survey names him, and what follow-ups made of it; stored as JSON in
    `household`, without what is as given here.

    place: which of the survey's persons, from 0; rank: by the priorities of the day, 0 first; wanting_since: when a
    visit first heard so; dose: the highest had, 3 for more, and surveyed_dose what of it the survey said; due_at: of an
    appointment, or by when to try again; facility_id: of an appointment; followed_at: when the latest follow-up was
    captured; cell_row, cell_column: as of a sighting; tokens: what a search asks for.
    """

    person_id: UUID
    place: int
    rank: int
    wanting_since: datetime
    dose: int = 0
    surveyed_dose: int = 0
    at_risk: bool = False
    home_visit: bool = False
    registered_area: str | None = None
    reasons: tuple[str, ...] = ()
    status: str = "open"
    due_at: datetime | None = None
    facility_id: UUID | None = None
    followed_at: datetime | None = None
    cell_row: int | None = None
    cell_column: int | None = None
    tokens: tuple[int, ...] = ()


def followed(row: Reached, follow_up: FollowUp) -> Reached:
    """A person after a follow-up that is later than all that `row` has seen."""
    outcome, dose, status = follow_up.outcome, row.dose, row.status
    due_at, facility_id = follow_up.due_at, None
    if outcome == "no_answer":
        if due_at is None:
            due_at = row.due_at
        facility_id = row.facility_id
    elif outcome == "appointment":
        status, facility_id = "appointed", follow_up.facility_id
    elif outcome == "reopened":
        status = "open"
    else:
        status = outcome
        if outcome == "vaccinated":
            dose = min(3, max(dose, dose + 1 if follow_up.dose is None else follow_up.dose))
    return replace(
        row, dose=dose, status=status, due_at=due_at, facility_id=facility_id, followed_at=follow_up.captured_at
    )


def as_surveyed(row: Reached) -> Reached:
    """A person as the survey named him, before any follow-up."""
    return replace(row, dose=row.surveyed_dose, status="open", due_at=None, facility_id=None, followed_at=None)


def recounted(counts: str, changes: Iterable[tuple[Reached, Reached]]) -> str:
    """A household's counts after each of `changes` (before, after); JSON as it was."""
    figures = msgspec.to_builtins(_read_counts(counts))
    for before, after in changes:
        _add(figures, before, -1)
        _add(figures, after, 1)
    figures["reasons"] = {name: number for name, number in sorted(figures["reasons"].items()) if number}
    return counts_text(Counts(**figures))


def _add(figures: dict[str, int], row: Reached, sign: int) -> None:
    if row.status in GONE:
        return
    figures["persons"] += sign
    figures[f"dose_{row.dose}"] += sign
    if row.status in WANTING:
        figures["wanting"] += sign
        if row.at_risk:
            figures["wanting_608"] += sign
    elif row.status == "changed_mind":
        figures["refusing"] += sign
    if row.home_visit:
        figures["home_visit"] += sign
    if row.status != "vaccinated" and row.dose == row.surveyed_dose:  # else it is no reason any more
        reasons: dict[str, int] = figures["reasons"]  # type: ignore[assignment]
        for reason in row.reasons:
            reasons[reason] = reasons.get(reason, 0) + sign


_NOTHING: Final[Mapping[UUID, Any]] = {}
_read_counts = msgspec.json.Decoder(Counts).decode
_read_persons = msgspec.json.Decoder(list[Reached]).decode
_encode = msgspec.json.Encoder().encode


def counts_text(counts: Counts) -> str:
    """Counts as stored and published."""
    return _encode(counts).decode()


class Change(NamedTuple):
    """What a record changed. kept: whether its content may be kept; not so when the household was erased meanwhile."""

    outcome: str
    before: str | None
    after: str | None
    kept: bool = True


class Household:
    """One household in a batch. The changes are applied in the order of arrival; what has to be written is said by
    `changed` (its row), `new_follow_ups`, and `left`.

    heard: by person, when a visit first heard that he wants vaccine and lacks it. left: None, unless an erasure is in
    the batch: then the persons whose follow-ups are left; and kept: the records whose content is kept all the same.
    """

    __slots__ = (
        "area",
        "changed",
        "counts",
        "erased_at",
        "erased_by",
        "follow_ups",
        "followed_at",
        "heard",
        "household_id",
        "kept",
        "left",
        "new_follow_ups",
        "reach",
        "revision",
        "stored",
        "village",
        "visit",
    )

    def __init__(
        self,
        household_id: UUID,
        revision: int = 0,
        visit: Visit | None = None,
        counts: str | None = None,
        reach: str | None = None,
        followed_at: datetime | None = None,
        erased_at: datetime | None = None,
        erased_by: UUID | None = None,
        *,
        stored: bool = False,
    ) -> None:
        """counts, reach: JSON text; stored: it has a row."""
        self.household_id = household_id
        self.revision = revision
        self.visit = visit
        self.counts = counts
        self.followed_at = followed_at
        self.erased_at = erased_at
        self.erased_by = erased_by
        self.stored = stored
        self.area = ""
        self.village: str | None = None
        # Shared while empty, and replaced rather than changed: nearly all households stay without any of these.
        self.reach: Mapping[UUID, Reached] = _NOTHING
        self.heard: Mapping[UUID, datetime] = _NOTHING
        if reach is not None:
            self.reach = {row.person_id: row for row in _read_persons(reach)}
            self.heard = {row.person_id: row.wanting_since for row in self.reach.values()}
        self.follow_ups: Sequence[FollowUp] = ()
        self.new_follow_ups: Sequence[FollowUp] = ()
        self.changed = False
        self.left: set[UUID] | None = None
        self.kept: Sequence[IntakeRecord] = ()

    @property
    def reach_text(self) -> str | None:
        """The persons to reach as stored; None when there are none."""
        return _encode(list(self.reach.values())).decode() if self.reach else None

    def take(self, record: IntakeRecord) -> Change:
        """Applies a record whose id is new."""
        if record.follow_up is not None:
            return self._followed_up(record, record.follow_up)
        if record.counts is not None and record.kind == "survey":
            return self._surveyed(record, record.counts)
        return self._erased(record)

    def is_too_late(self, record: IntakeRecord) -> bool:
        """Whether the record tells of what was erased before it came."""
        return self.erased_at is not None and record.captured_at <= self.erased_at

    def _surveyed(self, record: IntakeRecord, counts: Counts) -> Change:
        before = self.counts
        if self.erased_at is not None and record.captured_at <= self.erased_at:
            return Change(SUPERSEDED, before, before, kept=False)
        if self.left is not None:
            self.kept = (*self.kept, record)
        visit = Visit(record.captured_at, record.submission_id)
        if record.reach:
            self._hear(record.reach, record.captured_at)
        if self.visit is not None and not visit.supersedes(self.visit):
            return Change(SUPERSEDED, before, before)
        self._stand(record, counts, visit)
        return Change(RECORDED, before, self.counts)

    def _followed_up(self, record: IntakeRecord, fact: FollowUpFact) -> Change:
        before = self.counts
        if self.is_too_late(record):
            return Change(SUPERSEDED, before, before, kept=False)
        if self.left is not None:
            self.kept = (*self.kept, record)
        follow_up = FollowUp(
            record.captured_at,
            record.submission_id,
            fact.person_id,
            fact.outcome,
            fact.dose,
            fact.due_at,
            fact.facility_id,
        )
        self.follow_ups = sorted((*self.follow_ups, follow_up))
        self.new_follow_ups = (*self.new_follow_ups, follow_up)
        if self.followed_at is None or follow_up.captured_at > self.followed_at:
            self.followed_at = follow_up.captured_at
        self.changed = True
        self.area = record.area
        if not self.revision:
            self.revision = 1  # known from now on, with nothing that stands
        row = self.reach.get(fact.person_id)
        if row is None or before is None or self.visit is None or not follow_up.visit.supersedes(self.visit):
            return Change(SUPERSEDED, before, before)
        if row.followed_at is None or follow_up.captured_at > row.followed_at:
            now = followed(row, follow_up)
        else:
            now = self._brought_up_to_date(as_surveyed(row), self.visit)
        self.reach = {**self.reach, fact.person_id: now}
        self.revision += 1
        self.counts = recounted(before, [(row, now)])
        return Change(RECORDED, before, self.counts)

    def _erased(self, record: IntakeRecord) -> Change:
        """Ends everything; `record` may bring what is left of the household when only one of its persons is erased.

        That stands at the time of the survey from which it was made, so that follow-ups about the others hold on.
        """
        before = self.counts
        left = {person.person_id for person in record.reach}
        self.follow_ups = [one for one in self.follow_ups if one.person_id in left]
        self.new_follow_ups = [one for one in self.new_follow_ups if one.person_id in left]
        self.heard = {person: since for person, since in self.heard.items() if person in left}
        self.left = left if self.left is None else self.left & left
        self.erased_at = record.captured_at if self.erased_at is None else max(self.erased_at, record.captured_at)
        self.erased_by = record.erased_by
        self.kept = (record,)
        if record.counts is None:
            self.visit = Visit(record.captured_at, record.submission_id)
            self.reach, self.counts, self.followed_at = _NOTHING, None, None
            self.area = record.area
            self.revision += 1
            self.changed = True
        else:
            captured_at = record.captured_at if self.visit is None else self.visit.captured_at
            self._hear(record.reach, captured_at)
            self._stand(record, record.counts, Visit(captured_at, record.submission_id))
        return Change(RECORDED, before, self.counts)

    def _stand(self, record: IntakeRecord, counts: Counts, visit: Visit) -> None:
        """The record's state becomes the household's, brought up to date by the follow-ups that are later."""
        self.visit = visit
        self.revision += 1
        self.changed = True
        self.area = record.area
        if self.village is None:
            self.village = record.village
        self.counts = counts_text(counts)
        if not record.reach:
            self.reach = _NOTHING
            return
        self.reach = {person.person_id: self._named(record, person) for person in record.reach}
        if not self.follow_ups or not visit < self.follow_ups[-1].visit:
            return
        changes = []
        for row in self.reach.values():
            now = self._brought_up_to_date(row, visit)
            if now is not row:
                changes.append((row, now))
        if changes:
            self.counts = recounted(self.counts, changes)
            self.reach = {**self.reach, **{now.person_id: now for _, now in changes}}

    def _brought_up_to_date(self, row: Reached, visit: Visit) -> Reached:
        """A person as surveyed, with all follow-ups about him that are later than the survey."""
        for follow_up in self.follow_ups:
            if follow_up.person_id == row.person_id and follow_up.visit.supersedes(visit):
                row = followed(row, follow_up)
        return row

    def _hear(self, persons: Sequence[ReachPerson], captured_at: datetime) -> None:
        heard = self.heard = dict(self.heard)
        for person in persons:
            since = heard.get(person.person_id)
            if since is None or captured_at < since:
                heard[person.person_id] = captured_at
                row = self.reach.get(person.person_id)
                if row is not None:
                    self.reach = {**self.reach, person.person_id: replace(row, wanting_since=captured_at)}
                    self.changed = True

    def _named(self, record: IntakeRecord, person: ReachPerson) -> Reached:
        row, column = record.cell or (None, None)
        return Reached(
            person.person_id,
            person.place,
            person.rank,
            self.heard[person.person_id],
            person.dose,
            person.dose,
            person.at_risk,
            person.home_visit,
            person.registered_area,
            person.reasons,
            cell_row=row,
            cell_column=column,
            tokens=person.tokens,
        )
