"""The list of houses over HTTP: taken in from files, assigned, listed with what became of each, in one's area alone."""

import asyncio
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from openpyxl import Workbook

from services.survey.desk import store
from services.survey.desk.domain import House
from tests.integration.survey.conftest import Survey
from tests.integration.survey.desk.callers import (
    AREA,
    COORDINATOR,
    DISTRICT,
    NEIGHBOUR,
    VOLUNTEER,
    VOLUNTEER_ID,
    by,
    visit,
)

IMPORTS = "/v1/houses/imports"
LIST = "รหัสตำบล,หมู่ที่,บ้านเลขที่,ห้อง,หมายเหตุ\n500101,3,1,,มุม\n500101,3,๙๙/๑,,\n500101,50010104,5,2ก,\n"


async def send(
    client: httpx.AsyncClient, file: str | bytes, headers: dict[str, str] = COORDINATOR, **params: Any
) -> httpx.Response:
    return await client.post(IMPORTS, headers=headers, params=params, content=file)


async def listed(
    client: httpx.AsyncClient, headers: dict[str, str] = COORDINATOR, **params: Any
) -> list[dict[str, Any]]:
    answer = await client.get("/v1/houses", headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book, file = Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(file)
    return file.getvalue()


async def test_a_check_stores_nothing_and_a_list_is_stored_once(survey: Survey) -> None:
    async with survey.client() as client:
        checked = (await send(client, LIST)).json()
        assert (checked["rows"], checked["good"], checked["new"], checked["import_id"]) == (3, 3, 3, None)
        assert checked["ignored_columns"] == ["หมายเหตุ"]
        assert await listed(client) == []

        stored = await send(client, LIST, mode="apply")
        assert (stored.status_code, stored.json()["new"], stored.json()["repeated"]) == (201, 3, False)
        houses = {(one["village"], one["house"], one["unit"]) for one in await listed(client)}
        assert houses == {("50010103", "1", None), ("50010103", "99/1", None), ("50010104", "5", "2ก")}

        removed = (await listed(client))[0]["household_id"]
        assert (await client.delete(f"/v1/houses/{removed}", headers=COORDINATOR)).status_code == 204
        again = await send(client, LIST, mode="apply")
        assert (again.status_code, again.json()["repeated"], again.json()["new"]) == (200, True, 0)
        assert again.json()["import_id"] == stored.json()["import_id"]
        assert len(await listed(client)) == 2  # what was removed since stays so

        survey.clock.advance(timedelta(minutes=1))
        longer = await send(client, LIST + "500101,3,100,,\n", mode="apply")
        assert (longer.status_code, longer.json()["good"], longer.json()["new"]) == (201, 4, 2)
        kept = (await client.get(IMPORTS, headers=COORDINATOR)).json()
        assert [(one["rows"], one["added"], one["known"]) for one in kept["imports"]] == [(4, 2, 2), (3, 3, 0)]
        assert (await client.get(IMPORTS, headers=NEIGHBOUR)).json()["imports"] == []
        assert len((await client.get(IMPORTS, headers=DISTRICT)).json()["imports"]) == 2


async def test_faults_are_told_by_row_and_column_and_keep_all_back_unless_the_good_ones_are_asked_for(
    survey: Survey,
) -> None:
    rows = [
        "area,village,house,unit",
        "500101,3,1,",
        "999999,3,2,",  # 3
        "500102,3,3,",  # 4: the neighbour's
        "500101,100,4,",  # 5
        "500101,3,,",  # 6
        "500101,3,5-Dec,",  # 7
        "500101,03, 1 ,",  # 8: the same house, spelled otherwise
        f"500101,3,{'9' * 61},",  # 9
        "50,3,6,",  # 10
        "",
    ]
    async with survey.client() as client:
        for mode in ("check", "apply"):
            answer = (await send(client, "\n".join(rows), mode=mode)).json()
            assert [(one["row"], one["column"], one["code"]) for one in answer["errors"]] == [
                (3, "area", "unknown_area"),
                (4, "area", "other_area"),
                (5, "village", "other_village"),
                (6, "house", "required"),
                (7, "house", "became_a_date"),
                (8, "house", "repeated"),
                (9, "house", "too_long"),
                (10, "area", "not_a_subdistrict"),
            ]
            assert (answer["rows"], answer["good"], answer["bad"], answer["import_id"]) == (9, 1, 8, None)
        assert "row 2" in answer["errors"][5]["message"]
        assert await listed(client) == []
        stored = await send(client, "\n".join(rows), mode="apply", partial="true")
        assert (stored.status_code, stored.json()["new"], stored.json()["bad"]) == (201, 1, 8)
        assert [one["house"] for one in await listed(client)] == ["1"]


async def test_a_workbook_of_one_subdistrict_need_not_name_it(survey: Survey) -> None:
    file = workbook(("หมู่ที่", "บ้านเลขที่"), (3, 12), (3, "12/1"), (None, 7))
    async with survey.client() as client:
        assert (await send(client, file)).json()["errors"][0]["path"] == "header.area"
        stored = await send(client, file, mode="apply", area=AREA)
        assert (stored.status_code, stored.json()["new"]) == (201, 3)
        houses = {(one["village"], one["house"]) for one in await listed(client)}
        assert houses == {("50010103", "12"), ("50010103", "12/1"), (None, "7")}
        assert (await send(client, file, area="500102")).status_code == 403


@pytest.mark.parametrize(
    ("file", "path", "code"),
    [
        (b"", "file", "empty_file"),
        (b"\xff\xfe\x00", "file", "encoding"),
        (b"PK\x03\x04 no workbook", "file", "not_a_workbook"),
        (b"a,b\n1,2\n", "file", "no_header"),
        (b"area,village\n500101,1\n", "header.house", "missing_column"),
        ("area,house,บ้านเลขที่\n500101,1,1\n".encode(), "header.house", "repeated_column"),
    ],
)
async def test_what_is_no_list_is_refused_whole(survey: Survey, file: bytes, path: str, code: str) -> None:
    async with survey.client() as client:
        answer = await send(client, file, mode="apply")
        assert answer.status_code == 400
        assert [(one["path"], one["code"]) for one in answer.json()["errors"]] == [(path, code)]


async def test_two_who_send_the_same_list_at_once_store_it_once(survey: Survey) -> None:
    async with survey.client() as client, survey.client() as other:
        answers = await asyncio.gather(send(client, LIST, mode="apply"), send(other, LIST, mode="apply"))
        assert sorted(one.status_code for one in answers) == [200, 201]
        assert len(await listed(client)) == 3
        assert await survey.pool.fetchval("SELECT count(*) FROM house_import") == 1


async def test_the_number_lies_sealed_and_every_page_is_recorded_as_read(survey: Survey) -> None:
    async with survey.client() as client:
        await send(client, LIST, mode="apply")
        first = await client.get("/v1/houses", headers=VOLUNTEER)
        assert len(first.json()["items"]) == 3
        tag = {"If-None-Match": first.headers["etag"]}
        assert (await client.get("/v1/houses", headers=VOLUNTEER | tag)).status_code == 304  # opens nothing
        readings = await survey.pool.fetch("SELECT reader, purpose, cardinality(households) AS many FROM reading")
        assert [(one["reader"], one["purpose"], one["many"]) for one in readings] == [(VOLUNTEER_ID, "houses", 3)]
        stored = await survey.pool.fetch("SELECT * FROM house")
        assert not any(b"99/1" in bytes(one["sealed"]) or "99/1" in str(dict(one)) for one in stored)


async def test_a_house_is_added_and_removed_alone_and_only_in_the_own_area(survey: Survey) -> None:
    house = {"area": AREA, "village": "3", "house": "12/4"}
    async with survey.client() as client:
        added = await client.post("/v1/houses", headers=COORDINATOR, json=house)
        assert (added.status_code, added.json()["added"]) == (201, True)
        same = await client.post(
            "/v1/houses", headers=COORDINATOR, json=house | {"house": " ๑๒ / ๔", "village": "50010103"}
        )
        assert (same.status_code, same.json()) == (200, added.json() | {"added": False})
        bad = await client.post("/v1/houses", headers=COORDINATOR, json=house | {"village": "x", "house": "2022-01-05"})
        assert {(one["path"], one["code"]) for one in bad.json()["errors"]} == {
            ("village", "other_village"),
            ("house", "became_a_date"),
        }
        path = f"/v1/houses/{added.json()['household_id']}"
        assert (await client.post("/v1/houses", headers=NEIGHBOUR, json=house)).status_code == 403
        assert (await client.delete(path, headers=NEIGHBOUR)).status_code == 404
        assert (await client.delete(path, headers=VOLUNTEER)).status_code == 403
        assert (await client.delete(path, headers=DISTRICT)).status_code == 204
        assert (await client.delete(path, headers=DISTRICT)).status_code == 404


async def fill(survey: Survey, houses: range | list[str], village: str = "50010103") -> dict[str, UUID]:
    """Puts houses on the list; their ids by their numbers."""
    ids = {}
    for house in map(str, houses):
        ids[house] = survey.household_ids.of_address(AREA, village, house, None)
        async with survey.pool.acquire() as connection:
            await store.add(
                connection,
                survey.sealing,
                ids[house],
                House(AREA, village, house, None),
                volunteer=None,
                by=UUID(int=3),
                now=survey.clock.now(),
            )
    return ids


async def assign(client: httpx.AsyncClient, volunteer: int | None, **more: Any) -> dict[str, int]:
    body = {"volunteer_id": None if volunteer is None else str(UUID(int=volunteer))} | more
    answer = await client.post("/v1/houses/assignments", headers=COORDINATOR, json=body)
    assert answer.status_code == 200, answer.text
    told: dict[str, int] = answer.json()
    return told


async def test_houses_are_assigned_by_range_and_list_to_one_volunteer_at_a_time(survey: Survey) -> None:
    ids = await fill(survey, ["1", "9", "10", "26", "26/3", "27", "100"])
    first = {"subdistrict": AREA, "village": "3", "first": "1", "last": "26"}
    async with survey.client() as client:
        done = await assign(client, 7, range=first)
        assert done == {"assigned": 5, "unchanged": 0, "held": 0, "unknown": 0}  # 26/3 with 26, and not 27 or 100
        assert await assign(client, 7, range=first) == done | {"assigned": 0, "unchanged": 5}
        mine = await listed(client, VOLUNTEER, mine="true")
        assert {one["house"] for one in mine} == {"1", "9", "10", "26", "26/3"}

        both = [str(ids["26"]), str(ids["27"]), str(UUID(int=1))]
        assert await assign(client, 8, household_ids=both) == {"assigned": 1, "unchanged": 0, "held": 1, "unknown": 1}
        assert (await assign(client, 8, household_ids=both, take_over=True))["assigned"] == 1
        assert {one["house"] for one in await listed(client, volunteer=str(UUID(int=8)))} == {"26", "27"}
        assert (await assign(client, None, household_ids=both))["assigned"] == 2
        assert await listed(client, volunteer=str(UUID(int=8))) == []

        neither = await client.post("/v1/houses/assignments", headers=COORDINATOR, json={"volunteer_id": None})
        assert neither.json()["errors"][0]["code"] == "one_of_two"
        body = {"volunteer_id": None, "household_ids": both}
        other = await client.post("/v1/houses/assignments", headers=NEIGHBOUR, json=body)
        assert other.json() == {"assigned": 0, "unchanged": 0, "held": 0, "unknown": 3}


async def test_of_two_who_assign_the_same_houses_at_once_one_has_each(survey: Survey) -> None:
    ids = [str(one) for one in (await fill(survey, range(1, 61))).values()]
    async with survey.client() as client:
        answers = await asyncio.gather(
            *(assign(client, number, household_ids=ids if number % 2 else ids[::-1]) for number in range(11, 15))
        )
        assert sum(one["assigned"] for one in answers) == 60
        assert sorted(one["assigned"] for one in answers) == [0, 0, 0, 60]
        assert sorted(one["held"] for one in answers) == [0, 60, 60, 60]


async def test_each_house_says_whether_somebody_was_there(survey: Survey) -> None:
    await fill(survey, ["1", "2", "3", "4"])
    sent = [
        visit(1, "1"),
        visit(2, "2", days_ago=91),
        visit(3, "3", persons=[]),
        visit(5, "5"),  # not on the list
        visit(6, "5", days_ago=3),
    ]
    async with survey.recorder(), survey.client() as client:
        await survey.accept(*sent)
        await survey.until_recorded(5)
        houses = {one["house"]: one for one in await listed(client)}
        assert {house: (one["state"], one["listed"], one["wanting"]) for house, one in houses.items()} == {
            "1": ("done", True, 1),
            "2": ("revisit", True, 1),
            "3": ("revisit", True, 0),
            "4": ("new", True, 0),
            "5": ("done", False, 1),
        }
        assert houses["4"]["last_visit_at"] is None
        assert {one["house"] for one in await listed(client, state="revisit")} == {"2", "3"}
        assert await listed(client, village="50010104") == []
        tag = (await client.get("/v1/houses", headers=COORDINATOR)).headers["etag"]
        await survey.accept(visit(7, "4", days_ago=0))
        await survey.until_recorded(6)
        changed = await client.get("/v1/houses", headers=COORDINATOR | {"If-None-Match": tag})
        assert changed.status_code == 200
        assert {one["state"] for one in changed.json()["items"] if one["house"] == "4"} == {"done"}


async def test_an_erased_household_is_done_and_tells_nothing(survey: Survey) -> None:
    await fill(survey, ["1"])
    async with survey.recorder(), survey.client() as client:
        await survey.accept(visit(1, "1"), visit(2, "2"))
        await survey.until_recorded(2)
        await survey.pool.execute("UPDATE submission SET wrapped_key = NULL; UPDATE household SET counts = NULL")
        assert [(one["house"], one["state"], one["wanting"]) for one in await listed(client)] == [("1", "done", 0)]


async def test_pages_follow_one_another_and_areas_are_bounded(survey: Survey) -> None:
    await fill(survey, range(1, 8))
    async with survey.client() as client:
        seen: list[str] = []
        cursor: str | None = None
        while True:
            params = {"limit": "3"} | ({"cursor": cursor} if cursor else {})
            answer = (await client.get("/v1/houses", headers=COORDINATOR, params=params)).json()
            seen += [one["house"] for one in answer["items"]]
            if (cursor := answer["cursor"]) is None:
                break
        assert sorted(seen) == [str(number) for number in range(1, 8)]
        for params, path, code in (
            ({"area": "5001011"}, "area", "unknown_area"),
            ({"cursor": "x"}, "cursor", "not_a_cursor"),
            ({"mine": "true", "volunteer": str(UUID(int=7))}, "volunteer", "mine_and_others"),
            ({"village": "3"}, "village", "wrong_form"),
        ):
            answer = await client.get("/v1/houses", headers=COORDINATOR, params=params)
            error = answer.json()["errors"][0]
            assert (answer.status_code, error["path"], error["code"]) == (400, path, code)
        assert (await client.get("/v1/houses", headers=COORDINATOR, params={"area": "500102"})).status_code == 403
        wide = await client.get("/v1/houses", headers=by("province_administrator", "50", 9))
        assert wide.json()["errors"][0]["code"] == "too_wide"
        assert await listed(client, by("volunteer", "50", 7), mine="true") == []
