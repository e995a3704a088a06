"""The volunteer's phone as people use it: a real browser, real services, a net that is cut, a service that dies."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from playwright.async_api import Browser, Route, async_playwright, expect

from deploy.local.stack import Stack
from tests.e2e.accessibility import violations_of
from tests.e2e.conftest import QUIET
from tests.e2e.phones import PIN, Handset, handset, new_volunteer
from tests.e2e.visitors import DESK, PHONE, WAIT_SECONDS, Office

SUBDISTRICT: Final = "930101"  # Phatthalung: where no other test surveys
HOUSES: Final = [f"{number}/7" for number in range(1, 11)]


@pytest.fixture
async def survey(stack: Stack) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The survey's database."""
    connection = await asyncpg.connect(**stack.postgres.connection(database="survey"), timeout=10)
    yield connection
    await connection.close()


@asynccontextmanager
async def on_disk(program: str, office: Office, folder: Path) -> AsyncIterator[Handset]:
    """A phone whose browser keeps everything in a folder."""
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            str(folder),
            executable_path=program,
            args=list(QUIET),
            viewport={"width": 360, "height": 740},
            is_mobile=True,
            has_touch=True,
        )
        yield Handset(context.pages[0], context, office, [])
        await context.close()


async def recorded(survey: "asyncpg.Connection[asyncpg.Record]", phone: Handset, count: int) -> None:
    """Waits until the phone's volunteer has so many submissions, each once."""
    volunteer = await phone.volunteer()
    async with asyncio.timeout(WAIT_SECONDS):
        while (
            await survey.fetchval("SELECT count(*) FROM submission WHERE volunteer_id = $1::uuid", volunteer) != count
        ):
            await asyncio.sleep(0.05)
    households = await survey.fetchval(
        "SELECT count(DISTINCT household_id) FROM submission WHERE volunteer_id = $1::uuid", volunteer
    )
    assert households == count


async def test_ten_households_offline_two_cuts_and_a_killed_service(
    browser: Browser, office: Office, stack: Stack, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.offline_ready()
        await phone.context.set_offline(True)
        for house in HOUSES[:4]:
            await phone.survey(house)
        await phone.shows(on_phone=4)
        # The app is closed and opened again without a net.
        await phone.open()
        await phone.unlock()
        await phone.shows(on_phone=4)
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=4)

        await phone.context.set_offline(True)
        for house in HOUSES[4:]:
            await phone.survey(house)
        await phone.shows(on_phone=6, recorded=4)
        # The answer of the batch is lost, and the service is killed right after.
        lost = asyncio.Event()

        async def lose(route: Route) -> None:
            if lost.is_set():
                await route.continue_()
                return
            await route.fetch()
            lost.set()
            await asyncio.to_thread(stack.kill, "survey-http")
            await route.abort()

        await phone.page.route("**/v1/submissions:batch", lose)
        await phone.context.set_offline(False)
        await asyncio.wait_for(lost.wait(), WAIT_SECONDS)
        await asyncio.to_thread(stack.wait_ready)
        await phone.shows(on_phone=0, recorded=10)
        await recorded(survey, phone, 10)
        repeated = await survey.fetchval(
            "SELECT count(*) FROM repeated_submission WHERE volunteer_id = $1::uuid", await phone.volunteer()
        )
        assert repeated == 6  # what was accepted without an answer came a second time, and counts once


async def test_a_phone_that_dies_in_mid_form_goes_on_where_it_was(browser: Browser, office: Office) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.house("55")
        await phone.press("เพิ่มคน")
        await phone.write("อายุ หรือปีเกิด", "๗๑")
        await phone.choose("ฉีดวัคซีนแล้วกี่เข็ม", "2")
        await phone.stored_draft("55")
        await phone.page.close()
        phone.page = await phone.context.new_page()
        await phone.open()
        await phone.unlock()
        await phone.press("ทำต่อ: 55 ม.3")
        await expect(phone.page.get_by_label("อายุ หรือปีเกิด")).to_have_value("๗๑")
        await phone.press("เสร็จ")
        await phone.press("บันทึกครัวเรือน")
        await phone.shows(on_phone=0, recorded=1)


