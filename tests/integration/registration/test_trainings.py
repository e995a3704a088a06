"""Training: courses, versions of materials, places and the waiting list, attendance, and who is trained."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.registration.domain.trainings import CODE_AFTER, CODE_BEFORE, Policy
from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from services.registration.store.trainings.sign_ups import KEEP_CONTACTS
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.tokens import TokenSigner
from tests.integration.conftest import ISSUER
from tests.integration.registration.conftest import START, Barred, Office, Phones, new_phone

PDF = b"%PDF-1.7\n" + b"x" * 1000 + b"\n%%EOF\n"
BEGINS = START + timedelta(days=2)
ENDS = BEGINS + timedelta(hours=3)


class School:
    """Who teaches in province 50, and who learns."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.holder_id = uuid4()

    @property
    def administrator(self) -> str:
        """A fresh token: the clock moves."""
        return self.office.token(Role.PROVINCE_ADMINISTRATOR, "50")

    @property
    def holder(self) -> str:
        """The subdistrict's coordinator, who gathers people."""
        return self.office.token(Role.SUBDISTRICT_COORDINATOR, "500101", self.holder_id)

    def learner(self, person: UUID | None = None, area: str = "500101") -> str:
        """A volunteer's token."""
        return self.office.token(Role.VOLUNTEER, area, person)

    async def course(self, **changes: Any) -> str:
        """A new course's id."""
        body = {"title_th": "การบันทึกแบบสำรวจ", "title_en": "Recording surveys", "audience": "partners"} | changes
        answer = await self.office.ask("POST", "/v1/trainings/courses", self.administrator, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["course_id"])

    async def session(self, course: str | None = None, **changes: Any) -> str:
        """A new session's id."""
        body = {
            "course_id": course or await self.course(),
            "place": "ศาลาประชาคม",
            "begins_at": BEGINS.isoformat(),
            "ends_at": ENDS.isoformat(),
            "capacity": 2,
        } | changes
        answer = await self.office.ask("POST", "/v1/trainings/sessions", self.holder, json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["session_id"])

    async def sign_up(self, session: str, token: str | None = None, **guest: str) -> httpx.Response:
        """A sign-up."""
        return await self.office.ask(
            "POST", f"/v1/trainings/sessions/{session}/sign-ups", token, **({"json": guest} if guest else {})
        )

    async def code(self, session: str) -> str:
        """The code on the board."""
        answer = await self.office.ask("GET", f"/v1/trainings/sessions/{session}/attendance-code", self.holder)
        return str(answer.json()["code"])

    async def attend(self, session: str, token: str | None = None, **body: str) -> httpx.Response:
        """An attendance, with the right code unless another is given."""
        body = {"code": await self.code(session)} | body
        return await self.office.ask("POST", f"/v1/trainings/sessions/{session}/attendance", token, json=body)

    async def states(self, session: str) -> list[str]:
        """Who has a place and who waits, in order."""
        rows = await self.office.pool.fetch(
            "SELECT state FROM training_sign_up WHERE session_id = $1 ORDER BY number", UUID(session)
        )
        return [row["state"] for row in rows]

    def go_to(self, moment: datetime) -> None:
        """Move the clock."""
        self.office.clock.advance(moment - self.office.clock.now())


@pytest.fixture
def school(office: Office) -> School:
    """The school."""
    return School(office)


async def test_of_many_at_once_as_many_get_a_place_as_there_are(school: School) -> None:
    session = await school.session(capacity=7)
    answers = await asyncio.gather(*(school.sign_up(session, school.learner()) for _ in range(40)))
    assert {answer.status_code for answer in answers} == {201}
    states = [answer.json()["state"] for answer in answers]
    assert (states.count("placed"), states.count("waiting")) == (7, 33)
    assert await school.states(session) == ["placed"] * 7 + ["waiting"] * 33


