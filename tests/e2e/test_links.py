"""Pages of figures lead to each other, at reporting as at registration: no link of theirs leads nowhere."""

import json

from playwright.async_api import Browser, Page, expect

from deploy.local.stack import Stack
from tests.e2e.visitors import DESK, Office, signed_in


async def followed(page: Page) -> set[str]:
    """Where the links of a page lead, each of which was asked for."""
    links = await page.locator("a[href]").evaluate_all("links => links.map((link) => link.href.split('#')[0])")
    ours = {link for link in links if link.startswith("http://127.0.0.1")}
    for link in ours:
        answer = await page.request.get(link)
        assert answer.status == 200, (page.url, link, answer.status)
        assert "text/html" in answer.headers["content-type"], link
    return ours


async def test_what_is_public_leads_to_all_pages(browser: Browser, stack: Stack) -> None:
    """Also to those where one has to sign in, which are at registration."""
    addresses = stack.addresses()
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(addresses.reporting)
    await expect(page.locator("#pages a")).to_have_count(3)
    found = await followed(page)
    assert {f"{addresses.reporting}/{name}" for name in ("performance", "monitor", "trust")} <= found
    for path in ("/performance", "/trust"):
        await page.goto(addresses.reporting + path)
        assert f"{addresses.reporting}/" in await followed(page)
    for path in ("/monitor", "/denominators", "/subscribers"):
        answer = await page.request.get(f"{addresses.reporting}{path}?area=50")
        assert answer.url == f"{addresses.registration}{path}?area=50"
    await context.close()


async def test_who_is_signed_in_finds_all_pages(browser: Browser, office: Office) -> None:
    """By the menu, and from there to the live picture."""
    kept = json.dumps({"access": office.administrator, "refresh": "none", "expires": 10**15})
    async with signed_in(browser, office, kept, DESK) as visitor:
        for path in ("/monitor", "/denominators", "/performance"):
            await visitor.page.goto(f"{office.addresses.registration}{path}")
            await expect(visitor.page.locator("table, form").first).to_be_attached()
            found = await followed(visitor.page)
            if path != "/performance":
                pages = {
                    f"{office.addresses.registration}/{name}"
                    for name in ("monitor", "denominators", "performance", "subscribers")
                }
                assert pages <= found, path
            else:
                assert found, path
