"""Figures at every level from events in Kafka, as readers get them over HTTP."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.reporting.domain import COLUMNS, FIGURES, PERSON_FIGURES, VISIT_FIGURES
from services.reporting.ends import StreamEnds
from services.reporting.http.denominators import MOST_DENOMINATORS
from services.reporting.store import Pool
from services.reporting.submissions import Counts, Submission
from shared.areas.register import children, subdistricts
from shared.contracts.events import (
    FacilityChange,
    FacilityKind,
    FacilityStatus,
    FacilityUpdated,
    OrganisationKind,
    Role,
    SubmissionKind,
    SubmissionOutcome,
    SurveySubmitted,
    VolunteerBefore,
    VolunteerRegistered,
    VolunteerStatus,
)
from shared.contracts.golden import examples
from shared.kafka.consumer import PositionedConsumer
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import NOW, Streams, as_role, rows
from tests.unit.reporting.campaigns import campaign

LEVELS = {"country": 0, "province": 2, "district": 4, "subdistrict": 6}
CAMPAIGN = campaign(seed=7, length=300)
FEW = "500301"
"""A subdistrict with a single household of three persons."""
ENTERED = tuple(FacilityKind)
ORGANISATION = UUID(int=9)
"""Through which half of the campaign's visits are made."""

pytestmark = pytest.mark.usefixtures("filled")


def submitted(event: Submission) -> SurveySubmitted:
    """The event as the survey publishes it."""
    return SurveySubmitted.model_validate(event, from_attributes=True)


def small_household() -> Submission:
    """The one household of `FEW`."""
    first = CAMPAIGN.events[0]
    return Submission(
        submission_id=UUID(int=10**6),
        household_id=UUID(int=10**6),
        volunteer_id=UUID(int=1),
        organisation_id=UUID(int=9),
        area=FEW,
        captured_at=first.captured_at,
        recorded_at=first.recorded_at,
        kind=SubmissionKind.SURVEY,
        outcome=SubmissionOutcome.RECORDED,
        revision=1,
        before=None,
        after=Counts(3, 1, 2, 0, 0, 1, 1, 0, 2, 0, {"cost": 1}),
        flags=("check_digit",),
    )


def place(number: int, **changes: Any) -> FacilityUpdated:
    """A place, confirmed `number` days ago."""
    example = next(each.event for each in examples() if isinstance(each.event, FacilityUpdated))
    moment = NOW - timedelta(days=number)
    fields = {
        "facility_id": UUID(int=number + 1),
        "kind": ENTERED[number % len(ENTERED)],
        "area": "500101" if number % 2 else "100101",
        "status": FacilityStatus.OPEN,
        "change": FacilityChange.CREATED,
        "confirmed_at": moment,
        "updated_at": moment,
        "revision": 1,
        "before": None,
    }
    return FacilityUpdated.model_validate(example.model_dump() | fields | changes)


def person(number: int, **changes: Any) -> VolunteerRegistered:
    """Somebody who signed up."""
    fields = {
        "volunteer_id": UUID(int=number),
        "organisation_id": UUID(int=9),
        "organisation_kind": OrganisationKind.AGENCY,
        "area": "500101",
        "role": Role.VOLUNTEER,
        "status": VolunteerStatus.PENDING,
        "registered_at": NOW,
        "revision": 1,
        "before": None,
    }
    return VolunteerRegistered.model_validate(fields | changes)


@pytest.fixture(scope="module")
async def filled(
    streams: Streams, projector: PositionedConsumer, settled: Callable[[], Awaitable[None]]
) -> Sequence[Submission]:
    """A campaign, places and people, all applied; gives the submissions."""
    events = [*CAMPAIGN.events, small_household()]
    for event in events:
        await streams.write(submitted(event), key=str(event.household_id), time=NOW)
    for number in range(10):
        await streams.write(place(number), key=str(UUID(int=number + 1)), time=NOW)
    closed = place(9, status=FacilityStatus.CLOSED, change=FacilityChange.CLOSED, revision=2)
    await streams.write(closed, key=str(UUID(int=10)), time=NOW + timedelta(seconds=1))
    for number in range(6):
        await streams.write(person(number), key=str(UUID(int=number)), time=NOW)
        before = VolunteerBefore(
            status=VolunteerStatus.PENDING,
            area="500101",
            role=Role.VOLUNTEER,
            organisation_id=UUID(int=9),
            organisation_kind=OrganisationKind.AGENCY,
        )
        if number < 4:
            later = person(number, status=VolunteerStatus.APPROVED, revision=2, before=before)
            await streams.write(later, key=str(UUID(int=number)), time=NOW)
    coordinator = person(
        50, area="50", role=Role.PROVINCE_ADMINISTRATOR, status="approved", organisation_id=None, organisation_kind=None
    )
    await streams.write(coordinator, key=str(UUID(int=50)), time=NOW)
    await settled()
    return events


