"""The page of subscribers, as the centre and a subscriber use it: let in, reading, failing, sent again, and ended."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_STORED, Consumer, TopicPartition
from playwright.async_api import Browser, Page, expect
from starlette.responses import Response

from shared.contracts.topics import VOLUNTEER_REGISTERED
from tests.e2e.officers import fits
from tests.e2e.visitors import DESK, Office, Visitor, signed_in, visiting
from tests.integration.reporting.webhooks.receiver import VERIFICATION, Receiver, receiving

STREAM = VOLUNTEER_REGISTERED.name
NAME = "โรงพยาบาลทดสอบ"
KAFKA_NAME = "browser_hospital"
GROUP = f"ext-{KAFKA_NAME}-1"
AREA = "95"
SECONDS = 30.0


@dataclass
class Subscriber:
    """What a subscriber was handed."""

    client_id: str
    client_secret: str
    files: Mapping[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module")
async def kept(office: Office) -> str:
    """What the tab of a central administrator keeps who is signed in."""
    return json.dumps({"access": office.administrator, "refresh": "none", "expires": 10**15})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """The subscriber's endpoint."""
    async with receiving() as receiver:
        yield receiver


async def shown_once(page: Page) -> tuple[dict[str, str], dict[str, str]]:
    """The secrets and the files of the window that shows them; it is closed then."""
    window = page.locator("dialog").last
    secrets = {
        await each.get_attribute("data-secret") or "": await each.inner_text()
        for each in await window.locator("[data-secret]").all()
    }
    files = {
        await each.locator("summary").inner_text(): await each.locator("pre").text_content() or ""
        for each in await window.locator("details").all()
    }
    await window.get_by_role("button", name="ปิด", exact=True).click()
    return secrets, files


async def press_in_window(page: Page, name: str) -> None:
    """Presses a button of the window that is open."""
    await page.locator("dialog").last.get_by_role("button", name=name, exact=True).click()


def row_of(page: Page, subscriber: Subscriber) -> Any:
    """The subscriber's row at the centre."""
    return page.locator("tr", has=page.locator(f"[data-receiver='{subscriber.client_id}']"))


async def let_in(centre: Visitor) -> Subscriber:
    """The centre makes an account and lets it into Kafka."""
    page = centre.page
    await centre.open("/subscribers")
    await centre.press("เพิ่มผู้รับข้อมูล")
    await page.locator("dialog [name=name]").fill(NAME)
    await press_in_window(page, "สร้างบัญชี")
    await expect(page.locator("[data-secret=clientSecret]")).to_be_visible()
    secrets, _ = await shown_once(page)
    subscriber = Subscriber(secrets["clientId"], secrets["clientSecret"])
    await row_of(page, subscriber).get_by_role("button", name="ให้อ่าน Kafka").click()
    await page.locator("dialog [name=name]").fill(KAFKA_NAME)
    await press_in_window(page, "ให้เข้า")
    await expect(page.locator("[data-secret=kafkaPassword]")).to_be_visible()
    _, subscriber.files = await shown_once(page)
    return subscriber


async def sign_in(visitor: Visitor, subscriber: Subscriber) -> None:
    """The subscriber's operator signs in on the page."""
    await visitor.open("/subscribers")
    await visitor.fill(client_id=subscriber.client_id, client_secret=subscriber.client_secret)
    await visitor.press("เข้าสู่ระบบ")
    await expect(visitor.page.locator("#contract")).to_be_visible()


async def takes_everything(subscriber: Subscriber, folder: Path) -> int:
    """Reads with the very files that the page gave, until there is nothing more, and notes its place; how many events
    it met. Foreign matter, which other tests of this stack put into the stream, is none: docs/events.md."""
    for name, content in subscriber.files.items():
        (folder / name).write_text(content)
    lines = (folder / "jitasa-librdkafka.properties").read_text().splitlines()
    settings = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    settings["ssl.ca.location"] = str(folder / settings["ssl.ca.location"])

    def read() -> int:
        with closing(Consumer({**settings, "enable.partition.eof": True})) as consumer:
            # Without joining a group, for which a broker waits three seconds; its places are noted all the same.
            partitions = range(VOLUNTEER_REGISTERED.partitions)
            consumer.assign([TopicPartition(STREAM, each, OFFSET_STORED) for each in partitions])
            ended: set[int] = set()
            count = 0
            while len(ended) < VOLUNTEER_REGISTERED.partitions:
                record = consumer.poll(SECONDS)
                assert record is not None
                if record.error() is not None:
                    ended.add(int(record.partition() or 0))
                elif "ce_sequence" in dict(record.headers() or []):
                    count += 1
            consumer.commit(asynchronous=False)
            return count

    return await asyncio.to_thread(read)


