"""Organisations are reminded of their places, coordinators told of the overdue ones: once each, whatever happens."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiosmtpd.smtp import SMTP

from services.facilities.app import create
from services.facilities.reference import Reference
from services.registration.domain.reminders import BANGKOK, Neglected
from services.registration.mail import FileMailGateway, Mail, SmtpGateway
from services.registration.reminders import Facilities, Reminders
from services.registration.settings import RegistrationSettings
from services.registration.sms import FileGateway, Refusal, TextMessage
from services.registration.store.notices import SENDING_FOR, Notices
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.tokens import TokenVerifier
from shared.web.authentication import Authentication
from tests.integration.registration.conftest import ISSUER, Office, new_phone
from tests.integration.registration.reminding import Told
from tests.integration.registration.test_appointments import appointed
from tests.runtime import Runtime

MONDAY = datetime(2022, 2, 7, 10, tzinfo=BANGKOK)
DEADLINE = 30.0
DISTRICT = "3201"
"""In Surin, where no other test appoints anybody."""


class Post:
    """Every phone and mailbox, of which some refuse, and some break off."""

    def __init__(self) -> None:
        self.texts: list[TextMessage] = []
        self.mails: list[Mail] = []
        self.failures: list[Exception] = []

    async def send(self, message: TextMessage | Mail) -> None:
        """Keep the message, unless a failure waits."""
        if self.failures:
            raise self.failures.pop()
        (self.texts if isinstance(message, TextMessage) else self.mails).append(message)  # type: ignore[arg-type]

    def taken(self) -> list[str]:
        """Who has got something since the last time."""
        found = [one.phone for one in self.texts] + [one.to for one in self.mails]
        self.texts.clear()
        self.mails.clear()
        return sorted(found)


@pytest.fixture(scope="session")
def database(runtime: Runtime) -> PostgresSettings:
    """A database of this module's own: its rounds are made once in a week."""
    return runtime.create_database("registration")


@pytest.fixture
def clock() -> MovableClock:
    """The clock of both services."""
    return MovableClock(MONDAY)


@pytest.fixture
async def register(runtime: Runtime, office: Office, clock: MovableClock) -> AsyncIterator[httpx.AsyncClient]:
    """The real register of places, empty, which takes registration's tokens."""
    pool = await open_pool(runtime.create_database("facilities"), application="test")
    verifier = TokenVerifier("", ISSUER, source=office.signer, now=lambda: clock.now().timestamp())
    await verifier.start()
    app = create(pool, Authentication(verifier, office.app.state.authentication.bar), clock, Reference(pool), list)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://facilities") as client:
        yield client
    await verifier.close()
    pool.terminate()


@pytest.fixture
def post() -> Post:
    """What is sent."""
    return Post()


@pytest.fixture
async def reminders(office: Office, register: httpx.AsyncClient, clock: MovableClock, post: Post) -> Reminders:
    """The service's reminders, with no round made."""
    await office.pool.execute("TRUNCATE notice_round CASCADE")
    parts = office.app.state.parts
    facilities = Facilities(register, parts.signer, clock)
    return Reminders(Notices(parts.pool, parts.ring), facilities, post, post, clock, "https://jitasa.example/week")


def at(clock: MovableClock, day: int, hour: int, minute: int = 0) -> None:
    """Moves the clock to a day of February 2022, at an hour in Thailand."""
    clock.advance(datetime(2022, 2, day, hour, minute, tzinfo=BANGKOK) - clock.now())


async def officer(office: Office, organisation: str, **changes: Any) -> str:
    """The phone of a new place officer."""
    phone = new_phone()
    await appointed(office, "32", role=Role.PLACE_OFFICER, organisation_id=organisation, phone=phone, **changes)
    return phone


async def enter(
    office: Office, register: httpx.AsyncClient, organisation: str | None, name: str, **changes: Any
) -> str:
    """The id of a new place in Surin."""
    body = {"kind": "waiting_centre", "name": name, "area": f"{DISTRICT}01", "organisation_id": organisation} | changes
    answer = await register.post("/v1/facilities", json=body, headers=headers(office))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["facility_id"])


def headers(office: Office) -> dict[str, str]:
    """An administrator, now."""
    return {"Authorization": f"Bearer {office.token(Role.PROVINCE_ADMINISTRATOR, '32')}"}


