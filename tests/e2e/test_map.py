"""The live map page as people use it: a real browser, the real services behind it."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from deploy.local.stack import Stack
from shared.areas.register import area, children, provinces
from tests.e2e.complaints import complaints_of
from tests.e2e.volunteers import found, signed_in

PROVINCE: Final = "96"  # Narathiwat: far from where other tests submit
DISTRICT: Final = "9601"
SUBDISTRICT: Final = "960101"


@dataclass
class Visitor:
    """Somebody with the page open, and everything that went wrong meanwhile."""

    page: Page
    address: str
    complaints: list[str]

    async def open(self, query: str = "") -> None:
        """Goes to the page and waits until it is live."""
        await self.page.goto(f"{self.address}/{query}")
        await expect(self.page.locator("#status")).to_have_attribute("data-state", "live")

    def row(self, code: str) -> Locator:
        """The table's row of an area."""
        return self.page.locator(f'#rows tr[data-area="{code}"]')

    async def households(self, code: str) -> int:
        """The households surveyed in an area, as the table shows them; a dash stands where there is no result yet."""
        text = await self.row(code).locator(".numerator").inner_text()
        return 0 if text == "–" else int(text.replace(",", ""))

    async def expect_households(self, code: str, number: int) -> None:
        """Waits until the table shows that number; a failure tells for how long."""
        began = time.monotonic()
        try:
            await expect(self.row(code).locator(".numerator")).to_have_text(f"{number:,}")
        except AssertionError as error:
            took = time.monotonic() - began
            raise AssertionError(f"{took:.1f} s after it was accepted the page does not show {number:,}") from error


@asynccontextmanager
async def visiting(context: BrowserContext, address: str) -> AsyncIterator[Visitor]:
    """A visitor who notes every error of the page and every request that leaves the service."""
    page = await context.new_page()
    visitor = Visitor(page, address, complaints_of(page, address))
    try:
        yield visitor
    finally:
        await context.close()


