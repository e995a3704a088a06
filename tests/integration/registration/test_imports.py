"""Rolls of volunteers as organisations send them: judged row by row, stored whole or in part, once."""

import asyncio
import csv
import io
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import httpx
import openpyxl
import pytest

from services.registration import settings
from services.registration.domain.people import Organisation
from services.registration.http import imports
from services.registration.store.imports import Import, Imports, Mode
from services.registration.store.lists import Sought
from shared.contracts.events import OrganisationKind, Role
from shared.security.identifiers import check_digit
from tests.integration.registration.conftest import Office, new_phone

HEADER = ("ชื่อ-สกุล", "เบอร์โทร", "เลขประจำตัวประชาชน", "รหัสตำบล")


def new_national_id() -> str:
    """A national id that no other test has."""
    twelve = f"40{new_phone()}"
    return twelve + str(check_digit(twelve))


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([header, *rows])
    return text.getvalue()


def workbook(rows: Sequence[Any], header: Sequence[str] = HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header, *rows):
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


async def send(
    office: Office, organisation: str, file: bytes | str, token: str | None = None, **params: str
) -> httpx.Response:
    content = file.encode() if isinstance(file, str) else file
    path = f"/v1/organisations/{organisation}/volunteer-imports"
    return await office.ask("POST", path, token or office.administrator, content=content, params=params)


async def people(office: Office, organisation: str) -> dict[str, tuple[str, str]]:
    """Name and area of an organisation's volunteers by phone."""
    page = await office.app.state.parts.lists.page(
        Sought("", organisation_id=UUID(organisation)),
        after=None,
        limit=100,
        reader=uuid4(),
        purpose="test",
        now=office.clock.now(),
    )
    return {one.phone: (one.name, one.person.area) for one in page}


def good_rows(count: int = 3, area: str = "920101") -> list[list[str]]:
    return [[f"อาสา คนที่{['หนึ่ง', 'สอง', 'สาม', 'สี่', 'ห้า'][n]}", new_phone(), "", area] for n in range(count)]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("cp874", ","), ("tis-620", "\t"), ("utf-16", "\t")],
)
async def test_csv_comes_in_every_form_that_offices_make(office: Office, encoding: str, delimiter: str) -> None:
    organisation = await office.organisation("92")
    rows = good_rows()
    answer = await send(office, organisation, table(rows, delimiter=delimiter).encode(encoding), mode="apply")
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["rows"], found["good"], found["bad"], found["added"], found["errors"]) == (3, 3, 0, 3, [])
    assert await people(office, organisation) == {phone: (name, area) for name, phone, _, area in rows}
    for volunteer in await office.pool.fetch(
        "SELECT person_id FROM person WHERE organisation_id = $1", UUID(organisation)
    ):
        events = await office.events(str(volunteer["person_id"]))
        assert [(event["status"], event["before"]) for event in events] == [("pending", None)]


async def test_a_workbook_gives_back_what_excel_took(office: Office) -> None:
    organisation = await office.organisation("92")
    first, second, third = new_phone(), new_phone(), new_phone()
    national_id = new_national_id()
    rows = [
        ["ก หนึ่ง", int(first), float(national_id), 920101],
        ["ข สอง", float(second), None, 920104.0],
        [" ค\u200b  สาม\n", f"'{third}", "", "๙๒๐๑๐๑"],
        [None, None, None, None],
    ]
    answer = await send(office, organisation, workbook(rows), mode="apply")
    assert answer.status_code == 201, answer.text
    assert answer.json()["rows"] == 3
    assert await people(office, organisation) == {
        first: ("ก หนึ่ง", "920101"),
        second: ("ข สอง", "920104"),
        third: ("ค สาม", "920101"),
    }
    again = await send(office, organisation, table([["ง สี่", new_phone(), national_id, "920101"]]))
    assert [error["code"] for error in again.json()["errors"]] == ["already_registered"]