def truth(events: Sequence[Submission], digits: int) -> dict[str, Counter[str]]:
    """The figures by area code, from the submissions themselves."""
    found: dict[str, Counter[str]] = {}
    standing: dict[UUID, Submission] = {}
    for event in events:
        counted = found.setdefault(event.area[:digits], Counter())
        if event.kind != SubmissionKind.ERASURE:
            counted["submissions"] += 1
            counted["superseded"] += event.outcome == SubmissionOutcome.SUPERSEDED
        if event.outcome == SubmissionOutcome.RECORDED:
            surveyed = event.kind == SubmissionKind.SURVEY
            counted["revisits"] += surveyed and event.before is not None and event.after is not None
            if event.kind == SubmissionKind.FOLLOW_UP:
                before, after = event.before, event.after
                counted["follow_ups"] += 1
                counted["followed_up"] += before.wanting if before else 0
                counted["vaccinated"] += max(0, doses(after) - doses(before)) if before and after else 0
            standing[event.household_id] = event
    for event in standing.values():
        if event.after is not None:
            counted = found[event.area[:digits]]
            counted["households"] += 1
            for name in PERSON_FIGURES:
                counted[name] += getattr(event.after, name)
            counted.update({f"reason {reason}": persons for reason, persons in event.after.reasons.items()})
    return found


def doses(counts: Counts) -> int:
    """That the persons of a household have had."""
    return sum(number * getattr(counts, f"dose_{number}") for number in (1, 2, 3))


EXACT = as_role(Role.CENTRAL_ADMINISTRATOR, "")


@pytest.mark.parametrize("level", LEVELS)
async def test_coverage_is_exact_at_every_level(
    client: httpx.AsyncClient, filled: Sequence[Submission], level: str
) -> None:
    """Every figure, and a row of zeros for every area without results; one that is abolished keeps its results."""
    found = await rows(client, "/v1/coverage", params={"level": level}, headers=EXACT)
    expected = truth(filled, LEVELS[level])
    assert len(found) == {"country": 1, "province": 77, "district": 928, "subdistrict": 7436 + 1}[level]
    for code, row in found.items():
        counted = expected.get(code, Counter())
        assert {name: row[name] for name in FIGURES} == {name: counted[name] for name in FIGURES}
        reasons = {name.removeprefix("reason "): number for name, number in counted.items() if "reason " in name}
        assert row["reasons"] == {name: number for name, number in reasons.items() if number}
        assert row["one_dose"]["numerator"] == counted["dose_1"] + counted["dose_2"] + counted["dose_3"]
        assert row["three_doses"]["numerator"] == counted["dose_3"]
    assert sum(bool(row["submissions"]) for row in found.values()) == len(expected)


@pytest.mark.parametrize("level", LEVELS)
async def test_quality_flags_are_counted_at_every_level(
    client: httpx.AsyncClient, filled: Sequence[Submission], level: str
) -> None:
    """By submission, superseded ones too; in a subdistrict with few persons only for who may see its figures."""
    expected: dict[str, Counter[str]] = {}
    for event in filled:
        expected.setdefault(event.area[: LEVELS[level]], Counter()).update(event.flags)
    found = await rows(client, "/v1/quality", params={"level": level}, headers=EXACT)
    assert {code: row["flags"] for code, row in found.items() if row["flags"]} == {
        code: dict(flags) for code, flags in expected.items() if flags
    }
    coverage = await rows(client, "/v1/coverage", params={"level": level}, headers=EXACT)
    assert all(row["submissions"] == coverage[code]["submissions"] for code, row in found.items())
    public = await rows(client, "/v1/quality", params={"level": level})
    if level == "subdistrict":
        assert (public[FEW]["suppressed"], public[FEW]["flags"], public[FEW]["submissions"]) == (True, None, None)
        assert found[FEW]["flags"] == {"check_digit": 1}
    shown = {code: row for code, row in public.items() if not row["suppressed"]}
    assert shown == {code: found[code] for code in shown}
    assert level == "subdistrict" or len(shown) == len(found)


