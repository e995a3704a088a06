"""The figures by day, and that all that is public together gives nothing withheld away."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from services.reporting.domain import FIGURES, day_in_thailand
from services.reporting.http import history
from services.reporting.interchange import dhis2
from services.reporting.projector import FiguresProjection
from services.reporting.store import Pool
from services.reporting.submissions import Submission
from shared.areas.register import subdistricts
from shared.areas.suppression import is_small
from shared.areas.units import area_uid
from shared.contracts.events import Role
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.projection import Event
from tests.integration.reporting.conftest import NOW, as_role, rows
from tests.integration.reporting.test_figures import truth
from tests.unit.reporting.attacker import Attacker
from tests.unit.reporting.campaigns import campaign

CAMPAIGN = campaign(seed=5, length=200).events
"""Of three days, in four subdistricts of three districts."""
DAYS = [date(2022, 1, 30) + timedelta(days=each) for each in range(5)]
EXACT = as_role(Role.CENTRAL_ADMINISTRATOR, "")
ELEMENTS = {element.figure: element.uid for element in dhis2.ELEMENTS}

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture(scope="module")
async def filled(pool: Pool) -> Sequence[Submission]:
    """A campaign, applied."""
    events = [
        Event(SURVEY_SUBMITTED.name, number, int(NOW.timestamp() * 1000), each) for number, each in enumerate(CAMPAIGN)
    ]
    async with pool.acquire() as connection, connection.transaction():
        await FiguresProjection().apply(connection, events)
    return CAMPAIGN


@pytest.mark.parametrize("recent", [-1, 30])
async def test_a_day_shows_what_had_been_found_until_its_end(
    client: httpx.AsyncClient, filled: Sequence[Submission], recent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows of coverage, from what was captured until midnight in Thailand; of the last day they are coverage's.
    From both ends of the campaign, and not as it was answered a while ago."""
    monkeypatch.setattr(history, "RECENT_DAYS", recent)
    monkeypatch.setattr(history, "OLDER_SECONDS", 0.0)
    for level, digits in {"province": 2, "district": 4, "subdistrict": 6}.items():
        for day in DAYS:
            found = await rows(client, "/v1/history", params={"level": level, "day": str(day)}, headers=EXACT)
            sums = dict.fromkeys(FIGURES, 0)
            for row in found.values():
                for figure in FIGURES:
                    sums[figure] += row[figure]
            until = [each for each in filled if day_in_thailand(each.captured_at) <= day]
            visits = sum(each.kind != "erasure" for each in until)
            assert sums["submissions"] == visits
            if level == "subdistrict":
                expected = _standing(until)
                assert {code: row["persons"] for code, row in found.items() if row["persons"]} == {
                    code: persons for code, persons in expected.items() if persons
                }
        now = await rows(client, "/v1/coverage", params={"level": level}, headers=EXACT)
        assert found == now
        assert {code for code in now if now[code]["submissions"]} == set(truth(filled, digits))


def _standing(events: Sequence[Submission]) -> dict[str, int]:
    """Persons by subdistrict, summed over the events as they are published."""
    found: dict[str, int] = defaultdict(int)
    for event in events:
        if event.outcome == "recorded":
            found[event.area] += (event.after.persons if event.after else 0) - (
                event.before.persons if event.before else 0
            )
    return found


async def test_days_in_a_row_are_those_days_one_by_one(client: httpx.AsyncClient) -> None:
    """For every measure, as it stood and what the day brought."""
    params: dict[str, Any] = {"level": "province", "from": str(DAYS[0]), "to": str(DAYS[-1]), "measure": FIGURES}
    answer = (await client.get("/v1/history", params=params)).json()
    assert answer["days"] == [str(day) for day in DAYS]
    found = {row["area"]: row for row in answer["rows"]}
    before: dict[str, dict[str, Any]] = {}
    for place, day in enumerate(DAYS):
        each = await rows(client, "/v1/history", params={"level": "province", "day": str(day)})
        for code in each:
            for figure in FIGURES:
                assert found[code]["cumulative"][figure][place] == each[code][figure]
                came = each[code][figure] - (before[code][figure] if before else 0)
                assert found[code]["by_day"][figure][place] == came
        before = each
    assert any(number for row in found.values() for number in row["by_day"]["persons"][1:])


