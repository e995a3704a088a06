"""Finding persons and going to them: search, household, map and route."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from tests.integration.survey.conftest import NOW
from tests.integration.survey.visits.conftest import (
    CENTRE,
    COORDINATOR,
    OTHER,
    PROVINCE,
    VOLUNTEER,
    Visits,
    by,
)

SEARCH, ROUTE, MAP = "/v1/need-to-reach/search", "/v1/need-to-reach/route", "/v1/need-to-reach/map"
DAY = timedelta(days=1)


async def found(client: httpx.AsyncClient, headers: dict[str, str], **body: Any) -> list[str]:
    """Whom a search finds."""
    answer = await client.post(SEARCH, headers=headers, json=body)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_search_by_house_name_and_phone_however_they_are_spelled(visits: Visits) -> None:
    (one,) = await visits.survey(
        {"name": "นางสาวสมหญิง ใจดี", "rank": 1}, house="99/1", village="50010103", phone="0812345678"
    )
    await visits.survey({"name": "สมหญิง รักไทย", "rank": 0}, phone="0898765432")
    await visits.survey({"name": "สมหญิง ไกลบ้าน"}, area="510101")
    async with visits.client() as client:
        assert await found(client, VOLUNTEER, name="สมหญิง") == ["สมหญิง รักไทย", "นางสาวสมหญิง ใจดี"]
        assert await found(client, VOLUNTEER, name="ใจดี  สมหญิง") == ["นางสาวสมหญิง ใจดี"]
        assert await found(client, VOLUNTEER, name="นางสมหญิง ใจดี") == ["นางสาวสมหญิง ใจดี"]
        assert await found(client, VOLUNTEER, name="สมห") == []
        assert await found(client, VOLUNTEER, phone="+66 81-234-5678") == ["นางสาวสมหญิง ใจดี"]
        assert await found(client, VOLUNTEER, phone="๐๘๑๒๓๔๕๖๗๘") == ["นางสาวสมหญิง ใจดี"]
        house = {"area": "500101", "village": "50010103", "house": "เลขที่ ๙๙/๑"}
        assert await found(client, VOLUNTEER, house=house) == ["นางสาวสมหญิง ใจดี"]
        assert await found(client, VOLUNTEER, house=house | {"house": "99/2"}) == []
        assert len(await found(client, CENTRE, name="สมหญิง")) == 3
        assert await found(client, CENTRE, name="สมหญิง", area="51") == ["สมหญิง ไกลบ้าน"]
    assert [purpose for purpose, _ in await visits.readings()] == ["search"] * 10
    assert (await visits.readings())[1] == ("search", [one.household_id])
    # Nothing of what was looked for is stored.
    stored = str([tuple(row) for row in await visits.pool.fetch("SELECT * FROM reach")])
    assert not re.search("สมหญิง|ใจดี|812345678", stored)


async def test_a_search_asks_for_one_thing_in_the_own_area(visits: Visits) -> None:
    house = {"area": "500101", "house": "1"}
    async with visits.client() as client:
        for body, path in (
            ({}, ""),
            ({"name": "ก", "phone": "0812345678"}, ""),
            ({"phone": "053936150"}, "phone"),
            ({"name": "  "}, "name"),
            ({"house": house | {"area": "50"}}, "house.area"),
            ({"house": house | {"village": "50010203"}}, "house.village"),
            ({"house": house | {"area": "999999"}}, "house.area"),
            ({"name": "ก" * 201}, "name"),
            ({"title": "ก"}, "title"),
        ):
            answer = await client.post(SEARCH, headers=PROVINCE, json=body)
            assert answer.status_code == 400, (body, answer.text)
            assert answer.json()["errors"][0]["path"] == path
        for body in ({"house": house | {"area": "500102"}}, {"name": "ก", "area": "50"}):
            assert (await client.post(SEARCH, headers=VOLUNTEER, json=body)).status_code == 403


async def test_a_household_shows_its_persons_visits_and_follow_ups(visits: Visits) -> None:
    point = await visits.point("รพ.สต. ศรีภูมิ")
    first, second = await visits.survey(
        {
            "name": "คำ ใจดี",
            "age": 81,
            "national_id": "1101700230708",
            "doses": [{"number": 1, "date": "2021-08-01", "vaccine": "511"}],
            "risks": ["diabetes"],
            "status": "appointed",
            "due_at": NOW + DAY,
            "facility_id": point,
        },
        {"name": "แก้ว ใจดี"},
        house="99/1",
        position=(18.78, 98.98),
    )
    told = await visits.follow_up(
        first, "appointment", at=NOW - DAY, due_at=NOW + DAY, facility_id=point, note="โทรก่อนไป"
    )
    async with visits.client() as client:
        address = f"/v1/households/{first.household_id}"
        answer = (await client.get(address, headers=VOLUNTEER)).json()
        assert (answer["house"], answer["phone"], answer["position"]["lat"]) == ("99/1", "0812345678", 18.78)
        person, other = answer["persons"]
        assert (person["name"], person["national_id_ends"], other["name"]) == ("คำ ใจดี", "0708", "แก้ว ใจดี")
        assert "1101700230708" not in str(answer)
        assert person["doses"] == [{"number": 1, "date": "2021-08-01", "vaccine": "511"}]
        assert person["reach"]["person_id"] == str(first.person_id)
        assert (person["reach"]["status"], other["reach"]["status"]) == ("appointed", "open")
        assert other["reach"]["person_id"] == str(second.person_id)
        assert [visit["kind"] for visit in answer["visits"]] == ["follow_up", "survey"]
        (follow_up,) = answer["follow_ups"]
        assert follow_up == {
            "follow_up_id": str(told),
            "person_id": str(first.person_id),
            "captured_at": "2022-02-04T03:00:00Z",
            "volunteer_id": str(UUID(int=7)),
            "outcome": "appointment",
            "dose": None,
            "due_at": "2022-02-06T03:00:00Z",
            "facility_id": str(point),
            "facility": "รพ.สต. ศรีภูมิ",
            "contact": "visit",
            "note": "โทรก่อนไป",
        }
        assert await visits.readings() == [("household", [first.household_id])]
        for headers in (by("volunteer", "500102", 7), by("volunteer", "51", 7)):
            assert (await client.get(address, headers=headers)).status_code == 404
        assert (await client.get(f"/v1/households/{uuid4()}", headers=CENTRE)).status_code == 404
        assert len(await visits.readings()) == 1
        await visits.pool.execute("UPDATE household SET counts = NULL")
        assert (await client.get(address, headers=VOLUNTEER)).status_code == 404


async def test_a_subdistrict_s_map_has_cells_and_persons_and_a_province_s_has_districts(visits: Visits) -> None:
    near, far = (18.7883, 98.9853), (18.8001, 98.9901)
    await visits.survey({"name": "ก", "rank": 1}, {"name": "ข", "rank": 2, "home_visit": True}, position=near)
    await visits.survey({"name": "ค", "rank": 0, "risks": ["stroke"], "due_at": NOW - DAY}, position=far)
    await visits.survey({"name": "ไม่มีพิกัด", "rank": 3})
    await visits.survey({"name": "ฉีดแล้ว", "status": "vaccinated"}, position=near)
    await visits.survey({"name": "ตำบลอื่น"}, area="500102", position=near)
    await visits.survey({"name": "อำเภออื่น"}, area="500301", position=near)
    async with visits.client() as client:
        told = (await client.get(MAP, headers=VOLUNTEER)).json()
        assert [(cell["lat"], cell["lon"], cell["persons"]) for cell in told["cells"]] == [
            (18.785, 98.985, 2),
            (18.805, 98.995, 1),
        ]
        assert told["cells"][0] | {"lat": 0, "lon": 0} == {
            "lat": 0,
            "lon": 0,
            "persons": 2,
            "at_risk": 0,
            "home_visit": 1,
            "free": 2,
            "late": 0,
        }
        assert (told["cells"][1]["at_risk"], told["cells"][1]["late"]) == (1, 1)
        assert told["unlocated"]["persons"] == 1
        assert [item["name"] for item in told["items"]] == ["ค", "ก", "ข", "ไม่มีพิกัด"]
        assert not told["more"]
        readings = await visits.readings()
        assert [(purpose, len(households)) for purpose, households in readings] == [("reach", 3)]
        district = (await client.get(MAP, headers=PROVINCE, params={"area": "5001"})).json()
        assert (sum(cell["persons"] for cell in district["cells"]), district["items"]) == (4, [])
        province = (await client.get(MAP, headers=PROVINCE)).json()
        assert [(part["area"], part["persons"]) for part in province["parts"]] == [("5001", 5), ("5003", 1)]
        assert await visits.readings() == readings  # nobody's data were in those
        answer = await client.get(MAP, headers=CENTRE)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "too_wide")
        assert (await client.get(MAP, headers=PROVINCE, params={"area": "51"})).status_code == 403


async def test_a_route_goes_to_the_nearest_house_and_from_there_to_the_next(visits: Visits) -> None:
    named = []
    for name, position in (
        ("ไกล", (18.80, 98.98)),
        ("ใกล้", (18.7801, 98.98)),
        ("กลาง", (18.785, 98.98)),
        ("บ้าน 10", None),
        ("บ้าน 9", None),
    ):
        house = name.removeprefix("บ้าน ") if position is None else None
        named += await visits.survey({"name": name}, {"name": f"{name} คนที่สอง"}, house=house, position=position)
    async with visits.client() as client:

        async def route(headers: dict[str, str], **body: Any) -> dict[str, Any]:
            answer = await client.post(ROUTE, headers=headers, json=body)
            assert answer.status_code == 200, answer.text
            told: dict[str, Any] = answer.json()
            return told

        assert (await route(VOLUNTEER))["located"] == []
        claimed = {"persons": [one.named for one in named]}
        await client.post("/v1/need-to-reach/claims", headers=VOLUNTEER, json=claimed)
        told = await route(VOLUNTEER, start={"lat": 18.78, "lon": 98.98})
        stops = [([item["name"] for item in stop["items"]], stop["metres"]) for stop in told["located"]]
        assert [min(names) for names, _ in stops] == ["ใกล้", "กลาง", "ไกล"]  # one stop for both of a house
        assert all(len(names) == 2 for names, _ in stops)
        assert [metres for _, metres in stops] == [11, 545, 1668]
        assert told["metres"] == 2224
        assert [stop["items"][0]["house"] for stop in told["unlocated"]] == ["9", "10"]
        assert [purpose for purpose, _ in await visits.readings()] == ["route", "route"]
        assert len((await visits.readings())[1][1]) == 5
        # Without a start it begins with the first by priority.
        free = await route(VOLUNTEER)
        assert free["located"][0]["metres"] is None
        me = str(UUID(int=7))
        assert (await route(COORDINATOR, owner=me))["metres"] > 0
        assert (await client.post(ROUTE, headers=OTHER, json={"owner": me})).status_code == 403
        for body in (
            {"start": {"lat": 91, "lon": 0}},
            {"start": {"lat": 1}},
            {"owner": "x"},
            {"owner": "none"},
            {"area": "50"},
        ):
            assert (await client.post(ROUTE, headers=VOLUNTEER, json=body)).status_code == 400