async def test_a_clock_that_is_ahead_is_set_right(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=5))
        await phone.survey("77")
        await phone.shows(on_phone=0, recorded=1)
        captured = await survey.fetchval(
            "SELECT captured_at FROM submission WHERE volunteer_id = $1::uuid", await phone.volunteer()
        )
        assert abs(datetime.now(UTC) - captured) < timedelta(minutes=2)
        await phone.tab("records")
        await expect(phone.page.get_by_text("นาฬิกาของเครื่องไม่ตรง")).to_be_visible()

        # Written while the clock was wrong, and sent when it is right again.
        for house, wrong in (("78", datetime.now(UTC) + timedelta(days=2)), ("79", datetime(2010, 1, 1, tzinfo=UTC))):
            await phone.context.set_offline(True)
            await phone.page.clock.set_system_time(wrong)
            await phone.survey(house)
            await phone.page.clock.set_system_time(datetime.now(UTC))
            await phone.context.set_offline(False)
            if wrong < datetime.now(UTC):  # how late it was nobody can tell
                await phone.shows(refused=1)
                await phone.tab("records")
                await phone.press("แก้ไขและส่งใหม่")
                await phone.press("ต่อไป")
                await phone.press("บันทึกครัวเรือน")
            await phone.shows(on_phone=0, refused=0)
        await phone.shows(recorded=3)
        times = await survey.fetch(
            "SELECT captured_at FROM submission WHERE volunteer_id = $1::uuid", await phone.volunteer()
        )
        soon, now = timedelta(minutes=1), datetime.now(UTC)
        assert all(now - 10 * soon < row["captured_at"] < now + soon for row in times)


