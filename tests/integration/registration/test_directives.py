"""Directives: whom they reach, that they are final, and who has acknowledged. And what /v1/me says of it all."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.registration.domain.trainings import Policy
from services.registration.settings import DIRECTIVE_FILE_BYTES
from shared.contracts.events import Role
from tests.integration.registration.conftest import START, Office, new_phone

PDF = b"%PDF-1.7\n" + b"x" * 1000 + b"\n%%EOF\n"
DEADLINE = START + timedelta(days=5)


class Ministry:
    """Who sends, and how it is read."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.centre_id, self.province_id = uuid4(), uuid4()

    @property
    def centre(self) -> str:
        """A fresh token: the clock moves."""
        return self.office.token(Role.CENTRAL_ADMINISTRATOR, "", self.centre_id)

    @property
    def province(self) -> str:
        """Province 50's administrator."""
        return self.office.token(Role.PROVINCE_ADMINISTRATOR, "50", self.province_id)

    async def post(self, token: str | None = None, **changes: Any) -> httpx.Response:
        """Send a directive, by the province unless said otherwise."""
        body = {
            "reference": f"ชม 0023/ว {uuid4()}",
            "title_th": "เร่งรัดการสำรวจ",
            "text_th": "ขอให้ทุกอำเภอ\nเร่งรัดการสำรวจ",
            "roles": ["district_coordinator", "subdistrict_coordinator", "volunteer"],
        } | changes
        return await self.office.ask("POST", "/v1/directives", token or self.province, json=body)

    async def sent(self, token: str | None = None, **changes: Any) -> str:
        """A new directive's id."""
        answer = await self.post(token, **changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["directive_id"])

    async def to(self, token: str, **params: Any) -> list[str]:
        """The ids of the directives to somebody."""
        answer = await self.office.ask("GET", "/v1/directives", token, params=params)
        assert answer.status_code == 200, answer.text
        return [one["directive_id"] for one in answer.json()["directives"]]

    async def acknowledge(self, directive: str, token: str) -> httpx.Response:
        """Take note."""
        return await self.office.ask("POST", f"/v1/directives/{directive}/acknowledgement", token)


@pytest.fixture
def ministry(office: Office) -> Ministry:
    """The ministry."""
    return Ministry(office)


async def test_a_directive_reaches_the_roles_in_its_area_also_those_appointed_later(ministry: Ministry) -> None:
    token = ministry.office.token
    directive = await ministry.sent(area="5001")
    for role, area, reached in (
        (Role.DISTRICT_COORDINATOR, "5001", True),
        (Role.SUBDISTRICT_COORDINATOR, "500101", True),
        (Role.VOLUNTEER, "500102", True),
        (Role.VOLUNTEER, "5002", False),
        (Role.VOLUNTEER, "50", False),
        (Role.PLACE_OFFICER, "500101", False),
    ):
        reader = token(role, area)
        assert (directive in await ministry.to(reader)) is reached, (role, area)
        got = await ministry.office.ask("GET", f"/v1/directives/{directive}", reader)
        assert got.status_code == (200 if reached else 404)
        assert (await ministry.acknowledge(directive, reader)).status_code == (200 if reached else 404)
    everywhere = await ministry.sent(ministry.centre)
    assert everywhere in await ministry.to(token(Role.VOLUNTEER, "900101"))
    assert not {directive, everywhere} & set(await ministry.to(ministry.province)), "the roles do not name him"
    assert directive in await ministry.to(ministry.province, sent=True)
    assert {directive, everywhere} <= set(await ministry.to(ministry.centre, sent=True))
    assert everywhere not in await ministry.to(ministry.province, sent=True)
    other = token(Role.PROVINCE_ADMINISTRATOR, "51")
    assert (await ministry.office.ask("GET", f"/v1/directives/{directive}", other)).status_code == 404
    assert (await ministry.office.ask("GET", "/v1/directives", token(Role.EXTERNAL_SYSTEM, ""))).status_code == 403