async def test_a_subscriber_is_let_in_sees_its_lag_mends_its_webhook_and_is_ended(
    browser: Browser, office: Office, kept: str, receiver: Receiver, tmp_path: Path
) -> None:
    async with signed_in(browser, office, kept, DESK) as centre, visiting(browser, office, DESK) as visitor:
        page = visitor.page
        subscriber = await let_in(centre)
        await office.officer(AREA)  # at least one event is there
        await sign_in(visitor, subscriber)
        kafka = page.locator(f"[data-subscriber={KAFKA_NAME}]")
        await expect(kafka.locator(".tag").first).to_have_text("ใช้งานได้")
        await expect(kafka).to_contain_text("ยังไม่มีกลุ่มผู้อ่าน")

        # Lag moves when events flow, and when they are taken.
        read = await takes_everything(subscriber, tmp_path)
        assert read > 0
        lag = kafka.locator(f"[data-waiting='{GROUP} {STREAM}']")
        await expect(lag).to_have_text("0")
        await office.officer(AREA)
        await expect(lag).not_to_have_text("0")
        await expect(row_of(centre.page, subscriber).locator("[data-lag]")).to_have_text(await lag.inner_text())
        taken = await takes_everything(subscriber, tmp_path)
        assert taken > 0
        read += taken
        await expect(lag).to_have_text("0")

        # A webhook fails, is seen to, and is sent again.
        receiver.fault = lambda event: None if event["type"] == VERIFICATION else Response(status_code=500)
        await page.locator("#new-webhook summary").click()
        await visitor.fill(url=receiver.url)
        await page.locator(f"#new-webhook [name={STREAM}]").check()
        await page.locator("[name=from]").select_option("start")
        await visitor.press("เริ่มรับ")
        await expect(page.locator("[data-secret=webhookSecret]")).to_be_visible()
        secrets, _ = await shown_once(page)
        receiver.secrets = [secrets["webhookSecret"]]
        hook = page.locator("[data-webhook]")
        await expect(hook.locator(".tag").first).to_have_text("ทำงาน")
        await expect(hook.locator("[data-attempts]")).to_be_visible()
        await expect(row_of(centre.page, subscriber).locator(".tag.bad")).to_have_text("1")
        await visitor.press("รายการที่ส่งไม่สำเร็จ")
        await expect(page.locator("dialog tbody tr").first).to_contain_text("ปลายทางตอบว่าไม่สำเร็จ (500)")
        await page.screenshot(path=tmp_path / "failures.png", full_page=True)
        await fits(visitor)
        await page.set_viewport_size(DESK["viewport"])
        await press_in_window(page, "ปิด")
        receiver.fault = None
        await visitor.press("ส่งซ้ำ")
        await page.locator("dialog [name=stream]").select_option(STREAM)
        await press_in_window(page, "ส่งซ้ำ")
        await expect(page.locator("#notice")).to_have_text("กำลังส่งซ้ำ")
        await expect(hook.locator("[data-queue]")).to_have_text("รอส่ง 0 ยังไม่อ่าน 0 รายการ")
        await expect(hook.locator("[data-attempts]")).to_have_count(0)
        assert len(set(receiver.ids)) == read  # at least once: what was tried again just before the replay came twice

        # Credentials are renewed by the subscriber itself, and shown once.
        await visitor.press("รหัสผ่าน Kafka ใหม่")
        await press_in_window(page, "รหัสผ่าน Kafka ใหม่")
        await expect(page.locator("[data-secret=kafkaPassword]")).to_be_visible()
        old, (_, subscriber.files) = subscriber.files, await shown_once(page)
        assert old["jitasa-librdkafka.properties"] != subscriber.files["jitasa-librdkafka.properties"]
        await expect(kafka.locator(".tag").first).to_have_text("ใช้งานได้")
        await office.officer(AREA)
        assert await takes_everything(subscriber, tmp_path) > 0
        await visitor.press("กุญแจใหม่")
        await press_in_window(page, "กุญแจใหม่")
        await expect(page.locator("[data-secret=webhookSecret]")).to_be_visible()
        secrets, _ = await shown_once(page)
        assert secrets["webhookSecret"] not in receiver.secrets
        await expect(hook).to_contain_text("กุญแจเดิมใช้ร่วมได้ถึง")

        # What is what: the contract, and the other language.
        await page.locator("#changelog summary").click()
        await expect(page.locator("#changelog li").first).to_contain_text("รุ่น")
        assert (
            await page.request.get(await page.locator("#contract a").first.get_attribute("href") or "")
        ).status == 200
        await page.screenshot(path=tmp_path / "own-desk.png", full_page=True)
        await fits(visitor)
        await page.screenshot(path=tmp_path / "own-phone.png", full_page=True)
        await page.locator("#language").click()
        await expect(kafka.locator(".tag").first).to_have_text("in force")
        await page.locator("#language").click()

        # The centre sees who got what, takes it with it, and ends the subscriber.
        await centre.open("/subscribers")
        log = centre.page.locator("#log")
        await log.locator("[name=subscriber]").select_option(subscriber.client_id)
        await log.locator("[name=stream]").select_option(STREAM)
        await log.get_by_role("button", name="ค้นหา").click()
        await expect(log.locator("#transfers tbody tr").first).to_contain_text(NAME)
        await expect(log.locator("#transfers tbody tr").first).to_contain_text("เว็บฮุก")
        await expect(log.locator("#grants")).to_contain_text("Kafka ไม่บันทึกว่าใครอ่านสิ่งใด")
        await expect(log.locator("#grants tbody tr", has_text=NAME).first).to_contain_text("ปัจจุบัน")
        async with centre.page.expect_download() as download:
            await centre.press("ดาวน์โหลด CSV")
        lines = (await (await download.value).path()).read_text("utf-8-sig").splitlines()
        assert {line.split(",")[2] for line in lines[1:]} == {subscriber.client_id}
        await centre.page.screenshot(path=tmp_path / "centre-desk.png", full_page=True)
        await fits(centre)
        await centre.page.screenshot(path=tmp_path / "centre-phone.png", full_page=True)
        await centre.page.set_viewport_size(DESK["viewport"])
        assert visitor.complaints == []
        row = row_of(centre.page, subscriber)
        await row.get_by_role("button", name="เพิกถอน", exact=True).click()
        await press_in_window(centre.page, "เพิกถอนถาวร")
        await expect(centre.page.locator("dialog .error").first).to_be_visible()  # not without a reason
        await centre.page.locator("dialog [name=reason]").fill("สัญญาสิ้นสุดแล้ว")
        await press_in_window(centre.page, "เพิกถอนถาวร")
        await expect(row.locator(".tag.bad").first).to_have_text("เพิกถอนแล้ว")
        await expect(row.get_by_role("button")).to_have_count(0)
        assert centre.complaints == []
        received = receiver.requests
        await office.officer(AREA)
        await expect(page.locator("#notice")).to_contain_text("ติดต่อระบบไม่ได้")
        assert receiver.requests == received


async def test_a_wrong_secret_and_other_people_see_nothing(browser: Browser, office: Office) -> None:
    """The page asks who one is; a coordinator is told that it is not his."""
    async with visiting(browser, office, DESK) as visitor:
        await visitor.open("/subscribers")
        await visitor.fill(client_id="0190b1c2-0000-7000-8000-000000000000", client_secret="guessed")
        await visitor.press("เข้าสู่ระบบ")
        await expect(visitor.page.locator(".form-error")).to_contain_text("client_id")
        await fits(visitor)
    tokens = await office.tokens(await office.coordinator("9508"))
    kept = json.dumps({"access": tokens["access_token"], "refresh": tokens["refresh_token"], "expires": 10**15})
    async with signed_in(browser, office, kept, DESK) as visitor:
        await visitor.open("/subscribers")
        await expect(visitor.page.locator(".empty")).to_be_visible()
        assert visitor.complaints == []
