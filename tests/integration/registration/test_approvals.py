"""Who waits, and what becomes of them: approval of many, refusal, withdrawal, transfer, and the history of it all."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registration.http import approvals
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, new_phone


async def waiting(office: Office, area: str, count: int, organisation: str | None = None) -> list[str]:
    """Ids of fresh volunteers who wait, the oldest first."""
    code = await office.group_code(organisation or await office.organisation(area[:2]))
    ids = []
    for _ in range(count):
        ids.append(str((await office.sign_up(group_code=code, area=area)).json()["volunteer_id"]))
        office.clock.advance(timedelta(seconds=1))
    return ids


async def decide(office: Office, token: str, ids: list[str]) -> dict[str, Any]:
    body = {"volunteer_ids": ids, "decision": "approve"}
    answer = await office.ask("POST", "/v1/approvals", token, json=body)
    assert answer.status_code == 200, answer.text
    return {one["volunteer_id"]: one for one in answer.json()["results"]}


async def step(office: Office, volunteer: str, name: str, token: str | None = None, **body: Any) -> Any:
    params = {"revision": body.pop("revision")} if "revision" in body else {}
    path = f"/v1/volunteers/{volunteer}/{name}"
    return await office.ask("POST", path, token or office.administrator, json=body or None, params=params)


async def test_the_queue_begins_with_who_has_waited_longest(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approvals, "PAGE_SIZE", 2)
    organisation = await office.organisation("74")
    first = await waiting(office, "740102", 2, organisation)
    office.clock.advance(timedelta(days=3))
    office.administrator = office.token(Role.CENTRAL_ADMINISTRATOR, "")
    second = await waiting(office, "740101", 3, organisation)
    await waiting(office, "740201", 1, organisation)
    await office.approve(first[1])
    reader = uuid4()
    coordinator = office.token(Role.DISTRICT_COORDINATOR, "7401", reader)
    queue: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = (
            await office.ask("GET", "/v1/approvals", coordinator, params={"cursor": cursor} if cursor else {})
        ).json()
        queue += page["volunteers"]
        if (cursor := page["cursor"]) is None:
            break
    assert [one["volunteer_id"] for one in queue] == [first[0], *second]
    assert [one["overdue"] for one in queue] == [True, False, False, False]
    for one in queue:
        assert datetime.fromisoformat(one["due_at"]) - datetime.fromisoformat(one["registered_at"]) == timedelta(days=3)
        assert one["name"] == "สมหญิง ใจดี"
    audited = await office.pool.fetch("SELECT persons FROM personal_data_access WHERE reader = $1", reader)
    assert {str(person) for row in audited for person in row["persons"]} == {first[0], *second}
    only = await office.ask("GET", "/v1/approvals", coordinator, params={"area": "740102"})
    assert [one["volunteer_id"] for one in only.json()["volunteers"]] == [first[0]]
    assert (await office.ask("GET", "/v1/approvals", coordinator, params={"area": "74"})).status_code == 403
    assert (await office.ask("GET", "/v1/approvals", coordinator, params={"cursor": "x"})).status_code == 400
    assert (await office.ask("GET", "/v1/approvals", office.token(Role.VOLUNTEER, "74"))).status_code == 403


async def test_many_are_approved_at_once_and_each_is_told_of(office: Office) -> None:
    ids = await waiting(office, "750101", 4)
    elsewhere = (await waiting(office, "750201", 1))[0]
    await office.approve(ids[0])
    await office.suspend(ids[1])
    await step(office, ids[2], "refusal", reason="ไม่รู้จัก")
    nobody = str(uuid4())
    by = uuid4()
    coordinator = office.token(Role.DISTRICT_COORDINATOR, "7501", by)
    asked = [*ids, elsewhere, nobody, ids[3]]
    results = await decide(office, coordinator, asked)
    assert list(results) == [*ids, elsewhere, nobody]
    assert [one["outcome"] for one in results.values()] == [
        "unchanged",
        "not_pending",
        "withdrawn",
        "approved",
        "not_found",
        "not_found",
    ]
    assert (results[ids[1]]["status"], results[ids[3]]["status"], results[nobody]["status"]) == (
        "suspended",
        "approved",
        None,
    )
    assert results[ids[1]]["message"]
    assert [event["status"] for event in await office.events(ids[3])] == ["pending", "approved"]
    assert (await office.events(ids[3]))[-1]["before"]["status"] == "pending"
    assert len(await office.events(elsewhere)) == 1
    decided = await office.pool.fetchrow("SELECT step, decided_by FROM decision WHERE person_id = $1", UUID(ids[3]))
    assert decided is not None
    assert tuple(decided) == ("approval", by)
    for body in (
        {"volunteer_ids": [], "decision": "approve"},
        {"volunteer_ids": [str(uuid4())] * 501, "decision": "approve"},
        {"volunteer_ids": ids, "decision": "refuse"},
        {"volunteer_ids": ["x"], "decision": "approve"},
    ):
        assert (await office.ask("POST", "/v1/approvals", coordinator, json=body)).status_code == 400


async def test_two_who_approve_the_same_people_at_once_make_one_change_of_each(office: Office) -> None:
    ids = await waiting(office, "770101", 12)
    one, other = (office.token(Role.DISTRICT_COORDINATOR, "7701") for _ in range(2))
    results = await asyncio.gather(decide(office, one, ids), decide(office, other, ids[::-1]))
    for volunteer in ids:
        assert sorted(result[volunteer]["outcome"] for result in results) == ["approved", "unchanged"]
        assert [event["revision"] for event in await office.events(volunteer)] == [1, 2]


async def test_the_second_of_two_deciders_is_told_what_stands(office: Office) -> None:
    for volunteer in await waiting(office, "800101", 4):
        answers = await asyncio.gather(
            step(office, volunteer, "approval", revision=1), step(office, volunteer, "refusal", revision=1, reason="ก")
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert statuses == [200, 409]
        won = next(answer.json() for answer in answers if answer.status_code == 200)
        lost = next(answer.json() for answer in answers if answer.status_code == 409)
        assert lost["volunteer"]["status"] == won["status"]
        assert lost["volunteer"]["revision"] == won["revision"] == 2
        assert lost["code"] in ("not_pending", "withdrawn", "changed")
    (volunteer,) = await waiting(office, "800101", 1)
    await step(office, volunteer, "suspension", reason="ก")
    unaware = await step(office, volunteer, "approval", revision=1)
    assert (unaware.status_code, unaware.json()["code"]) == (409, "changed")
    assert unaware.json()["volunteer"]["status"] == "suspended"
    assert (await step(office, volunteer, "suspension", reason="ข", revision=1)).status_code == 200, "as it stands"
    assert (await step(office, volunteer, "approval", revision=2)).status_code == 200
    assert (await step(office, volunteer, "approval", revision=0)).status_code == 400


async def test_a_refused_phone_signs_up_again_as_the_same_person(office: Office) -> None:
    phone, code = new_phone(), await office.group_code(await office.organisation("81"))
    volunteer = (await office.sign_up(phone=phone, group_code=code, area="810101")).json()["volunteer_id"]
    by = uuid4()
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, "810101", by)
    assert (await step(office, volunteer, "refusal", coordinator)).status_code == 400, "it needs a reason"
    refused = await step(office, volunteer, "refusal", coordinator, reason="ไม่ใช่คนในตำบล")
    assert (refused.status_code, refused.json()["status"]) == (200, "withdrawn")
    again = await step(office, volunteer, "refusal", coordinator, reason="x")
    assert (again.status_code, again.json()["code"]) == (409, "not_pending")
    assert (await office.approve(volunteer)).json()["code"] == "withdrawn"
    office.clock.advance(timedelta(days=5))
    office.administrator = office.token(Role.CENTRAL_ADMINISTRATOR, "")
    second = await office.sign_up(phone=phone, group_code=code, area="810102", name="ชื่อ จริง")
    assert second.json()["volunteer_id"] == volunteer
    events = await office.events(volunteer)
    assert [(event["status"], event["area"]) for event in events] == [
        ("pending", "810101"),
        ("withdrawn", "810101"),
        ("pending", "810102"),
    ]
    for earlier, later in pairwise(events):
        assert later["before"]["status"] == earlier["status"]
        assert later["before"]["area"] == earlier["area"]
        assert later["registered_at"] == earlier["registered_at"]
    queue = await office.ask("GET", "/v1/approvals", office.administrator, params={"area": "810102"})
    (one,) = queue.json()["volunteers"]
    assert (one["refused_before"], one["overdue"], one["name"]) == (True, False, "ชื่อ จริง")
    shown = (await office.ask("GET", f"/v1/volunteers/{volunteer}", office.administrator)).json()
    assert [(d["step"], d["reason"], d["decided_by"]) for d in shown["decisions"]] == [
        ("refusal", "ไม่ใช่คนในตำบล", str(by))
    ]
    assert (await office.approve(volunteer)).status_code == 200
    third = await office.sign_up(phone=phone, group_code=code, area="810101")
    assert third.json()["volunteer_id"] != volunteer, "who is approved is not signed up anew"


async def test_one_withdraws_oneself_or_is_let_go(office: Office) -> None:
    himself, other = await office.volunteer("500101"), await office.volunteer("500101")
    his = office.token(Role.VOLUNTEER, "500101", UUID(himself))
    assert (await step(office, other, "withdrawal", his)).status_code == 403
    gone = await step(office, himself, "withdrawal", his, reason="ย้ายบ้าน")
    assert (gone.status_code, gone.json()["status"]) == (200, "withdrawn")
    repeated = await step(office, himself, "withdrawal", his)
    assert (repeated.status_code, repeated.json()["revision"]) == (200, gone.json()["revision"])
    strangers = office.token(Role.SUBDISTRICT_COORDINATOR, "500102")
    assert (await step(office, other, "withdrawal", strangers)).status_code == 404
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, "500101")
    assert (await step(office, other, "withdrawal", coordinator)).json()["status"] == "withdrawn"
    assert (await step(office, other, "suspension", coordinator, reason="ก")).json()["code"] == "withdrawn"
    steps = await office.pool.fetch("SELECT step FROM decision WHERE person_id = $1 ORDER BY revision", UUID(himself))
    assert [row["step"] for row in steps] == ["approval", "withdrawal"]


async def test_who_is_suspended_does_not_withdraw_by_a_token_that_is_left(office: Office) -> None:
    himself = await office.volunteer("500101")
    his = office.token(Role.VOLUNTEER, "500101", UUID(himself))
    await office.suspend(himself)
    refused = await step(office, himself, "withdrawal", his)
    assert (refused.status_code, refused.json()["code"]) == (409, "suspended")
    assert (await step(office, himself, "withdrawal")).json()["status"] == "withdrawn"


async def test_a_transfer_keeps_the_history_and_moves_the_figures(office: Office) -> None:
    agency, partner = await office.organisation("82"), await office.organisation("8201", "network_partner")
    far = await office.organisation("83")
    (volunteer,) = await waiting(office, "820201", 1, agency)
    await office.approve(volunteer)
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "82")

    async def move(token: str = province, **body: Any) -> Any:
        return await office.ask("POST", f"/v1/volunteers/{volunteer}/transfer", token, json=body)

    outside = await move(organisation_id=partner)
    assert outside.json()["errors"][0]["code"] == "outside_organisation", "he stays in his area unless told otherwise"
    for token, body, status in (
        (province, {"organisation_id": far, "area": "830101"}, 403),
        (office.token(Role.DISTRICT_COORDINATOR, "8201"), {"organisation_id": partner, "area": "820101"}, 404),
        (office.token(Role.DISTRICT_COORDINATOR, "8202"), {"organisation_id": partner, "area": "820101"}, 403),
        (office.token(Role.VOLUNTEER, "820201"), {"organisation_id": partner}, 403),
        (province, {"organisation_id": str(uuid4())}, 400),
    ):
        assert (await move(token, **body)).status_code == status, body
    moved = await move(organisation_id=partner, area="820101")
    assert moved.status_code == 200, moved.text
    assert (moved.json()["organisation_id"], moved.json()["area"], moved.json()["status"]) == (
        partner,
        "820101",
        "approved",
    )
    assert (await move(organisation_id=partner, area="820101")).json()["revision"] == moved.json()["revision"]
    last = (await office.events(volunteer))[-1]
    assert (last["organisation_kind"], last["area"]) == ("network_partner", "820101")
    assert last["before"] == {
        "status": "approved",
        "area": "820201",
        "role": "volunteer",
        "organisation_id": agency,
        "organisation_kind": "agency",
    }
    reader = uuid4()
    token = office.token(Role.PROVINCE_ADMINISTRATOR, "82", reader)
    shown = (await office.ask("GET", f"/v1/volunteers/{volunteer}", token)).json()
    assert [(one["step"], one["organisation_id"], one["area"]) for one in shown["decisions"]] == [
        ("transfer", partner, "820101"),
        ("approval", agency, "820201"),
    ]
    read = await office.pool.fetch("SELECT purpose, persons FROM personal_data_access WHERE reader = $1", reader)
    assert [(row["purpose"], row["persons"]) for row in read] == [("volunteer", [UUID(volunteer)])]
    himself = office.token(Role.VOLUNTEER, "820101", UUID(volunteer))
    own = (await office.ask("GET", f"/v1/volunteers/{volunteer}", himself)).json()
    assert {(one["decided_by"], one["reason"]) for one in own["decisions"]} == {(None, None)}
    for stranger, status in (
        (office.token(Role.PROVINCE_ADMINISTRATOR, "83"), 404),
        (office.token(Role.VOLUNTEER, "820101"), 403),
    ):
        assert (await office.ask("GET", f"/v1/volunteers/{volunteer}", stranger)).status_code == status


async def test_who_awaits_the_first_day_of_a_role_is_not_approved_with_the_others(office: Office) -> None:
    tomorrow = (office.clock.now() + timedelta(days=1)).date().isoformat()
    body = {
        "name": "นภา รักษ์ดี",
        "phone": new_phone(),
        "role": "subdistrict_coordinator",
        "area": "500101",
        "organisation_id": await office.organisation("50"),
        "from": tomorrow,
    }
    appointed = await office.ask("POST", "/v1/appointments", office.administrator, json=body)
    assert appointed.status_code == 201, appointed.text
    ids = [appointed.json()["volunteer_id"], await office.volunteer(approved=False)]
    queue = (await office.ask("GET", "/v1/approvals?area=5001", office.administrator)).json()["volunteers"]
    assert [waiting["volunteer_id"] for waiting in queue if waiting["volunteer_id"] in ids] == ids[1:]
    decided = await office.ask(
        "POST", "/v1/approvals", office.administrator, json={"volunteer_ids": ids, "decision": "approve"}
    )
    assert [result["outcome"] for result in decided.json()["results"]] == ["not_begun", "approved"]
