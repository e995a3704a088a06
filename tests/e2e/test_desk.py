"""The coordinator's desk in the browser: a list of houses brought in, given out, surveyed; a record put right."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.visitors import DESK, PHONE, Office, authorization, new_phone, until

DISTRICT: Final = "9204"
AREA: Final = "920401"
"""In Trang, where no other test of the browser surveys."""
LIST: Final = "หมู่ที่,บ้านเลขที่,ห้อง\n" + "".join(f"{village},{house},\n" for village in (1, 2, 3) for house in range(1, 31))
BAD: Final = "หมู่ที่,บ้านเลขที่\n1,31\n999,32\n1,5-ธ.ค.\n1,31\n"


@dataclass
class Desk:
    """A coordinator's browser at the survey's desk, and who surveys there."""

    page: Page
    office: Office
    complaints: list[str]
    coordinator: str
    volunteer_id: str
    volunteer: str

    async def open(self, query: str = "") -> None:
        """Goes to the desk and waits until it has what it asked for."""
        await self.page.goto(f"{self.office.addresses.survey}/desk?{query}")
        await expect(self.page.locator("body[data-ready]")).to_be_attached()

    async def send(self, house: str, village: str = f"{AREA}01", **more: Any) -> str:
        """A survey by the volunteer, recorded."""
        submission_id = str(uuid4())
        body = {
            "submission_id": submission_id,
            "captured_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
            "address": {"area": AREA, "village": village, "house": house},
            "contact": {"name": "บุญมี คงดี", "phone": "0812345678"},
            "persons": [{"name": "บุญมี คงดี", "age": 71, "wants_vaccine": "yes"}],
        } | more
        address, headers = self.office.addresses.survey, authorization(self.volunteer)
        answer = await self.office.client.post(f"{address}/v1/submissions", json=body, headers=headers)
        assert answer.status_code == 202, answer.text

        async def recorded() -> str | None:
            fate = await self.office.client.get(f"{address}/v1/submissions/{submission_id}", headers=headers)
            return submission_id if fate.json()["status"] in ("recorded", "superseded") else None

        return await until(recorded)

    async def fits(self) -> None:
        """Accessible, and no wider than the screen, on a small phone and on a desk."""
        for width in (1440, 360):
            await self.page.set_viewport_size({"width": width, "height": 800})
            assert await self.page.evaluate("document.documentElement.scrollWidth") == width
            assert await violations_of(self.page) == []
        await self.page.set_viewport_size({"width": 1440, "height": 900})


@pytest.fixture(scope="module")
async def people(office: Office) -> tuple[str, str, str]:
    """A coordinator of the district, and a volunteer of the subdistrict: two tokens, and the volunteer's id."""
    coordinator = (await office.tokens(await office.coordinator(DISTRICT)))["access_token"]
    organisation = await office.post("/v1/organisations", {"name": "อสม. ตรัง", "kind": "agency", "area": DISTRICT})
    phone = new_phone()
    person = {"name": "มาลี ใจงาม", "phone": phone, "area": AREA, "organisation_id": organisation["organisation_id"]}
    volunteer = await office.post("/v1/volunteers/assisted", person | {"approve": True})
    return coordinator, volunteer["volunteer_id"], (await office.tokens(phone))["access_token"]


@asynccontextmanager
async def at_the_desk(
    browser: Browser, office: Office, people: tuple[str, str, str], device: dict[str, Any] = DESK
) -> AsyncIterator[Desk]:
    coordinator, volunteer_id, volunteer = people
    context = await browser.new_context(**device)
    kept = json.dumps({"access": coordinator, "refresh": "none", "expires": 10**15})
    await context.add_init_script(f"sessionStorage.setItem('jitasa.sign-in', {json.dumps(kept)})")
    page = await context.new_page()
    addresses = office.addresses
    complaints = complaints_of(page, addresses.survey, addresses.registration, addresses.reporting)
    try:
        yield Desk(page, office, complaints, coordinator, volunteer_id, volunteer)
    finally:
        await context.close()


def a_file(text: str) -> Any:
    return {"name": "houses.csv", "mimeType": "text/csv", "buffer": text.encode()}


@pytest.fixture(scope="module")
async def listed(office: Office, people: tuple[str, str, str]) -> None:
    """Three villages of thirty houses on the list."""
    answer = await office.client.post(
        f"{office.addresses.survey}/v1/houses/imports",
        params={"mode": "apply", "area": AREA},
        content=LIST.encode(),
        headers=authorization(people[0]),
    )
    assert answer.is_success, answer.text


