"""A household is its latest survey with the later follow-ups applied, whatever the order in which they arrive."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from asyncpg.pgproto.pgproto import UUID as DatabaseUUID
from hypothesis import given, settings
from hypothesis import strategies as st

from services.survey.domain import Counts
from services.survey.household import Change, FollowUp, Household, Reached
from services.survey.reach.follow_up import OUTCOMES
from services.survey.records import FollowUpFact, IntakeRecord, ReachPerson, decode, encode
from shared.contracts.events import HouseholdCounts, SubmissionKind, SubmissionOutcome, SurveySubmitted
from tests.simulation.rule import FIGURES, standing

AT = datetime(2022, 2, 1, tzinfo=UTC)
HOUSE, VOLUNTEER = UUID("50010100-0000-8000-8000-000000000001"), UUID(int=7)
PERSONS = [UUID(int=100 + n) for n in range(3)]


def survey(number: int, minute: int, persons: Sequence[dict[str, Any]]) -> IntakeRecord:
    """A survey; persons: dicts of id, dose, at_risk, home_visit, reasons; those with an id want vaccine and lack it."""
    figures: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for person in persons:
        figures["persons"] += 1
        figures[f"dose_{person['dose']}"] += 1
        figures["home_visit"] += person["home_visit"]
        reasons.update(person["reasons"])
        if person["id"] is not None:
            figures["wanting"] += 1
            figures["wanting_608"] += person["at_risk"]
    return record(
        number,
        minute,
        "survey",
        counts=Counts(**{name: figures[name] for name in FIGURES}, reasons=dict(sorted(reasons.items()))),
        reach=tuple(
            ReachPerson(one["id"], place, 0, one["dose"], one["at_risk"], one["home_visit"], one["reasons"], None, ())
            for place, one in enumerate(persons)
            if one["id"] is not None
        ),
    )


def follow_up(number: int, minute: int, person: UUID, outcome: str, dose: int | None = None) -> IntakeRecord:
    """A follow-up."""
    due = AT + timedelta(days=number) if outcome in ("appointment", "no_answer") else None
    facility = UUID(int=number) if outcome == "appointment" else None
    return record(number, minute, "follow_up", follow_up=FollowUpFact(person, outcome, dose, due, facility))


def erasure(number: int, minute: int, left: IntakeRecord | None = None) -> IntakeRecord:
    """An erasure of all, or of all but what is left."""
    kind = "erasure" if left is None else "follow_up"
    given = {} if left is None else {"counts": left.counts, "reach": left.reach}
    return record(number, minute, kind, volunteer_id=None, erased_by=UUID(int=9), **given)


def record(number: int, minute: int, kind: Any, **given: Any) -> IntakeRecord:
    """A record as the recorder reads it."""
    at = AT + timedelta(minutes=minute)
    fields = {"volunteer_id": VOLUNTEER, "counts": None} | given
    whole = IntakeRecord(
        submission_id=UUID(int=number),
        household_id=HOUSE,
        organisation_id=None,
        area="500101",
        village=None,
        captured_at=at,
        received_at=at,
        kind=kind,
        digest=b"",
        key_id="k",
        wrapped_key=b"w",
        sealed=b"s",
        **fields,
    )
    return decode(encode(whole))


class Table:
    """What the database keeps of a household between two batches, as `services.survey.store` writes and reads it."""

    def __init__(self) -> None:
        self.household: Household | None = None
        self.follow_ups: list[FollowUp] = []
        self.surveys: list[IntakeRecord] = []
        self.revision = 0

    def batch(self, records: Sequence[IntakeRecord]) -> list[Change]:
        """Takes a batch, and checks that each change is an event of the contract."""
        now = self._read()
        changes = []
        for one in records:
            change = now.take(one)
            changes.append(change)
            check_event(one, change, now.revision)
            if change.kept and one.reach:
                self.surveys.append(one)
        self._write(now)
        return changes

    def _read(self) -> Household:
        former = self.household
        if former is None:
            return Household(DatabaseUUID(str(HOUSE)))
        figures = (former.revision, former.visit, former.counts, former.reach_text)
        state = (former.followed_at, former.erased_at, former.erased_by)
        now = Household(former.household_id, *figures, *state, stored=True)
        for one in sorted(self.surveys, key=lambda one: one.captured_at):
            now.heard = {person.person_id: one.captured_at for person in one.reach} | dict(now.heard)
        if now.followed_at is not None:
            since = now.visit.captured_at if now.visit else None
            now.follow_ups = sorted(one for one in self.follow_ups if since is None or one.captured_at >= since)
        return now

    def _write(self, now: Household) -> None:
        if now.changed:
            self.household = now
        if now.left is not None:
            kept = {one.submission_id for one in now.kept}
            self.surveys = [one for one in self.surveys if one.submission_id in kept]
            self.follow_ups = [one for one in self.follow_ups if one.person_id in now.left]
        self.follow_ups += now.new_follow_ups

    @property
    def reach(self) -> Mapping[UUID, Reached]:
        """The persons to reach, by id."""
        return {} if self.household is None else self.household.reach

    def state(self) -> Any:
        """Everything but the revision, which says how often the household changed."""
        one = self.household
        assert one is not None
        return (one.visit, one.counts and json.loads(one.counts), one.erased_at, self.reach, sorted(self.follow_ups))


def check_event(record: IntakeRecord, change: Change, revision: int) -> None:
    before, after = (text and HouseholdCounts.model_validate_json(text) for text in (change.before, change.after))
    SurveySubmitted(
        submission_id=UUID(bytes=record.submission_id.bytes),
        household_id=HOUSE,
        volunteer_id=None,
        organisation_id=None,
        area=record.area,
        captured_at=record.captured_at,
        recorded_at=AT,
        kind=SubmissionKind(record.kind),
        outcome=SubmissionOutcome(change.outcome),
        revision=revision,
        before=before or None,
        after=after or None,
    )


def told(table: Table) -> Any:
    """What `standing` says, as the table holds it."""
    one = table.household
    assert one is not None
    if one.counts is None:
        assert table.reach == {}
        return None
    counts = json.loads(one.counts)
    persons = {
        row.person_id: (row.status, row.dose, row.due_at, row.facility_id, row.wanting_since)
        for row in table.reach.values()
    }
    return one.visit, {name: counts[name] for name in FIGURES}, counts["reasons"], persons


persons_found = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.one_of(st.none(), st.sampled_from(PERSONS)),
            "dose": st.integers(0, 3),
            "at_risk": st.booleans(),
            "home_visit": st.booleans(),
            "reasons": st.sets(st.sampled_from(["cost", "other"])).map(lambda found: tuple(sorted(found))),
        }
    ),
    max_size=3,
    unique_by=lambda one: one["id"] or id(one),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[IntakeRecord], list[list[IntakeRecord]]]:
    """Records of one household, and the same in some order and batches; an erasure comes before what is later."""
    records = []
    number = 0
    for _ in range(draw(st.integers(1, 9))):
        number += 1
        minute = draw(st.integers(0, 5))
        if draw(st.booleans()):
            records.append(survey(number, minute, draw(persons_found)))
        else:
            outcome, dose = draw(st.sampled_from(OUTCOMES)), draw(st.one_of(st.none(), st.integers(1, 4)))
            records.append(follow_up(number, minute, draw(st.sampled_from(PERSONS)), outcome, dose))
    if draw(st.integers(0, 2)) == 0:
        end = erasure(number + 1, draw(st.integers(0, 5)))
        early = [one for one in records if one.captured_at <= end.captured_at]
        late = [one for one in records if one.captured_at > end.captured_at]
        cut = draw(st.integers(0, len(early)))
        early = draw(st.permutations(early))
        arrived = [*early[:cut], end, *draw(st.permutations([*early[cut:], *late]))]
        records.append(end)
    else:
        arrived = draw(st.permutations(records))
    batches: list[list[IntakeRecord]] = [[]]
    for one in arrived:
        if draw(st.booleans()):
            batches.append([])
        batches[-1].append(one)
    return records, batches


@settings(max_examples=600, deadline=None)
@given(histories())
def test_any_order_and_any_batches_end_in_the_same_state(history: Any) -> None:
    records, batches = history
    table, at_once = Table(), Table()
    changes = [change for batch in batches if batch for change in table.batch(batch)]
    in_order = sorted(records, key=lambda one: (one.captured_at, one.kind == "erasure", one.submission_id))
    erasures = [one for one in in_order if one.kind == "erasure"]
    at_once.batch(in_order)
    assert told(table) == standing(records)
    if not erasures:  # what is dropped because it came late leaves no trace; what came in time did
        assert table.state() == at_once.state()
    sums: Counter[str] = Counter()
    for change in changes:
        for text, sign in ((change.after, 1), (change.before, -1)):
            for name in FIGURES if text else ():
                sums[name] += sign * json.loads(text or "")[name]
    counts = json.loads(table.household.counts or "{}") if table.household else {}
    assert {name: sums[name] for name in FIGURES} == {name: counts.get(name, 0) for name in FIGURES}


WANTS = {"id": PERSONS[0], "dose": 0, "at_risk": True, "home_visit": False, "reasons": ("cost",)}
ALONE = {"persons": 1, "dose_0": 1, "wanting": 1, "wanting_608": 1, "reasons": {"cost": 1}}


@pytest.mark.parametrize(
    ("outcome", "dose", "counts"),
    [
        ("no_answer", None, ALONE),
        ("appointment", None, ALONE),
        ("not_found", None, ALONE),
        ("reopened", None, ALONE),
        ("vaccinated", None, {"persons": 1, "dose_1": 1, "reasons": {}}),
        ("vaccinated", 2, {"persons": 1, "dose_2": 1, "reasons": {}}),
        ("vaccinated", 9, {"persons": 1, "dose_3": 1, "reasons": {}}),
        ("changed_mind", None, {"persons": 1, "dose_0": 1, "refusing": 1, "reasons": {"cost": 1}}),
        ("moved", None, {"reasons": {}}),
        ("died", None, {"reasons": {}}),
    ],
)
def test_an_outcome_moves_the_households_counts(outcome: str, dose: int | None, counts: dict[str, Any]) -> None:
    table = Table()
    _, change = table.batch([survey(1, 0, [WANTS]), follow_up(2, 1, PERSONS[0], outcome, dose)])
    assert change.outcome == "recorded"
    assert {name: value for name, value in json.loads(change.after or "").items() if value != 0} == counts


def test_who_is_reached_again_keeps_the_dose() -> None:
    table = Table()
    table.batch([survey(1, 0, [WANTS]), follow_up(2, 1, PERSONS[0], "vaccinated")])
    [change] = table.batch([follow_up(3, 2, PERSONS[0], "reopened")])
    assert json.loads(change.after or "")["dose_1"] == json.loads(change.after or "")["wanting"] == 1
    assert (table.reach[PERSONS[0]].status, table.reach[PERSONS[0]].dose) == ("open", 1)


def test_what_was_erased_is_not_kept_when_it_comes_later() -> None:
    table = Table()
    [first] = table.batch([survey(1, 0, [WANTS])])
    [gone] = table.batch([erasure(3, 3)])
    late, followed, new = table.batch(
        [survey(2, 1, [WANTS]), follow_up(4, 2, PERSONS[0], "moved"), survey(5, 4, [WANTS])]
    )
    assert first.kept
    assert (gone.outcome, gone.after) == ("recorded", None)
    assert (late.outcome, late.before, late.kept) == ("superseded", None, False)
    assert (followed.outcome, followed.kept) == ("superseded", False)
    assert (new.outcome, new.before, new.kept) == ("recorded", None, True)
    assert table.follow_ups == []
    assert table.reach[PERSONS[0]].wanting_since == AT + timedelta(minutes=4)


def test_one_person_is_erased_and_the_others_stay_as_they_were() -> None:
    other = WANTS | {"id": PERSONS[1], "reasons": ()}
    table = Table()
    table.batch([survey(1, 0, [WANTS, other]), follow_up(2, 1, PERSONS[1], "vaccinated")])
    table.batch([follow_up(3, 2, PERSONS[0], "appointment")])
    [gone] = table.batch([erasure(4, 5, left=survey(1, 0, [other]))])
    assert gone.outcome == "recorded"
    assert json.loads(gone.after or "")["persons"] == json.loads(gone.after or "")["dose_1"] == 1
    assert [one.person_id for one in table.follow_ups] == [PERSONS[1]]
    assert {row.person_id: row.status for row in table.reach.values()} == {PERSONS[1]: "vaccinated"}
    [late] = table.batch([survey(6, 3, [WANTS, other])])
    assert (late.outcome, late.kept) == ("superseded", False)
    [change] = table.batch([follow_up(7, 6, PERSONS[1], "reopened")])
    assert (change.outcome, table.reach[PERSONS[1]].status) == ("recorded", "open")
    assert table.reach[PERSONS[1]].wanting_since == AT
