"""The register for DHIS2: units of five levels, and beds by day as they stood at the day's end in Thailand."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx
import jsonschema
import pytest

from services.facilities import units
from services.facilities.http import dhis2
from services.facilities.store import units as store
from shared.areas.units import area_uid
from shared.observability.clock import MovableClock

Place = Callable[..., dict[str, Any]]
UID: Final = {"type": "string", "pattern": "^[a-zA-Z][a-zA-Z0-9]{10}$"}
REFERENCE: Final = {"type": "object", "properties": {"id": UID}, "required": ["id"], "additionalProperties": False}
DEADLINE: Final = 30.0
DAY: Final = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def thing(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def many(name: str, item: dict[str, Any]) -> dict[str, Any]:
    return thing({name: {"type": "array", "items": item}}, [name])


POINT: Final = thing(
    {
        "type": {"const": "Point"},
        "coordinates": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    },
    ["type", "coordinates"],
)
TRANSLATION: Final = thing(
    {"property": {"const": "NAME"}, "locale": {"const": "en"}, "value": text(255)}, ["property", "locale", "value"]
)
UNITS: Final = many(
    "organisationUnits",
    thing(
        {
            "id": UID,
            "code": text(50),
            "name": text(230),
            "shortName": text(50),
            "openingDate": DAY,
            "closedDate": DAY,
            "level": {"type": "integer", "minimum": 1, "maximum": 5},
            "parent": REFERENCE,
            "geometry": POINT,
            "phoneNumber": text(150),
            "email": text(150),
            "url": text(255),
            "translations": {"type": "array", "items": TRANSLATION},
        },
        ["id", "code", "name", "shortName", "openingDate", "level"],
    ),
)
"""What DHIS2's metadata import takes of organisation units, as far as it is told here; so many characters it keeps."""
VALUES: Final = many(
    "dataValues",
    thing(
        {
            "dataElement": UID,
            "period": {"type": "string", "pattern": "^[0-9]{8}$"},
            "orgUnit": UID,
            "value": {"type": "string", "pattern": "^(0|[1-9][0-9]*)$"},
        },
        ["dataElement", "period", "orgUnit", "value"],
    ),
)
"""The bulk form of a data value set: each value with its period and unit."""


