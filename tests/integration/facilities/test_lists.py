"""Reading the register: lists, pages, the map's file and the counts."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.facilities.http import exports, lists
from services.facilities.store import lists as store
from shared.observability.clock import MovableClock

Place = Callable[..., dict[str, Any]]
AREAS = {"500101": (18.79, 98.98), "500203": (18.42, 98.68), "100101": (13.75, 100.49), "830101": (7.885, 98.39)}
"""Subdistricts, and a place in each one's district."""
DEADLINE = 30.0
CENTRAL = {"Authorization": "Bearer central_administrator@"}


@pytest.fixture(scope="module")
def entered() -> list[dict[str, Any]]:
    """The places that the module's database holds, filled by the first test that asks."""
    return []


@pytest.fixture(autouse=True)
async def places(client: httpx.AsyncClient, place: Place, entered: list[dict[str, Any]]) -> None:
    """Eleven places in three provinces, of two kinds and two statuses, one without a position."""
    if entered:
        return
    for number in range(11):
        lon = tuple(AREAS.values())[number % 4][1] + number / 10_000
        body = place(
            facility_id=str(uuid4()),
            area=tuple(AREAS)[number % 4],
            kind=("field_hospital", "hospital")[number % 2],
            status="closed" if number == 10 else "open",
            position=None if number == 0 else {"lat": tuple(AREAS.values())[number % 4][0], "lon": lon},
        )
        answer = await client.post("/v1/facilities", json=body, headers=CENTRAL)
        assert answer.status_code == 201
        entered.append(answer.json())


async def ids(client: httpx.AsyncClient, query: str) -> set[str]:
    answer = await client.get(f"/v1/facilities?{query}")
    assert answer.status_code == 200
    assert answer.json()["cursor"] is None
    return {item["facility_id"] for item in answer.json()["items"]}


async def test_filters(client: httpx.AsyncClient, entered: list[dict[str, Any]]) -> None:
    del client.headers["Authorization"]

    def those(condition: Callable[[dict[str, Any]], bool]) -> set[str]:
        return {one["facility_id"] for one in entered if condition(one)}

    assert await ids(client, "") == those(lambda _: True)
    assert await ids(client, "area=50") == those(lambda one: one["area"].startswith("50"))
    assert await ids(client, "area=๕๐๐๑") == those(lambda one: one["area"].startswith("5001"))
    assert await ids(client, "area=100101") == those(lambda one: one["area"] == "100101")
    assert await ids(client, "kind=hospital&area=83") == those(
        lambda one: one["kind"] == "hospital" and one["area"].startswith("83")
    )
    assert await ids(client, "status=closed") == {entered[10]["facility_id"]}
    assert await ids(client, "kind=waiting_centre") == set()


async def test_pages_hold_every_place_once(client: httpx.AsyncClient, entered: list[dict[str, Any]]) -> None:
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        answer = (await client.get(f"/v1/facilities?limit=4{cursor and '&cursor=' + cursor}")).json()
        seen += [item["facility_id"] for item in answer["items"]]
        cursor, pages = answer["cursor"], pages + 1
    assert pages == 3
    assert seen == sorted((one["facility_id"] for one in entered), key=UUID)
    exact = (await client.get("/v1/facilities?limit=11")).json()
    assert exact["cursor"] is None


async def test_overdue_places(client: httpx.AsyncClient, clock: MovableClock, entered: list[dict[str, Any]]) -> None:
    assert await ids(client, "overdue=true") == set()
    clock.advance(timedelta(days=7))
    assert await ids(client, "overdue=true") == set()
    clock.advance(timedelta(seconds=1))
    assert await ids(client, "overdue=true") == {one["facility_id"] for one in entered[:10]}  # not the closed one
    listed = (await client.get("/v1/facilities")).json()["items"]
    assert sum(item["overdue"] for item in listed) == 10

    address = f"/v1/facilities/{entered[1]['facility_id']}/confirmation"
    assert (await client.post(address, headers=CENTRAL)).json()["overdue"] is False
    assert await ids(client, "overdue=true&area=500203") == {
        one["facility_id"] for one in entered[2:10] if one["area"] == "500203"
    }


@pytest.mark.parametrize("rows", [1, 4, 11, 1_000])
async def test_the_map_s_file_holds_the_list(
    client: httpx.AsyncClient, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "STREAM_ROWS", rows)
    del client.headers["Authorization"]
    answer = await client.get("/v1/facilities.geojson")
    assert answer.headers["content-type"] == "application/geo+json"
    collection = answer.json()
    assert collection["type"] == "FeatureCollection"
    listed = {item["facility_id"]: item for item in (await client.get("/v1/facilities")).json()["items"]}
    assert len(collection["features"]) == len(listed) == 11
    for feature in collection["features"]:
        item = dict(listed[feature["id"]])
        position = item.pop("position")
        assert feature["properties"] == item
        assert feature["geometry"] == (
            position and {"type": "Point", "coordinates": [position["lon"], position["lat"]]}
        )
    assert sum(feature["geometry"] is None for feature in collection["features"]) == 1


async def test_an_empty_map(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/facilities.geojson?area=96")
    assert answer.json() == {"type": "FeatureCollection", "features": []}


async def test_counts_stay_inside_the_token_s_area(client: httpx.AsyncClient) -> None:
    whole = (await client.get("/v1/counts", headers=CENTRAL)).json()
    assert sum(row["places"] for row in whole) == 11
    assert {"area": "100101", "kind": "field_hospital", "status": "closed", "places": 1} in whole
    province = await client.get("/v1/counts", headers={"Authorization": "Bearer province_administrator@50"})
    assert province.json() == [row for row in whole if row["area"].startswith("50")]
    assert (await client.get("/v1/counts")).status_code == 403


async def test_workbooks_are_written_one_after_the_other(
    client: httpx.AsyncClient, entered: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert entered
    real, reading, may_read = store.page, asyncio.Event(), asyncio.Event()

    async def waiting(*given: Any) -> Any:
        reading.set()
        await may_read.wait()
        return await real(*given)

    monkeypatch.setattr(store, "page", waiting)
    async with asyncio.timeout(DEADLINE):
        first = asyncio.create_task(client.get("/v1/facilities.xlsx"))
        await reading.wait()
        with monkeypatch.context() as patched:
            patched.setattr(exports, "WAIT_SECONDS", 0)
            refused = await client.get("/v1/facilities.xlsx")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "0")
        second = asyncio.create_task(client.get("/v1/facilities.xlsx"))
        may_read.set()
        assert [(await each).status_code for each in (first, second)] == [200, 200]
