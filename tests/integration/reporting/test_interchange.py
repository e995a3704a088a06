"""The figures as GeoJSON, for DHIS2 and in FHIR: the same numbers, in forms that others judge."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema
import msgspec
import pytest

from services.reporting.interchange import dhis2
from services.reporting.interchange.fhir.measures import MEASURES
from services.reporting.projector import FiguresProjection
from services.reporting.store import Pool
from services.reporting.submissions import Submission
from shared.areas.register import children
from shared.areas.units import area_uid
from shared.contracts.events import Role
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.projection import Event
from tests.integration.facilities.fhir.test_validator import hapi, judged
from tests.integration.facilities.test_dhis2 import REFERENCE, TRANSLATION, UID, many, text, thing
from tests.integration.reporting.conftest import NOW, as_role, rows
from tests.unit.reporting.campaigns import campaign

__all__ = ["hapi"]

EVENTS = campaign(seed=5, length=200).events
DOORS = sorted(event.captured_at for event in EVENTS)
CAMPAIGN = [msgspec.structs.replace(event, captured_at=moment) for event, moment in zip(EVENTS, DOORS, strict=True)]
"""In the order of the doors, as the recorder lets them stand: what is found is never less than nothing then."""
EXACT = as_role(Role.CENTRAL_ADMINISTRATOR, "")
FEW: Final = "830101"
KNOWN: Final = ("dom-6",)  # a resource should also tell itself as a page of HTML: who reads these makes his own pages
VALUES: Final = many(
    "dataValues",
    thing(
        {
            "dataElement": UID,
            "period": {"type": "string", "pattern": "^[0-9]{6}$"},
            "orgUnit": UID,
            "value": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
        },
        ["dataElement", "period", "orgUnit", "value"],
    ),
)
ELEMENT: Final = thing(
    {
        "id": UID,
        "code": text(50),
        "name": text(230),
        "shortName": text(50),
        "domainType": {"const": "AGGREGATE"},
        "valueType": {"const": "INTEGER_ZERO_OR_POSITIVE"},
        "aggregationType": {"const": "LAST"},
        "categoryCombo": REFERENCE,
        "zeroIsSignificant": {"const": True},
        "translations": {"type": "array", "items": TRANSLATION},
    },
    ["id", "code", "name", "shortName", "domainType", "valueType", "aggregationType"],
)

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture(scope="module")
async def filled(pool: Pool) -> Sequence[Submission]:
    """A campaign of three days over the end of January, and a subdistrict with three persons."""
    events = [
        Event(SURVEY_SUBMITTED.name, number, int(NOW.timestamp() * 1000), each) for number, each in enumerate(CAMPAIGN)
    ]
    async with pool.acquire() as connection, connection.transaction():
        await FiguresProjection().apply(connection, events)
    for table, columns, values in (
        ("survey_subdistrict", "subdistrict", "$1"),
        ("survey_day", "subdistrict, day", "$1, '2022-01-30'"),
    ):
        await pool.execute(
            f"INSERT INTO {table} ({columns}, submissions, households, persons, dose_0) VALUES ({values}, 1, 1, 3, 3)",  # noqa: S608
            FEW,
        )
    await pool.execute(
        "INSERT INTO denominator (kind, area, dated, value, source, derived, set_by) "
        "VALUES ('houses', '50', '2021-12-31', 600, 'x', false, gen_random_uuid())"
    )
    return CAMPAIGN


@pytest.mark.parametrize(("level", "count"), [("province", 77), ("district", 928), ("country", 1)])
async def test_figures_lie_on_the_map(client: httpx.AsyncClient, level: str, count: int) -> None:
    """Each area's row with its borders: closed rings, inside Thailand."""
    response = await client.get("/v1/coverage.geojson", params={"level": level})
    assert response.headers["content-type"] == "application/geo+json"
    found = response.json()
    expected = await rows(client, "/v1/coverage", params={"level": level})
    assert {each["id"]: each["properties"] for each in found["features"]} == expected
    assert len(expected) == count
    assert found["as_of"]
    for each in found["features"]:
        if level == "country":
            assert each["geometry"] is None
            continue
        polygons = each["geometry"]["coordinates"]
        for polygon in polygons if each["geometry"]["type"] == "MultiPolygon" else [polygons]:
            for ring in polygon:
                assert ring[0] == ring[-1]
                assert len(ring) > 3
                assert all(97 < lon < 106 and 5 < lat < 21 for lon, lat in ring)


