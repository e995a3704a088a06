"""Who uses the pages: people in a browser, and the office that registers them."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from playwright.async_api import Browser, BrowserContext, Page, expect

from deploy.local.addresses import Addresses
from tests.e2e.complaints import complaints_of

WAIT_SECONDS: Final = 30.0
PHONE: Final[dict[str, Any]] = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
DESK: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 900}}

_phones = random.Random()


def new_phone() -> str:
    """A number that nobody has."""
    return f"06{_phones.randrange(10**8):08}"


class Office:
    """Registration's HTTP interface, for what the tests need around the pages."""

    def __init__(self, addresses: Addresses, client: httpx.AsyncClient) -> None:
        self.addresses = addresses
        self.client = client
        self.administrator = ""

    async def post(self, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """A request that has to succeed; its answer."""
        answer = await self.client.post(path, json=body, headers=authorization(token or self.administrator))
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def begin(self) -> None:
        """Sign in as the administrator of the stack."""
        credentials = {"client_id": self.addresses.client_id, "client_secret": self.addresses.client_secret}
        granted = await self.client.post("/v1/tokens", data={"grant_type": "client_credentials", **credentials})
        self.administrator = granted.json()["access_token"]

    async def message(self, phone: str, kind: str) -> str:
        """The latest code that was sent to a phone: `code` for a sign-in, `confirmation_code` for a sign-up."""

        async def sent() -> str | None:
            messages = (await self.client.get("/v1/sms-sink")).json()["messages"]
            return next((one[kind] for one in messages if one["phone"] == phone and one[kind]), None)

        return await until(sent)

    async def latest_code(self, phone: str) -> str | None:
        """The code of the last sign-in that a phone asked for, if there was one."""
        messages = (await self.client.get("/v1/sms-sink")).json()["messages"]
        return next((one["code"] for one in messages if one["phone"] == phone and one["code"]), None)

    async def tokens(self, phone: str) -> dict[str, Any]:
        """The tokens of somebody who signs in."""
        await self.client.post("/v1/codes", json={"phone": phone})
        form = {"grant_type": "urn:jitasa:one-time-code", "phone": phone, "code": await self.message(phone, "code")}
        granted = await self.client.post("/v1/tokens", data=form)
        assert granted.is_success, granted.text
        told: dict[str, Any] = granted.json()
        return told

    async def coordinator(self, area: str) -> str:
        """The phone of a new coordinator of a district."""
        organisation = await self.post("/v1/organisations", {"name": "ที่ว่าการอำเภอ", "kind": "agency", "area": area})
        body = {"name": "นภา รักษ์ดี", "phone": new_phone(), "role": "district_coordinator", "area": area}
        await self.post("/v1/appointments", body | {"organisation_id": organisation["organisation_id"]})
        return body["phone"]

    async def officer(self, area: str) -> str:
        """The phone of a new place officer."""
        organisation = await self.post("/v1/organisations", {"name": "สาธารณสุขจังหวัด", "kind": "agency", "area": area})
        body = {"name": "วิชัย ดูแลดี", "phone": new_phone(), "role": "place_officer", "area": area}
        await self.post("/v1/appointments", body | {"organisation_id": organisation["organisation_id"]})
        return body["phone"]


def authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def until(found: Callable[[], Awaitable[str | None]]) -> str:
    """The first answer that is not None."""
    async with asyncio.timeout(WAIT_SECONDS):
        while (answer := await found()) is None:
            await asyncio.sleep(0.05)
    return answer


@dataclass
class Visitor:
    """Somebody with a page open, and everything that went wrong meanwhile."""

    page: Page
    office: Office
    complaints: list[str]

    async def open(self, path: str) -> None:
        """Goes to a page and waits until it has what it asked for."""
        await self.page.goto(f"{self.office.addresses.registration}{path}")
        await expect(self.page.locator("body[data-ready]")).to_be_attached()

    async def fill(self, **values: str) -> None:
        """Types into fields."""
        for name, value in values.items():
            await self.page.locator(f"[name={name}]").fill(value)

    async def choose_area(self, code: str) -> None:
        """Chooses an area by its selects."""
        for digits in range(2, len(code) + 1, 2):
            await self.page.locator(f"#area-{digits}").select_option(code[:digits])

    async def press(self, name: str) -> None:
        """Presses a button."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def sign_in(self, phone: str, path: str = "/sign-in") -> None:
        """Signs in on the page."""
        await self.open(path)
        await self.fill(phone=phone)
        await self.press("ส่งรหัสทาง SMS")
        await self.fill(code=await self.office.message(phone, "code"))
        await self.press("เข้าสู่ระบบ")
        await self.page.wait_for_url(lambda url: "/sign-in" not in url)


@asynccontextmanager
async def visiting(browser: Browser, office: Office, device: dict[str, Any]) -> AsyncIterator[Visitor]:
    context = await browser.new_context(**device)
    page = await context.new_page()
    addresses = office.addresses
    ours = (addresses.registration, addresses.survey, addresses.facilities, addresses.reporting)
    complaints = complaints_of(page, *ours)
    try:
        yield Visitor(page, office, complaints)
    finally:
        await context.close()


@asynccontextmanager
async def signed_in(browser: Browser, office: Office, kept: str, device: dict[str, Any]) -> AsyncIterator[Visitor]:
    async with visiting(browser, office, device) as visitor:
        context: BrowserContext = visitor.page.context
        await context.add_init_script(f"sessionStorage.setItem('jitasa.sign-in', {json.dumps(kept)})")
        yield visitor
