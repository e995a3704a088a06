"""Appointments: their days, their end, who sees them, and that a role ends everywhere when its last day is over."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from deploy import catalogue
from services.registration.http import appointments as routes
from services.registration.processes import http as application
from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from services.registration.store.appointments import Appointments
from services.registration.store.people import People
from shared.contracts.events import Role
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.relay import Relay
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import START, Barred, Office, Phones, new_phone
from tests.integration.registration.test_sign_in import CODE, code_for, refused
from tests.runtime import Runtime

DEADLINE = 30.0
"""Seconds; what is waited for takes a few tenths."""
TODAY = date(2022, 2, 5)
MIDNIGHT = datetime(2022, 2, 5, 17, 0, tzinfo=UTC)
"""The end of that day in Thailand."""
REASON = "ย้ายไปจังหวัดอื่น"


async def appoint(
    office: Office,
    area: str = "500101",
    role: Role = Role.SUBDISTRICT_COORDINATOR,
    *,
    token: str | None = None,
    first: date | None = None,
    last: date | None = None,
    **changes: Any,
) -> httpx.Response:
    """An appointment of somebody new, by the central administrator unless said otherwise."""
    body: dict[str, Any] = {"name": "ผู้ประสานงาน", "phone": new_phone(), "role": str(role), "area": area} | changes
    body |= {name: day.isoformat() for name, day in (("from", first), ("to", last)) if day is not None}
    if "organisation_id" not in body:
        body["organisation_id"] = await office.organisation(area[:2])
    return await office.ask("POST", "/v1/appointments", token or office.administrator, json=body)


async def appointed(office: Office, area: str = "500101", **arguments: Any) -> dict[str, Any]:
    """The answer of an appointment that is made."""
    answer = await appoint(office, area, **arguments)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def end(office: Office, appointment_id: str, token: str | None = None) -> httpx.Response:
    path = f"/v1/appointments/{appointment_id}/end"
    return await office.ask("POST", path, token or office.administrator, json={"reason": REASON})


@pytest.fixture
def terms(office: Office, registration_settings: RegistrationSettings) -> Appointments:
    """The store, as the loop of a process uses it."""
    ring = KeyRing.from_file(registration_settings.sealing_keys_file)
    return Appointments(office.pool, People(office.pool, ring))


async def statuses(office: Office, made: dict[str, Any]) -> list[str]:
    return [event["status"] for event in await office.events(made["volunteer_id"])]


async def test_a_role_begins_on_its_first_day(office: Office, phones: Phones, terms: Appointments) -> None:
    phone = new_phone()
    made = await appointed(office, phone=phone, first=date(2022, 2, 7), last=date(2022, 9, 30))
    assert (made["state"], made["from"], made["to"], made["status"]) == (
        "awaited",
        "2022-02-07",
        "2022-09-30",
        "pending",
    )
    early = await office.approve(made["volunteer_id"])
    assert (early.status_code, early.json()["code"]) == (409, "not_begun")
    assert (await office.ask("POST", "/v1/codes", json={"phone": phone})).status_code == 202
    await terms.keep_terms(now=MIDNIGHT + timedelta(days=1, seconds=-1))
    assert await statuses(office, made) == ["pending"]
    office.clock.advance(MIDNIGHT + timedelta(days=1) - START)
    await terms.keep_terms(now=office.clock.now())
    await terms.keep_terms(now=office.clock.now())  # which finds nothing to do any more
    assert await statuses(office, made) == ["pending", "approved"]
    assert phones.messages.empty()  # the code that was asked for too early
    answer = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    assert answer.json()["expires_in"] == 900
    assert (await office.ask("GET", "/v1/appointments", answer.json()["access_token"])).status_code == 200


async def test_a_role_ends_with_its_last_day(office: Office, phones: Phones, terms: Appointments) -> None:
    phone = new_phone()
    made = await appointed(office, phone=phone, last=TODAY)
    office.clock.advance(MIDNIGHT - START - timedelta(minutes=4))
    code = await code_for(office, phones, phone)
    signed = (await office.tokens(grant_type=CODE, phone=phone, code=code)).json()
    assert signed["expires_in"] == 240  # the token ends with the role
    code = await code_for(office, phones, phone)
    office.clock.advance(timedelta(minutes=4))
    # Nothing of this waits until the end is written down.
    refused(await office.tokens(grant_type="refresh_token", refresh_token=signed["refresh_token"]), "invalid_grant")
    refused(await office.tokens(grant_type=CODE, phone=phone, code=code), "invalid_grant")
    assert (await office.ask("POST", "/v1/codes", json={"phone": phone})).status_code == 202
    assert await statuses(office, made) == ["approved"]
    done = await asyncio.gather(*(terms.keep_terms(now=office.clock.now()) for _ in range(4)))
    assert sum(done) == 1
    [_, ended] = await office.events(made["volunteer_id"])
    assert (ended["status"], ended["before"]["status"], ended["revision"]) == ("withdrawn", "approved", 2)
    assert phones.messages.empty()


async def test_many_roles_end_at_once_each_exactly_once(office: Office, terms: Appointments) -> None:
    organisation = await office.organisation("62")
    made = [await appointed(office, "620101", organisation_id=organisation, last=TODAY) for _ in range(230)]
    done = await asyncio.gather(*(terms.keep_terms(now=MIDNIGHT) for _ in range(3)))
    assert sum(done) == len(made)
    written = await office.pool.fetch(
        "SELECT key, count(*) AS events FROM outbox WHERE key = ANY($1) GROUP BY key",
        [one["volunteer_id"] for one in made],
    )
    assert [row["events"] for row in written] == [2] * len(made)


@asynccontextmanager
async def relaying(office: Office, runtime: Runtime) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    relay = Relay(office.pool, runtime.kafka_settings("registration"), [VOLUNTEER_REGISTERED])
    running = asyncio.create_task(relay.run(stopping))
    try:
        yield
    finally:
        stopping.set()
        await running


def rounds_of_terms(monkeypatch: pytest.MonkeyPatch) -> asyncio.Semaphore:
    """Can be acquired once for each round in which ended and begun roles were looked for."""
    rounds, keep_terms = asyncio.Semaphore(0), Appointments.keep_terms

    async def kept(self: Appointments, *, now: datetime) -> int:
        done = await keep_terms(self, now=now)
        rounds.release()
        return done

    monkeypatch.setattr(Appointments, "keep_terms", kept)
    return rounds


async def test_tokens_of_an_ended_role_stop_everywhere(
    office: Office,
    runtime: Runtime,
    database: PostgresSettings,
    registration_settings: RegistrationSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A process that is started when the last day is over, as after a power cut, finds what is due, and every process
    that checks tokens hears of it."""
    made = await appointed(office, last=TODAY)
    monkeypatch.setattr(application, "TERMS_SECONDS", 0.2)
    rounds = rounds_of_terms(monkeypatch)
    bar, clock = BarredVolunteers(runtime.kafka_settings("survey")), MovableClock(MIDNIGHT - timedelta(seconds=1))
    app = http_app(registration_settings, database, bar=Barred(), clock=clock, gateway=Phones())
    await bar.start()
    try:
        async with relaying(office, runtime), app.router.lifespan_context(app), asyncio.timeout(DEADLINE):
            for _ in range(2):  # rounds in which nothing is due
                await rounds.acquire()
            assert await statuses(office, made) == ["approved"]
            clock.advance(timedelta(seconds=1))
            while not bar.is_barred(UUID(made["volunteer_id"])):
                await asyncio.sleep(0.05)
            again = await appointed(office, phone=await phone_of(office, registration_settings, made["volunteer_id"]))
            assert again["volunteer_id"] == made["volunteer_id"]
            while bar.is_barred(UUID(made["volunteer_id"])):
                await asyncio.sleep(0.05)
    finally:
        await bar.stop()