async def test_neighbours_share_their_border(client: httpx.AsyncClient) -> None:
    """Lines that are taken backwards are turned round."""
    found = (await client.get("/v1/coverage.geojson", params={"level": "province"})).json()["features"]
    points = {each["id"]: {tuple(point) for point in _points(each["geometry"])} for each in found}
    assert len(points["50"] & points["51"]) > 10  # Chiang Mai and Lamphun
    assert not points["50"] & points["90"]


def _points(geometry: dict[str, Any]) -> list[list[float]]:
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return [point for polygon in polygons for ring in polygon for point in ring]


async def test_dhis2_gets_what_stood_at_the_end_of_the_month(client: httpx.AsyncClient) -> None:
    """In its own form, for the units that facilities exports; nothing of what is withheld."""
    metadata = (await client.get("/dhis2/metadata.json")).json()
    for element in metadata["dataElements"]:
        jsonschema.validate(element, ELEMENT)
    assert len({element["id"] for element in metadata["dataElements"]}) == len(dhis2.ELEMENTS)
    seen = []
    for period, day in (("202201", "2022-01-31"), ("202202", "2022-02-07")):
        answer = (await client.get("/dhis2/dataValueSets.json", params={"period": period})).json()
        jsonschema.validate(answer, VALUES)
        expected = await rows(client, "/v1/history", params={"level": "province", "day": day})
        found = {(each["orgUnit"], each["dataElement"]): int(each["value"]) for each in answer["dataValues"]}
        assert {each["period"] for each in answer["dataValues"]} == {period}
        assert found == {
            (area_uid(code), element.uid): row[element.figure]
            for code, row in expected.items()
            for element in dhis2.ELEMENTS
        }
        seen.append(found)
    assert seen[0] != seen[1]
    params = {"period": "202202", "area": "8301", "level": "subdistrict"}
    assert (await client.get("/dhis2/dataValueSets.json", params=params)).json() == {"dataValues": []}
    exact = (await client.get("/dhis2/dataValueSets.json", params=params, headers=EXACT)).json()["dataValues"]
    assert len(exact) == len(children("8301")) * len(dhis2.ELEMENTS)


async def test_fhir_reports_say_the_same(client: httpx.AsyncClient) -> None:
    """Of each area and month; what is withheld is masked."""
    bundle = (await client.get("/fhir/MeasureReport", params={"period": "2022-01", "_count": 77})).json()
    expected = await rows(client, "/v1/history", params={"level": "province", "day": "2022-01-31"})
    reports = [each["resource"] for each in bundle["entry"]]
    assert [each["subject"]["identifier"]["value"] for each in reports] == list(expected)
    for report in reports:
        row = expected[report["subject"]["identifier"]["value"]]
        assert (report["status"], report["period"]) == ("complete", {"start": "2022-01-01", "end": "2022-01-31"})
        by_code = {group["code"]["coding"][0]["code"]: group for group in report["group"]}
        counts = {code: [each.get("count") for each in group["population"]] for code, group in by_code.items()}
        assert counts["dose-0"] == [row["persons"], row["persons"], row["dose_0"]]
        assert counts["dose-1-or-more"][2] == row["persons"] - row["dose_0"]
        if row["persons"]:
            assert by_code["dose-0"]["measureScore"]["value"] == round(row["dose_0"] / row["persons"], 4)
    present = (await client.get(f"/fhir/MeasureReport/household-survey.{FEW}.2022-02")).json()
    assert (present["status"], present["period"]["end"]) == ("pending", "2022-02-07")
    assert '"count"' not in str(present).replace("'", '"')
    assert "masked" in str(present)
    exact = (await client.get(f"/fhir/MeasureReport/household-survey.{FEW}.2022-02", headers=EXACT)).json()
    assert exact["group"][0]["population"][0]["count"] == 3
    progress = (await client.get("/fhir/MeasureReport/survey-progress.50.2022-02")).json()
    assert [each["count"] for each in progress["group"][0]["population"]][:2] == [600, 600]


async def test_fhir_reports_come_in_pages(client: httpx.AsyncClient) -> None:
    """By the link that the page before gives."""
    seen: list[str] = []
    url = "/fhir/MeasureReport?_count=30"
    while url:
        bundle = (await client.get(url)).json()
        seen += [each["resource"]["subject"]["identifier"]["value"] for each in bundle["entry"]]
        url = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), "")
    assert len(seen) == len(set(seen)) == 77


