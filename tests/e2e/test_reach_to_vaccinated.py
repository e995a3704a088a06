"""From the door to the dose: ten households without a net, one person followed up until she is vaccinated, and the live
map that shows it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from playwright.async_api import Browser, expect

from tests.e2e.complaints import complaints_of
from tests.e2e.phones import handset, new_volunteer
from tests.e2e.test_map import Visitor
from tests.e2e.visitors import WAIT_SECONDS, Office, authorization

PROVINCE: Final = "37"  # Amnat Charoen: where no other test surveys
SUBDISTRICT: Final = "370101"
HOUSES: Final = 10


async def test_ten_households_offline_and_one_person_up_to_the_dose(browser: Browser, office: Office) -> None:
    addresses = office.addresses
    token = (await office.tokens(await office.coordinator(SUBDISTRICT[:4])))["access_token"]
    point = await vaccination_point(office)
    desk = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await desk.new_page()
    live = Visitor(page, addresses.reporting, complaints_of(page, addresses.reporting))
    await live.open("?measure=wanting")
    wanting = live.row(PROVINCE).locator(".numerator")

    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.offline_ready()
        await phone.context.set_offline(True)
        for number in range(HOUSES // 2):
            await phone.survey(f"{number + 1}")
        await phone.shows(on_phone=HOUSES // 2)
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=HOUSES // 2)
        await phone.context.set_offline(True)
        for number in range(HOUSES // 2, HOUSES):
            await phone.survey(f"{number + 1}")
        await phone.shows(on_phone=HOUSES // 2)
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=HOUSES)
        await expect(wanting).to_have_text(str(HOUSES))

        # The coordinator gives the first of the list to the volunteer, who finds her on the phone.
        person = await first_to_reach(office, token)
        claim = {
            "volunteer_id": await phone.volunteer(),
            "persons": [{name: person[name] for name in ("household_id", "person_id")}],
        }
        url = f"{addresses.survey}/v1/need-to-reach/claims"
        assigned = await office.client.put(url, json=claim, headers=authorization(token))
        assert assigned.json()["results"][0]["outcome"] == "claimed", assigned.text
        await phone.press("โหลดรายการใหม่")
        await phone.tab("reach")
        await phone.press("บันทึกผล")
        await phone.choose("ผลการติดตาม", "นัดฉีดแล้ว")
        await phone.page.get_by_label("จุดฉีดวัคซีน").select_option(point)
        at = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT09:30")
        await phone.page.get_by_label("วันและเวลานัด").fill(at)
        await phone.press("บันทึก")
        await phone.tab("home")
        await phone.shows(on_phone=0, recorded=HOUSES + 1)
        await expect(wanting).to_have_text(str(HOUSES))  # an appointment is no dose

        # Without a net she is vaccinated, and the phone tells it when there is one.
        await phone.press("โหลดรายการใหม่")
        await phone.tab("reach")
        await phone.context.set_offline(True)
        await phone.press("บันทึกผล")
        await phone.choose("ผลการติดตาม", "ฉีดแล้ว")
        await phone.choose("เข็มที่", "1")
        await phone.press("บันทึก")
        await phone.tab("home")
        await phone.shows(on_phone=1)
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=HOUSES + 2)
        await expect(wanting).to_have_text(str(HOUSES - 1))
        counts = await coverage(office, token)
        assert counts["households"] == HOUSES
        assert (counts["dose_0"], counts["dose_1"], counts["dose_3"]) == (HOUSES - 1, 1, HOUSES)
        await phone.press("โหลดรายการใหม่")
        await phone.tab("reach")
        await expect(phone.page.get_by_text("ยังไม่มีผู้ที่มอบหมายให้ท่าน")).to_be_visible()
        await phone.tab("records")
        await expect(phone.page.locator("[data-state=refused]")).to_have_count(0)
    assert live.complaints == []
    await desk.close()


async def vaccination_point(office: Office) -> str:
    """A vaccination point of the register, known to the survey."""
    addresses = office.addresses
    body = {"kind": "vaccination_point", "name": "โรงพยาบาลส่งเสริมสุขภาพตำบลบุ่ง", "area": SUBDISTRICT, "capacity": 20}
    headers = authorization(office.administrator)
    entered = await office.client.post(f"{addresses.facilities}/v1/facilities", json=body, headers=headers)
    assert entered.status_code == 201, entered.text
    point = str(entered.json()["facility_id"])
    url = f"{addresses.survey}/v1/vaccination-points?area={SUBDISTRICT[:4]}"
    async with asyncio.timeout(WAIT_SECONDS):
        while point not in (await office.client.get(url, headers=headers)).text:
            await asyncio.sleep(0.05)
    return point


async def first_to_reach(office: Office, token: str) -> dict[str, Any]:
    """Who comes first in the list of the subdistrict, of ten."""
    url = f"{office.addresses.survey}/v1/need-to-reach?area={SUBDISTRICT}"
    items: list[dict[str, Any]] = (await office.client.get(url, headers=authorization(token))).json()["items"]
    assert len(items) == HOUSES
    return items[0]


async def coverage(office: Office, token: str) -> dict[str, Any]:
    """Reporting's figures of the subdistrict."""
    url = f"{office.addresses.reporting}/v1/coverage?area={SUBDISTRICT}"
    rows: list[dict[str, Any]] = (await office.client.get(url, headers=authorization(token))).json()["rows"]
    return rows[0]