@pytest.mark.parametrize(
    ("area", "level", "count"),
    [("50", "province", 1), ("50", "district", 25), ("5001", "subdistrict", 16), ("500101", "subdistrict", 1)],
)
async def test_an_area_is_broken_down(client: httpx.AsyncClient, area: str, level: str, count: int) -> None:
    """Only what lies inside it; without a level, one level down."""
    found = await rows(client, "/v1/coverage", params={"area": area, "level": level})
    assert len(found) == count
    assert all(code.startswith(area) for code in found)
    below = await rows(client, "/v1/progress", params={"area": area})
    assert set(below) == {each.code for each in children(area)} or (len(area) == 6 and set(below) == {area})


async def test_thai_digits_are_accepted(client: httpx.AsyncClient) -> None:
    """In the code of an area."""
    assert (await client.get("/v1/coverage", params={"area": "๕๐"})).json()["area"] == "50"


@pytest.mark.parametrize(
    ("params", "path", "code"),
    [
        ({"area": "99"}, "area", "unknown_area"),
        ({"area": "5"}, "area", "unknown_area"),
        ({"area": "5001", "level": "province"}, "level", "wider_than_area"),
        ({"level": "village"}, "level", "not_a_choice"),
    ],
)
@pytest.mark.parametrize("route", ["coverage", "progress", "quality", "freshness", "volunteers"])
async def test_what_cannot_be_asked(
    client: httpx.AsyncClient, route: str, params: dict[str, str], path: str, code: str
) -> None:
    """A problem that names the parameter."""
    response = await client.get(f"/v1/{route}", params=params)
    assert response.status_code == 400
    assert [(error["path"], error["code"]) for error in response.json()["errors"]] == [(path, code)]


async def test_few_persons_are_withheld_from_the_public(client: httpx.AsyncClient) -> None:
    """In the subdistrict's own row, not in the sums above it. With nobody else in the district none of it is shown:
    it would be the one with the district's figures."""
    found = await rows(client, "/v1/coverage", params={"area": "5003", "level": "subdistrict"})
    assert found[FEW]["suppressed"] is True
    assert all(found[FEW][name] is None for name in (*FIGURES, "reasons"))
    assert all(row["suppressed"] for row in found.values())
    elsewhere = await rows(client, "/v1/coverage", params={"area": "8301", "level": "subdistrict"})
    assert not any(row["suppressed"] for row in elsewhere.values())
    progress = await rows(client, "/v1/progress", params={"area": "5003", "level": "subdistrict"})
    assert progress[FEW]["suppressed"] is True
    assert progress[FEW]["households"]["numerator"] is None
    surveyed = {"area": "5003", "level": "subdistrict", "denominator": "surveyed"}
    assert (await rows(client, "/v1/coverage", params=surveyed))[FEW]["one_dose"]["denominator"] is None
    district = await rows(client, "/v1/coverage", params={"area": "5003", "level": "district"})
    assert (district["5003"]["persons"], district["5003"]["suppressed"]) == (3, False)


@pytest.mark.parametrize(
    ("role", "area", "exact"),
    [
        (Role.CENTRAL_ADMINISTRATOR, "", True),
        (Role.DISTRICT_COORDINATOR, "5003", True),
        (Role.SUBDISTRICT_COORDINATOR, "500302", False),
        (Role.DISTRICT_COORDINATOR, "5001", False),
        (Role.VOLUNTEER, FEW, False),
    ],
)
async def test_who_sees_exact_figures(client: httpx.AsyncClient, role: Role, area: str, exact: bool) -> None:
    """Whoever may, inside his own area."""
    params = {"area": "5003", "level": "subdistrict"}
    found = await rows(client, "/v1/coverage", params=params, headers=as_role(role, area))
    assert found[FEW]["suppressed"] is not exact
    assert found[FEW]["persons"] == (3 if exact else None)