async def test_tokens_of_a_role_that_was_left_stop_everywhere(office: Office, phones: Phones, runtime: Runtime) -> None:
    """Who was a coordinator a moment ago is none any more, whatever his token says; a fresh one is good."""
    phone = new_phone()
    made = await appointed(office, "5001", role=Role.DISTRICT_COORDINATOR, phone=phone)
    signed = (await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))).json()
    bar = BarredVolunteers(runtime.kafka_settings("facilities"), now=lambda: office.clock.now().timestamp())
    await bar.start()
    office.app.state.authentication = replace(office.app.state.authentication, moves=bar)
    try:
        async with relaying(office, runtime), asyncio.timeout(DEADLINE):
            assert (await office.ask("GET", "/v1/appointments", signed["access_token"])).status_code == 200
            await appointed(office, "500101", role=Role.SUBDISTRICT_COORDINATOR, phone=phone)
            while not bar.has_left(UUID(made["volunteer_id"]), Role.DISTRICT_COORDINATOR, "5001"):
                await asyncio.sleep(0.05)
        left = await office.ask("GET", "/v1/appointments", signed["access_token"])
        assert (left.status_code, left.json()["code"]) == (401, "role_left")
        fresh = await office.tokens(grant_type="refresh_token", refresh_token=signed["refresh_token"])
        assert (await office.ask("GET", "/v1/appointments", fresh.json()["access_token"])).status_code == 200
    finally:
        await bar.stop()


