"""Sign-up, approval, suspension, appointment, lists and counts."""

import asyncio
import base64
import json
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registration import settings
from services.registration.http import sign_ups, volunteers
from services.registration.settings import RegistrationSettings
from shared.contracts.events import Role, VolunteerRegistered
from shared.security.identifiers import check_digit
from shared.security.sealing import KeyRing, Sealed
from tests.integration.registration.conftest import Barred, Office, Phones, new_phone


def new_national_id() -> str:
    """A national id that no other test has."""
    twelve = f"30{new_phone()}"
    return twelve + str(check_digit(twelve))


async def test_a_volunteer_signs_up_and_is_approved(office: Office) -> None:
    answer = await office.sign_up(phone="๐๘๙-999-0001", national_id="1-1017-00230-70-8")
    assert answer.status_code == 201
    assert set(answer.json()) == {"volunteer_id", "status"}
    assert answer.json()["status"] == "pending"
    volunteer_id = answer.json()["volunteer_id"]
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, "500101")
    approved = await office.approve(volunteer_id, coordinator)
    assert (approved.status_code, approved.json()["status"], approved.json()["revision"]) == (200, "approved", 2)
    again = await office.approve(volunteer_id, coordinator)
    assert (again.status_code, again.json()["revision"]) == (200, 2)
    events = [VolunteerRegistered.model_validate(event) for event in await office.events(volunteer_id)]
    assert [(str(event.status), event.revision) for event in events] == [("pending", 1), ("approved", 2)]
    assert events[0].before is None
    assert events[1].before is not None
    assert (str(events[1].before.status), events[1].before.area) == ("pending", "500101")


async def test_personal_data_are_nowhere_in_the_clear(
    office: Office, registration_settings: RegistrationSettings
) -> None:
    name, phone, national_id = "นางสาวลับ ที่สุด", new_phone(), new_national_id()
    answer = await office.sign_up(name=name, phone=phone, national_id=national_id)
    volunteer_id = answer.json()["volunteer_id"]
    await office.suspend(volunteer_id)
    await office.ask("POST", "/v1/codes", json={"phone": phone})
    tables = await office.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 10
    for (table,) in tables:
        for row in await office.pool.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t"):  # noqa: S608
            for secret in (name, phone, national_id, "ไม่ได้ไปเยี่ยมบ้าน"):
                assert secret not in row["row"], table
                assert secret.encode().hex() not in row["row"], table
    ring = KeyRing.from_file(registration_settings.sealing_keys_file)
    sealed = await office.pool.fetch(
        "SELECT field, key_id, wrapped_key, ciphertext FROM sealed_field WHERE person_id = $1", UUID(volunteer_id)
    )
    opened = {
        field: ring.open_sealed(Sealed(*parts), household=volunteer_id, field=field).decode()
        for field, *parts in map(tuple, sealed)
    }
    assert opened == {"name": name, "phone": phone, "reason.2": "บันทึกโดยไม่ได้ไปเยี่ยมบ้าน"}


async def test_who_is_registered_is_not_told_to_strangers(office: Office, phones: Phones) -> None:
    known = {"phone": new_phone(), "national_id": new_national_id()}
    code = await office.group_code(uses=10)
    first = await office.sign_up(group_code=code, **known)
    before = await office.pool.fetchval("SELECT count(*) FROM outbox")
    stranger = known | {"national_id": new_national_id()}
    second = await office.sign_up(group_code=code, name="คนแปลกหน้า", **stranger)
    assert (first.status_code, set(first.json())) == (second.status_code, set(second.json()))
    assert first.json()["status"] == second.json()["status"]
    third = await office.sign_up(group_code=code, name="คนแปลกหน้า", **stranger)
    ids = [UUID(answer.json()["volunteer_id"]) for answer in (first, second, third)]
    assert len(set(ids)) == 3
    assert {one.version for one in ids} == {4}, "all ids must look alike, whoever they belong to"
    assert set(first.headers) == set(second.headers)
    # Nothing counts twice, and the places of the code tell nothing either.
    assert await office.pool.fetchval("SELECT count(*) FROM outbox") == before
    assert await office.pool.fetchval("SELECT uses_left FROM group_code WHERE code = $1", code) == 7
    assert await office.events(second.json()["volunteer_id"]) == []
    assert (await office.approve(second.json()["volunteer_id"])).status_code == 404
    told = await phones.next()
    assert (told.phone, told.code) == (stranger["phone"], None)


