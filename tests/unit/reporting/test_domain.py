"""Folding events: sums that do not depend on how the events are cut into batches, and what each kind of event counts
as."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.domain import (
    CHANGES,
    COLUMNS,
    PERSON_FIGURES,
    Changes,
    FlagKey,
    SurveyKey,
    VolunteerKey,
    day_in_thailand,
    derive_above,
    visit,
)
from services.reporting.submissions import Counts, Submission
from shared.contracts.events import (
    FacilityUpdated,
    FurtherFacilityUpdated,
    HelpBefore,
    HelpStatus,
    HelpUpdated,
    OrganisationKind,
    Reason,
    Role,
    SubmissionKind,
    SubmissionOutcome,
    VolunteerBefore,
    VolunteerRegistered,
    VolunteerStatus,
)
from shared.contracts.golden import examples
from tests.unit.reporting.campaigns import Campaign, campaigns

DAY = date(2022, 1, 15)
KEY = ("500101", DAY)
THREE = Counts(3, 1, 0, 1, 1, 1, 1, 1, 1, 1, {"cost": 1, "hard_to_reach": 2})


def submission(**changes: Any) -> Submission:
    """The first survey of a household, with changes."""
    first = Submission(
        submission_id=UUID(int=1),
        household_id=UUID(int=2),
        volunteer_id=UUID(int=3),
        organisation_id=UUID(int=4),
        area="500101",
        captured_at=datetime(2022, 1, 15, 2, 30, tzinfo=UTC),
        recorded_at=datetime(2022, 1, 15, 2, 31, tzinfo=UTC),
        kind=SubmissionKind.SURVEY,
        outcome=SubmissionOutcome.RECORDED,
        revision=1,
        before=None,
        after=THREE,
    )
    return msgspec.structs.replace(first, **changes)


def folded(events: Sequence[Submission]) -> Changes:
    """The changes of one batch."""
    changes = Changes()
    for event in events:
        changes.add_submission(event)
    return changes


def figures(changes: Changes, key: SurveyKey = KEY) -> dict[str, int]:
    """The figures of one row that are not zero."""
    return {name: value for name, value in zip(COLUMNS, changes.survey[key], strict=True) if value}


def totals(batches: Sequence[Changes]) -> tuple[dict[Any, int], ...]:
    """The sums over batches, as the database adds them up; zeros are left out."""
    survey: Counter[Any] = Counter()
    reasons: Counter[Any] = Counter()
    visits: Counter[Any] = Counter()
    for batch in batches:
        for key, row in batch.survey.items():
            survey.update({(key, name): value for name, value in zip(COLUMNS, row, strict=True)})
        reasons.update(batch.reasons)
        for visitor, made in batch.visits.items():
            visits.update({(visitor, place): number for place, number in enumerate(made)})
    return tuple({key: value for key, value in each.items() if value} for each in (survey, reasons, visits))


@given(campaigns(), st.lists(st.integers(0, 30)))
def test_any_cut_into_batches_gives_the_same_sums(campaign: Campaign, cuts: list[int]) -> None:
    """The sums of batches are the sums of the whole."""
    places = sorted({0, len(campaign.events), *(min(cut, len(campaign.events)) for cut in cuts)})
    batches = [campaign.events[start:end] for start, end in pairwise(places)]
    assert totals([folded(batch) for batch in batches]) == totals([folded(campaign.events)])


@given(campaigns())
def test_sums_are_what_the_households_hold(campaign: Campaign) -> None:
    """Whatever happened on the way, the figures of an area are those of the households as they stand."""
    survey, reasons, _ = totals([folded(campaign.events)])
    for area in {event.area for event in campaign.events}:
        standing = [held for where, held in campaign.households.values() if where == area and held is not None]
        visits = [event for event in campaign.events if event.area == area and event.kind != SubmissionKind.ERASURE]

        def of(name: str, area: str = area) -> int:
            return sum(value for ((where, _), each), value in survey.items() if where == area and each == name)

        assert of("households") == len(standing)
        assert of("submissions") == len(visits)
        assert of("superseded") == sum(event.outcome == SubmissionOutcome.SUPERSEDED for event in visits)
        for name in PERSON_FIGURES:
            assert of(name) == sum(getattr(held, name) for held in standing)
        expected: Counter[str] = Counter()
        for held in standing:
            expected.update(held.reasons)
        found: Counter[str] = Counter()
        for (where, _, reason), persons in reasons.items():
            if where == area:
                found[reason] += persons
        found.update({reason: of(f"reason_{reason}") for reason in Reason})
        assert +found == +expected


def test_a_first_survey_counts_everything() -> None:
    """A new household, one submission, all its persons."""
    changes = folded([submission()])
    assert figures(changes) == {
        "submissions": 1,
        "households": 1,
        "persons": 3,
        "dose_0": 1,
        "dose_2": 1,
        "dose_3": 1,
        "wanting": 1,
        "wanting_608": 1,
        "undecided": 1,
        "refusing": 1,
        "home_visit": 1,
        "reason_cost": 1,
        "reason_hard_to_reach": 2,
    }
    assert changes.visits == {(2022, 1, "500101", 3, 4): [1, 0, 1, 0, 3, 1, 1, 0, 0, 0]}
    assert [visit(key) for key in changes.visits] == [(date(2022, 1, 1), "500101", UUID(int=3), UUID(int=4))]


def test_a_superseded_visit_counts_as_a_submission_only() -> None:
    """The household keeps its state, the volunteer gets credit."""
    changes = folded([submission(outcome=SubmissionOutcome.SUPERSEDED, before=THREE, after=THREE)])
    assert figures(changes) == {"submissions": 1, "superseded": 1}
    assert list(changes.visits.values()) == [[1, 1, *[0] * 8]]


def test_an_erasure_takes_the_household_away() -> None:
    """It is nobody's visit."""
    changes = folded(
        [submission(kind=SubmissionKind.ERASURE, volunteer_id=None, organisation_id=None, before=THREE, after=None)]
    )
    assert figures(changes)["households"] == -1
    assert figures(changes)["persons"] == -3
    assert figures(changes).keys().isdisjoint({"submissions", "revisits"})
    assert changes.visits == {(2022, 1, "500101", None, None): [0, 0, -1, 0, -3, -1, -1, 0, 0, 0]}
    assert [visit(key) for key in changes.visits] == [(date(2022, 1, 1), "500101", None, None)]


