"""Finding organisations, what they show, who stands above them, and who acts for them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registration.http import organisations
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office


async def found(office: Office, token: str | None = None, **params: str) -> list[str]:
    """The names of all organisations that are asked for, page by page."""
    names: list[str] = []
    cursor: str | None = None
    while True:
        query = params | ({"cursor": cursor} if cursor else {})
        answer = await office.ask("GET", "/v1/organisations", token or office.administrator, params=query)
        assert answer.status_code == 200, answer.text
        names += [one["name"] for one in answer.json()["organisations"]]
        if (cursor := answer.json()["cursor"]) is None:
            return names


async def enter(office: Office, name: str, area: str, **changes: Any) -> str:
    body = {"name": name, "kind": "agency", "area": area} | changes
    answer = await office.ask("POST", "/v1/organisations", office.administrator, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["organisation_id"])


async def test_an_organisation_is_found_by_any_part_of_its_name(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(organisations, "PAGE_SIZE", 2)
    for name, area in (
        ("องค์การบริหารส่วนตำบล บ้านใหม่", "660101"),
        ("องค์การบริหารส่วนตำบลดงกลาง", "660102"),
        ("โรงพยาบาลส่งเสริมสุขภาพตำบล ๑๒ น\u0e4dาดี", "660201"),
        ("มูลนิธิ Hope 66", "660101"),
    ):
        await enter(office, name, area)
    assert len(await found(office, area="66")) == 4
    for text, expected in (
        ("บ้านใหม่", ["องค์การบริหารส่วนตำบล บ้านใหม่"]),
        ("ตำบลบ้าน", ["องค์การบริหารส่วนตำบล บ้านใหม่"]),
        ("บริหารส่วน", ["องค์การบริหารส่วนตำบลดงกลาง", "องค์การบริหารส่วนตำบล บ้านใหม่"]),
        ("ตำบล 12 นำดี", ["โรงพยาบาลส่งเสริมสุขภาพตำบล ๑๒ น\u0e4dาดี"]),
        ("hope66", ["มูลนิธิ Hope 66"]),
        ("มู", ["มูลนิธิ Hope 66"]),
        ("โรงพยาบาลใหม่", []),
        ("%", []),
        ("ธิ", []),  # two letters are looked for at the beginning
    ):
        assert await found(office, area="66", name=text) == expected, text
    assert await found(office, area="660101", kind="network_partner") == []
    district = office.token(Role.DISTRICT_COORDINATOR, "6602")
    assert len(await found(office, district)) == 1
    other = await office.ask("GET", "/v1/organisations", district, params={"area": "66"})
    assert (other.status_code, other.json()["code"]) == (403, "other_area")
    for params in ({"name": ""}, {"name": "a\0b"}, {"cursor": "e30="}, {"kind": "club"}, {"parent": "x"}):
        assert (await office.ask("GET", "/v1/organisations", office.administrator, params=params)).status_code == 400
    volunteer = office.token(Role.VOLUNTEER, "66")
    assert (await office.ask("GET", "/v1/organisations", volunteer)).status_code == 403


async def test_an_organisation_shows_its_people_and_codes(office: Office) -> None:
    organisation = await office.organisation("67")
    code = await office.group_code(organisation, uses=5)
    ended = await office.group_code(organisation)
    await office.ask("DELETE", f"/v1/organisations/{organisation}/group-codes/{ended}", office.administrator)
    for number in range(3):
        answer = await office.sign_up(group_code=code, area="670101")
        if number:
            await office.approve(answer.json()["volunteer_id"])
    path = f"/v1/organisations/{organisation}"
    district = office.token(Role.DISTRICT_COORDINATOR, "6701")
    assert (await office.ask("GET", path, district)).status_code == 404
    shown = (await office.ask("GET", path, office.token(Role.PROVINCE_ADMINISTRATOR, "67"))).json()
    assert shown["volunteers"] == {"pending": 1, "approved": 2, "suspended": 0, "withdrawn": 0}
    assert shown["codes_alive"] == 1
    codes = (await office.ask("GET", f"{path}/group-codes", office.administrator)).json()["group_codes"]
    by_code = {one["code"]: one for one in codes}
    assert (by_code[code]["uses"], by_code[code]["used"], by_code[code]["uses_left"]) == (5, 3, 2)
    assert by_code[code]["revoked_at"] is None
    assert by_code[ended]["revoked_at"] is not None
    joined = "SELECT count(*) FROM person WHERE group_code = $1"
    assert await office.pool.fetchval(joined, code) == 3


async def test_who_belongs_to_whom_makes_no_circle(office: Office) -> None:
    top = await enter(office, "จังหวัด", "76")
    middle = await enter(office, "อำเภอ", "7601", parent=top)
    low = await enter(office, "ตำบล", "760101", parent=middle)
    elsewhere = await enter(office, "อำเภออื่น", "7602", parent=top)

    async def change(organisation: str, **body: Any) -> Any:
        return await office.ask("PATCH", f"/v1/organisations/{organisation}", office.administrator, json=body)

    renamed = await change(low, name=" ตำบล\u200bใหม่ ")
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["parent"]) == (200, "ตำบลใหม่", middle)
    assert (await change(low, parent=top)).json()["parent"] == top
    assert (await change(low, parent=None)).json()["parent"] is None
    for organisation, parent, code in (
        (low, elsewhere, "unknown"),
        (low, str(uuid4()), "unknown"),
        (middle, middle, "parent_cycle"),
    ):
        answer = await change(organisation, parent=parent)
        assert answer.status_code == 400, answer.text
        assert (answer.json()["errors"][0]["path"], answer.json()["errors"][0]["code"]) == ("parent", code)
    # Two of the same area, each put under the other at the same moment: one of the two is refused.
    for _ in range(10):
        one, other = await enter(office, "ก", "7603"), await enter(office, "ข", "7603")
        answers = await asyncio.gather(change(one, parent=other), change(other, parent=one))
        assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert (await change(str(uuid4()), name="x")).status_code == 404
    stranger = office.token(Role.PROVINCE_ADMINISTRATOR, "67")
    refused = await office.ask("PATCH", f"/v1/organisations/{low}", stranger, json={"name": "x"})
    assert refused.status_code == 404
    assert await found(office, parent=top) == ["อำเภอ", "อำเภออื่น"]


async def test_a_contact_acts_for_his_organisation_and_no_other(office: Office) -> None:
    organisation, other = await office.organisation("70"), await office.organisation("70")
    code = await office.group_code(organisation)
    volunteer = str((await office.sign_up(group_code=code, area="700101")).json()["volunteer_id"])
    path = f"/v1/organisations/{organisation}"
    coordinator = office.token(Role.PROVINCE_ADMINISTRATOR, "70")

    async def appoint(**body: Any) -> Any:
        return await office.ask("POST", f"{path}/contacts", coordinator, json={"volunteer_id": volunteer} | body)

    assert (await appoint()).json()["errors"][0]["path"] == "volunteer_id", "who waits acts for nobody"
    await office.approve(volunteer)
    his = office.token(Role.VOLUNTEER, "700101", UUID(volunteer))
    assert (await office.ask("GET", path, his)).status_code == 403
    past = (office.clock.now() - timedelta(seconds=1)).isoformat()
    assert (await appoint(until=past)).json()["errors"][0]["code"] == "out_of_range"
    for odd in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        refused = await appoint(until=odd)
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "until")
    until = office.clock.now() + timedelta(minutes=10)
    assert (await appoint()).status_code == 204
    assert (await appoint(until=until.isoformat())).status_code == 204, "again: the new end holds"
    assert (await office.ask("GET", path, his)).json()["volunteers"]["approved"] == 1
    made = await office.ask("POST", f"{path}/group-codes", his, json={"uses": 3})
    assert made.status_code == 201
    assert len((await office.ask("GET", f"{path}/group-codes", his)).json()["group_codes"]) == 2
    assert (await office.ask("DELETE", f"{path}/group-codes/{made.json()['code']}", his)).status_code == 204
    members = (await office.ask("GET", f"{path}/volunteers", his, params={"status": "approved"})).json()["volunteers"]
    assert [(one["volunteer_id"], one["name"]) for one in members] == [(volunteer, "สมหญิง ใจดี")]
    read = "SELECT count(*) FROM personal_data_access WHERE reader = $1 AND purpose = 'volunteer list'"
    assert await office.pool.fetchval(read, UUID(volunteer)) == 1
    for method, elsewhere in (
        ("GET", ""),
        ("GET", "/group-codes"),
        ("POST", "/group-codes"),
        ("GET", "/contacts"),
        ("GET", "/volunteers"),
    ):
        assert (await office.ask(method, f"/v1/organisations/{other}{elsewhere}", his)).status_code == 403
    assert (await office.ask("POST", f"{path}/contacts", his, json={"volunteer_id": volunteer})).status_code == 403
    listed = (await office.ask("GET", f"{path}/contacts", his)).json()["contacts"]
    assert [(one["volunteer_id"], one["name"], one["acts"]) for one in listed] == [(volunteer, "สมหญิง ใจดี", True)]

    office.clock.advance(timedelta(minutes=11))
    his = office.token(Role.VOLUNTEER, "700101", UUID(volunteer))
    coordinator = office.token(Role.PROVINCE_ADMINISTRATOR, "70")
    assert (await office.ask("GET", path, his)).status_code == 403, "it has ended by itself"
    await appoint()
    assert (await office.ask("GET", path, his)).status_code == 200
    moved = await office.ask(
        "POST", f"/v1/volunteers/{volunteer}/transfer", coordinator, json={"organisation_id": other}
    )
    assert moved.status_code == 200
    assert (await office.ask("GET", path, his)).status_code == 403, "he belongs to another organisation now"
    end = f"{path}/contacts/{volunteer}"
    assert (await office.ask("DELETE", end, office.token(Role.PROVINCE_ADMINISTRATOR, "71"))).status_code == 404
    assert (await office.ask("DELETE", end, coordinator)).status_code == 204
    assert (await office.ask("DELETE", end, coordinator)).status_code == 404
    assert (await office.ask("GET", f"{path}/contacts", coordinator)).json() == {"contacts": []}


async def test_all_that_is_wrong_with_a_code_looks_the_same(office: Office) -> None:
    organisation = await office.organisation()
    used_up = await office.group_code(organisation, uses=1)
    await office.sign_up(group_code=used_up)
    revoked = await office.group_code(organisation)
    await office.ask("DELETE", f"/v1/organisations/{organisation}/group-codes/{revoked}", office.administrator)
    expired = await office.group_code(organisation, expires_at=(office.clock.now() + timedelta(hours=1)).isoformat())
    alive = await office.group_code(organisation)
    office.clock.advance(timedelta(hours=2))
    mistyped = alive[:-1] + ("3" if alive[-1] != "3" else "4")
    answers = [await office.sign_up(group_code=code) for code in (used_up, revoked, expired, mistyped, "x", "ก" * 40)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(400, answers[0].text)}
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