async def test_each_fault_is_named_with_row_and_column(office: Office) -> None:
    organisation = await office.organisation("9201")
    registered = new_phone()
    await office.sign_up(group_code=await office.group_code(organisation), phone=registered, area="920101")
    phone, national_id = new_phone(), new_national_id()
    wrong_id = national_id[:-1] + str((int(national_id[-1]) + 1) % 10)
    rows = [
        ["ก ดี", phone, national_id, "920101"],
        ["", new_phone(), "", "920101"],
        ["ข", "8.12E+08", "1.1017E+12", "920101"],
        ["ค", "+44 7700 900123", "", "920101"],
        ["ง", "021234567", wrong_id, "9299"],
        ["", "", "", ""],
        ["จ", phone, "", "920101"],
        ["ฉ", new_phone(), national_id, "920101"],
        ["ช", registered, "", "920101"],
        ["ซ", new_phone(), "", "920201"],
        ["=1+1", new_phone(), "", ""],
        ["ญ" * 201, new_phone(), "", "920104"],
    ]
    answer = await send(office, organisation, table(rows))
    assert answer.status_code == 200
    found = answer.json()
    assert [(error["row"], error["column"], error["code"]) for error in found["errors"]] == [
        (3, "name", "required"),
        (4, "national_id", "scientific_notation"),
        (4, "phone", "scientific_notation"),
        (5, "phone", "mobile_foreign"),
        (6, "area", "unknown_area"),
        (6, "national_id", "national_id_check_digit"),
        (6, "phone", "mobile_malformed"),
        (8, "phone", "repeated"),
        (9, "national_id", "repeated"),
        (10, "phone", "already_registered"),
        (11, "area", "outside_organisation"),
        (12, "area", "required"),
        (12, "name", "formula"),
        (13, "name", "too_long"),
    ]
    assert (found["rows"], found["good"], found["bad"], found["added"]) == (11, 1, 10, 0)
    repeated = next(error for error in found["errors"] if error["row"] == 8)
    assert (repeated["first_row"], repeated["message"]) == (2, "The same stands in row 2")
    thai = await office.client.get(
        f"/v1/volunteer-imports/{found['import_id']}",
        headers={"Authorization": f"Bearer {office.administrator}", "Accept-Language": "th"},
    )
    assert [error["code"] for error in thai.json()["errors"]] == [error["code"] for error in found["errors"]]
    assert all(any("ก" <= letter <= "๛" for letter in error["message"]) for error in thai.json()["errors"])
    stored = await office.pool.fetch("SELECT to_jsonb(e)::text AS row FROM volunteer_import_error AS e")
    assert all(phone not in row["row"] and registered not in row["row"] for row in stored)


async def test_all_or_nothing_or_the_good_ones_as_asked(office: Office) -> None:
    organisation = await office.organisation("92")
    rows = [*good_rows(3), ["ผิด", "1", "", "920101"]]
    before = await office.pool.fetchval("SELECT count(*) FROM outbox")
    for params in ({"mode": "check"}, {}, {"mode": "apply"}, {"mode": "check", "partial": "true"}):
        answer = await send(office, organisation, table(rows), **params)
        assert (answer.status_code, answer.json()["good"], answer.json()["added"]) == (200, 3, 0), params
    assert await people(office, organisation) == {}
    assert await office.pool.fetchval("SELECT count(*) FROM outbox") == before
    taken = await send(office, organisation, table(rows), mode="apply", partial="true")
    assert (taken.status_code, taken.json()["added"]) == (201, 3)
    assert len(await people(office, organisation)) == 3
    again = await send(office, organisation, table(rows), mode="apply", partial="true")
    assert (again.status_code, again.json()["repeated"], again.json()["import_id"]) == (
        200,
        True,
        taken.json()["import_id"],
    )
    listed = await office.ask("GET", f"/v1/organisations/{organisation}/volunteer-imports", office.administrator)
    assert len(listed.json()["imports"]) == 5
    assert await office.pool.fetchval("SELECT count(*) FROM outbox") == before + 3