async def test_a_list_is_checked_first_and_stored_once(
    browser: Browser, office: Office, people: tuple[str, str, str], listed: None
) -> None:
    async with at_the_desk(browser, office, people) as desk:
        page = desk.page
        await desk.open(f"view=lists&area={AREA}")
        await page.locator("[name=file]").set_input_files(a_file(BAD))
        await page.get_by_role("button", name="ตรวจไฟล์").click()
        await expect(page.locator("table.errors tbody tr")).to_have_count(3)
        await expect(page.locator("table.errors tbody")).to_contain_text("วันที่")
        await desk.fits()
        await page.get_by_role("button", name="บันทึกเฉพาะ 1 แถวที่ใช้ได้").click()
        await expect(page.locator("#notice")).to_contain_text("เพิ่มบ้านแล้ว 1 หลัง")
        await page.locator("[name=file]").set_input_files(a_file(BAD))
        await page.get_by_role("button", name="ตรวจไฟล์").click()
        await page.get_by_role("button", name="บันทึกเฉพาะ 1 แถวที่ใช้ได้").click()
        await expect(page.locator("#notice")).to_contain_text("ไม่มีอะไรเปลี่ยน")

        await page.locator("[name=village]").fill("1")
        await page.locator("[name=house]").fill("12/8")
        await page.get_by_role("button", name="เพิ่มบ้าน").click()
        await expect(page.locator("#notice")).to_contain_text("เพิ่มบ้านเลขที่ 12/8 แล้ว")
        assert desk.complaints == []


async def test_houses_are_given_out_visited_and_seen_as_done(
    browser: Browser, office: Office, people: tuple[str, str, str], listed: None
) -> None:
    async with at_the_desk(browser, office, people) as desk:
        page = desk.page
        await desk.open(f"area={AREA}&view=houses&village={AREA}02")
        await page.locator("#first-number").fill("1")
        await page.locator("#last-number").fill("26")
        await page.get_by_role("button", name="เลือกช่วงนี้").click()
        await expect(page.locator(".tools [role=status]")).to_contain_text("26 จาก 30")
        await page.locator("#whose").select_option(label="มาลี ใจงาม")
        await page.get_by_role("button", name="มอบหมาย", exact=True).click()
        await expect(page.locator("#notice")).to_contain_text("มอบหมายแล้ว 26 หลัง")
        await expect(page.locator("tr[data-house='26']")).to_contain_text("มาลี ใจงาม")
        await expect(page.locator("tr[data-house='27']")).to_contain_text("ยังไม่มี")
        await desk.fits()

        await desk.send("3", f"{AREA}02")
        await desk.send("77", f"{AREA}02")  # which is not on the list
        await desk.open(f"area={AREA}&view=houses&village={AREA}02")
        await expect(page.locator("tr[data-house='3']")).to_have_attribute("data-state", "done")
        row = page.locator("tr[data-house='77']")
        await expect(row).to_contain_text("นอกรายชื่อ")
        await row.get_by_role("button", name="เพิ่มในรายชื่อ").click()
        await expect(row.locator("input[type=checkbox]")).to_be_visible()
        await page.locator("#only").select_option("done")
        await expect(page.locator(".houses tbody tr")).to_have_count(2)

        await desk.open("")
        await expect(page.locator(".bars li")).to_have_count(1)  # the district's one subdistrict with houses
        await page.locator(".bars a").click()
        await expect(page.locator("body[data-ready]")).to_be_attached()
        await expect(page.locator(".bars li").nth(1)).to_contain_text("2 จาก 31")
        await desk.fits()
        assert desk.complaints == []


async def test_progress_names_volunteers_and_does_without_names(
    browser: Browser, office: Office, people: tuple[str, str, str], listed: None
) -> None:
    async with at_the_desk(browser, office, people) as desk:
        await desk.send("5", f"{AREA}03")
        await desk.open(f"view=volunteers&area={AREA}")
        row = desk.page.locator(f"tr[data-volunteer='{desk.volunteer_id}']")
        await expect(row).to_contain_text("มาลี ใจงาม")
        await desk.fits()
        assert desk.complaints == []

        await desk.page.route(f"{office.addresses.registration}/v1/volunteers*", lambda route: route.abort())
        await desk.open(f"view=volunteers&area={AREA}")
        await expect(row).to_contain_text(desk.volunteer_id[-6:])
        await expect(desk.page.locator("#notice")).to_contain_text("รหัส")


async def test_while_the_addresses_are_not_told_the_desk_says_so_and_signs_nobody_out(
    browser: Browser, office: Office, people: tuple[str, str, str]
) -> None:
    async with at_the_desk(browser, office, people) as desk:
        page = desk.page
        kept = json.dumps({"access": desk.coordinator, "refresh": "none", "expires": 0})
        await page.add_init_script(f"sessionStorage.setItem('jitasa.sign-in', {json.dumps(kept)})")
        await page.route("**/services", lambda route: route.fulfill(status=503))
        await desk.open(f"view=volunteers&area={AREA}")
        await expect(page.locator("#notice")).to_contain_text("ติดต่อระบบไม่ได้")
        assert "/desk" in page.url
        await page.get_by_role("button", name="ออกจากระบบ").click()
        await page.wait_for_url(f"{office.addresses.survey}/")