async def test_who_sends_where(ministry: Ministry) -> None:
    district = ministry.office.token(Role.DISTRICT_COORDINATOR, "5001")
    for token, changes, status, code in (
        (district, {"area": "5001"}, 403, "forbidden"),
        (ministry.province, {"area": "51"}, 403, "other_area"),
        (ministry.province, {"area": ""}, 403, "other_area"),
        (ministry.province, {"roles": []}, 400, "invalid"),
        (ministry.province, {"roles": ["external_system"]}, 400, "invalid"),
        (ministry.province, {"title_en": "Survey faster"}, 400, "invalid"),
        (ministry.province, {"deadline": START.isoformat()}, 400, "invalid"),
        (ministry.province, {"deadline": "2032-01-01T00:00:00Z"}, 400, "invalid"),
        (ministry.province, {"files": [str(uuid4())]}, 400, "invalid"),
        (ministry.province, {"files": [str(uuid4())] * 4}, 400, "invalid"),
        (ministry.province, {"replaces": str(uuid4())}, 400, "invalid"),
        (ministry.province, {"text_th": "x" * 8001}, 400, "invalid"),
    ):
        answer = await ministry.post(token, **changes)
        assert (answer.status_code, answer.json()["code"]) == (status, code), changes


async def test_a_reference_is_used_once_by_an_issuer(ministry: Ministry) -> None:
    reference = f"มท 0230/ว {uuid4()}"
    answers = await asyncio.gather(*(ministry.post(reference=reference) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 4
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"reference_taken"}
    assert (await ministry.post(ministry.centre, reference=reference)).status_code == 201


async def test_what_was_sent_is_never_changed(ministry: Ministry) -> None:
    directive = UUID(await ministry.sent())
    for broken in ("text_th = 'x'", "deadline = now()", "roles = '{volunteer}'", "area = ''", "sent_at = now()"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await ministry.office.pool.execute(
                f"UPDATE directive SET {broken} WHERE directive_id = $1",  # noqa: S608 - of this test
                directive,
            )
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await ministry.office.pool.execute("DELETE FROM directive WHERE directive_id = $1", directive)


async def test_an_acknowledgement_is_recorded_once(ministry: Ministry) -> None:
    directive, person = await ministry.sent(deadline=DEADLINE.isoformat()), uuid4()

    def reader() -> str:
        return ministry.office.token(Role.VOLUNTEER, "500101", person)

    first = (await ministry.acknowledge(directive, reader())).json()["acknowledged_at"]
    ministry.office.clock.advance(timedelta(days=6))
    answers = await asyncio.gather(*(ministry.acknowledge(directive, reader()) for _ in range(5)))
    assert {answer.json()["acknowledged_at"] for answer in answers} == {first}
    seen = (await ministry.office.ask("GET", f"/v1/directives/{directive}", reader())).json()
    assert (seen["acknowledged_at"], seen["overdue"]) == (first, False)
    assert directive not in await ministry.to(reader(), unacknowledged=True)
    late = ministry.office.token(Role.VOLUNTEER, "500101")
    assert directive in await ministry.to(late, unacknowledged=True)
    assert (await ministry.office.ask("GET", f"/v1/directives/{directive}", late)).json()["overdue"]


async def test_a_withdrawn_or_replaced_directive_asks_for_nothing(ministry: Ministry) -> None:
    office, reader = ministry.office, ministry.office.token(Role.VOLUNTEER, "500101")
    first = await ministry.sent()
    foreign = await ministry.post(ministry.centre, replaces=first)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "not_the_issuer")
    answers = await asyncio.gather(*(ministry.post(replaces=first) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    second = next(answer.json()["directive_id"] for answer in answers if answer.status_code == 201)
    seen = (await office.ask("GET", f"/v1/directives/{first}", reader)).json()
    assert seen["replaced_by"] == second
    assert (await ministry.acknowledge(first, reader)).json()["code"] == "directive_replaced"
    path = f"/v1/directives/{second}/withdrawal"
    other = office.token(Role.PROVINCE_ADMINISTRATOR, "51")
    assert (await office.ask("POST", path, other, json={"reason": "x"})).status_code == 404
    withdrawn = await office.ask("POST", path, ministry.centre, json={"reason": "ส่งผิดพื้นที่"})
    assert (withdrawn.status_code, withdrawn.json()["withdrawal_reason"]) == (200, "ส่งผิดพื้นที่")
    assert (await office.ask("POST", path, ministry.centre, json={"reason": "x"})).status_code == 409
    assert (await ministry.acknowledge(second, reader)).json()["code"] == "directive_withdrawn"
    unacknowledged = await ministry.to(reader, unacknowledged=True)
    assert not {first, second} & set(unacknowledged)
    assert {first, second} <= set(await ministry.to(reader))
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await office.pool.execute("UPDATE directive SET withdrawn_at = NULL WHERE directive_id = $1", UUID(second))


async def test_who_has_not_acknowledged_by_area_and_by_name(ministry: Ministry) -> None:
    office = ministry.office
    inside = [await office.volunteer("500501"), await office.volunteer("500501"), await office.volunteer("500502")]
    await office.volunteer("500501", approved=False)
    directive = await ministry.sent(area="5005", roles=["volunteer"], deadline=DEADLINE.isoformat())
    path = f"/v1/directives/{directive}/acknowledgements"
    coordinator = uuid4()

    def district() -> str:
        return office.token(Role.DISTRICT_COORDINATOR, "5005", coordinator)

    async def counted(token: str, **params: str) -> list[tuple[Any, ...]]:
        answer = await office.ask("GET", path, token, params=params)
        assert answer.status_code == 200, answer.text
        return [tuple(one.values()) for one in answer.json()]

    await ministry.acknowledge(directive, office.token(Role.VOLUNTEER, "500501", UUID(inside[0])))
    assert await counted(district()) == [("500501", 2, 1, 0, 0), ("500502", 1, 0, 0, 0)]
    later = await office.volunteer("500502")
    office.clock.advance(timedelta(days=5, seconds=1))
    await ministry.acknowledge(directive, office.token(Role.VOLUNTEER, "500501", UUID(inside[1])))
    assert await counted(district()) == [("500501", 2, 2, 1, 0), ("500502", 2, 0, 0, 2)]
    assert await counted(ministry.province) == [("5005", 4, 2, 1, 2)]
    assert await counted(ministry.centre) == [("50", 4, 2, 1, 2)]
    assert await counted(ministry.centre, area="51") == []
    assert (await office.ask("GET", path, district(), params={"area": "5001"})).status_code == 403
    assert (await office.ask("GET", path, office.token(Role.DISTRICT_COORDINATOR, "5001"))).status_code == 404
    assert (await office.ask("GET", path, office.token(Role.VOLUNTEER, "500501"))).status_code == 403
    missing = (await office.ask("GET", f"{path}/missing", district())).json()
    assert {(one["person_id"], one["name"]) for one in missing["persons"]} == {
        (inside[2], "สมหญิง ใจดี"),
        (later, "สมหญิง ใจดี"),
    }
    read = await office.pool.fetchval(
        "SELECT persons FROM personal_data_access WHERE reader = $1 AND purpose = 'directive not acknowledged'",
        coordinator,
    )
    assert set(read) == {UUID(inside[2]), UUID(later)}


async def test_files_are_sent_with_a_directive_and_read_by_those_it_reaches(ministry: Ministry) -> None:
    office, sender = ministry.office, ministry.province
    large = await office.ask("POST", "/v1/directives/files", sender, content=PDF + bytes(DIRECTIVE_FILE_BYTES))
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    uploaded = (await office.ask("POST", "/v1/directives/files", sender, content=PDF)).json()["file_id"]
    stolen = await ministry.post(ministry.centre, files=[uploaded])
    assert (stolen.status_code, stolen.json()["errors"][0]["path"]) == (400, "files")
    directive = await ministry.sent(sender, files=[uploaded])
    reader = office.token(Role.VOLUNTEER, "500101")
    listed = (await office.ask("GET", f"/v1/directives/{directive}", reader)).json()["files"]
    assert listed == [{"file_id": uploaded, "media_type": "application/pdf", "size": len(PDF)}]
    path = f"/v1/directives/{directive}/files/{uploaded}"
    got = await office.ask("GET", path, reader)
    assert (got.content, got.headers["x-content-type-options"]) == (PDF, "nosniff")
    assert got.headers["content-disposition"].startswith("attachment")
    assert (await office.ask("GET", path, office.token(Role.VOLUNTEER, "5101"))).status_code == 404
    another = await ministry.sent()
    assert (await office.ask("GET", f"/v1/directives/{another}/files/{uploaded}", reader)).status_code == 404


async def test_lists_are_paged(ministry: Ministry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.registration.http.directives.PAGE_SIZE", 2)
    province = ministry.office.token(Role.PROVINCE_ADMINISTRATOR, "77")
    made = []
    for _ in range(5):
        made.append(await ministry.sent(province))
        ministry.office.clock.advance(timedelta(minutes=1))
    reader = ministry.office.token(Role.VOLUNTEER, "7701")
    seen: list[str] = []
    params: dict[str, str] = {}
    while True:
        page = (await ministry.office.ask("GET", "/v1/directives", reader, params=params)).json()
        seen += [one["directive_id"] for one in page["directives"] if one["issuer"] == "77"]
        if page["cursor"] is None:
            break
        params["cursor"] = page["cursor"]
    assert seen == made[::-1]


async def test_me_says_who_i_am_and_what_waits_for_me(ministry: Ministry) -> None:
    office = ministry.office
    organisation = await office.organisation("74")
    phone = new_phone()
    code = await office.group_code(organisation)
    signed = await office.sign_up(area="740101", phone=phone, group_code=code)
    volunteer = signed.json()["volunteer_id"]
    assert (await office.approve(volunteer)).status_code == 200
    token = office.token(Role.VOLUNTEER, "740101", UUID(volunteer))
    province = office.token(Role.PROVINCE_ADMINISTRATOR, "74")

    async def me() -> dict[str, Any]:
        answer = await office.ask("GET", "/v1/me", token)
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    before = await me()
    assert (before["subject"], before["role"]) == (volunteer, "volunteer")
    assert before["area"]["code"] == "740101"
    assert "submission.create" in before["rights"]
    course = {"title_th": "ก", "title_en": "a", "audience": "partners", "required_for": ["volunteer"]}
    made = (await office.ask("POST", "/v1/trainings/courses", province, json=course)).json()["course_id"]
    await ministry.sent(province, deadline=(START + timedelta(minutes=5)).isoformat())
    problem = {"category": "map", "title": "ก", "text": "ข"}
    await office.ask("POST", "/v1/problems", token, json=problem)
    office.clock.advance(timedelta(minutes=6))
    after = await me()
    assert after["training"]["policy"] == Policy.WARN
    assert [one["course_id"] for one in after["training"]["missing"]] == [made]
    assert after["directives"]["open"] == before["directives"]["open"] + 1
    assert after["directives"]["overdue"] == 1
    assert after["problems"] == {"waiting": 1, "answered": 0}
    office.app.state.parts = replace(office.app.state.parts, training_policy=Policy.OFF)
    assert (await me())["training"] == {"policy": "off", "missing": []}
    assert (await office.ask("GET", "/v1/me")).status_code == 401
    assert (await office.ask("GET", "/v1/me", office.token(Role.EXTERNAL_SYSTEM, "74"))).status_code == 200
    assert (await office.ask("GET", "/v1/me", office.administrator)).json()["area"]["name_en"] == "Thailand"
