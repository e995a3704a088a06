"""The page of performance: for everybody what is public, on registration's for whoever is signed in what is his."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import pypdfium2
import pytest
from playwright.async_api import Browser, Download, Locator, Page, Route, expect

from deploy.local.stack import Stack
from tests.e2e import volunteers
from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.visitors import DESK, Office, signed_in, until

PROVINCE: Final = "91"
DISTRICT: Final = "9101"
SUBDISTRICT: Final = "910101"
"""Satun, where no other test surveys."""
VOLUNTEER: Final = UUID(int=91)


@pytest.fixture(scope="module")
async def surveyed(stack: Stack) -> None:
    """One household of five, counted in the month that it is."""
    addresses = stack.addresses()
    body = volunteers.found(SUBDISTRICT, [{"age": age, "doses": []} for age in (30, 40, 50, 60, 70)])
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        sent = await client.post(
            f"{addresses.survey}/v1/submissions",
            json=body,
            headers=volunteers.signed_in(stack, VOLUNTEER.int, PROVINCE),
        )
        assert sent.status_code == 202, sent.text

        async def counted() -> str | None:
            months = (await client.get(f"{addresses.reporting}/v1/performance")).json()["months"]
            for month in months:
                path = f"{addresses.reporting}/v1/performance/{month['month']}?area={PROVINCE}&level=province"
                answer = await client.get(path)
                assert answer.status_code == 200, answer.text
                if answer.json()["total"]["persons"] == 5:
                    return str(month["month"])
            return None

        await until(counted)


@pytest.fixture
async def page(browser: Browser, stack: Stack, surveyed: None) -> AsyncIterator[Page]:
    """The public page, of which nothing may go wrong."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    complaints = complaints_of(page, stack.addresses().reporting)
    yield page
    await context.close()
    assert complaints == []


async def loaded(page: Page) -> None:
    """Waits until the page has what it asked for."""
    await expect(page.locator("body[data-ready]")).to_be_attached()


def row(page: Page, key: str) -> Locator:
    """The row of an area or account."""
    return page.locator(f'#rows tr[data-key="{key}"]')


async def pressed(page: Page, form: str) -> Download:
    """The file that a button brings."""
    async with page.expect_download() as waiting:
        await page.locator(f'[data-form="{form}"]').click()
    return await waiting.value


async def test_everybody_sees_provinces_and_districts(page: Page, stack: Stack) -> None:
    await page.goto(f"{stack.addresses().reporting}/performance")
    await loaded(page)
    await expect(page.locator("html")).to_have_attribute("lang", "th")
    await expect(page.locator("#back")).to_have_text("ภาพสด")
    await expect(page.locator("#back")).to_have_attribute("href", "/")
    await expect(page.locator("#standing")).to_contain_text("ยังไม่ปิดยอด")
    await expect(page.locator("#rows tr")).to_have_count(77)
    await expect(page.locator("#level option")).to_have_text(["จังหวัด", "อำเภอ/เขต"])
    await page.locator('[data-sort="persons"]').click()
    await expect(page.locator('th[aria-sort="descending"] button')).to_have_attribute("data-sort", "persons")
    await expect(page).to_have_url(re.compile(r"sort=persons"))
    await expect(page.locator('[data-sort="persons"]')).to_be_focused()  # who sorts by the keyboard goes on from there
    await row(page, PROVINCE).locator("a").click()
    await loaded(page)
    await expect(page.locator("#place")).to_have_text("จังหวัดสตูล")
    await expect(page.locator('#totals [data-figure="persons"] dd')).to_have_text(re.compile("^5"))
    await expect(row(page, DISTRICT).locator("td").nth(5)).to_have_text("5+5")
    await expect(row(page, DISTRICT).locator("a")).to_have_count(0)  # what lies in a district is not public
    await page.go_back()
    await expect(page.locator("#rows tr")).to_have_count(77)


async def test_what_is_not_new_is_not_shown_as_new(page: Page, stack: Stack) -> None:
    """An open month whose figures wait, are being counted anew, or were not added up for long says so."""

    async def held_up(route: Route) -> None:
        response = await route.fetch()
        told = await response.json()
        late = {"time": "2022-02-01T00:00:00Z", "lag": 1200, "lag_measured_at": "2022-02-01T00:00:00Z", "filling": True}
        await route.fulfill(response=response, json=told | {"as_of": {"survey-submitted": late}})

    await page.route("**/v1/performance/*", held_up)
    await page.goto(f"{stack.addresses().reporting}/performance")
    await loaded(page)
    for text in ("กำลังนับใหม่", "รอประมวลผล 1,200 รายการ", "ข้อมูลอาจไม่ล่าสุด"):
        await expect(page.locator("#standing")).to_contain_text(text)


async def test_a_pdf_comes_with_its_letterhead(page: Page, stack: Stack, tmp_path: Path) -> None:
    await page.goto(f"{stack.addresses().reporting}/performance?area={PROVINCE}")
    await loaded(page)
    await page.locator("summary").click()
    await page.locator("[name=reference]").fill("มท ๐๒๓๐/ว ๙๑")
    download = await pressed(page, "pdf")
    await expect(page.locator("#told")).to_contain_text("เสร็จแล้ว: performance-")
    assert re.fullmatch(r"performance-\d{4}-\d\d-91-district\.pdf", download.suggested_filename)
    path = tmp_path / "document.pdf"
    await download.save_as(path)
    with pypdfium2.PdfDocument(path) as document:
        text = " ".join(document[0].get_textpage().get_text_range().split())
    assert "มท ๐๒๓๐/ว ๙๑" in text
    assert "จังหวัดสตูล · รายอำเภอ/เขต" in text


async def test_it_fits_and_is_accessible(page: Page, stack: Stack) -> None:
    """In both languages, on a small phone and on a desk, with a document made."""
    await page.goto(f"{stack.addresses().reporting}/performance?area={PROVINCE}")
    await loaded(page)
    await pressed(page, "csv")
    for language in ("th", "en"):
        await expect(page.locator("html")).to_have_attribute("lang", language)
        for width in (1440, 360):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") == width, (language, width)
            assert await violations_of(page) == [], (language, width)
        await page.locator("#language").click()


async def test_a_coordinator_sees_subdistricts_and_accounts(browser: Browser, office: Office, surveyed: None) -> None:
    """On registration's page, signed in there; a file of them as well."""
    tokens = await office.tokens(await office.coordinator(DISTRICT))
    kept = json.dumps({"access": tokens["access_token"], "refresh": tokens["refresh_token"], "expires": 10**15})
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await page.goto(f"{office.addresses.registration}/performance?area={DISTRICT}")
        await loaded(page)
        await expect(page.locator("#back")).to_have_text("โต๊ะทำงาน")
        await expect(page.locator("#back")).to_have_attribute("href", "/desk")
        await expect(row(page, SUBDISTRICT).locator("td").nth(5)).to_have_text("5+5")
        await page.locator("#level").select_option("volunteer")
        await loaded(page)
        await expect(row(page, str(VOLUNTEER)).locator("td").nth(3)).to_have_text("1+1")
        download = await pressed(page, "xlsx")
        assert download.suggested_filename.endswith("-9101-volunteer.xlsx")
        await page.goto(f"{office.addresses.registration}/performance?area=96&level=subdistrict")
        await expect(page.locator("#notice")).to_contain_text("ดูได้เฉพาะ")
        assert await violations_of(page) == []