async def test_places_move_up_in_order_however_many_leave_and_come_at_once(school: School) -> None:
    session = await school.session(capacity=5)
    people = [uuid4() for _ in range(20)]
    for person in people:
        assert (await school.sign_up(session, school.learner(person))).status_code == 201
    mine = f"/v1/trainings/sessions/{session}/sign-ups/mine"
    leaving, staying = people[:4] + people[6:12:2], people[4:6] + people[7:12:2] + people[12:]
    answers = await asyncio.gather(
        *(school.office.ask("DELETE", mine, school.learner(person)) for person in leaving),
        *(school.sign_up(session, school.learner()) for _ in range(10)),
    )
    assert {answer.status_code for answer in answers} == {204, 201}
    rows = await school.office.pool.fetch(
        "SELECT person_id, state FROM training_sign_up WHERE session_id = $1 AND state <> 'cancelled' ORDER BY number",
        UUID(session),
    )
    assert [row["person_id"] for row in rows][: len(staying)] == staying
    assert [row["state"] for row in rows] == ["placed"] * 5 + ["waiting"] * (len(rows) - 5)
    # Who left stands last when he comes back.
    assert (await school.sign_up(session, school.learner(leaving[0]))).json()["state"] == "waiting"
    assert (await school.office.ask("DELETE", mine, school.learner(leaving[1]))).status_code == 404


async def test_a_larger_room_takes_in_who_waits_and_a_smaller_one_sends_nobody_away(school: School) -> None:
    session = await school.session(capacity=2)
    for _ in range(5):
        await school.sign_up(session, school.learner())
    path = f"/v1/trainings/sessions/{session}"
    changed = await school.office.ask("PATCH", path, school.holder, json={"capacity": 4})
    assert (changed.json()["placed"], changed.json()["waiting"]) == (4, 1)
    changed = await school.office.ask("PATCH", path, school.holder, json={"capacity": 1})
    assert (changed.json()["placed"], changed.json()["waiting"]) == (4, 1)
    stranger = school.office.token(Role.SUBDISTRICT_COORDINATOR, "500102")
    assert (await school.office.ask("PATCH", path, stranger, json={"capacity": 9})).status_code == 404
    cancelled = await school.office.ask("POST", f"{path}/cancellation", school.holder)
    assert cancelled.json()["cancelled"]
    refused = await school.sign_up(session, school.learner())
    assert (refused.status_code, refused.json()["code"]) == (409, "session_cancelled")


async def test_who_moves_up_is_told_by_text_message(school: School, phones: Phones) -> None:
    phone, first = new_phone(), uuid4()
    volunteer = await school.office.volunteer(phone=phone)
    session = await school.session(await school.course(audience="public"), capacity=1)
    await school.sign_up(session, school.learner(first))
    await school.sign_up(session, school.learner(UUID(volunteer)))
    guest = {"name": "แขก", "phone": new_phone()}
    await school.sign_up(session, **guest)
    mine = f"/v1/trainings/sessions/{session}/sign-ups/mine"
    assert (await school.office.ask("DELETE", mine, school.learner(first))).status_code == 204
    told = await phones.next()
    assert told.phone == phone
    assert "07/02/2565 เวลา 10:00" in told.text
    path = f"/v1/trainings/sessions/{session}"
    assert (await school.office.ask("PATCH", path, school.holder, json={"capacity": 2})).status_code == 200
    assert (await phones.next()).phone == guest["phone"]


async def test_signing_up_twice_is_once(school: School) -> None:
    session, person = await school.session(capacity=1), uuid4()
    answers = await asyncio.gather(*(school.sign_up(session, school.learner(person)) for _ in range(5)))
    assert len({answer.json()["sign_up_id"] for answer in answers}) == 1
    assert await school.states(session) == ["placed"]
    school.go_to(BEGINS + timedelta(seconds=1))
    late = await school.sign_up(session, school.learner())
    assert (late.status_code, late.json()["code"]) == (409, "sign_up_closed")


