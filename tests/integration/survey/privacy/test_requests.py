"""What persons ask about their data: by a proven phone or at an office, decided in the area, carried out, forgotten."""

import json
import random
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.survey.opening import standing_submissions
from shared.security.citizens import citizen_of
from tests.integration.survey.conftest import NOW, Survey, chained, submission

PHONE, NAME, CHILD = "0812345678", "สมหญิง ใจดี", "ด.ญ. มะลิ ใจดี"
COORDINATOR = {"Authorization": "Bearer subdistrict_coordinator@500101@3", "Accept-Language": "en"}
ELSEWHERE = {"Authorization": "Bearer subdistrict_coordinator@500102@4"}
CENTRE = {"Authorization": "Bearer central_administrator@@1"}


def citizen(survey: Survey, phone: str = PHONE) -> dict[str, str]:
    """The header of whoever proved a phone."""
    return {"Authorization": f"Bearer citizen@{citizen_of(survey.blind_index, phone)}", "Accept-Language": "en"}


def home(**changes: Any) -> dict[str, Any]:
    """A survey of 99/1 with two persons."""
    return (
        submission(random.Random(uuid4().int), house="99/1", area="500101")
        | {
            "captured_at": (NOW - timedelta(hours=1)).isoformat(),
            "contact": {"name": NAME, "phone": PHONE},
            "persons": [
                {"name": NAME, "age": 71, "wants_vaccine": "yes", "national_id": "1101700230708"},
                {"name": CHILD, "age": 9, "wants_vaccine": "no"},
            ],
            "notice": "2022-01",
        }
        | changes
    )


def asking(kind: str, **changes: Any) -> dict[str, Any]:
    """A request about 99/1."""
    return {"request_id": str(uuid4()), "kind": kind, "area": "500101", "house": "99/1", "text": "ขอด้วย"} | changes


async def post(client: httpx.AsyncClient, path: str, who: dict[str, str], body: Any = None) -> Any:
    """The answer's JSON, with its status beside."""
    answer = await client.post(path, json=body if body is not None else {}, headers=who)
    return answer.status_code, answer.json()


