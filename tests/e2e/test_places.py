"""Places as their officers work on them: a week from due to confirmed, and a list from its file to its undoing."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from playwright.async_api import Browser, FilePayload, Page, Route, expect

from tests.e2e.accessibility import violations_of
from tests.e2e.complaints import complaints_of
from tests.e2e.officers import AREA, enter, fits, new_officer, registered
from tests.e2e.visitors import DESK, PHONE, Office, signed_in


@pytest.fixture(scope="module")
async def kept(office: Office) -> str:
    """What the tab of an officer keeps who is signed in."""
    return await new_officer(office)


async def test_an_officers_week(
    browser: Browser, office: Office, kept: str, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    places = [await enter(office, kept, f"ศูนย์พักคอย {number}") for number in range(3)]
    await database.execute(
        "UPDATE facility SET confirmed_at = $1 WHERE facility_id = ANY ($2::uuid[])",
        datetime.now(UTC) - timedelta(days=9),
        [place["facility_id"] for place in places],
    )
    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await visitor.open("/week")
        await expect(page.locator("main .lead")).to_have_text("ยืนยันแล้ว 0 จาก 3 แห่ง")
        await expect(page.locator(".tag.bad")).to_have_count(3)
        await fits(visitor)
        await visitor.press("ไม่มีอะไรเปลี่ยน: ศูนย์พักคอย 0")
        await expect(page.locator("#notice")).to_have_text("ยืนยันแล้ว 1 แห่ง")
        await expect(page.locator("main .lead")).to_have_text("ยืนยันแล้ว 1 จาก 3 แห่ง")
        # Somebody else is faster: what he wrote stands, and is shown.
        await page.get_by_role("button", name="แก้ไข ศูนย์พักคอย 1", exact=True).click()
        await database.execute(
            "UPDATE facility SET revision = 2, free = 9 WHERE facility_id = $1::uuid", places[1]["facility_id"]
        )
        await page.locator("dialog [name=free]").fill("5")
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_contain_text("มีผู้แก้ไข ศูนย์พักคอย 1 ไปก่อนแล้ว")
        card = page.locator(f"[data-place='{places[1]['facility_id']}']")
        await expect(card).to_contain_text("ว่าง 9 จาก 20 เตียง")
        await database.execute(
            "INSERT INTO facility_revision SELECT facility_id, 2, 'updated', content, changed_at, changed_by, "
            "organisation, role FROM facility_revision WHERE facility_id = $1::uuid",
            places[1]["facility_id"],
        )
        await page.get_by_role("button", name="แก้ไข ศูนย์พักคอย 1", exact=True).click()
        await page.locator("dialog [name=free]").fill("21")
        await visitor.press("บันทึก")
        await expect(page.locator("dialog .error:visible")).to_contain_text("เตียงว่างมากกว่าเตียงทั้งหมด")
        await page.locator("dialog [name=free]").fill("5")
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_have_text("บันทึก ศูนย์พักคอย 1 แล้ว")
        await page.locator("#all").check()
        await visitor.press("ยืนยันที่เลือก")
        await expect(page.locator("main .lead")).to_have_text("สัปดาห์นี้ยืนยันครบแล้ว")
        await page.locator("#language").click()
        await expect(page.locator("main .lead")).to_have_text("Everything is confirmed this week")
        assert [each for each in visitor.complaints if "412" not in each and "400" not in each] == []


async def fewer_at_once(route: Route) -> None:
    """The week's page as it is, but for how many places it shows before more are asked for."""
    answer = await route.fetch()
    script = await answer.text()
    assert "AT_ONCE = 500;" in script
    await route.fulfill(response=answer, body=script.replace("AT_ONCE = 500;", "AT_ONCE = 60;"))