async def test_the_same_roll_twice_at_once_counts_once(office: Office) -> None:
    organisation = await office.organisation("92")
    file = table(good_rows(5))
    answers = await asyncio.gather(*(send(office, organisation, file, mode="apply") for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 201]
    assert len({answer.json()["import_id"] for answer in answers}) == 1
    assert len(await people(office, organisation)) == 5


async def test_two_processes_store_the_same_roll_once(office: Office) -> None:
    parts = office.app.state.parts
    organisation = Organisation(UUID(await office.organisation("92")), "หน่วยงาน", OrganisationKind.AGENCY, "92", None)
    file = table(good_rows(5)).encode()

    async def take(imports: Imports) -> tuple[Import, bool]:
        return await imports.take(
            file, organisation, mode=Mode.APPLY, partial=True, most=10, by=uuid4(), now=office.clock.now()
        )

    several = [Imports(parts.pool, parts.ring, parts.index) for _ in range(4)]
    answers = await asyncio.gather(*map(take, several))
    assert len({found.import_id for found, _ in answers}) == 1
    assert sorted(repeated for _, repeated in answers) == [False, True, True, True]
    assert len(await people(office, str(organisation.organisation_id))) == 5


async def test_who_signs_up_while_a_roll_is_stored_is_not_stored_twice(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look-up of who is registered has passed: the statement itself must leave them out."""

    async def nobody_known(self: Any, indexed: Any) -> Any:
        return list(indexed), []

    monkeypatch.setattr("services.registration.store.imports.Imports._apart", nobody_known)
    organisation = await office.organisation("92")
    rows = good_rows(4)
    code = await office.group_code(organisation)
    await office.sign_up(group_code=code, area="920101", phone=rows[1][1], name="ตัวจริง")
    whole = await send(office, organisation, table(rows), mode="apply")
    assert (whole.status_code, whole.json()["added"]) == (200, 0)
    assert [(error["row"], error["code"]) for error in whole.json()["errors"]] == [(3, "already_registered")]
    assert len(await people(office, organisation)) == 1
    part = await send(office, organisation, table(rows), mode="apply", partial="true")
    assert (part.status_code, part.json()["added"], part.json()["bad"]) == (201, 3, 1)
    assert (await people(office, organisation))[rows[1][1]][0] == "ตัวจริง"
    assert len(await people(office, organisation)) == 4


async def test_what_is_no_roll_is_refused_whole(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation = await office.organisation("92")
    for file, path, code in (
        (b"", "file", "empty_file"),
        (b" \n", "file", "empty_file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "file", "encoding"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "file", "old_workbook"),
        (b"PK\x03\x04" + bytes(100), "file", "not_a_workbook"),
        ("a,b,c\n1,2,3\n", "file", "no_header"),
        ("ชื่อ,เบอร์โทร\nก,0812345678\n", "header.area", "missing_column"),
        ("name,ชื่อ,phone,area\n", "header.name", "repeated_column"),
        (workbook([], ("ชื่อ", "รหัสตำบล")), "header.phone", "missing_column"),
    ):
        answer = await send(office, organisation, file)
        assert answer.status_code == 400, (code, answer.text)
        assert [(e["path"], e["code"]) for e in answer.json()["errors"]] == [(path, code)]
    monkeypatch.setattr(imports, "IMPORT_ROWS", 2)
    assert (await send(office, organisation, table(good_rows(2)))).status_code == 200
    answer = await send(office, organisation, table(good_rows(3)))
    assert answer.json()["errors"][0]["code"] == "too_many_rows"
    unknown = await send(office, organisation, table(good_rows(1), ("name", "phone", "shoe size", "area")))
    assert unknown.json()["ignored_columns"] == ["shoe size"]


async def test_a_file_beyond_20_megabytes_is_cut_off_while_it_arrives(office: Office) -> None:
    organisation = await office.organisation("92")
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(200):
            sent += 1
            yield b"x" * 2**20

    path = f"/v1/organisations/{organisation}/volunteer-imports"
    headers = {"Authorization": f"Bearer {office.administrator}"}
    answer = await office.client.post(path, content=endless(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    declared = await office.client.post(path, content=b"x", headers=headers | {"Content-Length": str(200 * 2**20)})
    assert declared.status_code == 413
    assert sent < 60, "the rest is not read"
    other = await office.client.post("/v1/volunteers", content=b"x" * 70_000)
    assert other.status_code == 413, "no other route takes more"


async def test_who_may_send_a_roll(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    organisation, other = await office.organisation("93"), await office.organisation("93")
    code = await office.group_code(organisation)
    volunteer = (await office.sign_up(group_code=code, area="930101")).json()["volunteer_id"]
    await office.approve(volunteer)
    contact = office.token(Role.VOLUNTEER, "930101", UUID(volunteer))
    file = table(good_rows(1, "930101"))
    assert (await send(office, organisation, file, contact)).status_code == 403
    await office.ask(
        "POST",
        f"/v1/organisations/{organisation}/contacts",
        office.administrator,
        json={"volunteer_id": volunteer},
    )
    taken = await send(office, organisation, file, contact, mode="apply")
    assert taken.status_code == 201
    assert (await send(office, other, file, contact)).status_code == 403
    assert (await send(office, organisation, file, office.token(Role.DISTRICT_COORDINATOR, "9301"))).status_code == 404
    shown = f"/v1/volunteer-imports/{taken.json()['import_id']}"
    assert (await office.ask("GET", shown, contact)).json()["sent_by"] == volunteer
    assert (await office.ask("GET", shown, office.token(Role.PROVINCE_ADMINISTRATOR, "94"))).status_code == 404
    assert (await office.ask("GET", shown, office.token(Role.VOLUNTEER, "93"))).status_code == 403
    assert (await office.ask("GET", f"/v1/volunteer-imports/{uuid4()}", contact)).status_code == 404
    limit = settings.IMPORTS_PER_SENDER
    monkeypatch.setattr(imports, "IMPORTS_PER_SENDER", type(limit)("few", 1, limit.window))
    assert (await send(office, organisation, file, contact)).status_code == 200
    assert (await send(office, organisation, file, contact)).status_code == 429


async def test_faults_come_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "IMPORT_ERRORS_PAGE", 3)
    organisation = await office.organisation("92")
    answer = (await send(office, organisation, table([["ก", "1", "", "920101"]] * 7))).json()
    rows = [error["row"] for error in answer["errors"]]
    path = f"/v1/volunteer-imports/{answer['import_id']}"
    while answer["cursor"]:
        answer = (await office.ask("GET", path, office.administrator, params={"cursor": answer["cursor"]})).json()
        rows += [error["row"] for error in answer["errors"]]
    assert rows == list(range(2, 9))
    assert (await office.ask("GET", path, office.administrator, params={"cursor": "WyJhIiwiYiJd"})).status_code == 400


async def test_others_are_answered_while_a_roll_is_read(office: Office) -> None:
    organisation = await office.organisation("92")
    rows = [[f"อาสา คน{n}", f"06{n:08}", "", "920101"] for n in range(4_000)]
    sending = asyncio.create_task(send(office, organisation, table(rows), mode="apply"))
    answered = 0
    while not sending.done():
        assert (await office.client.get("/healthz")).status_code == 200
        answered += 1
        await asyncio.sleep(0.005)
    assert (await sending).json()["added"] == 4_000
    assert answered > 10