async def phone_of(office: Office, settings: RegistrationSettings, volunteer_id: str) -> str:
    """The number that an administrator sees."""
    listed = await office.ask("GET", "/v1/volunteers", office.administrator, params={"area": "500101"})
    return next(str(one["phone"]) for one in listed.json()["volunteers"] if one["volunteer_id"] == volunteer_id)


async def test_an_appointment_is_ended_with_a_reason(office: Office, phones: Phones) -> None:
    phone = new_phone()
    made = await appointed(office, phone=phone)
    signed = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    for token, status in (
        (office.token(Role.DISTRICT_COORDINATOR, "5002"), 404),
        (office.token(Role.PROVINCE_ADMINISTRATOR, "51"), 404),
        (office.token(Role.SUBDISTRICT_COORDINATOR, "500101"), 403),
    ):
        assert (await end(office, made["appointment_id"], token)).status_code == status
    higher = await appointed(office, "5001", role=Role.DISTRICT_COORDINATOR)
    equal = await end(office, higher["appointment_id"], office.token(Role.DISTRICT_COORDINATOR, "5001"))
    assert (equal.status_code, equal.json()["code"]) == (403, "not_below")
    assert (await end(office, str(uuid4()))).status_code == 404
    answers = await asyncio.gather(*(end(office, made["appointment_id"]) for _ in range(3)))
    assert {(one.status_code, one.json()["state"], one.json()["status"]) for one in answers} == {
        (200, "ended", "withdrawn")
    }
    assert await statuses(office, made) == ["approved", "withdrawn"]
    refresh = signed.json()["refresh_token"]
    refused(await office.tokens(grant_type="refresh_token", refresh_token=refresh), "invalid_grant")
    for (table,) in await office.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for row in await office.pool.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t"):  # noqa: S608
            assert REASON not in row["row"], table
            assert REASON.encode().hex() not in row["row"], table
    params = {"volunteer_id": made["volunteer_id"]}
    [listed] = (await office.ask("GET", "/v1/appointments", office.administrator, params=params)).json()["appointments"]
    assert (listed["reason"], listed["state"]) == (REASON, "ended")
    approved = await office.approve(made["volunteer_id"])
    assert (approved.status_code, approved.json()["code"]) == (409, "withdrawn")


async def test_an_awaited_appointment_is_taken_back(office: Office, terms: Appointments) -> None:
    new = await appointed(office, first=TODAY + timedelta(days=2))
    phone = new_phone()
    volunteer = await office.volunteer(phone=phone)
    promoted = await appointed(office, phone=phone, first=TODAY + timedelta(days=2))
    assert (promoted["volunteer_id"], promoted["status"]) == (volunteer, "approved")
    assert (await end(office, new["appointment_id"])).json()["status"] == "withdrawn"
    assert (await end(office, promoted["appointment_id"])).json()["status"] == "approved"
    assert await terms.keep_terms(now=office.clock.now() + timedelta(days=9)) == 0
    assert await statuses(office, new) == ["pending", "withdrawn"]
    assert await statuses(office, promoted) == ["pending", "approved"]