@pytest.mark.parametrize(
    ("path", "status", "code", "at"),
    [
        ("/fhir/MeasureReport?period=2022-13", 400, "not_a_month", "http.period"),
        ("/fhir/MeasureReport?period=2022-03", 400, "in_the_future", "http.period"),
        ("/fhir/MeasureReport?measure=x", 400, "unknown_measure", "http.measure"),
        ("/fhir/MeasureReport?area=99", 400, "unknown_area", "http.area"),
        ("/fhir/MeasureReport?_cursor=x", 400, "not_a_cursor", "http._cursor"),
        ("/fhir/MeasureReport/household-survey.50", 404, "not_found", None),
        ("/fhir/MeasureReport/household-survey..2022-02", 404, "not_found", None),
        ("/fhir/MeasureReport/household-survey.99.2022-02", 404, "not_found", None),
        ("/fhir/MeasureReport/x.50.2022-02", 404, "not_found", None),
        ("/fhir/Measure/x", 404, "not_found", None),
        ("/fhir/CodeSystem/x", 404, "not_found", None),
    ],
)
async def test_what_goes_wrong_is_an_outcome(
    client: httpx.AsyncClient, path: str, status: int, code: str, at: str | None
) -> None:
    """As FHIR tells it."""
    answer = await client.get(path)
    assert answer.status_code == status
    (issue,) = answer.json()["issue"]
    assert (issue["diagnostics"], issue.get("expression", [None])[0]) == (code, at)


@pytest.mark.parametrize(
    ("period", "code"), [("2022-2", "not_a_month"), ("202203", "in_the_future"), (None, "required")]
)
async def test_dhis2_periods_are_judged(client: httpx.AsyncClient, period: str | None, code: str) -> None:
    """As problem documents."""
    answer = await client.get("/dhis2/dataValueSets.json", params={"period": period} if period else {})
    assert answer.status_code == 400
    assert [(each["path"], each["code"]) for each in answer.json()["errors"]] == [("period", code)]


def spoiled(report: dict[str, Any]) -> dict[str, Any]:
    """Mistakes that a mapping can make, which the validator has to see."""
    group = report["group"][0]
    return {
        "status": report | {"status": "open"},
        "type": report | {"type": "monthly"},
        "subject": report | {"subject": "50"},
        "count": report | {"group": [group | {"population": [group["population"][0] | {"count": "3"}]}]},
        "population": report
        | {"group": [group | {"population": [{"code": {"coding": [{"system": "x", "code": "persons"}]}, "count": 3}]}]},
    }


async def test_an_outside_validator_accepts_every_answer(client: httpx.AsyncClient, hapi: Path) -> None:
    """Pages, reports of each kind, what they are about, and outcomes."""
    resources: dict[str, Any] = {}
    for path in (
        "metadata",
        "CodeSystem/survey-figure",
        *(f"Measure/{name}" for name in MEASURES),
        "MeasureReport?_count=3",
        "MeasureReport?measure=survey-progress&period=2022-01&_count=3",
        "MeasureReport/household-survey.TH.2022-01",
        "MeasureReport/household-survey.50.2022-02",
        "MeasureReport/household-survey.51.2022-02",
        "MeasureReport/survey-progress.50.2022-02",
        "MeasureReport/survey-progress.TH.2022-02",
        f"MeasureReport/household-survey.{FEW}.2022-01",
        "MeasureReport?period=x",
        "Measure/x",
    ):
        answer = await client.get(f"/fhir/{path}")
        assert answer.headers["content-type"] == "application/fhir+json"
        resources[path] = answer.json()
    bad = {
        f"spoiled {name}": each
        for name, each in spoiled(resources["MeasureReport/household-survey.50.2022-02"]).items()
    }
    definitions = [resources["CodeSystem/survey-figure"], *(resources[f"Measure/{name}"] for name in MEASURES)]
    found = await judged(hapi, resources | bad, definitions)
    remarks = [one for one in found if one[0] not in bad and one[1] != "INFORMATION"]
    assert [one for one in remarks if not any(known in one[3] for known in KNOWN)] == []
    assert {one[0] for one in found if one[0] in bad and one[1] == "ERROR"} == set(bad)