async def test_a_flagged_record_is_opened_and_put_right(
    browser: Browser, office: Office, people: tuple[str, str, str], listed: None
) -> None:
    async with at_the_desk(browser, office, people) as desk:
        page = desk.page
        wrong = {"name": "บุญมี คงดี", "age": 71, "national_id": "1101700230704", "national_id_as_shown": True}
        wanting = {**wrong, "sex": "f", "risks": ["age_60", "diabetes"], "wants_vaccine": "yes"}
        untouched = {
            "name": "คำ คงดี",
            "age": 40,
            "sex": "m",
            "national_id": "1101700230712",
            "national_id_as_shown": True,
            "doses": [{"number": 1, "date": "2021-08-05", "vaccine": "210"}],
            "risks": ["obesity"],
            "wants_vaccine": "undecided",
            "reasons": ["side_effects", "stays_home"],
            "home_visit": True,
            "registered_area": "920501",
        }
        first = await desk.send("8", persons=[wanting, untouched])
        second = await desk.send("9", persons=[wrong])
        await desk.open(f"view=flagged&area={AREA}")
        card = page.locator(f"[data-submission='{first}']")
        await expect(card).to_contain_text("เลขบัตรไม่ถูกต้อง")
        assert "บุญมี" not in await page.locator("main").inner_text()  # named only when it is opened, which is recorded
        await card.get_by_role("button", name="เปิดดู").click()
        await expect(card.locator("table")).to_contain_text("บุญมี คงดี")
        await desk.fits()

        await card.get_by_label("ผิด และฉันจะแก้ไข").check()
        await card.get_by_role("button", name="บันทึกผล").click()
        window = page.locator("dialog")
        number = window.locator("[name='persons[0].national_id']")
        await number.fill("110170023070")
        await window.get_by_role("button", name="ส่งข้อมูลที่แก้ไข").click()
        await expect(number).to_have_attribute("aria-invalid", "true")  # a digit is missing, and it says so there
        await desk.fits()
        await number.fill("1101700230708")
        await window.locator("[name='persons[0].national_id_as_shown']").uncheck()
        await window.get_by_role("button", name="ส่งข้อมูลที่แก้ไข").click()
        await expect(page.locator("#notice")).to_contain_text("บันทึกผลการตรวจแล้ว")
        await expect(card).to_have_count(0)
        desk.complaints[:] = [one for one in desk.complaints if "400" not in one]  # the digit that was missing

        other = page.locator(f"[data-submission='{second}']")
        await other.get_by_role("button", name="เปิดดู").click()
        await other.get_by_label("ถูกต้องตามที่ส่งมา").check()
        await other.get_by_role("button", name="บันทึกผล").click()
        await expect(other).to_have_count(0)
        await page.locator("#seen").select_option("seen")
        await expect(card).to_contain_text("แก้ไขแล้ว")
        address = f"{office.addresses.survey}/v1/desk/flagged/{first}"
        told = (await office.client.get(address, headers=authorization(desk.coordinator))).json()
        right = {**wanting, "national_id": "1101700230708"}
        del right["national_id_as_shown"]
        assert told["standing_submission"]["persons"] == [right, untouched]
        assert told["standing_submission"]["on_behalf_of"] == desk.volunteer_id
        assert desk.complaints == []


async def test_the_desk_is_used_by_keyboard_in_both_languages_and_prints_a_list(
    browser: Browser, office: Office, people: tuple[str, str, str], listed: None
) -> None:
    async with at_the_desk(browser, office, people, PHONE) as desk:
        page = desk.page
        await desk.open(f"area={AREA}")
        await page.locator(".tabs a").first.focus()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(".tabs [aria-current]")).to_have_text("อาสาสมัคร")
        await page.locator("#language").click()
        await expect(page.locator(".tabs [aria-current]")).to_have_text("Volunteers")
        for view in ("houses", "volunteers", "flagged", "lists"):
            await desk.open(f"view={view}&area={AREA}&lang=en")
            said = await page.locator("main [data-spoken]:not(:has(*))").all_inner_texts()
            thai = [one for one in said if any("ก" <= letter <= "๙" for letter in one)]
            assert all(one.startswith(("ต.", "อ.", "จ.")) for one in thai), thai
            assert await violations_of(page) == []
        await desk.open(f"area={AREA}&view=houses&village={AREA}03&lang=th")
        await page.emulate_media(media="print")
        await expect(page.locator(".tools")).to_be_hidden()
        await expect(page.locator("header")).to_be_hidden()
        await expect(page.locator(".houses tbody tr")).to_have_count(30)
        assert desk.complaints == []
