"""A household asks to be forgotten, and is: on the pages, then in every file of Kafka, PostgreSQL and the logs.

Its names, numbers, address and words occur nowhere else, and are looked for in every spelling in which a program might
have written them: before the erasure, since nothing may be readable then either, and after it.
"""

import asyncio
import base64
import json
import re
import time
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from shared.security.sealing import KeyRing, SealBroken, Sealed, retire, rotate
from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.files import files_with
from tests.e2e.visitors import Office, authorization

DISTRICT, AREA = "5003", "500301"
NAME, PHONE, NATIONAL_ID = "พิมพ์จันทร์ ศิลามณีรัตนะ", "0687654329", "3101200567891"
HOUSE, NOTE, WORDS = "ตรอกดาวเรือง 4471/83", "ชอบนั่งเล่นใต้ต้นลีลาวดีหลังบ้าน", "ไม่ประสงค์ให้เก็บเรื่องเบาหวานของข้าพเจ้า"
CANARIES: Final = (*NAME.split(), *HOUSE.split(), NATIONAL_ID, PHONE[1:], NOTE, WORDS)
DEADLINE_SECONDS: Final = 90.0
DEVICES: Final = ({"viewport": {"width": 360, "height": 800}}, {"viewport": {"width": 1440, "height": 900}})


