"""Volunteers with a phone: the web app at the root of the survey service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.complaints import complaints_of
from tests.e2e.visitors import PHONE, Office, new_phone, until

PIN: Final = "271828"


async def new_volunteer(office: Office, area: str) -> str:
    """The phone number of an approved volunteer of a subdistrict."""
    organisation = await office.post(
        "/v1/organisations", {"name": "ชมรม อสม.", "kind": "network_partner", "area": area}
    )
    number = new_phone()
    person = {"name": "สมหญิง ใจดี", "phone": number, "area": area, "approve": True}
    await office.post("/v1/volunteers/assisted", person | {"organisation_id": organisation["organisation_id"]})
    return number


@dataclass
class Handset:
    """A phone with the app open, and everything that went wrong meanwhile."""

    page: Page
    context: BrowserContext
    office: Office
    complaints: list[str]

    async def open(self) -> None:
        """Opens the app."""
        await self.page.goto(f"{self.office.addresses.survey}/")
        await expect(self.page.locator("body[data-ready]")).to_be_attached()

    async def press(self, name: str) -> None:
        """Presses a button."""
        await self.page.get_by_role("button", name=name, exact=True).click()

    async def write(self, label: str, text: str) -> None:
        """Types into the field of a label."""
        await self.page.get_by_label(label, exact=True).fill(text)

    async def choose(self, group: str, option: str) -> None:
        """Presses one of a group of buttons."""
        await self.page.get_by_role("group", name=group).get_by_role("button", name=option, exact=True).click()

    async def tab(self, name: str) -> None:
        """Goes to one of the tabs below."""
        await self.page.locator(f"[data-tab={name}]").click()
        if name != "survey":
            await expect(self.page.locator(f"body[data-view={name}]")).to_be_attached()

    async def redeem(self, number: str) -> None:
        """Signs in by a one-time code, up to the PIN."""
        await self.write("เบอร์โทรศัพท์มือถือ", number)
        former = await self.office.latest_code(number)
        await self.press("ส่งรหัสทาง SMS")

        async def sent() -> str | None:
            code = await self.office.latest_code(number)
            return None if code == former else code

        await self.write("รหัส 6 หลัก", await until(sent))
        await self.press("เข้าสู่ระบบ")

    async def sign_in(self, number: str, pin: str = PIN) -> None:
        """Opens the app, signs in, and chooses a PIN."""
        await self.open()
        await self.redeem(number)
        await self.choose_pin(pin)

    async def choose_pin(self, pin: str) -> None:
        """Chooses a PIN, which opens the app."""
        await self.write("รหัส PIN", pin)
        await self.write("PIN อีกครั้ง", pin)
        await self.press("บันทึก")
        await expect(self.page.locator("body[data-view=home]")).to_be_attached()

    async def forgot_pin(self, number: str) -> None:
        """Signs in anew instead of opening the app by its PIN."""
        await self.press("ลืม PIN: เข้าสู่ระบบด้วย SMS")
        await self.redeem(number)

    async def unlock(self, pin: str = PIN) -> None:
        """Opens what lies on the phone by the PIN."""
        await self.write("รหัส PIN", pin)
        await self.press("เปิด")

    async def house(self, house: str, *, moo: str = "3") -> None:
        """Begins a survey and fills its first step."""
        await self.tab("survey")
        await self.write("บ้านเลขที่", house)
        await self.page.get_by_label("หมู่ที่").fill(moo)
        await self.press("ต่อไป")

    async def person(self, age: str, doses: str, wants: str | None = None) -> None:
        """Adds a person."""
        await self.press("เพิ่มคน")
        await self.write("อายุ หรือปีเกิด", age)
        await self.choose("ฉีดวัคซีนแล้วกี่เข็ม", doses)
        if wants is not None:
            await self.choose("ต้องการวัคซีนหรือไม่", wants)
        await self.press("เสร็จ")

    async def survey(self, house: str) -> None:
        """Surveys a household of two, of whom the elder wants vaccine and has had none."""
        await self.house(house)
        await self.person("2494", "ยังไม่ฉีด", "ต้องการ")
        await self.person("35", "3")
        await self.press("บันทึกครัวเรือน")
        await expect(self.page.locator("body[data-view=home]")).to_be_attached()

    async def volunteer(self) -> str:
        """The id of whoever works on the phone."""
        found: str = await self.page.evaluate("localStorage.getItem('jitasa.phone.volunteer')")
        return found

    async def offline_ready(self) -> None:
        """Waits until the app opens without a net."""
        await self.page.evaluate("navigator.serviceWorker.ready.then(() => null)")

    async def kept(self, key: str) -> Any:
        """A value that the phone keeps in the clear for whoever works on it."""
        return await self.page.evaluate(
            """async ([volunteer, key]) => {
                const { openDatabase } = await import("/phone/database.js");
                return (await openDatabase(`jitasa-phone-${volunteer}`)).kept(key);
            }""",
            [await self.volunteer(), key],
        )

    async def stored_draft(self, house: str) -> None:
        """Waits until a draft of a house lies in the phone's database as it is on the page."""
        await self.page.wait_for_function(
            """async ([volunteer, house]) => {
                const { openDatabase } = await import("/phone/database.js");
                const forms = await (await openDatabase(`jitasa-phone-${volunteer}`)).forms();
                const drafts = forms.filter(({ state }) => state === "draft");
                return drafts.length === 1 && Date.now() - drafts[0].changed > 300;
            }""",
            arg=[await self.volunteer(), house],
        )

    async def fill_storage(self) -> bool:
        """Writes into a database of its own until a second round finds no room even for 100 bytes; whether it came to
        that. What the browser counts shrinks now and then while it tidies up its files."""
        full: bool = await self.page.evaluate(
            """async () => {
                const { openDatabase } = await import("/phone/database.js");
                const database = await openDatabase("something-else");
                const fill = async (round, size) => {
                    for (let number = 0; number < 200; number += 1) {
                        try {
                            const bytes = crypto.getRandomValues(new Uint8Array(size));
                            await database.keep(`${round}-${size}-${number}`, bytes);
                        } catch (error) {
                            if (error.name !== "QuotaExceededError") throw error;
                            return number;
                        }
                    }
                    return 200;
                };
                let tight = 0;
                for (let round = 0; round < 30 && tight < 3; round += 1) {
                    let written = 0;
                    for (const size of [60_000, 10_000, 1_000, 100]) written += await fill(round, size);
                    tight = written === 0 ? tight + 1 : 0;
                }
                return tight === 3;
            }"""
        )
        return full

    async def write_forms(self, count: int) -> None:
        """Fills so many finished forms as somebody who worked for weeks without a net."""
        await self.page.evaluate(
            """async ([volunteer, pin, count, area]) => {
                const { Session } = await import("/phone/session.js");
                const { Forms } = await import("/phone/forms.js");
                const { blankHousehold } = await import("/phone/survey.js");
                const session = await Session.of(volunteer);
                await session.vault.open(pin);
                const forms = new Forms(session);
                const person = { name: "ทดสอบ มีสุข", age: "71", sex: "f", doses: [], risks: ["diabetes"], wants: "yes",
                                 reasons: [], homeVisit: false, nationalId: "", asShown: false };
                const made = Array.from({ length: count }, (_, each) => {
                    const form = forms.begin("survey", blankHousehold({ area, moo: "1", house: `${each + 1}/9` }));
                    return { ...form, state: "finished",
                             answers: { ...form.answers, captured: Date.now(), persons: [person, person] } };
                });
                await forms.saveAll(made);
            }""",
            [await self.volunteer(), PIN, count, "930101"],
        )

    async def write_follow_up(self, answers: dict[str, Any]) -> None:
        """Keeps a finished follow-up with these answers, whatever the form would say of them."""
        await self.page.evaluate(
            """async ([volunteer, pin, answers]) => {
                const { Session } = await import("/phone/session.js");
                const { Forms } = await import("/phone/forms.js");
                const { blankFollowUp } = await import("/phone/follow-up.js");
                const session = await Session.of(volunteer);
                await session.vault.open(pin);
                const forms = new Forms(session);
                const person = { household_id: crypto.randomUUID(), person_id: crypto.randomUUID() };
                await forms.finish(forms.begin("follow_up", { ...blankFollowUp(person), ...answers }));
            }""",
            [await self.volunteer(), PIN, answers],
        )

    async def shows(self, **tiles: int) -> None:
        """Waits until the tiles of home or records have these numbers."""
        names = {"on_phone": "onPhone", "sent": "sent", "recorded": "recorded", "refused": "refused"}
        for name, count in tiles.items():
            await expect(self.page.locator(f"[data-tile={names[name]}] b")).to_have_text(str(count))


@asynccontextmanager
async def handset(browser: Browser, office: Office, device: dict[str, Any] | None = None) -> AsyncIterator[Handset]:
    """A phone of its own, with nothing on it."""
    context = await browser.new_context(**(device or PHONE))
    page = await context.new_page()
    addresses = office.addresses
    complaints = complaints_of(page, addresses.registration, addresses.survey)
    try:
        yield Handset(page, context, office, complaints)
    finally:
        await context.close()