async def test_guests_sign_up_by_phone_for_the_publics_courses(school: School) -> None:
    closed, public = await school.session(), await school.session(await school.course(audience="public"))
    guest = {"name": "นางสาวแขก รับเชิญ", "phone": new_phone()}
    refused = await school.sign_up(closed, **guest)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_by_phone")
    assert (await school.sign_up(public)).status_code == 401
    first, again = await school.sign_up(public, **guest), await school.sign_up(public, **guest)
    assert first.json()["state"] == again.json()["state"] == "placed"
    assert first.json()["sign_up_id"] != again.json()["sign_up_id"]
    assert await school.states(public) == ["placed"]
    for table in ("training_sign_up", "training_sign_up_field"):
        for row in await school.office.pool.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t"):  # noqa: S608
            for secret in guest.values():
                assert secret not in row["row"]
                assert secret.encode().hex() not in row["row"]
    listed = await school.office.ask("GET", f"/v1/trainings/sessions/{public}/sign-ups", school.holder)
    assert [(one["name"], one["number"]) for one in listed.json()["sign_ups"]] == [(guest["name"], 1)]
    read = await school.office.pool.fetchval(
        "SELECT purpose FROM personal_data_access WHERE reader = $1 AND $2 = ANY(persons)",
        school.holder_id,
        UUID(first.json()["sign_up_id"]),
    )
    assert read == "training sign-ups"
    assert (
        await school.office.ask("GET", f"/v1/trainings/sessions/{public}/sign-ups", school.learner())
    ).status_code == 404
    path = f"/v1/trainings/sessions/{public}/sign-ups"
    assert (await school.office.ask("DELETE", f"{path}/{again.json()['sign_up_id']}")).status_code == 404
    assert (await school.office.ask("DELETE", f"{path}/{first.json()['sign_up_id']}")).status_code == 204
    assert await school.states(public) == ["cancelled"]


async def test_a_guest_cannot_cancel_what_a_person_signed_up_for(school: School) -> None:
    session = await school.session(await school.course(audience="public"))
    signed = await school.sign_up(session, school.learner())
    path = f"/v1/trainings/sessions/{session}/sign-ups/{signed.json()['sign_up_id']}"
    assert (await school.office.ask("DELETE", path)).status_code == 404
    assert (await school.office.ask("DELETE", path, school.learner())).status_code == 404
    assert (await school.office.ask("DELETE", path, school.holder)).status_code == 204


async def test_guests_contacts_are_destroyed_a_quarter_after_the_session(school: School) -> None:
    session = await school.session(await school.course(audience="public"))
    await school.sign_up(session, name="แขก", phone=new_phone())
    count = "SELECT count(*) FROM training_sign_up_field JOIN training_sign_up USING (sign_up_id) WHERE session_id = $1"
    sign_ups = school.office.app.state.parts.trainings.sign_ups
    await sign_ups.sweep(now=ENDS + KEEP_CONTACTS - timedelta(seconds=1))
    assert await school.office.pool.fetchval(count, UUID(session)) == 2
    await sign_ups.sweep(now=ENDS + KEEP_CONTACTS)
    assert await school.office.pool.fetchval(count, UUID(session)) == 0
    assert await school.states(session) == ["placed"]


async def test_the_code_is_good_around_the_session_and_completes_the_course(school: School) -> None:
    course, person = await school.course(validity_months=12), uuid4()
    session = await school.session(course)
    await school.sign_up(session, school.learner(person))
    for moment, status in (
        (BEGINS - CODE_BEFORE - timedelta(seconds=1), 409),
        (BEGINS - CODE_BEFORE, 200),
        (ENDS + CODE_AFTER, 200),
        (ENDS + CODE_AFTER + timedelta(seconds=1), 409),
    ):
        school.go_to(moment)
        answer = await school.attend(session, school.learner(person))
        assert answer.status_code == status, moment
        if status == 200:
            assert answer.json()["course_id"] == course
            assert datetime.fromisoformat(answer.json()["completed_at"]) == BEGINS - CODE_BEFORE
    school.go_to(BEGINS)
    stranger = await school.attend(session, school.learner())
    assert (stranger.status_code, stranger.json()["code"]) == (409, "not_signed_up")
    lower = (await school.code(session)).lower().replace("-", " ")
    assert (await school.attend(session, school.learner(person), code=lower)).status_code == 200
    mine = (await school.office.ask("GET", "/v1/trainings/mine", school.learner(person))).json()
    assert [one["course_id"] for one in mine["completions"]] == [course]
    assert mine["completions"][0]["valid_until"][:10] == "2023-02-07"