async def test_long_answers_come_in_pages(client: httpx.AsyncClient) -> None:
    """Every area once."""
    params: dict[str, Any] = {"level": "district", "from": "2021-03-01", "to": "2022-02-07"}
    seen: list[str] = []
    while True:
        answer = (await client.get("/v1/history", params=params)).json()
        seen += [row["area"] for row in answer["rows"]]
        if answer["cursor"] is None:
            break
        params["cursor"] = answer["cursor"]
    assert len(seen) == len(set(seen)) == 928
    page = (await client.get("/v1/progress", params={"level": "district", "limit": 3, "cursor": "1003"})).json()
    assert [row["area"] for row in page["rows"]] == ["1004", "1005", "1006"]
    assert page["cursor"] == "1006"


@pytest.mark.parametrize(
    ("params", "path", "code"),
    [
        ({"day": "2022-02-08"}, "day", "in_the_future"),
        ({"day": "2565-02-01"}, "day", "in_the_future"),
        ({"day": "yesterday"}, "day", "not_a_time"),
        ({"day": "2022-02-01", "from": "2022-02-01"}, "day", "not_both"),
        ({"to": "2022-02-08"}, "to", "in_the_future"),
        ({"from": "2022-02-02", "to": "2022-02-01"}, "from", "after_the_end"),
        ({"from": "2020-02-02", "to": "2022-02-01"}, "from", "too_many_days"),
        ({"measure": "names"}, "measure[0]", "not_a_choice"),
        ({"cursor": "x"}, "cursor", "not_a_cursor"),
    ],
)
async def test_what_cannot_be_asked(client: httpx.AsyncClient, params: dict[str, str], path: str, code: str) -> None:
    """A problem that names the parameter."""
    response = await client.get("/v1/history", params=params)
    assert response.status_code == 400, response.text
    assert [(error["path"], error["code"]) for error in response.json()["errors"]] == [(path, code)]


async def test_nothing_withheld_follows_from_what_is_public(client: httpx.AsyncClient, pool: Pool) -> None:
    """Of a district with one household of three persons among others, through every route that shows figures."""
    codes = [area.code for area in subdistricts("5009")]
    course = [
        *((codes[0], 0, 3), (codes[1], 0, 6), (codes[2], 0, 10), (codes[5], 0, 20)),
        *((codes[2], 1, 8), (codes[1], 2, 4), (codes[0], 3, 4), (codes[4], 3, 2), (codes[5], 3, 2)),
    ]
    for number, (code, day, persons) in enumerate(course):
        await pool.execute(
            "INSERT INTO survey_day (subdistrict, day, submissions, households, persons, dose_0) "
            "VALUES ($1, $2, 1, 1, $3, $3)",
            code,
            DAYS[day],
            persons,
        )
        await pool.execute(
            "INSERT INTO survey_subdistrict AS s (subdistrict, submissions, households, persons, dose_0) "
            "VALUES ($1, 1, 1, $2, $2) ON CONFLICT (subdistrict) DO UPDATE SET submissions = s.submissions + 1, "
            "households = s.households + 1, persons = s.persons + $2, dose_0 = s.dose_0 + $2",
            code,
            persons,
        )
        await pool.execute("INSERT INTO flag_subdistrict VALUES ($1, $2, 1)", code, f"flag_{number}")
    within = {"area": "5009", "level": "subdistrict"}
    public = Attacker()
    shown: dict[tuple[str, int, str], int] = {}
    withheld: set[tuple[str, int, str]] = set()
    changes: set[tuple[str, int, str]] = set()
    last = len(DAYS) - 1
    measures = ("submissions", "households", "persons", "dose_0")

    def learn(day: int, found: dict[str, dict[str, Any]], names: dict[str, str]) -> None:
        for measure, name in names.items():
            public.learns({(code, day, measure): 1 for code in codes})  # the district's, which is shown
            for code, row in found.items():
                number = row[name]["numerator"] if isinstance(row[name], dict) else row[name]
                if number is None:
                    withheld.add((code, day, measure))
                else:
                    public.learns({(code, day, measure): 1})
                    shown[code, day, measure] = number

    same = {measure: measure for measure in measures}
    learn(last, await rows(client, "/v1/coverage", params=within), same)
    learn(last, await rows(client, "/v1/coverage", params=within | {"denominator": "surveyed"}), same)
    learn(
        last,
        await rows(client, "/v1/progress", params=within),
        {"households": "households", "submissions": "submissions"},
    )
    learn(last, await rows(client, "/v1/quality", params=within), {"submissions": "submissions"})
    for code in codes:
        alone = {"area": code, "level": "subdistrict"}
        learn(last, await rows(client, "/v1/coverage", params=alone), same)
    features = (await client.get("/v1/coverage.geojson", params=within)).json()["features"]
    learn(last, {each["id"]: each["properties"] for each in features}, same)
    for period, day in (("202201", 1), ("202202", last)):
        answer = (await client.get("/dhis2/dataValueSets.json", params=within | {"period": period})).json()
        found = {(each["orgUnit"], each["dataElement"]): each["value"] for each in answer["dataValues"]}
        told = {
            code: {measure: found.get((area_uid(code), ELEMENTS[measure])) for measure in measures} for code in codes
        }
        learn(day, told, same)
        answer = (
            await client.get("/fhir/MeasureReport", params=within | {"period": f"{period[:4]}-{period[4:]}"})
        ).json()
        groups = {
            each["resource"]["subject"]["identifier"]["value"]: each["resource"]["group"][0]["population"]
            for each in answer["entry"]
        }
        told = {
            code: {"persons": each[0].get("count"), "dose_0": each[2].get("count")} for code, each in groups.items()
        }
        learn(day, told, {"persons": "persons", "dose_0": "dose_0"})
    for day, each in enumerate(DAYS):
        learn(day, await rows(client, "/v1/history", params=within | {"day": str(each)}), same)
    some: dict[str, Any] = within | {"from": str(DAYS[1]), "to": str(DAYS[-1]), "measure": measures}
    for code, row in (await rows(client, "/v1/history", params=some)).items():
        for measure in measures:
            for day in range(1, len(DAYS)):
                if row["cumulative"][measure][day - 1] is not None:
                    public.learns({(code, day, measure): 1})
                if row["by_day"][measure][day - 1] is not None:
                    public.learns({(code, day, measure): 1, (code, day - 1, measure): -1})
                else:
                    changes.add((code, day, measure))
    assert (codes[0], 1, "persons") in withheld
    assert (codes[4], last, "persons") in withheld
    assert not [each for each in withheld if public.knows({each: 1})]
    assert {
        (codes[1], 2, "persons"),
        (codes[0], 3, "persons"),
        (codes[4], 3, "persons"),
    } <= changes  # of four, four, two
    assert not [
        (code, day, measure)
        for code, day, measure in changes
        if public.knows({(code, day, measure): 1, (code, day - 1, measure): -1})
    ]
    assert not [
        (code, day)
        for code, day, measure in shown
        if measure == "persons"
        and (code, last, measure) in shown
        and is_small(shown[code, last, measure] - shown[code, day, measure])
    ]
    assert public.knows({(code, last, "persons"): 1 for code in codes})
    exact = await rows(client, "/v1/coverage", params=within, headers=as_role(Role.DISTRICT_COORDINATOR, "5009"))
    assert (exact[codes[0]]["persons"], exact[codes[4]]["persons"]) == (7, 2)