async def test_whose_national_id_it_is_is_told_to_who_decides_alone(office: Office, phones: Phones) -> None:
    """His own phone is answered and sent what any new one is; also when it signs up again."""
    national_id, code, phone = new_national_id(), await office.group_code(), new_phone()
    await office.sign_up(group_code=code, national_id=national_id)
    first = await phones.next(sign_ups=True)
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, "500102")

    async def shared() -> dict[str, bool]:
        queue = (await office.ask("GET", "/v1/approvals", coordinator)).json()["volunteers"]
        return {one["volunteer_id"]: one["national_id_shared"] for one in queue}

    for _ in range(2):
        answer = await office.sign_up(group_code=code, phone=phone, national_id=national_id, area="500102")
        message = await phones.next(sign_ups=True)
        assert (message.phone, message.confirmation_code is None) == (phone, False)
        assert message.text.replace(message.confirmation_code or "", "") == first.text.replace(
            first.confirmation_code or "", ""
        )
        volunteer = answer.json()["volunteer_id"]
        assert (await shared())[volunteer] is True
        refused = await office.ask(
            "POST", f"/v1/volunteers/{volunteer}/refusal", coordinator, json={"reason": "ลงทะเบียนแล้ว"}
        )
        assert refused.status_code == 200
    again = await office.sign_up(group_code=code, phone=phone, national_id=new_national_id(), area="500102")
    assert (await shared())[again.json()["volunteer_id"]] is False
    kept = await office.pool.fetchval("SELECT national_id_index FROM person WHERE person_id = $1", UUID(volunteer))
    assert kept is not None, "by then it is a number of his own"


async def test_of_many_sign_ups_at_once_one_counts(office: Office) -> None:
    phone, code = new_phone(), await office.group_code()
    answers = await asyncio.gather(*(office.sign_up(phone=phone, group_code=code) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    real = [answer.json()["volunteer_id"] for answer in answers if await office.events(answer.json()["volunteer_id"])]
    assert len(real) == 1


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"phone": "021234567"}, "phone", "mobile_malformed"),
        ({"phone": 812345678}, "phone", "not_text"),
        ({"national_id": "1101700230709"}, "national_id", "national_id_check_digit"),
        ({"national_id": "110170023070"}, "national_id", "national_id_malformed"),
        ({"area": "000000"}, "area", "unknown_area"),
        ({"area": "510101"}, "area", "outside_organisation"),
        ({"name": ""}, "name", "too_short"),
        ({"group_code": "OOOO-0000"}, "group_code", "unknown"),
        ({"group_code": "x" * 41}, "group_code", "too_long"),
        ({"role": "central_administrator"}, "role", "unknown_field"),
    ],
)
async def test_a_bad_sign_up_names_the_field_and_costs_no_place(
    office: Office, changes: dict[str, Any], path: str, code: str
) -> None:
    group_code = await office.group_code(uses=1)
    answer = await office.sign_up(**{"group_code": group_code, **changes})
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]
    assert await office.pool.fetchval("SELECT uses_left FROM group_code WHERE code = $1", group_code) == 1