async def test_a_long_week_is_shown_as_far_as_somebody_asks(
    browser: Browser, office: Office, database: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    officer = await new_officer(office)
    first = await enter(office, officer, "ศูนย์แรก")
    await database.execute(
        "INSERT INTO facility (facility_id, organisation_id, kind, name, area, status, hours, services, revision, "
        "created_at, updated_at, confirmed_at) SELECT gen_random_uuid(), organisation_id, 'test_point', 'จุด ' || n, "
        "area, 'open', '[]', '{}', 1, created_at, created_at, created_at - interval '9 days' "
        "FROM facility, generate_series(1, 102) AS n WHERE facility_id = $1::uuid",
        first["facility_id"],
    )
    try:
        async with signed_in(browser, office, officer, PHONE) as visitor:
            page = visitor.page
            await page.route("**/week.js", fewer_at_once)
            await visitor.open("/week")
            await expect(page.locator("main .lead")).to_have_text("ยืนยันแล้ว 1 จาก 103 แห่ง")
            await expect(page.locator("[data-place]")).to_have_count(100)
            await expect(page.locator(".further")).to_contain_text("แสดง 100 จาก 103 แห่ง")
            chosen = page.locator("[data-place] input").nth(7)
            await chosen.check()
            await visitor.press("แสดงสถานที่ต่อ")
            await expect(page.locator("[data-place]")).to_have_count(102)  # the fresh one need not be confirmed
            await expect(chosen).to_be_checked()
            await expect(page.locator(".further")).to_be_empty()
            # More than one request may confirm.
            await page.locator("#all").check()
            await visitor.press("ยืนยันที่เลือก")
            await expect(page.locator("#notice")).to_have_text("ยืนยันแล้ว 102 แห่ง")
            await expect(page.locator("main .lead")).to_have_text("สัปดาห์นี้ยืนยันครบแล้ว")
            assert visitor.complaints == []
    finally:
        await database.execute(
            "WITH gone AS (SELECT facility_id FROM facility WHERE name LIKE 'จุด %' AND area = $1), "
            "history AS (DELETE FROM facility_revision WHERE facility_id IN (SELECT facility_id FROM gone)) "
            "UPDATE facility SET status = 'closed' WHERE facility_id IN (SELECT facility_id FROM gone)",
            AREA,
        )


async def test_what_lies_outside_its_district_is_saved_by_whoever_says_so(
    browser: Browser, office: Office, kept: str
) -> None:
    outside = {"lat": 6.75, "lon": 101.3}
    place = await enter(office, kept, "ศูนย์นอกเขต", position=outside, position_confirmed=True)
    await enter(office, kept, "ศูนย์ร่วมรหัส", official_code="95901")
    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await visitor.open("/week")
        await page.locator(".tabs button", has_text="ทั้งหมด").click()
        await page.get_by_role("button", name="แก้ไข ศูนย์นอกเขต", exact=True).click()
        window = page.locator("dialog")
        await window.locator("[name=free]").fill("2")
        await expect(window.locator(".tick:visible")).to_have_count(0)
        await visitor.press("บันทึก")
        await expect(window.locator(".form-error")).to_contain_text("ห่างจากอำเภอที่ระบุประมาณ 7 กม.")
        await window.get_by_label("ตรวจพิกัดแล้ว อยู่นอกอำเภอที่เลือกจริง").check()
        assert await violations_of(page) == []
        assert (await registered(office, place["facility_id"]))["free"] == 4
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_have_text("บันทึก ศูนย์นอกเขต แล้ว")
        assert (await registered(office, place["facility_id"]))["free"] == 2
        # So it is on the page of a place with a code that another one has.
        await visitor.open(f"/place?id={place['facility_id']}")
        shares = page.get_by_label("ใช้รหัสร่วมกับสถานที่อื่นจริง")
        await page.get_by_label("ตรวจพิกัดแล้ว อยู่นอกอำเภอที่เลือกจริง").check()
        await visitor.fill(official_code="95901")
        await expect(shares).to_be_hidden()
        await visitor.press("บันทึก")
        await expect(page.locator("[data-field=official_code] .error")).to_contain_text("รหัสนี้เป็นของ ศูนย์ร่วมรหัส")
        await shares.check()
        await visitor.press("บันทึก")
        await expect(page.locator("#notice:visible")).to_have_text("บันทึก ศูนย์นอกเขต แล้ว")
        assert (await registered(office, place["facility_id"]))["official_code"] == "95901"
        assert [each for each in visitor.complaints if "400" not in each and "409" not in each] == []


async def in_two_pages(route: Route) -> None:
    """Pairs of places whose first page has none of this place, as in a district with many."""
    assert re.search(r"[?&]area=9501(&|$)", route.request.url), route.request.url
    if "cursor=" not in route.request.url:
        await route.fulfill(json={"items": [], "cursor": "next"}, headers={"Access-Control-Allow-Origin": "*"})
    else:
        await route.continue_(url=route.request.url.replace("&cursor=next", ""))


async def test_a_place_is_entered_changed_and_merged(browser: Browser, office: Office, kept: str) -> None:
    other = await enter(office, kept, "โรงพยาบาลสนามโรงเรียนบ้านยะลา", position={"lat": 6.56, "lon": 101.3})
    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await page.route("**/v1/duplicates?*", in_two_pages)
        await visitor.open("/place")
        await page.locator("[name=kind]").select_option("waiting_centre")
        await expect(page.locator("[data-field=lanes_per_hour]")).to_be_hidden()
        await visitor.fill(name="รพ.สนาม โรงเรียนบ้านยะลา", capacity="10", free="11", position="101.3001, 6.5601")
        for digits in (4, 6):
            await page.locator(f"#area-{digits}").select_option(AREA[:digits])
        await page.get_by_role("button", name="เพิ่ม", exact=True).first.click()
        await visitor.press("บันทึก")
        await expect(page.locator("[data-field=free] .error")).to_contain_text("เตียงว่างมากกว่าเตียงทั้งหมด")
        await expect(page.locator("[data-field=position] .error")).to_contain_text("สลับกัน")
        await visitor.fill(free="3", position="6.5601, 101.3001")
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_contain_text("แล้ว")
        await expect(page).to_have_url(re.compile("/place\\?id="))
        await expect(page.locator("[data-opens]")).to_have_value("08:30")
        await expect(page.locator("[data-duplicate]")).to_contain_text(other["name"])
        await fits(visitor)
        await visitor.fill(free="4")
        await visitor.press("บันทึก")
        await expect(page.locator("#notice:visible")).to_contain_text("แล้ว")
        await expect(page.locator("[name=free]")).to_have_value("4")
        # Somebody else is faster: what he changed is said, and what was typed here stays.
        address = f"{office.addresses.facilities}/v1/facilities/{page.url.partition('id=')[2]}"
        present = (await office.client.get(address)).json()
        token = {"Authorization": f"Bearer {json.loads(kept)['access']}", "If-Match": f'"{present["revision"]}"'}
        assert (await office.client.put(address, json=present | {"free": 1}, headers=token)).status_code == 200
        await visitor.fill(free="5", phone="x")
        await visitor.press("บันทึก")
        await expect(page.locator("[data-field=phone] .error")).to_be_visible()
        await visitor.fill(phone="")
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_contain_text("ไปก่อนแล้ว (เตียงว่าง: 1)")
        await expect(page.locator("[name=free]")).to_have_value("5")
        await visitor.press("บันทึก")
        await expect(page.locator("#notice")).to_have_text("บันทึก รพ.สนาม โรงเรียนบ้านยะลา แล้ว")
        assert (await office.client.get(address)).json()["free"] == 5
        await page.locator("#history summary").click()
        await expect(page.locator("#history li")).to_contain_text(["แก้ไข เตียงว่าง", "ลงทะเบียน"])
        merged = page.url.partition("id=")[2]
        await visitor.press("เป็นที่เดียวกัน รวมเข้าด้วยกัน")
        await expect(page.locator("#notice")).to_have_text(f"รวมเข้ากับ {other['name']} แล้ว")
        await expect(page.locator("[name=name]")).to_have_value(other["name"])
        # The other's address leads here; its history tells of the merger, and it can be parted again.
        await visitor.open(f"/place?id={merged}")
        await expect(page.locator("#merged")).to_contain_text(f"ถูกรวมเข้ากับ {other['name']} แล้ว")
        assert await violations_of(page) == []
        await visitor.press("แยกออกอีกครั้ง (จะอยู่ในสถานะปิด)")
        await expect(page.locator("#notice")).to_contain_text("แยก รพ.สนาม โรงเรียนบ้านยะลา ออกแล้ว")
        await page.locator("#history summary").click()
        lines = page.locator("#history li")
        await expect(lines).to_contain_text(["แยกออกอีกครั้ง", f"รวม เข้ากับ {other['name']}", "แก้ไข เตียงว่าง"])
        await expect(lines.first.locator(".who")).to_contain_text("· ท่าน")
        await fits(visitor)
        assert [each for each in visitor.complaints if "400" not in each and "412" not in each] == []


async def test_a_save_that_changes_nothing_keeps_everything(browser: Browser, office: Office, kept: str) -> None:
    twice = [{"open": "08:00", "close": "10:00"}, {"open": "13:00", "close": "15:00"}]
    place = await enter(
        office,
        kept,
        "จุดฉีดที่มีทุกอย่าง",
        kind="vaccination_point",
        free=None,
        details={"vaccines": ["511", "213", "208"], "lanes_per_hour": 30, "access": "both"},
        hours=[{"days": ["mon", "sat"], "open": "08:30", "close": "16:30"}],
        hours_exceptions=[
            {"date": "2027-12-31", "spans": twice, "note": "วันสิ้นปี"},
            {"date": "2028-01-01", "spans": [], "note": None},
        ],
        holidays="closed",
        hours_note="พักเที่ยง",
        services=["booster"],
        contact={"phone": "073 212 345", "email": "a@example.org", "website": "https://example.org"},
    )
    temple = await enter(office, kept, "วัดที่แก้ไข", kind="cremation_temple", free=None)
    async with signed_in(browser, office, kept, PHONE) as visitor:
        # A kind beside the five is kept as well; a place changes to a kind of its own stream only.
        await visitor.open(f"/place?id={temple['facility_id']}")
        await expect(visitor.page.locator("[name=kind]")).to_have_value("cremation_temple")
        await expect(visitor.page.locator("[name=kind] [value=hospital]")).to_have_count(0)
        await visitor.open(f"/place?id={place['facility_id']}")
        await fits(visitor)
        await visitor.press("บันทึก")
        await expect(visitor.page.locator("#notice")).to_have_text("บันทึก จุดฉีดที่มีทุกอย่าง แล้ว")
        assert visitor.complaints == []
    address = f"{office.addresses.facilities}/v1/facilities/{place['facility_id']}"
    stored = (await office.client.get(address)).json()
    moved = {"updated_at", "confirmed_at", "revision"}
    assert {name: stored[name] for name in place if name not in moved} == {
        name: value for name, value in place.items() if name not in moved
    }


async def test_a_list_from_its_file_to_its_undoing(browser: Browser, office: Office, kept: str) -> None:
    known = await enter(office, kept, "ศูนย์รายการ", capacity=30, free=1)
    rows = (
        "รายชื่อศูนย์พักคอย จังหวัดยะลา\n\nชื่อสถานที่,รหัสตำบล,เตียงทั้งหมด,เตียงว่าง\n"
        f"ศูนย์รายการ,{AREA},30,7\nศูนย์แห่งใหม่,{AREA},10,2\nศูนย์ผิด,{AREA},10,11\n"
    )
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await visitor.open("/lists")
        file = FilePayload(name="yala.csv", mimeType="text/csv", buffer=rows.encode("cp874"))
        await page.locator("[name=file]").set_input_files(file)
        await visitor.press("ตรวจไฟล์")
        await expect(page.locator("[data-result=error] .error")).to_contain_text("D6 เตียงว่าง: เตียงว่างมากกว่าเตียงทั้งหมด")
        await page.locator("button[data-result=changed]").click()
        await expect(page.locator("li[data-result=changed] .said")).to_have_text("เตียงว่าง: 1 → 7")
        await page.locator("summary").click()
        await expect(page.locator("[name=kind]")).to_have_value("waiting_centre")
        await fits(visitor)
        await visitor.press("บันทึก 2 แห่ง")
        await expect(page.locator("[role=status]")).to_have_text("บันทึกแล้ว")
        address = f"{office.addresses.facilities}/v1/facilities/{known['facility_id']}"
        assert (await office.client.get(address)).json()["free"] == 7
        await fits(visitor)
        await visitor.press("ยกเลิกการบันทึกนี้")
        await expect(page.locator("[role=status]")).to_have_text("ยกเลิกการบันทึกแล้ว")
        assert (await office.client.get(address)).json()["free"] == 1
        await page.get_by_role("link", name="รายการทั้งหมด").click()
        await expect(page.locator("li", has_text="yala.csv")).to_contain_text("ยกเลิกการบันทึกแล้ว")
        assert visitor.complaints == []


async def test_a_list_without_a_kind_asks_for_it(browser: Browser, office: Office, kept: str) -> None:
    rows = f"ชื่อสถานที่,รหัสตำบล,อะไร\nศูนย์ไม่มีประเภท,{AREA},ก\n"
    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await visitor.open("/lists?lang=en")
        await page.locator("[name=file]").set_input_files(
            FilePayload(name="a.csv", mimeType="text/csv", buffer=rows.encode())
        )
        await visitor.press("Check the file")
        await expect(page.locator(".form-error").first).to_contain_text("please say which they are")
        await expect(page.locator(".missing")).to_have_text("Columns that are missing: Kind")
        await expect(page.locator("main .who").first).to_contain_text("Sent by You")
        await fits(visitor)
        await page.locator("[name=kind]").select_option(label="Waiting centre")
        await visitor.press("Check again")
        await expect(page.locator("li[data-result=new] .name")).to_have_text("ศูนย์ไม่มีประเภท")
        assert visitor.complaints == []


async def test_how_far_a_list_is(browser: Browser, office: Office, kept: str) -> None:
    row = f"ศูนย์พักคอย,{AREA},{'ก' * 1_500}\n"  # of which a column that nobody reads makes the file long
    rows = "ชื่อสถานที่,ประเภท,รหัสตำบล,อะไร\n" + "".join(f"ศูนย์ยาว {number},{row}" for number in range(250))

    async def half_checked(route: Route) -> None:
        answer = await route.fetch()
        checked = await answer.json() | {"state": "waiting", "row_count": 1_000}
        await route.fulfill(response=answer, json=checked)

    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await visitor.open("/lists")
        await page.route(re.compile("/v1/imports/[^/]+$"), half_checked)
        network = await page.context.new_cdp_session(page)
        usual = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await network.send("Network.emulateNetworkConditions", usual | {"uploadThroughput": 100_000})
        await page.locator("[name=file]").set_input_files(
            FilePayload(name="long.csv", mimeType="text/csv", buffer=rows.encode())
        )
        await visitor.press("ตรวจไฟล์")
        await expect(page.locator("#sending [role=status]")).to_have_text(
            re.compile(r"^ส่งแล้ว [1-9]\d?% จาก 1.1 เมกะไบต์$")
        )
        await expect(page.locator("#sending progress")).to_have_js_property("max", 1)
        assert await violations_of(page) == []
        await network.send("Network.emulateNetworkConditions", usual)
        await expect(page.locator("[role=status]")).to_have_text("กำลังตรวจ อ่านแล้ว 1,000 แถว")
        await page.unroute(re.compile("/v1/imports/[^/]+$"))
        await expect(page.locator("[role=status]")).to_have_text("ตรวจแล้ว ยังไม่บันทึก")
        assert visitor.complaints == []


async def test_what_a_list_may_not_change_is_told_with_a_way_on(browser: Browser, office: Office, kept: str) -> None:
    coded = await enter(office, kept, "ศูนย์มีรหัส", official_code="95801")
    bare = await enter(office, kept, "ศูนย์ไม่มีรหัส")
    foreign = await enter(office, await new_officer(office), "ศูนย์ของหน่วยงานอื่น")
    rows = f"facility_id,official_code,free\n{bare['facility_id']},95801,1\n{foreign['facility_id']},,1\n"
    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await visitor.open("/lists")
        await page.locator("[name=file]").set_input_files(
            FilePayload(name="ids.csv", mimeType="text/csv", buffer=rows.encode())
        )
        await visitor.press("ตรวจไฟล์")
        taken, other = page.locator("li[data-row='2']"), page.locator("li[data-row='3']")
        await expect(taken.locator(".error")).to_have_text(f"B2 official_code: รหัสนี้เป็นของ {coded['name']}")
        await expect(taken.locator(".who")).to_contain_text("หากใช้รหัสร่วมกันจริง")
        await expect(other.locator(".error")).to_contain_text("สถานที่นี้ดูแลโดยหน่วยงานอื่น")
        await expect(other.locator(".who")).to_contain_text("ให้หน่วยงานที่ดูแลสถานที่นี้เป็นผู้แก้ไข")
        await fits(visitor)
        assert visitor.complaints == []


@pytest.fixture
async def public(browser: Browser, office: Office) -> AsyncIterator[tuple[Page, list[str]]]:
    """The public map on a phone in Yala, and what went wrong on it."""
    here = {"geolocation": {"latitude": 6.54, "longitude": 101.28}, "permissions": ["geolocation"]}
    device: dict[str, Any] = {**PHONE, **here}
    context = await browser.new_context(**device)
    page = await context.new_page()
    yield page, complaints_of(page, office.addresses.facilities)
    await context.close()


async def test_what_is_open_near_me(
    browser: Browser, office: Office, kept: str, public: tuple[Page, list[str]]
) -> None:
    week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    always = [{"days": week, "open": "00:00", "close": "24:00"}]
    at = {"lat": 6.541, "lon": 101.281}
    near = await enter(office, kept, "ศูนย์ใกล้", position=at, hours=always, contact={"phone": "073 212 345"})
    await enter(office, kept, "ศูนย์ไม่บอกเวลา", position={"lat": 6.545, "lon": 101.285})
    test_point = {"kind": "test_point", "capacity": None, "free": None, "hours": always}
    await enter(office, kept, "จุดตรวจใกล้", position={"lat": 6.55, "lon": 101.29}, **test_point)
    temple = {"kind": "cremation_temple", "capacity": 4, "free": None}
    await enter(office, kept, "วัดใกล้", position={"lat": 6.552, "lon": 101.292}, **temple)
    page, complaints = public
    names = page.locator("#places h3")
    await page.goto(office.addresses.facilities)
    await expect(page.locator("body[data-ready]")).to_be_attached()
    await page.locator("#here").click()
    await expect(page.locator("#found")).to_contain_text("แห่งที่ใกล้ที่สุด")
    await expect(names).to_contain_text(["ศูนย์ใกล้", "ศูนย์ไม่บอกเวลา", "จุดตรวจใกล้"])
    first = page.locator("#places > li").first
    await expect(first).to_contain_text("เปิดอยู่")
    await expect(first).to_contain_text("0.2 กม.")
    await expect(first.locator("a[href^=tel]")).to_have_attribute("href", "tel:073212345")
    await page.locator("#open").check()
    await expect(names).not_to_contain_text(["ศูนย์ไม่บอกเวลา"])
    await page.locator("#by-kind summary").click()
    await page.locator("#kinds label", has_text="จุดตรวจโควิด").click()
    await expect(names).to_have_text(["จุดตรวจใกล้"])
    await expect(page).to_have_url(re.compile(r"near=6\.54.*kind=test_point.*open=1"))
    view = page.url
    for language in ("th", "en"):
        await expect(page.locator("html")).to_have_attribute("lang", language)
        for width in (1440, 360):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate("document.documentElement.scrollWidth") == width
            assert await violations_of(page) == [], (language, width)
        await page.locator("#language").click()
    # A kind beside the five has its name from the register, and a colour that can be seen.
    await page.locator("#kinds label", has_text="จุดตรวจโควิด").click()
    await page.locator("#open").uncheck()
    of_temples = page.locator("#kinds label", has_text="วัดที่รับฌาปนกิจ (โควิด-19)")
    await of_temples.click()
    await expect(names).to_have_text(["วัดใกล้"])
    await expect(page.locator("#places > li").first).to_contain_text("วัดที่รับฌาปนกิจ (โควิด-19)")
    await expect(of_temples.locator(".swatch")).to_have_css("background-color", "rgb(75, 98, 107)")
    # The address leads another reader to the same view.
    await page.goto(view)
    await expect(names).to_have_text(["จุดตรวจใกล้"])
    await page.locator("#kinds label", has_text="จุดตรวจโควิด").click()
    await page.locator("#q").fill("ศูนย์ ใกล้")
    await expect(names).to_have_text(["ศูนย์ใกล้"])
    await page.get_by_role("button", name="ดู ศูนย์ใกล้ บนแผนที่").click()
    await expect(page.locator("#places > li[aria-current]")).to_contain_text("ศูนย์ใกล้")
    # A place that was sent on is shown, whatever else its address asks for.
    await page.goto(f"{office.addresses.facilities}/?kind=test_point&place={near['facility_id']}")
    await expect(page.locator("#places > li[aria-current]")).to_contain_text("ศูนย์ใกล้")
    assert complaints == []
