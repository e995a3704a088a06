"""The need-to-reach list: order, scope, owners, dates, deduplication, and what is noted of it."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

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

LIST = "/v1/need-to-reach"
CLAIMS = "/v1/need-to-reach/claims"
DAY = timedelta(days=1)


async def names(client: httpx.AsyncClient, headers: dict[str, str], **query: Any) -> list[str]:
    """Who is listed, in order."""
    answer = await client.get(LIST, headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def all_names(client: httpx.AsyncClient, headers: dict[str, str], limit: int, **query: Any) -> list[str]:
    """Who is listed, page by page."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        params = query | {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = (await client.get(LIST, headers=headers, params=params)).json()
        found += [item["name"] for item in answer["items"]]
        cursor = answer["cursor"]
        if cursor is None:
            return found


async def test_an_item_says_who_where_and_why(visits: Visits) -> None:
    (one,) = await visits.survey(
        {
            "name": "นางคำ ใจดี",
            "age": 81,
            "sex": "f",
            "risks": ["diabetes"],
            "home_visit": True,
            "rank": 0,
            "registered_area": "560101",
        },
        village="50010103",
        house="99/1",
        position=(18.7883, 98.9853),
        at=NOW - 40 * DAY,
    )
    async with visits.client() as client:
        item = (await client.get(LIST, headers=VOLUNTEER)).json()["items"][0]
        thai = (await client.get(LIST, headers=VOLUNTEER | {"Accept-Language": "th"})).json()["items"][0]
    assert item | {"since": None} == {
        "since": None,
        "household_id": str(one.household_id),
        "person_id": str(one.person_id),
        "name": "นางคำ ใจดี",
        "age": 82,  # a year has begun since
        "sex": "f",
        "phone": "0812345678",
        "contact": "ผู้ติดต่อ",
        "area": "500101",
        "village": "50010103",
        "house": "99/1",
        "unit": None,
        "address": "House 99/1, Moo 3, Si Phum, Mueang Chiang Mai, Chiang Mai",
        "position": {"lat": 18.7883, "lon": 98.9853, "accuracy_m": None},
        "registered_area": "560101",
        "rank": 0,
        "why": [
            {"code": "home_visit", "message": "Needs a visit at home, such as a bedridden person"},
            {"code": "at_risk", "message": "Risk group 608"},
            {"code": "no_dose", "message": "Has had no dose yet"},
            {"code": "waiting", "message": "Has waited for 40 days"},
        ],
        "wanting_since": "2021-12-27T03:00:00Z",
        "dose": 0,
        "at_risk": True,
        "home_visit": True,
        "reasons": ["hard_to_reach"],
        "status": "open",
        "due_at": None,
        "owner": None,
        "owner_due_at": None,
        "late": False,
        "others": [],
    }
    assert thai["address"] == "บ้านเลขที่ 99/1 หมู่ 3 ต.ศรีภูมิ อ.เมืองเชียงใหม่ จ.เชียงใหม่"
    assert thai["why"][-1]["message"] == "รอมาแล้ว 40 วัน"


@pytest.fixture
async def crowd(visits: Visits) -> None:
    """Forty persons in three districts of two provinces, of five ranks and seventeen days."""
    for number in range(40):
        area = ["500101", "500102", "500301", "510101"][number % 4]
        await visits.survey(
            {"name": f"คน{number}", "rank": number * 7 % 5, "since": NOW - (number * 11 % 17) * DAY}, area=area
        )


@pytest.mark.parametrize(
    ("headers", "area", "persons"),
    [(CENTRE, None, 40), (CENTRE, "50", 30), (PROVINCE, None, 30), (PROVINCE, "5001", 20), (VOLUNTEER, None, 10)],
)
async def test_every_page_of_every_area_is_in_order_and_has_everybody_once(
    visits: Visits, crowd: None, headers: dict[str, str], area: str | None, persons: int
) -> None:
    async with visits.client() as client:
        place = {} if area is None else {"area": area}
        whole = (await client.get(LIST, headers=headers, params=place | {"limit": 200})).json()["items"]
        order = [(one["rank"], one["wanting_since"], one["household_id"]) for one in whole]
        assert order == sorted(order)
        assert len(whole) == persons
        assert await all_names(client, headers, 7, **place) == [one["name"] for one in whole]
        # The same with some taken on: all of them, and the free ones alone.
        some = [{name: one[name] for name in ("household_id", "person_id")} for one in whole[:5]]
        taker = by("district_coordinator", "", 21) if headers is CENTRE else by("district_coordinator", "50", 21)
        taken = (await client.post(CLAIMS, headers=taker, json={"persons": some})).json()["results"]
        assert {one["outcome"] for one in taken} == {"claimed"}
        assert await all_names(client, headers, 7, **place) == [one["name"] for one in whole]
        assert await all_names(client, headers, 7, owner="none", **place) == [one["name"] for one in whole[5:]]
        assert await all_names(client, taker, 2, owner="me", **place) == [one["name"] for one in whole[:5]]


