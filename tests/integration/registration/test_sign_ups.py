"""The proof of a sign-up's phone, signing up with help, and the messages of a machine without a provider."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registration.settings import RegistrationSettings
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, Phones, new_phone


async def confirm(office: Office, volunteer: str, code: str) -> Any:
    return await office.ask("POST", f"/v1/volunteers/{volunteer}/phone-confirmation", json={"code": code})


async def signed_up(office: Office, phones: Phones) -> tuple[str, str]:
    """A fresh volunteer's id and the code that came."""
    phone = new_phone()
    answer = await office.sign_up(phone=phone)
    message = await phones.next(sign_ups=True)
    assert message.phone == phone
    assert message.code is None, "it opens no sign-in"
    assert message.confirmation_code is not None
    assert message.confirmation_code in message.text
    return str(answer.json()["volunteer_id"]), message.confirmation_code


async def confirmed(office: Office, volunteer: str) -> bool:
    answer = await office.ask("GET", f"/v1/volunteers/{volunteer}", office.administrator)
    return bool(answer.json()["phone_confirmed"])


async def test_a_phone_is_confirmed_once_by_the_code_that_came(office: Office, phones: Phones) -> None:
    volunteer, code = await signed_up(office, phones)
    assert not await confirmed(office, volunteer)
    thai = " ".join(chr(ord("๐") + int(digit)) for digit in code)
    answers = await asyncio.gather(*(confirm(office, volunteer, thai) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [204, 400, 400]
    assert await confirmed(office, volunteer)
    kept = await office.pool.fetchval("SELECT count(*) FROM sign_up_code WHERE person_id = $1", UUID(volunteer))
    assert kept == 0


async def test_codes_are_hashed_end_and_cannot_be_guessed(office: Office, phones: Phones) -> None:
    volunteer, code = await signed_up(office, phones)
    row = await office.pool.fetchval(
        "SELECT to_jsonb(c)::text FROM sign_up_code AS c WHERE person_id = $1", UUID(volunteer)
    )
    assert code not in row
    wrong = f"{(int(code) + 1) % 10**6:06}"
    for _ in range(5):
        assert (await confirm(office, volunteer, wrong)).status_code == 400
    assert (await confirm(office, volunteer, code)).status_code == 429
    other, late = await signed_up(office, phones)
    assert (await confirm(office, volunteer, late)).status_code == 429
    office.clock.advance(timedelta(minutes=5))
    assert (await confirm(office, other, late)).status_code == 400, "it has expired"


async def test_an_id_that_belongs_to_nobody_is_answered_alike(office: Office, phones: Phones) -> None:
    volunteer, code = await signed_up(office, phones)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    nobody = str(uuid4())
    for _ in range(6):
        ours, others = await confirm(office, volunteer, wrong), await confirm(office, nobody, wrong)
        assert (ours.status_code, ours.text) == (others.status_code, others.text)
    assert ours.status_code == 429
    assert (await confirm(office, "x", wrong)).status_code == 400


async def test_guessing_from_one_address_is_stopped(office: Office) -> None:
    for _ in range(100):
        assert (await confirm(office, str(uuid4()), "123456")).status_code == 400
    assert (await confirm(office, str(uuid4()), "123456")).status_code == 429


async def test_a_phone_gets_a_bounded_number_of_messages(office: Office, phones: Phones) -> None:
    phone, code = new_phone(), await office.group_code()
    for _ in range(12):
        await office.sign_up(phone=phone, group_code=code)
    other = new_phone()
    await office.sign_up(phone=other, group_code=code)
    numbers = []
    while (message := await phones.next(sign_ups=True)).phone != other:
        numbers.append(message.phone)
    assert 0 < len(numbers) <= 11, "the code, and ten times that the phone is registered"


async def test_a_sign_up_leaves_a_phone_as_many_codes_whether_it_was_known_or_not(
    office: Office, phones: Phones
) -> None:
    known, new, code = new_phone(), new_phone(), await office.group_code()
    await office.sign_up(phone=known, group_code=code)
    for phone in (known, new):
        await office.sign_up(phone=phone, group_code=code)
    while (await phones.next(sign_ups=True)).phone != new:
        pass
    for phone in (known, new):
        answers = [await office.ask("POST", "/v1/codes", json={"phone": phone}) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [202] * 10 + [429]


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"phone": "+44 7700 900123"}, "phone", "mobile_foreign"),
        ({"phone": "0044 7700 900123"}, "phone", "mobile_foreign"),
        ({"phone": "๐๒-๑๒๓-๔๕๖๗"}, "phone", "mobile_malformed"),
        ({"name": "สม\u0007ชาย"}, "name", "control_characters"),
        ({"name": "\u200b\u200d"}, "name", "too_short"),
        ({"name": "12345"}, "name", "no_letters"),
        ({"name": '=HYPERLINK("x")'}, "name", "formula"),
    ],
)
async def test_what_cannot_be_a_person_is_named(office: Office, changes: dict[str, str], path: str, code: str) -> None:
    answer = await office.sign_up(**changes)
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]