def test_a_follow_up_counts_who_wanted_vaccine_and_the_doses_since() -> None:
    """Its doses are those of the household's persons together; a superseded one follows nothing up."""
    after = msgspec.structs.replace(THREE, dose_0=0, dose_1=1, dose_2=0, dose_3=2, wanting=0, wanting_608=0)
    follow_up = submission(kind=SubmissionKind.FOLLOW_UP, before=THREE, after=after, revision=2)
    changes = folded([follow_up])
    found = figures(changes)
    assert (found["follow_ups"], found["followed_up"], found["vaccinated"]) == (1, 1, 2)
    assert list(changes.visits.values()) == [[1, 0, 0, 0, 0, -1, -1, 1, 1, 2]]
    superseded = msgspec.structs.replace(follow_up, outcome=SubmissionOutcome.SUPERSEDED, before=after)
    assert "follow_ups" not in figures(folded([superseded]))


def test_what_is_left_of_a_household_is_no_visit() -> None:
    """When one of its persons is erased: a follow-up that nobody made."""
    left = msgspec.structs.replace(THREE, persons=2, dose_0=0, wanting=0, wanting_608=0)
    nobodys = submission(
        kind=SubmissionKind.FOLLOW_UP, volunteer_id=None, organisation_id=None, before=THREE, after=left, revision=2
    )
    found = figures(folded([nobodys]))
    assert (found["persons"], found["dose_0"], found["wanting"], found["wanting_608"]) == (-1, -1, -1, -1)
    assert found.keys().isdisjoint({"submissions", "revisits", "households", "follow_ups", "followed_up"})


def test_fewer_doses_at_a_follow_up_are_a_correction() -> None:
    """Nobody's vaccination is taken back, and a first visit has nothing to compare with."""
    fewer = msgspec.structs.replace(THREE, dose_0=2, dose_3=0)
    for before in (THREE, None):
        found = figures(folded([submission(kind=SubmissionKind.FOLLOW_UP, before=before, after=fewer)]))
        assert found["follow_ups"] == 1
        assert "vaccinated" not in found
        assert found.get("followed_up", 0) == (0 if before is None else 1)