async def test_every_answer_says_how_new_it_is(
    client: httpx.AsyncClient, pool: Pool, ends: StreamEnds, filled: Sequence[Submission]
) -> None:
    """Per stream: the newest event, and how many records wait."""
    as_of = (await client.get("/v1/coverage", params={"level": "country"})).json()["as_of"]
    assert len(as_of) == 5
    for silent in [name for name in as_of if name.startswith(("further", "help"))]:
        assert as_of[silent]["time"] is None  # nothing was told there
        assert as_of.pop(silent)["lag"] == 0
    for name, stream in as_of.items():
        newest = NOW + timedelta(seconds=1) if "facility" in name else NOW
        assert stream["time"] == newest.isoformat().replace("+00:00", "Z")
        assert stream["lag"] == 0
    applied = await pool.fetchval("SELECT events FROM stream_progress WHERE topic LIKE 'survey-%'")
    assert applied == len(filled)
    await pool.execute("UPDATE stream_end SET end_offset = end_offset + 2 WHERE topic LIKE 'survey-%'")
    for route in ("progress", "freshness", "volunteers", "places"):
        answer = (await client.get(f"/v1/{route}")).json()["as_of"]
        assert next(stream["lag"] for name, stream in answer.items() if "survey" in name) == 6
    await ends.measure()


async def test_visits_are_kept_by_volunteer_and_month(pool: Pool, filled: Sequence[Submission]) -> None:
    """A month begins at midnight in Thailand."""
    expected: Counter[tuple[Any, ...]] = Counter()
    for event in filled:
        if event.kind != SubmissionKind.ERASURE:
            month = (event.captured_at + timedelta(hours=7)).date().replace(day=1)
            expected[event.volunteer_id, event.organisation_id, event.area, month] += 1
    found = await pool.fetch(
        "SELECT volunteer_id, organisation_id, subdistrict, month, submissions FROM volunteer_month"
    )
    assert +Counter({tuple(row)[:4]: row["submissions"] for row in found}) == expected
    assert len({month for *_, month in expected}) == 2
    sums = "SELECT " + ", ".join(f"sum({column})" for column in VISIT_FIGURES) + " FROM "  # noqa: S608 - names of ours
    assert await pool.fetchrow(sums + "volunteer_month") == await pool.fetchrow(sums + "survey_day")


async def test_an_organisations_results_are_for_its_own_people_and_for_coordinators(
    client: httpx.AsyncClient, filled: Sequence[Submission]
) -> None:
    """By month of Thailand's; the token's organisation is 7 (`Tokens`)."""
    path = f"/v1/organisations/{UUID(int=7)}/results"
    visits: Counter[str] = Counter()
    people: dict[str, set[UUID | None]] = defaultdict(set)
    for event in filled:
        if event.kind != SubmissionKind.ERASURE and event.organisation_id == ORGANISATION:
            month = f"{event.captured_at + timedelta(hours=7):%Y-%m}"
            visits[month] += 1
            people[month].add(event.volunteer_id)
    shown = (await client.get(f"/v1/organisations/{ORGANISATION}/results", headers=EXACT)).json()
    assert {each["month"]: each["submissions"] for each in shown["months"]} == visits
    assert {each["month"]: each["volunteers"] for each in shown["months"]} == {m: len(p) for m, p in people.items()}
    assert [each["month"] for each in shown["months"]] == sorted(visits, reverse=True)
    assert shown["as_of"]
    volunteer = as_role(Role.VOLUNTEER, "50")
    assert (await client.get(path, headers=volunteer)).json()["months"] == []
    assert (await client.get(f"/v1/organisations/{ORGANISATION}/results", headers=volunteer)).status_code == 403
    assert (await client.get(path)).status_code == 401


async def test_days_add_up_to_the_whole(pool: Pool) -> None:
    """The tables by day hold the same as those that are read."""
    sums = "SELECT " + ", ".join(f"sum({column})" for column in COLUMNS) + " FROM "  # noqa: S608 - names of ours
    assert await pool.fetchrow(sums + "survey_day") == await pool.fetchrow(sums + "survey_subdistrict")
    reasons = "SELECT reason, sum(persons) FROM {} GROUP BY reason"
    found = await pool.fetch(reasons.format("reason_day"))
    assert [reason for reason, _ in found] == ["a_reason_yet_unknown"]
    assert found == await pool.fetch(reasons.format("reason_subdistrict"))


async def test_freshness_counts_weeks(client: httpx.AsyncClient, clock: MovableClock) -> None:
    """Places confirmed longer ago than seven days are overdue; a closed one is nobody's duty."""
    found = await rows(client, "/v1/freshness", params={"level": "country"})
    row = found[""]
    assert (row["total"], row["confirmed"], row["overdue"]) == (9, 8, 1)
    assert row["statuses"] == {"open": 9, "closed": 1}
    assert {kind: places["total"] for kind, places in row["kinds"].items()} == {
        kind: 2 if kind != ENTERED[4] else 1 for kind in ENTERED
    }
    clock.advance(timedelta(seconds=1))
    assert (await rows(client, "/v1/freshness", params={"level": "country"}))[""]["overdue"] == 2
    clock.advance(-timedelta(seconds=1))
    provinces_found = await rows(client, "/v1/freshness", params={"level": "province"})
    assert len(provinces_found) == 77
    assert {code for code, each in provinces_found.items() if each["total"]} == {"10", "50"}