async def test_names_lose_what_cannot_be_seen(office: Office) -> None:
    answer = await office.sign_up(name=" สม\u200bหญิง \u202e\u00a0  ใจ\ufeffดี\u200d ", phone="+66 81 555 0001")
    shown = await office.ask("GET", f"/v1/volunteers/{answer.json()['volunteer_id']}", office.administrator)
    assert (shown.json()["name"], shown.json()["phone"]) == ("สมหญิง ใจดี", "0815550001")


async def assist(office: Office, token: str, **changes: Any) -> Any:
    body = {"name": "ตา ไม่มีมือถือ", "phone": new_phone(), "area": "720101"} | changes
    return await office.ask("POST", "/v1/volunteers/assisted", token, json=body)


async def test_a_coordinator_signs_somebody_up(office: Office, phones: Phones) -> None:
    organisation = await office.organisation("72")
    helper = uuid4()
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, "720101", helper)
    waiting = await assist(office, coordinator, organisation_id=organisation)
    phone = new_phone()
    at_once = await assist(office, coordinator, organisation_id=organisation, approve=True, phone=phone)
    assert (waiting.status_code, waiting.json()["status"]) == (201, "pending")
    assert (at_once.status_code, at_once.json()["status"]) == (201, "approved")
    volunteer = at_once.json()["volunteer_id"]
    events = await office.events(volunteer)
    assert [(event["status"], event["before"]) for event in events] == [("approved", None)]
    shown = (await office.ask("GET", f"/v1/volunteers/{volunteer}", coordinator)).json()
    assert shown["assisted_by"] == str(helper)
    assert [(one["step"], one["decided_by"]) for one in shown["decisions"]] == [("assisted_sign_up", str(helper))]
    while (message := await phones.next(sign_ups=True)).phone != phone:
        pass
    assert (await confirm(office, volunteer, message.confirmation_code or "")).status_code == 204
    again = await assist(office, coordinator, organisation_id=organisation, phone=phone)
    assert (again.status_code, again.json()["code"]) == (409, "already_registered")
    assert (await assist(office, coordinator, organisation_id=organisation, area="720102")).status_code == 403
    assert (await assist(office, coordinator, organisation_id=str(uuid4()))).status_code == 400
    elsewhere = await office.organisation("73")
    outside = await assist(office, coordinator, organisation_id=elsewhere)
    assert outside.json()["errors"][0]["code"] == "outside_organisation"
    volunteers = office.token(Role.VOLUNTEER, "720101")
    assert (await assist(office, volunteers, organisation_id=organisation)).status_code == 403


async def test_the_sink_is_shown_to_who_sits_at_the_machine(
    office: Office, registration_settings: RegistrationSettings
) -> None:
    sink = registration_settings.sms_sink_file
    assert sink is not None
    async with office.client_at("127.0.0.1") as here:
        here.base_url = "http://127.0.0.1:8101"
        assert (await here.get("/v1/sms-sink")).json() == {"messages": []}
        lines = [
            {"phone": new_phone(), "text": f"ข้อความ {number}", "code": None, "at": "2022-02-05T03:00:00+00:00"}
            for number in range(120)
        ]
        sink.write_text('{"cut off\n' + "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
        messages = (await here.get("/v1/sms-sink")).json()["messages"]
        assert [message["text"] for message in messages] == [f"ข้อความ {number}" for number in range(119, 19, -1)]
        proxied = await here.get("/v1/sms-sink", headers={"X-Forwarded-For": "203.0.113.5"})
        assert proxied.status_code == 404
        led_here = await here.get("/v1/sms-sink", headers={"Host": "printer.example:8101"})
        assert led_here.status_code == 404
    assert (await office.ask("GET", "/v1/sms-sink", office.administrator)).status_code == 404