def test_a_correction_counts_the_difference() -> None:
    """A later visit adds what has changed, on its own day."""
    after = msgspec.structs.replace(THREE, dose_0=0, dose_1=1, reasons={"cost": 1})
    changes = folded([submission(before=THREE, after=after, revision=2)])
    assert figures(changes) == {
        "submissions": 1,
        "revisits": 1,
        "dose_0": -1,
        "dose_1": 1,
        "reason_hard_to_reach": -2,
    }


def test_a_reason_without_a_column_is_counted_by_its_name() -> None:
    """One that newer producers know; what came and went leaves nothing."""
    after = msgspec.structs.replace(THREE, reasons={"too_far": 2, "cost": 1})
    changes = folded([submission(after=after)])
    assert changes.reasons == {("500101", DAY, "too_far"): 2}
    assert figures(changes)["reason_cost"] == 1
    changes.add_submission(submission(before=after, after=THREE, revision=2))
    assert changes.reasons == {}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2022, 1, 31, 16, 59, 59, tzinfo=UTC), date(2022, 1, 31)),
        (datetime(2022, 1, 31, 17, 0, 0, tzinfo=UTC), date(2022, 2, 1)),
        (datetime(9999, 12, 31, 23, 0, 0, tzinfo=UTC), date(9999, 12, 31)),
    ],
)
def test_a_day_begins_at_midnight_in_thailand(moment: datetime, day: date) -> None:
    """17:00 UTC; the calendar's last day has no next one."""
    assert day_in_thailand(moment) == day


def test_people_count_to_the_month_in_which_they_signed_up() -> None:
    """Wherever they moved since; a change of status changes nothing."""
    was = VolunteerBefore(
        status=VolunteerStatus.PENDING,
        area="500102",
        role=Role.VOLUNTEER,
        organisation_id=UUID(int=2),
        organisation_kind=OrganisationKind.AGENCY,
    )
    changes = Changes()
    changes.add_volunteer(volunteer(VolunteerStatus.APPROVED, was, registered_at="2021-12-31T17:00:00Z"))
    january = (date(2022, 1, 1), "500101", UUID(int=2), "agency", "volunteer")
    assert changes.registrations == {january: 1, (*january[:1], "500102", *january[2:]): -1}
    changes = Changes()
    changes.add_volunteer(volunteer(VolunteerStatus.APPROVED, was.model_copy(update={"area": "500101"})))
    assert changes.registrations == {}


def test_changes_of_places_count_by_who_made_them() -> None:
    """Of either stream, each change once, in the month in Thailand of the change."""
    changes = Changes()
    for each in examples():
        if isinstance(each.event, FacilityUpdated | FurtherFacilityUpdated):
            changes.add_facility(each.event)
    counted = Counter(
        {name: sum(row[place] for row in changes.place_changes.values()) for name, place in CHANGES.items()}
    )
    expected = Counter(
        each.event.change for each in examples() if isinstance(each.event, FacilityUpdated | FurtherFacilityUpdated)
    )
    assert counted == expected
    by = {
        "organisation_id": UUID(int=5),
        "changed_by": UUID(int=6),
        "updated_at": datetime(2022, 1, 31, 17, tzinfo=UTC),
    }
    example = next(each.event for each in examples() if isinstance(each.event, FacilityUpdated))
    changes = Changes()
    changes.add_facility(example.model_copy(update=by))
    assert changes.place_changes == {
        (date(2022, 2, 1), example.area, UUID(int=5), UUID(int=6)): [1, 0, 0, 0],
    }


def test_requests_for_help_count_as_they_stand_and_close_when_done() -> None:
    """One that is opened again is not closed."""
    changes = Changes()
    requests = [each.event for each in examples() if isinstance(each.event, HelpUpdated)]
    for request in requests[:4]:
        changes.add_help(request)
    key = (requests[0].area, requests[0].kind)
    assert changes.help == {(*key, "done"): 1}
    assert list(changes.help_done.values()) == [1]
    done = requests[3]
    before = HelpBefore(kind=done.kind, area=done.area, status=HelpStatus.DONE, deadline=None)
    changes.add_help(done.model_copy(update={"status": HelpStatus.WAITING, "before": before, "revision": 5}))
    assert (changes.help, changes.help_done) == ({(*key, "waiting"): 1}, {})