async def exported(client: httpx.AsyncClient, path: str, schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What is exported, held to the form that DHIS2 takes."""
    answer = await client.get(f"/dhis2/{path}")
    assert answer.status_code == 200, answer.text
    jsonschema.validate(answer.json(), schema)
    (found,) = answer.json().values()
    return list(found)


async def values(client: httpx.AsyncClient, period: str, area: str) -> dict[str, tuple[int | None, int | None]]:
    """Free and all beds by unit."""
    found: dict[str, dict[str, int]] = {}
    for each in await exported(client, f"dataValueSets.json?period={period}&area={area}", VALUES):
        assert each["period"] == period
        found.setdefault(each["orgUnit"], {})[each["dataElement"]] = int(each["value"])
    return {unit: (beds.get(units.FREE_BEDS), beds.get(units.ALL_BEDS)) for unit, beds in found.items()}


async def enter(client: httpx.AsyncClient, body: dict[str, Any]) -> str:
    answer = await client.post("/v1/facilities", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["facility_id"])


async def change(client: httpx.AsyncClient, facility_id: str, revision: int, body: dict[str, Any]) -> None:
    headers = {"If-Match": f'"{revision}"'}
    assert (await client.put(f"/v1/facilities/{facility_id}", json=body, headers=headers)).status_code == 200


async def test_areas_and_places_are_units_behind_their_parents(
    client: httpx.AsyncClient, place: Place, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dhis2, "STREAM_ROWS", 2)
    long = "ศูนย์พักคอย " + 60 * "ก"
    ids = [
        await enter(client, place(area="500102", name=long if number == 4 else f"ศูนย์ {number}")) for number in range(5)
    ]
    body = place(area="500102", name="ศูนย์ 0", position=None, contact={"phone": None, "email": None, "website": None})
    clock.advance(datetime(2022, 2, 8, 18, 30, tzinfo=UTC) - clock.now())  # the ninth in Thailand
    await change(client, ids[0], 1, body | {"status": "closed"})
    clock.advance(datetime(2022, 2, 12, tzinfo=UTC) - clock.now())
    await change(client, ids[0], 2, body | {"status": "closed", "name": "ศูนย์ศูนย์"})

    found = await exported(client, "organisationUnits.json?area=5001", UNITS)
    seen: set[str] = set()
    for unit in found:
        assert unit["level"] == 1 or unit["parent"]["id"] in seen
        seen.add(unit["id"])
    assert len(seen) == len(found)
    assert [unit["code"] for unit in found[:4]] == ["TH", "50", "5001", "500101"]
    assert found[1]["translations"][0]["value"] == "Chiang Mai"
    by_code = {unit["code"]: unit for unit in found}
    assert set(ids) <= set(by_code)
    assert {by_code[each]["parent"]["id"] for each in ids} == {by_code["500102"]["id"]}
    closed = by_code[ids[0]]
    assert (closed["name"], closed["openingDate"], closed["closedDate"]) == ("ศูนย์ศูนย์", "2022-02-07", "2022-02-09")
    assert "geometry" not in closed
    assert by_code[ids[1]]["geometry"]["coordinates"] == [98.9853, 18.7883]
    assert (len(by_code[ids[4]]["shortName"]), by_code[ids[4]]["name"]) == (50, long)
    elsewhere = await exported(client, "organisationUnits.json?area=500302", UNITS)
    assert [unit["level"] for unit in elsewhere] == [1, 2, 3, 4]


async def test_ids_are_always_the_same_and_never_meet(client: httpx.AsyncClient) -> None:
    whole = [unit for unit in await exported(client, "organisationUnits.json", UNITS) if unit["level"] < 5]
    assert len({unit["id"] for unit in whole}) == len(whole) == 1 + 77 + 928 + 7_436
    assert area_uid("50") == "oBmUKqNqYAc"
    assert [each["id"] for each in units.metadata()["dataElements"]] == [units.FREE_BEDS, units.ALL_BEDS]


async def test_beds_are_those_of_the_day_s_end_in_thailand(
    client: httpx.AsyncClient, place: Place, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dhis2, "STREAM_ROWS", 2)
    clock.advance(datetime(2022, 3, 1, 3, tzinfo=UTC) - clock.now())
    changing = await enter(client, place(area="500301", position=None, name="ก", capacity=100, free=10))
    closing = await enter(client, place(area="500301", position=None, name="ข", capacity=50, free=50))
    unknown = await enter(client, place(area="500301", position=None, name="ค", capacity=30, free=None))
    await enter(client, place(area="500301", position=None, name="ง", kind="test_point", capacity=300, free=None))
    await enter(client, place(area="500301", position=None, name="จ", capacity=None, free=None))
    clock.advance(datetime(2022, 3, 2, 16, 59, 59, tzinfo=UTC) - clock.now())  # a second before midnight in Thailand
    await change(client, changing, 1, place(area="500301", position=None, name="ก", capacity=100, free=0))
    clock.advance(datetime(2022, 3, 2, 17, tzinfo=UTC) - clock.now())  # midnight
    await change(client, changing, 2, place(area="500301", position=None, name="ก", capacity=120, free=20))
    await change(
        client, closing, 1, place(area="500301", position=None, name="ข", capacity=50, free=50, status="closed")
    )

    one, other, third = (units.place_uid(UUID(each)) for each in (changing, closing, unknown))
    assert await values(client, "20220228", "500301") == {}
    first = {one: (10, 100), other: (50, 50), third: (None, 30)}
    assert await values(client, "20220301", "500301") == first
    assert await values(client, "20220302", "500301") == first | {one: (0, 100)}
    assert await values(client, "20220303", "500301") == {one: (20, 120), third: (None, 30)}
    exported_units = await exported(client, "organisationUnits.json?area=500301", UNITS)
    assert {one, other, third} <= {unit["id"] for unit in exported_units}


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("dataValueSets.json", "period", "required"),
        ("dataValueSets.json?period=2022-02", "period", "not_a_day"),
        ("dataValueSets.json?period=20220230", "period", "not_a_day"),
        ("dataValueSets.json?period=20220208", "period", "in_the_future"),
        ("dataValueSets.json?period=20220207&area=99", "area", "unknown_area"),
        ("organisationUnits.json?area=500201", "area", "abolished_area"),
    ],
)
async def test_bad_questions(client: httpx.AsyncClient, query: str, path: str, code: str) -> None:
    answer = await client.get(f"/dhis2/{query}")
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]


@pytest.mark.parametrize(
    ("query", "page"), [("organisationUnits.json", "units"), ("dataValueSets.json?period=20220207", "beds")]
)
async def test_no_more_than_some_are_written_at_once(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, query: str, page: str
) -> None:
    """However many ask at one moment, before the first has read anything; also when readers go away before the end."""
    real, reading, may_read = getattr(store, page), asyncio.Semaphore(0), asyncio.Event()

    async def waiting(*given: Any, **named: Any) -> Any:
        reading.release()
        await may_read.wait()
        return await real(*given, **named)

    def ask() -> asyncio.Task[httpx.Response]:
        return asyncio.create_task(client.get(f"/dhis2/{query}"))

    monkeypatch.setattr(store, page, waiting)
    async with asyncio.timeout(DEADLINE):
        running = [ask() for _ in range(dhis2.MOST_AT_ONCE)]
        for _ in running:
            await reading.acquire()
        one_more = ask()
        await asyncio.wait({one_more}, timeout=DEADLINE / 3)
        assert one_more.done()
        refused = await one_more
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
        running[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await running[0]
        running[0] = ask()
        await reading.acquire()
        may_read.set()
        assert [(await each).status_code for each in running] == dhis2.MOST_AT_ONCE * [200]
        between = "&" if "?" in query else "?"
        for _ in range(dhis2.MOST_AT_ONCE + 1):
            assert (await client.get(f"/dhis2/{query}{between}area=99")).status_code == 400
        assert (await ask()).status_code == 200
