"""What became of one's submissions, over HTTP: outcomes with their reasons, page by page, and nobody else's."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from tests.integration.survey.conftest import NOW, VOLUNTEER, Survey, submission, submissions

LIST = "/v1/submissions"
PERSONAL = ("name", "phone", "house", "village", "persons", "position", "contact", "volunteer_id")


def by(role: str, area: str, subject: int, language: str = "en") -> dict[str, str]:
    """The headers of somebody."""
    return {"Authorization": f"Bearer {role}@{area}@{subject}", "Accept-Language": language}


OWN = by("volunteer", "50", 7)


async def pages(client: httpx.AsyncClient, headers: dict[str, str], limit: int) -> list[list[dict[str, Any]]]:
    """Every page of somebody's own list."""
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = None
    while True:
        params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        answer = await client.get(LIST, headers=headers, params=params)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        cursor = answer.json()["cursor"]
        if cursor is None:
            return found


async def test_the_own_list_has_every_arrival_once_newest_first(survey: Survey) -> None:
    sent = submissions(21, 130, houses=20)
    other = replace(VOLUNTEER, subject=UUID(int=9))
    async with survey.recorder(), survey.client() as client:
        for start in range(0, 120, 40):
            await survey.accept(*sent[start : start + 40])
            survey.clock.advance(timedelta(minutes=1))
        await survey.until_recorded(120)
        await survey.accept(*sent[120:], by=other)
        await survey.accept(*sent[:5])  # sent again
        await survey.accept(sent[5] | {"persons": []})  # a used id, with other content
        await survey.until_recorded(136)

        listed = await pages(client, OWN, limit=50)
        assert [len(page) for page in listed] == [50, 50, 26]
        items = [item for page in listed for item in page]
        times = [item["received_at"] for item in items]
        assert times == sorted(times, reverse=True)
        kept = [item["submission_id"] for item in items if item["status"] in ("recorded", "superseded")]
        assert sorted(kept) == sorted(one["submission_id"] for one in sent[:120])
        assert {item["submission_id"] for item in items if item["status"] == "duplicate"} == {
            one["submission_id"] for one in sent[:5]
        }
        assert [item["submission_id"] for item in items if item["status"] == "rejected"] == [sent[5]["submission_id"]]
        assert not any(name in item for item in items for name in PERSONAL)
        assert "50010" in items[0]["area"]

        assert [len(page) for page in await pages(client, by("volunteer", "50", 9), limit=10)] == [10]
        assert await pages(client, by("volunteer", "50", 10), limit=10) == [[]]
        # Who may see an area's submissions one by one has a list of his own ones all the same.
        assert await pages(client, by("province_administrator", "50", 11), limit=10) == [[]]


async def test_each_outcome_says_why_in_both_languages(survey: Survey) -> None:
    chance = random.Random(22)
    late, early = submission(chance, house="1", area="500101"), submission(chance, house="1", area="500101")
    late["captured_at"] = NOW.isoformat()
    async with survey.recorder(), survey.client() as client:
        for number, one in enumerate((late, early, early, early | {"persons": [{"age": 1}]}), 1):
            await survey.accept(one)
            await survey.until_recorded(number)
        items = (await client.get(LIST, headers=OWN)).json()["items"]
        reasons = {item["status"]: [reason["code"] for reason in item["reasons"]] for item in items}
        assert reasons == {
            "recorded": [],
            "superseded": ["later_visit_stands"],
            "duplicate": ["already_recorded"],
            "rejected": ["id_used_before"],
        }
        fate = (await client.get(f"{LIST}/{early['submission_id']}", headers=OWN)).json()
        assert fate["status"] == "superseded"
        assert [reason["code"] for reason in fate["reasons"]] == ["later_visit_stands"]
        assert [(one["status"], one["reasons"][0]["code"]) for one in fate["repeats"]] == [
            ("duplicate", "already_recorded"),
            ("rejected", "id_used_before"),
        ]
        thai = (await client.get(f"{LIST}/{early['submission_id']}", headers=by("volunteer", "50", 7, "th"))).json()
        for one, other in zip([fate, *fate["repeats"]], [thai, *thai["repeats"]], strict=True):
            assert one["reasons"][0]["message"].isascii()
            assert "\u0e01" <= other["reasons"][0]["message"][0] <= "\u0e5b"


async def test_who_used_somebody_else_s_id_is_told_of_the_own_one_alone(survey: Survey) -> None:
    chance = random.Random(23)
    first, second = submission(chance, house="1"), submission(chance, house="2")
    second["submission_id"] = first["submission_id"]
    async with survey.recorder(), survey.client() as client:
        await survey.accept(first)
        await survey.until_recorded(1)
        await survey.accept(second, by=replace(VOLUNTEER, subject=UUID(int=9)))
        await survey.until_recorded(2)
        fate = (await client.get(f"{LIST}/{first['submission_id']}", headers=by("volunteer", "50", 9))).json()
        assert (fate["status"], fate["recorded_at"], fate["revision"]) == ("rejected", None, None)
        assert (await client.get(f"{LIST}/{first['submission_id']}", headers=OWN)).json()["repeats"] == []
        stranger = (await client.get(f"{LIST}/{first['submission_id']}", headers=by("volunteer", "50", 10))).json()
        assert (stranger["status"], stranger["repeats"]) == ("not_known_yet", [])


async def test_the_list_is_bounded_described_and_beside_intake(survey: Survey) -> None:
    async with survey.client() as client:
        for limit in ("0", "201", "x"):
            assert (await client.get(LIST, headers=OWN, params={"limit": limit})).status_code == 400
        for cursor in ("x", "A" * 26, "A" * 28, "ก", "f" + "_" * 26):
            answer = await client.get(LIST, headers=OWN, params={"cursor": cursor})
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "cursor")
        assert (await client.get(LIST)).status_code == 401
        assert (await client.get(LIST, headers=by("place_officer", "50", 7))).status_code == 403
        described = (await client.get("/openapi.json")).json()
        assert described["paths"][LIST].keys() == {"get", "post"}
        assert described["components"]["schemas"]["Item"]["properties"].keys() >= {"status", "reasons", "received_at"}