async def test_a_volunteer_keeps_his_role_until_the_next_one_begins(
    office: Office, phones: Phones, terms: Appointments
) -> None:
    phone = new_phone()
    volunteer = await office.volunteer(phone=phone, area="500102")
    await appointed(office, phone=phone, last=TODAY)
    await appointed(office, "500102", phone=phone, first=TODAY + timedelta(days=1))
    another = await appoint(office, "500103", phone=phone, first=TODAY + timedelta(days=3))
    assert (another.status_code, another.json()["code"]) == (409, "awaited")
    office.clock.advance(MIDNIGHT - START)
    assert await terms.keep_terms(now=office.clock.now()) == 1
    # From one role to the next without a moment between them.
    assert [(event["status"], event["area"]) for event in await office.events(volunteer)] == [
        ("pending", "500102"),
        ("approved", "500102"),
        ("approved", "500101"),
        ("approved", "500102"),
    ]
    answer = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    token = answer.json()["access_token"]
    assert (await office.ask("GET", "/v1/appointments", token, params={"area": "500102"})).status_code == 200


async def test_a_role_goes_along_with_a_transfer(office: Office) -> None:
    """From then on the new area's administrators end it, and those of the old one do not."""
    old, new = (office.token(Role.DISTRICT_COORDINATOR, area) for area in ("5001", "5003"))
    last = TODAY + timedelta(days=30)
    made = await appointed(office, "500101", last=last)
    moved = await office.ask(
        "POST",
        f"/v1/volunteers/{made['volunteer_id']}/transfer",
        office.token(Role.PROVINCE_ADMINISTRATOR, "50"),
        json={"organisation_id": await office.organisation("50"), "area": "500301"},
    )
    assert moved.status_code == 200, moved.text
    assert (await end(office, made["appointment_id"], old)).json()["status"] == "approved"
    params = {"volunteer_id": made["volunteer_id"]}
    history = (await office.ask("GET", "/v1/appointments", office.administrator, params=params)).json()["appointments"]
    assert [(one["area"], one["state"], one["to"]) for one in history] == [
        ("500101", "ended", last.isoformat()),
        ("500301", "held", last.isoformat()),
    ]
    assert history[1]["organisation_id"] == moved.json()["organisation_id"]
    [seen] = (await office.ask("GET", "/v1/appointments", new, params=params)).json()["appointments"]
    assert (await end(office, seen["appointment_id"], old)).status_code == 404
    assert (await end(office, seen["appointment_id"], new)).json()["status"] == "withdrawn"


async def test_a_role_held_elsewhere_by_now_is_not_ended_from_where_it_was_given(office: Office) -> None:
    made = await appointed(office, "500101")
    await office.pool.execute("UPDATE person SET area = '500301' WHERE person_id = $1", UUID(made["volunteer_id"]))
    ending = await end(office, made["appointment_id"], office.token(Role.DISTRICT_COORDINATOR, "5001"))
    assert (ending.status_code, ending.json()["code"]) == (403, "other_area")
    assert await statuses(office, made) == ["approved"]


async def test_the_same_again_changes_nothing_and_another_last_day_does(office: Office) -> None:
    arguments = {"phone": new_phone(), "organisation_id": await office.organisation("50")}
    first = await appointed(office, **arguments)
    again = await asyncio.gather(*(appointed(office, **arguments) for _ in range(4)))
    assert [one["appointment_id"] for one in again] == [first["appointment_id"]] * 4
    shorter = await appointed(office, **arguments, last=TODAY + timedelta(days=30))
    assert shorter["appointment_id"] != first["appointment_id"]
    assert shorter["revision"] == first["revision"]
    held = await office.pool.fetch(
        "SELECT state FROM (SELECT CASE WHEN ended_at IS NULL THEN 'held' ELSE 'ended' END AS state, from_day "
        "FROM appointment WHERE person_id = $1) AS a ORDER BY state",
        UUID(first["volunteer_id"]),
    )
    assert [row["state"] for row in held] == ["ended", "held"]


