"""A volunteer of whom registration knows as much as it can, and what every table holds of him."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from shared.contracts.events import Role
from shared.security.citizens import citizen_of
from shared.security.identifiers import check_digit
from tests.integration.registration.conftest import START, Office, Phones, new_phone
from tests.integration.registration.test_problems import png

NAME: Final = "พิมพ์จันทร์ ศิลามณีรัตนะ"
TITLE, TEXT, NOTE = "ดาวเรืองส่งไม่ได้", "ตรอกลีลาวดีหน้าจอขาว", "ยังขาวเหมือนบ้านกล้วยไม้"
REASON: Final = "หนังสือของบัวหลวงลงวันที่ 4"
WORDS: Final = (*NAME.split(), TITLE, TEXT, NOTE, REASON)
BEGINS = START + timedelta(days=2)
AREA: Final = "500101"


@dataclass(frozen=True)
class Known:
    """Him, and what leads to him."""

    volunteer: UUID
    organisation: str
    phone: str
    national_id: str
    code: str
    ticket: str
    survivor: str
    coming: str

    def canaries(self, office: Office) -> list[bytes]:
        """What no table may hold of him once he is erased: readable, and the keyed hashes."""
        index = office.app.state.parts.index
        texts = (*WORDS, self.phone, self.phone[1:], self.national_id, str(citizen_of(index, self.phone)))
        hashes = (index.of_phone(self.phone), index.of_national_id(self.national_id))
        written = [one for text in texts for one in (text.encode(), text.encode().hex().encode())]
        return [*written, *(digest.hex().encode() for digest in hashes)]

    def token(self, office: Office) -> str:
        """A fresh token of his."""
        return office.token(Role.VOLUNTEER, AREA, self.volunteer)


async def done(office: Office, method: str, path: str, token: str | None = None, **more: Any) -> Any:
    """The answer of a request that succeeds."""
    answer = await office.ask(method, path, token, **more)
    assert answer.status_code < 300, (method, path, answer.text)
    return answer.json() if answer.content else None


async def training(office: Office, begins: datetime = BEGINS, **changes: Any) -> str:
    """A session with one place."""
    course = {"title_th": "การสำรวจ", "title_en": "Surveying", "audience": "public"}
    course_id = (await done(office, "POST", "/v1/trainings/courses", office.administrator, json=course))["course_id"]
    body = {"course_id": course_id, "place": "ศาลา", "capacity": 1, "area": AREA} | changes
    times = {"begins_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=3)).isoformat()}
    made = await done(office, "POST", "/v1/trainings/sessions", office.administrator, json=body | times)
    return str(made["session_id"])


@pytest.fixture
async def known(office: Office, phones: Phones) -> Known:
    """He signed up, was suspended once, acts for his organisation, was trained, reported problems, asked for help."""
    twelve = f"40{new_phone()}"
    phone, national_id = new_phone(), twelve + str(check_digit(twelve))
    guest = {"name": NAME, "phone": phone}
    trained = await training(office, START + timedelta(minutes=10))
    await done(office, "POST", f"/v1/trainings/sessions/{trained}/sign-ups", json=guest)
    board = await done(office, "GET", f"/v1/trainings/sessions/{trained}/attendance-code", office.administrator)
    attending = {"code": board["code"], "phone": phone}
    await done(office, "POST", f"/v1/trainings/sessions/{trained}/attendance", json=attending)

    organisation = await office.organisation("50")
    code = await office.group_code(organisation)
    answer = await office.sign_up(**guest, national_id=national_id, group_code=code, area=AREA, notice="2022-01")
    volunteer = str(answer.json()["volunteer_id"])
    for step in ("suspension", "approval"):
        body = {"json": {"reason": TEXT}} if step == "suspension" else {}
        await done(office, "POST", f"/v1/volunteers/{volunteer}/{step}", office.administrator, **body)
    contact = {"volunteer_id": volunteer}
    await done(office, "POST", f"/v1/organisations/{organisation}/contacts", office.administrator, json=contact)
    await done(office, "POST", "/v1/codes", json={"phone": phone})
    while (message := await phones.next()).code is None or message.phone != phone:
        pass
    signed_in = await office.tokens(grant_type="urn:jitasa:one-time-code", phone=phone, code=message.code)
    assert signed_in.status_code == 200
    await office.presence.write()
    await done(office, "POST", "/v1/codes", json={"phone": phone})
    await done(office, "POST", "/v1/phone-proofs", json={"phone": phone})
    await done(office, "POST", "/v1/registration-help", json=guest | {"area": AREA})

    his = office.token(Role.VOLUNTEER, AREA, UUID(volunteer))
    coming = await training(office)
    await done(office, "POST", f"/v1/trainings/sessions/{coming}/sign-ups", his)
    raised = {"category": "survey", "title": TITLE, "text": TEXT}
    tickets = [(await done(office, "POST", "/v1/problems", his, json=raised))["problem_id"] for _ in range(2)]
    picture = {"content": png(), "headers": {"Content-Type": "image/png", "Authorization": f"Bearer {his}"}}
    sent = await office.client.post(f"/v1/problems/{tickets[0]}/attachments", **picture)  # type: ignore[arg-type]
    assert sent.status_code == 201, sent.text
    for ticket in tickets:
        work = f"/v1/problems/{ticket}"
        await done(office, "POST", f"{work}/answer", office.administrator, json={"text": "ล้างแคช"})
        await done(office, "POST", f"{work}/reopening", his, json={"note": NOTE})
    # The second one is followed by somebody else's.
    other = office.token(Role.VOLUNTEER, AREA, uuid4())
    follows = (await done(office, "POST", "/v1/problems", other, json=raised | {"title": "ช้า", "text": "ช้า"}))[
        "problem_id"
    ]
    into = {"into": tickets[1]}
    await done(office, "POST", f"/v1/problems/{follows}/merge", office.administrator, json=into)
    await done(office, "GET", f"/v1/volunteers/{volunteer}", office.administrator)
    return Known(UUID(volunteer), organisation, phone, national_id, code, tickets[0], tickets[1], coming)


async def rows(office: Office) -> dict[str, str]:
    """Every table's rows as text; bytes as hexadecimal digits."""
    tables = await office.pool.fetch(
        "SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace"
    )
    found = {}
    for (table,) in tables:
        text = await office.pool.fetchval(f"SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} AS t")  # noqa: S608
        found[table] = str(text)
    return found
