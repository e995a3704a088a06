"""The live picture's further parts: where a figure comes from, past days, latest changes, the wall screen."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from playwright.async_api import expect

from tests.e2e.accessibility import violations_of
from tests.e2e.test_map import PROVINCE, SUBDISTRICT, Visitor, phone, submit, visitor

__all__ = ["phone", "submit", "visitor"]

NAME: Final = "นราธิวาส"
BANGKOK: Final = timedelta(hours=7)


async def test_every_figure_can_be_opened(visitor: Visitor, submit: Callable[[], None]) -> None:
    """Part, whole, where the whole comes from, how recent each stream is; and it goes on while it is open."""
    submit()
    await visitor.open()
    page = visitor.page
    dialog = page.locator("#figure")
    await page.locator('.card:has([data-measure="overdue"]) .open').click()
    await expect(dialog.locator("h3")).to_have_text("สถานที่เกินกำหนดปรับปรุง ประเทศไทย")
    await expect(dialog.locator("tbody tr")).to_have_count(2)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()

    await expect(visitor.row(PROVINCE).locator(".numerator")).to_have_text(re.compile(r"^\d"))
    before = await visitor.households(PROVINCE)
    await visitor.row(PROVINCE).locator("button").click()
    await expect(dialog.locator("h3")).to_have_text(f"ความก้าวหน้าการสำรวจ จังหวัด{NAME}")
    part, whole = dialog.locator("dd").nth(1), dialog.locator("dd").nth(3)
    await expect(part).to_have_text(f"{before:,}")
    await expect(whole).not_to_be_empty()
    await expect(dialog.locator("tbody td").nth(1)).to_have_text(re.compile(r"^\d"))
    assert await violations_of(page) == []
    submit()
    await expect(part).to_have_text(f"{before + 1:,}")
    await dialog.locator(".close").click()
    await expect(dialog).to_be_hidden()
    assert visitor.complaints == []


async def test_a_past_day_is_shown_as_past(visitor: Visitor, submit: Callable[[], None]) -> None:
    """As it was at that day's end, whatever comes in meanwhile; of places no history is told."""
    submit()
    await visitor.open()
    page = visitor.page
    await expect(visitor.row(PROVINCE).locator(".numerator")).to_have_text(re.compile(r"^\d"))
    before = await visitor.households(PROVINCE)
    await page.locator("#timeline-day").focus()
    await page.keyboard.press("ArrowLeft")
    yesterday = (datetime.now(UTC) + BANGKOK - timedelta(days=1)).date()
    await expect(page).to_have_url(re.compile(rf"day={yesterday}$"))
    await expect(page.locator("#status")).to_have_attribute("data-state", "past")
    await expect(visitor.row(PROVINCE)).to_have_attribute("data-state", "none")
    await expect(page.locator('[data-measure="places_open"]')).to_have_attribute("data-state", "untold")
    submit()
    assert await violations_of(page) == []
    await page.locator("#timeline .now").click()
    await visitor.expect_households(PROVINCE, before + 1)
    await expect(page.locator("#status")).to_have_attribute("data-state", "live")
    await page.goto(f"{visitor.address}/?day=2099-01-01")
    await expect(page.locator("#status")).to_have_attribute("data-state", "live")
    assert visitor.complaints == []


async def test_the_latest_changes_are_told(visitor: Visitor, submit: Callable[[], None]) -> None:
    """In words, in a log that screen readers say aloud; in both languages."""
    await visitor.open()
    log = visitor.page.get_by_role("log")
    await expect(log).to_have_text("ยังไม่มีการเปลี่ยนแปลงตั้งแต่เปิดหน้านี้")
    submit()
    await expect(log).to_contain_text(f"จังหวัด{NAME} +1 · ครัวเรือนที่สำรวจแล้ว รวม ")
    await visitor.page.locator("#language").click()
    await expect(log).to_contain_text("Narathiwat +1 · Households surveyed ")
    assert await violations_of(visitor.page) == []


async def test_a_subdistrict_changes_without_being_asked_for(visitor: Visitor, submit: Callable[[], None]) -> None:
    """What changed comes with the stream: the page asks when the district is opened, and for nothing afterwards."""
    submit()
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    await visitor.open(f"?area={SUBDISTRICT[:4]}")
    await expect(visitor.row(SUBDISTRICT).locator(".numerator")).to_have_text(re.compile(r"^\d"))
    before = await visitor.households(SUBDISTRICT)
    questions = {url.partition("/v1/")[2] for url in asked if "/v1/" in url}
    assert questions == {"live", f"picture?area={PROVINCE}", f"picture?area={SUBDISTRICT[:4]}"}
    asked.clear()
    submit()
    await visitor.expect_households(SUBDISTRICT, before + 1)
    assert [url for url in asked if "/v1/" in url] == []


async def test_the_wall_screen_goes_round_and_back(visitor: Visitor, submit: Callable[[], None]) -> None:
    """The country and its provinces in turn; it can be paused, and left for what was open before."""
    submit()
    page = visitor.page
    await visitor.open()
    await page.locator("#to-wall").click()
    await expect(page).to_have_url(re.compile(r"\?wall=on$"))
    wall = page.locator("#wall")
    await expect(wall.locator("h2")).to_have_text("ประเทศไทย")
    await expect(page.locator("#table")).to_be_hidden()
    assert await violations_of(page) == []
    await page.keyboard.press("Space")
    await expect(wall.locator("button").first).to_have_text("หมุนเวียนต่อ")
    await page.keyboard.press("ArrowRight")
    await expect(wall.locator("h2")).not_to_have_text("ประเทศไทย")
    await expect(page).to_have_url(re.compile(r"\?wall=on$"))
    await page.keyboard.press("ArrowRight")
    await expect(wall.locator("h2")).to_have_text("ประเทศไทย")
    await page.keyboard.press("Escape")
    await expect(page.locator("#table")).to_be_visible()
    await expect(page).to_have_url(f"{visitor.address}/")
    assert visitor.complaints == []


async def test_the_further_parts_fit_a_small_phone(phone: Visitor) -> None:
    """A figure opened, a past day, the wall screen."""
    await phone.open("?lang=en")
    page = phone.page
    await page.locator(".card .open").first.click()
    await expect(page.locator("#figure")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await violations_of(page) == []
    await page.locator("#figure .close").click()
    await page.locator("#timeline .play").click()
    await expect(page.locator("#status")).to_have_attribute("data-state", "past")
    await page.locator("#timeline .play").click()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await phone.open("?wall=on")
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert phone.complaints == []
