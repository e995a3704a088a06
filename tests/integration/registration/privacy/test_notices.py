"""What people are told before they sign up, and that it is kept which version they were shown, and how."""

from uuid import UUID

from services.registration.privacy.notices import NOTICES
from tests.integration.registration.conftest import Office, new_phone
from tests.integration.registration.test_imports import send, table


async def told(office: Office, volunteer: str) -> tuple[str | None, str | None]:
    """The version that a person was shown, and how."""
    (row,) = await office.pool.fetch("SELECT notice, notice_shown FROM person WHERE person_id = $1", UUID(volunteer))
    return row["notice"], row["notice_shown"]


async def test_everybody_can_read_the_notice_in_both_languages(office: Office) -> None:
    answers = {}
    for language in ("th", "en"):
        answer = await office.client.get("/v1/notices/current", headers={"Accept-Language": language})
        assert answer.status_code == 200, answer.text
        answers[language] = answer.json()
    notice = NOTICES[-1]
    assert {one["version"] for one in answers.values()} == {notice.version}
    assert (answers["th"]["spoken"], answers["en"]["spoken"]) == (notice.spoken.th, notice.spoken.en)
    assert answers["th"]["text"] == [one.th for one in notice.text]
    versions = (await office.client.get("/v1/notices")).json()
    assert [one["version"] for one in versions] == [one.version for one in reversed(NOTICES)]


async def test_a_sign_up_says_which_version_was_shown(office: Office) -> None:
    shown = await office.sign_up(notice="2022-01")
    assert await told(office, shown.json()["volunteer_id"]) == ("2022-01", "page")
    silent = await office.sign_up()
    assert await told(office, silent.json()["volunteer_id"]) == (None, None)


async def test_a_version_that_never_was_is_refused(office: Office) -> None:
    phone = new_phone()
    answer = await office.sign_up(notice="2021-13", phone=phone)
    assert answer.status_code == 400
    assert [(one["path"], one["code"]) for one in answer.json()["errors"]] == [("notice", "unknown_notice")]
    organisation = await office.organisation()
    file = table([("สมหญิง ใจดี", phone, "", "500101")])
    roll = await send(office, organisation, file, mode="apply", notice="2021-13")
    assert (roll.status_code, roll.json()["errors"][0]["path"]) == (400, "notice")
    index = office.app.state.parts.index.of_phone(phone)
    assert await office.pool.fetchval("SELECT count(*) FROM person WHERE phone_index = $1", index) == 0


async def test_who_signs_up_again_is_shown_the_present_one(office: Office) -> None:
    phone = new_phone()
    first = (await office.sign_up(phone=phone)).json()["volunteer_id"]
    await office.ask("POST", f"/v1/volunteers/{first}/withdrawal", office.administrator, json={})
    again = (await office.sign_up(phone=phone, notice="2022-01")).json()["volunteer_id"]
    assert again == first
    assert await told(office, first) == ("2022-01", "page")


async def test_who_enters_others_says_how_they_were_told(office: Office) -> None:
    organisation = await office.organisation()
    body = {"organisation_id": organisation, "name": "ตา ไม่มีมือถือ", "phone": new_phone(), "area": "500101"}
    path = "/v1/volunteers/assisted"
    read_out = await office.ask("POST", path, office.administrator, json=body | {"notice": "2022-01"})
    assert await told(office, read_out.json()["volunteer_id"]) == ("2022-01", "spoken")
    silent = await office.ask("POST", path, office.administrator, json=body | {"phone": new_phone()})
    assert await told(office, silent.json()["volunteer_id"]) == (None, None)

    for notice, kept in (({"notice": "2022-01"}, ("2022-01", "roll")), ({}, (None, None))):
        phone = new_phone()
        roll = await send(office, organisation, table([("ก ข", phone, "", "500101")]), mode="apply", **notice)
        assert roll.json()["added"] == 1, roll.text
        index = office.app.state.parts.index.of_phone(phone)
        (row,) = await office.pool.fetch("SELECT notice, notice_shown FROM person WHERE phone_index = $1", index)
        assert tuple(row) == kept