async def test_an_end_is_shown_by_all_that_came_since_whatever_days_are_asked_for(
    client: httpx.AsyncClient, pool: Pool
) -> None:
    """A household that came after many others, alone: from the end before them all to the present it is few as well."""
    one, other = (area.code for area in subdistricts("5010")[:2])
    for code, day, persons in [(one, 0, 20), (other, 0, 20), (one, 1, 10), (other, 2, 2), (one, 4, 6)]:
        await pool.execute(
            "INSERT INTO survey_day (subdistrict, day, submissions, households, persons) VALUES ($1, $2, 1, 1, $3)",
            code,
            DAYS[day],
            persons,
        )
    await pool.execute(
        "INSERT INTO survey_subdistrict (subdistrict, submissions, households, persons) "
        "SELECT subdistrict, sum(submissions), sum(households), sum(persons) FROM survey_day "
        "WHERE subdistrict = ANY ($1::text[]) GROUP BY 1",
        [one, other],
    )
    within: dict[str, Any] = {"area": "5010", "level": "subdistrict"}
    for code, shown in {one: [None, None, 30, 30, 36], other: [None, None, 22, 22, 22]}.items():
        alone = [
            (await rows(client, "/v1/history", params=within | {"day": str(day)}))[code]["persons"] for day in DAYS
        ]
        for first in range(len(DAYS)):
            some = within | {"from": str(DAYS[first]), "to": str(DAYS[-1]), "measure": "persons"}
            row = (await rows(client, "/v1/history", params=some))[code]
            assert row["cumulative"]["persons"] == shown[first:]
        assert alone == shown
    before = within | {"period": "202201"}
    assert (await client.get("/dhis2/dataValueSets.json", params=before)).json()["dataValues"] == []
