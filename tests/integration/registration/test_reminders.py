"""Organisations are reminded of their places, coordinators told of the overdue ones: once each, whatever happens."""

import asyncio
import json
import signal
import smtplib
import ssl
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import REGISTRY

from services.facilities.processes.http import create
from services.facilities.reference import Reference
from services.registration.domain.reminders import BANGKOK, Neglected, Notice, Stage, week_of
from services.registration.mail import FileMailGateway, Mail, SmtpGateway
from services.registration.reminders import Facilities, Reminders
from services.registration.settings import RegistrationSettings
from services.registration.sms import FileGateway, Refusal, TextMessage
from services.registration.store.notices import KEPT, SENDING_FOR, Notices
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.tokens import TokenVerifier
from shared.web.authentication import Authentication
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import Office, new_phone
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
    await reminders.turn()
    assert post.taken() == []
    register.base_url = address
    await reminders.turn()
    assert post.taken() == [phone]


async def test_what_waits_is_sent_also_while_the_register_is_away(
    office: Office, register: httpx.AsyncClient, reminders: Reminders, clock: MovableClock, post: Post
) -> None:
    organisation = await office.organisation("32")
    phone = await officer(office, organisation)
    await enter(office, register, organisation, "ศูนย์รอส่ง")
    at(clock, 18, 8, 59)
    post.failures = [Refusal()]
    await reminders.turn()
    assert post.taken() == []
    register.base_url = httpx.URL("http://facilities/nowhere")
    at(clock, 18, 9)  # the escalation's round would be made now
    await reminders.turn()
    assert post.taken() == [phone]