def spellings(canary: str) -> Iterator[bytes]:
    """UTF-8, UTF-16 both ways, Windows-874, JSON's escapes, in an address, as hexadecimal digits and as base64 at each
    of the three places where it may begin."""
    utf8 = canary.encode()
    yield utf8
    yield from (canary.encode("utf-16-le"), canary.encode("utf-16-be"), canary.encode("cp874"))
    escaped = json.dumps(canary)[1:-1]
    yield from (escaped.encode(), re.sub(r"(?<=\\u)....", lambda hexa: hexa[0].upper(), escaped).encode())
    yield urllib.parse.quote(canary).encode()
    yield from (utf8.hex().encode(), utf8.hex().upper().encode())
    for before in range(3):
        inner = base64.b64encode(b"\0" * before + utf8 + b"\0\0")
        first, last = -(-before * 8 // 6), (before + len(utf8)) * 8 // 6
        yield from (inner[first:last], inner[first:last].replace(b"+", b"-").replace(b"/", b"_"))


ANY: Final = re.compile(b"|".join(re.escape(one) for canary in CANARIES for one in set(spellings(canary))))


async def dumped(stack: Stack) -> bytes:
    """Every row of every table of the survey and of registration, as a dump would have it: text, and binary as
    hexadecimal digits."""
    text = bytearray()
    for database in ("survey", "registration"):
        connection = await asyncpg.connect(**stack.postgres.connection(database=database))
        try:
            tables = await connection.fetch("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r'")
            for (table,) in tables:

                async def take(data: bytes) -> None:
                    text.extend(data)

                await connection.copy_from_query(f"SELECT * FROM {table}", output=take)  # noqa: S608 - tables of the server
        finally:
            await connection.close()
    return bytes(text)


@pytest.fixture(scope="module")
async def survey_database(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The survey's database, as the server's own role."""
    connection = await asyncpg.connect(**stack.postgres.connection(database="survey"))
    yield connection
    await connection.close()


async def until(what: str, connection: Any, statement: str, *arguments: Any) -> Any:
    """The value of a statement once it is neither null nor false."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not (value := await connection.fetchval(statement, *arguments)):
            await asyncio.sleep(0.1)
    return value


async def opened(page: Page, address: str) -> None:
    """Goes to a page and waits until it has what it asked for."""
    await page.goto(address)
    await expect(page.locator("body[data-ready]")).to_be_attached()


async def fits(page: Page) -> None:
    """Nothing is cut off at the side, and nobody is shut out."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await violations_of(page) == []


async def visited(stack: Stack, database: Any, coordinator: str) -> UUID:
    """The household: surveyed, and a person of it followed up."""
    survey = stack.addresses().survey
    async with httpx.AsyncClient(base_url=survey, timeout=30, trust_env=False) as http:
        submission_id = str(uuid4())
        body = {
            "submission_id": submission_id,
            "captured_at": (datetime.now(UTC) - timedelta(minutes=5)).isoformat(),
            "address": {"area": AREA, "house": HOUSE},
            "contact": {"name": NAME, "phone": PHONE},
            "persons": [{"name": NAME, "national_id": NATIONAL_ID, "age": 71, "wants_vaccine": "yes"}],
            "notice": "2022-01",
        }
        sent = await http.post("/v1/submissions", json=body, headers=authorization(coordinator))
        assert sent.status_code == 202, sent.text
        found = "SELECT household_id FROM submission WHERE submission_id = $1"
        household: UUID = await until("it was not recorded", database, found, UUID(submission_id))
        person = await until(
            "nobody to reach", database, "SELECT person_id FROM reach WHERE household_id = $1", household
        )
        told = {
            "follow_up_id": str(uuid4()),
            "captured_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
            "household_id": str(household),
            "person_id": str(person),
            "outcome": "no_answer",
            "contact": "visit",
            "note": NOTE,
        }
        sent = await http.post("/v1/follow-ups", json=told, headers=authorization(coordinator))
        assert sent.status_code == 202, sent.text
        await until("no follow-up", database, "SELECT count(*) FROM follow_up WHERE household_id = $1", household)
    return household


def test_every_spelling_would_be_seen_wherever_it_begins() -> None:
    for canary in CANARIES:
        utf8 = canary.encode()
        for before in range(6):
            inside = base64.b64encode(b"\xfe" * before + utf8 + b"\xfe" * (before % 3))
            assert ANY.search(inside), (canary, before)
        for written in (
            utf8,
            canary.encode("utf-16")[2:],
            canary.encode("utf-16-be"),
            canary.encode("cp874"),
            json.dumps(canary).encode(),
            urllib.parse.quote(canary).encode(),
            utf8.hex().encode(),
        ):
            assert ANY.search(b"..." + written + b"..."), (canary, written)


async def test_what_is_written_plain_would_be_found_in_the_files(
    stack: Stack, survey_database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """The look into the files finds what is there: in a table's file and in the log of changes."""
    planted = "ผู้เฝ้าประภาคาร5567"
    await survey_database.execute("CREATE TABLE planted (text text)")
    try:
        await survey_database.execute("INSERT INTO planted VALUES ($1)", planted)
        await survey_database.execute("CHECKPOINT")
        found = files_with(stack, re.compile(re.escape(planted.encode())))
        assert {path.split("/")[2] for path in found} == {"base", "pg_wal"}
    finally:
        await survey_database.execute("DROP TABLE planted")


async def test_a_household_asks_to_be_forgotten_and_nothing_readable_is_left(
    stack: Stack, office: Office, browser: Browser, survey_database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    database = survey_database
    phone = await office.coordinator(DISTRICT)
    granted = await office.tokens(phone)
    household = await visited(stack, database, granted["access_token"])
    of_it = "SELECT wrapped_key, sealed, key_id FROM submission WHERE household_id = $1 AND wrapped_key IS NOT NULL"
    sealed = await database.fetch(of_it, household)
    assert len(sealed) == 2
    await database.execute("CHECKPOINT")
    assert files_with(stack, ANY) == {}, "nothing was readable before"
    address = stack.addresses()

    mine = await (await browser.new_context(**DEVICES[0])).new_page()  # type: ignore[arg-type]
    complaints = complaints_of(mine, address.survey, address.registration, address.reporting)
    await opened(mine, f"{address.survey}/privacy")
    await fits(mine)
    await mine.locator("[name=phone]").fill(PHONE)
    await mine.get_by_role("button", name="ส่งรหัสทาง SMS").click()
    await expect(mine.locator("[name=code]")).to_be_visible()
    await mine.locator("[name=code]").fill(await proof_code(office))
    await mine.get_by_role("button", name="ยืนยัน", exact=True).click()
    await mine.locator("[name=kind]").select_option("erasure")
    for digits in (2, 4, 6):
        await mine.locator(f"#area-{digits}").select_option(AREA[:digits])
    await mine.locator("[name=house]").fill(HOUSE)
    await mine.locator("[name=name]").fill(NAME)
    await mine.locator("[name=text]").fill(WORDS)
    await mine.get_by_role("button", name="ส่งคำขอ", exact=True).click()
    await expect(mine.locator("#requests")).to_contain_text("รอพิจารณา")
    await fits(mine)

    at_desk = await browser.new_context(**DEVICES[1])  # type: ignore[arg-type]
    kept = {
        "access": granted["access_token"],
        "refresh": granted["refresh_token"],
        "expires": time.time() * 1000 + 600_000,
    }
    await at_desk.add_init_script(f"sessionStorage.setItem('jitasa.sign-in', {json.dumps(json.dumps(kept))})")
    desk = await at_desk.new_page()
    complaints_there = complaints_of(desk, address.survey, address.registration, address.reporting)
    await opened(desk, f"{address.survey}/privacy?work")
    request = desk.locator("#queue [data-request]")
    await request.get_by_role("button", name="เปิดดู").click()
    await expect(request).to_contain_text(WORDS)
    await expect(request).to_contain_text("เบอร์ที่ขอตรงกับเบอร์ของครัวเรือน")
    await fits(desk)
    await request.locator("[name=reason]").fill("เจ้าของข้อมูลขอ")
    await request.get_by_role("button", name="บันทึกผล").click()
    await expect(request).to_contain_text("อนุมัติแล้ว")  # the list was made anew, with everything closed
    await request.get_by_role("button", name="เปิดดู").click()
    await request.get_by_role("button", name="ลบข้อมูลเดี๋ยวนี้").click()
    await desk.locator("dialog").get_by_role("button", name="ลบ", exact=True).click()
    await expect(desk.locator("#queue")).to_contain_text("ไม่มีคำขอในพื้นที่นี้")
    assert complaints_there == []

    await until(
        "not erased", database, "SELECT erased_at IS NOT NULL FROM household WHERE household_id = $1", household
    )
    await opened(mine, f"{address.survey}/privacy")
    await expect(mine.locator("#requests")).to_contain_text("เสร็จแล้ว")
    await expect(mine.locator("#requests")).to_contain_text("เจ้าของข้อมูลขอ")
    assert complaints == []

    await forgotten(stack, database, household, sealed)


async def proof_code(office: Office) -> str:
    """The code that was sent to prove the phone."""
    return await office.message(PHONE, "proof_code")


async def forgotten(stack: Stack, database: Any, household: UUID, sealed: list[asyncpg.Record]) -> None:
    """Nothing readable anywhere; no key in any row; and after a rotation no copy of one that opens."""
    gone = "SELECT count(*) FROM submission WHERE household_id = $1 AND wrapped_key IS NOT NULL"
    assert await database.fetchval(gone, household) == 0
    for table in ("reach", "follow_up"):
        assert await database.fetchval(f"SELECT count(*) FROM {table} WHERE household_id = $1", household) == 0  # noqa: S608
    dump = await dumped(stack)
    assert ANY.findall(dump) == []
    keys = [row["wrapped_key"] for row in sealed]
    assert [key for key in keys if key.hex().encode() in dump] == []
    await database.execute("VACUUM submission")
    await database.execute("CHECKPOINT")
    assert files_with(stack, ANY) == {}

    # The wrapped keys' bytes are still in Kafka's log of intake and in PostgreSQL's log of changes. They end with the
    # key that they are wrapped under: rotated, wrapped anew, retired.
    copies = files_with(stack, re.compile(b"|".join(map(re.escape, keys))))
    assert {path.split("/")[0] for path in copies} <= {"kafka", "postgres"}
    ring_file = stack.secrets.sealing_keys
    old = json.loads(ring_file.read_text())["keys"]["k1"]
    before = KeyRing.from_file(ring_file)
    rotate(ring_file, datetime.now(UTC))
    left = "SELECT count(*) = 0 FROM submission WHERE wrapped_key IS NOT NULL AND key_id = 'k1'"
    await until("they were not wrapped anew", database, left)
    retire(ring_file, "k1")
    assert before.reload()
    for row in sealed:
        with pytest.raises(SealBroken, match="not in the ring"):
            before.open_sealed(
                Sealed(row["key_id"], row["wrapped_key"], row["sealed"]), household=str(household), field="submission"
            )
    wanted = re.compile(b"|".join(map(re.escape, (old.encode(), base64.b64decode(old)))))
    assert files_with(stack, wanted) == {}, "the old key is in no file"
