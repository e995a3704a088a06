"""A volunteer's own data on the pages: told before he signs up, his copy, his name, and the end of it."""

import asyncio
import json
import re
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from deploy.local.stack import Stack
from services.registration.privacy.notices import NOTICES
from tests.e2e.accessibility import violations_of
from tests.e2e.visitors import DESK, PHONE, Office, Visitor, new_phone, visiting

SUBDISTRICT, OTHERS = "950101", "950201"  # Yala: where no other test registers anybody
NAME, RENAMED = "พิมพ์จันทร์ ศิลามณีรัตนะ", "พิมพ์จันทร์ ศิลามณี"


async def fits(page: Page) -> None:
    """Nothing is cut off at the side, and nobody is shut out."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await violations_of(page) == []


async def signs_up(visitor: Visitor, office: Office, phone: str) -> None:
    """Fills the sign-up in below the notice."""
    organisation = await office.post("/v1/organisations", {"name": "อบต.", "kind": "agency", "area": SUBDISTRICT[:2]})
    codes = f"/v1/organisations/{organisation['organisation_id']}/group-codes"
    code = (await office.post(codes, {}))["code"]
    await visitor.open(f"/sign-up#code={code}")
    await visitor.fill(name=NAME, phone=phone)
    await visitor.choose_area(SUBDISTRICT)
    await visitor.press("ต่อไป")
    await visitor.fill(code=await office.message(phone, "confirmation_code"))


async def fetched(stack: Stack, statement: str, *arguments: Any) -> list[dict[str, Any]]:
    """Rows of registration's database."""
    connection = await asyncpg.connect(**stack.postgres.connection(database="registration"))
    try:
        return [dict(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def person_of(stack: Stack, notice: str, area: str = SUBDISTRICT) -> dict[str, Any]:
    """The one person of a subdistrict who was shown a version of the notice."""
    statement = "SELECT person_id, status, notice_shown, phone_index FROM person WHERE area = $1 AND notice = $2"
    (found,) = await fetched(stack, statement, area, notice)
    return found


async def count(stack: Stack, area: str, notice: str, shown: str) -> int:
    """How many of a subdistrict were shown a version of the notice so."""
    statement = "SELECT FROM person WHERE area = $1 AND notice = $2 AND notice_shown = $3"
    return len(await fetched(stack, statement, area, notice, shown))


@pytest.mark.parametrize("device", [PHONE, DESK], ids=["phone", "desk"])
async def test_the_notice_is_read_before_one_signs_up(browser: Browser, office: Office, device: dict[str, Any]) -> None:
    notice = NOTICES[-1]
    async with visiting(browser, office, device) as visitor:
        await visitor.open("/sign-up")
        told = visitor.page.locator("section.privacy")
        await expect(told).to_contain_text(notice.spoken.th)
        await expect(told.get_by_text(notice.text[-1].th)).to_be_hidden()
        await told.locator("summary").click()
        for paragraph in notice.text:
            await expect(told.get_by_text(paragraph.th)).to_be_visible()
        await fits(visitor.page)
        await visitor.page.locator("#language").click()
        await expect(told).to_contain_text(notice.spoken.en)
        await expect(told.get_by_text(notice.text[-1].en)).to_be_visible()
        await fits(visitor.page)
        assert visitor.complaints == []


async def test_a_volunteer_takes_his_copy_corrects_his_name_and_is_erased(
    browser: Browser, office: Office, stack: Stack
) -> None:
    phone = new_phone()
    async with visiting(browser, office, PHONE) as visitor:
        await signs_up(visitor, office, phone)
        version = NOTICES[-1].version
        person = await person_of(stack, version)
        assert person["notice_shown"] == "page"
        await office.post(f"/v1/volunteers/{person['person_id']}/approval")
        await visitor.sign_in(phone)
        await visitor.open("/me")
        page = visitor.page
        await expect(page.locator("dl.facts")).to_contain_text(phone)
        await fits(page)
        for press, ending in (("ดาวน์โหลดเพื่ออ่านหรือพิมพ์", "html"), ("ดาวน์โหลดเป็น JSON", "json")):
            async with page.expect_download() as waiting:
                await visitor.press(press)
            saved = await waiting.value
            assert saved.suggested_filename == f"my-data.{ending}"
            content = (await asyncio.to_thread((await saved.path()).read_bytes)).decode()
            assert NAME in content
            assert phone in content
        assert json.loads(content)["person"]["notice"] == version

        await visitor.fill(name=RENAMED)
        await visitor.press("บันทึกชื่อ")
        await expect(page.locator("#notice")).to_have_text("บันทึกชื่อแล้ว")
        await visitor.open("/me")
        await expect(page.locator("dl.facts")).to_contain_text(RENAMED)

        await visitor.fill(phone=(phone := new_phone()))
        await visitor.press("ส่งรหัสทาง SMS")
        await visitor.fill(code=await office.message(phone, "proof_code"))
        await fits(page)
        await visitor.press("เปลี่ยนไปใช้เบอร์นี้")
        await page.wait_for_url(re.compile("/sign-in"))
        await visitor.sign_in(phone)
        await visitor.open("/me")
        await expect(page.locator("dl.facts")).to_contain_text(phone)

        await visitor.press("ลบข้อมูลและบัญชีของฉัน")
        await expect(page.locator("dialog")).to_contain_text("กู้คืนไม่ได้")
        await fits(page)
        await expect(page.locator("dialog").get_by_role("button", name="ยกเลิก")).to_be_focused()
        await visitor.press("ยกเลิก")
        assert (await person_of(stack, version))["status"] == "approved", "whoever thinks again stays"
        await visitor.press("ลบข้อมูลและบัญชีของฉัน")
        await visitor.press("ลบถาวร")
        await expect(page.locator(".done")).to_contain_text("ลบข้อมูลของท่านแล้ว")
        await fits(page)
        assert await page.evaluate("sessionStorage.length") == 0
        erased = await person_of(stack, version)
        assert (erased["status"], erased["phone_index"]) == ("withdrawn", None)
        await visitor.open("/me")
        await expect(page).to_have_url(re.compile("/sign-in"))
        assert visitor.complaints == []


@pytest.mark.parametrize("device", [PHONE, DESK], ids=["phone", "desk"])
async def test_staff_hand_a_copy_over_and_erase_at_a_written_request(
    browser: Browser, office: Office, stack: Stack, device: dict[str, Any]
) -> None:
    phone = new_phone()
    organisation = await office.post("/v1/organisations", {"name": "อบต.", "kind": "agency", "area": SUBDISTRICT[:2]})
    codes = f"/v1/organisations/{organisation['organisation_id']}/group-codes"
    code = (await office.post(codes, {}))["code"]
    signs = {"name": NAME, "phone": phone, "area": SUBDISTRICT, "group_code": code}
    volunteer = (await office.post("/v1/volunteers", signs))["volunteer_id"]
    async with visiting(browser, office, device) as visitor:
        page = visitor.page
        await visitor.sign_in(await office.coordinator(SUBDISTRICT[:4]))
        await visitor.open("/volunteers")
        await page.locator("[name=by]").select_option("phone")
        await visitor.fill(words=phone)
        await visitor.press("ค้นหา")
        found = page.locator(f"li[data-person='{volunteer}']")
        await expect(found).to_contain_text(NAME)
        await found.locator("summary").click()
        await fits(page)
        async with page.expect_download() as waiting:
            await visitor.press("ดาวน์โหลดเพื่ออ่านหรือพิมพ์")
        assert NAME in (await asyncio.to_thread((await (await waiting.value).path()).read_bytes)).decode()
        await visitor.press("ลบข้อมูลของบุคคลนี้")
        await fits(page)
        await visitor.fill(reason="หนังสือลงวันที่ 4 ตรวจบัตรแล้ว")
        await visitor.press("ลบถาวร")
        await expect(page.locator("#notice")).to_have_text("ลบข้อมูลแล้ว")
        await expect(found).to_have_count(0)
        statement = "SELECT status, phone_index FROM person WHERE person_id = $1"
        assert await fetched(stack, statement, volunteer) == [{"status": "withdrawn", "phone_index": None}]
        assert visitor.complaints == []


async def test_who_enters_others_says_what_they_were_told(browser: Browser, office: Office, stack: Stack) -> None:
    version = NOTICES[-1].version
    whole = {"name": "ชมรม", "kind": "network_partner", "area": OTHERS}
    organisation = await office.post("/v1/organisations", whole)
    async with visiting(browser, office, PHONE) as visitor:
        page = visitor.page
        await visitor.sign_in(await office.coordinator(OTHERS[:4]))
        await office.post("/v1/registration-help", {"name": "ยายมาลี", "phone": new_phone(), "area": OTHERS})
        await visitor.open("/desk")
        await visitor.press("ลงทะเบียนให้")
        window = page.locator("dialog")
        await expect(window).to_contain_text(NOTICES[-1].spoken.th)
        await expect(window.locator("[name=read_out]")).not_to_be_checked()
        await window.locator("[name=read_out]").check()
        await fits(page)
        await window.locator("button.primary").click()
        await expect(window).to_have_count(0)
        assert (await person_of(stack, version, OTHERS))["notice_shown"] == "spoken"

        for told, rows in ((False, 0), (True, 1)):
            await visitor.open(f"/organisation?id={organisation['organisation_id']}")
            roll = f"ชื่อ-สกุล,เบอร์โทร,รหัสตำบล\nสมหญิง ใจดี,{new_phone()},{OTHERS}\n".encode()
            await page.locator("[name=file]").set_input_files(
                FilePayload(name="a.csv", mimeType="text/csv", buffer=roll)
            )
            await visitor.press("ตรวจไฟล์")
            await expect(page.locator("[name=told]")).not_to_be_checked()
            await page.locator("[name=told]").set_checked(told)
            await fits(page)
            await visitor.press("ลงทะเบียน 1 คน")
            await expect(page.locator("#notice")).to_be_visible()
            assert await count(stack, OTHERS, version, "roll") == rows
        assert visitor.complaints == []
