"""The page that says what the figures can be trusted by, in a real browser, with the real services behind it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect

from deploy.local.stack import Stack
from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of

SCREENS = {"phone": {"width": 360, "height": 740}, "desk": {"width": 1440, "height": 900}}
STREAM = {"time": "2022-02-01T03:00:00Z", "lag": 3, "lag_measured_at": "2022-02-01T03:00:01Z", "filling": True}


def troubled(now: str) -> Mapping[str, Any]:
    """An answer with everything that can be wrong."""
    ended = {"began_at": now, "ended_at": now, "compared": 63_412, "absent": []}
    return {
        "as_of": {"survey-submitted": STREAM, "facility-updated": STREAM | {"time": None, "lag": None}},
        "version": 2,
        "reconciliations": [
            {"reconciliation_id": 8, "differing": 3, "moving": 12, **ended, "absent": ["facilities"]},
            {"reconciliation_id": 7, "differing": 0, "moving": 0, **ended},
        ],
        "differences": [
            {"area": "", "name_th": "", "name_en": "", "service": "registration", "figures": 1, "begins_on": None},
            {
                "area": "50",
                "name_th": "เชียงใหม่",
                "name_en": "Chiang Mai",
                "service": "survey",
                "figures": 2,
                "begins_on": "2022-01-31",
            },
        ],
        "rebuilds": [
            {
                "rebuild_id": 2,
                "state": "filling",
                "origin": "version",
                "asked_at": now,
                "began_at": now,
                "ended_at": None,
                "cause": None,
                "done": 1_200_000,
                "of": 28_000_000,
            },
            {
                "rebuild_id": 1,
                "state": "failed",
                "origin": "administrator",
                "asked_at": now,
                "began_at": now,
                "ended_at": now,
                "cause": "records_missing",
                "done": 0,
                "of": 0,
            },
        ],
        "dead_letters": [{"topic": "survey-submitted", "cause": "unreadable_body", "letters": 4}],
        "gaps": [{"topic": "survey-submitted", "partition": 7, "last": 2, "previous": 4, "seen_at": now}],
    }


@asynccontextmanager
async def page_of(browser: Browser, stack: Stack, screen: str) -> AsyncIterator[tuple[Page, str]]:
    """The page's address and a browser for it, whose complaints are none in the end."""
    context = await browser.new_context(viewport=SCREENS[screen])  # type: ignore[arg-type]
    page = await context.new_page()
    address = stack.addresses().reporting
    complaints = complaints_of(page, address)
    try:
        yield page, f"{address}/trust"
        assert complaints == []
    finally:
        await context.close()


async def keeps_to_the_screen(page: Page) -> bool:
    """Nothing but the tables scrolls sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


async def test_the_keeper_compares_and_the_page_says_that_all_agrees(
    browser: Browser, stack: Stack, tmp_path: Path
) -> None:
    """In Thai, and in English by the switch."""
    async with page_of(browser, stack, "desk") as (page, address):
        await page.goto(address)
        verdict = page.locator("#verdict")
        await expect(verdict).to_have_attribute("data-state", "good")
        await expect(verdict).to_have_text("ตัวเลขทั้งหมดตรงกัน")
        await expect(page.locator("#streams tbody tr")).to_have_count(5)
        assert await violations_of(page) == []
        await page.locator("#language").click()
        await expect(verdict).to_have_text("All figures agree")
        await expect(page.locator("#standing")).to_have_text("No rebuild is under way")
        await page.reload()
        await expect(verdict).to_have_text("All figures agree")
        assert await keeps_to_the_screen(page)
        await page.screenshot(path=tmp_path / "agrees.png", full_page=True)


@pytest.mark.parametrize("screen", SCREENS)
async def test_what_is_wrong_is_shown_and_can_be_read_by_everybody(
    browser: Browser, stack: Stack, screen: str, tmp_path: Path
) -> None:
    """On a phone and at a desk; nothing is pushed out of the screen."""
    async with page_of(browser, stack, screen) as (page, address):

        async def answer(route: Route) -> None:
            now = await page.evaluate("new Date(Date.now() - 60000).toISOString()")
            await route.fulfill(json=troubled(now))

        await page.route("**/v1/trust", answer)
        await page.goto(address)
        await expect(page.locator("#verdict")).to_have_text("ไม่ตรงกัน 3 ตัวเลข")
        await expect(page.locator("#differences tbody tr").nth(1)).to_contain_text("31 ม.ค. 2565")
        await expect(page.locator("#progress-text")).to_contain_text("1,200,000 จาก 28,000,000 เหตุการณ์ (4%)")
        await expect(page.locator("#gaps li")).to_contain_text("ผลสำรวจ ส่วนที่ 7")
        await expect(page.locator("#filled")).to_be_visible()
        await page.locator("#history summary").click()
        await expect(page.locator("#history tbody tr")).to_have_count(2)
        assert await violations_of(page) == []
        assert await keeps_to_the_screen(page)
        await page.screenshot(path=tmp_path / f"{screen}.png", full_page=True)


async def test_what_is_old_is_not_shown_as_if_it_were_new(browser: Browser, stack: Stack) -> None:
    """A comparison of yesterday says nothing about today, and a service that is away is said to be."""
    async with page_of(browser, stack, "desk") as (page, address):

        async def answer(route: Route) -> None:
            await route.fulfill(json=troubled("2022-01-31T03:00:00Z"))

        await page.route("**/v1/trust", answer)
        await page.goto(address)
        await expect(page.locator("#verdict")).to_have_attribute("data-state", "unknown")
        await expect(page.locator("#verdict")).to_contain_text("31 ม.ค. 2565")
