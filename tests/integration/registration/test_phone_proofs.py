"""A citizen proves a phone, and what the token is good for."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from services.registration.settings import CODE_ATTEMPTS, PROOFS_PER_PHONE
from shared.contracts.events import Role
from shared.security.citizen_tokens import CitizenVerifier
from shared.security.citizens import Citizen, citizen_of
from shared.security.tokens import InvalidToken
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import Office, Phones, new_phone


async def begun(office: Office, phones: Phones, phone: str) -> tuple[UUID, str]:
    """A proof that waits for its code, and the code."""
    answer = await office.ask("POST", "/v1/phone-proofs", json={"phone": phone})
    assert (answer.status_code, answer.json()["expires_in"]) == (202, 300), answer.text
    message = await phones.next()
    assert message.proof_code is not None
    assert message.code is None, "nobody signs in with it"
    assert message.proof_code in message.text
    return UUID(answer.json()["proof_id"]), message.proof_code


async def redeemed(office: Office, proof_id: UUID, code: str) -> httpx.Response:
    return await office.ask("POST", f"/v1/phone-proofs/{proof_id}/token", json={"code": code})


def verifier(office: Office) -> CitizenVerifier:
    return CitizenVerifier("", ISSUER, source=office.signer, now=lambda: office.clock.now().timestamp())


def wrong(answer: httpx.Response) -> None:
    assert answer.status_code == 400, answer.text
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [("code", "wrong_code")]


async def test_a_proven_phone_is_one_citizen_in_any_spelling(office: Office, phones: Phones) -> None:
    phone, tokens = new_phone(), []
    for spelling in (phone, f"+66 {phone[1:]}"):
        proof_id, code = await begun(office, phones, spelling)
        thai = "".join(chr(ord("๐") + int(digit)) for digit in code)
        answer = await redeemed(office, proof_id, thai)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store"), answer.text
        tokens.append(answer.json()["access_token"])
    subject = citizen_of(office.app.state.parts.index, phone)
    expires_at = office.clock.now() + timedelta(hours=2)
    assert [await verifier(office).verify(token) for token in tokens] == [Citizen(subject, expires_at)] * 2
    assert subject.version == 8
    assert citizen_of(office.app.state.parts.index, new_phone()) != subject


async def test_people_s_and_citizens_tokens_open_nothing_of_each_other(office: Office, phones: Phones) -> None:
    token = (await redeemed(office, *await begun(office, phones, new_phone()))).json()["access_token"]
    refused = await office.ask("GET", "/v1/me", token)
    assert (refused.status_code, refused.json()["code"]) == (401, "token_wrong_audience")
    with pytest.raises(InvalidToken, match="token_wrong_audience"):
        await verifier(office).verify(office.token(Role.CENTRAL_ADMINISTRATOR, ""))
    office.clock.advance(timedelta(hours=2, minutes=1))
    with pytest.raises(InvalidToken, match="token_expired"):
        await verifier(office).verify(token)


async def test_a_code_is_good_once_and_for_five_minutes(office: Office, phones: Phones) -> None:
    proof_id, code = await begun(office, phones, new_phone())
    answers = await asyncio.gather(*(redeemed(office, proof_id, code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    proof_id, code = await begun(office, phones, new_phone())
    office.clock.advance(timedelta(minutes=5))
    wrong(await redeemed(office, proof_id, code))
    wrong(await redeemed(office, uuid4(), code))


async def test_after_five_guesses_the_right_code_is_good_no_more(office: Office, phones: Phones) -> None:
    proof_id, code = await begun(office, phones, new_phone())
    guess = "000000" if code != "000000" else "000001"
    for _ in range(CODE_ATTEMPTS):
        wrong(await redeemed(office, proof_id, guess))
    wrong(await redeemed(office, proof_id, code))


async def test_one_proof_is_not_another_s_and_neither_lies_open(office: Office, phones: Phones) -> None:
    phone = new_phone()
    (one, its_code), (other, code) = await begun(office, phones, phone), await begun(office, phones, new_phone())
    while code == its_code:  # once in a million
        other, code = await begun(office, phones, new_phone())
    wrong(await redeemed(office, one, code))
    row = await office.pool.fetchrow("SELECT * FROM phone_proof WHERE proof_id = $1", other)
    assert row is not None
    assert phone not in str(row)
    assert code not in str(row)


async def test_an_sms_bomber_is_stopped(office: Office, phones: Phones) -> None:
    phone = new_phone()
    for _ in range(PROOFS_PER_PHONE.times):
        await begun(office, phones, phone)
    refused = await office.ask("POST", "/v1/phone-proofs", json={"phone": phone})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert phones.messages.empty()


async def test_guessing_from_one_address_is_stopped(office: Office, phones: Phones) -> None:
    proof_id, code = await begun(office, phones, new_phone())
    for _ in range(100):
        wrong(await redeemed(office, uuid4(), code))
    assert (await redeemed(office, proof_id, code)).status_code == 429


async def test_old_proofs_are_swept(office: Office, phones: Phones) -> None:
    proof_id, _ = await begun(office, phones, new_phone())
    office.clock.advance(timedelta(minutes=6))
    await office.app.state.parts.sign_ins.sweep(now=office.clock.now())
    assert not await office.pool.fetchval("SELECT count(*) FROM phone_proof WHERE proof_id = $1", proof_id)
