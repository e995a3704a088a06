"""Another phone for somebody who is registered."""

from uuid import UUID

import httpx
import pytest

from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, Phones, new_phone
from tests.integration.registration.privacy.conftest import AREA, Known, done, rows


@pytest.fixture(autouse=True)
async def heard(known: Known, phones: Phones) -> None:
    """The code and the proof that he had asked for before have come."""
    waiting = {"code", "proof_code"}
    while waiting:
        message = await phones.next()
        waiting -= {name for name in waiting if getattr(message, name) is not None}


async def proof(office: Office, phones: Phones, phone: str) -> dict[str, str]:
    """A code that came to a phone, with the proof that it is for."""
    begun = await done(office, "POST", "/v1/phone-proofs", json={"phone": phone})
    while (message := await phones.next()).proof_code is None or message.phone != phone:
        pass
    return {"proof_id": begun["proof_id"], "code": message.proof_code}


async def change(office: Office, token: str, phone: str, proven: dict[str, str]) -> httpx.Response:
    return await office.ask("PUT", "/v1/me/phone", token, json={"phone": phone, **proven})


async def sign_in(office: Office, phones: Phones, phone: str) -> httpx.Response:
    """Tries to sign in with a phone."""
    await done(office, "POST", "/v1/codes", json={"phone": phone})
    while (message := await phones.next()).code is None or message.phone != phone:
        pass
    return await office.tokens(grant_type="urn:jitasa:one-time-code", phone=phone, code=message.code)


async def test_the_new_phone_opens_the_same_account_and_the_former_is_nobodys(
    office: Office, phones: Phones, known: Known
) -> None:
    former = (await sign_in(office, phones, known.phone)).json()
    trained = (await done(office, "GET", "/v1/me/copy", known.token(office)))["trainings"]
    phone = new_phone()
    answer = await change(office, known.token(office), phone, await proof(office, phones, phone))
    assert answer.status_code == 204, answer.text
    farewell = await phones.next()
    assert (farewell.phone, farewell.code, farewell.proof_code) == (known.phone, None, None)

    again = await office.tokens(grant_type="refresh_token", refresh_token=former["refresh_token"])
    assert again.status_code == 400, "whoever has the former phone is out"
    assert (await sign_in(office, phones, phone)).status_code == 200
    shown = await done(office, "GET", f"/v1/volunteers/{known.volunteer}", known.token(office))
    assert (shown["volunteer_id"], shown["phone"], shown["phone_confirmed"]) == (str(known.volunteer), phone, True)
    copy = await done(office, "GET", "/v1/me/copy", known.token(office))
    assert copy["trainings"] == trained, "he was trained by the former phone"

    left = await rows(office)
    index = office.app.state.parts.index.of_phone(known.phone).hex()
    assert [table for table, text in left.items() if index in text] == ["registration_help"], "he was called on it once"
    code = await office.group_code(known.organisation)
    assert (await office.sign_up(phone=known.phone, group_code=code, area=AREA)).status_code == 201
    people = await done(office, "GET", f"/v1/volunteers?phone={known.phone}", office.administrator)
    assert [one["volunteer_id"] for one in people["volunteers"]] != [str(known.volunteer)]


async def test_a_code_proves_one_phone_once_and_nobodys_phone_is_taken_away(
    office: Office, phones: Phones, known: Known
) -> None:
    his, phone = known.token(office), new_phone()
    proven = await proof(office, phones, phone)
    for wrong, path, code in (
        ((phone, proven | {"code": "000000" if proven["code"] != "000000" else "111111"}), "code", "wrong_code"),
        ((new_phone(), proven), "phone", "other_phone"),
        ((phone, proven), "code", "wrong_code"),  # it was taken by the one before
    ):
        answer = await change(office, his, *wrong)
        assert answer.status_code == 400, answer.text
        assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]
    held = new_phone()
    group = await office.group_code(known.organisation)
    await office.sign_up(phone=held, group_code=group, area=AREA)
    answer = await change(office, his, held, await proof(office, phones, held))
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_taken")
    shown = await done(office, "GET", f"/v1/volunteers/{known.volunteer}", his)
    assert shown["phone"] == known.phone, "nothing of it stays"

    answer = await change(
        office, office.token(Role.VOLUNTEER, AREA, UUID(int=5)), phone, await proof(office, phones, phone)
    )
    assert answer.status_code == 404, "who is not registered here has no phone to change"


async def test_the_same_phone_again_changes_nothing(office: Office, phones: Phones, known: Known) -> None:
    assert (await sign_in(office, phones, known.phone)).status_code == 200
    answer = await change(office, known.token(office), known.phone, await proof(office, phones, known.phone))
    assert answer.status_code == 204, answer.text
    assert (await sign_in(office, phones, known.phone)).status_code == 200
