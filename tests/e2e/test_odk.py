"""A volunteer sets ODK Collect up from the page: by the picture on the screen, and by hand; and ends the key."""

import base64
import io
import json
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.visitors import PHONE, Office, new_phone
from tests.integration.survey.openrosa.collect import Collect
from tests.integration.survey.openrosa.forms import filled

AREA: Final = "580103"
"""In Mae Hong Son, where no other test of the browser surveys."""
PICTURES: Final = os.environ.get("JITASA_PICTURES")
"""A folder for pictures of the page, to be looked at."""


@pytest.fixture(scope="module")
async def phone(office: Office) -> str:
    """The phone of a new volunteer."""
    organisation = await office.post("/v1/organisations", {"name": "อสม. แม่ฮ่องสอน", "kind": "agency", "area": "58"})
    number = new_phone()
    person = {"name": "มาลี ใจงาม", "phone": number, "area": AREA, "organisation_id": organisation["organisation_id"]}
    await office.post("/v1/volunteers/assisted", person | {"approve": True})
    return number


@asynccontextmanager
async def at_the_page(
    browser: Browser, office: Office, device: dict[str, Any] = PHONE
) -> AsyncIterator[tuple[Page, list[str]]]:
    context = await browser.new_context(**device)
    page = await context.new_page()
    complaints = complaints_of(page, office.addresses.survey, office.addresses.registration)
    try:
        yield page, complaints
    finally:
        await context.close()


async def fits(page: Page, picture: str) -> None:
    """Accessible, and no wider than the screen, on a desk and on a small phone."""
    for width, height in ((1440, 900), (360, 800)):
        await page.set_viewport_size({"width": width, "height": height})
        if PICTURES:
            await page.screenshot(path=Path(PICTURES) / f"{picture}-{width}.png", full_page=True)
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert await violations_of(page) == []


def scanned(screenshot: bytes) -> dict[str, Any]:
    """What a phone's camera reads from the screen: the settings of the app."""
    [code] = zxingcpp.read_barcodes(Image.open(io.BytesIO(screenshot)))
    settings: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(code.text)))
    return settings


async def test_a_volunteer_sets_a_device_up_and_ends_its_key(browser: Browser, office: Office, phone: str) -> None:
    async with at_the_page(browser, office) as (page, complaints):
        await page.goto(f"{office.addresses.survey}/odk")
        await page.wait_for_url("**/sign-in?next=*")
        await page.locator("[name=phone]").fill(phone)
        await page.get_by_role("button", name="ส่งรหัสทาง SMS").click()
        await page.locator("[name=code]").fill(await office.message(phone, "code"))
        await page.get_by_role("button", name="เข้าสู่ระบบ").click()
        await page.wait_for_url("**/odk")
        await expect(page.locator(".empty")).to_have_text("ยังไม่มีกุญแจ")

        await page.get_by_role("button", name="สร้างกุญแจ").click()  # without a name for the device
        await expect(page.locator("[name=label]")).to_be_focused()
        await page.locator("[name=label]").fill("โทรศัพท์สีดำ")
        await page.get_by_role("button", name="สร้างกุญแจ").click()
        await expect(page.locator(".shown h3")).to_be_focused()
        await page.locator(".qr").scroll_into_view_if_needed()
        await expect(page.locator(".qr")).to_have_js_property("complete", True)
        await fits(page, "odk-key")
        settings = scanned(await page.screenshot(full_page=True))
        key, address = await page.locator("#key").inner_text(), await page.locator("#server-url").inner_text()

        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            by_picture = Collect(http, settings["general"]["server_url"])
            by_hand = Collect(http, address, password=key)
            for collect in (by_picture, by_hand):
                [form] = await collect.forms()
                assert (await collect.fetch(form))[1]["areas.csv"].decode().count(AREA) == 2
                assert (await collect.send(filled(area=AREA)))[0] == 201

            await page.get_by_role("button", name="ตั้งค่าเสร็จแล้ว").click()
            assert key not in await page.content()
            await page.reload()
            row = page.locator("[data-key]")
            await expect(row).to_contain_text("โทรศัพท์สีดำ")
            await expect(row).to_contain_text("ใช้ล่าสุด")
            assert key not in await page.content()
            await fits(page, "odk-list")

            await page.locator("#language").click()
            await expect(row).to_contain_text("Last used")
            await fits(page, "odk-english")
            await row.get_by_role("button", name="Revoke").press("Enter")
            dialog = page.get_by_role("dialog")
            await expect(dialog).to_contain_text("Forms that are not sent yet stay on it")
            assert await violations_of(page) == []
            await dialog.get_by_role("button", name="Revoke").press("Enter")
            await expect(row).to_contain_text("Revoked")
            assert (await by_picture.send(filled(area=AREA)))[0] == 403
        assert complaints == []
