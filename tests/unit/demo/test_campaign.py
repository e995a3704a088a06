"""The campaign: the same seed gives the same plan, and the plan is as believable as it says."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import combinations

import msgspec
import pytest

from deploy.demo.campaign import QUIET_PROVINCES, opening, plan
from deploy.demo.plan import Plan, Submission
from deploy.demo.visits import BAD, BATCH, CORRECTED, DAYS, LATE, RESENT, REVISITED, TIED
from services.survey.privacy.purposes import Purpose, ended
from services.survey.quality import Sighting, evidence_of, too_fast
from services.survey.submission import area_of, check, read_submission
from shared.areas.register import area, is_current
from shared.contracts.events import FacilityKind, QualityFlag, VolunteerStatus
from shared.security.blind_index import BlindIndex
from shared.security.identifiers import mobile_number, national_id
from shared.security.keyed_ids import HouseholdIds

NOW = datetime(2022, 2, 5, 9, 30, tzinfo=UTC)
HOUSEHOLDS = 2_000


@pytest.fixture(scope="module")
def campaign() -> Plan:
    return plan(7, run=1, now=NOW, households=HOUSEHOLDS)


def sent(campaign: Plan) -> Iterator[Submission]:
    for wave in campaign.waves:
        for batch in wave.batches:
            yield from batch.submissions


def test_the_same_seed_gives_the_same_plan(campaign: Plan) -> None:
    assert plan(7, run=1, now=NOW, households=HOUSEHOLDS) == campaign


@pytest.mark.parametrize("seed", [8, 9])
def test_another_seed_gives_another_plan(campaign: Plan, seed: int) -> None:
    assert plan(seed, run=1, now=NOW, households=HOUSEHOLDS).quiet_provinces != campaign.quiet_provinces


def test_a_second_run_goes_to_the_same_areas_but_to_other_doors_and_people(campaign: Plan) -> None:
    second = plan(7, run=2, now=NOW, households=HOUSEHOLDS)
    assert second.quiet_provinces == campaign.quiet_provinces
    assert second.targets.keys() == campaign.targets.keys()
    assert not {s.submission_id for s in sent(campaign)} & {s.submission_id for s in sent(second)}
    assert not {p.phone for p in campaign.volunteers + campaign.coordinators} & {
        p.phone for p in second.volunteers + second.coordinators
    }
    assert not houses(campaign).keys() & houses(second).keys()
    assert opening(1)["facility_id"] != opening(2)["facility_id"]


def houses(campaign: Plan) -> dict[object, set[int]]:
    """The houses of the good submissions by the id that the survey derives from their addresses."""
    ids = HouseholdIds(b"k" * 32)
    found: defaultdict[object, set[int]] = defaultdict(set)
    for submission in sent(campaign):
        if submission.refusal is None:
            address = read_submission(submission.body).address
            key = ids.of_address(address.area, address.village, address.house, address.unit)
            found[key].add(submission.household)
    return found


def test_each_address_however_spelled_is_one_house(campaign: Plan) -> None:
    found = houses(campaign)
    assert len(found) == HOUSEHOLDS
    assert all(len(numbers) == 1 for numbers in found.values())


def test_one_house_has_at_most_one_new_submission_in_a_wave(campaign: Plan) -> None:
    """What makes the order in which a house's submissions are recorded known."""
    for wave in campaign.waves:
        ids: defaultdict[int, set[str]] = defaultdict(set)
        for batch in wave.batches:
            for submission in batch.submissions:
                if submission.refusal is None:
                    ids[submission.household].add(submission.submission_id)
        assert all(len(of_house) == 1 for of_house in ids.values())


def test_good_ones_are_good_and_bad_ones_have_the_one_fault_that_they_must_be_refused_for(campaign: Plan) -> None:
    faults = Counter[str]()
    for wave in campaign.waves:
        for batch in wave.batches:
            scope = campaign.volunteers[batch.volunteer].area
            for submission in batch.submissions:
                read = read_submission(submission.body)
                found = [(400, error.path, error.code) for error in check(read, NOW)]
                if not found and not area_of(read).startswith(scope):
                    found = [(403, "address.area", "other_area")]
                refusal = submission.refusal
                assert found == ([] if refusal is None else [(refusal.status, refusal.path, refusal.code)])
                faults.update(code for _, _, code in found)
    assert {"unknown_area", "abolished_area", "in_the_future", "national_id_check_digit", "other_area"} == set(faults)


def test_proportions(campaign: Plan) -> None:
    by_house: defaultdict[int, list[Submission]] = defaultdict(list)
    seen: set[str] = set()
    repeated = bad = 0
    for submission in sent(campaign):
        if submission.refusal is not None:
            bad += 1
        elif submission.submission_id in seen:
            repeated += 1
        else:
            seen.add(submission.submission_id)
            by_house[submission.household].append(submission)
    again = sum(len(submissions) > 1 for submissions in by_house.values())
    assert len(by_house) == HOUSEHOLDS
    assert again == pytest.approx((REVISITED + CORRECTED + LATE + TIED) * HOUSEHOLDS, rel=0.3)
    assert repeated == pytest.approx(RESENT * HOUSEHOLDS, rel=0.4)
    assert bad == pytest.approx(BAD * HOUSEHOLDS, rel=0.6)