async def test_guessing_the_code_is_stopped(school: School) -> None:
    session, person = await school.session(), uuid4()
    await school.sign_up(session, school.learner(person))
    school.go_to(BEGINS)
    wrong = [await school.attend(session, school.learner(person), code="AAA-AAA") for _ in range(4)]
    assert [(answer.status_code, answer.json()["errors"][0]["code"]) for answer in wrong] == [(400, "wrong_code")] * 4
    many = await asyncio.gather(*(school.attend(session, school.learner(person), code="FFF-FFF") for _ in range(20)))
    assert sorted(answer.status_code for answer in many) == [400] * 6 + [429] * 14
    assert (await school.attend(session, school.learner(person))).status_code == 429, "the right one comes too late"
    other = uuid4()
    await school.office.pool.execute(
        "INSERT INTO training_sign_up (sign_up_id, session_id, number, person_id, by_phone, state, signed_up_at)"
        " VALUES ($1, $2, 99, $1, false, 'placed', $3)",
        other,
        UUID(session),
        BEGINS,
    )
    assert (await school.attend(session, school.learner(other))).status_code == 200


async def test_the_code_is_shown_to_the_trainer_and_can_be_renewed(school: School) -> None:
    trainer = uuid4()
    session = await school.session(trainer=str(trainer))
    path = f"/v1/trainings/sessions/{session}/attendance-code"
    first = await school.code(session)
    for token, status in (
        (school.learner(trainer, "10"), 200),
        (school.administrator, 200),
        (school.learner(), 404),
        (school.office.token(Role.DISTRICT_COORDINATOR, "5002"), 404),
        (school.office.token(Role.EXTERNAL_SYSTEM, ""), 403),
        (None, 401),
    ):
        assert (await school.office.ask("GET", path, token)).status_code == status
    renewed = await school.office.ask("POST", path, school.learner(trainer, "10"))
    assert renewed.json()["code"] != first
    person = uuid4()
    await school.sign_up(session, school.learner(person))
    school.go_to(BEGINS)
    assert (await school.attend(session, school.learner(person), code=first)).status_code == 400
    assert (await school.attend(session, school.learner(person))).status_code == 200
    stored = await school.office.pool.fetch("SELECT to_jsonb(t)::text AS row FROM training_session AS t")
    assert not [row for row in stored if first in row["row"] or renewed.json()["code"] in row["row"]]


