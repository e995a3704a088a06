"""The operators' page in a real browser, on the real stack while records come in."""

import json
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from deploy.catalogue import OPERATIONS
from deploy.local.stack import Stack
from tests.e2e.complaints import complaints_of
from tests.e2e.volunteers import found, signed_in

SUBDISTRICT = "860101"  # Chumphon: where no other test submits
HOUSEHOLDS = 200
GROUPS = ("survey-recorder", "reporting-projector")


@pytest.fixture
def address(stack: Stack) -> str:
    """Where the page is."""
    return f"http://127.0.0.1:{stack.process(OPERATIONS).program.port}"


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page at a desk."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    yield await context.new_page()
    await context.close()


def submit(stack: Stack) -> None:
    """A batch of households, accepted."""
    answer = httpx.post(
        f"{stack.addresses().survey}/v1/submissions:batch",
        headers=signed_in(stack, 95, SUBDISTRICT),
        json={"submissions": [found(SUBDISTRICT, [{"age": 40}]) for _ in range(HOUSEHOLDS)]},
        trust_env=False,
        timeout=30,
    )
    assert [each["status"] for each in answer.json()["results"]] == [202] * HOUSEHOLDS


async def test_groups_rates_and_processes_are_shown_while_records_come_in(
    page: Page, address: str, stack: Stack
) -> None:
    complaints = complaints_of(page, address)
    await page.goto(address)
    await expect(page.locator("html")).to_have_attribute("lang", "th")
    await expect(page.locator("#status")).to_have_attribute("data-state", "live")
    submit(stack)
    for group in GROUPS:
        card = page.locator(f'[data-group="{group}"]')
        await expect(card.locator('[data-figure="rate"]')).to_have_text(re.compile(r"^[1-9][\d.,]*/วินาที$"))
        await expect(card.locator('[data-figure="lag"]')).to_have_text("0")
        # A line that rises from the ground: its points do not all lie at one height.
        heights = re.findall(r",([\d.]+)", await card.locator(".chart.rate .line").last.get_attribute("d") or "")
        assert len(set(heights)) > 1
    await expect(page.locator('[data-group="survey-http"] .chart.rate .line').first).to_be_attached()
    await expect(page.locator("#processes tr")).to_have_count(len(stack.supervisor.keepers))
    await expect(page.locator('#processes tr[data-state="ready"]')).to_have_count(len(stack.supervisor.keepers))

    recorder = page.locator('[data-group="survey-recorder"]')
    await recorder.locator("summary").click()
    await expect(recorder.locator(".partitions li")).to_have_count(24)
    await expect(recorder.locator(".place").first).to_be_visible()

    await page.locator("#language").click()
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await expect(page.locator('[data-group="survey-recorder"] h2')).to_contain_text("Survey recorder")
    assert complaints == []


async def test_old_figures_are_said_to_be_old(page: Page, address: str) -> None:
    """When the page's process no longer hears of the others, and when it does not answer itself."""

    async def late(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        silent = told["groups"][0]
        silent["seen_at"] -= 2 * told["stale_seconds"]
        await route.fulfill(response=answer, body=json.dumps(told))

    await page.route("**/state", late)
    await page.goto(f"{address}/?lang=en")
    await expect(page.locator('[data-trend="stale"]')).to_have_count(1)
    await expect(page.locator("#status")).to_have_attribute("data-state", "live")
    await page.unroute("**/state")
    await page.route("**/state", lambda route: route.abort())
    await expect(page.locator("#status")).to_have_attribute("data-state", "stale")
    await expect(page.locator("#notice")).to_contain_text("does not answer")


@pytest.mark.parametrize("language", ["th", "en"])
async def test_fits_a_small_phone(browser: Browser, address: str, language: str) -> None:
    context = await browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True)
    page = await context.new_page()
    await page.goto(f"{address}/?lang={language}")
    await page.locator('[data-group="reporting-projector"] summary').click()
    await expect(page.locator('[data-group="reporting-projector"] .partitions li').first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    await context.close()


async def test_can_only_be_read(address: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.post(f"{address}/state")).status_code == 405
        page = await client.get(address)
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
