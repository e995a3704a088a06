"""Whom to reach, in the browser: a list given out and taken on, a map, a search, a route on a phone and on paper."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.visitors import DESK, PHONE, Office, authorization, new_phone, until

DISTRICT: Final = "9205"
AREA: Final = "920501"
"""In Trang, where no other test of the browser surveys."""
PICTURES: Final = os.environ.get("JITASA_PICTURES")
"""A folder for pictures of the pages, to be looked at."""

HOUSES: Final[tuple[tuple[str, str, int, dict[str, Any], tuple[float, float] | None], ...]] = (
    ("1", "บุญมา ตรงดี", 84, {"home_visit": True, "risks": ["stroke"]}, (7.59, 99.36)),
    ("2", "สมพร ใจงาม", 72, {"risks": ["diabetes"]}, (7.592, 99.363)),
    ("3/1", "วิไล สุขใจ", 45, {}, (7.60, 99.37)),
    ("10", "ชาติ มั่นคง", 33, {}, None),
)


@dataclass(frozen=True)
class People:
    """Tokens of a coordinator of the district and a volunteer of the subdistrict, and the volunteer's id."""

    coordinator: str
    volunteer_id: str
    volunteer: str


@pytest.fixture(scope="module")
async def people(office: Office) -> People:
    """Both, registered."""
    coordinator = (await office.tokens(await office.coordinator(DISTRICT)))["access_token"]
    organisation = await office.post("/v1/organisations", {"name": "อสม. ตรัง", "kind": "agency", "area": DISTRICT})
    phone = new_phone()
    person = {"name": "มาลี ใจงาม", "phone": phone, "area": AREA, "organisation_id": organisation["organisation_id"]}
    volunteer = await office.post("/v1/volunteers/assisted", person | {"approve": True})
    return People(coordinator, volunteer["volunteer_id"], (await office.tokens(phone))["access_token"])


@pytest.fixture(scope="module")
async def surveyed(office: Office, people: People) -> None:
    """Four houses whose persons want vaccine, on the list; and a vaccination point."""
    address, headers = office.addresses.survey, authorization(people.volunteer)
    for house, name, age, more, position in HOUSES:
        body: dict[str, Any] = {
            "submission_id": str(uuid4()),
            "captured_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
            "address": {"area": AREA, "village": f"{AREA}02", "house": house},
            "contact": {"name": name, "phone": "0812345678"},
            "persons": [{"name": name, "age": age, "sex": "f", "wants_vaccine": "yes"} | more],
        }
        if position:
            body["position"] = {"lat": position[0], "lon": position[1], "accuracy_m": 8}
        answer = await office.client.post(f"{address}/v1/submissions", json=body, headers=headers)
        assert answer.status_code == 202, answer.text

    async def listed() -> str | None:
        answer = await office.client.get(f"{address}/v1/need-to-reach", headers=headers)
        return "all" if len(answer.json()["items"]) == len(HOUSES) else None

    await until(listed)
    await _enter_point(office, people)


async def _enter_point(office: Office, people: People) -> None:
    point = {"kind": "vaccination_point", "name": "รพ.สต. บ้านโพธิ์", "area": AREA, "capacity": 40}
    point |= {"position": {"lat": 7.595, "lon": 99.365}}
    headers = authorization(people.coordinator)
    answer = await office.client.post(f"{office.addresses.facilities}/v1/facilities", json=point, headers=headers)
    assert answer.status_code == 201, answer.text

    async def copied() -> str | None:
        told = await office.client.get(f"{office.addresses.survey}/v1/vaccination-points", headers=headers)
        return next((one["name"] for one in told.json()["items"]), None)

    assert await until(copied) == "รพ.สต. บ้านโพธิ์"