async def test_malformed_bodies_are_refused(office: Office) -> None:
    for content, status in ((b"{", 400), (b"[]", 400), (b"", 400), (b'{"name": "\\ud800"}', 400), (b"x" * 70_000, 413)):
        answer = await office.client.post(
            "/v1/volunteers", content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status, content[:20]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_decides_outside_his_area_or_about_equals(office: Office) -> None:
    volunteer = await office.volunteer(approved=False)
    for token in (
        office.token(Role.SUBDISTRICT_COORDINATOR, "500102"),
        office.token(Role.PROVINCE_ADMINISTRATOR, "51"),
    ):
        assert (await office.approve(volunteer, token)).status_code == 404
        assert (await office.suspend(volunteer, token)).status_code == 404
    assert (await office.approve(volunteer, office.token(Role.VOLUNTEER, "500101"))).status_code == 403
    assert (await office.approve(str(uuid4()))).status_code == 404
    assert (await office.approve("not-an-id")).status_code == 400
    assert len(await office.events(volunteer)) == 1
    appointed = await appoint(office, Role.SUBDISTRICT_COORDINATOR, "500101")
    colleague = office.token(Role.SUBDISTRICT_COORDINATOR, "500101")
    refused = await office.suspend(appointed.json()["volunteer_id"], colleague)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_below")


async def test_many_decisions_at_once_make_one_chain_of_revisions(office: Office) -> None:
    volunteer = await office.volunteer(approved=False)
    await asyncio.gather(*(office.approve(volunteer) for _ in range(4)), *(office.suspend(volunteer) for _ in range(4)))
    events = await office.events(volunteer)
    assert [event["revision"] for event in events] == list(range(1, len(events) + 1))
    for earlier, later in pairwise(events):
        assert later["before"]["status"] == earlier["status"] != later["status"]
    decisions = await office.pool.fetchval("SELECT count(*) FROM decision WHERE person_id = $1", UUID(volunteer))
    assert decisions == len(events) - 1


async def appoint(office: Office, role: Role, area: str, token: str | None = None, **changes: Any) -> Any:
    body = {"name": "ผู้ประสานงาน", "phone": new_phone(), "role": str(role), "area": area} | changes
    body.setdefault("organisation_id", await office.organisation("50"))
    return await office.ask("POST", "/v1/appointments", token or office.administrator, json=body)


async def test_an_appointment_goes_downwards_and_inside(office: Office) -> None:
    answer = await appoint(office, Role.DISTRICT_COORDINATOR, "5001")
    assert answer.status_code == 201
    person = answer.json()
    assert (person["role"], person["area"], person["status"]) == ("district_coordinator", "5001", "approved")
    assert [event["status"] for event in await office.events(person["volunteer_id"])] == ["approved"]
    district = office.token(Role.DISTRICT_COORDINATOR, "5001")
    assert (await appoint(office, Role.SUBDISTRICT_COORDINATOR, "500101", district)).status_code == 201
    for role, area, token, status, code in (
        (Role.SUBDISTRICT_COORDINATOR, "500203", district, 403, "other_area"),
        (Role.DISTRICT_COORDINATOR, "5001", district, 403, "not_below"),
        (Role.PROVINCE_ADMINISTRATOR, "50", district, 403, "other_area"),
        (Role.SUBDISTRICT_COORDINATOR, "5001", district, 400, "invalid"),
        (Role.CENTRAL_ADMINISTRATOR, "", office.administrator, 400, "invalid"),
        (Role.EXTERNAL_SYSTEM, "50", office.administrator, 400, "invalid"),
        (Role.DISTRICT_COORDINATOR, "5101", office.administrator, 400, "invalid"),
    ):
        refused = await appoint(office, role, area, token)
        assert (refused.status_code, refused.json()["code"]) == (status, code), (role, area)
    lowest = office.token(Role.SUBDISTRICT_COORDINATOR, "500101")
    assert (await appoint(office, Role.VOLUNTEER, "500101", lowest)).status_code == 403
    missing = await appoint(office, Role.PLACE_OFFICER, "500101", organisation_id=str(uuid4()))
    assert missing.json()["errors"][0]["path"] == "organisation_id"


async def test_an_appointed_volunteer_stays_one_person(office: Office) -> None:
    phone = new_phone()
    volunteer = await office.volunteer(phone=phone)
    answer = await appoint(office, Role.SUBDISTRICT_COORDINATOR, "500102", phone=phone, name="ชื่อใหม่")
    assert (answer.status_code, answer.json()["volunteer_id"]) == (201, volunteer)
    last = (await office.events(volunteer))[-1]
    assert (last["role"], last["area"], last["revision"]) == ("subdistrict_coordinator", "500102", 3)
    assert (last["before"]["role"], last["before"]["area"]) == ("volunteer", "500101")
    elsewhere = office.token(Role.PROVINCE_ADMINISTRATOR, "51")
    organisation = await office.organisation("51")
    taken = await appoint(
        office, Role.DISTRICT_COORDINATOR, "5101", elsewhere, phone=phone, organisation_id=organisation
    )
    assert (taken.status_code, taken.json()["code"]) == (409, "held_elsewhere")
    await office.suspend(volunteer)
    suspended = await appoint(office, Role.SUBDISTRICT_COORDINATOR, "500102", phone=phone)
    assert (suspended.status_code, suspended.json()["code"]) == (409, "suspended")


def cursor_of(*parts: Any) -> str:
    """A cursor that we did not make."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


async def test_a_list_holds_the_own_area_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volunteers, "PAGE_SIZE", 2)
    organisation = await office.organisation("64")
    code = await office.group_code(organisation)
    phones = {}
    for area in ("640101", "640102", "640101", "640201", "640102"):
        phone = new_phone()
        answer = await office.sign_up(group_code=code, area=area, phone=phone, name=f"อาสา {phone}")
        phones[answer.json()["volunteer_id"]] = (phone, area)
    reader = uuid4()
    coordinator = office.token(Role.DISTRICT_COORDINATOR, "6401", reader)
    seen: dict[str, tuple[str, str]] = {}
    cursor, pages = None, 0
    while True:
        answer = await office.ask("GET", "/v1/volunteers", coordinator, params={"cursor": cursor} if cursor else {})
        page = answer.json()
        pages += 1
        for one in page["volunteers"]:
            assert one["volunteer_id"] not in seen
            assert one["name"] == f"อาสา {one['phone']}"
            seen[one["volunteer_id"]] = (one["phone"], one["area"])
        if (cursor := page["cursor"]) is None:
            break
    assert seen == {key: value for key, value in phones.items() if value[1].startswith("6401")}
    assert pages == 3
    audited = await office.pool.fetch("SELECT purpose, persons FROM personal_data_access WHERE reader = $1", reader)
    assert {str(person) for row in audited for person in row["persons"]} == set(seen)
    one_area = await office.ask("GET", "/v1/volunteers", coordinator, params={"area": "640102", "status": "approved"})
    assert one_area.json() == {"volunteers": [], "cursor": None}
    for parameters, status in (
        ({"area": "64"}, 403),
        ({"area": "6402"}, 403),
        ({"area": "999999"}, 400),
        ({"status": "happy"}, 400),
        ({"cursor": "bm90IGEgY3Vyc29y"}, 400),
        ({"cursor": "é"}, 400),
        ({"cursor": cursor_of("\ud800", "2022-02-05T03:00:00+00:00", str(uuid4()))}, 400),
        ({"cursor": cursor_of("64", "0001-01-01T00:00:00+14:00", str(uuid4()))}, 400),
        ({"cursor": cursor_of([], 5, None)}, 400),
        ({"cursor": "WzEsMiwzXQ=="}, 400),
    ):
        assert (await office.ask("GET", "/v1/volunteers", coordinator, params=parameters)).status_code == status
    assert (await office.ask("GET", "/v1/volunteers", office.token(Role.VOLUNTEER, "64"))).status_code == 403


async def test_a_damaged_seal_does_not_hide_the_others(office: Office) -> None:
    code = await office.group_code(await office.organisation("63"))
    ids = [(await office.sign_up(group_code=code, area="630101")).json()["volunteer_id"] for _ in range(2)]
    await office.pool.execute(
        "UPDATE sealed_field SET ciphertext = '\\x00' WHERE person_id = $1 AND field = 'name'", UUID(ids[0])
    )
    answer = await office.ask("GET", "/v1/volunteers", office.administrator, params={"area": "63"})
    names = {one["volunteer_id"]: one["name"] for one in answer.json()["volunteers"]}
    assert names == {ids[0]: None, ids[1]: "สมหญิง ใจดี"}


async def test_the_counts_are_those_of_the_events(office: Office) -> None:
    agency, partner = await office.organisation("65"), await office.organisation("65", "network_partner")
    codes = [await office.group_code(agency), await office.group_code(partner)]
    for number in range(4):
        answer = await office.sign_up(group_code=codes[number % 2], area="650101")
        if number:
            await office.approve(answer.json()["volunteer_id"])
        if number == 3:
            await office.suspend(answer.json()["volunteer_id"])
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "65")
    answer = await office.ask("GET", "/v1/counts", province)
    assert answer.json() == [
        {"area": "650101", "organisation_kind": "agency", "status": "approved", "volunteers": 1},
        {"area": "650101", "organisation_kind": "agency", "status": "pending", "volunteers": 1},
        {"area": "650101", "organisation_kind": "network_partner", "status": "approved", "volunteers": 1},
        {"area": "650101", "organisation_kind": "network_partner", "status": "suspended", "volunteers": 1},
    ]
    summed: dict[tuple[str, str, str], int] = {}
    for row in await office.pool.fetch("SELECT body FROM outbox"):
        event = json.loads(row["body"])
        for state, step in ((event, 1), (event["before"], -1)):
            if state is not None and state["area"].startswith("65"):
                key = (state["area"], state["organisation_kind"], state["status"])
                summed[key] = summed.get(key, 0) + step
    counted = {(one["area"], one["organisation_kind"], one["status"]): one["volunteers"] for one in answer.json()}
    assert {key: number for key, number in summed.items() if number} == counted
    assert (await office.ask("GET", "/v1/counts", office.token(Role.DISTRICT_COORDINATOR, "6501"))).status_code == 403


async def test_sign_ups_from_one_address_are_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = settings.SIGN_UPS_PER_ADDRESS
    monkeypatch.setattr(sign_ups, "SIGN_UPS_PER_ADDRESS", type(limit)(limit.name, 2, limit.window))
    code = await office.group_code()
    statuses = [(await office.sign_up(group_code=code)).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]


async def test_a_barred_coordinator_is_refused(office: Office, barred: Barred) -> None:
    subject = uuid4()
    token = office.token(Role.DISTRICT_COORDINATOR, "5001", subject)
    assert (await office.ask("GET", "/v1/volunteers", token)).status_code == 200
    barred.subjects.add(subject)
    assert (await office.ask("GET", "/v1/volunteers", token)).status_code == 401