@pytest.mark.parametrize("limit", [10, 19, 50, 200])
@pytest.mark.parametrize("headers", [CENTRE, PROVINCE, by("district_coordinator", "5001", 21)])
async def test_an_area_that_has_nearly_all_who_come_first_is_read_to_its_end(
    visits: Visits, headers: dict[str, str], limit: int
) -> None:
    """More of one subdistrict than are looked at first where subdistricts or provinces are merged."""
    chance = random.Random(limit)
    for number in range(90):
        rank, area = (0, "500101") if number < 40 else (1, chance.choice(["500101", "500102", "500103", "510101"]))
        late = NOW - timedelta(hours=number) if number % 2 else None
        since = NOW - timedelta(minutes=chance.randrange(50_000))
        await visits.survey({"name": f"คน{number}", "rank": rank, "since": since, "due_at": late}, area=area)
    in_order = """
    SELECT person_id::text AS id FROM reach
    WHERE starts_with(area, $1) AND (NOT $2 OR due_first < $3)
    ORDER BY CASE WHEN NOT $2 THEN rank END, CASE WHEN $2 THEN due_first ELSE wanting_since END, household_id, person_id
    """
    area = headers["Authorization"].split("@")[1]
    async with visits.client() as client:
        for query in ({}, {"owner": "none"}, {"status": "late"}):
            expected = [row["id"] for row in await visits.pool.fetch(in_order, area, "status" in query, NOW)]
            found: list[str] = []
            cursor = None
            while cursor or not found:
                params = query | {"limit": limit} | ({"cursor": cursor} if cursor else {})
                answer = (await client.get(LIST, headers=headers, params=params)).json()
                found += [item["person_id"] for item in answer["items"]]
                cursor = answer["cursor"]
            assert found == expected


async def test_others_areas_are_neither_listed_nor_asked_for(visits: Visits) -> None:
    await visits.survey({"name": "ที่อื่น"}, area="510101")
    async with visits.client() as client:
        assert await names(client, PROVINCE) == []
        for area in ("510101", "", "51"):
            answer = await client.get(LIST, headers=PROVINCE, params={"area": area})
            assert (answer.status_code, answer.json()["code"]) == (403, "other_area")
        assert (await client.get(LIST, headers=by("place_officer", "50", 1))).status_code == 403
        assert (await client.get(LIST)).status_code == 401


async def test_each_reading_is_noted_with_the_households_that_were_shown(visits: Visits) -> None:
    (first,) = await visits.survey({"name": "ก", "rank": 1})
    (second,) = await visits.survey({"name": "ข", "rank": 2})
    async with visits.client() as client:
        await names(client, VOLUNTEER, limit=1)
        await names(client, VOLUNTEER)
        await names(client, VOLUNTEER, status="died")
    assert await visits.readings() == [
        ("reach", [first.household_id]),
        ("reach", [first.household_id, second.household_id]),
        ("reach", []),
    ]


async def test_what_was_erased_or_is_damaged_hides_no_other(visits: Visits) -> None:
    (erased,) = await visits.survey({"name": "ลบแล้ว", "rank": 0})
    await visits.survey({"name": "อยู่", "rank": 1})
    await visits.pool.execute("UPDATE submission SET wrapped_key = NULL WHERE submission_id = $1", erased.submission_id)
    async with visits.client() as client:
        assert await names(client, VOLUNTEER) == [None, "อยู่"]