async def test_nothing_goes_out_in_the_evening_or_when_its_week_is_over(
    office: Office,
    register: httpx.AsyncClient,
    reminders: Reminders,
    clock: MovableClock,
    post: Post,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A slow gateway takes the last batch past eight; what is left then waits for the morning, not for another week."""
    monkeypatch.setattr("services.registration.reminders.AT_ONCE", 1)
    organisation = await office.organisation("32")
    phones = {await officer(office, organisation) for _ in range(3)}
    await enter(office, register, organisation, "ศูนย์ช้า")
    at(clock, 17, 19, 59)
    send = post.send

    async def slowly(message: TextMessage | Mail) -> None:
        clock.advance(timedelta(minutes=1))
        await send(message)

    monkeypatch.setattr(post, "send", slowly)
    await reminders.turn()
    first = post.taken()
    assert len(first) == 1
    at(clock, 18, 8)
    post.failures = [Refusal()]
    monkeypatch.setattr(post, "send", send)
    await reminders.turn()
    second = post.taken()
    assert len(second) == 1
    assert {*first, *second} < phones
    at(clock, 21, 8)
    await reminders.turn()
    assert post.taken() == []
    states = "SELECT state, count(*) FROM notice_message GROUP BY state ORDER BY state"
    assert [tuple(row) for row in await office.pool.fetch(states)] == [("expired", 1), ("sent", 2)]


async def test_who_was_suspended_since_gets_nothing_and_who_is_nobodys_is_counted(
    office: Office, register: httpx.AsyncClient, reminders: Reminders, clock: MovableClock, post: Post
) -> None:
    ours, theirs = [await office.organisation("32") for _ in range(2)]
    phone = await officer(office, ours)
    for organisation in (ours, theirs):
        await enter(office, register, organisation, "ศูนย์พักรอ")
    at(clock, 16, 9)
    post.failures = [Refusal()]
    before = unaddressed()
    await reminders.turn()
    assert unaddressed() == before + 1
    await office.pool.execute(
        "UPDATE person SET status = 'suspended' WHERE organisation_id = $1 AND status = 'approved'", UUID(ours)
    )
    at(clock, 16, 10)
    await reminders.turn()
    assert post.taken() == [], phone


def unaddressed() -> float:
    """How many reminders had no receiver so far."""
    return (
        REGISTRY.get_sample_value(
            "jitasa_notices_total", {"stage": "reminder", "channel": "none", "outcome": "unaddressed"}
        )
        or 0.0
    )


async def test_old_rounds_are_erased(office: Office, reminders: Reminders, clock: MovableClock) -> None:
    store = Notices(office.app.state.parts.pool, office.app.state.parts.ring)
    old, kept = (week_of(clock.now()) - KEPT - timedelta(weeks=weeks) for weeks in (1, 0))
    told = [Notice(Stage.REMINDER, UUID(await office.organisation("32")), None, 1, 0, ["a@health.example"])]
    for week in (old, kept):
        assert await store.make_round(week, Stage.REMINDER, told, now=clock.now()) == 0
    await reminders.turn()
    assert [row["week"] for row in await office.pool.fetch("SELECT week FROM notice_round")] == [kept]
    assert await office.pool.fetchval("SELECT count(*) FROM notice_message") == 1


@pytest.mark.parametrize(
    ("point", "may_be_lost"),
    [
        ("store make_round after 1", False),
        ("store claim after 1", True),
        ("sms send before 2", True),
        ("sms send after 1", True),
        ("store settle before 2", True),
    ],
)
async def test_a_killed_process_never_sends_twice_and_hides_nothing(
    office: Office,
    clock: MovableClock,
    database: PostgresSettings,
    registration_settings: RegistrationSettings,
    tmp_path: Path,
    point: str,
    may_be_lost: bool,
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
    assert ("unknown" in states) == may_be_lost
    assert states.get("sent", 0) <= len(lines) <= sum(states.values())
    clock.advance(timedelta(days=1))
    await follower.turn()
    assert len(sink.read_text().splitlines()) == len(lines)


async def test_a_real_server_takes_the_mail() -> None:
    """And of one that is not there, or that says no, it is known that nothing left."""
    received: list[Any] = []
    handler = mailbox(received)
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        gateway = SmtpGateway("127.0.0.1", port, "jitasa@example.org", starttls=False, user=None, password_file=None)
        await gateway.send(Mail("surin@health.example", "โปรดยืนยัน", "สถานที่ 3 แห่ง", "<notice-1@jitasa>"))
        with pytest.raises(Refusal):
            await gateway.send(Mail("nobody@health.example", "โปรดยืนยัน", "สถานที่", "<notice-2@jitasa>"))
        with pytest.raises(smtplib.SMTPDataError):  # what the server makes of it is not said
            await gateway.send(Mail("mumbler@health.example", "โปรดยืนยัน", "สถานที่", "<notice-4@jitasa>"))
    with pytest.raises(Refusal):
        await gateway.send(Mail("surin@health.example", "โปรดยืนยัน", "สถานที่", "<notice-3@jitasa>"))
    (envelope,) = received
    assert envelope.rcpt_tos == ["surin@health.example"]
    assert b"Message-ID: <notice-1@jitasa>" in envelope.content


async def test_mail_goes_encrypted_to_the_right_server_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One without STARTTLS, or with a certificate that nobody vouches for, gets nothing, nor who cannot sign in."""
    received: list[Any] = []
    handler = mailbox(received)
    certificate, key = self_signed(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    password = tmp_path / "password"
    password.write_text("s3cret\n")

    def authenticate(*arguments: Any) -> AuthResult:
        return AuthResult(success=arguments[-1].password == b"s3cret", handled=False)

    async def sent(gateway: SmtpGateway) -> bool:
        try:
            await gateway.send(Mail("surin@health.example", "โปรดยืนยัน", "สถานที่", "<notice-1@jitasa>"))
        except Refusal:
            return False
        return True

    def plain() -> SMTP:
        return SMTP(handler)

    def encrypted() -> SMTP:
        return SMTP(handler, tls_context=tls, require_starttls=True, auth_required=True, authenticator=authenticate)

    loop = asyncio.get_running_loop()
    async with (
        await loop.create_server(plain, "127.0.0.1", 0) as bare,
        await loop.create_server(encrypted, "127.0.0.1", 0) as guarded,
    ):

        def gateway(server: asyncio.Server) -> SmtpGateway:
            port = server.sockets[0].getsockname()[1]
            return SmtpGateway("localhost", port, "a@example.org", starttls=True, user="us", password_file=password)

        assert not await sent(gateway(guarded))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert not await sent(gateway(bare))
        assert await sent(gateway(guarded))
        password.write_text("guessed")
        assert not await sent(gateway(guarded))
    assert len(received) == 1


def mailbox(received: list[Any]) -> Any:
    """A handler that keeps what comes, knows no `nobody`, and answers `mumbler`'s mail with what is no reply."""

    class Handler:
        async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
            if address.startswith("nobody"):
                return "550 no such mailbox"
            envelope.rcpt_tos.append(address)
            return "250 OK"

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            if envelope.rcpt_tos[0].startswith("mumbler"):
                return "well"
            received.append(envelope)
            return "250 OK"

    return Handler()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of localhost that nobody but its own file vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