async def test_lists_show_each_what_is_for_him(school: School) -> None:
    partners, public = await school.course(), await school.course(audience="public")
    link = "https://meet.example/room"
    inside = await school.session(partners, link=link)
    opened = await school.session(public, begins_at=(BEGINS - timedelta(days=1)).isoformat())
    params = {"area": "500101"}

    async def listed(token: str | None, **more: str) -> dict[str, Any]:
        answer = await school.office.ask("GET", "/v1/trainings", token, params=params | more)
        assert answer.status_code == 200, answer.text
        return {one["session_id"]: one for one in answer.json()["sessions"]}

    assert opened in await listed(None)
    assert inside not in await listed(None)
    assert await listed(None, audience="partners") == {}
    person = uuid4()
    seen = await listed(school.learner(person))
    assert [one for one in seen if one in (inside, opened)] == [opened, inside]
    assert (seen[inside]["online"], seen[inside]["link"]) == (True, None)
    await school.sign_up(inside, school.learner(person))
    seen = await listed(school.learner(person), course=partners)
    assert [(one["link"], one["my_state"], one["placed"]) for one in seen.values()] == [(link, "placed", 1)]
    assert (await listed(school.holder))[inside]["link"] == link
    assert inside in await listed(school.learner(), area="5001")
    assert inside not in await listed(school.learner(), area="500102")
    assert (await school.office.ask("GET", f"/v1/trainings/sessions/{inside}")).status_code == 404
    assert (await school.office.ask("GET", f"/v1/trainings/sessions/{opened}")).status_code == 200
    school.go_to(ENDS + timedelta(days=1))
    assert not {inside, opened} & set(await listed(school.learner(person)))
    courses = (await school.office.ask("GET", "/v1/trainings/courses")).json()["courses"]
    assert public in [one["course_id"] for one in courses]
    assert {one["audience"] for one in courses} == {"public"}


async def test_versions_of_materials_stay_readable(school: School) -> None:
    course = await school.course()
    path = f"/v1/trainings/courses/{course}/materials"
    administrator = school.administrator
    uploaded = await school.office.ask("POST", "/v1/trainings/files", administrator, content=PDF)
    assert uploaded.status_code == 201
    file = uploaded.json()["file_id"]
    stranger = await school.office.ask("POST", path, school.administrator, json={"title": "คู่มือ", "file": file})
    assert (stranger.status_code, stranger.json()["errors"][0]["path"]) == (400, "file"), "another's upload"
    first = await school.office.ask("POST", path, administrator, json={"title": "คู่มือ", "file": file})
    assert (first.status_code, first.json()["version"]) == (201, 1)
    again = await school.office.ask("POST", path, administrator, json={"title": "คู่มือ", "file": file})
    assert again.status_code == 400, "a file is used once"
    material = first.json()["material_id"]
    later = (START + timedelta(days=7)).isoformat()
    link = {"title": "คู่มือ 2", "link": "https://example.org/2", "material_id": material, "valid_from": later}
    odd = await school.office.ask("POST", path, administrator, json=link | {"valid_from": "9999-12-31T23:59:59-14:00"})
    assert (odd.status_code, odd.json()["errors"][0]["path"]) == (400, "valid_from")
    second = await school.office.ask("POST", path, administrator, json=link)
    assert second.json() == {"material_id": material, "version": 2}
    seen = (await school.office.ask("GET", path, school.learner())).json()
    assert [(one["version"], one["current"]) for one in seen] == [(2, False), (1, True)]
    school.go_to(START + timedelta(days=7))
    seen = (await school.office.ask("GET", path, school.learner())).json()
    assert [(one["version"], one["current"]) for one in seen] == [(2, True), (1, False)]
    old = await school.office.ask("GET", f"{path}/{material}/versions/1/file", school.learner())
    assert (old.content, old.headers["content-type"]) == (PDF, "application/pdf")
    assert old.headers["content-disposition"].startswith("attachment")
    for who, status in ((school.learner(), 404), (None, 404)):
        answer = await school.office.ask("GET", f"{path}/{material}/versions/2/file", who)
        assert answer.status_code == status
    assert (await school.office.ask("GET", path)).status_code == 404, "the public reads the public's courses"
    for body, where in (
        ({"title": "x"}, "file"),
        ({"title": "x", "link": "javascript:alert(1)"}, "link"),
        ({"title": "x", "link": "https://e.org", "file": file}, "file"),
    ):
        refused = await school.office.ask("POST", path, school.administrator, json=body)
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, where)
    foreign = school.office.token(Role.PROVINCE_ADMINISTRATOR, "51")
    assert (await school.office.ask("POST", path, foreign, json=link)).status_code == 404
    svg = await school.office.ask("POST", "/v1/trainings/files", school.administrator, content=b"<svg/>")
    assert svg.status_code == 415


