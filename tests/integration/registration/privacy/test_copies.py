"""The copy of everything that registration holds about somebody, and the correction of his name."""

from uuid import UUID, uuid4

from services.registration.settings import COPIES_PER_PERSON
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office
from tests.integration.registration.privacy.conftest import AREA, NAME, NOTE, TEXT, TITLE, Known, done


async def test_the_copy_has_all_that_is_held_and_names_nobody_else(office: Office, known: Known) -> None:
    answer = await office.ask("GET", "/v1/me/copy", known.token(office))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    copy = answer.json()
    person = copy["person"]
    assert (person["person_id"], person["name"], person["phone"]) == (str(known.volunteer), NAME, known.phone)
    assert (person["notice"], person["notice_shown"], person["national_id_hashed"]) == ("2022-01", "page", True)
    assert (person["group_code"], person["erased_at"]) == (known.code, None)
    assert [(one["step"], one["reason_kept"]) for one in copy["decisions"]] == [
        ("approval", False),
        ("suspension", True),
    ]
    assert [one["organisation"] for one in copy["contact_of"]] == ["องค์การบริหารส่วนตำบล"]
    assert [(one["state"], one["signed_up_as"]) for one in copy["trainings"]] == [("placed", None), ("placed", NAME)]
    assert [one["completed_at"] is not None for one in copy["trainings"]] == [False, True]
    assert [one["outcome"] for one in copy["help_with_registering"]] == [None]
    assert [one["used_last_at"] is not None for one in copy["sign_ins"]] == [True]
    assert [(one["title"], one["text"]) for one in copy["problems"]] == [(TITLE, TEXT)] * 2
    (pictured,) = (one for one in copy["problems"] if one["pictures"])
    notes = [(step["kind"], step["note"], step["by_oneself"]) for step in pictured["steps"]]
    assert notes == [("raised", None, True), ("answered", "ล้างแคช", False), ("reopened", NOTE, True)]
    assert [one["purpose"] for one in copy["read_by"]].count("volunteer") == 1
    assert copy["cut_short"] == []
    others = "SELECT decided_by::text FROM decision WHERE person_id = $1"
    for row in await office.pool.fetch(others, known.volunteer):
        assert row["decided_by"] not in answer.text, "who decided is theirs"
    assert "wrapped" not in answer.text


async def test_the_copy_can_be_printed_in_both_languages(office: Office, known: Known) -> None:
    for language, word in (("th", "ปัญหาที่แจ้ง"), ("en", "Problems reported")):
        headers = {"Authorization": f"Bearer {known.token(office)}", "Accept-Language": language}
        answer = await office.client.get("/v1/me/copy?form=html", headers=headers)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert word in answer.text
        assert NAME in answer.text
        assert known.phone in answer.text


async def test_reading_oneself_is_nobody_s_reading_and_staff_s_is_recorded(office: Office, known: Known) -> None:
    read = "SELECT reader FROM personal_data_access WHERE purpose = 'copy handed over' AND persons @> ARRAY[$1::uuid]"
    await done(office, "GET", "/v1/me/copy", known.token(office))
    assert await office.pool.fetch(read, known.volunteer) == []
    by = uuid4()
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, AREA, by)
    path = f"/v1/volunteers/{known.volunteer}/copy"
    assert (await done(office, "GET", path, coordinator))["person"]["name"] == NAME
    assert [row["reader"] for row in await office.pool.fetch(read, known.volunteer)] == [by]
    copy = await done(office, "GET", "/v1/me/copy", known.token(office))
    assert copy["read_by"][0]["purpose"] == "copy handed over"
    neighbour = office.token(Role.SUBDISTRICT_COORDINATOR, "500102")
    assert (await office.ask("GET", path, neighbour)).status_code == 404
    assert (await office.ask("GET", path, office.token(Role.VOLUNTEER, AREA))).status_code == 403


async def test_after_an_erasure_a_copy_holds_ids_and_dates(office: Office, known: Known) -> None:
    await done(office, "POST", "/v1/me/erasure", known.token(office), json={"confirmed": True})
    copy = await done(office, "GET", f"/v1/volunteers/{known.volunteer}/copy", office.administrator)
    assert (copy["person"]["name"], copy["person"]["phone"]) == (None, None)
    assert copy["person"]["erased_at"] is not None
    assert not any(one in str(copy) for one in (known.phone, TITLE, NOTE))


async def test_copies_are_bounded(office: Office, known: Known) -> None:
    statuses = [
        (await office.ask("GET", "/v1/me/copy", known.token(office))).status_code
        for _ in range(COPIES_PER_PERSON.times + 1)
    ]
    assert statuses == [200] * COPIES_PER_PERSON.times + [429]


async def test_a_name_is_corrected_by_its_own(office: Office, known: Known) -> None:
    renamed = await office.ask("PATCH", "/v1/me", known.token(office), json={"name": "บุษบา ใจงาม"})
    assert renamed.status_code == 204, renamed.text
    found = await done(office, "GET", "/v1/volunteers", office.administrator, params={"name": "บุษบา", "area": AREA})
    assert [one["volunteer_id"] for one in found["volunteers"]] == [str(known.volunteer)]
    before = await done(office, "GET", "/v1/volunteers", office.administrator, params={"name": NAME, "area": AREA})
    assert str(known.volunteer) not in str(before)
    bad = await office.ask("PATCH", "/v1/me", known.token(office), json={"name": "12345"})
    assert (bad.status_code, bad.json()["errors"][0]["path"]) == (400, "name")
    nobody = office.token(Role.VOLUNTEER, AREA, UUID(int=5))
    assert (await office.ask("PATCH", "/v1/me", nobody, json={"name": "บุษบา ใจงาม"})).status_code == 404