def test_ten_provinces_stay_without_results_and_the_others_have_some(campaign: Plan) -> None:
    provinces = {area_of(read_submission(s.body))[:2] for s in sent(campaign) if s.refusal is None}
    assert len(campaign.quiet_provinces) == QUIET_PROVINCES
    assert provinces == {f"{code}" for code in _all_provinces()} - set(campaign.quiet_provinces)


def _all_provinces() -> set[str]:
    return {place for place in (f"{number:02d}" for number in range(100)) if is_current(place)}


def test_progress_goes_from_nought_to_more_than_all(campaign: Plan) -> None:
    surveyed = Counter(
        area_of(read_submission(s.body)) for b in campaign.waves[0].batches for s in b.submissions if not s.refusal
    )
    ratios = [surveyed[code] / target for code, target in campaign.targets.items()]
    assert min(ratios) == 0
    assert max(ratios) > 1
    assert 0.3 < sum(surveyed.values()) / sum(campaign.targets.values()) < 0.9


def test_visits_lie_in_the_last_days_and_none_in_the_future(campaign: Plan) -> None:
    times = [s.captured_at for s in sent(campaign) if s.refusal is None]
    assert max(times) <= NOW
    assert min(times) >= NOW - timedelta(days=DAYS + 4)
    assert len({time.date() for time in times}) >= DAYS


def test_places_are_of_all_kinds_in_many_provinces_and_have_areas_of_today(campaign: Plan) -> None:
    assert {place.body["kind"] for place in campaign.places} == {str(kind) for kind in FacilityKind}
    assert len({str(place.body["area"])[:2] for place in campaign.places}) > 60
    assert all(area(str(place.body["area"])).level == "subdistrict" for place in campaign.places)
    assert any(place.confirmed for place in campaign.places)
    assert any(place.later for place in campaign.places)


def test_people_belong_together(campaign: Plan) -> None:
    statuses = Counter(volunteer.status for volunteer in campaign.volunteers)
    assert statuses[VolunteerStatus.APPROVED] > 100
    assert statuses[VolunteerStatus.PENDING] > 0
    assert statuses[VolunteerStatus.SUSPENDED] > 0
    phones = [mobile_number(person.phone) for person in campaign.volunteers + campaign.coordinators]
    assert len(set(phones)) == len(phones)
    for volunteer in campaign.volunteers:
        assert volunteer.area.startswith(campaign.organisations[volunteer.organisation].area)
        assert volunteer.area.startswith(campaign.coordinators[volunteer.coordinator].area)
        assert volunteer.national_id is None or national_id(volunteer.national_id)


def test_only_approved_volunteers_send_and_in_batches_of_a_phone(campaign: Plan) -> None:
    for wave in campaign.waves:
        for batch in wave.batches:
            assert campaign.volunteers[batch.volunteer].status is not VolunteerStatus.PENDING
            assert 1 <= len(batch.submissions) <= (1 if batch.single else BATCH)


@pytest.mark.parametrize("households", [1, 10, 100])
def test_small_campaigns_work_too(households: int) -> None:
    small = plan(1, run=3, now=NOW, households=households)
    assert len({s.household for s in sent(small) if s.refusal is None}) == households


def test_a_plan_holds_nothing_but_data(campaign: Plan) -> None:
    assert msgspec.json.encode(asdict(campaign.places[0]))


def test_odd_visits_are_of_every_kind_and_nobody_else_comes_there(campaign: Plan) -> None:
    odd = [s for s in sent(campaign) if s.flags]
    assert {flag for s in odd for flag in s.flags} == set(QualityFlag) - {QualityFlag.ON_BEHALF}, "only volunteers play"
    assert len({s.household for s in odd}) == len(odd)
    visits = Counter(s.household for s in sent(campaign) if s.refusal is None)
    flown = {s.household for s in odd if "implausible_speed" in s.flags}
    assert all(visits[s.household] == 1 + (s.household in flown) for s in odd)
    from_and_to = [s.captured_at for s in sent(campaign) if s.household in flown]
    assert min(from_and_to) > ended(Purpose.SIGHTING, NOW), "else it may be forgotten between the two doors"


def test_nobody_else_is_odd(campaign: Plan) -> None:
    """By the survey's own rules: what intake judges, and the speed of every volunteer, in whatever order it is seen."""
    index, records = BlindIndex(b"k" * 32), []
    households: defaultdict[bytes, set[int]] = defaultdict(set)
    for wave in campaign.waves:
        for batch in wave.batches:
            for s in batch.submissions:
                if s.refusal is None:
                    found = evidence_of(read_submission(s.body), area_of(read_submission(s.body)), index)
                    assert set(found.flags) == set(s.flags) & {"check_digit", "position_elsewhere"}
                    records.append((batch.volunteer, s, found))
                    for person in found.persons:
                        households[person].add(s.household)
    doors: defaultdict[int, list[tuple[Submission, Sighting]]] = defaultdict(list)
    for volunteer, s, found in records:
        if found.cell is not None:
            doors[volunteer].append((s, Sighting(s.captured_at, *found.cell)))
    fast = {
        other.submission_id
        for of_one in doors.values()
        for (_, before), (other, after) in combinations(sorted(of_one, key=lambda door: door[1]), 2)
        if too_fast(before, after)
    }
    assert fast == {s.submission_id for _, s, _ in records if "implausible_speed" in s.flags}
    shared = [of_person for of_person in households.values() if len(of_person) > 1]
    assert len(shared) == sum("same_person" in s.flags for _, s, _ in records)