async def test_unused_files_go_after_a_day(school: School) -> None:
    uploaded = await school.office.ask("POST", "/v1/trainings/files", school.administrator, content=PDF)
    count, file = "SELECT count(*) FROM published_file WHERE file_id = $1", UUID(uploaded.json()["file_id"])
    published = school.office.app.state.parts.published
    await published.sweep(now=START + timedelta(hours=23))
    assert await school.office.pool.fetchval(count, file) == 1
    await published.sweep(now=START + timedelta(hours=24))
    assert await school.office.pool.fetchval(count, file) == 0


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"begins_at": START.isoformat()}, "begins_at"),
        ({"begins_at": "2030-01-01T00:00:00Z", "ends_at": "2030-01-01T01:00:00Z"}, "begins_at"),
        ({"ends_at": BEGINS.isoformat()}, "ends_at"),
        ({"ends_at": (BEGINS + timedelta(days=8)).isoformat()}, "ends_at"),
        ({"sign_up_until": (ENDS + timedelta(seconds=1)).isoformat()}, "sign_up_until"),
        ({"sign_up_until": START.isoformat()}, "sign_up_until"),
        ({"place": None}, "place"),
        ({"capacity": 0}, "capacity"),
        ({"course_id": str(uuid4())}, "course_id"),
        ({"begins_at": "2022-02-07T09:00:00"}, "begins_at"),
    ],
)
async def test_a_bad_session_names_the_field(school: School, changes: dict[str, Any], path: str) -> None:
    body = {
        "course_id": await school.course(),
        "place": "ศาลา",
        "begins_at": BEGINS.isoformat(),
        "ends_at": ENDS.isoformat(),
        "capacity": 2,
    } | changes
    answer = await school.office.ask("POST", "/v1/trainings/sessions", school.holder, json=body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)


async def test_who_teaches_what_where(school: School) -> None:
    body = {"title_th": "ก", "title_en": "a", "audience": "agencies"}
    for token, area, status in (
        (school.administrator, "51", 403),
        (school.administrator, "5001", 201),
        (school.holder, "500101", 403),
    ):
        answer = await school.office.ask("POST", "/v1/trainings/courses", token, json=body | {"area": area})
        assert answer.status_code == status
    course = await school.course(area="5002")
    session = {"course_id": course, "place": "x", "begins_at": BEGINS.isoformat(), "ends_at": ENDS.isoformat()}
    refused = await school.office.ask("POST", "/v1/trainings/sessions", school.holder, json=session | {"capacity": 1})
    assert refused.json()["errors"][0]["path"] == "course_id"
    path = f"/v1/trainings/courses/{course}"
    changed = await school.office.ask("PATCH", path, school.administrator, json={"retired": True, "title_en": None})
    assert (changed.json()["retired"], changed.json()["title_en"]) == (True, "Recording surveys")
    district = school.office.token(Role.DISTRICT_COORDINATOR, "5002")
    retired = await school.office.ask("POST", "/v1/trainings/sessions", district, json=session | {"capacity": 1})
    assert (retired.status_code, retired.json()["code"]) == (409, "course_retired")


