"""Changes of places: what is stored, what is told, and what two people at once do to it."""

import asyncio
import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.places import updated
from services.facilities.http.documents import FacilityAnswer
from services.facilities.processes.http import create
from services.facilities.reference import Reference
from services.facilities.store import places
from shared.observability.clock import MovableClock
from shared.postgres import outbox
from shared.web.authentication import Authentication
from tests.integration.facilities.conftest import NOW, Tokens, subject

Place = Callable[..., dict[str, Any]]
Pool = Any
"""asyncpg's pool of records; its stubs make every row of a test a chore."""


async def revisions(pool: Pool, facility_id: str) -> list[tuple[int, str]]:
    rows = await pool.fetch(
        "SELECT revision, change FROM facility_revision WHERE facility_id = $1 ORDER BY revision", UUID(facility_id)
    )
    return [(row["revision"], row["change"]) for row in rows]


async def told(pool: Pool, facility_id: str) -> list[dict[str, Any]]:
    """The bodies of the place's events in the outbox."""
    rows = await pool.fetch("SELECT body FROM outbox WHERE key = $1 ORDER BY id", facility_id)
    return [json.loads(row["body"]) for row in rows]


async def enter(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post("/v1/facilities", json=body)
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def test_the_life_of_a_place(client: httpx.AsyncClient, pool: Pool, clock: MovableClock, place: Place) -> None:
    facility_id = str(uuid4())
    answer = await client.post("/v1/facilities", json=place(facility_id=facility_id))
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    address = answer.headers["location"]
    assert address == f"/v1/facilities/{facility_id}"
    entered = answer.json()
    assert {name: entered[name] for name in place()} == place()
    FacilityAnswer.model_validate(entered)  # as /openapi.json describes it, without a field more or less

    clock.advance(timedelta(days=1))
    edited = entered | {"free": 0, "status": "full"}  # an answer can be edited and sent back as it is
    answer = await client.put(address, json=edited, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')

    clock.advance(timedelta(days=1))
    answer = await client.post(f"{address}/confirmation", headers={"Authorization": "Bearer district_coordinator@5001"})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')

    answer = await client.put(address, json=edited | {"status": "closed"}, headers={"If-Match": '"3"'})
    assert answer.status_code == 200
    del client.headers["Authorization"]
    assert (await client.get(address)).json() == answer.json()

    events = await told(pool, facility_id)
    assert [(event["revision"], event["change"]) for event in events] == [
        (1, "created"),
        (2, "updated"),
        (3, "confirmed"),
        (4, "closed"),
    ]
    assert await revisions(pool, facility_id) == [(event["revision"], event["change"]) for event in events]
    assert [event["before"] and event["before"]["status"] for event in events] == [None, "open", "full", "full"]
    assert [event["before"] and event["before"]["free"] for event in events] == [None, 12, 0, 0]
    assert events[2]["before"]["confirmed_at"] == "2022-02-08T02:00:00Z"
    assert events[2]["confirmed_at"] == "2022-02-09T02:00:00Z"
    assert events[0]["changed_by"] == str(subject("place_officer@50"))

    who = await pool.fetch(
        "SELECT changed_by, role, changed_at FROM facility_revision WHERE facility_id = $1 ORDER BY revision",
        UUID(facility_id),
    )
    assert [(row["changed_by"], row["role"]) for row in who[1:3]] == [
        (subject("place_officer@50"), "place_officer"),
        (subject("district_coordinator@5001"), "district_coordinator"),
    ]
    assert who[0]["changed_at"] == NOW


async def test_the_same_content_again_is_a_confirmation(client: httpx.AsyncClient, pool: Pool, place: Place) -> None:
    entered = await enter(client, place())
    answer = await client.put(f"/v1/facilities/{entered['facility_id']}", json=entered, headers={"If-Match": '"1"'})
    assert answer.json()["revision"] == 2
    assert await revisions(pool, entered["facility_id"]) == [(1, "created"), (2, "confirmed")]


async def test_a_closed_place_has_nothing_to_confirm(client: httpx.AsyncClient, place: Place) -> None:
    entered = await enter(client, place(status="closed"))
    answer = await client.post(f"/v1/facilities/{entered['facility_id']}/confirmation")
    assert (answer.status_code, answer.json()["code"]) == (409, "facility_closed")


async def test_two_editors_at_once(client: httpx.AsyncClient, pool: Pool, place: Place) -> None:
    entered = await enter(client, place())
    address = f"/v1/facilities/{entered['facility_id']}"

    first, second = await asyncio.gather(
        client.put(address, json=entered | {"free": 1}, headers={"If-Match": '"1"'}),
        client.put(address, json=entered | {"free": 2}, headers={"If-Match": '"1"'}),
    )
    won, lost = sorted((first, second), key=lambda answer: answer.status_code)
    assert (won.status_code, lost.status_code) == (200, 412)
    assert (lost.json()["current_revision"], lost.headers["etag"]) == (2, '"2"')
    assert "2" in lost.json()["detail"]
    assert (await client.get(address)).json() == won.json()
    assert await revisions(pool, entered["facility_id"]) == [(1, "created"), (2, "updated")]
    assert len(await told(pool, entered["facility_id"])) == 2


async def test_many_changes_at_once_make_one_row_of_revisions(
    client: httpx.AsyncClient, pool: Pool, place: Place
) -> None:
    entered = await enter(client, place())
    address = f"/v1/facilities/{entered['facility_id']}/confirmation"
    answers = await asyncio.gather(*(client.post(address) for _ in range(20)))
    assert sorted(answer.json()["revision"] for answer in answers) == list(range(2, 22))
    assert [event["revision"] for event in await told(pool, entered["facility_id"])] == list(range(1, 22))


async def test_a_confirmation_may_name_the_revision_that_was_seen(client: httpx.AsyncClient, place: Place) -> None:
    entered = await enter(client, place())
    address = f"/v1/facilities/{entered['facility_id']}/confirmation"
    assert (await client.post(address, headers={"If-Match": '"1"'})).status_code == 200
    assert (await client.post(address, headers={"If-Match": '"1"'})).status_code == 412


async def test_repeating_an_entry_gives_the_same_place(client: httpx.AsyncClient, pool: Pool, place: Place) -> None:
    body = place(facility_id=str(uuid4()))
    answers = await asyncio.gather(*(client.post("/v1/facilities", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert len(await told(pool, body["facility_id"])) == 1

    address = f"/v1/facilities/{body['facility_id']}"
    await client.put(address, json=body | {"free": 1}, headers={"If-Match": '"1"'})
    late = await client.post("/v1/facilities", json=body)  # a retry that arrives after somebody's change
    assert (late.status_code, late.json()["revision"], late.json()["free"]) == (200, 2, 1)


async def test_the_same_id_with_other_content_is_a_conflict(
    client: httpx.AsyncClient, pool: Pool, place: Place
) -> None:
    body = place(facility_id=str(uuid4()))
    assert (await client.post("/v1/facilities", json=body)).status_code == 201
    answer = await client.post("/v1/facilities", json=body | {"name": "อีกแห่ง"})
    assert (answer.status_code, answer.json()["code"]) == (409, "facility_id_taken")
    assert await revisions(pool, body["facility_id"]) == [(1, "created")]


async def test_thai_digits_are_the_same_place(client: httpx.AsyncClient, place: Place) -> None:
    body = place(facility_id=str(uuid4()), official_code="10713")
    assert (await client.post("/v1/facilities", json=body)).status_code == 201
    thai = body | {"area": "๕๐๐๑๐๑", "official_code": "๑๐๗๑๓"}
    answer = await client.post("/v1/facilities", json=thai)
    assert (answer.status_code, answer.json()["area"], answer.json()["official_code"]) == (200, "500101", "10713")


async def test_the_token_s_area_bounds_every_change(client: httpx.AsyncClient, pool: Pool, place: Place) -> None:
    entered = await enter(client, place())
    facility_id = entered["facility_id"]
    address = f"/v1/facilities/{facility_id}"
    other = {"Authorization": "Bearer place_officer@10", "If-Match": '"1"'}
    own = {"If-Match": '"1"'}

    stolen = entered | {"area": "100101", "position": None}
    assert (await client.put(address, json=stolen, headers=other)).status_code == 403  # the place is not theirs
    assert (await client.put(address, json=stolen, headers=own)).status_code == 403  # nor may it be given away
    assert (await client.put(address, json=entered, headers=other)).status_code == 403
    assert (await client.post(f"{address}/confirmation", headers=other)).status_code == 403
    assert (await client.post("/v1/facilities", json=stolen)).status_code == 403
    missing = f"/v1/facilities/{uuid4()}"
    assert (await client.put(missing, json=place(), headers=own)).status_code == 404
    assert (await client.post(f"{missing}/confirmation")).status_code == 404
    assert (await client.get(missing)).status_code == 404
    assert await revisions(pool, facility_id) == [(1, "created")]

    country = {"Authorization": "Bearer central_administrator@", "If-Match": '"1"'}
    moved = await client.put(address, json=stolen, headers=country)
    assert moved.status_code == 200
    assert (await told(pool, facility_id))[1]["before"]["area"] == "500101"


async def test_the_database_itself_holds_the_area(client: httpx.AsyncClient, pool: Pool, place: Place) -> None:
    """The store refuses what the routes would have let through."""
    entered = await enter(client, place())
    facility_id = UUID(entered["facility_id"])
    stranger = places.Actor(uuid4(), None, "place_officer", "5002")
    async with pool.acquire() as connection:
        known = await places.get(connection, facility_id)
        with pytest.raises(places.OtherArea):
            await places.change(connection, facility_id, stranger, lambda before: updated(before, before.content, NOW))
        with pytest.raises(places.OtherArea):
            await places.create(connection, uuid4(), known.content, stranger, NOW)
        assert await places.get(connection, facility_id) == known


async def test_no_change_without_its_event(
    client: httpx.AsyncClient, pool: Pool, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = await enter(client, place())

    async def fails(*_: object, **__: object) -> None:
        raise asyncpg.PostgresConnectionError

    monkeypatch.setattr(outbox, "append_all", fails)
    answer = await client.post(f"/v1/facilities/{entered['facility_id']}/confirmation")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert (await client.get(f"/v1/facilities/{entered['facility_id']}")).json() == entered
    assert await revisions(pool, entered["facility_id"]) == [(1, "created")]


async def test_a_database_that_is_away(clock: MovableClock, place: Place) -> None:
    pool = await asyncpg.create_pool(host="127.0.0.1", port=1, min_size=0)  # nothing listens on port 1
    app = create(pool, Authentication(Tokens(), Tokens()), clock, Reference(pool), ready=list)
    headers = {"Authorization": "Bearer place_officer@50", "Accept-Language": "en"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://facilities", headers=headers
    ) as c:
        answers = [
            await c.get("/v1/facilities"),
            await c.get("/v1/facilities.geojson"),
            await c.get(f"/v1/facilities/{uuid4()}"),
            await c.post("/v1/facilities", json=place()),
        ]
    pool.terminate()
    assert [answer.status_code for answer in answers] == [503] * 4
    assert "send the same again" in answers[3].json()["detail"]


async def test_readiness_follows_the_database(pool: Pool) -> None:
    stopping = asyncio.Event()
    away = await asyncpg.create_pool(host="127.0.0.1", port=1, min_size=0)
    watches = [Reference(pool), Reference(away)]
    assert [watch.answers for watch in watches] == [False, False]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for watch in watches:
            group.create_task(watch.watch(stopping))
        while not watches[0].answers:
            await asyncio.sleep(0.01)
        stopping.set()
    away.terminate()
    assert [watch.answers for watch in watches] == [True, False]


async def test_the_history_says_who_changed_what(client: httpx.AsyncClient, clock: MovableClock, place: Place) -> None:
    entered = await enter(client, place())
    address = f"/v1/facilities/{entered['facility_id']}"
    clock.advance(timedelta(hours=1))
    coordinator = {"Authorization": "Bearer subdistrict_coordinator@500101", "If-Match": '"1"'}
    assert (await client.put(address, json=entered | {"free": 3}, headers=coordinator)).status_code == 200
    assert (await client.post(f"{address}/confirmation")).status_code == 200
    found = (await client.get(f"{address}/revisions")).json()
    assert found["below"] is None
    assert [(one["revision"], one["change"], one["fields"]) for one in found["items"][:2]] == [
        (3, "confirmed", []),
        (2, "updated", ["free"]),
    ]
    assert found["items"][1]["changed_by"] == str(subject("subdistrict_coordinator@500101"))
    assert (found["items"][1]["content"]["free"], found["items"][2]["content"]["free"]) == (3, 12)
    older = (await client.get(f"{address}/revisions?below=2")).json()
    assert [one["revision"] for one in older["items"]] == [1]
    assert (await client.get(f"/v1/facilities/{uuid4()}/revisions")).status_code == 404


async def test_who_keeps_a_place(client: httpx.AsyncClient, place: Place) -> None:
    entered = await enter(client, place())
    assert entered["organisation_id"] == str(UUID(int=7))  # the officer's own
    address = f"/v1/facilities/{entered['facility_id']}"
    other = str(uuid4())
    stolen = await client.post("/v1/facilities", json=place(organisation_id=other))
    assert (stolen.status_code, stolen.json()["code"]) == (403, "other_organisation")
    administrator = {"Authorization": "Bearer province_administrator@50", "If-Match": '"1"'}
    given = await client.put(address, json=place(organisation_id=other), headers=administrator)
    assert given.json()["organisation_id"] == other
    lost = await client.put(address, json=place(free=1), headers={"If-Match": '"2"'})
    assert (lost.status_code, lost.json()["code"]) == (403, "other_organisation")
    kept = await client.put(address, json=place(free=1), headers=administrator | {"If-Match": '"2"'})
    assert kept.json()["organisation_id"] == other  # said nothing about it


async def test_an_official_code_belongs_to_one_open_place_of_a_kind(client: httpx.AsyncClient, place: Place) -> None:
    code = "EA0099001"
    first = await enter(client, place(official_code=code, name="โรงพยาบาลสนาม ก"))
    second = await client.post("/v1/facilities", json=place(official_code=code))
    assert (second.status_code, second.json()["code"]) == (409, "code_in_use")
    assert second.json()["facility_id"] == first["facility_id"]
    assert "โรงพยาบาลสนาม ก" in second.json()["detail"]
    await enter(client, place(official_code=code, kind="vaccination_point", free=None))
    shared = await enter(client, place(official_code=code, shared_code=True))
    address = f"/v1/facilities/{shared['facility_id']}"
    # It is the place's own from then on; who closes it gives it back.
    assert (await client.put(address, json=shared | {"free": 3}, headers={"If-Match": '"1"'})).status_code == 200
    for revision, status, expected in ((2, "closed", 200), (3, "open", 409)):
        changed = shared | {"status": status}
        answer = await client.put(address, json=changed, headers={"If-Match": f'"{revision}"'})
        assert answer.status_code == expected
    # What hinders the change at all is told before whose code it is.
    assert (await client.put(address, json=shared, headers={"If-Match": '"2"'})).status_code == 412


async def test_of_two_who_enter_one_code_at_once_one_is_told(client: httpx.AsyncClient, place: Place) -> None:
    answers = await asyncio.gather(
        *(client.post("/v1/facilities", json=place(official_code="EA0099002")) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


async def test_a_place_is_open_by_its_week_its_exceptions_and_the_holidays(
    client: httpx.AsyncClient, clock: MovableClock, place: Place
) -> None:
    body = place(
        hours=[{"days": ["mon", "tue", "wed"], "open": "08:30", "close": "16:30"}],
        hours_exceptions=[{"date": "2022-02-08", "spans": [{"open": "20:00", "close": "02:00"}], "note": "ตรวจกลางคืน"}],
        holidays="closed",
    )
    entered = await enter(client, body)
    address = f"/v1/facilities/{entered['facility_id']}"
    centre = {"Authorization": "Bearer central_administrator@"}

    async def open_at(day: int, hour: int) -> bool | None:
        """On a day of February 2022, at an hour in Thailand."""
        clock.advance(datetime(2022, 2, day, hour, tzinfo=BANGKOK) - clock.now())
        found: bool | None = (await client.get(address)).json()["open_now"]
        return found

    assert entered["open_now"] is True  # Monday, nine in the morning
    assert [await open_at(7, hour) for hour in (10, 17)] == [True, False]
    assert [await open_at(8, hour) for hour in (10, 21)] == [False, True]
    assert [await open_at(9, hour) for hour in (1, 3, 10)] == [True, False, True]
    assert (await client.put("/v1/holidays/2022-02-14", json={"th": "ก", "en": "a"}, headers=centre)).status_code == 200
    assert await open_at(14, 10) is False
    assert (await client.delete("/v1/holidays/2022-02-14", headers=centre)).status_code == 204
    assert await open_at(14, 11) is True
    unknown = await enter(client, place(hours=[]))
    assert unknown["open_now"] is None


async def test_kinds_decide_what_is_asked(client: httpx.AsyncClient, place: Place) -> None:
    kinds = (await client.get("/v1/facility-kinds")).json()
    assert [kind["kind"] for kind in kinds if kind["standard"]] == [
        "test_point", "vaccination_point", "hospital", "field_hospital", "waiting_centre",
    ]  # fmt: skip
    details = {"lanes_per_hour": 120, "vaccines": ["208", "210"], "access": "walk_in"}
    point = place(kind="vaccination_point", free=None, details=details)
    assert (await enter(client, point))["details"] == details
    refused = await client.post("/v1/facilities", json=place(details=details))
    assert {(error["path"], error["code"]) for error in refused.json()["errors"]} == {
        ("details.lanes_per_hour", "not_for_this_kind"),
        ("details.vaccines", "not_for_this_kind"),
    }
    body = {"th": "จุดตรวจ", "en": "Test point", "beds": True}
    centre = {"Authorization": "Bearer central_administrator@"}
    fixed = await client.put("/v1/facility-kinds/hospital", json=body, headers=centre)
    assert (fixed.status_code, fixed.json()["code"]) == (409, "kind_fixed")
    depot = {"th": "คลังออกซิเจน", "en": "Oxygen depot", "fields": ["access"]}
    assert (await client.put("/v1/facility-kinds/oxygen_depot", json=depot, headers=centre)).status_code == 200
    further = [kind["kind"] for kind in (await client.get("/v1/facility-kinds")).json() if not kind["standard"]]
    assert further == ["cremation_temple", "oxygen_depot"]
    officer = await client.put("/v1/facility-kinds/another", json=depot)
    assert officer.status_code == 403


async def test_an_officer_changes_only_what_his_organisation_or_nobody_keeps(
    client: httpx.AsyncClient, place: Place
) -> None:
    """He has to leave alone what another one keeps, by whatever way; a coordinator has not."""
    coordinator = {"Authorization": "Bearer district_coordinator@5001"}
    theirs, ours = [
        (await client.post("/v1/facilities", json=place(organisation_id=str(one)), headers=coordinator)).json()
        for one in (UUID(int=8), UUID(int=7))
    ]
    other = ("/v1/facilities/" + theirs["facility_id"], {"If-Match": '"1"'})
    taken = theirs | {"organisation_id": None, "free": 1}
    into = {"into": ours["facility_id"]}
    refused = [
        await client.put(other[0], json=taken, headers=other[1]),
        await client.post(f"{other[0]}/confirmation"),
        await client.post(f"{other[0]}/merger", json=into, headers=other[1]),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "other_organisation")] * 3
    ids = [theirs["facility_id"], ours["facility_id"]]
    told = (await client.post("/v1/confirmations", json={"facility_ids": ids})).json()["results"]
    assert [one["outcome"] for one in told] == ["not_found", "confirmed"]
    assert (await client.post(f"{other[0]}/merger", json=into, headers=coordinator | other[1])).status_code == 200
    parted = await client.delete(f"{other[0]}/merger")
    assert (parted.status_code, parted.json()["code"]) == (403, "other_organisation")
    # One's own place may turn out to be another's.
    mine = await enter(client, place())
    address = "/v1/facilities/" + mine["facility_id"]
    merged = await client.post(f"{address}/merger", json={"into": ids[1]}, headers={"If-Match": '"1"'})
    assert merged.status_code == 200


async def test_history_is_for_those_of_the_area_and_tells_of_mergers(client: httpx.AsyncClient, place: Place) -> None:
    one, other = await enter(client, place()), await enter(client, place())
    address = "/v1/facilities/" + one["facility_id"]
    await client.post(f"{address}/merger", json={"into": other["facility_id"]}, headers={"If-Match": '"1"'})
    await client.delete(f"{address}/merger")
    history = (await client.get(f"{address}/revisions")).json()["items"]
    assert [(each["change"], each["merged_into"]) for each in history] == [
        ("updated", None),
        ("closed", other["facility_id"]),
        ("created", None),
    ]
    assert [each["fields"] for each in history[:2]] == [["merged_into"], ["status", "merged_into"]]
    for role, expected in (("place_officer@5002", 403), ("place_officer@5001", 200), ("central_administrator@", 200)):
        answer = await client.get(f"{address}/revisions", headers={"Authorization": f"Bearer {role}"})
        assert answer.status_code == expected, role
    assert (await client.get(f"/v1/facilities/{uuid4()}/revisions")).status_code == 404


async def test_places_of_further_kinds_are_places_like_others(client: httpx.AsyncClient, place: Place) -> None:
    body = place(kind="cremation_temple", name="วัดตัวอย่าง", free=None, capacity=4, details={"access": "appointment"})
    temple = await enter(client, body)
    address = f"/v1/facilities/{temple['facility_id']}"
    assert (await client.post(f"{address}/confirmation")).json()["revision"] == 2
    changed = await client.put(address, json=temple | {"capacity": 6}, headers={"If-Match": '"2"'})
    assert (changed.json()["revision"], changed.json()["capacity"]) == (3, 6)
    wrong = place(kind="cremation_temple", free=3, details={"lanes_per_hour": 2})
    refused = await client.post("/v1/facilities", json=wrong)
    assert {(error["path"], error["code"]) for error in refused.json()["errors"]} == {
        ("details.lanes_per_hour", "not_for_this_kind"),
        ("free", "not_for_this_kind"),
    }
    listed = (await client.get("/v1/facilities?area=500101&kind=cremation_temple")).json()
    assert [each["facility_id"] for each in listed["items"]] == [temple["facility_id"]]
    found = (await client.get("/v1/public/places?near=18.7883,98.9853&kind=cremation_temple")).json()
    assert [each["name"] for each in found["items"]] == ["วัดตัวอย่าง"]
    drawn = (await client.get("/v1/public/places.geojson?bbox=98,18,100,20&kind=cremation_temple")).json()
    assert [each["properties"]["kind"] for each in drawn["features"]] == ["cremation_temple"]


async def test_a_place_stays_with_the_five_kinds_or_with_the_further_ones(
    client: httpx.AsyncClient, place: Place
) -> None:
    temple = await enter(client, place(kind="cremation_temple", free=None))
    hospital = await enter(client, place())
    for before, kind in ((temple, "waiting_centre"), (hospital, "cremation_temple")):
        address = f"/v1/facilities/{before['facility_id']}"
        refused = await client.put(address, json=before | {"kind": kind, "free": None}, headers={"If-Match": '"1"'})
        assert refused.status_code == 400
        assert [(error["path"], error["code"]) for error in refused.json()["errors"]] == [("kind", "kind_stays")]
        assert (await client.get(address)).json() == before
    address = f"/v1/facilities/{hospital['facility_id']}"
    moved = await client.put(address, json=hospital | {"kind": "hospital"}, headers={"If-Match": '"1"'})
    assert moved.json()["kind"] == "hospital"


async def test_the_holidays_of_2022_are_known_on_weekends_too(client: httpx.AsyncClient) -> None:
    holidays = {each["day"]: each["en"] for each in (await client.get("/v1/holidays")).json()}
    of_2022 = [day for day in holidays if day.startswith("2022-")]
    assert len(of_2022) == 29
    weekends = {day for day in of_2022 if date.fromisoformat(day).weekday() >= 5}
    assert weekends == {"2022-01-01", "2022-05-01", "2022-05-15", "2022-10-23", "2022-12-10", "2022-12-31"}
    assert holidays["2022-07-14"] == "Buddhist Lent Day"
    assert holidays["2022-05-15"] == "Visakha Bucha Day"