async def test_people_by_status(client: httpx.AsyncClient) -> None:
    """Volunteers by status, everybody by role; who is responsible for more than the level is told apart."""
    answer = (await client.get("/v1/volunteers", params={"area": "50", "level": "district"})).json()
    row = next(row for row in answer["rows"] if row["area"] == "5001")
    assert (row["pending"], row["approved"], row["suspended"], row["withdrawn"]) == (2, 4, 0, 0)
    assert row["organisation_kinds"] == {"agency": {"pending": 2, "approved": 4}}
    assert row["roles"] == {"volunteer": {"pending": 2, "approved": 4}}
    assert answer["wider"]["roles"] == {"province_administrator": {"approved": 1}}
    country = (await rows(client, "/v1/volunteers", params={"level": "country"}))[""]
    assert country["roles"]["province_administrator"] == {"approved": 1}
    assert country["approved"] == 4


async def test_places_by_page(client: httpx.AsyncClient) -> None:
    """Every place once, in pages."""
    seen = []
    cursor: str | None = None
    while True:
        params = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get("/v1/places", params=params)).json()
        seen += answer["items"]
        cursor = answer["cursor"]
        if cursor is None:
            break
    assert len(seen) == len({place["facility_id"] for place in seen}) == 10
    assert {place["facility_id"] for place in seen if place["overdue"]} == {str(UUID(int=9))}
    only = (await client.get("/v1/places", params={"area": "1001"})).json()["items"]
    assert {place["area"] for place in only} == {"100101"}
    for bad in ("%%%", "AAAA", "๕"):
        response = await client.get("/v1/places", params={"cursor": bad})
        assert response.json()["errors"][0]["code"] == "not_a_cursor"


def table(**changes: Any) -> dict[str, Any]:
    """Registered residents of two provinces."""
    rows = [{"area": "50", "value": 2}, {"area": "10", "value": 1000}]
    return {"kind": "population", "source": "กรมการปกครอง", "dated": "2021-12-31", "rows": rows} | changes


async def test_denominators_are_unknown_until_they_are_set(client: httpx.AsyncClient) -> None:
    """Then every ratio names its source and date, and may be above 1."""
    before = (await rows(client, "/v1/coverage", params={"level": "province"}))["50"]["one_dose"]
    assert (before["denominator"], before["source"], before["ratio"]) == (None, None, None)
    assert before["denominator_kind"] == "population"
    response = await client.put("/v1/denominators", json=table(), headers=EXACT)
    assert response.status_code == 200, response.text
    assert response.json() == {
        "kind": "population",
        "dated": "2021-12-31",
        "source": "กรมการปกครอง",
        "given": 2,
        "derived": 0,
    }
    found = await rows(client, "/v1/coverage", params={"level": "province"})
    after = found["50"]["one_dose"]
    assert (after["denominator"], after["source"], after["dated"]) == (2, "กรมการปกครอง", "2021-12-31")
    assert after["ratio"] == after["numerator"] / 2 > 1
    assert found["83"]["one_dose"]["denominator"] is None
    country = await rows(client, "/v1/coverage", params={"level": "country"})
    assert country[""]["one_dose"]["denominator"] is None
    surveyed = (await rows(client, "/v1/coverage", params={"level": "province", "denominator": "surveyed"}))["50"]
    assert surveyed["one_dose"]["denominator"] == surveyed["persons"]