@dataclass
class Reader:
    """Somebody's browser at the survey's pages."""

    page: Page
    address: str
    complaints: list[str]

    async def open(self, path: str) -> None:
        """Goes to a page and waits until it has what it asked for."""
        await self.page.goto(f"{self.address}{path}")
        await expect(self.page.locator("body[data-ready]")).to_be_attached()

    async def names(self) -> list[str]:
        """Who is listed, in order."""
        return await self.page.locator("[data-person] .called").all_inner_texts()

    async def fits(self, picture: str) -> None:
        """Accessible, and no wider than the screen, on a small phone and on a desk."""
        before = self.page.viewport_size
        for width, height in ((1440, 900), (360, 800)):
            await self.page.set_viewport_size({"width": width, "height": height})
            if PICTURES:
                await self.page.screenshot(path=Path(PICTURES) / f"{picture}-{width}.png", full_page=True)
            assert await self.page.evaluate("document.documentElement.scrollWidth") == width
            assert await violations_of(self.page) == []
        if before:
            await self.page.set_viewport_size(before)


@asynccontextmanager
async def reading(browser: Browser, office: Office, token: str, device: dict[str, Any] = DESK) -> AsyncIterator[Reader]:
    context = await browser.new_context(
        **device, permissions=["geolocation"], geolocation={"latitude": 7.601, "longitude": 99.371}
    )
    kept = json.dumps({"access": token, "refresh": "none", "expires": 10**15})
    await context.add_init_script(f"sessionStorage.setItem('jitasa.sign-in', {json.dumps(kept)})")
    page = await context.new_page()
    addresses = office.addresses
    complaints = complaints_of(page, addresses.survey, addresses.registration)
    try:
        yield Reader(page, addresses.survey, complaints)
    finally:
        await context.close()


async def freed(office: Office, people: People) -> None:
    """Nobody has anybody."""
    headers = authorization(people.coordinator)
    async with httpx.AsyncClient(base_url=office.addresses.survey, headers=headers, trust_env=False) as client:
        items = (await client.get("/v1/need-to-reach", params={"area": AREA})).json()["items"]
        persons = [{name: one[name] for name in ("household_id", "person_id")} for one in items]
        answer = await client.post("/v1/need-to-reach/claims/withdrawal", json={"persons": persons})
        assert answer.is_success, answer.text