async def test_late_is_whose_appointment_attempt_or_promise_has_passed(visits: Visits) -> None:
    await visits.survey({"name": "นัดผ่านแล้ว", "status": "appointed", "due_at": NOW - 2 * DAY})
    await visits.survey({"name": "นัดพรุ่งนี้", "status": "appointed", "due_at": NOW + DAY})
    await visits.survey({"name": "ลองใหม่เมื่อวาน", "due_at": NOW - DAY})
    await visits.survey({"name": "ฉีดแล้ว", "status": "vaccinated", "due_at": NOW - DAY})
    (promised,) = await visits.survey({"name": "รับปากไว้"})
    async with visits.client() as client:
        await client.post(CLAIMS, headers=VOLUNTEER, json={"persons": [promised.named]})
        for headers, area in ((VOLUNTEER, "500101"), (PROVINCE, "50"), (CENTRE, "")):
            assert await all_names(client, headers, 1, area=area, status="late") == ["นัดผ่านแล้ว", "ลองใหม่เมื่อวาน"]
        assert await names(client, VOLUNTEER, status="appointed") == ["นัดผ่านแล้ว", "นัดพรุ่งนี้"]
        assert await names(client, VOLUNTEER, status="vaccinated") == ["ฉีดแล้ว"]
        visits.clock.advance(3.5 * DAY)
        assert await names(client, VOLUNTEER, status="late") == ["นัดผ่านแล้ว", "ลองใหม่เมื่อวาน", "นัดพรุ่งนี้", "รับปากไว้"]
        assert await names(client, VOLUNTEER, status="late", owner="me") == ["รับปากไว้"]
        # By a claim that has ended nobody is late, also where the keeper has not been.
        visits.clock.advance(4 * DAY)
        assert await names(client, VOLUNTEER, status="late") == ["นัดผ่านแล้ว", "ลองใหม่เมื่อวาน", "นัดพรุ่งนี้"]
        assert await names(client, VOLUNTEER, owner="me") == []
        assert "รับปากไว้" in await names(client, VOLUNTEER, owner="none")


async def test_a_person_of_several_households_is_shown_where_she_was_seen_last(visits: Visits) -> None:
    person = uuid4()
    (before,) = await visits.survey({"name": "สองบ้าน", "person_id": person}, at=NOW - 9 * DAY)
    (after,) = await visits.survey({"name": "สองบ้าน", "person_id": person}, at=NOW - 5 * DAY, area="500102")
    async with visits.client() as client:

        async def shown() -> list[tuple[str, list[str]]]:
            answer = (await client.get(LIST, headers=PROVINCE)).json()
            return [(one["household_id"], one["others"]) for one in answer["items"]]

        assert await shown() == [(str(after.household_id), [str(before.household_id)])]
        assert (await client.get(LIST, headers=VOLUNTEER)).json()["items"] == []  # seen last in another subdistrict
        # A follow-up is a sight of her too.
        await visits.pool.execute(
            "UPDATE reach SET followed_at = $2 WHERE household_id = $1", before.household_id, NOW - DAY
        )
        assert await shown() == [(str(before.household_id), [str(after.household_id)])]
        # Where she was not found she was not seen.
        await visits.pool.execute("UPDATE reach SET status = 'not_found' WHERE household_id = $1", before.household_id)
        assert await shown() == [(str(after.household_id), [str(before.household_id)])]
        # Vaccinated there, she is not to be reached here.
        await visits.pool.execute("UPDATE reach SET status = 'vaccinated' WHERE household_id = $1", before.household_id)
        assert await shown() == []


async def test_bad_questions_are_told_apart(visits: Visits) -> None:
    async with visits.client() as client:
        for query, path in (
            ({"limit": "0"}, "limit"),
            ({"limit": "201"}, "limit"),
            ({"status": "lost"}, "status"),
            ({"area": "999999"}, "area"),
            ({"cursor": "x"}, "cursor"),
            ({"cursor": "A" * 80}, "cursor"),
            ({"owner": "x"}, "owner"),
            ({"onwer": "me"}, "onwer"),
        ):
            answer = await client.get(LIST, headers=CENTRE, params=query)
            assert answer.status_code == 400, query
            assert answer.json()["errors"][0]["path"] == path


async def test_a_database_that_is_away_is_said_so(visits: Visits) -> None:
    async with visits.client() as client:
        await visits.pool.close()
        answer = await client.get(LIST, headers=COORDINATOR)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_a_household_surveyed_again_keeps_its_claims(visits: Visits) -> None:
    person = uuid4()
    (one,) = await visits.survey({"name": "เดิม", "person_id": person}, house="7")
    async with visits.client() as client:
        await client.post(CLAIMS, headers=VOLUNTEER, json={"persons": [one.named]})
        await visits.survey({"name": "ใหม่", "person_id": person}, house="7", at=NOW)
        assert await names(client, VOLUNTEER, owner="me") == ["ใหม่"]
        row = await visits.pool.fetchrow("SELECT owner, owner_due_at, owned FROM reach")
        assert row is not None
        assert tuple(row) == (UUID(int=7), NOW + 3 * DAY, True)
        assert await names(client, OTHER, owner="none") == []
        assert await names(client, OTHER, owner=str(UUID(int=7))) == ["ใหม่"]