async def test_what_was_accepted_and_lost_is_sent_again(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Kafka had it and is gone (docs/recovery.md): a day later nobody knows of it, and the phone still has it."""
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))

        async def accept(route: Route) -> None:
            body = route.request.post_data_json
            assert body is not None
            results = [{"submission_id": one["submission_id"], "status": 202} for one in body["submissions"]]
            await route.fulfill(status=207, json={"results": results})

        await phone.page.route("**/v1/submissions:batch", accept)
        await phone.survey("41")
        await phone.shows(on_phone=0, sent=1)
        await phone.page.unroute("**/v1/submissions:batch")
        await phone.page.clock.set_system_time(datetime.now(UTC) + timedelta(hours=25))
        await phone.shows(on_phone=0, sent=0, recorded=1)
        await recorded(survey, phone, 1)


async def test_what_the_service_refuses_is_corrected_and_sent_again(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))

        async def spoil(route: Route) -> None:
            body = route.request.post_data_json
            assert body is not None
            for submission in body["submissions"]:
                submission["address"]["village"] = "10010101"
            await route.continue_(post_data=json.dumps(body))

        await phone.page.route("**/v1/submissions:batch", spoil)
        await phone.survey("31")
        await phone.shows(refused=1)
        await phone.page.unroute("**/v1/submissions:batch")
        await phone.tab("records")
        await expect(phone.page.locator("[data-state=refused] .error")).to_contain_text("รหัสหมู่บ้าน")
        await phone.press("แก้ไขและส่งใหม่")
        await expect(phone.page.get_by_label("บ้านเลขที่")).to_have_value("31")
        await phone.press("ต่อไป")
        await phone.press("บันทึกครัวเรือน")
        await phone.shows(refused=0, recorded=1)
        await recorded(survey, phone, 1)


async def test_a_date_that_cannot_be_holds_up_nothing_else(browser: Browser, office: Office) -> None:
    appointment = {"outcome": "appointment", "facility": str(uuid4()), "at": "25650-02-10T09:00"}
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.write_follow_up(appointment)
        await phone.survey("32")
        await phone.shows(on_phone=0, recorded=1, refused=1)
        await phone.tab("records")
        await expect(phone.page.locator("[data-state=refused] .error")).to_contain_text("วันที่ในรายการนี้ไม่ถูกต้อง")
        await phone.press("แก้ไขและส่งใหม่")
        wrong = phone.page.get_by_text("วันที่ไม่ถูกต้อง โปรดตรวจสอบปี")
        await phone.press("บันทึก")
        await expect(wrong).to_be_visible()
        await phone.choose("ผลการติดตาม", "ไม่พบ/ไม่รับสาย")
        await phone.page.get_by_label("ติดตามอีกครั้งวันที่").fill("25650-02-10")
        await phone.press("บันทึก")
        await expect(wrong).to_be_visible()
        await phone.page.get_by_label("ติดตามอีกครั้งวันที่").fill("")
        await phone.press("บันทึก")
        await expect(phone.page.locator("body[data-view=reach]")).to_be_attached()


async def test_full_storage_loses_nothing(
    browser_program: str, office: Office, survey: "asyncpg.Connection[asyncpg.Record]", tmp_path: Path
) -> None:
    async with on_disk(browser_program, office, tmp_path) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.offline_ready()
        await phone.context.set_offline(True)
        devtools = await phone.context.new_cdp_session(phone.page)
        used = (await phone.page.evaluate("navigator.storage.estimate()"))["usage"]
        quota: dict[str, Any] = {"origin": office.addresses.survey, "quotaSize": used + 1_000_000}
        await devtools.send("Storage.overrideQuotaForOrigin", quota)
        assert await phone.fill_storage()
        await phone.survey("12")
        await expect(phone.page.get_by_text("เก็บลงเครื่องไม่ได้")).to_be_visible()
        await phone.shows(on_phone=1)
        async with phone.page.expect_download() as started:
            await phone.page.get_by_role("button", name="เก็บเป็นไฟล์ (เข้ารหัส)").first.click()
        kept = json.loads(await asyncio.to_thread(Path(await (await started.value).path()).read_text))
        assert [set(one) for one in kept] == [{"id", "kind", "state", "at", "changed", "iv", "data"}]
        await devtools.send("Storage.overrideQuotaForOrigin", {"origin": office.addresses.survey})
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=1)
        await recorded(survey, phone, 1)


async def test_a_connection_to_the_storage_that_is_lost_is_made_anew(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.page.evaluate(
            """() => {
                const begin = IDBDatabase.prototype.transaction;
                window.storage = (state) => {
                    IDBDatabase.prototype.transaction = function (...given) {
                        if (state === "closed") {
                            window.storage("well");
                            this.close();
                        } else if (state === "lost") {
                            window.lostAt = performance.now();
                            throw new DOMException("lost", "UnknownError");
                        }
                        return begin.apply(this, given);
                    };
                };
            }"""
        )
        await phone.house("14")
        await phone.page.evaluate("storage('closed')")
        await phone.press("ไม่มีใครอยู่หรือไม่ให้ข้อมูล บันทึกโดยไม่มีคน")
        await phone.shows(on_phone=0, recorded=1)

        await phone.house("15")
        await phone.page.evaluate("storage('lost')")
        await phone.press("ไม่มีใครอยู่หรือไม่ให้ข้อมูล บันทึกโดยไม่มีคน")
        failed = "() => performance.now() - window.lostAt > 300"  # all that was tried at once
        await phone.page.wait_for_function(failed)
        await phone.page.evaluate("storage('well')")
        await phone.shows(on_phone=0, recorded=2)
        await recorded(survey, phone, 2)


async def test_of_two_tabs_one_sends_and_both_show(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.offline_ready()
        await phone.context.set_offline(True)
        other = Handset(await phone.context.new_page(), phone.context, office, [])
        await other.open()
        await other.unlock()
        await expect(other.page.locator("body[data-view=home]")).to_be_attached()
        for number in range(3):
            await phone.survey(f"{number + 1}/1")
            await other.survey(f"{number + 1}/2")
        await phone.shows(on_phone=6)
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=6)
        await other.shows(on_phone=0, recorded=6)
        await recorded(survey, phone, 6)
        volunteer = await phone.volunteer()
        query = "SELECT count(*) FROM repeated_submission WHERE volunteer_id = $1::uuid"
        assert await survey.fetchval(query, volunteer) == 0


async def test_a_sign_in_that_ended_while_offline_keeps_what_was_written(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    number = await new_volunteer(office, SUBDISTRICT)
    async with handset(browser, office) as phone:
        await phone.sign_in(number)
        await phone.offline_ready()
        await phone.context.set_offline(True)
        await phone.survey("41")
        # By now the token has run out, and registration knows nothing of the refresh token any more.
        await phone.page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=16))

        async def forget(route: Route) -> None:
            form = "grant_type=refresh_token&refresh_token=forgotten"
            await route.continue_(post_data=form)

        await phone.page.route("**/v1/tokens", forget)
        await phone.context.set_offline(False)
        await expect(phone.page.get_by_text("ต้องเข้าสู่ระบบใหม่")).to_be_visible()
        await phone.shows(on_phone=1)
        await phone.page.unroute("**/v1/tokens")
        await phone.press("เข้าสู่ระบบ")
        await phone.redeem(number)
        await phone.shows(on_phone=0, recorded=1)
        await recorded(survey, phone, 1)


async def test_addresses_that_are_not_told_for_a_while_sign_nobody_out(browser: Browser, office: Office) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.page.route("**/services", lambda route: route.fulfill(status=503))
        await phone.page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=16))  # the token has run out
        await phone.open()
        await phone.unlock()
        await expect(phone.page.locator("body[data-view=home]")).to_be_attached()
        await phone.survey("43")
        await phone.shows(on_phone=0, recorded=1)


async def test_a_renewal_whose_answer_is_lost_signs_nobody_out(browser: Browser, office: Office) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        lost: list[int] = []

        async def lose_the_first(route: Route) -> None:
            if lost:
                await route.continue_()
            else:
                lost.append((await route.fetch()).status)
                await route.abort()

        await phone.page.route("**/v1/tokens", lose_the_first)
        await phone.page.clock.set_system_time(datetime.now(UTC) + timedelta(minutes=16))  # the token has run out
        await phone.survey("44")
        await phone.shows(on_phone=0, recorded=1)
        assert lost == [200]


async def test_a_forgotten_pin_loses_nothing_and_wrong_ones_are_bounded(browser: Browser, office: Office) -> None:
    number = await new_volunteer(office, SUBDISTRICT)
    async with handset(browser, office) as phone:
        await phone.sign_in(number)
        assert await phone.kept("key-left")  # from the first moment: nothing has been written yet
        await phone.survey("61")
        await phone.shows(recorded=1)
        await phone.house("62")
        await phone.stored_draft("62")
        await phone.open()
        now = datetime.now(UTC)
        for attempt in range(1, 11):
            await phone.page.clock.set_system_time(now + timedelta(hours=attempt))
            await phone.unlock("000000")
            told = "PIN ถูกปิดแล้ว" if attempt == 10 else "PIN ไม่ถูกต้อง"
            await expect(phone.page.locator(".error").filter(has_text=told)).to_be_visible()
            if attempt in (5, 9):  # no further try without waiting
                await phone.unlock("000000")
                await expect(phone.page.get_by_text("โปรดรอ")).to_be_visible()
        await phone.unlock(PIN)
        await expect(phone.page.get_by_text("PIN ถูกปิดแล้ว")).to_be_visible()
        await phone.page.clock.set_system_time(now)
        await phone.forgot_pin(number)
        await phone.choose_pin("314159")
        await phone.shows(recorded=1)
        await phone.press("ทำต่อ: 62 ม.3")
        await phone.press("กลับ")
        await phone.open()
        await phone.unlock("314159")
        await phone.shows(recorded=1)


async def test_a_key_that_the_service_did_not_take_at_once_is_left_later_and_kept_until_then(
    browser: Browser, office: Office
) -> None:
    number = await new_volunteer(office, SUBDISTRICT)
    async with handset(browser, office) as phone:
        await phone.page.route("**/v1/device-keys/*", without_keys)
        await phone.sign_in(number)
        await phone.house("63")
        await phone.stored_draft("63")
        await phone.open()
        now = datetime.now(UTC)
        for attempt in range(1, 12):
            await phone.page.clock.set_system_time(now + timedelta(hours=attempt))
            await phone.unlock("000000")
            await expect(phone.page.get_by_text("PIN ไม่ถูกต้อง", exact=True)).to_be_visible()
        await phone.page.clock.set_system_time(now)
        await phone.forgot_pin(number)
        await expect(phone.page.locator("#notice")).to_contain_text("ระบบไม่มีกุญแจ")
        await phone.page.clock.set_system_time(now + timedelta(hours=15))
        await phone.unlock()
        await expect(phone.page.locator("body[data-view=home]")).to_be_attached()
        await phone.page.clock.set_system_time(now)
        async with phone.page.expect_response(lambda answer: "/v1/device-keys/" in answer.url and answer.ok):
            await phone.page.unroute("**/v1/device-keys/*")

        await phone.open()
        await phone.forgot_pin(number)
        await phone.choose_pin("314159")
        await phone.press("ทำต่อ: 63 ม.3")


async def test_who_forgot_the_only_pin_to_what_lies_here_can_begin_anew(browser: Browser, office: Office) -> None:
    number = await new_volunteer(office, SUBDISTRICT)
    async with handset(browser, office) as phone:
        await phone.page.route("**/v1/device-keys/*", without_keys)
        await phone.sign_in(number)
        await phone.house("64")
        await phone.stored_draft("64")
        await phone.open()
        await phone.forgot_pin(number)
        await phone.press("ลืม PIN เดิม: เริ่มใหม่")
        await phone.press("แตะอีกครั้งเพื่อเริ่มใหม่ แบบที่ยังไม่ส่ง 1 รายการจะหายไป")
        await phone.page.unroute("**/v1/device-keys/*")
        await phone.choose_pin("314159")
        await expect(phone.page.get_by_role("button", name="ทำต่อ")).to_have_count(0)
        await phone.survey("65")
        await phone.shows(recorded=1)
        assert await phone.kept("key-left")
        await phone.open()
        await phone.unlock("314159")
        await phone.shows(recorded=1)


async def without_keys(route: Route) -> None:
    """A service that keeps no key: it has none, and takes none."""
    if route.request.method == "GET":
        await route.fulfill(status=404)
    else:
        await route.abort()


async def test_nothing_that_people_said_lies_readable_in_the_browsers_files(
    browser_program: str, office: Office, tmp_path: Path
) -> None:
    said = ("บุญยืนยงทดสอบ", "0898765432", "1101700230708")
    async with on_disk(browser_program, office, tmp_path) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.offline_ready()
        await phone.context.set_offline(True)
        await phone.tab("survey")
        await phone.write("บ้านเลขที่", "88")
        await phone.page.get_by_text("ผู้ติดต่อ ห้อง ตำแหน่ง").click()
        await phone.page.get_by_label("เบอร์ติดต่อ").fill(said[1])
        await phone.press("ต่อไป")
        await phone.press("เพิ่มคน")
        await phone.page.get_by_text("ชื่อและเลขประจำตัว").click()
        await phone.page.get_by_label(re.compile("^ชื่อ ?[(]")).fill(said[0])
        await phone.page.get_by_label("เลขประจำตัวประชาชน").fill(said[2])
        await phone.choose("ฉีดวัคซีนแล้วกี่เข็ม", "ยังไม่ฉีด")
        await phone.press("เสร็จ")
        await phone.press("บันทึกครัวเรือน")
        await phone.shows(on_phone=1)
    files = await asyncio.to_thread(contents, tmp_path)
    assert any(b"jitasa-phone" in content or "jitasa-phone".encode("utf-16-le") in content for content in files)
    for text in said:
        for encoded in (text.encode(), text.encode("utf-16-le"), json.dumps(text).strip('"').encode()):
            assert not any(encoded in content for content in files), text


def contents(folder: Path) -> list[bytes]:
    """What the files of a folder hold."""
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_the_rules_at_the_door(browser: Browser, office: Office) -> None:
    async with handset(browser, office) as phone:
        await phone.open()
        told = await phone.page.evaluate(
            """async () => {
                const r = await import("/phone/rules.js");
                const today = new Date("2022-02-05T03:00:00Z");
                return {
                    ages: ["71", "๗๑", "2494", "1951", "131", "1800", "2570", "x", "-3"].map((s) => r.ageOf(s, today)),
                    years: [{ age: 5 }, { birth_year: 2494 }, { birth_year: 1951 }].map((one) => r.yearsOf(one, today)),
                    ids: ["1-1017-00230-70-8", "1101700230703", "110170023070", "9101700230708"].map(r.nationalId),
                    phones: ["081-234-5678", "+66 81 234 5678", "๐๘๑๒๓๔๕๖๗๘", "021234567", "08123"].map(r.mobile),
                    doses: [["2021-08-01", "2021-07-01"], ["2020-01-01"], ["2022-03-01"], ["", "2021-07-01"]].map(
                        (dates) => r.dosesProblem(dates, "2022-02-05")),
                    dated: ["2022-02-05T09:30", "25650-02-10T09:00", "2565-02-10", "2022-13-01", ""].map(r.dated),
                    houses: ["99/1", "12", "ก", ""].map(r.nextHouse),
                    early: r.vaccinesOn("2021-03-01").slice(0, 2).map(({ code }) => code),
                };
            }"""
        )
    assert told["ages"][:4] == [{"age": 71}, {"age": 71}, {"birth_year": 2494}, {"birth_year": 1951}]
    assert told["ages"][4:] == [None] * 5
    assert told["years"] == [5, 71, 71]
    assert [one["digits"] is not None for one in told["ids"]] == [True, True, False, False]
    assert [one["right"] for one in told["ids"]] == [True, False, False, False]
    assert told["phones"] == ["0812345678"] * 3 + [None] * 2
    assert told["doses"] == ["doseBeforeOther", "doseTooEarly", "doseInFuture", None]
    assert told["dated"] == [True] + [False] * 4
    assert told["houses"] == ["99/2", "13", "", ""]
    assert sorted(told["early"]) == ["210", "511"]


@pytest.mark.parametrize("device", [PHONE, DESK], ids=["360", "1440"])
@pytest.mark.parametrize("language", ["th", "en"])
async def test_every_view_is_accessible(
    browser: Browser, office: Office, device: dict[str, Any], language: str
) -> None:
    number = await new_volunteer(office, SUBDISTRICT)
    async with handset(browser, office, device) as phone:
        page = phone.page
        await phone.open()
        assert await violations_of(page) == []
        await phone.sign_in(number)
        await phone.house("21")
        assert await violations_of(page) == []
        await phone.press("เพิ่มคน")
        await phone.choose("เพศ", "หญิง")
        await phone.choose("ฉีดวัคซีนแล้วกี่เข็ม", "2")
        await phone.choose("ต้องการวัคซีนหรือไม่", "ไม่ต้องการ")
        await phone.page.get_by_text("วันที่และชนิดวัคซีน").click()
        assert await violations_of(page) == []
        await phone.press("เสร็จ")
        assert await violations_of(page) == []
        await phone.press("บันทึกครัวเรือน")
        await phone.shows(recorded=1)
        if language == "en":
            await page.locator("#language").click()
            await expect(page.locator("h1")).to_have_text("Jitasa")
        for tab in ("home", "reach", "records"):
            await phone.tab(tab)
            assert await violations_of(page) == [], tab
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, tab


async def test_five_hundred_forms_go_at_once(
    browser: Browser, office: Office, survey: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async with handset(browser, office) as phone:
        await phone.sign_in(await new_volunteer(office, SUBDISTRICT))
        await phone.offline_ready()
        await phone.context.set_offline(True)
        await phone.write_forms(500)
        await phone.tab("home")
        await phone.shows(on_phone=500)
        await phone.context.set_offline(False)
        await phone.shows(on_phone=0, recorded=500)
        await recorded(survey, phone, 500)
