"""A request for help from the asking to its end."""

import asyncio
import json
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.survey.help.limits import REQUESTS_PER_PHONE
from shared.contracts.events import HelpStatus, Role
from tests.integration.survey.help.conftest import NOW, Place, Somebody, body_of

COORDINATOR = Role.SUBDISTRICT_COORDINATOR


async def test_a_citizen_asks_and_a_volunteer_helps(place: Place) -> None:
    citizen, volunteer = place.citizen(), place.staff()
    asked = await place.asked(citizen, position={"lat": 18.7883, "lon": 98.9853, "accuracy_m": 12})
    request_id = asked["request_id"]
    assert (asked["status"], asked["deadline"]) == ("waiting", "2022-02-17T05:00:00Z")

    (item,) = await volunteer.requests()
    assert (item["status"], item["people"], item["same_place"]) == ("waiting", 2, 0)
    assert item["cell"] == {"lat": 18.785, "lon": 98.985}
    text = json.dumps(item, ensure_ascii=False)
    assert not any(word in text for word in ("สมหญิง", "99/1", "ความดัน", citizen.phone, "18.788"))
    assert await place.readings(volunteer.subject) == []

    place.clock.advance(timedelta(minutes=10))
    accepted = await volunteer.step(request_id, "acceptance")
    assert (accepted["name"], accepted["phone"], accepted["note"]) == ("สมหญิง ใจดี", citizen.phone, "ยาความดันหมด")
    assert accepted["position"] == {"lat": 18.7883, "lon": 98.9853, "accuracy_m": 12}
    assert await place.readings(volunteer.subject) == [("help", [UUID(request_id)])]
    await volunteer.step(request_id, "beginning")
    place.clock.advance(timedelta(minutes=30))
    closed = await volunteer.step(request_id, "closing", outcome="helped", note="ส่งยาแล้ว")
    assert (closed["request"]["status"], closed["request"]["deadline"]) == ("done", None)

    mine = (await citizen.ask("GET", "/v1/help-requests/mine")).json()["requests"]
    assert [(own["request_id"], own["status"], own["outcome"]) for own in mine] == [(request_id, "done", "helped")]
    assert await volunteer.requests() == []
    assert [each["request_id"] for each in await volunteer.requests(status="finished")] == [request_id]
    opened = (await volunteer.ask("GET", f"/v1/help-requests/{request_id}")).json()
    assert [(step["step"], step["note"]) for step in opened["steps"]] == [
        ("asked", None),
        ("accepted", None),
        ("helping", None),
        ("closed", "ส่งยาแล้ว"),
    ]

    events = await place.events(request_id)
    assert [(event.revision, event.status.value) for event in events] == [
        (1, "waiting"),
        (2, "accepted"),
        (3, "helping"),
        (4, "done"),
    ]
    assert events[0].before is None
    for before, after in pairwise(events):
        assert after.before is not None
        assert (after.before.status, after.before.deadline) == (before.status, before.deadline)
    assert events[3].accepted_at == NOW + timedelta(minutes=10)
    assert events[3].outcome == "helped"


async def test_nothing_personal_lies_open(place: Place) -> None:
    citizen = place.citizen()
    request_id = (await place.asked(citizen))["request_id"]
    await place.staff().step(request_id, "acceptance")
    rows = [
        *await place.pool.fetch("SELECT * FROM help_request"),
        *await place.pool.fetch("SELECT * FROM help_step"),
        *await place.pool.fetch("SELECT * FROM outbox"),
    ]
    text = " ".join(
        bytes(part).decode(errors="replace") if isinstance(part, bytes) else str(part) for row in rows for part in row
    )
    assert not any(word in text for word in ("สมหญิง", "99/1", "ความดัน", citizen.phone))