async def test_a_week(
    office: Office, register: httpx.AsyncClient, reminders: Reminders, clock: MovableClock, post: Post
) -> None:
    """Reminded on Wednesday, by day, once; on Friday the coordinator hears of what is overdue; confirming ends it."""
    ours, theirs, diligent = [await office.organisation("32") for _ in range(3)]
    phones = [await officer(office, ours), await officer(office, ours)]
    coordinator = new_phone()
    await appointed(office, DISTRICT, role=Role.DISTRICT_COORDINATOR, phone=coordinator)
    await appointed(office, "3202", role=Role.DISTRICT_COORDINATOR)
    await officer(office, diligent)
    at(clock, 8, 9)
    email = {"contact": {"email": "surin@health.example"}}
    first = await enter(office, register, ours, "ศูนย์ ก", **email)
    await enter(office, register, ours, "ศูนย์ ข", **email)
    await enter(office, register, theirs, "ศูนย์ที่ไม่มีผู้ดูแล")
    await enter(office, register, None, "ศูนย์ที่ไม่มีหน่วยงาน")
    good = await enter(office, register, diligent, "ศูนย์ขยัน")
    for day, hour in ((8, 10), (9, 9), (11, 12), (13, 19)):  # all of this week's are fresh
        at(clock, day, hour)
        await reminders.turn()
    assert post.taken() == []
    at(clock, 15, 11)
    await register.post(f"/v1/facilities/{good}/confirmation", headers=headers(office))
    for hour, minute, expected in (
        (8, 59, []),
        (9, 0, sorted([*phones, "surin@health.example"])),
        (9, 1, []),
    ):
        at(clock, 16, hour, minute)
        await asyncio.gather(*(reminders.turn() for _ in range(4)))  # as many processes do
        assert post.taken() == expected, (hour, minute)
    await register.post(f"/v1/facilities/{first}/confirmation", headers=headers(office))
    at(clock, 18, 8, 59)
    await reminders.turn()
    assert post.taken() == []
    at(clock, 18, 9)
    await asyncio.gather(*(reminders.turn() for _ in range(4)))
    assert "3 places in your district" in post.texts[0].text
    assert post.taken() == [coordinator]
    at(clock, 20, 12)
    await reminders.turn()
    assert post.taken() == []  # nor had the diligent ones' officer a message in all this time
    found = await office.pool.fetch(
        "SELECT stage, due, overdue FROM notice WHERE week = '2022-02-14' ORDER BY stage, overdue"
    )
    assert [tuple(row) for row in found] == [("escalation", 0, 3), ("reminder", 0, 1), ("reminder", 0, 2)]


async def test_nobody_is_woken_and_a_missed_round_is_made_later(
    office: Office, register: httpx.AsyncClient, reminders: Reminders, clock: MovableClock, post: Post
) -> None:
    organisation = await office.organisation("32")
    phone = await officer(office, organisation)
    await enter(office, register, organisation, "ศูนย์กลางคืน")
    for day, hour, expected in ((17, 20, []), (18, 7, []), (18, 8, [phone])):  # Thursday night, Friday morning
        at(clock, day, hour)
        await reminders.turn()
        assert [one for one in post.taken() if one == phone] == expected, (day, hour)


async def test_what_was_refused_is_sent_again_and_what_broke_off_is_not(
    office: Office, register: httpx.AsyncClient, reminders: Reminders, clock: MovableClock, post: Post
) -> None:
    organisation = await office.organisation("32")
    for _ in range(2):
        await officer(office, organisation)
    await enter(office, register, organisation, "ศูนย์ส่งไม่ถึง")
    at(clock, 16, 9)
    post.failures = [Refusal(), TimeoutError()]
    await reminders.turn()
    assert post.taken() == []
    states = "SELECT state, count(*) FROM notice_message GROUP BY state ORDER BY state"
    assert [tuple(row) for row in await office.pool.fetch(states)] == [("unknown", 1), ("waiting", 1)]
    clock.advance(timedelta(minutes=1))
    await reminders.turn()
    assert len(post.taken()) == 1
    assert [tuple(row) for row in await office.pool.fetch(states)] == [("sent", 1), ("unknown", 1)]


async def test_a_refusal_for_ever_ends(
    office: Office, register: httpx.AsyncClient, reminders: Reminders, clock: MovableClock, post: Post
) -> None:
    organisation = await office.organisation("32")
    await officer(office, organisation)
    await enter(office, register, organisation, "ศูนย์ถูกปฏิเสธ")
    at(clock, 16, 9)
    for _ in range(5):
        post.failures = [Refusal()]
        await reminders.turn()
        assert not post.failures
        clock.advance(timedelta(hours=2))
    await reminders.turn()
    assert post.taken() == []
    assert await office.pool.fetchval("SELECT state FROM notice_message") == "refused"


