"""The pages of areas without results and of denominators, as the centre uses them."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Browser, Locator, expect

from deploy.local.stack import Stack
from services.reporting.domain import day_in_thailand
from shared.areas.register import area as registered_area
from shared.areas.register import children, subdistricts
from tests.e2e.officers import fits
from tests.e2e.visitors import DESK, PHONE, Office, Visitor, authorization, signed_in

PROVINCE = "95"
"""Yala, where no other test of the browser surveys."""
WITHOUT = "9508"
"""A district of it without any result."""


@pytest.fixture(scope="module")
async def kept(office: Office) -> str:
    """What the tab of a central administrator keeps who is signed in."""
    return json.dumps({"access": office.administrator, "refresh": "none", "expires": 10**15})


@pytest.fixture(scope="module")
async def surveyed(stack: Stack, office: Office) -> AsyncIterator[None]:
    """Results of Yala as the keeper would have copied them, but for one district; nothing is counted in other figures.

    The capital's subdistricts found more households than there are houses in the table.
    """
    today = day_in_thailand(datetime.now(UTC))
    rows = []
    for one in subdistricts(PROVINCE):
        if one.code.startswith(WITHOUT):
            continue
        for ago in range(21):
            households = 2 + int(one.code) % 7
            rows.append((6, one.code, today - timedelta(days=ago), households + 1, households, 1))
    sums: dict[tuple[str, object], list[int]] = {}
    for _, code, day, *counts in rows:
        sums[code[:4], day] = [a + b for a, b in zip(sums.get((code[:4], day), (0, 0, 0)), counts, strict=True)]
    rows += [(4, code, day, *counts) for (code, day), counts in sums.items()]  # type: ignore[misc]
    houses = [{"area": one.code, "value": 500 if one.code == "9501" else 12_000} for one in children(PROVINCE)]
    table = {"kind": "houses", "source": "กรมการปกครอง", "dated": "2021-06-30", "rows": houses}
    answer = await office.client.put(
        f"{office.addresses.reporting}/v1/denominators", json=table, headers=authorization(office.administrator)
    )
    assert answer.status_code == 200, answer.text
    connection = await asyncpg.connect(**stack.postgres.connection(database="reporting"), timeout=10)
    await connection.executemany("INSERT INTO result_day VALUES ($1, $2, $3, $4, $5, $6)", rows)
    yield
    await connection.execute("DELETE FROM result_day WHERE area LIKE $1", f"{PROVINCE}%")
    await connection.close()


def row_of(visitor: Visitor, code: str) -> Locator:
    """The row of an area."""
    return visitor.page.locator(f"tr[data-area='{code}']")


async def test_who_has_no_results_is_seen_and_told(
    browser: Browser, office: Office, kept: str, surveyed: None, tmp_path: Path
) -> None:
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await visitor.open("/monitor?area=95")
        first = page.locator("tbody tr").first
        await expect(first).to_have_attribute("data-area", WITHOUT)
        await expect(first).to_contain_text("ยังไม่เคยมีผล")
        capital = row_of(visitor, "9501")
        await expect(capital).to_contain_text("เกินร้อยละ 100")
        await expect(page.locator("#beyond")).to_contain_text("กรมการปกครอง")
        await expect(row_of(visitor, "9502")).to_contain_text("ครัวเรือนต่อวัน")
        await expect(page.locator("[data-count=never]")).to_have_text("1")
        # Only those with few results; the address is a link to just this view.
        await page.locator("[name=at_most]").fill("0")
        await page.locator("[name=at_most]").press("Tab")
        await expect(page.locator("tbody tr")).to_have_count(1)
        assert "at_most=0" in page.url
        async with page.expect_download() as download:
            await visitor.press("ดาวน์โหลด CSV")
        path = tmp_path / "list.csv"
        await (await download.value).save_as(path)
        assert path.read_text("utf-8-sig").count("\n") == 2
        # A directive to those that are chosen, drafted in Thai.
        await first.get_by_role("checkbox").check()
        await visitor.press("ส่งข้อสั่งการถึง 1 พื้นที่ที่เลือก")
        await visitor.fill(reference="มท 0230/ว 833")
        await fits(visitor)
        await visitor.press("ส่งข้อสั่งการ")
        await expect(page.locator("#notice")).to_have_text("ส่งข้อสั่งการถึง 1 พื้นที่แล้ว")
        sent = (
            await office.client.get("/v1/directives?sent=true", headers=authorization(office.administrator))
        ).json()["directives"]
        letter = next(one for one in sent if one["area"] == WITHOUT)
        assert registered_area(WITHOUT).name_th in letter["text_th"]
        assert "ไม่มีผลการสำรวจ (ยังไม่เคยมีผลการสำรวจ)" in letter["text_th"]
        assert "[" not in letter["text_th"]
        await fits(visitor)
        assert visitor.complaints == []


async def test_a_page_that_gets_no_answer_any_more_says_that_it_is_old(
    browser: Browser, office: Office, kept: str, surveyed: None
) -> None:
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await page.clock.install()
        await visitor.open("/monitor?area=95")
        await expect(page.locator("tbody tr").first).to_be_visible()
        await page.route("**/v1/monitor?*", lambda route: route.abort())
        await page.clock.fast_forward(200_000)
        await expect(page.locator("#as-of")).to_contain_text("ข้อมูลไม่เป็นปัจจุบัน")


async def test_down_to_a_subdistrict_on_a_phone_and_in_english(
    browser: Browser, office: Office, kept: str, surveyed: None
) -> None:
    async with signed_in(browser, office, kept, PHONE) as visitor:
        page = visitor.page
        await visitor.open("/monitor?area=95")
        await row_of(visitor, "9502").get_by_role("button").click()
        await expect(page.locator("tbody tr")).to_have_count(len(children("9502")))
        assert "area=9502" in page.url
        await expect(row_of(visitor, "950201")).to_contain_text("วันนี้")
        await expect(row_of(visitor, "950201").locator(".tag.none")).to_have_text("ไม่มีผู้ประสานงาน")
        await page.locator("#language").click()
        await expect(row_of(visitor, "950201")).to_contain_text("today")
        await expect(page.get_by_role("heading", name="Areas without results")).to_be_visible()
        await page.locator("#language").click()
        await fits(visitor)
        assert visitor.complaints == []


async def test_a_table_is_looked_at_put_in_and_taken_back(
    browser: Browser, office: Office, kept: str, tmp_path: Path
) -> None:
    districts = [f"{one.code},{one.name_th},9000" for one in children(PROVINCE)]
    path = tmp_path / "residents.csv"
    path.write_text("\n".join(["รหัส,พื้นที่,จำนวนคน", *districts, "9999,x,1"]), "utf-8")
    async with signed_in(browser, office, kept, DESK) as visitor:
        page = visitor.page
        await visitor.open("/denominators")
        await page.locator("[name=kind]").select_option("residents")
        await visitor.fill(dated="2021-05-31", source="สำรวจผู้อยู่อาศัยจริง")
        await page.locator("[name=file]").set_input_files(path)
        await visitor.press("ตรวจไฟล์")
        await expect(page.locator("#report .tag").first).to_have_text("มีข้อผิดพลาด")
        await expect(page.locator("#report")).to_contain_text("ไม่มีรหัสพื้นที่ 9999")
        # Corrected, but with a total that is not the sum: it has to be accepted.
        path.write_text("\n".join(["รหัส,พื้นที่,จำนวนคน", *districts, "95,ยะลา,72001"]), "utf-8")
        await page.locator("[name=file]").set_input_files(path)
        await visitor.press("ตรวจไฟล์")
        await expect(page.locator("#report .tag").first).to_have_text("ใช้ได้")
        await expect(page.locator("#report")).to_contain_text("ยอดรวมไม่ตรงกับผลรวมของพื้นที่ย่อย (1)")
        await visitor.press("เริ่มใช้บัญชีนี้")
        await expect(page.locator("#notice")).to_contain_text("ยืนยันว่าถูกต้อง")
        await page.get_by_label("ตรวจแล้ว ยอดรวมที่ต่างกันถูกต้อง").check()
        await fits(visitor)
        await visitor.press("เริ่มใช้บัญชีนี้")
        entry = page.locator("[data-table]", has_text="ผู้อยู่อาศัยจริง · 31 พ.ค. 2564")
        await expect(entry.locator(".tag")).to_have_text("ใช้อยู่")
        await entry.get_by_role("button", name="เลิกใช้บัญชีนี้").click()
        await page.get_by_role("dialog").get_by_role("button", name="เลิกใช้บัญชีนี้").click()
        await expect(entry.locator(".tag")).to_contain_text("เลิกใช้ ")
        assert [one for one in visitor.complaints if "409" not in one] == []
