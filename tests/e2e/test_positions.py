"""The position of a place on its map: dragged, moved by keys, tapped, typed and taken from the device."""

import re
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e.officers import enter, fits, new_officer, registered
from tests.e2e.visitors import DESK, PHONE, Office, signed_in

AREA = "950201"
START = {"lat": 5.7801, "lon": 101.0701}
"""In Betong, where no other test of the browser looks for what is near."""


@pytest.fixture(scope="module")
async def kept(office: Office) -> str:
    """What the tab of an officer keeps who is signed in."""
    return await new_officer(office)


async def written(page: Page) -> tuple[float, float]:
    """The position that stands in the field."""
    lat, lon = (await page.locator("[name=position]").input_value()).split(",")
    return float(lat), float(lon)


async def tip_of(pin: Locator) -> tuple[float, float]:
    """Where the middle of a pin is in the window, in pixels."""
    box = await pin.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def within(pin: Locator, frame: Locator) -> bool:
    """Whether a pin is inside its map."""
    (x, y), box = await tip_of(pin), await frame.bounding_box()
    return box is not None and 0 < x - box["x"] < box["width"] and 0 < y - box["y"] < box["height"]


async def test_a_pin_is_dragged_and_moved_by_keys(browser: Browser, office: Office, kept: str) -> None:
    place = await enter(office, kept, "ศูนย์ที่ย้าย", area=AREA, position=START)
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await visitor.open(f"/place?id={place['facility_id']}")
        pin, standing = page.locator(".pin"), page.locator(".standing")
        await expect(page.locator(".own-district")).to_be_attached()
        await expect(standing).to_have_text("ตำแหน่งอยู่ใน อ.เบตง")
        await expect(page.get_by_role("button", name="หมุดที่ 5.7801, 101.0701")).to_be_visible()
        await pin.scroll_into_view_if_needed()
        x, y = await tip_of(pin)
        await page.mouse.move(x, y)
        await page.mouse.down()
        await page.mouse.move(x + 30, y - 10, steps=4)
        await page.mouse.move(x + 60, y, steps=4)
        await page.mouse.up()
        moved_x, moved_y = await tip_of(pin)
        assert (moved_x - x, moved_y - y) == pytest.approx((60, 0), abs=1)
        lat, lon = await written(page)
        assert lat == pytest.approx(START["lat"], abs=0.0005)
        degrees = 60 * 360 / (256 * 2**12)  # on the map of zoom 12
        assert lon - START["lon"] == pytest.approx(degrees, rel=0.05)
        # Keys: a step to the north, and a small one.
        await pin.focus()
        await page.keyboard.press("ArrowUp")
        north, same = await written(page)
        assert same == pytest.approx(lon, abs=0.00002)
        assert north - lat == pytest.approx(degrees / 6, rel=0.1)
        await page.keyboard.press("Shift+ArrowDown")
        assert north - (await written(page))[0] == pytest.approx(degrees / 60, rel=0.1)
        # What is typed moves the pin; outside the district is told at once, and asked about.
        looked = page.get_by_label("ตรวจพิกัดแล้ว อยู่นอกอำเภอที่เลือกจริง")
        await expect(looked).to_be_hidden()
        await visitor.fill(position="๕.๙๙, 101.07")
        await expect(standing).to_have_text(re.compile(r"^ตำแหน่งอยู่นอก อ\.เบตง ประมาณ \d+(\.\d)? กม\. โปรดตรวจสอบ$"))
        assert await within(pin, page.locator(".position-map"))
        await expect(looked).to_be_visible()
        await fits(visitor)
        await page.locator("#language").click()
        await expect(standing).to_have_text(re.compile(r"^The position lies some \S+ km outside "))
        await page.locator("#language").click()
        await visitor.fill(position="somewhere")
        await expect(pin).to_have_count(0)
        await visitor.fill(position="5.77, 101.06")
        await expect(standing).to_have_text("ตำแหน่งอยู่ใน อ.เบตง")
        await expect(looked).to_be_hidden()
        # Another district is another border.
        await page.locator("#area-4").select_option("9505")
        await expect(standing).to_contain_text("ตำแหน่งอยู่นอก อ.ยะหา")
        await page.locator("#area-4").select_option("9502")
        await page.locator("#area-6").select_option(AREA)
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_have_text("บันทึก ศูนย์ที่ย้าย แล้ว")
        assert (await registered(office, place["facility_id"]))["position"] == {"lat": 5.77, "lon": 101.06}
        assert visitor.complaints == []


async def test_a_pin_is_put_by_touch_and_by_the_device(browser: Browser, office: Office, kept: str) -> None:
    here = {"latitude": START["lat"], "longitude": START["lon"], "accuracy": 35}
    device: dict[str, Any] = {**PHONE, "geolocation": here, "permissions": ["geolocation"]}
    async with signed_in(browser, office, kept, device) as visitor:
        page = visitor.page
        await visitor.open("/place")
        pin, frame = page.locator(".pin"), page.locator(".position-map")
        await page.locator("#area-4").select_option("9502")
        await expect(page.locator(".own-district")).to_be_attached()
        await expect(pin).to_have_count(0)
        await visitor.press("ปักหมุดกลางแผนที่")
        await expect(pin).to_be_visible()
        await visitor.press("ใช้ตำแหน่งของเครื่องนี้")
        await expect(page.locator("[name=position]")).to_have_value("5.78010, 101.07010")
        await expect(page.locator("#position-accuracy")).to_contain_text("35 เมตร")
        # A finger drags the pin, and the page stays where it is.
        await pin.scroll_into_view_if_needed()
        scrolled = await page.evaluate("scrollY")
        x, y = await tip_of(pin)
        fingers = await page.context.new_cdp_session(page)

        async def touch(kind: str, *at: float) -> None:
            points = [{"x": at[0], "y": at[1]}] if at else []
            await fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        await touch("touchStart", x, y)
        for step in range(1, 6):
            await touch("touchMove", x, y - 10 * step)
        await touch("touchEnd")
        lat, lon = await written(page)
        assert lat - START["lat"] == pytest.approx(50 * 360 / (256 * 2**12), rel=0.1)
        assert lon == pytest.approx(START["lon"], abs=0.0005)
        assert await page.evaluate("scrollY") == scrolled
        await expect(page.locator("#position-accuracy")).to_be_hidden()
        # A tap puts it elsewhere.
        box = await frame.bounding_box()
        assert box is not None
        await page.touchscreen.tap(box["x"] + 60, box["y"] + box["height"] / 2)
        await expect(page.locator("[name=position]")).not_to_have_value(f"{lat:.5f}, {lon:.5f}")
        assert (await written(page))[1] < lon
        await fits(visitor)
        assert visitor.complaints == []