async def test_denominators_sum_up_where_all_are_known(client: httpx.AsyncClient) -> None:
    """From subdistricts to the country; the newest table that names an area counts."""
    houses = [{"area": each.code, "value": 3} for each in subdistricts()]
    body = table(kind="houses", rows=houses, dated="2021-01-01")
    response = await client.put("/v1/denominators", json=body, headers=EXACT)
    assert response.json()["derived"] == 1 + 77 + 928
    country = (await rows(client, "/v1/progress", params={"level": "country"}))[""]["households"]
    assert country["denominator"] == 3 * len(houses)
    assert country["ratio"] == country["numerator"] / (3 * len(houses))
    newer = table(kind="houses", rows=[{"area": "5001", "value": 7}], dated="2021-06-01", source="newer")
    await client.put("/v1/denominators", json=newer, headers=EXACT)
    districts = await rows(client, "/v1/progress", params={"area": "50", "level": "district"})
    assert (districts["5001"]["households"]["denominator"], districts["5001"]["households"]["source"]) == (7, "newer")
    assert districts["5002"]["households"]["dated"] == "2021-01-01"
    corrected = table(kind="houses", rows=[{"area": "5002", "value": 9}], dated="2021-06-01", source="newer")
    await client.put("/v1/denominators", json=corrected, headers=EXACT)
    districts = await rows(client, "/v1/progress", params={"area": "50", "level": "district"})
    assert districts["5001"]["households"]["dated"] == "2021-01-01"
    assert districts["5002"]["households"]["denominator"] == 9


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        (
            {"rows": [{"area": "99", "value": 1}, {"area": "50", "value": 1}, {"area": "๕๐", "value": 1}]},
            [("rows[0].area", "unknown_area"), ("rows[2].area", "duplicate_area")],
        ),
        ({"dated": "2022-02-08"}, [("dated", "in_the_future")]),
        ({"rows": [{"area": "50", "value": -1}]}, [("rows[0].value", "too_small")]),
        ({"rows": [{"area": "50", "value": "2"}]}, [("rows[0].value", "not_a_whole_number")]),
        ({"rows": [{"area": "50"}]}, [("rows[0].value", "required")]),
        ({"rows": []}, [("rows", "too_few")]),
        ({"rows": [{"area": "50", "value": 1}] * (MOST_DENOMINATORS + 1)}, [("rows", "too_many")]),
        ({"kind": "cats"}, [("kind", "not_a_choice")]),
        ({"source": ""}, [("source", "too_short")]),
        ({"note": "x"}, [("note", "unknown_field")]),
    ],
)
async def test_bad_tables_change_nothing(
    client: httpx.AsyncClient, pool: Pool, changes: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    """Each bad row is named; no row of the table is stored."""
    before = await pool.fetch("SELECT * FROM denominator ORDER BY kind, area, dated")
    response = await client.put("/v1/denominators", json=table(**changes), headers=EXACT)
    assert response.status_code == 400
    assert [(error["path"], error["code"]) for error in response.json()["errors"]] == errors
    assert await pool.fetch("SELECT * FROM denominator ORDER BY kind, area, dated") == before


async def test_an_abolished_area_names_its_successors(client: httpx.AsyncClient) -> None:
    """So that a table of an older register can be brought up to date."""
    body = table(rows=[{"area": "100205", "value": 1}])
    message = (await client.put("/v1/denominators", json=body, headers=EXACT)).json()["errors"][0]
    assert message["code"] == "abolished_area"
    thai = await client.put("/v1/denominators", json=body, headers=EXACT | {"Accept-Language": "th"})
    assert "ยกเลิก" in thai.json()["errors"][0]["message"]
    assert "102901" in message["message"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (as_role(Role.VOLUNTEER, "500101"), 403),
        (as_role(Role.PROVINCE_ADMINISTRATOR, "50"), 403),
        (as_role(Role.EXTERNAL_SYSTEM, ""), 403),
    ],
)
async def test_who_may_set_denominators(client: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    """The central administrator alone: a table is the whole country's."""
    assert (await client.put("/v1/denominators", json=table(), headers=headers)).status_code == status


async def test_answers_are_compressed_for_who_reads_them_so(client: httpx.AsyncClient) -> None:
    """The same content either way."""
    plain = await client.get("/v1/coverage", params={"level": "district"}, headers={"Accept-Encoding": "identity"})
    packed = await client.get(
        "/v1/coverage", params={"level": "district"}, headers={"Accept-Encoding": "br, gzip;q=0.5"}
    )
    refused = await client.get("/v1/coverage", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers.keys() | refused.headers.keys()
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 5
    assert packed.json() == plain.json()
    assert packed.headers["cache-control"] == "no-cache"


async def test_the_description_matches_the_answers(client: httpx.AsyncClient) -> None:
    """Every figure that an answer has is described for those who build on it."""
    document = (await client.get("/openapi.json")).json()
    described = document["components"]["schemas"]["CoverageRow"]["properties"]
    answer = (await client.get("/v1/coverage", params={"level": "country"})).json()["rows"][0]
    assert set(described) == set(answer)