@pytest.fixture
async def visitor(browser: Browser, stack: Stack) -> AsyncIterator[Visitor]:
    """Somebody at a desk."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    async with visiting(context, stack.addresses().reporting) as visitor:
        yield visitor


@pytest.fixture
async def phone(browser: Browser, stack: Stack) -> AsyncIterator[Visitor]:
    """Somebody with a small phone."""
    context = await browser.new_context(
        viewport={"width": 360, "height": 740}, device_scale_factor=2, is_mobile=True, has_touch=True
    )
    async with visiting(context, stack.addresses().reporting) as visitor:
        yield visitor


@pytest.fixture
def submit(stack: Stack) -> Callable[[], None]:
    """Surveys one more household of `SUBDISTRICT`."""

    def send() -> None:
        body = found(SUBDISTRICT, [{"age": age, "doses": [{"number": 1}]} for age in (30, 40, 50, 60, 70)])
        answer = httpx.post(
            f"{stack.addresses().survey}/v1/submissions",
            headers=signed_in(stack, 96, PROVINCE),
            json=body,
            trust_env=False,
            timeout=30,
        )
        assert answer.status_code == 202, answer.text

    return send


async def test_opens_in_thai_with_every_province(visitor: Visitor) -> None:
    await visitor.open()
    page = visitor.page
    await expect(page.locator("html")).to_have_attribute("lang", "th")
    await expect(page.locator("h2")).to_have_text("ประเทศไทย")
    await expect(page.locator("#rows tr")).to_have_count(len(provinces()))
    await expect(visitor.row("50").locator("th")).to_have_text("เชียงใหม่")
    await expect(page.locator("#as-of")).not_to_be_empty()
    await expect(page.locator("#map canvas")).to_be_visible()
    assert await page.evaluate("document.fonts.check('16px Sarabun', 'ก')")
    assert visitor.complaints == []


async def test_a_figure_changes_without_reloading(visitor: Visitor, submit: Callable[[], None]) -> None:
    await visitor.open()
    await visitor.page.evaluate("window.neverReloaded = true")
    before = await visitor.households(PROVINCE)
    submit()
    await visitor.expect_households(PROVINCE, before + 1)
    assert await visitor.page.evaluate("window.neverReloaded")
    assert visitor.complaints == []


async def test_no_result_yet_is_not_shown_as_zero(visitor: Visitor) -> None:
    await visitor.open()
    empty = visitor.page.locator('#rows tr[data-state="none"]').first
    await expect(empty.locator(".figure")).to_have_text("ยังไม่มีผลสำรวจ")
    await expect(visitor.page.locator('#legend [data-class="none"] b')).not_to_have_text("0")


async def test_drills_down_to_subdistricts_and_back(visitor: Visitor, submit: Callable[[], None]) -> None:
    await visitor.open()
    page = visitor.page
    await visitor.row(PROVINCE).locator("a").click()
    await expect(page.locator("h2")).to_have_text("จังหวัดนราธิวาส")
    await expect(page.locator("#rows tr")).to_have_count(len(children(PROVINCE)))
    await expect(page).to_have_url(re.compile(rf"\?area={PROVINCE}$"))

    await visitor.row(DISTRICT).locator("a").click()
    await expect(page.locator("#rows tr")).to_have_count(len(children(DISTRICT)))
    await expect(visitor.row(SUBDISTRICT).locator("th")).to_have_text(area(SUBDISTRICT).name_th)
    submit()
    await expect(visitor.row(SUBDISTRICT).locator(".numerator")).to_have_text(re.compile(r"^\d"))
    before = await visitor.households(SUBDISTRICT)
    submit()
    await expect(visitor.row(SUBDISTRICT).locator(".numerator")).not_to_have_text(f"{before:,}")

    await page.go_back()
    await expect(page.locator("h2")).to_have_text("จังหวัดนราธิวาส")
    await page.locator("#path a").click()
    await expect(page.locator("#rows tr")).to_have_count(len(provinces()))
    assert visitor.complaints == []


async def test_a_click_on_the_map_opens_a_province(visitor: Visitor) -> None:
    await visitor.open()
    box = await visitor.page.locator("#map").bounding_box()
    assert box is not None
    # A little above the middle of the country's outline lies land: the provinces between Phetchabun and Chaiyaphum.
    await visitor.page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.3)
    await expect(visitor.page).to_have_url(re.compile(r"\?area=\d\d$"))
    await expect(visitor.page.locator("#path")).to_be_visible()


async def test_speaks_english_and_remembers_it(visitor: Visitor) -> None:
    await visitor.open(f"?area={PROVINCE}")
    page = visitor.page
    await page.locator("#language").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator("h2")).to_have_text("Narathiwat")
    await visitor.open()
    await expect(page.locator("h2")).to_have_text("Thailand")
    await visitor.open("?lang=th")
    await expect(page.locator("h2")).to_have_text("ประเทศไทย")
    assert visitor.complaints == []


async def test_a_link_brings_back_what_was_seen(visitor: Visitor) -> None:
    await visitor.open(f"?area={PROVINCE}&measure=one_dose&of=population&sort=name")
    page = visitor.page
    await expect(page.locator("h2")).to_have_text("จังหวัดนราธิวาส")
    await expect(page.locator('[name="measure"][value="one_dose"]')).to_be_checked()
    await expect(page.locator('[data-of="population"]')).to_have_attribute("aria-pressed", "true")
    await expect(page.locator("#columns th").first).to_have_attribute("aria-sort", "ascending")
    await expect(page.locator("#whole")).to_contain_text("ประชากรตามทะเบียน")
    await visitor.open("?area=5x&measure=nonsense&sort=&lang=xx")
    await expect(page.locator("h2")).to_have_text("ประเทศไทย")
    assert visitor.complaints == []


async def test_the_keyboard_reaches_everything(visitor: Visitor) -> None:
    await visitor.open()
    page = visitor.page
    await page.locator('[name="measure"][value="progress"]').focus()
    await page.keyboard.press("ArrowRight")
    await expect(page).to_have_url(re.compile(r"measure=unvaccinated"))
    await page.locator('[data-sort="name"]').focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#columns th").first).to_have_attribute("aria-sort", "descending")
    await page.keyboard.press("Enter")
    await expect(page.locator("#columns th").first).to_have_attribute("aria-sort", "ascending")
    await visitor.row(PROVINCE).locator("a").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("h2")).to_have_text("จังหวัดนราธิวาส")
    await expect(page.locator("h2")).to_be_focused()


@pytest.mark.parametrize("query", ["", f"?area={PROVINCE}&measure=one_dose", f"?area={DISTRICT}&lang=en"])
async def test_fits_a_small_phone(phone: Visitor, query: str) -> None:
    await phone.open(query)
    await expect(phone.page.locator("#rows tr").first).to_be_visible()
    width = await phone.page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
    assert phone.complaints == []


async def test_goes_on_after_the_service_was_killed(visitor: Visitor, stack: Stack, submit: Callable[[], None]) -> None:
    await visitor.open()
    before = await visitor.households(PROVINCE)
    stack.kill("reporting-http")
    submit()
    await visitor.expect_households(PROVINCE, before + 1)
    await expect(visitor.page.locator("#status")).to_have_attribute("data-state", "live")
    stack.wait_ready()
