"""One-time codes, client credentials, refresh tokens, keys."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.registration.codes import hash_secret
from services.registration.store import sign_in
from services.registration.store.sign_in import SignIns
from services.registration.store.systems import Systems
from shared.contracts.events import Role
from shared.security.tokens import TokenVerifier
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import Office, Phones, new_phone

CODE = "urn:jitasa:one-time-code"


async def code_for(office: Office, phones: Phones, phone: str) -> str:
    assert (await office.ask("POST", "/v1/codes", json={"phone": phone})).status_code == 202
    message = await phones.next()
    assert message.phone == phone
    assert message.code is not None
    assert message.code in message.text
    return message.code


async def signed_in(office: Office, phones: Phones) -> tuple[str, str, str]:
    """A fresh volunteer's id, access token and refresh token."""
    phone = new_phone()
    volunteer = await office.volunteer(phone=phone)
    answer = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    assert answer.status_code == 200, answer.text
    return volunteer, answer.json()["access_token"], answer.json()["refresh_token"]


def refused(answer: httpx.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["error_description"].isascii()


async def test_a_volunteer_signs_in_by_phone(office: Office, phones: Phones) -> None:
    volunteer, access, refresh = await signed_in(office, phones)
    document = (await office.client.get("/.well-known/jwks.json")).content

    class Published:
        async def fetch(self) -> bytes:
            return document

    verifier = TokenVerifier("", ISSUER, source=Published(), now=lambda: office.clock.now().timestamp())
    principal = await verifier.verify(access)
    assert (str(principal.subject), principal.role, principal.area) == (volunteer, Role.VOLUNTEER, "500101")
    assert principal.organisation is not None
    shown = await office.ask("GET", f"/v1/volunteers/{volunteer}", access)
    assert shown.json()["phone_confirmed"] is True, "a code came to this phone"
    assert principal.expires_at == office.clock.now() + timedelta(minutes=15)
    assert refresh not in access


async def test_the_answer_has_the_form_of_the_rfc(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await office.volunteer(phone=phone)
    thai = "".join(chr(ord("๐") + int(digit)) for digit in await code_for(office, phones, phone))
    body = {"grant_type": CODE, "phone": f"+66 {phone[1:]}", "code": thai}
    answer = await office.client.post("/v1/tokens", json=body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 900)
    assert answer.headers["cache-control"] == "no-store"


async def test_an_unknown_phone_gets_the_same_answer_and_no_message(office: Office, phones: Phones) -> None:
    pending, known = new_phone(), new_phone()
    await office.volunteer(phone=pending, approved=False)
    await office.volunteer(phone=known)
    answers = [await office.ask("POST", "/v1/codes", json={"phone": phone}) for phone in (new_phone(), pending, known)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, '{"expires_in":300}')}
    assert (await phones.next()).phone == known
    assert phones.messages.empty()


async def test_a_code_is_good_once_and_for_five_minutes(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await office.volunteer(phone=phone)
    code = await code_for(office, phones, phone)
    answers = await asyncio.gather(*(office.tokens(grant_type=CODE, phone=phone, code=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    code = await code_for(office, phones, phone)
    office.clock.advance(timedelta(minutes=5))
    refused(await office.tokens(grant_type=CODE, phone=phone, code=code), "invalid_grant")


async def test_a_new_code_ends_the_one_before(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await office.volunteer(phone=phone)
    first = await code_for(office, phones, phone)
    second = await code_for(office, phones, phone)
    if first != second:
        refused(await office.tokens(grant_type=CODE, phone=phone, code=first), "invalid_grant")
    assert (await office.tokens(grant_type=CODE, phone=phone, code=second)).status_code == 200


async def test_five_wrong_guesses_end_a_code(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await office.volunteer(phone=phone)
    code = await code_for(office, phones, phone)
    wrong = f"{(int(code) + 1) % 10**6:06}"
    answers = await asyncio.gather(*(office.tokens(grant_type=CODE, phone=phone, code=wrong) for _ in range(5)))
    for answer in answers:
        refused(answer, "invalid_grant")
    refused(await office.tokens(grant_type=CODE, phone=phone, code=code), "invalid_grant")


async def test_a_code_belongs_to_its_phone(office: Office, phones: Phones) -> None:
    one, other = new_phone(), new_phone()
    await office.volunteer(phone=one)
    await office.volunteer(phone=other)
    await code_for(office, phones, other)
    code = await code_for(office, phones, one)
    refused(await office.tokens(grant_type=CODE, phone=other, code=code), "invalid_grant")


async def test_one_phone_gets_ten_codes_an_hour(office: Office) -> None:
    phone = new_phone()
    for _ in range(10):
        assert (await office.ask("POST", "/v1/codes", json={"phone": phone})).status_code == 202
    stopped = await office.client_at("192.0.2.1").post("/v1/codes", json={"phone": phone})
    assert (stopped.status_code, stopped.headers["Retry-After"]) == (429, "3600")
    office.clock.advance(timedelta(hours=1))
    assert (await office.ask("POST", "/v1/codes", json={"phone": phone})).status_code == 202


async def test_an_address_that_keeps_failing_is_stopped(office: Office) -> None:
    for _ in range(100):
        refused(await office.tokens(grant_type="refresh_token", refresh_token="x"), "invalid_grant")
    stopped = await office.tokens(grant_type="refresh_token", refresh_token="x")
    refused(stopped, "temporarily_unavailable", 429)
    assert 0 < int(stopped.headers["Retry-After"]) <= 600
    async with office.client_at("2001:db8::1") as elsewhere:
        assert (
            await elsewhere.post("/v1/tokens", data={"grant_type": "refresh_token", "refresh_token": "x"})
        ).status_code == 400


async def test_refresh_tokens_rotate(office: Office, phones: Phones) -> None:
    _, _, refresh = await signed_in(office, phones)
    for _ in range(3):
        office.clock.advance(timedelta(minutes=14))
        answer = await office.tokens(grant_type="refresh_token", refresh_token=refresh)
        assert answer.status_code == 200
        assert answer.json()["refresh_token"] != refresh
        refresh = answer.json()["refresh_token"]
    office.clock.advance(timedelta(days=30))
    refused(await office.tokens(grant_type="refresh_token", refresh_token=refresh), "invalid_grant")


async def test_a_lost_answer_signs_nobody_out(office: Office, phones: Phones) -> None:
    _, _, token = await signed_in(office, phones)
    for _ in range(2):
        await refreshed(office, token)  # which the phone never saw
        token = await refreshed(office, token)
    await refreshed(office, token)


async def test_a_token_whose_follower_was_used_ends_the_family(office: Office, phones: Phones) -> None:
    _, _, first = await signed_in(office, phones)
    second = await refreshed(office, first)
    third = await refreshed(office, second)
    await all_ended(office, first, third)


async def test_a_token_that_was_replaced_ends_the_family(office: Office, phones: Phones) -> None:
    """Somebody else used the token before: the two cannot both go on."""
    _, _, first = await signed_in(office, phones)
    replaced = await refreshed(office, first)
    second = await refreshed(office, first)
    await all_ended(office, replaced, second)


async def test_of_refreshes_at_once_one_can_go_on(office: Office, phones: Phones) -> None:
    _, _, token = await signed_in(office, phones)
    given = await asyncio.gather(*(refreshed(office, token) for _ in range(5)))
    unused = "SELECT count(*) FROM refresh_token WHERE follows = $1 AND used_at IS NULL"
    assert await office.pool.fetchval(unused, hash_secret(token)) == 1
    answers = [await office.tokens(grant_type="refresh_token", refresh_token=one) for one in given]
    assert sum(answer.status_code == 200 for answer in answers) <= 1


async def test_a_token_is_not_followed_for_ever(
    office: Office, phones: Phones, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "MOST_FOLLOWERS", 3)
    _, _, token = await signed_in(office, phones)
    for _ in range(3):
        last = await refreshed(office, token)
    await all_ended(office, token, last)


async def all_ended(office: Office, *tokens: str) -> None:
    """No refresh token of these is good any more."""
    for token in tokens:
        refused(await office.tokens(grant_type="refresh_token", refresh_token=token), "invalid_grant")


async def refreshed(office: Office, token: str) -> str:
    """The refresh token that is given for another."""
    answer = await office.tokens(grant_type="refresh_token", refresh_token=token)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["refresh_token"])


async def test_a_suspension_ends_every_way_in(office: Office, phones: Phones) -> None:
    phone = new_phone()
    volunteer = await office.volunteer(phone=phone)
    signed = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    waiting = await code_for(office, phones, phone)
    await office.suspend(volunteer)
    refused(await office.tokens(grant_type=CODE, phone=phone, code=waiting), "invalid_grant")
    refused(
        await office.tokens(grant_type="refresh_token", refresh_token=signed.json()["refresh_token"]), "invalid_grant"
    )
    assert (await office.ask("POST", "/v1/codes", json={"phone": phone})).status_code == 202
    await office.approve(volunteer)
    refused(
        await office.tokens(grant_type="refresh_token", refresh_token=signed.json()["refresh_token"]), "invalid_grant"
    )
    assert (
        await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    ).status_code == 200


async def test_a_new_role_comes_with_the_next_token(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await office.volunteer(phone=phone)
    signed = await office.tokens(grant_type=CODE, phone=phone, code=await code_for(office, phones, phone))
    body = {
        "name": "ผู้ประสานงาน",
        "phone": phone,
        "role": "district_coordinator",
        "area": "5001",
        "organisation_id": await office.organisation("50"),
    }
    assert (await office.ask("POST", "/v1/appointments", office.administrator, json=body)).status_code == 201
    answer = await office.tokens(grant_type="refresh_token", refresh_token=signed.json()["refresh_token"])
    token = answer.json()["access_token"]
    assert (await office.ask("GET", "/v1/volunteers", token)).status_code == 200


async def client(office: Office, **changes: Any) -> tuple[UUID, str]:
    arguments = {"name": "test", "role": Role.CENTRAL_ADMINISTRATOR, "area": "", "organisation_id": None} | changes
    return await Systems(office.pool).add(**arguments, now=office.clock.now())


async def test_a_program_signs_in_by_its_secret(office: Office) -> None:
    client_id, secret = await client(office)
    form = {"grant_type": "client_credentials", "client_id": str(client_id), "client_secret": secret}
    answer = await office.tokens(**form)
    assert (answer.status_code, set(answer.json())) == (200, {"access_token", "token_type", "expires_in"})
    assert (await office.ask("GET", "/v1/counts", answer.json()["access_token"])).status_code == 200
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    by_header = await office.client.post(
        "/v1/tokens", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {basic}"}
    )
    assert by_header.status_code == 200
    stored = await office.pool.fetchval("SELECT secret_hash FROM client WHERE client_id = $1", client_id)
    assert secret.encode() not in stored
    for changes in ({"client_secret": secret[:-1]}, {"client_id": str(uuid4())}, {"client_id": "me"}):
        answer = await office.tokens(**{**form, **changes})
        refused(answer, "invalid_client", 401)
        assert answer.headers["www-authenticate"] == "Basic"
    assert await Systems(office.pool).revoke(client_id, now=office.clock.now())
    refused(await office.tokens(**form), "invalid_client", 401)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_request"),
        ({"grant_type": CODE, "phone": "0812345678"}, "invalid_request"),
        ({"grant_type": CODE, "phone": "1", "code": "123456"}, "invalid_request"),
        ({"grant_type": CODE, "phone": "0812345678", "code": "12345"}, "invalid_grant"),
        ({"grant_type": "refresh_token", "refresh_token": "\ud800"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 501}, "invalid_request"),
        ({"grant_type": ["refresh_token"]}, "invalid_request"),
        ({"grant_type": None}, "invalid_request"),
        ([], "invalid_request"),
        ({str(number): "x" for number in range(30)}, "invalid_request"),
    ],
)
async def test_a_bad_token_request_is_refused_in_the_words_of_the_rfc(office: Office, body: Any, error: str) -> None:
    content = json.dumps(body).encode()
    answer = await office.client.post("/v1/tokens", content=content, headers={"Content-Type": "application/json"})
    refused(answer, error)


async def test_other_bad_token_requests(office: Office) -> None:
    for content, media_type in (
        (b"{", "application/json"),
        (b"[" * 50_000, "application/json"),
        (b"\xff", "application/x-www-form-urlencoded"),
        (b"grant_type=refresh_token&grant_type=refresh_token", "application/x-www-form-urlencoded"),
        (b"grant_type", "application/x-www-form-urlencoded"),
        (b"<x/>", "application/xml"),
    ):
        answer = await office.client.post("/v1/tokens", content=content, headers={"Content-Type": media_type})
        refused(answer, "invalid_request")
    huge = await office.client.post("/v1/tokens", content=b"x" * 70_000)
    assert huge.status_code == 413
    thai = await office.client.post("/v1/tokens", json={}, headers={"Accept-Language": "th"})
    assert thai.json()["message"] == "ต้องระบุ grant_type"


async def test_what_has_expired_is_swept_away(office: Office, phones: Phones) -> None:
    await signed_in(office, phones)
    phone = new_phone()
    await office.volunteer(phone=phone)
    await code_for(office, phones, phone)
    office.clock.advance(timedelta(days=366))  # beyond what other tests on this database have moved their clocks
    await SignIns(office.pool).sweep(now=office.clock.now())
    for table in ("one_time_code", "refresh_family", "refresh_token", "throttle"):
        assert await office.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
