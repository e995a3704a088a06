"""Places on reporting's map, by kind and status: a change is seen without reloading."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from deploy.local.stack import Stack
from tests.e2e.accessibility import violations_of
from tests.e2e.test_map import Visitor, visiting
from tests.e2e.visitors import Office, authorization

AREA = "940101"
"""Pattani, where no other test enters places."""


@pytest.fixture
async def visitor(browser: Browser, stack: Stack) -> AsyncIterator[Visitor]:
    """Somebody with a small phone, the harder case."""
    context = await browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    async with visiting(context, stack.addresses().reporting) as visitor:
        yield visitor


async def test_places_change_in_the_reader_s_sight(visitor: Visitor, office: Office) -> None:
    tokens = await office.tokens(await office.officer(AREA[:2]))
    headers = authorization(tokens["access_token"])
    address = f"{office.addresses.facilities}/v1/facilities"

    async def send(method: str, path: str, body: Any, **more: str) -> dict[str, Any]:
        answer = await office.client.request(method, address + path, json=body, headers=headers | more)
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def place(kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {"kind": kind, "name": name, "area": AREA, "position": {"lat": 6.868, "lon": 101.251}} | more

    hospital = await send("POST", "", place("hospital", "โรงพยาบาลปัตตานี", capacity=30, free=4))
    await send("POST", "", place("vaccination_point", "จุดฉีดวัคซีนโรงพยาบาลปัตตานี", position=None))
    await send("POST", "", place("field_hospital", "โรงพยาบาลสนามปัตตานี", position={"lat": 6.87, "lon": 101.26}))
    page = visitor.page
    await visitor.open()
    await page.locator("#places-kind").select_option("all")
    await expect(page.locator("#places p")).to_have_text("เลือกจังหวัดเพื่อดูสถานที่บนแผนที่")
    await visitor.row(AREA[:2]).locator("a").click()
    await expect(page).to_have_url(re.compile(r"\?area=94&places=all$"))
    counts = page.locator('#places tr[data-kind="hospital"] td')
    await expect(counts).to_have_text(["1", "0", "0", "0"])
    await expect(page.locator('#places tr[data-kind="vaccination_point"] td')).to_have_text(["1", "0", "0", "0"])
    await expect(page.locator("#places p")).to_have_text("1 แห่งไม่มีพิกัด จึงไม่อยู่บนแผนที่")

    await page.evaluate("window.neverReloaded = true")
    full = hospital | {"status": "full", "free": 0}
    path = f"/{hospital['facility_id']}"
    full = await send("PUT", path, full, **{"If-Match": '"1"'})
    await expect(counts).to_have_text(["0", "1", "0", "0"])
    await page.locator("#places-status").select_option("full")
    await expect(page.locator("#places tbody tr")).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"places=all&status=full$"))
    await send("PUT", path, full | {"status": "closed"}, **{"If-Match": '"2"'})
    await expect(page.locator("#places table")).to_be_hidden()
    assert await page.evaluate("window.neverReloaded")
    await visitor.open(f"?area={AREA[:2]}&places=all&lang=en")
    await expect(page.locator("#places-kind")).to_have_value("all")
    await expect(page.locator('#places tr[data-kind="vaccination_point"] th')).to_have_text("Vaccination point")
    assert await violations_of(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    assert visitor.complaints == []