async def test_who_is_trained_is_counted_by_area_and_named_to_the_entitled(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = school.office
    course = await school.course(required_for=["volunteer"], area="5003", validity_months=1)
    trained, untrained = await office.volunteer("500301"), await office.volunteer("500301")
    await office.volunteer("500302")
    await office.volunteer("500302", approved=False)
    session = await school.session(await school.course())  # of another course
    await school.sign_up(session, school.learner(UUID(untrained), "500301"))
    await school.office.pool.execute(
        "UPDATE training_session SET course_id = $2 WHERE session_id = $1", UUID(session), UUID(course)
    )
    await school.sign_up(session, school.learner(UUID(trained), "500301"))
    school.go_to(BEGINS)
    assert (await school.attend(session, school.learner(UUID(trained), "500301"))).status_code == 200
    district = office.token(Role.DISTRICT_COORDINATOR, "5003")
    params = {"course": course, "area": "5003"}

    async def counted() -> list[tuple[str, int, int]]:
        answer = await office.ask("GET", "/v1/trainings/completions", district, params=params)
        assert answer.status_code == 200, answer.text
        return [(one["area"], one["persons"], one["trained"]) for one in answer.json()]

    assert await counted() == [("500301", 2, 1), ("500302", 1, 0)]
    path = "/v1/trainings/completions/persons"
    persons = (await office.ask("GET", path, district, params=params | {"trained": "true"})).json()["persons"]
    assert [(one["person_id"], one["name"]) for one in persons] == [(trained, "สมหญิง ใจดี")]
    persons = (await office.ask("GET", path, district, params=params)).json()["persons"]
    assert untrained in [one["person_id"] for one in persons]
    assert trained not in [one["person_id"] for one in persons]
    assert (await office.ask("GET", path, school.learner(), params=params)).status_code == 403
    other = office.token(Role.DISTRICT_COORDINATOR, "5001")
    assert (await office.ask("GET", path, other, params=params)).status_code == 403
    read = "SELECT count(*) FROM personal_data_access WHERE purpose = 'training list' AND $1 = ANY(persons)"
    assert await office.pool.fetchval(read, UUID(trained)) == 1
    monkeypatch.setattr("services.registration.http.trainings.completions.PAGE_SIZE", 1)
    paged: dict[str, Any] = {"area": "5003", "course": course}
    names = []
    while True:
        page = (await office.ask("GET", path, district, params=paged)).json()
        names += [one["area"] for one in page["persons"]]
        if page["cursor"] is None:
            break
        paged["cursor"] = page["cursor"]
    assert names == ["500301", "500302"]
    assert (await office.ask("GET", path, district, params=params | {"cursor": "x"})).status_code == 400
    school.go_to(BEGINS + timedelta(days=29))  # a month of 28 days later it has expired
    district = office.token(Role.DISTRICT_COORDINATOR, "5003")
    assert await counted() == [("500301", 2, 0), ("500302", 1, 0)]


@pytest.fixture
async def strict(
    registration_settings: RegistrationSettings, database: PostgresSettings, clock: MovableClock
) -> AsyncIterator[School]:
    """The service with JITASA_TRAINING_POLICY=hold."""
    settings = registration_settings.model_copy(update={"training_policy": Policy.HOLD})
    app = http_app(settings, database, bar=Barred(), clock=clock, gateway=Phones())
    signer = TokenSigner.from_file(settings.signing_keys_file, issuer=ISSUER)
    async with app.router.lifespan_context(app), await open_pool(database, application="test", max_size=2) as pool:
        office = Office(app, signer, pool, clock)
        async with office.client:
            yield School(office)


async def test_hold_refuses_approval_until_a_volunteer_is_trained_by_phone(strict: School) -> None:
    office, phone = strict.office, new_phone()
    course = await strict.course(required_for=["volunteer"], area="5004")
    volunteer = await office.volunteer("500401", approved=False, phone=phone)
    refused = await office.approve(volunteer)
    assert (refused.status_code, refused.json()["code"]) == (409, "training_required")
    together = {"volunteer_ids": [volunteer], "decision": "approve"}
    (result,) = (await office.ask("POST", "/v1/approvals", office.administrator, json=together)).json()["results"]
    assert result["outcome"] == "training_required"
    assert [event["status"] for event in await office.events(volunteer)] == ["pending"]
    elsewhere = await office.volunteer("500101", approved=False)
    assert (await office.approve(elsewhere)).status_code == 200
    district = office.token(Role.DISTRICT_COORDINATOR, "5004")
    body = {
        "course_id": course,
        "place": "ที่ว่าการอำเภอ",
        "begins_at": BEGINS.isoformat(),
        "ends_at": ENDS.isoformat(),
        "capacity": 9,
    }
    session = (await office.ask("POST", "/v1/trainings/sessions", district, json=body)).json()["session_id"]
    assert (await strict.sign_up(session, name="สมหญิง", phone=phone)).status_code == 201
    strict.go_to(BEGINS)
    district = office.token(Role.DISTRICT_COORDINATOR, "5004")
    code = (await office.ask("GET", f"/v1/trainings/sessions/{session}/attendance-code", district)).json()["code"]
    there = {"code": code, "phone": phone}
    attended = await office.ask("POST", f"/v1/trainings/sessions/{session}/attendance", json=there)
    assert attended.status_code == 200
    office.administrator = office.token(Role.CENTRAL_ADMINISTRATOR, "")
    assert (await office.approve(volunteer)).json()["status"] == "approved"
    # Trained first and registered afterwards counts as well.
    early = new_phone()
    later = await office.ask("POST", "/v1/trainings/sessions", district, json=body | {
        "begins_at": (BEGINS + timedelta(hours=4)).isoformat(), "ends_at": (BEGINS + timedelta(hours=5)).isoformat(),
    })  # fmt: skip
    second = later.json()["session_id"]
    assert (await strict.sign_up(second, name="มาก่อน", phone=early)).status_code == 201
    strict.go_to(BEGINS + timedelta(hours=4))
    district = office.token(Role.DISTRICT_COORDINATOR, "5004")
    code = (await office.ask("GET", f"/v1/trainings/sessions/{second}/attendance-code", district)).json()["code"]
    there = {"code": code, "phone": early}
    assert (await office.ask("POST", f"/v1/trainings/sessions/{second}/attendance", json=there)).status_code == 200
    office.administrator = office.token(Role.CENTRAL_ADMINISTRATOR, "")
    assert await office.volunteer("500401", phone=early)
    # Who was approved once is warned, not stopped: a lifted suspension asks for no training.
    await strict.course(required_for=["volunteer"], area="5004")
    await office.suspend(volunteer)
    assert (await office.approve(volunteer)).json()["status"] == "approved"
    assert json.loads(attended.text)["course_id"] == course


async def test_hold_is_not_passed_by_lifting_a_suspension_or_by_help_with_signing_up(strict: School) -> None:
    office, phone = strict.office, new_phone()
    organisation = await office.organisation("50")
    await strict.course(required_for=["volunteer"], area="5005")
    volunteer = await office.volunteer("500501", approved=False)
    assert (await office.suspend(volunteer)).status_code == 200
    lifted = await office.approve(volunteer)
    assert (lifted.status_code, lifted.json()["code"]) == (409, "training_required")
    body = {"organisation_id": organisation, "name": "สมหญิง ใจดี", "phone": phone, "area": "500501"}

    async def assisted(*, approve: bool) -> httpx.Response:
        path = "/v1/volunteers/assisted"
        return await office.ask("POST", path, office.administrator, json=body | {"approve": approve})

    refused = await assisted(approve=True)
    assert (refused.status_code, refused.json()["code"]) == (409, "training_required")
    waits = await assisted(approve=False)
    assert (waits.status_code, waits.json()["status"]) == (201, "pending"), "the refusal left nothing behind"


async def test_hold_asks_whoever_signs_up_again_anew(strict: School) -> None:
    office, phone = strict.office, new_phone()
    volunteer = await office.volunteer("500601", phone=phone)
    left = await office.ask("POST", f"/v1/volunteers/{volunteer}/withdrawal", office.administrator)
    assert left.status_code == 200
    office.clock.advance(timedelta(seconds=1))
    assert await office.volunteer("500601", approved=False, phone=phone) == volunteer
    await strict.course(required_for=["volunteer"], area="5006")
    await office.suspend(volunteer)
    refused = await office.approve(volunteer)
    assert (refused.status_code, refused.json()["code"]) == (409, "training_required")
