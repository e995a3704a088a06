"""Registration as people use it: a real browser, the real services behind the pages."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

import pytest
from playwright.async_api import Browser, FilePayload, Page, expect

from deploy.local.stack import Stack
from services.registration.domain.reminders import Stage, subject_of
from services.registration.mail import FileMailGateway, Mail
from shared.observability.clock import SystemClock
from tests.e2e.accessibility import violations_of
from tests.e2e.visitors import (
    DESK,
    PHONE,
    WAIT_SECONDS,
    Office,
    authorization,
    new_phone,
    signed_in,
    until,
    visiting,
)

DISTRICT: Final = "9401"  # Pattani: where no other test registers anybody
SUBDISTRICT: Final = "940101"


async def test_from_an_organisations_first_code_to_a_volunteers_first_submission(
    browser: Browser, office: Office
) -> None:
    async with visiting(browser, office, DESK) as coordinator, visiting(browser, office, PHONE) as volunteer:
        await coordinator.sign_in(await office.coordinator(DISTRICT))
        await expect(coordinator.page).to_have_url(re.compile("/desk$"))
        await coordinator.open("/organisation")
        await coordinator.press("เพิ่มหน่วยงาน")
        await coordinator.page.locator("dialog [name=name]").fill("ชมรมอาสาสมัครตำบลสะบารัง")
        await coordinator.page.locator("dialog [name=kind]").select_option("network_partner")
        await coordinator.press("บันทึก")
        await coordinator.page.wait_for_url("**/organisation?id=*")
        await coordinator.press("สร้างรหัสใหม่")
        await coordinator.press("บันทึก")
        code = await coordinator.page.locator(".board .code").inner_text()
        its_page = coordinator.page.url
        await expect(coordinator.page.locator("#results .empty")).to_have_text("ยังไม่มีผลสำรวจ")

        phone = new_phone()
        await volunteer.open("/sign-up")
        await volunteer.fill(group_code=code.lower().replace("-", " "), name="สมหญิง ใจดี", phone=phone)
        await volunteer.choose_area(SUBDISTRICT)
        await volunteer.press("ต่อไป")
        await volunteer.fill(code=await office.message(phone, "confirmation_code"))
        await volunteer.press("ยืนยัน")
        await expect(volunteer.page.locator(".done")).to_be_visible()

        await coordinator.open("/desk")
        await expect(coordinator.page.locator("[data-task=approvals] .count")).to_have_text("1")
        await coordinator.page.locator("[data-task=approvals]").click()
        await coordinator.press("อนุมัติ สมหญิง ใจดี")
        await expect(coordinator.page.locator("#notice")).to_have_text("อนุมัติแล้ว 1 คน")

        await volunteer.sign_in(phone)
        kept = json.loads(await volunteer.page.evaluate("sessionStorage.getItem('jitasa.sign-in')"))
        assert await survey(office, kept["access"]) == "recorded"
        async with asyncio.timeout(WAIT_SECONDS):
            while not await has_results(coordinator.page, its_page):
                pass  # recorded, and not yet in the figures
        await expect(coordinator.page.locator("[data-month] b")).to_have_text("1 หลังคาเรือน")
        assert coordinator.complaints == volunteer.complaints == []


async def has_results(page: Page, organisation: str) -> bool:
    """Opens an organisation's page; whether it shows any month."""
    await page.goto(organisation)
    await page.locator("#results li").first.wait_for()
    return await page.locator("#results [data-month]").count() > 0


async def survey(office: Office, token: str) -> str:
    """Surveys a household; what became of the submission."""
    household = uuid4()
    submission = {
        "submission_id": str(household),
        "captured_at": datetime.now(UTC).isoformat(),
        "address": {"area": SUBDISTRICT, "house": str(household)[:8]},
        "persons": [{"age": 71, "wants_vaccine": "yes"}],
    }
    url = f"{office.addresses.survey}/v1/submissions"
    answer = await office.client.post(url, json=submission, headers=authorization(token))
    assert answer.status_code == 202, answer.text

    async def settled() -> str | None:
        told = await office.client.get(f"{url}/{household}", headers=authorization(token))
        status = str(told.json()["status"])
        return None if status in ("not_known_yet", "accepted") else status

    return await until(settled)