async def test_a_copy_is_asked_for_granted_and_says_who_has_read(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        asked = asking("access", name=NAME)
        status, told = await post(client, "/v1/my-requests", citizen(survey), asked)
        assert (status, told["state"], told["can_fetch"]) == (201, "waiting", False)
        assert told["due_at"] == (NOW + timedelta(days=30)).isoformat().replace("+00:00", "Z")
        assert (await post(client, "/v1/my-requests", citizen(survey), asked))[0] == 201  # sent again: the same
        assert len((await client.get("/v1/my-requests", headers=citizen(survey))).json()["items"]) == 1
        at = f"/v1/my-requests/{asked['request_id']}"
        assert (await client.get(f"{at}/copy", headers=citizen(survey))).status_code == 409
        assert (await client.get(f"{at}/copy", headers=citizen(survey, "0899999999"))).status_code == 404

        queue = (await client.get("/v1/subject-requests", headers=COORDINATOR)).json()["items"]
        assert [(one["kind"], one["late"], one["by_citizen"]) for one in queue] == [("access", False, True)]
        assert (await client.get("/v1/subject-requests", headers=ELSEWHERE)).json()["items"] == []
        work = f"/v1/subject-requests/{asked['request_id']}"
        assert (await client.get(work, headers=ELSEWHERE)).status_code == 404
        seen = (await client.get(work, headers=COORDINATOR)).json()
        assert (seen["phone_fits"], [one["name"] for one in seen["persons"]]) == (True, [NAME, CHILD])
        status, told = await post(
            client, f"{work}/decision", COORDINATOR, {"decision": "accept", "reason": "เจ้าของข้อมูล"}
        )
        assert (status, told["state"], [one["state"] for one in told["steps"]]) == (
            200,
            "done",
            ["waiting", "accepted", "done"],
        )
        assert (await post(client, f"{work}/decision", COORDINATOR, {"decision": "refuse", "reason": "x"}))[0] == 409

        copy = (await client.get(f"{at}/copy", headers=citizen(survey))).json()
        assert [one["name"] for one in copy["visits"][0]["content"]["persons"]] == [NAME, CHILD]
        assert copy["visits"][0]["notice"] == "2022-01"
        assert {(one["role"], one["purpose"]) for one in copy["read_by"]} == {
            ("subdistrict_coordinator", "subject_request"),
            ("citizen", "subject_request"),
        }
        assert [one["what"] for one in copy["handed_over"]] == ["access_json"]
        page = await client.get(f"{at}/copy", params={"form": "html"}, headers=citizen(survey))
        assert page.headers["content-type"].startswith("text/html")
        assert NAME in page.text
        assert "<script" not in page.text
        transfers = (await client.get("/v1/transfers", headers=COORDINATOR)).json()["items"]
        assert [(one["what"], one["role"]) for one in transfers] == [
            ("access_html", "citizen"),
            ("access_json", "citizen"),
        ]
        assert (await client.get("/v1/transfers", headers=ELSEWHERE)).json()["items"] == []
        survey.clock.advance(timedelta(days=31))
        assert (await client.get(f"{at}/copy", headers=citizen(survey))).status_code == 409
    shown = await survey.pool.fetch("SELECT notice, count(*) FROM submission GROUP BY notice")
    assert [tuple(row) for row in shown] == [("2022-01", 1)]


async def test_somebody_else_s_phone_is_not_enough(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        asked = asking("erasure")
        await post(client, "/v1/my-requests", citizen(survey, "0899999999"), asked)
        work = f"/v1/subject-requests/{asked['request_id']}/decision"
        status, told = await post(client, work, COORDINATOR, {"decision": "accept", "reason": "ดี"})
        assert (status, told["errors"][0]["code"]) == (400, "not_proven")
        checked = {"decision": "accept", "reason": "ดี", "identity": "card", "identity_note": "บัตรตัวจริง"}
        status, told = await post(client, work, COORDINATOR, checked)
        assert (status, told["state"], told["identity"]) == (200, "accepted", "card")


async def test_a_household_is_erased_and_nothing_of_it_opens(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home(), home(captured_at=(NOW - timedelta(days=3)).isoformat()))
        await survey.until_listed(2)
        household = await survey.pool.fetchval("SELECT household_id FROM household")
        copy = asking("access", name=NAME)
        await post(client, "/v1/my-requests", citizen(survey), copy)
        granted = {"decision": "accept", "reason": "ดี"}
        await post(client, f"/v1/subject-requests/{copy['request_id']}/decision", COORDINATOR, granted)
        asked = asking("erasure", name=NAME)
        await post(client, "/v1/my-requests", citizen(survey), asked)
        work = f"/v1/subject-requests/{asked['request_id']}"
        assert (await post(client, f"{work}/execution", COORDINATOR))[0] == 409
        await post(client, f"{work}/decision", COORDINATOR, granted)
        status, told = await post(client, f"{work}/execution", COORDINATOR)
        assert (status, told["state"], told["submission_id"]) == (200, "done", asked["request_id"])
        await survey.until_listed(3)
        own = (await client.get("/v1/my-requests", headers=citizen(survey))).json()["items"]
        assert {(one["kind"], one["house"], one["reason"]) for one in own} == {
            ("erasure", None, "ดี"),
            ("access", None, None),
        }
        document = (await client.get(f"/v1/my-requests/{copy['request_id']}/copy", headers=citizen(survey))).json()
        assert [one["content"] for one in document["visits"]] == [None] * 3
        assert NAME not in json.dumps(document, ensure_ascii=False)
        async with survey.pool.acquire() as connection:
            assert await standing_submissions(connection, survey.sealing, [household]) == {}
    for table in ("reach", "follow_up", "person_index"):
        assert await survey.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
    assert await survey.pool.fetchval("SELECT count(wrapped_key) FROM submission") == 0
    bodies = chained(await survey.published())
    assert [(one["kind"], one["after"]) for one in bodies if one["kind"] == "erasure"] == [("erasure", None)]
    assert sum((one["after"] or {}).get("persons", 0) - (one["before"] or {}).get("persons", 0) for one in bodies) == 0


async def test_one_person_is_erased_and_the_others_stay(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        asked = asking("erasure", identity="card", name=NAME, phone="081-234-5678")
        assert (await post(client, "/v1/subject-requests", ELSEWHERE, asked))[0] == 403
        assert (await post(client, "/v1/subject-requests", COORDINATOR, asked))[0] == 201
        work = f"/v1/subject-requests/{asked['request_id']}"
        wrong = {"decision": "accept", "reason": "ดี", "person": 7}
        assert (await post(client, f"{work}/decision", COORDINATOR, wrong))[1]["errors"][0]["code"] == "no_such_person"
        await post(client, f"{work}/decision", COORDINATOR, wrong | {"person": 0})
        assert (await post(client, f"{work}/execution", COORDINATOR))[1]["state"] == "done"
        await survey.until_listed(2)
        progress = await client.get("/v1/desk/volunteers?area=500101", headers=COORDINATOR)
        counted = [(one["visits"], one["follow_ups"]) for one in progress.json()["volunteers"]]
        assert (progress.status_code, counted) == (200, [(1, 0)])  # an erasure is nobody's
        household = await survey.pool.fetchval("SELECT household_id FROM household")
        async with survey.pool.acquire() as connection:
            left = (await standing_submissions(connection, survey.sealing, [household]))[household]
    assert [one.name for one in left.persons] == [CHILD]
    assert left.contact is None
    counts = json.loads(await survey.pool.fetchval("SELECT counts FROM household"))
    assert (counts["persons"], counts["wanting"], counts["refusing"]) == (1, 0, 1)
    assert await survey.pool.fetchval("SELECT count(*) FROM person_index") == 0


async def test_a_correction_is_linked_to_the_survey_that_came_of_it(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        asked = asking("correction", text="อายุ 72 ปี")
        await post(client, "/v1/my-requests", citizen(survey), asked)
        work = f"/v1/subject-requests/{asked['request_id']}"
        await post(client, f"{work}/decision", COORDINATOR, {"decision": "accept", "reason": "แก้ไขให้"})
        for named in ({}, {"submission_id": str(uuid4())}):
            status, told = await post(client, f"{work}/execution", COORDINATOR, named)
            assert (status, told["errors"][0]["path"]) == (400, "submission_id")
        better = home(captured_at=NOW.isoformat())
        await survey.accept(better)
        await survey.until_listed(2)
        named = {"submission_id": better["submission_id"]}
        status, told = await post(client, f"{work}/execution", COORDINATOR, named)
        assert (status, told["state"], told["submission_id"]) == (200, "done", better["submission_id"])


async def test_a_request_is_refused_with_a_reason_withdrawn_and_bounded(survey: Survey) -> None:
    async with survey.client() as client:
        who = citizen(survey)
        first, second = asking("objection"), asking("erasure")
        await post(client, "/v1/my-requests", who, first)
        await post(client, "/v1/my-requests", who, second)
        work = f"/v1/subject-requests/{first['request_id']}/decision"
        assert (await post(client, work, COORDINATOR, {"decision": "refuse", "reason": "ไม่พบบ้านนี้"}))[1][
            "state"
        ] == "refused"
        own = (await client.get("/v1/my-requests", headers=who)).json()["items"]
        assert {one["reason"] for one in own} == {"ไม่พบบ้านนี้", None}
        at = f"/v1/my-requests/{second['request_id']}/withdrawal"
        assert (await post(client, at, who))[1]["state"] == "withdrawn"
        assert (await post(client, at, who))[0] == 409
        for _ in range(10):
            assert (await post(client, "/v1/my-requests", who, asking("access")))[0] == 201
        assert (await post(client, "/v1/my-requests", who, asking("access")))[0] == 429
        queue = await client.get("/v1/subject-requests", params={"limit": 4}, headers=COORDINATOR)
        assert len(queue.json()["items"]) == 4
        after = {"limit": 50, "cursor": queue.json()["cursor"]}
        assert len((await client.get("/v1/subject-requests", params=after, headers=COORDINATOR)).json()["items"]) == 6
        survey.clock.advance(timedelta(days=31))
        late = (await client.get("/v1/subject-requests", headers=COORDINATOR)).json()["items"]
        assert all(one["late"] for one in late)


async def test_who_saw_what_is_found_by_reader_household_and_area(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        household = await survey.pool.fetchval("SELECT household_id FROM household")
        asked = asking("access", identity="known")
        await post(client, "/v1/subject-requests", COORDINATOR, asked)
        period = {"from": (NOW - timedelta(days=1)).isoformat(), "to": (NOW + timedelta(days=1)).isoformat()}
        for named, number in (
            ({}, 1),
            ({"reader": str(UUID(int=3))}, 1),
            ({"reader": str(UUID(int=9))}, 0),
            ({"household": str(household)}, 3),
            ({"area": "500101", "reader": str(UUID(int=3))}, 1),
            ({"area": "51"}, 0),
        ):
            told = await client.get("/v1/readings", params=period | named, headers=CENTRE)
            assert told.status_code == 200, told.text
            assert len(told.json()["items"]) == number, named  # each look is a reading of those households too
        table = await client.get("/v1/readings.csv", params=period | {"reader": str(UUID(int=3))}, headers=CENTRE)
        assert table.text.splitlines()[1].endswith(f"subject_request,{household}")
        assert (await client.get("/v1/readings", params=period, headers=COORDINATOR)).status_code == 403
        last = "9999-12-31T23:59:59Z"
        wrong = [
            ({"from": period["from"]}, "to"),
            (period | {"to": "2020-01-01T00:00:00Z"}, "to"),
            ({"from": last, "to": last}, "to"),
            (period | {"from": "0001-01-01T00:00:00+14:00"}, "from"),
            (period | {"from": "2022-02-05T00:00:00"}, "from"),
        ]
        for params, path in wrong:
            told = await client.get("/v1/readings", params=params, headers=CENTRE)
            assert (told.status_code, told.json()["errors"][0]["path"]) == (400, path)
        checked = (await client.get("/v1/readings/verification", headers=CENTRE)).json()
        assert (checked["intact"], checked["links"]) == (True, 0)
        told = await client.get("/v1/readings/verification", params={"head": "1:00"}, headers=CENTRE)
        assert told.json()["errors"][0]["code"] == "not_a_head"
        notice = (await client.get("/v1/notices/current", headers={"Accept-Language": "en"})).json()
        assert notice["version"] == "2022-01"
        shown = await client.get("/v1/notices/shown", headers=COORDINATOR)
        assert shown.json() == [{"version": "2022-01", "visits": 1}]
