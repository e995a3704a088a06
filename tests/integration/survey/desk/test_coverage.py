"""What is done of an area by village, and by whom: as the submissions themselves say, counted one by one."""

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.survey.desk import store
from services.survey.desk.domain import House
from tests.integration.survey.conftest import NOW, VOLUNTEER, Survey
from tests.integration.survey.desk.callers import AREA, COORDINATOR, DISTRICT, by, visit

COVERAGE, VOLUNTEERS = "/v1/desk/coverage", "/v1/desk/volunteers"


async def put(survey: Survey, village: str | None, house: str, volunteer: int | None = None) -> None:
    area = AREA if village is None else village[:6]
    async with survey.pool.acquire() as connection:
        await store.add(
            connection,
            survey.sealing,
            survey.household_ids.of_address(area, village, house, None),
            House(area, village, house, None),
            volunteer=None if volunteer is None else UUID(int=volunteer),
            by=UUID(int=3),
            now=NOW,
        )


async def test_villages_say_what_is_done_what_is_not_and_what_is_due_again(survey: Survey) -> None:
    for number in range(1, 6):
        await put(survey, "50010103", str(number), volunteer=7 if number < 4 else None)
    await put(survey, "50010104", "1")
    await put(survey, None, "1")
    await put(survey, "50010201", "1")  # of another subdistrict
    async with survey.recorder(), survey.client() as client:
        await survey.accept(
            visit(1, "1"),
            visit(2, "2", days_ago=100),
            visit(3, "3", persons=[]),
            visit(4, "99"),  # not on the list
            visit(5, "1", village=None, days_ago=2),
        )
        await survey.until_recorded(5)
        answer = (await client.get(COVERAGE, headers=COORDINATOR)).json()
        counts = ("listed", "done", "new", "revisit", "off_list", "unassigned", "wanting")
        assert {one["village"]: [one[name] for name in counts] for one in answer["villages"]} == {
            "50010103": [5, 1, 2, 2, 1, 2, 3],
            "50010104": [1, 0, 1, 0, 0, 1, 0],
            None: [1, 1, 0, 0, 0, 1, 1],
        }
        assert [answer["total"][name] for name in counts] == [7, 2, 3, 2, 1, 4, 4]
        assert answer["total"]["last_visit_at"].startswith("2022-02-04T03:00:00")
        district = (await client.get(COVERAGE, headers=DISTRICT)).json()
        assert [one["village"] for one in district["villages"]] == ["50010103", "50010104", None, "50010201"]
        assert await survey.pool.fetchval("SELECT count(*) FROM reading") == 0  # numbers name nobody

        survey.clock.advance(timedelta(days=90))
        later = (await client.get(COVERAGE, headers=COORDINATOR)).json()["total"]
        assert (later["done"], later["revisit"], later["new"]) == (0, 4, 3)

        wide = await client.get(COVERAGE, headers=by("province_administrator", "50", 9))
        assert (wide.status_code, wide.json()["errors"][0]["code"]) == (400, "too_wide")
        assert (await client.get(COVERAGE, headers=by("volunteer", AREA, 7))).status_code == 403


async def test_volunteers_sums_agree_with_the_submissions(survey: Survey) -> None:
    chance = random.Random(8)
    sent: list[tuple[int, dict[str, Any]]] = []
    for number in range(120):
        flagged = chance.random() < 0.2
        odd = {"national_id": "1101700230704", "national_id_as_shown": True} if flagged else {}
        days = chance.randrange(20) + 0.1
        one = visit(number + 1, str(chance.randrange(40)), days_ago=days, persons=[{"age": 30} | odd])
        sent.append((chance.choice([7, 8, 9]), one))
    await put(survey, "50010103", "1", volunteer=7)
    await put(survey, "50010103", "200", volunteer=7)
    await put(survey, "50010103", "201", volunteer=10)  # who was nowhere yet
    async with survey.recorder(), survey.client() as client:
        for subject in (7, 8, 9):
            by_him = replace(VOLUNTEER, subject=UUID(int=subject))
            await survey.accept(*(one for who, one in sent if who == subject), by=by_him)
        await survey.until_recorded(len(sent))

        def expected(first: int, last: int) -> dict[str, tuple[int, int, int]]:
            """From `first` to `last` days ago: visits, households, flagged."""
            chosen = [(who, one) for who, one in sent if last <= age(one) <= first]
            visits = Counter(str(UUID(int=who)) for who, _ in chosen)
            houses = {(str(UUID(int=who)), one["address"]["house"]) for who, one in chosen}
            flags = Counter(str(UUID(int=who)) for who, one in chosen if "national_id" in one["persons"][0])
            return {who: (visits[who], sum(1 for one, _ in houses if one == who), flags[who]) for who in visits}

        def age(one: dict[str, Any]) -> int:
            return (NOW.date() - (datetime.fromisoformat(one["captured_at"]) + timedelta(hours=7)).date()).days

        everything = (await client.get(VOLUNTEERS, headers=COORDINATOR)).json()
        seen = {
            one["volunteer_id"]: (one["visits"], one["households"], one["flagged"]) for one in everything["volunteers"]
        }
        assert seen == expected(1000, 0) | {str(UUID(int=10)): (0, 0, 0)}
        assert (everything["visits"], everything["complete"]) == (120, True)
        assert everything["visits"] == await survey.pool.fetchval(
            "SELECT count(*) FROM submission WHERE area = $1", AREA
        )
        assert everything["volunteers"] == sorted(everything["volunteers"], key=lambda one: -one["visits"])
        seven = next(one for one in everything["volunteers"] if one["volunteer_id"] == str(UUID(int=7)))
        assert (seven["assigned"], seven["done"]) == (
            2,
            1 if any(one["address"]["house"] == "1" for _, one in sent) else 0,
        )

        week = {"from": str(NOW.date() - timedelta(days=10)), "to": str(NOW.date() - timedelta(days=4))}
        some = (await client.get(VOLUNTEERS, headers=COORDINATOR, params=week)).json()
        seen = {one["volunteer_id"]: (one["visits"], one["households"], one["flagged"]) for one in some["volunteers"]}
        assert {who: one for who, one in seen.items() if one[0]} == expected(10, 4)
        assert some["visits"] == sum(one[0] for one in expected(10, 4).values())

        backwards = await client.get(VOLUNTEERS, headers=COORDINATOR, params={"from": "2022-02-02", "to": "2022-02-01"})
        assert backwards.json()["errors"][0]["code"] == "backwards"