async def test_the_keyboard_is_enough_to_sign_up(browser: Browser, office: Office) -> None:
    organisation = await office.post("/v1/organisations", {"name": "เครือข่าย", "kind": "network_partner", "area": ""})
    code = (await office.post(f"/v1/organisations/{organisation['organisation_id']}/group-codes", {}))["code"]
    phone = new_phone()
    async with visiting(browser, office, DESK) as visitor:
        await visitor.open("/")
        keyboard = visitor.page.keyboard
        await tab_to(visitor.page, "a[href='/sign-up']")
        await keyboard.press("Enter")
        await visitor.page.wait_for_url("**/sign-up")
        await expect(visitor.page.locator("#area-2 option")).to_have_count(78)
        for name, text in (("group_code", code), ("name", "Mali Test"), ("phone", phone)):
            await tab_to(visitor.page, f"[name={name}]")
            await keyboard.type(text)
        for digits in (2, 4, 6):
            await expect(visitor.page.locator(f"#area-{digits} option").nth(1)).to_be_attached()
            await tab_to(visitor.page, f"#area-{digits}")
            await keyboard.press("ArrowDown")
        await tab_to(visitor.page, "form .primary")
        await keyboard.press("Enter")
        await expect(visitor.page.locator("[name=code]")).to_be_focused()
        await keyboard.type(await office.message(phone, "confirmation_code"))
        await keyboard.press("Enter")
        await expect(visitor.page.locator(".done")).to_be_focused()
        assert visitor.complaints == []