async def test_two_who_appoint_the_same_person_at_once(office: Office) -> None:
    phone = new_phone()
    made = await asyncio.gather(
        *(appointed(office, f"5001{number:02}", phone=phone) for number in (1, 2, 3)),
    )
    assert len({one["volunteer_id"] for one in made}) == 1
    events = await office.events(made[0]["volunteer_id"])
    assert [event["revision"] for event in events] == [1, 2, 3]
    held = await office.pool.fetch(
        "SELECT area FROM appointment WHERE person_id = $1 AND ended_at IS NULL", UUID(made[0]["volunteer_id"])
    )
    assert [row["area"] for row in held] == [events[-1]["area"]]


async def test_a_suspension_holds_the_days_up(office: Office, terms: Appointments) -> None:
    made = await appointed(office, last=TODAY)
    await office.suspend(made["volunteer_id"])
    ending = await end(office, made["appointment_id"])
    assert (ending.status_code, ending.json()["code"]) == (409, "suspended")
    assert await terms.keep_terms(now=MIDNIGHT) == 0
    await office.approve(made["volunteer_id"])
    assert await terms.keep_terms(now=MIDNIGHT) == 1
    assert await statuses(office, made) == ["approved", "suspended", "approved", "withdrawn"]


async def test_who_has_withdrawn_holds_nothing_and_is_not_brought_back(office: Office) -> None:
    phone = new_phone()
    made = await appointed(office, phone=phone)
    himself = office.token(Role.SUBDISTRICT_COORDINATOR, "500101", UUID(made["volunteer_id"]))
    path = f"/v1/volunteers/{made['volunteer_id']}/withdrawal"
    assert (await office.ask("POST", path, himself)).json()["status"] == "withdrawn"
    [ended] = await office.pool.fetch(
        "SELECT ended_at, ended_by FROM appointment WHERE appointment_id = $1", UUID(made["appointment_id"])
    )
    assert tuple(ended) == (office.clock.now(), UUID(made["volunteer_id"])), "at once, before he can sign up again"
    back = await appoint(office, phone=phone)
    assert (back.status_code, back.json()["code"]) == (409, "withdrawn")


async def test_whose_role_ended_is_appointed_anew_anywhere(office: Office) -> None:
    phone = new_phone()
    made = await appointed(office, phone=phone)
    await end(office, made["appointment_id"])
    elsewhere = office.token(Role.PROVINCE_ADMINISTRATOR, "51")
    back = await appointed(office, "510101", role=Role.VOLUNTEER, phone=phone, token=elsewhere)
    assert (back["volunteer_id"], back["status"], back["revision"]) == (made["volunteer_id"], "approved", 3)
    params = {"volunteer_id": made["volunteer_id"]}
    history = (await office.ask("GET", "/v1/appointments", office.administrator, params=params)).json()["appointments"]
    assert [(one["area"], one["role"], one["state"]) for one in history] == [
        ("500101", "subdistrict_coordinator", "ended"),
        ("510101", "volunteer", "held"),
    ]


@pytest.mark.parametrize(
    ("days", "path", "code"),
    [
        ({"from": "2022-02-04"}, "from", "in_the_past"),
        ({"from": "2023-02-07"}, "from", "too_far_ahead"),
        ({"from": "2022-02-07", "to": "2022-02-06"}, "to", "before_from"),
        ({"to": "2030-02-06"}, "to", "too_long"),
        ({"from": "tomorrow"}, "from", None),
        ({"from_day": "2022-02-07"}, "from_day", "unknown_field"),
    ],
)
async def test_days_that_cannot_be_meant(office: Office, days: dict[str, Any], path: str, code: str | None) -> None:
    answer = await appoint(office, **days)
    assert answer.status_code == 400, answer.text
    [error] = answer.json()["errors"]
    assert error["path"] == path
    assert code is None or error["code"] == code