async def test_a_register_that_is_away_is_asked_again(
    office: Office, reminders: Reminders, clock: MovableClock, post: Post, register: httpx.AsyncClient
) -> None:
    organisation = await office.organisation("32")
    phone = await officer(office, organisation)
    await enter(office, register, organisation, "ศูนย์รอทะเบียน")
    at(clock, 16, 9)
    address, register.base_url = register.base_url, httpx.URL("http://facilities/nowhere")
    with pytest.raises(httpx.HTTPStatusError):
        await reminders.turn()
    register.base_url = address
    await reminders.turn()
    assert post.taken() == [phone]


@pytest.mark.parametrize(
    ("point", "may_be_lost"),
    [
        ("store make_round after 1", False),
        ("store claim after 1", True),
        ("sms send before 2", True),
        ("sms send after 1", True),
        ("mail send before 1", True),
        ("store settle before 2", True),
        ("store settle after 3", None),  # the others may have been settled in the same moment
    ],
)
async def test_a_killed_process_never_sends_twice_and_hides_nothing(
    office: Office,
    clock: MovableClock,
    database: PostgresSettings,
    registration_settings: RegistrationSettings,
    tmp_path: Path,
    point: str,
    may_be_lost: bool | None,
) -> None:
    """What it may have sent is told as unknown; all else is sent by the next one."""
    await office.pool.execute("TRUNCATE notice_round CASCADE")
    organisation = await office.organisation("32")
    phones = {await officer(office, organisation) for _ in range(3)}
    sink = tmp_path / "messages"
    sink.touch()
    emails = ["a@health.example", "b@health.example"]
    arguments = {
        "organisation": organisation,
        "emails": emails,
        "postgres": database.model_dump(mode="json"),
        "keys": str(registration_settings.sealing_keys_file),
        "sink": str(sink),
    }
    at(clock, 16, 9)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.integration.registration.reminding", point, clock.now().isoformat(), json.dumps(arguments)),
    )
    async with asyncio.timeout(DEADLINE):
        assert await process.wait() == -signal.SIGKILL
    parts = office.app.state.parts
    told = Told([Neglected(UUID(organisation), DISTRICT, 2, 1, emails)])
    sms, mail = FileGateway(sink, clock), FileMailGateway(sink, clock)
    follower = Reminders(Notices(parts.pool, parts.ring), told, sms, mail, clock, "https://jitasa.example/week")
    clock.advance(SENDING_FOR + timedelta(seconds=1))
    await follower.turn()
    lines = [json.loads(line) for line in sink.read_text().splitlines()]
    sent = Counter(line.get("phone") or line["email"] for line in lines)
    assert set(sent.values()) <= {1}
    rows = await office.pool.fetch("SELECT state, count(*) AS messages FROM notice_message GROUP BY state")
    states = {row["state"]: row["messages"] for row in rows}
    assert sum(states.values()) == len(phones) + len(emails)
    assert set(states) <= {"sent", "unknown"}
    assert may_be_lost in (None, "unknown" in states)
    assert states.get("sent", 0) <= len(lines) <= sum(states.values())
    clock.advance(timedelta(days=1))
    await follower.turn()
    assert len(sink.read_text().splitlines()) == len(lines)


async def test_a_real_server_takes_the_mail() -> None:
    """And of one that is not there, or that says no, it is known that nothing left."""
    received: list[Any] = []

    class Handler:
        async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
            if address.startswith("nobody"):
                return "550 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            received.append(envelope)
            return "250 OK"

    server = await asyncio.get_running_loop().create_server(lambda: SMTP(Handler()), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        gateway = SmtpGateway("127.0.0.1", port, "jitasa@example.org", starttls=False, user=None, password_file=None)
        await gateway.send(Mail("surin@health.example", "โปรดยืนยัน", "สถานที่ 3 แห่ง", "<notice-1@jitasa>"))
        with pytest.raises(Refusal):
            await gateway.send(Mail("nobody@health.example", "โปรดยืนยัน", "สถานที่", "<notice-2@jitasa>"))
    with pytest.raises(Refusal):
        await gateway.send(Mail("surin@health.example", "โปรดยืนยัน", "สถานที่", "<notice-3@jitasa>"))
    (envelope,) = received
    assert envelope.rcpt_tos == ["surin@health.example"]
    assert b"Message-ID: <notice-1@jitasa>" in envelope.content
