"""Records with something odd: listed, opened, put right by a later survey, and looked at once."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.contracts.events import Role
from tests.integration.survey.conftest import NOW, VOLUNTEER, Survey
from tests.integration.survey.desk.callers import AREA, COORDINATOR, DISTRICT, NEIGHBOUR, visit

FLAGGED = "/v1/desk/flagged"
WRONG_ID = {"name": "บุญมี คงดี", "age": 71, "national_id": "1101700230704", "national_id_as_shown": True}
COORDINATOR_HIMSELF = replace(VOLUNTEER, subject=UUID(int=3), role=Role.SUBDISTRICT_COORDINATOR, area=AREA)


async def of(client: httpx.AsyncClient, **params: str) -> list[dict[str, Any]]:
    answer = await client.get(FLAGGED, headers=COORDINATOR, params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def judge(
    client: httpx.AsyncClient, number: int, headers: dict[str, str] = COORDINATOR, /, **body: Any
) -> httpx.Response:
    return await client.post(f"{FLAGGED}/{UUID(int=number)}/review", headers=headers, json=body)


def correction(number: int, house: str, **more: Any) -> dict[str, Any]:
    return visit(number, house, days_ago=0, on_behalf_of=str(VOLUNTEER.subject), **more)


async def test_the_list_names_nobody_and_the_opened_record_is_recorded_as_read(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(visit(1, "1", persons=[WRONG_ID]), visit(2, "2"))
        await survey.until_recorded(2)
        items = await of(client)
        assert [(one["submission_id"], one["village"], one["standing"]) for one in items] == [
            (str(UUID(int=1)), "50010103", True)
        ]
        assert [flag["code"] for flag in items[0]["flags"]] == ["check_digit"]
        assert "บุญมี" not in json.dumps(items, ensure_ascii=False)
        assert await survey.pool.fetchval("SELECT count(*) FROM reading") == 0

        detail = (await client.get(f"{FLAGGED}/{UUID(int=1)}", headers=COORDINATOR)).json()
        assert detail["submission"]["persons"][0]["name"] == "บุญมี คงดี"
        assert detail["submission"] == detail["standing_submission"]
        assert [tuple(row) for row in await survey.pool.fetch("SELECT reader, purpose, households FROM reading")] == [
            (UUID(int=3), "quality", [UUID(items[0]["household_id"])])
        ]
        assert (await client.get(f"{FLAGGED}/{UUID(int=1)}", headers=NEIGHBOUR)).status_code == 404
        assert (await client.get(f"{FLAGGED}/{UUID(int=2)}", headers=COORDINATOR)).status_code == 404
        assert await of(client, flag="same_person") == []
        assert len(await of(client, flag="check_digit")) == 1


async def test_what_lies_behind_the_flags_is_told(survey: Survey) -> None:
    person = {"name": "คำ ดี", "age": 40, "national_id": "1101700230708"}
    far = {"lat": 18.79, "lon": 98.98, "accuracy_m": 10}
    near = {"lat": 13.75, "lon": 100.5, "accuracy_m": 10}
    async with survey.recorder(), survey.client() as client:
        await survey.accept(
            visit(1, "1", persons=[person], position=far, days_ago=0.02, address={"area": "500102", "village": None})
        )
        await survey.until_recorded(1)
        await survey.accept(visit(2, "2", persons=[person], position=near, days_ago=0.01))
        await survey.until_recorded(2)
        detail = (await client.get(f"{FLAGGED}/{UUID(int=2)}", headers=COORDINATOR)).json()
        assert {flag["code"] for flag in detail["flags"]} >= {"same_person", "implausible_speed", "position_elsewhere"}
        assert detail["elsewhere"] == [{"area": "500102", "household_id": None}]
        assert detail["door_before"]["area"] == "500102"
        own = (await client.get(f"{FLAGGED}/{UUID(int=2)}", headers=DISTRICT)).json()["elsewhere"][0]
        assert own["household_id"] is not None


async def test_a_record_is_put_right_by_a_later_survey_of_the_same_house(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(visit(1, "1", persons=[WRONG_ID]))
        await survey.until_recorded(1)
        body = {"verdict": "corrected", "corrected_by": str(UUID(int=11))}
        early = await judge(client, 1, **body)
        assert (early.status_code, early.json()["code"]) == (409, "not_recorded_yet")
        await survey.accept(correction(11, "1"), correction(12, "2"), by=COORDINATOR_HIMSELF)
        await survey.until_recorded(3)
        other = await judge(client, 1, verdict="corrected", corrected_by=str(UUID(int=12)))
        assert other.json()["errors"][0]["code"] == "other_household"
        done = await judge(client, 1, **body, note="เลขบัตรพิมพ์ผิด โทรถามแล้ว")
        assert (done.status_code, done.json()["corrected_by"]) == (201, str(UUID(int=11)))

        # The correction is flagged with nothing but that it was sent for somebody; so is one that corrects nothing.
        assert [one["submission_id"] for one in await of(client)] == [str(UUID(int=12))]
        seen = await of(client, state="seen")
        assert [(one["submission_id"], one["standing"]) for one in seen] == [(str(UUID(int=1)), False)]
        detail = (await client.get(f"{FLAGGED}/{UUID(int=1)}", headers=COORDINATOR)).json()
        assert detail["note"] == "เลขบัตรพิมพ์ผิด โทรถามแล้ว"
        assert "national_id" not in detail["standing_submission"]["persons"][0]
        stored = await survey.pool.fetchrow("SELECT * FROM flag_review")
        assert stored is not None
        assert "โทรถาม".encode() not in stored["note"]

        await survey.pool.execute("UPDATE submission SET wrapped_key = NULL WHERE submission_id = $1", UUID(int=1))
        erased = (await client.get(f"{FLAGGED}/{UUID(int=1)}", headers=COORDINATOR)).json()
        assert (erased["note"], erased["submission"], erased["review"]["verdict"]) == (None, None, "corrected")
        assert await survey.pool.fetchval("SELECT note IS NULL AND note_wrapped IS NULL FROM flag_review")


async def test_a_record_is_looked_at_once(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(*(visit(number, str(number), persons=[WRONG_ID]) for number in range(1, 4)))
        await survey.until_recorded(3)
        answers = await asyncio.gather(
            judge(client, 1, verdict="fine"),
            judge(client, 1, DISTRICT, verdict="wrong"),
            judge(client, 1, DISTRICT, verdict="fine"),
        )
        assert sorted(one.status_code for one in answers) in ([201, 409, 409], [201, 201, 409], [200, 201, 409])
        assert await survey.pool.fetchval("SELECT count(*) FROM flag_review") == 1
        assert (await judge(client, 2, verdict="wrong")).status_code == 201
        assert (await judge(client, 2, verdict="wrong")).status_code == 200
        other = await judge(client, 2, DISTRICT, verdict="fine")
        assert (other.status_code, other.json()["code"]) == (409, "already_reviewed")
        assert other.json()["review"]["verdict"] == "wrong"

        assert (await judge(client, 3, NEIGHBOUR, verdict="fine")).status_code == 404
        for body, path, code in (
            ({"verdict": "corrected"}, "corrected_by", "required"),
            ({"verdict": "fine", "corrected_by": str(UUID(int=1))}, "corrected_by", "needless"),
            ({"verdict": "good"}, "verdict", "not_a_choice"),
            ({"verdict": "fine", "note": "x" * 501}, "note", "too_long"),
        ):
            error = (await judge(client, 3, **body)).json()["errors"][0]
            assert (error["path"], error["code"]) == (path, code)
        await survey.pool.execute("UPDATE submission SET wrapped_key = NULL WHERE submission_id = $1", UUID(int=3))
        assert (await judge(client, 3, verdict="fine")).json()["code"] == "erased"
        assert await of(client) == []


async def test_pages_come_in_the_order_of_arrival(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        for start in (0, 40):
            await survey.accept(*(visit(start + n, str(start + n), persons=[WRONG_ID]) for n in range(1, 41)))
            survey.clock.advance(timedelta(minutes=1))
        await survey.until_recorded(80)
        first = (await client.get(FLAGGED, headers=COORDINATOR)).json()
        second = (await client.get(FLAGGED, headers=COORDINATOR, params={"cursor": first["cursor"]})).json()
        items = [*first["items"], *second["items"]]
        assert (len(first["items"]), len(second["items"]), second["cursor"]) == (50, 30, None)
        assert len({one["submission_id"] for one in items}) == 80
        assert [one["received_at"] for one in items] == sorted(one["received_at"] for one in items)
        assert items[0]["received_at"].startswith(NOW.strftime("%Y-%m-%dT%H:%M"))
        wrong = await client.get(FLAGGED, headers=COORDINATOR, params={"cursor": "x"})
        assert wrong.json()["errors"][0]["path"] == "cursor"
