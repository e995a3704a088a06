"""Help asked for on a phone, seen within two seconds on the open map of who is near by, accepted, given."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import asyncpg
import pytest
from playwright.async_api import Browser, Locator, Page, expect

from deploy.local.stack import Stack
from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.visitors import DESK, PHONE, Office, new_phone

AREA: Final = "830101"
"""In Phuket, where no other test asks for help."""
POSITION: Final = {"latitude": 7.8804, "longitude": 98.3923, "accuracy": 14}
SECONDS: Final = 2.0
"""Within which whoever is near by sees a request."""
TAKE_PICTURES: Final = os.environ.get("JITASA_PICTURES")
"""A folder, for whoever wants to look at the pages."""


async def volunteer(office: Office, area: str = AREA) -> str:
    """The phone of a new volunteer."""
    organisation = await office.post("/v1/organisations", {"name": "อสม.", "kind": "agency", "area": area[:2]})
    body = {"name": "มานี ใจดี", "phone": new_phone(), "role": "volunteer", "area": area}
    await office.post("/v1/appointments", body | {"organisation_id": organisation["organisation_id"]})
    return body["phone"]


class Visit:
    """A page of the survey in somebody's browser."""

    def __init__(self, page: Page, office: Office) -> None:
        self.page, self.office = page, office
        addresses = office.addresses
        self.complaints = complaints_of(page, addresses.survey, addresses.registration)

    async def open(self, path: str) -> None:
        """Goes to a page and waits until it has what it asked for."""
        await self.page.goto(f"{self.office.addresses.survey}{path}")
        await expect(self.page.locator("body[data-ready]")).to_be_attached()

    async def press(self, name: str, within: Locator | None = None) -> None:
        """Presses a button."""
        await (within or self.page).get_by_role("button", name=name, exact=True).click()

    async def sign_in(self, phone: str) -> None:
        """Signs in on the way to the map, and waits until it is live."""
        await self.open("/help-map")
        await self.page.get_by_role("main").get_by_role("link", name="เข้าสู่ระบบ").click()
        await self.page.locator("[name=phone]").fill(phone)
        await self.press("ส่งรหัสทาง SMS")
        await self.page.locator("[name=code]").fill(await self.office.message(phone, "code"))
        await self.press("เข้าสู่ระบบ")
        await expect(self.page.locator("#state")).to_have_text("สด")

    async def fill(self, kind: str = "oxygen", phone: str | None = None) -> str:
        """Fills in what is asked for; the phone."""
        phone = phone or new_phone()
        await self.page.locator(f"input[value={kind}]").check()
        for digits in (2, 4, 6):
            await self.page.locator(f"#area-{digits}").select_option(AREA[:digits])
        await self.page.locator("[name=address]").fill("12/3 ซอยวัด บ้านสีฟ้า")
        await self.page.locator("[name=name]").fill("คุณยายมาลี")
        await self.page.locator("[name=phone]").fill(phone)
        return phone

    async def prove(self, phone: str) -> None:
        """Brings the code back."""
        await self.press("ส่งรหัสทาง SMS")
        await self.page.locator("[name=code]").fill(await self.office.message(phone, "proof_code"))

    async def fits(self, name: str) -> None:
        """Accessible and no wider than the screen, on a small phone and on a desk."""
        before = self.page.viewport_size
        for width, height in ((360, 800), (1440, 900)):
            await self.page.set_viewport_size({"width": width, "height": height})
            assert await self.page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert await violations_of(self.page) == [], (name, width)
            if TAKE_PICTURES:
                await self.page.screenshot(path=Path(TAKE_PICTURES) / f"{name}-{width}.png")
        if before is not None:
            await self.page.set_viewport_size(before)


@asynccontextmanager
async def visiting(browser: Browser, office: Office, device: dict[str, Any], **more: Any) -> AsyncIterator[Visit]:
    context = await browser.new_context(**device, **more)
    try:
        yield Visit(await context.new_page(), office)
    finally:
        await context.close()