def cursor_of(*parts: Any) -> str:
    """A cursor that we did not make."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


async def test_a_list_says_who_holds_what_on_a_day(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "PAGE_SIZE", 2)
    organisation = await office.organisation("57")
    names: dict[str, str] = {}
    for area, first, last in (
        ("570101", None, None),
        ("570102", None, TODAY + timedelta(days=10)),
        ("570102", TODAY + timedelta(days=11), None),
        ("570103", None, None),
    ):
        name = f"ผู้ประสานงาน {len(names)}"
        made = await appointed(office, area, organisation_id=organisation, name=name, first=first, last=last)
        names[made["appointment_id"]] = name
    await end(office, made["appointment_id"])
    reader = uuid4()
    coordinator = office.token(Role.DISTRICT_COORDINATOR, "5701", reader)

    async def listed(**params: str) -> dict[str, str]:
        seen: dict[str, str] = {}
        cursor: str | None = ""
        while cursor is not None:
            answer = await office.ask(
                "GET", "/v1/appointments", coordinator, params=params | ({"cursor": cursor} if cursor else {})
            )
            assert answer.status_code == 200, answer.text
            seen |= {one["appointment_id"]: one["name"] for one in answer.json()["appointments"]}
            cursor = answer.json()["cursor"]
        return seen

    everything = list(names.items())
    assert await listed() == names
    audited = await office.pool.fetch("SELECT purpose, persons FROM personal_data_access WHERE reader = $1", reader)
    assert {row["purpose"] for row in audited} == {"appointment list"}
    assert len({person for row in audited for person in row["persons"]}) == 4
    assert await listed(at="2022-02-05") == dict([everything[0], everything[1], everything[3]])
    assert await listed(at="2022-02-06") == dict(everything[:2])
    assert await listed(at="2022-02-16") == dict([everything[0], everything[2]])
    assert await listed(at="2022-02-04") == {}
    assert await listed(area="570102") == dict(everything[1:3])
    assert await listed(role="district_coordinator") == {}
    for params, status in (
        ({"area": "57"}, 403),
        ({"area": "5702"}, 403),
        ({"at": "now"}, 400),
        ({"role": "king"}, 400),
        ({"cursor": "x"}, 400),
        ({"cursor": cursor_of("570101", "2022-02-05", "x")}, 400),
        ({"cursor": cursor_of([], 5, None)}, 400),
        ({"cursor": cursor_of("\ud800", "2022-02-05", str(uuid4()))}, 400),
    ):
        assert (await office.ask("GET", "/v1/appointments", coordinator, params=params)).status_code == status


async def test_who_held_a_role_before_there_were_terms_holds_it_on(
    runtime: Runtime, registration_settings: RegistrationSettings
) -> None:
    database, clock = runtime.create_database("registration"), MovableClock(START)
    migration = catalogue.service("registration").migrations[-1] / "20220302000001_appointment.sql"
    up, down = migration.read_text().split("-- migrate:down")
    app = http_app(registration_settings, database, bar=Barred(), clock=clock, gateway=Phones())
    signer = TokenSigner.from_file(registration_settings.signing_keys_file, issuer=ISSUER)
    async with app.router.lifespan_context(app), await open_pool(database, application="test", max_size=2) as pool:
        office = Office(app, signer, pool, clock)
        phone = new_phone()
        await office.volunteer(phone=phone)
        coordinator = await appointed(office, phone=phone)
        await appointed(office, "5001", role=Role.VOLUNTEER)
        query = "SELECT person_id, role, area, from_day, to_day, appointed_at, begun_at FROM appointment ORDER BY role"
        before = [tuple(row) for row in await pool.fetch(query)]
        await pool.execute(down)
        await pool.execute(up)
        assert [tuple(row) for row in await pool.fetch(query)] == before[:1]
        ended = await pool.fetchval("SELECT appointment_id FROM appointment")
        assert (await end(office, str(ended))).json()["volunteer_id"] == coordinator["volunteer_id"]
        await office.client.aclose()
    runtime.drop_database(database)