async def test_the_same_request_sent_again_is_the_same(place: Place) -> None:
    citizen = place.citizen()
    body = body_of(citizen)
    answers = await asyncio.gather(*(citizen.ask("POST", "/v1/help-requests", json=body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert {answer.json()["request_id"] for answer in answers} == {body["request_id"]}
    assert len(await place.events(body["request_id"])) == 1


async def test_the_same_kind_asked_while_one_is_open_is_that_one(place: Place) -> None:
    citizen = place.citizen()
    first = await place.asked(citizen)
    again = body_of(citizen)
    for _ in range(2):
        answer = await citizen.ask("POST", "/v1/help-requests", json=again)
        assert (answer.status_code, answer.json()["request_id"]) == (200, first["request_id"])
    other = await place.asked(citizen, kind="food")
    assert other["request_id"] != first["request_id"]
    cancelled = await citizen.step(again["request_id"], "cancellation")
    assert (cancelled["request_id"], cancelled["status"]) == (first["request_id"], "cancelled")
    # What was sent under the other id stays what it was, also when it comes again after the end.
    answer = await citizen.ask("POST", "/v1/help-requests", json=again)
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await place.asked(citizen))["request_id"] != first["request_id"]


async def test_many_phones_of_one_citizen_make_one_request(place: Place) -> None:
    citizen = place.citizen()
    answers = await asyncio.gather(*(citizen.ask("POST", "/v1/help-requests", json=body_of(citizen)) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["request_id"] for answer in answers}) == 1
    assert await place.pool.fetchval("SELECT count(*) FROM help_request") == 1


async def test_another_s_id_tells_nothing(place: Place) -> None:
    request_id = (await place.asked())["request_id"]
    other = place.citizen()
    answer = await other.ask("POST", "/v1/help-requests", json=body_of(other, request_id=request_id))
    assert (answer.status_code, answer.json()["code"]) == (409, "id_taken")
    await other.step(request_id, "cancellation", 404)
    assert (await other.ask("GET", "/v1/help-requests/mine")).json() == {"requests": []}


async def test_two_who_accept_at_once(place: Place) -> None:
    for _ in range(5):
        request_id = (await place.asked())["request_id"]
        volunteers = [place.staff() for _ in range(4)]
        answers = await asyncio.gather(
            *(one.ask("POST", f"/v1/help-requests/{request_id}/acceptance") for one in volunteers)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
        (winner,) = [one for one, answer in zip(volunteers, answers, strict=True) if answer.status_code == 200]
        for one, answer in zip(volunteers, answers, strict=True):
            if one is winner:
                assert (await one.step(request_id, "acceptance"))["request"]["revision"] == 2, "once is enough"
                continue
            refusal = answer.json()
            assert refusal["code"] == "taken"
            assert refusal["request"]["owner"]["volunteer_id"] == str(winner.subject)
            assert await place.readings(one.subject) == [], "who was second has read nothing"
        assert [event.status for event in await place.events(request_id)] == [
            HelpStatus.WAITING,
            HelpStatus.ACCEPTED,
        ]


async def test_who_may_do_what(place: Place) -> None:
    request_id = (await place.asked())["request_id"]
    owner, other, coordinator = place.staff(), place.staff(), place.staff(COORDINATOR)
    for step, body in (("beginning", {}), ("return", {}), ("closing", {"outcome": "helped"})):
        assert (await other.step(request_id, step, 409, **body))["code"] == "not_accepted"
    await owner.step(request_id, "acceptance")
    for step, body in (("beginning", {}), ("return", {}), ("closing", {"outcome": "helped"})):
        assert (await other.step(request_id, step, 409, **body))["code"] == "not_yours"
    await coordinator.step(request_id, "return", note="ติดต่ออาสาไม่ได้")
    await other.step(request_id, "acceptance")
    await coordinator.step(request_id, "closing", outcome="misuse")
    for one, step in ((other, "acceptance"), (other, "beginning"), (coordinator, "return")):
        assert (await one.step(request_id, step, 409))["code"] == "finished"
    assert (await place.events(request_id))[-1].status is HelpStatus.CANCELLED, "misuse is no help"


async def test_the_deadline_begins_anew_with_each_step_and_first_acceptance_stays(place: Place) -> None:
    request_id = (await place.asked())["request_id"]
    one, other = place.staff(), place.staff()
    place.clock.advance(timedelta(hours=1))
    taken = await one.step(request_id, "acceptance")
    assert taken["request"]["deadline"] == "2022-02-18T04:00:00Z"
    place.clock.advance(timedelta(hours=1))
    back = (await one.step(request_id, "return", note="รถเสีย"))["request"]
    assert (back["status"], back["owner"], back["deadline"]) == ("waiting", None, "2022-02-17T07:00:00Z")
    place.clock.advance(timedelta(hours=1))
    again = (await other.step(request_id, "acceptance"))["request"]
    assert again["accepted_at"] == "2022-02-17T04:00:00Z"


async def test_areas_are_kept_apart(place: Place) -> None:
    request_id = (await place.asked(area="500101"))["request_id"]
    stranger = place.staff(Role.PROVINCE_ADMINISTRATOR, "51")
    neighbour = place.staff(area="500102")
    for one in (stranger, neighbour):
        assert await one.requests() == []
        assert (await one.ask("GET", f"/v1/help-requests/{request_id}")).status_code == 404
        assert (await one.ask("GET", "/v1/help-requests", params={"area": "500101"})).status_code == 403
        await one.step(request_id, "acceptance", 404)
    assert len(await place.staff(Role.PROVINCE_ADMINISTRATOR, "50").requests(area="500101")) == 1


async def test_requests_from_one_place_are_seen_and_merged(place: Place) -> None:
    neighbours = [place.citizen() for _ in range(3)]
    ids = [
        (await place.asked(one, address=spelling, people=people))["request_id"]
        for one, spelling, people in zip(neighbours, ("99/1 หมู่ 3", "99 / 1  หมู่ ๓", "99/1 หมู่3"), (1, 4, 2), strict=True)
    ]
    elsewhere = (await place.asked(address="5", area="500102"))["request_id"]
    volunteer, coordinator = place.staff(), place.staff(COORDINATOR, "500101")
    assert [item["same_place"] for item in await volunteer.requests()] == [2, 2, 2]
    await volunteer.step(ids[0], "merger", 403, into=ids[1])
    merged = (await coordinator.step(ids[0], "merger", into=ids[1]))["request"]
    assert (merged["status"], merged["merged_into"]) == ("cancelled", ids[1])
    await coordinator.step(ids[0], "merger", into=ids[1])
    assert (await coordinator.step(ids[0], "merger", 409, into=ids[2]))["code"] == "finished"
    assert (await coordinator.step(ids[1], "merger", 409, into=ids[1]))["code"] == "itself"
    await coordinator.step(ids[1], "merger", 404, into=elsewhere)
    district = place.staff(Role.DISTRICT_COORDINATOR, "5001")
    assert (await district.step(ids[1], "merger", 409, into=elsewhere))["code"] == "other_subdistrict"

    await coordinator.step(ids[1], "merger", into=ids[2])
    (left,) = await volunteer.requests()
    assert (left["request_id"], left["people"], left["same_place"]) == (ids[2], 4, 0)
    await volunteer.step(ids[2], "acceptance")
    for one in neighbours:
        (own,) = (await one.ask("GET", "/v1/help-requests/mine")).json()["requests"]
        assert own["status"] == "accepted", "also who was merged sees help come"
    steps = (await coordinator.ask("GET", f"/v1/help-requests/{ids[2]}")).json()["steps"]
    assert [(step["step"], step["other"]) for step in steps] == [
        ("asked", None),
        ("took_in", ids[1]),
        ("accepted", None),
    ]
    assert (await place.events(ids[0]))[-1].merged_into == UUID(ids[1])


async def test_two_who_merge_each_into_the_other_at_once(place: Place) -> None:
    ids = [(await place.asked())["request_id"] for _ in range(2)]
    coordinators = [place.staff(COORDINATOR) for _ in range(2)]
    answers = await asyncio.gather(
        *(
            one.ask("POST", f"/v1/help-requests/{ended}/merger", json={"into": into})
            for one, (ended, into) in zip(coordinators, (ids, ids[::-1]), strict=True)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await coordinators[0].requests()) == 1


async def test_the_list_is_paged_by_deadline(place: Place) -> None:
    asked = {
        (await place.asked(kind=kind, area=area))["request_id"]
        for kind in ("oxygen", "food")
        for area in ("500101", "500102")
        for _ in range(30)
    }
    district, seen, cursor = place.staff(Role.DISTRICT_COORDINATOR, "5001"), [], None
    while True:
        page = (await district.ask("GET", "/v1/help-requests", params={"cursor": cursor} if cursor else {})).json()
        seen += page["requests"]
        cursor = page["cursor"]
        if cursor is None:
            break
        assert len(page["requests"]) == 100
    assert {item["request_id"] for item in seen} == asked
    assert [item["kind"] for item in seen] == ["oxygen"] * 60 + ["food"] * 60


async def test_the_list_chooses_by_owner_status_and_lateness(place: Place) -> None:
    one, other = place.staff(), place.staff()
    ids = [(await place.asked(kind=kind))["request_id"] for kind in ("oxygen", "food", "advice")]
    await one.step(ids[1], "acceptance")

    async def listed(**params: Any) -> set[str]:
        return {item["request_id"] for item in await other.requests(**params)}

    assert await listed(status="waiting") == {ids[0], ids[2]}
    assert await listed(owner=str(one.subject)) == {ids[1]}
    assert await listed(owner="me") == set()
    place.clock.advance(timedelta(minutes=20))
    assert await listed(late=True) == {ids[0]}
    for params in ({"status": "lost"}, {"owner": "x"}, {"cursor": "x"}):
        answer = await other.ask("GET", "/v1/help-requests", params=params)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, next(iter(params)))


async def test_abuse_is_stopped_and_retries_are_not(place: Place) -> None:
    citizen = place.citizen()
    for _ in range(REQUESTS_PER_PHONE.times):
        body = body_of(citizen)
        for _ in range(3):
            assert (await citizen.ask("POST", "/v1/help-requests", json=body)).status_code in (200, 201)
        await citizen.step(body["request_id"], "cancellation")
    refused = await citizen.ask("POST", "/v1/help-requests", json=body_of(citizen))
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "86400")
    assert (await place.asked())["status"] == "waiting", "others are not concerned"


@pytest.mark.parametrize(
    ("path", "code", "changes"),
    [
        ("phone", "not_the_proven_phone", {"phone": "0899999999"}),
        ("phone", "mobile_malformed", {"phone": "02123"}),
        ("kind", "not_a_choice", {"kind": "gold"}),
        ("area", "wrong_level", {"area": "5001"}),
        ("area", "unknown_area", {"area": "999999"}),
        ("area", "abolished_area", {"area": "500201"}),
        ("people", "too_large", {"people": 51}),
        ("people", "too_small", {"people": 0}),
        ("position", "position_elsewhere", {"position": {"lat": 13.75, "lon": 100.5}}),
        ("position.lat", "too_large", {"position": {"lat": 95, "lon": 100.5}}),
        ("note", "too_long", {"note": "ก" * 501}),
        ("note", "control_characters", {"note": "ก\u0000"}),
        ("colour", "unknown_field", {"colour": "red"}),
        ("request_id", "not_a_uuid", {"request_id": "7"}),
    ],
)
async def test_bad_fields_are_named(place: Place, path: str, code: str, changes: dict[str, Any]) -> None:
    citizen = place.citizen()
    answer = await citizen.ask("POST", "/v1/help-requests", json=body_of(citizen) | changes)
    assert answer.status_code == 400, answer.text
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]
    assert not await place.pool.fetchval("SELECT count(*) FROM help_request")


async def test_everything_but_phone_kind_and_subdistrict_may_be_left_out(place: Place) -> None:
    citizen = place.citizen()
    body = {
        "request_id": str(uuid4()),
        "kind": "oxygen",
        "area": "๕๐๐๑๐๑",
        "phone": f"+66 {citizen.phone[1:]}",
        "note": "  ",
    }
    answer = await citizen.ask("POST", "/v1/help-requests", json=body)
    assert (answer.status_code, answer.json()["area"], answer.json()["people"]) == (201, "500101", 1)
    opened = await place.staff().step(body["request_id"], "acceptance")
    assert (opened["phone"], opened["note"], opened["name"]) == (citizen.phone, None, None)


async def test_public_counts_withhold_few(place: Place) -> None:
    for area, number in (("500101", 7), ("500102", 2), ("500103", 6)):
        for _ in range(number):
            await place.asked(area=area)
    answer = await place.client.get("/v1/help-requests/public", params={"area": "5001"})
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["statuses"] == {"waiting": 15, "accepted": 0, "helping": 0, "done": 0}
    shown = {row["area"]: row["statuses"] for row in document["subdistricts"]}
    # The one of two, and one beside it, so that the two do not follow from the district's sum; of ten at least.
    assert shown["500102"] is None
    hidden = [area for area, statuses in shown.items() if statuses is None]
    asked = {"500101": 7, "500102": 2, "500103": 6}
    assert sum(asked.get(area, 0) for area in hidden) >= 10
    for area in ("", "500101", "99", "x"):
        refused = await place.client.get("/v1/help-requests/public", params={"area": area})
        assert refused.status_code == 400, area
    await place.asked(area="500103")
    again = (await place.client.get("/v1/help-requests/public", params={"area": "5001"})).json()
    assert again["statuses"]["waiting"] == 15, "kept for a moment"
    place.clock.advance(timedelta(seconds=6))
    again = (await place.client.get("/v1/help-requests/public", params={"area": "5001"})).json()
    assert again["statuses"]["waiting"] == 16


async def test_own_counts_are_by_area_kind_and_status(place: Place) -> None:
    await place.asked()
    citizen = place.citizen()
    await citizen.step((await place.asked(citizen, kind="food"))["request_id"], "cancellation")
    system = place.staff(Role.EXTERNAL_SYSTEM, "")
    rows = (await system.ask("GET", "/v1/help-requests/counts")).json()
    assert rows == [
        {"area": "500101", "kind": "food", "status": "cancelled", "requests": 1},
        {"area": "500101", "kind": "medicine", "status": "waiting", "requests": 1},
    ]
    assert (await system.ask("GET", "/v1/help-requests/counts", params={"area": "51"})).json() == []


async def test_a_step_that_fails_leaves_nothing(place: Place) -> None:
    """Without its event there is no change."""
    request_id = (await place.asked())["request_id"]
    volunteer: Somebody = place.staff()
    await place.pool.execute("ALTER TABLE outbox RENAME TO outbox_away")
    try:
        with pytest.raises(asyncpg.UndefinedTableError):
            await volunteer.ask("POST", f"/v1/help-requests/{request_id}/acceptance")
    finally:
        await place.pool.execute("ALTER TABLE outbox_away RENAME TO outbox")
    row = await place.pool.fetchrow("SELECT status, revision FROM help_request")
    assert row is not None
    assert tuple(row) == ("waiting", 1)
    assert await place.pool.fetchval("SELECT count(*) FROM help_step") == 1
    assert await place.readings(volunteer.subject) == []