@pytest.fixture
async def requests(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The survey's database."""
    connection = await asyncpg.connect(**stack.postgres.connection(database="survey"), timeout=10)
    yield connection
    await connection.close()


def entry(visit: Visit, request_id: str) -> Locator:
    return visit.page.locator(f"#list [data-request='{request_id}']")


async def test_help_is_asked_for_seen_at_once_and_given(
    browser: Browser, office: Office, requests: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    geolocation = {"permissions": ["geolocation"], "geolocation": POSITION}
    async with (
        visiting(browser, office, DESK) as near,
        visiting(browser, office, DESK) as other,
        visiting(browser, office, PHONE, **geolocation) as citizen,
    ):
        await near.sign_in(await volunteer(office))
        await other.sign_in(await volunteer(office))
        await citizen.open("/help")
        await citizen.fits("help-form")
        phone = await citizen.fill()
        await citizen.press("ใช้ตำแหน่งของฉัน (ไม่บังคับ)")
        await expect(citizen.page.get_by_text("คลาดเคลื่อนประมาณ 14 เมตร")).to_be_visible()
        await citizen.prove(phone)
        await citizen.fits("help-code")

        seen = near.page.locator("#list [data-status=waiting]")
        assert await seen.count() == 0
        asked = time.monotonic()
        await citizen.press("ยืนยันและขอความช่วยเหลือ")
        await seen.wait_for(state="attached")
        took = time.monotonic() - asked
        print(f"from the citizen's press to the helper's list and map: {took:.2f} s")
        assert took < SECONDS
        request_id = str(await seen.get_attribute("data-request"))
        assert UUID(request_id)
        text = await near.page.inner_text("body")
        assert not any(word in text for word in (phone, "มาลี", "12/3")), "masked until it is opened"

        mine = citizen.page.locator(f"[data-request='{request_id}']")
        await expect(mine).to_have_attribute("data-status", "waiting")
        await citizen.fits("help-mine")
        await near.fits("help-map-waiting")

        # Both press at once: one is shown whom to call, the other who was first.
        await asyncio.gather(
            *(one.press("รับคำขอ", entry(one, request_id)) for one in (near, other)), return_exceptions=True
        )
        await expect(entry(near, request_id)).to_have_attribute("data-status", "accepted")
        await expect(entry(other, request_id)).to_have_attribute("data-status", "accepted")
        owner = await requests.fetchval("SELECT owner FROM help_request WHERE request_id = $1", UUID(request_id))
        calls = [await one.page.get_by_role("link", name=f"โทร {phone}").count() for one in (near, other)]
        assert sorted(calls) == [0, 1]
        winner, second = (near, other) if calls[0] else (other, near)
        await expect(entry(winner, request_id)).to_contain_text("ท่านรับแล้ว")
        await expect(entry(second, request_id)).to_contain_text(f"อาสาสมัคร {str(owner)[-4:]} รับแล้ว")
        readers = await requests.fetch(
            "SELECT reader FROM reading WHERE households = ARRAY[$1::uuid]", UUID(request_id)
        )
        assert [row["reader"] for row in readers] == [owner]
        await winner.fits("help-map-accepted")

        await expect(mine).to_have_attribute("data-status", "accepted")
        await winner.press("กำลังไปช่วย", entry(winner, request_id))
        await expect(entry(second, request_id)).to_have_attribute("data-status", "helping")
        await expect(mine).to_have_attribute("data-status", "helping")
        done = entry(winner, request_id)
        await done.locator("summary", has_text="ปิดคำขอ").click()
        await done.locator("[name^=note]").fill("ส่งถังออกซิเจนแล้ว")
        await winner.press("ปิดคำขอ", done)
        for one in (near, other):
            await expect(entry(one, request_id)).to_have_count(0)
        await expect(mine).to_have_attribute("data-status", "done")
        for one in (near, other, citizen):
            assert [each for each in one.complaints if "409" not in each] == []


async def test_a_citizen_cancels_and_asks_again_without_another_code(browser: Browser, office: Office) -> None:
    async with visiting(browser, office, PHONE) as citizen:
        await citizen.open("/help")
        phone = await citizen.fill("food")
        await citizen.prove(phone)
        await citizen.press("ยืนยันและขอความช่วยเหลือ")
        mine = citizen.page.locator("li[data-request]")
        await expect(mine).to_have_attribute("data-status", "waiting")
        await citizen.press("ยกเลิกคำขอ")
        await citizen.press("ยกเลิกแน่นอน")
        await expect(mine).to_have_attribute("data-status", "cancelled")
        await citizen.press("ขอเรื่องอื่นเพิ่ม")
        await citizen.page.locator("input[value=advice]").check()
        for digits in (2, 4, 6):
            await citizen.page.locator(f"#area-{digits}").select_option(AREA[:digits])
        await expect(citizen.page.locator("[name=phone]")).to_have_value(phone)
        await citizen.page.get_by_role("button", name="ขอความช่วยเหลือ", exact=True).click()
        await expect(mine).to_have_count(2)
        await citizen.page.reload()
        await expect(mine).to_have_count(2)
        await citizen.page.locator("#language").click()
        await expect(citizen.page.get_by_role("heading", name="My requests")).to_be_visible()
        await expect(mine.first).to_contain_text("Waiting")
        assert citizen.complaints == []


async def test_what_is_missing_or_wrong_is_said_where_it_is(browser: Browser, office: Office) -> None:
    async with visiting(browser, office, PHONE) as citizen:
        await citizen.open("/help")
        await citizen.press("ส่งรหัสทาง SMS")
        await expect(citizen.page.locator("#kind-error")).to_be_visible()
        await citizen.page.locator("input[value=food]").check()
        await citizen.press("ส่งรหัสทาง SMS")
        await expect(citizen.page.locator("#area-error")).to_be_visible()
        await citizen.fill("food", phone="12")
        await citizen.press("ส่งรหัสทาง SMS")
        await expect(citizen.page.locator("#field-phone-error")).to_contain_text("10 หลัก")
        phone = await citizen.fill("food")
        await citizen.press("ส่งรหัสทาง SMS")
        code = await office.message(phone, "proof_code")
        wrong = "000000" if code != "000000" else "000001"
        await citizen.page.locator("[name=code]").fill(wrong)
        await citizen.press("ยืนยันและขอความช่วยเหลือ")
        await expect(citizen.page.locator("#field-code-error")).to_be_visible()
        await citizen.page.locator("[name=code]").fill(code)
        await citizen.press("ยืนยันและขอความช่วยเหลือ")
        await expect(citizen.page.locator("li[data-request]")).to_have_count(1)
        assert [each for each in citizen.complaints if "400" not in each] == []


async def test_a_lost_answer_is_asked_again_and_is_one_request(
    browser: Browser, office: Office, requests: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with visiting(browser, office, PHONE) as citizen:
        await citizen.open("/help")
        phone = await citizen.fill("medicine")
        await citizen.prove(phone)
        sent: list[Any] = []

        async def lose(route: Any) -> None:
            sent.append(route.request.post_data_json["request_id"])
            answer = await route.fetch()
            assert answer.status in (200, 201)
            if len(sent) == 1:
                await route.abort()
            else:
                await route.fulfill(response=answer)

        await citizen.page.route(re.compile(r"/v1/help-requests$"), lose)
        await citizen.press("ยืนยันและขอความช่วยเหลือ")
        await expect(citizen.page.locator(".form-error")).to_contain_text("ติดต่อระบบไม่ได้")
        await citizen.press("ยืนยันและขอความช่วยเหลือ")
        await expect(citizen.page.locator("li[data-request]")).to_have_count(1)
        assert sent[0] == sent[1]
        found = await requests.fetchval("SELECT count(*) FROM help_request WHERE request_id = $1", UUID(sent[0]))
        assert found == 1


async def test_the_map_without_a_sign_in_shows_counts_alone_and_works_by_keyboard(
    browser: Browser, office: Office
) -> None:
    async with visiting(browser, office, PHONE) as anybody:
        await anybody.open("/help-map")
        await anybody.page.locator("#area-2").select_option("83")
        await anybody.page.locator("#area-4").select_option("8301")
        await expect(anybody.page.locator("table")).to_be_visible()
        await anybody.fits("help-map-public")
        await anybody.page.keyboard.press("Tab")
        assert anybody.complaints == []