def volunteer(status: VolunteerStatus, before: VolunteerBefore | None = None, **changes: Any) -> VolunteerRegistered:
    """A volunteer of an agency in a subdistrict of Chiang Mai."""
    fields = {
        "volunteer_id": UUID(int=1),
        "organisation_id": UUID(int=2),
        "organisation_kind": OrganisationKind.AGENCY,
        "area": "500101",
        "role": Role.VOLUNTEER,
        "status": status,
        "registered_at": datetime(2022, 1, 1, tzinfo=UTC),
        "revision": 1,
        "before": before,
    }
    return VolunteerRegistered.model_validate(fields | changes)


def test_people_are_taken_from_where_they_were() -> None:
    """Also when role, area or organisation change with the status."""
    was = VolunteerBefore(
        status=VolunteerStatus.PENDING,
        area="5001",
        role=Role.SUBDISTRICT_COORDINATOR,
        organisation_id=None,
        organisation_kind=None,
    )
    changes = Changes()
    changes.add_volunteer(volunteer(VolunteerStatus.APPROVED, was))
    assert changes.volunteers == {
        VolunteerKey("500101", "agency", "volunteer", "approved"): 1,
        VolunteerKey("5001", None, "subdistrict_coordinator", "pending"): -1,
    }


def test_people_who_came_and_went_leave_nothing() -> None:
    """Zeros are not written."""
    was = VolunteerBefore(
        status=VolunteerStatus.PENDING,
        area="500101",
        role=Role.VOLUNTEER,
        organisation_id=UUID(int=2),
        organisation_kind=OrganisationKind.AGENCY,
    )
    changes = Changes()
    changes.add_volunteer(volunteer(VolunteerStatus.PENDING))
    changes.add_volunteer(volunteer(VolunteerStatus.APPROVED, was))
    assert changes.volunteers == {VolunteerKey("500101", "agency", "volunteer", "approved"): 1}


def test_the_highest_revision_is_a_places_state() -> None:
    """Whatever the order; both areas of a place that moved have changed."""
    moved = next(each.event for each in examples() if each.name == "moved" and isinstance(each.event, FacilityUpdated))
    assert isinstance(moved, FacilityUpdated)
    assert moved.before is not None
    older = moved.model_copy(update={"revision": moved.revision - 1, "before": None, "area": moved.before.area})
    for order in ([older, moved], [moved, older]):
        changes = Changes()
        for event in order:
            changes.add_facility(event)
        assert changes.facilities == {moved.facility_id: moved}
        assert changes.facility_areas == {moved.area, moved.before.area}


def test_progress_is_the_newest_time_and_a_count() -> None:
    """Events of one stream need not come in the order of their times."""
    changes = Changes()
    for time in (5, 9, 7):
        changes.note("survey-submitted", time)
    assert (changes.progress["survey-submitted"].newest, changes.progress["survey-submitted"].events) == (9, 3)


CHILDREN = {"": ("10", "11"), "10": ("1001", "1002"), "11": ("1101",)}


@pytest.mark.parametrize(
    ("given_values", "derived"),
    [
        ({"1001": 1, "1002": 2, "1101": 4}, {"10": 3, "11": 4, "": 7}),
        ({"1001": 1, "1101": 4}, {"11": 4}),
        ({"1001": 1, "1002": 2, "10": 5}, {}),
        ({"10": 5, "1101": 4}, {"11": 4, "": 9}),
        ({"": 100, "10": 1, "11": 1}, {}),
    ],
)
def test_sums_above_need_every_area_below(given_values: dict[str, int], derived: dict[str, int]) -> None:
    """A given value is never replaced by a sum."""
    assert derive_above(given_values, CHILDREN) == derived


def test_each_flag_of_a_submission_counts_once_also_of_a_superseded_one() -> None:
    changes = Changes()
    changes.add_submission(submission(flags=("check_digit", "position_elsewhere")))
    changes.add_submission(submission(before=THREE, outcome=SubmissionOutcome.SUPERSEDED, flags=("check_digit",)))
    changes.add_submission(submission())
    assert changes.flags == {FlagKey("500101", "check_digit"): 2, FlagKey("500101", "position_elsewhere"): 1}