async def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until an element has the focus."""
    for _ in range(30):
        if await page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"{selector} is not reached by the keyboard")


async def test_errors_stand_beside_their_fields_in_the_readers_language(browser: Browser, office: Office) -> None:
    async with visiting(browser, office, PHONE) as visitor:
        await visitor.open("/sign-up?lang=en")
        await visitor.press("Continue")
        await expect(visitor.page.locator("[name=group_code]")).to_be_focused()
        await expect(visitor.page.locator("[data-field=name] .error")).to_have_text("This is required")
        await visitor.fill(group_code="OOOO-0000", name="Mali", phone="12")
        await visitor.choose_area(SUBDISTRICT)
        await visitor.press("Continue")
        await expect(visitor.page.locator("[data-field=phone] .error")).to_contain_text("has 10 digits")
        await expect(visitor.page.locator("[name=phone]")).to_have_attribute("aria-invalid", "true")
        await visitor.fill(phone=new_phone())
        await visitor.press("Continue")
        await expect(visitor.page.locator("[data-field=group_code] .error")).to_contain_text("no such group code")
        await visitor.page.locator("#language").click()
        await expect(visitor.page.locator("[data-field=group_code] label")).to_have_text("รหัสกลุ่ม")
        # What was typed is still there.
        await expect(visitor.page.locator("[name=name]")).to_have_value("Mali")


async def test_a_sign_in_is_renewed_and_asked_for_anew_when_it_is_over(browser: Browser, office: Office) -> None:
    tokens = await office.tokens(await office.coordinator("9403"))
    over = {"access": tokens["access_token"], "refresh": tokens["refresh_token"], "expires": 0}
    kept = "JSON.parse(sessionStorage.getItem('jitasa.sign-in'))"
    keep = "kept => sessionStorage.setItem('jitasa.sign-in', JSON.stringify(kept))"
    async with visiting(browser, office, DESK) as visitor:
        await visitor.open("/")
        renewed = over
        for _ in range(2):
            before = renewed
            await visitor.page.evaluate(keep, before | {"expires": 0})
            await visitor.open("/desk")
            renewed = await visitor.page.evaluate(kept)
            assert renewed["refresh"] != before["refresh"]
        assert visitor.complaints == []
        # A refresh token whose follower was used ends the sign-in, wherever it was copied to.
        await visitor.page.evaluate(keep, over)
        await visitor.page.goto(f"{office.addresses.registration}/approvals")
        await expect(visitor.page).to_have_url(re.compile(r"/sign-in\?next=%2Fapprovals$"))
        assert await visitor.page.evaluate(kept) is None


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        ("%2Fweek%3Fa%3D1", "/week?a=1"),
        ("%2F.%2F%2Fevil.example%2Fdesk", "//evil.example/desk"),
        ("%2F%2Fevil.example%2Fdesk", "/desk"),
    ],
    ids=["page", "hidden", "plain"],
)
async def test_a_sign_in_leads_back_to_this_origin_alone(
    browser: Browser, office: Office, named: str, reached: str
) -> None:
    async with visiting(browser, office, DESK) as visitor:
        await visitor.sign_in(await office.coordinator("9403"), f"/sign-in?next={named}")
        assert visitor.page.url == office.addresses.registration + reached


async def test_a_desk_says_which_service_is_away_and_shows_the_rest(
    browser: Browser, office: Office, coordinator: dict[str, str]
) -> None:
    async with signed_in(browser, office, coordinator["kept"], PHONE) as visitor:
        await visitor.page.route(f"{office.addresses.facilities}/**", lambda route: route.abort())
        await visitor.open("/desk?lang=en")
        away = visitor.page.locator("[data-task=overduePlaces]")
        await expect(away).to_have_attribute("data-state", "away")
        await expect(away).to_contain_text("cannot be reached")
        await expect(visitor.page.locator("[data-task=withoutResults]")).not_to_have_attribute("data-state", "away")
        await expect(visitor.page.locator("[data-task=approvals] .count")).to_have_text("2")


async def test_a_roll_is_checked_before_its_good_rows_are_stored(
    browser: Browser, office: Office, coordinator: dict[str, str]
) -> None:
    rows = f"ชื่อ-สกุล,เบอร์โทร,รหัสตำบล\nมาลัย อินทร์แก้ว,{new_phone()},940202\nบุญส่ง ดีงาม,8.12E+08,940202\n"
    async with signed_in(browser, office, coordinator["kept"], DESK) as visitor:
        await visitor.open("/organisation?id={organisation}&lang=en".format(**coordinator))
        file = FilePayload(name="roll.csv", mimeType="text/csv", buffer=rows.encode())
        await visitor.page.locator("[name=file]").set_input_files(file)
        await visitor.press("Check the file")
        await expect(visitor.page.locator("table.errors tbody tr")).to_have_text(re.compile("^3Phone.*8.12E"))
        await visitor.press("Sign up the 1 good rows only")
        await expect(visitor.page.locator("#notice")).to_contain_text("1 signed up")
        assert visitor.complaints == []


@pytest.fixture(scope="module")
async def coordinator(office: Office) -> dict[str, str]:
    """What a coordinator's tab keeps, whose pages all have something to show; with an organisation of his district."""
    phone = await office.coordinator("9402")
    tokens = await office.tokens(phone)
    token = tokens["access_token"]
    body = {"name": "เครือข่าย อสม.", "kind": "network_partner", "area": "9402"}
    organisation = (await office.post("/v1/organisations", body, token=token))["organisation_id"]
    code = (await office.post(f"/v1/organisations/{organisation}/group-codes", {}, token=token))["code"]
    for name in ("สมชาย ทองคำ", "บุญมี แก้วกาญจน์"):
        person = {"group_code": code, "name": name, "phone": new_phone(), "area": "940201"}
        await office.post("/v1/volunteers", person)
    await office.post("/v1/registration-help", {"name": "คุณยายมาลี", "phone": new_phone(), "area": "940201"})
    problem = {"category": "survey", "title": "ส่งแบบสำรวจไม่ได้", "text": "กดส่งแล้วหน้าจอขาว"}
    await office.post("/v1/problems", problem, token=token)
    course = {"title_th": "การสำรวจ", "title_en": "Surveying", "audience": "public", "required_for": ["volunteer"]}
    course_id = (await office.post("/v1/trainings/courses", course | {"area": "94"}))["course_id"]
    begins = datetime.now(UTC) + timedelta(days=1)
    session = {"course_id": course_id, "area": "9402", "place": "ที่ว่าการอำเภอ", "capacity": 30}
    times = {"begins_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=3)).isoformat()}
    await office.post("/v1/trainings/sessions", session | times)
    directive = {"title_th": "เร่งรัดการสำรวจ", "text_th": "ให้เร่งรัด", "area": "94", "roles": ["district_coordinator"]}
    await office.post("/v1/directives", directive | {"reference": str(uuid4())})
    keeps = {"access": token, "refresh": tokens["refresh_token"], "expires": 10**15}
    return {"kept": json.dumps(keeps), "organisation": organisation}


OPEN_PAGES: Final = ("/", "/sign-up", "/sign-in", "/messages")
OWN_PAGES: Final = (
    "/desk",
    "/approvals",
    "/volunteers",
    "/organisation",
    "/organisation?id={organisation}",
    "/performance",
    "/problems",
    "/training",
    "/directives",
    "/coordinators",
    "/week",
    "/lists",
    "/place",
)


async def test_mail_lies_beside_the_text_messages(browser: Browser, stack: Stack, office: Office) -> None:
    """On a machine without a mail server it can be read where the codes are."""
    mail = Mail("yala@health.example", subject_of(Stage.REMINDER), "สถานที่ 3 แห่ง", "<one@jitasa>")
    await FileMailGateway(stack.home.sms_sink, SystemClock()).send(mail)
    async with signed_in(browser, office, "null", DESK) as visitor:
        await visitor.open("/messages")
        first = visitor.page.locator("main li").first
        for text in (mail.to, mail.subject, mail.text):
            await expect(first).to_contain_text(text)
        assert visitor.complaints == []


@pytest.mark.parametrize("path", [*OPEN_PAGES, *OWN_PAGES])
async def test_every_page_is_accessible_and_fits(
    browser: Browser, office: Office, coordinator: dict[str, str], path: str
) -> None:
    """In both languages, on a small phone and on a desk."""
    kept = coordinator["kept"] if path in OWN_PAGES else "null"
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await visitor.open(path.format(**coordinator))
        for language in ("th", "en"):
            await expect(page.locator("html")).to_have_attribute("lang", language)
            for width in (1440, 360):
                await page.set_viewport_size({"width": width, "height": 800})
                assert await page.evaluate("document.documentElement.scrollWidth") == width, (language, width)
                assert await violations_of(page) == [], (language, width)
            await page.locator("#language").click()
        assert visitor.complaints == []
