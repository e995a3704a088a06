"""Technical problem tickets: who sees them, how they go up, screenshots, merging, and what is known already."""

import asyncio
import struct
import zlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.registration.domain.problems import LIMITS, Level
from services.registration.processes.http import http_app
from services.registration.settings import SCREENSHOT_BYTES, RegistrationSettings
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.settings import PostgresSettings
from tests.integration.registration.conftest import START, Barred, Office, Phones

STAYS = LIMITS[0][1]
TEXT = "กดส่งแล้วหน้าจอขาว ติดต่อ นางสมหญิง 081-234-5678"


def png(width: int = 3, height: int = 2) -> bytes:
    """A picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(width + 1) * height if width < 1000 else b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class Desk:
    """Everybody who has to do with tickets of subdistrict 500101."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ids = {
            name: uuid4() for name in ("volunteer", "subdistrict", "district", "province", "centre", "neighbour")
        }

    def token(self, who: str) -> str:
        """A fresh token: the clock moves."""
        role, area = {
            "volunteer": (Role.VOLUNTEER, "500101"),
            "subdistrict": (Role.SUBDISTRICT_COORDINATOR, "500101"),
            "district": (Role.DISTRICT_COORDINATOR, "5001"),
            "province": (Role.PROVINCE_ADMINISTRATOR, "50"),
            "centre": (Role.CENTRAL_ADMINISTRATOR, ""),
            "neighbour": (Role.SUBDISTRICT_COORDINATOR, "500102"),
        }[who]
        return self.office.token(role, area, self.ids[who])

    async def ask(self, who: str, method: str, path: str, **more: Any) -> Any:
        """A request by one of them."""
        return await self.office.ask(method, path, self.token(who), **more)

    async def raised(self, who: str = "volunteer", **changes: Any) -> str:
        """A new ticket's id."""
        body = {"category": "survey", "title": "ส่งแบบสำรวจไม่ได้", "text": TEXT} | changes
        answer = await self.ask(who, "POST", "/v1/problems", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["problem_id"])

    async def read(self, problem_id: str, who: str = "volunteer") -> Any:
        """A ticket as somebody sees it."""
        answer = await self.ask(who, "GET", f"/v1/problems/{problem_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(self, who: str, problem_id: str, what: str, **body: Any) -> tuple[int, str]:
        """Status, and the state or the problem's code."""
        answer = await self.ask(who, "POST", f"/v1/problems/{problem_id}/{what}", json=body)
        return answer.status_code, answer.json().get("state") or answer.json()["code"]

    async def listed(self, who: str, **params: Any) -> list[str]:
        """The ids of a list."""
        answer = await self.ask(who, "GET", "/v1/problems", params=params)
        assert answer.status_code == 200, answer.text
        return [one["problem_id"] for one in answer.json()["problems"]]

    async def expire(self) -> None:
        """What the loop of the process does at each turn."""
        while await self.office.app.state.parts.problems.steps.escalate_overdue(now=self.office.clock.now()):
            pass


@pytest.fixture
def desk(office: Office) -> Desk:
    """The desk."""
    return Desk(office)


async def test_a_ticket_is_taken_answered_closed_and_reopened(desk: Desk) -> None:
    problem = await desk.raised(page="/survey", record=str(uuid4()))
    assert (await desk.read(problem))["level"] == "subdistrict"
    assert await desk.do("subdistrict", problem, "assignment") == (200, "in_progress")
    assert await desk.do("subdistrict", problem, "answer", text="ล้างแคชแล้วลองใหม่") == (200, "answered")
    seen = await desk.read(problem)
    assert (seen["answer"], seen["text"], seen["page"], seen["due_at"]) == ("ล้างแคชแล้วลองใหม่", TEXT, "/survey", None)
    assert await desk.do("volunteer", problem, "reopening", note="ยังขาว") == (200, "open")
    assert await desk.do("volunteer", problem, "closing") == (200, "closed")
    assert await desk.do("subdistrict", problem, "answer", text="x") == (409, "wrong_state")
    desk.office.clock.advance(timedelta(days=14, seconds=1))
    assert await desk.do("volunteer", problem, "reopening", note="ยังขาว") == (409, "too_late")
    steps = [(step["kind"], step["note"]) for step in (await desk.read(problem))["history"]]
    assert steps == [
        ("raised", None),
        ("taken", None),
        ("answered", "ล้างแคชแล้วลองใหม่"),
        ("reopened", "ยังขาว"),
        ("closed", None),
    ]


async def test_who_sees_and_who_works(desk: Desk) -> None:
    problem = await desk.raised()
    others = {"a volunteer beside": desk.office.token(Role.VOLUNTEER, "500101"), "neighbour": desk.token("neighbour")}
    for token in others.values():
        assert (await desk.office.ask("GET", f"/v1/problems/{problem}", token)).status_code == 404
    for who in ("volunteer", "subdistrict", "district", "province", "centre"):
        assert problem in await desk.listed(who)
        await desk.read(problem, who)
    assert problem not in await desk.listed("neighbour")
    assert (await desk.ask("neighbour", "GET", "/v1/problems", params={"area": "500101"})).status_code == 403
    assert await desk.do("volunteer", problem, "assignment") == (403, "forbidden")
    assert await desk.do("neighbour", problem, "assignment") == (404, "not_found")
    assert await desk.do("subdistrict", problem, "escalation", note="ไม่ทราบ") == (200, "open")
    # It was passed on: the subdistrict watches now.
    assert await desk.do("subdistrict", problem, "assignment") == (403, "not_your_level")
    assert (await desk.read(problem, "subdistrict"))["level"] == "district"
    # The province takes what the district left lying; it comes up with him.
    assert await desk.do("province", problem, "assignment") == (200, "in_progress")
    assert (await desk.read(problem))["level"] == "province"
    assert await desk.do("centre", problem, "escalation") == (200, "open")
    assert await desk.do("centre", problem, "escalation") == (409, "highest_level")


async def test_readings_by_others_are_recorded_and_nothing_is_in_the_clear(desk: Desk) -> None:
    phone, title = "0899998888", "นางลับสุดยอดเข้าไม่ได้"
    problem = await desk.raised(title=title, text=f"โทร {phone}", page="/p?x=ลับมาก")
    await desk.ask("volunteer", "POST", f"/v1/problems/{problem}/attachments", content=png())
    await desk.do("subdistrict", problem, "answer", text="โทรกลับนางลับสุดยอดแล้ว")
    accesses = "SELECT purpose FROM personal_data_access WHERE reader = $1 AND $2 = ANY(persons) ORDER BY access_id"
    await desk.read(problem)
    await desk.read(problem, "subdistrict")
    await desk.listed("district")
    volunteer = desk.ids["volunteer"]
    assert [row[0] for row in await desk.office.pool.fetch(accesses, desk.ids["subdistrict"], volunteer)] == ["problem"]
    assert [row[0] for row in await desk.office.pool.fetch(accesses, desk.ids["district"], volunteer)] == [
        "problem list"
    ]
    assert await desk.office.pool.fetch(accesses, volunteer, volunteer) == []
    for table in ("problem", "problem_field", "problem_step", "problem_attachment"):
        for row in await desk.office.pool.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t"):  # noqa: S608
            for secret in (phone, "ลับ", png()[:20].hex()):
                assert secret not in row["row"], table
                assert secret.encode().hex() not in row["row"], table


async def test_time_brings_a_ticket_from_the_village_to_the_centre(desk: Desk) -> None:
    """Nobody at all is appointed there: it goes up all the same."""
    clock, problem = desk.office.clock, await desk.raised()
    await desk.do("subdistrict", problem, "assignment")
    for level, above in (("subdistrict", "district"), ("district", "province"), ("province", "central")):
        clock.advance(STAYS[Level(level)] - timedelta(seconds=1))
        await desk.expire()
        assert (await desk.read(problem))["level"] == level
        clock.advance(timedelta(seconds=1))
        await desk.expire()
        now = await desk.read(problem)
        assert (now["level"], now["state"], now["owner"]) == (above, "open", None)
    clock.advance(STAYS[Level.CENTRAL] + timedelta(days=1))
    await desk.expire()
    now = await desk.read(problem)
    assert (now["level"], now["overdue"]) == ("central", True)
    assert problem in await desk.listed("centre", overdue=True)
    assert [step["kind"] for step in now["history"]] == ["raised", "taken", "expired", "expired", "expired"]
    assert [step["done_by"] for step in now["history"]][2:] == [None] * 3


async def test_many_processes_send_each_ticket_up_once(desk: Desk) -> None:
    problems = [await desk.raised(who="subdistrict", area="500101") for _ in range(12)]  # begin at the district
    desk.office.clock.advance(STAYS[Level.DISTRICT])
    store = desk.office.app.state.parts.problems.steps
    now = desk.office.clock.now()
    counted = await asyncio.gather(*(store.escalate_overdue(now=now, limit=5) for _ in range(8)))
    while more := await store.escalate_overdue(now=now, limit=5):
        counted.append(more)
    steps = await desk.office.pool.fetch(
        "SELECT problem_id, count(*) AS times FROM problem_step WHERE kind = 'expired' AND problem_id = ANY($1)"
        " GROUP BY problem_id",
        [UUID(problem) for problem in problems],
    )
    assert sorted(row["times"] for row in steps) == [1] * 12
    assert sum(counted) >= 12


async def test_the_process_itself_sends_up_what_expired_while_it_was_away(
    desk: Desk, registration_settings: RegistrationSettings, database: PostgresSettings
) -> None:
    problem = await desk.raised()
    later = MovableClock(START + STAYS[Level.SUBDISTRICT])
    again = http_app(registration_settings, database, bar=Barred(), clock=later, gateway=Phones())
    async with again.router.lifespan_context(again), asyncio.timeout(10):
        while (await desk.read(problem))["level"] == "subdistrict":
            await asyncio.sleep(0.02)


async def test_a_coordinator_does_not_answer_his_own_question(desk: Desk) -> None:
    assert (await desk.read(await desk.raised("subdistrict"), "subdistrict"))["level"] == "district"
    assert (await desk.read(await desk.raised("centre"), "centre"))["level"] == "central"
    assert (await desk.read(await desk.raised("volunteer", area="10"), "volunteer"))["level"] == "province"
    assert (await desk.read(await desk.raised("subdistrict", area="500102"), "subdistrict"))["level"] == "subdistrict"


async def test_duplicates_follow_the_survivor_and_one_may_leave(desk: Desk) -> None:
    first, second, third = [await desk.raised() for _ in range(3)]
    assert await desk.do("subdistrict", second, "merge", into=first) == (200, "open")
    assert await desk.do("subdistrict", third, "merge", into=second) == (409, "merged")
    assert await desk.do("subdistrict", first, "merge", into=first) == (409, "same_problem")
    assert await desk.do("neighbour", third, "merge", into=first) == (404, "not_found")
    assert await desk.do("district", third, "merge", into=first) == (200, "open")
    other = await desk.raised(title="อีกเรื่อง")
    assert await desk.do("subdistrict", first, "merge", into=other) == (200, "open")
    assert await desk.do("subdistrict", second, "answer", text="x") == (409, "merged")
    listed = await desk.listed("subdistrict")
    assert other in listed
    assert not {first, second, third} & set(listed)
    assert await desk.do("subdistrict", other, "answer", text="แก้แล้ว") == (200, "answered")
    for duplicate in (first, second, third):
        seen = await desk.read(duplicate)
        assert (seen["state"], seen["answer"], seen["merged_into"]) == ("answered", "แก้แล้ว", other)
    assert set((await desk.read(other))["duplicates"]) == {first, second, third}
    assert await desk.do("volunteer", second, "reopening", note="ไม่ใช่เรื่องเดียวกัน") == (200, "open")
    assert (await desk.read(second))["merged_into"] is None
    assert (await desk.read(first))["state"] == "answered"
    # A survivor that goes up by time takes its duplicates along.
    fourth = await desk.raised()
    assert await desk.do("subdistrict", fourth, "merge", into=second) == (200, "open")
    desk.office.clock.advance(STAYS[Level.SUBDISTRICT])
    await desk.expire()
    assert (await desk.read(fourth))["level"] == "district"


async def test_merging_crosswise_at_once_makes_no_circle(desk: Desk) -> None:
    for _ in range(5):
        pair = [await desk.raised(), await desk.raised()]
        done = await asyncio.gather(
            desk.do("subdistrict", pair[0], "merge", into=pair[1]),
            desk.do("subdistrict", pair[1], "merge", into=pair[0]),
        )
        assert sorted(status for status, _ in done) == [200, 409]


async def test_screenshots(desk: Desk) -> None:
    problem = await desk.raised()
    path = f"/v1/problems/{problem}/attachments"
    for content, status, code in (
        (b"GIF89a" + bytes(50), 415, "unknown_kind"),
        (b"<svg onload=alert(1)>", 415, "unknown_kind"),
        (b"%PDF-1.4 %%EOF", 415, "unknown_kind"),
        (b"", 415, "unknown_kind"),
        (png()[:20], 400, "damaged"),
        (png(30_000, 30_000), 400, "too_many_pixels"),
        (png() + bytes(SCREENSHOT_BYTES), 413, "too_large"),
    ):
        refused = await desk.ask("volunteer", "POST", path, content=content)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await desk.ask("subdistrict", "POST", path, content=png())).status_code == 404
    assert (await desk.office.ask("POST", path, content=png())).status_code == 401
    large = png() + bytes(SCREENSHOT_BYTES - len(png()))
    answers = await asyncio.gather(*(desk.ask("volunteer", "POST", path, content=large) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    listed = (await desk.read(problem, "subdistrict"))["attachments"]
    assert [one["media_type"] for one in listed] == ["image/png"] * 3
    file = f"{path}/{listed[0]['attachment_id']}"
    got = await desk.ask("subdistrict", "GET", file)
    assert got.content == large
    assert got.headers["content-type"] == "image/png"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-disposition"].startswith('attachment; filename="problem-')
    assert "no-store" in got.headers["cache-control"]
    assert (await desk.ask("neighbour", "GET", file)).status_code == 404
    other = await desk.raised()
    wrong = await desk.ask("volunteer", "GET", f"/v1/problems/{other}/attachments/{listed[0]['attachment_id']}")
    assert wrong.status_code == 404


async def known(desk: Desk, **changes: Any) -> Any:
    body = {
        "category": "sign_in",
        "title_th": "ไม่ได้รับรหัสทางข้อความสั้น",
        "title_en": "No code comes by text message",
        "answer_th": "รอ 5 นาทีแล้วขอใหม่",
        "answer_en": "Wait five minutes and ask again",
    } | changes
    return await desk.ask("province", "POST", "/v1/known-problems", json=body)


async def test_known_problems_answer_tickets_and_keep_their_words(desk: Desk) -> None:
    entered = (await known(desk)).json()
    listed = await desk.office.ask("GET", "/v1/known-problems", params={"category": "sign_in"})  # without a token
    assert entered in listed.json()["known_problems"]
    problem = await desk.raised(category="sign_in")
    assert await desk.do("subdistrict", problem, "answer", known_problem=str(uuid4())) == (400, "invalid")
    assert await desk.do("subdistrict", problem, "answer") == (400, "invalid")
    chosen = entered["known_problem_id"]
    assert await desk.do("subdistrict", problem, "answer", known_problem=chosen) == (200, "answered")
    path = f"/v1/known-problems/{chosen}"
    change = {"revision": 1, "answer_th": "แก้แล้ว", "state": "solved"}
    answers = await asyncio.gather(*(desk.ask("province", "PATCH", path, json=change) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    seen = await desk.read(problem)
    assert seen["answer"] == "รอ 5 นาทีแล้วขอใหม่\n\nWait five minutes and ask again"
    assert seen["known_problem"] == chosen
    assert (await desk.ask("subdistrict", "PATCH", path, json=change)).status_code == 403
    retired = await desk.ask("province", "PATCH", path, json={"revision": 2, "state": "retired"})
    assert retired.json()["title_en"] == "No code comes by text message"
    listed = await desk.office.ask("GET", "/v1/known-problems")
    assert chosen not in [one["known_problem_id"] for one in listed.json()["known_problems"]]


async def test_what_is_like_a_title_is_found(desk: Desk) -> None:
    entered = (await known(desk, title_th="แผนที่ไม่แสดงจุดฉีดวัคซีนของอำเภอ", category="map")).json()["known_problem_id"]
    mine = await desk.raised(title="แผนที่ไม่แสดงจุดฉีดวัคซีน", category="map")
    others = await desk.raised("neighbour", title="แผนที่ไม่แสดงจุดฉีดวัคซีนเลย", category="map", area="500102")
    await desk.raised(title="เปลี่ยนหมายเลขโทรศัพท์ไม่ได้", category="map")
    closed = await desk.raised(title="แผนที่ไม่แสดงจุดฉีดวัคซีน", category="map")
    await desk.do("volunteer", closed, "closing")
    question = {"text": "แผนที่ ไม่แสดง จุดฉีดวัคซีน 12", "category": "map"}
    for who, expected in (
        ("volunteer", {mine}),
        ("subdistrict", {mine}),
        ("district", {mine, others}),
    ):
        found = (await desk.ask(who, "GET", "/v1/problems/similar", params=question)).json()
        assert {one["problem_id"] for one in found["problems"]} == expected
        assert [one["known_problem_id"] for one in found["known_problems"]] == [entered]
        assert found["problems"][0]["likeness"] > 0.6
    nothing = (await desk.ask("district", "GET", "/v1/problems/similar", params={"text": "1234"})).json()
    assert nothing == {"known_problems": [], "problems": []}


async def test_lists_are_paged_and_filtered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.registration.http.problems.tickets.PAGE_SIZE", 2)
    problems = []
    for minute in range(5):
        desk.office.clock.advance(timedelta(minutes=1))
        problems.append(await desk.raised(category="other" if minute else "map"))
    params: dict[str, Any] = {"mine": True}
    seen: list[str] = []
    while True:
        page = (await desk.ask("volunteer", "GET", "/v1/problems", params=params)).json()
        seen += [one["problem_id"] for one in page["problems"]]
        if page["cursor"] is None:
            break
        params["cursor"] = page["cursor"]
    assert seen == problems[::-1]
    assert await desk.listed("volunteer", category="map") == problems[:1]
    await desk.do("subdistrict", problems[1], "assignment")
    assert await desk.listed("subdistrict", owned=True) == [problems[1]]
    assert await desk.listed("volunteer", state="in_progress") == [problems[1]]
    assert (await desk.ask("volunteer", "GET", "/v1/problems", params={"cursor": "x"})).status_code == 400


async def test_the_month_is_counted_in_bangkok(desk: Desk) -> None:
    clock = desk.office.clock
    clock.advance(timedelta(days=55))
    for last_minute in ("2022-03-31T16:59:59+00:00", "2022-03-31T17:00:00+00:00"):
        clock.advance(clock.now().fromisoformat(last_minute) - clock.now())
        await desk.raised(category="reporting")
    both = {}
    for month in ("2022-03", "2022-04"):
        counts = await desk.ask("province", "GET", "/v1/problems/counts", params={"month": month})
        both[month] = [row for row in counts.json() if row["category"] == "reporting"]
    row = {"province": "50", "category": "reporting", "level": "subdistrict", "raised": 1, "waiting": 1, "merged": 0}
    assert both == {"2022-03": [row], "2022-04": [row]}
    assert (
        await desk.ask("province", "GET", "/v1/problems/counts", params={"month": "2022-03", "area": "10"})
    ).status_code == 403
    assert (await desk.ask("province", "GET", "/v1/problems/counts", params={"month": "2022-13"})).status_code == 400


async def test_a_flood_of_tickets_is_stopped(desk: Desk) -> None:
    for _ in range(20):
        await desk.raised()
    answer = await desk.ask("volunteer", "POST", "/v1/problems", json={"category": "map", "title": "x", "text": "x"})
    assert answer.status_code == 429


async def test_the_database_holds_the_rules_too(desk: Desk) -> None:
    problem = UUID(await desk.raised())
    for broken in ("merged_into = problem_id", "due_at = NULL", "level = 'village'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await desk.office.pool.execute(
                f"UPDATE problem SET {broken} WHERE problem_id = $1",  # noqa: S608 - of this test
                problem,
            )