async def test_a_coordinator_sees_who_comes_first_and_gives_persons_to_a_volunteer(
    browser: Browser, office: Office, people: People, surveyed: None
) -> None:
    await freed(office, people)
    async with reading(browser, office, people.coordinator) as reader:
        page = reader.page
        await reader.open(f"/reach?area={AREA}")
        assert (await reader.names())[:2] == ["บุญมา ตรงดี", "สมพร ใจงาม"]
        first = page.locator("[data-person]").first
        await expect(first.locator("[data-why=home_visit]")).to_be_visible()
        await expect(first).to_contain_text("บ้านเลขที่ 1 หมู่ 2")
        await page.locator("details.order summary").click()
        await expect(page.locator("details.order li").first).to_be_visible()
        await reader.fits("list")
        await page.get_by_role("button", name="มอบหมาย", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("เลือกอาสาสมัครก่อน")
        await page.locator("#whose").select_option(label="มาลี ใจงาม")
        await page.get_by_role("button", name="มอบหมาย", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("เลือกรายชื่อก่อน")
        for name in ("บุญมา ตรงดี", "สมพร ใจงาม"):
            await page.get_by_role("checkbox", name=f"เลือก {name}").check()
        await expect(page.locator(".giving [role=status]")).to_have_text("เลือกไว้ 2 คน")
        await page.locator("#whose").select_option(label="มาลี ใจงาม")
        await page.get_by_role("button", name="มอบหมาย", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("ดำเนินการแล้ว 2 คน")
        await expect(page.locator("[data-person]").first).to_contain_text("มาลี ใจงาม")
        await page.locator("#only").select_option("none")
        await expect(page.locator("[data-person]")).to_have_count(2)
        await page.locator("#language").click()
        await expect(page.locator(".giving")).to_contain_text("Take back")
        await page.locator("#language").click()
        assert reader.complaints == []


async def test_a_volunteer_takes_persons_on_and_walks_the_route(
    browser: Browser, office: Office, people: People, surveyed: None
) -> None:
    await freed(office, people)
    async with reading(browser, office, people.volunteer, PHONE) as reader:
        page = reader.page
        await reader.open("/reach?view=mine")
        await expect(page.locator(".empty")).to_be_visible()
        await reader.open("/reach")
        await page.locator("#choose-all").check()
        await page.get_by_role("button", name="รับไว้", exact=True).click()
        await expect(page.locator("#notice")).to_have_text("ดำเนินการแล้ว 4 คน")
        await reader.open("/reach?view=mine")
        await expect(page.locator("[data-person]")).to_have_count(4)
        await page.get_by_role("button", name="ดูครัวเรือน").first.click()
        await expect(page.locator("dialog")).to_contain_text("บุญมา ตรงดี")
        await expect(page.locator("dialog")).to_contain_text("ยังไม่มีการติดตาม")
        await reader.fits("household")
        await page.locator("dialog").get_by_role("button", name="ปิด").click()

        await reader.open("/route")
        rows = page.locator(".stops tbody tr")
        await expect(rows).to_have_count(4)
        await expect(rows.first).to_contain_text("บุญมา ตรงดี")  # the first by priority
        await page.get_by_role("button", name="เริ่มจากตำแหน่งของฉัน").click()
        await expect(rows.first).to_contain_text("วิไล สุขใจ")  # the nearest
        await expect(rows.last).to_contain_text("ชาติ มั่นคง")  # without a position
        await reader.fits("route")
        await page.emulate_media(media="print")
        await expect(page.locator("header")).to_be_hidden()
        await expect(page.locator("th.only-print").first).to_be_visible()
        if PICTURES:
            await page.pdf(path=Path(PICTURES) / "route.pdf", format="A4")
        assert reader.complaints == []


async def test_the_map_shows_each_person_of_a_subdistrict_and_a_search_finds_one(
    browser: Browser, office: Office, people: People, surveyed: None
) -> None:
    async with reading(browser, office, people.coordinator) as reader:
        page = reader.page
        await reader.open(f"/reach?view=map&area={AREA}")
        await expect(page.locator(".big")).to_have_text("ต้องเข้าถึง 4 คน")
        await expect(page.locator(".hint", has_text="ไม่มีพิกัด 1 คน")).to_be_visible()
        await reader.fits("map")
        await reader.open(f"/reach?view=map&area={DISTRICT}")
        await expect(page.locator(".big").first).to_have_text("ต้องเข้าถึง 4 คน")

        await reader.open(f"/reach?view=search&area={DISTRICT}")
        await page.locator("[name=name]").fill("วิไล")
        await page.get_by_role("button", name="ค้นหา", exact=True).last.click()
        await expect(page.locator(".big")).to_have_text("พบ 1 คน")
        assert await reader.names() == ["วิไล สุขใจ"]
        assert "%" not in page.url  # what was looked for is in no address
        await page.get_by_role("button", name="โทรศัพท์").click()
        await page.locator("[name=phone]").fill("053")
        await page.get_by_role("button", name="ค้นหา", exact=True).last.click()
        await expect(page.locator("#field-phone-error")).to_be_visible()
        await page.get_by_role("button", name="บ้าน", exact=True).click()
        await page.locator("#area-6").select_option(AREA)
        await page.locator("[name=village]").fill("2")
        await page.locator("[name=house]").fill("๓/๑")
        await page.get_by_role("button", name="ค้นหา", exact=True).last.click()
        assert await page.locator("[data-person] .called").inner_text() == "วิไล สุขใจ"
        await reader.fits("search")

        await reader.open(f"/reach?view=points&area={AREA}")
        await expect(page.locator("[data-point]")).to_contain_text("รับได้วันละ 40 คน")
        await reader.fits("points")
        for view in ("late", "appointed"):
            await reader.open(f"/reach?view={view}&area={DISTRICT}")
            await expect(page.locator(".empty")).to_be_visible()
        assert [each for each in reader.complaints if "400" not in each] == []


async def test_an_administrator_sees_a_province_by_district(
    browser: Browser, office: Office, people: People, surveyed: None
) -> None:
    async with reading(browser, office, office.administrator) as reader:
        await reader.open("/reach?view=map&area=92")
        await expect(reader.page.get_by_role("link", name="อ.")).not_to_have_count(0)
        await expect(reader.page.locator(".list.two")).to_contain_text("ต้องเข้าถึง 4 คน")
        await reader.fits("province")
        await reader.open("/reach")
        await expect(reader.page.get_by_role("link", name="ที่ฉันรับไว้")).to_have_count(0)
        assert reader.complaints == []
