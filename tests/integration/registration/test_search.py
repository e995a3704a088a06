"""Finding volunteers by name, phone, organisation and status, without names in the clear; and their export."""

import asyncio
import csv
import io
from typing import Any
from uuid import uuid4

import pytest

from services.registration import settings
from services.registration.http import exports, volunteers
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, new_phone

NAMES = ("นางสาวสมหญิง ใจดี", "สมชาย ใจกล้า", "สมศักดิ์ศรีธรรมราช ทองดี", "Somchai Deejai", "กมล ใจดี")


async def filled(office: Office, province: str) -> dict[str, str]:
    """The ids of volunteers of these names in two subdistricts, by name."""
    code = await office.group_code(await office.organisation(province))
    ids = {}
    for number, name in enumerate(NAMES):
        area = f"{province}010{1 + number % 2}"
        answer = await office.sign_up(group_code=code, area=area, name=name, phone=new_phone())
        ids[name] = answer.json()["volunteer_id"]
    return ids


async def search(office: Office, token: str, **params: str) -> list[str]:
    answer = await office.ask("GET", "/v1/volunteers", token, params=params)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["volunteers"]]


async def test_names_are_found_by_their_beginnings(office: Office) -> None:
    ids = await filled(office, "84")
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "84")
    girl, boy, saint, foreign, kamon = NAMES
    for text, expected in (
        ("สม", {girl, boy, saint}),
        ("สมหญิง", {girl}),
        ("นางสาวสมห", {girl}),
        ("ใจ", {girl, boy, kamon}),
        ("ใจดี สม", {girl}),
        ("สมศักดิ์ศรี", {saint}),
        ("สมศักดิ์ศรีวิชัย", set()),  # the same in its first six letters
        ("SOMCH", {foreign}),
        ("ก ใจดี", {girl, kamon}),  # a single letter is left out
        ("ใจกลาง", set()),
    ):
        assert set(await search(office, province, name=text)) == expected, text
    assert set(await search(office, province, name="ใจดี", area="840101")) == {girl, kamon}
    subdistrict = office.token(Role.SUBDISTRICT_COORDINATOR, "840102")
    assert await search(office, subdistrict, name="สม") == [boy]
    await office.approve(ids[boy])
    assert await search(office, province, name="สม", status="approved") == [boy]
    for name in ("ก", " ", "\u200b"):
        answer = await office.ask("GET", "/v1/volunteers", province, params={"name": name})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "name")


async def test_a_phone_finds_one_inside_the_own_area(office: Office) -> None:
    code = await office.group_code(await office.organisation("85"))
    phone = new_phone()
    await office.sign_up(group_code=code, area="850101", phone=phone, name="ก ข")
    await office.sign_up(group_code=code, area="850101")
    thai = "".join(chr(ord("๐") + int(digit)) for digit in phone)
    assert await search(office, office.token(Role.PROVINCE_ADMINISTRATOR, "85"), phone=thai) == ["ก ข"]
    assert await search(office, office.token(Role.PROVINCE_ADMINISTRATOR, "84"), phone=phone) == []
    answer = await office.ask("GET", "/v1/volunteers", office.administrator, params={"phone": "+1 555 0100"})
    assert answer.json()["errors"][0]["code"] == "mobile_foreign"


async def test_an_organisation_lists_its_own_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(volunteers, "PAGE_SIZE", 2)
    organisation = await office.organisation("86")
    code, other = await office.group_code(organisation), await office.group_code(await office.organisation("86"))
    for number in range(5):
        await office.sign_up(group_code=code, area=f"86010{1 + number % 3}", name=f"คน {'กขคงจ'[number]}")
        await office.sign_up(group_code=other, area="860101")
    found: list[str] = []
    cursor: str | None = None
    while True:
        params = {"organisation": organisation} | ({"cursor": cursor} if cursor else {})
        page = (await office.ask("GET", "/v1/volunteers", office.administrator, params=params)).json()
        found += [one["name"] for one in page["volunteers"]]
        if (cursor := page["cursor"]) is None:
            break
    assert sorted(found) == [f"คน {letter}" for letter in "กขคงจ"]


async def export(office: Office, token: str, **params: str) -> Any:
    return await office.ask("GET", "/v1/volunteers.csv", token, params=params)


async def test_an_export_opens_in_a_spreadsheet_and_holds_no_formula(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "EXPORT_PAGE", 2)
    code = await office.group_code(await office.organisation("90"))
    phones = [new_phone() for _ in range(5)]
    for phone in phones:
        await office.sign_up(group_code=code, area="900101", phone=phone, name=f'ชื่อ{phone[-1]} นาม, "เล่น"')
    reader = uuid4()
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "90", reader)
    answer = await export(office, province)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][:3] == ["ชื่อ", "เบอร์โทร", "รหัสพื้นที่"]
    assert {row[1].replace("-", "") for row in rows[1:]} == set(phones)
    assert {row[0] for row in rows[1:]} == {f'ชื่อ{phone[-1]} นาม, "เล่น"' for phone in phones}
    audited = await office.pool.fetchval(
        "SELECT sum(cardinality(persons)) FROM personal_data_access WHERE reader = $1 AND purpose = 'volunteer export'",
        reader,
    )
    assert audited == 5
    assert (await export(office, province, area="91")).status_code == 403
    assert (await export(office, office.token(Role.VOLUNTEER, "90"))).status_code == 403
    monkeypatch.setattr(exports, "EXPORT_ROWS", 4)
    too_many = await export(office, province)
    assert (too_many.status_code, too_many.json()["errors"][0]["code"]) == (400, "too_many")
    assert settings.EXPORT_ROWS == 100_000


async def test_a_name_from_before_the_rule_is_guarded(office: Office) -> None:
    """No new name begins like a formula; one that was sealed before still may."""
    code = await office.group_code(await office.organisation("91"))
    volunteer = (await office.sign_up(group_code=code, area="910101")).json()["volunteer_id"]
    people = office.app.state.parts.people
    async with office.pool.acquire() as connection:
        await people.write_sealed(connection, volunteer, {"name": "=cmd|' /C calc'!A0"})
    answer = await export(office, office.administrator, area="91")
    (row,) = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))[1:]
    assert row[0] == "'=cmd|' /C calc'!A0"


async def test_searches_do_not_wait_for_each_other(office: Office) -> None:
    """More at once than the pool has connections."""
    token = office.token(Role.PROVINCE_ADMINISTRATOR, "84")
    answers = await asyncio.gather(
        *(office.ask("GET", "/v1/volunteers", token, params={"name": "สม"}) for _ in range(30))
    )
    assert {answer.status_code for answer in answers} == {200}
