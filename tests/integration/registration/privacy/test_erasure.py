"""What an erasure leaves of a person: nothing readable, no hash that leads to him, and the ids and dates of figures."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registration.privacy.erasure import REASON_KEPT
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, Phones, new_phone
from tests.integration.registration.privacy.conftest import (
    AREA,
    NAME,
    NOTE,
    REASON,
    TITLE,
    Known,
    done,
    rows,
)
from tests.integration.registration.test_coordinators import appointed

CONFIRMED = {"confirmed": True}


async def erase_own(office: Office, token: str) -> Any:
    return await office.ask("POST", "/v1/me/erasure", token, json=CONFIRMED)


async def erase_for(office: Office, volunteer: Any, token: str | None = None) -> Any:
    path = f"/v1/volunteers/{volunteer}/erasure"
    return await office.ask("POST", path, token or office.administrator, json={"reason": REASON})


async def keys_of(office: Office, known: Known) -> list[bytes]:
    """Every wrapped data key under which something of his is sealed, as rows show it."""
    statement = """
SELECT wrapped_key FROM sealed_field WHERE person_id = $1
UNION ALL
SELECT wrapped_key FROM problem_field AS f JOIN problem AS p USING (problem_id)
WHERE p.raised_by = $1 AND (f.field NOT LIKE 'note.%' OR p.problem_id = $2)
UNION ALL
SELECT wrapped_key FROM problem_attachment AS a JOIN problem AS p USING (problem_id) WHERE p.raised_by = $1
UNION ALL
SELECT wrapped_key FROM training_sign_up_field AS f JOIN training_sign_up AS u USING (sign_up_id)
WHERE u.phone_index = $3
UNION ALL
SELECT wrapped_key FROM registration_help WHERE phone_index = $3
"""
    index = office.app.state.parts.index.of_phone(known.phone)
    found = await office.pool.fetch(statement, known.volunteer, UUID(known.ticket), index)
    assert len(found) >= 11, "name, phone, reason, two tickets' words, a picture, a guest's name and phone, help"
    return [row["wrapped_key"].hex().encode() for row in found]


async def test_nothing_of_an_erased_person_can_be_read_or_found(office: Office, known: Known) -> None:
    before = await rows(office)
    canaries, keys = known.canaries(office), await keys_of(office, known)
    tokens = await office.pool.fetchval("SELECT name_tokens FROM person WHERE person_id = $1", known.volunteer)
    index, citizen = canaries[-2], canaries[-4]
    knew = {table for table, text in before.items() if index in text.encode()}
    assert knew >= {"person", "training_sign_up", "training_completion", "registration_help", "one_time_code"}
    assert any(citizen in text.encode() for text in before.values()), "his phone is being proven"
    answer = await erase_own(office, known.token(office))
    assert answer.status_code == 200, answer.text
    after = await rows(office)
    left = {
        (table, wanted) for table, text in after.items() for wanted in (*canaries, *keys) if wanted in text.encode()
    }
    assert left == set()
    found = "SELECT count(*) FROM person WHERE name_tokens && $1::bigint[] AND person_id = $2"
    assert await office.pool.fetchval(found, tokens, known.volunteer) == 0
    (person,) = await office.pool.fetch("SELECT * FROM person WHERE person_id = $1", known.volunteer)
    emptied = ("phone_index", "national_id_index", "group_code", "phone_confirmed_at")
    assert [person[name] for name in emptied] == [None] * 4
    acting = "SELECT count(*) FROM organisation_contact WHERE person_id = $1 AND (valid_to IS NULL OR valid_to > $2)"
    assert await office.pool.fetchval(acting, known.volunteer, office.clock.now()) == 0
    # What figures and the law need: ids and dates.
    assert (person["status"], person["area"], person["notice"]) == ("withdrawn", AREA, "2022-01")
    for table in ("decision", "training_completion", "organisation_contact", "problem", "personal_data_access"):
        assert str(known.volunteer) in after[table], table
    for table in ("sealed_field", "active_day", "sign_up_code", "refresh_family"):
        assert str(known.volunteer) not in after[table], table


async def test_the_world_is_told_that_he_has_withdrawn_once(office: Office, known: Known) -> None:
    answers = await asyncio.gather(*(erase_own(office, known.token(office)) for _ in range(4)))
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    events = await office.events(str(known.volunteer))
    assert [event["status"] for event in events][-2:] == ["approved", "withdrawn"]
    office.clock.advance(timedelta(hours=1))
    again = await erase_own(office, known.token(office))
    assert again.json() == answers[0].json(), "the first time stands"
    assert len(await office.events(str(known.volunteer))) == len(events)
    steps = await office.pool.fetch(
        "SELECT decided_by FROM decision WHERE person_id = $1 AND step = 'erasure'", known.volunteer
    )
    assert [row["decided_by"] for row in steps] == [known.volunteer]


async def test_his_ways_in_end_and_the_phone_is_free_for_a_new_person(office: Office, known: Known) -> None:
    await erase_own(office, known.token(office))
    renamed = await office.ask("PATCH", "/v1/me", known.token(office), json={"name": NAME})
    assert renamed.status_code == 404, "nothing readable comes back while a token lives"
    assert NAME.split()[0] not in str(await rows(office))
    again = await office.sign_up(phone=known.phone, national_id=known.national_id)
    assert again.json()["volunteer_id"] != str(known.volunteer)
    kept = "SELECT count(*) FROM person WHERE person_id = $1"
    assert await office.pool.fetchval(kept, UUID(again.json()["volunteer_id"])) == 1


async def test_nobody_brings_an_erased_person_back(office: Office, known: Known) -> None:
    await erase_own(office, known.token(office))
    for step in ("approval", "suspension"):
        path, body = f"/v1/volunteers/{known.volunteer}/{step}", {"reason": "x"} if step == "suspension" else None
        answer = await office.ask("POST", path, office.administrator, json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "withdrawn")
    shown = await done(office, "GET", f"/v1/volunteers/{known.volunteer}", office.administrator)
    assert (shown["name"], shown["phone"], shown["status"]) == (None, None, "withdrawn")
    assert [one["reason"] for one in shown["decisions"]] == [None] * len(shown["decisions"])
    assert (shown["erasure"]["erased_by"], shown["erasure"]["reason"]) == (str(known.volunteer), None)


async def test_tickets_lose_his_words_and_others_keep_their_answer(office: Office, known: Known) -> None:
    await erase_own(office, known.token(office))
    alone = await done(office, "GET", f"/v1/problems/{known.ticket}", office.administrator)
    assert (alone["state"], alone["title"], alone["text"], alone["answer"]) == ("closed", None, None, None)
    assert alone["attachments"] == []
    assert [step["kind"] for step in alone["history"]][-1] == "closed"
    followed = await done(office, "GET", f"/v1/problems/{known.survivor}", office.administrator)
    assert (followed["state"], followed["title"], followed["answer"]) == ("open", None, "ล้างแคช")
    assert NOTE not in str(followed)
    similar = await done(office, "GET", "/v1/problems/similar", office.administrator, params={"text": TITLE})
    assert known.survivor not in str(similar)


async def test_his_place_goes_to_who_waits(office: Office, known: Known, phones: Phones) -> None:
    waiting = new_phone()
    path = f"/v1/trainings/sessions/{known.coming}/sign-ups"
    queued = await done(office, "POST", path, json={"name": "มานี", "phone": waiting})
    assert queued["state"] == "waiting"
    await erase_own(office, known.token(office))
    states = await office.pool.fetch(
        "SELECT state FROM training_sign_up WHERE session_id = $1 ORDER BY number", UUID(known.coming)
    )
    assert [row["state"] for row in states] == ["cancelled", "placed"]
    while "Surveying" not in (message := await phones.next()).text:
        pass
    assert message.phone == waiting


async def test_only_who_means_it_is_erased(office: Office, known: Known) -> None:
    for body, path in (({}, "confirmed"), ({"confirmed": False}, "confirmed")):
        answer = await office.ask("POST", "/v1/me/erasure", known.token(office), json=body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)
    program = office.token(Role.EXTERNAL_SYSTEM, "")
    assert (await erase_own(office, program)).status_code == 404
    assert await office.pool.fetchval("SELECT count(*) FROM sealed_field WHERE person_id = $1", known.volunteer) > 0


async def test_an_office_ends_with_its_holder(office: Office) -> None:
    coordinator = UUID(await appointed(office, AREA))
    token = office.token(Role.SUBDISTRICT_COORDINATOR, AREA, coordinator)
    assert (await erase_own(office, token)).status_code == 200
    (ended,) = await office.pool.fetch("SELECT ended_at, ended_by FROM appointment WHERE person_id = $1", coordinator)
    assert tuple(ended) == (office.clock.now(), coordinator)
    assert (await office.events(str(coordinator)))[-1]["status"] == "withdrawn"


async def central_administrator(office: Office) -> UUID:
    """A person in the centre's highest office; the tests' own administrators are tokens without a person."""
    coordinator = UUID(await appointed(office, AREA))
    set_role = "UPDATE person SET role = 'central_administrator', area = '' WHERE person_id = $1"
    await office.pool.execute(set_role, coordinator)
    return coordinator


async def test_the_last_administrator_has_to_be_replaced_first(office: Office) -> None:
    await office.pool.execute("UPDATE person SET status = 'withdrawn' WHERE role = 'central_administrator'")
    two = [await central_administrator(office) for _ in range(2)]
    tokens = [office.token(Role.CENTRAL_ADMINISTRATOR, "", one) for one in two]
    # Both at once: one of them stays.
    answers = await asyncio.gather(*(erase_own(office, token) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "last_administrator"
    standing = "SELECT count(*) FROM person WHERE role = 'central_administrator' AND status = 'approved'"
    assert await office.pool.fetchval(standing) == 1


async def test_staff_erase_at_a_written_request_and_the_reason_is_kept_sealed(office: Office, known: Known) -> None:
    by = uuid4()
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, AREA, by)
    answer = await erase_for(office, known.volunteer, coordinator)
    assert answer.status_code == 200, answer.text
    again = await erase_for(office, known.volunteer, office.administrator)
    assert again.json() == answer.json()
    canaries = known.canaries(office)
    assert not any(one in text.encode() for text in (await rows(office)).values() for one in canaries)
    shown = await done(office, "GET", f"/v1/volunteers/{known.volunteer}", office.administrator)
    assert (shown["erasure"]["erased_by"], shown["erasure"]["reason"]) == (str(by), REASON)
    sealed = "SELECT num_nonnulls(key_id, wrapped_key, ciphertext) FROM person_erasure WHERE person_id = $1"
    erasures = office.app.state.parts.erasures
    await erasures.sweep(now=office.clock.now() + REASON_KEPT - timedelta(seconds=1))
    assert await office.pool.fetchval(sealed, known.volunteer) == 3
    await erasures.sweep(now=office.clock.now() + REASON_KEPT)
    assert await office.pool.fetchval(sealed, known.volunteer) == 0


async def test_staff_erase_in_their_area_and_below_their_rank_alone(office: Office, known: Known) -> None:
    neighbour = office.token(Role.SUBDISTRICT_COORDINATOR, "500102")
    assert (await erase_for(office, known.volunteer, neighbour)).status_code == 404
    assert (await erase_for(office, known.volunteer, office.token(Role.VOLUNTEER, AREA))).status_code == 403
    colleague = await appointed(office, AREA)
    beside = office.token(Role.SUBDISTRICT_COORDINATOR, AREA)
    answer = await erase_for(office, colleague, beside)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_below")
    empty = {"json": {"reason": " "}}
    path = f"/v1/volunteers/{known.volunteer}/erasure"
    assert (await office.ask("POST", path, office.administrator, **empty)).status_code == 400
    # Whoever has left holds no rank any more.
    await office.ask("POST", f"/v1/volunteers/{colleague}/withdrawal", office.administrator, json={})
    assert (await erase_for(office, colleague, beside)).status_code == 200


@pytest.mark.parametrize("status", ["pending", "withdrawn"])
async def test_who_cannot_sign_in_is_erased_by_staff(office: Office, status: str) -> None:
    volunteer = await office.volunteer(approved=False)
    if status == "withdrawn":
        await office.ask("POST", f"/v1/volunteers/{volunteer}/withdrawal", office.administrator, json={})
    before = len(await office.events(volunteer))
    assert (await erase_for(office, volunteer)).status_code == 200
    events = await office.events(volunteer)
    assert events[-1]["status"] == "withdrawn"
    assert len(events) == before + (status == "pending")
    sealed = "SELECT count(*) FROM sealed_field WHERE person_id = $1"
    assert await office.pool.fetchval(sealed, UUID(volunteer)) == 0


async def test_who_is_suspended_is_erased_at_a_written_request_alone(office: Office) -> None:
    volunteer = await office.volunteer(AREA)
    his = office.token(Role.VOLUNTEER, AREA, UUID(volunteer))
    await office.suspend(volunteer)
    refused = await erase_own(office, his)
    assert (refused.status_code, refused.json()["code"]) == (409, "suspended")
    assert [event["status"] for event in await office.events(volunteer)] == ["pending", "approved", "suspended"]
    assert (await erase_for(office, volunteer)).status_code == 200
