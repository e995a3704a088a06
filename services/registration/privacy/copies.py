"""The copy of everything that registration holds about a person: for people to read, and for programs.

Of others it gives roles, not names: who decided or read is that person's data. What led to a decision is left out where
it is kept, since it may name who complained; it says that there is such a text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from services.registration.store.people import RECORD_ACCESS, UnknownPerson
from services.registration.store.sealed_fields import open_field, opened
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing
from shared.web.printable import Page
from shared.web.problems import Message

MOST: Final = 1_000
"""Rows of each kind, the latest: years of work. The copy says when there are more."""
MOST_READINGS: Final = 5_000
"""Of a person: lists of an area are read every day."""
PURPOSE: Final = "copy handed over"
"""What is recorded when somebody else fetches the copy, for who asked in writing."""

PERSON: Final = """
SELECT p.person_id, p.area, p.role, p.status, p.registered_at, p.waiting_since, p.refused_at, p.phone_confirmed_at,
       p.group_code, p.notice, p.notice_shown, p.assisted_by IS NOT NULL AS assisted,
       p.national_id_index IS NOT NULL AS national_id_hashed, o.name AS organisation, d.last_active_day,
       n.key_id AS name_key, n.wrapped_key AS name_wrapped, n.ciphertext AS name,
       t.key_id AS phone_key, t.wrapped_key AS phone_wrapped, t.ciphertext AS phone, p.phone_index
FROM person AS p
JOIN organisation AS o USING (organisation_id)
LEFT JOIN active_day AS d USING (person_id)
LEFT JOIN sealed_field AS n ON n.person_id = p.person_id AND n.field = 'name'
LEFT JOIN sealed_field AS t ON t.person_id = p.person_id AND t.field = 'phone'
WHERE p.person_id = $1 AND p.area >= $2 AND p.area < $2 || ':'
"""

# $1: the person; $2: how many at most.
LISTS: Final[Mapping[str, str]] = {
    "decisions": """
SELECT d.decided_at, d.step, d.status, d.role, d.area, d.decided_by = d.person_id AS by_oneself,
       s.person_id IS NOT NULL AS reason_kept
FROM decision AS d
LEFT JOIN sealed_field AS s ON s.person_id = d.person_id AND s.field = 'reason.' || d.revision
WHERE d.person_id = $1
ORDER BY d.revision DESC
LIMIT $2
""",
    "appointments": """
SELECT a.role, a.area, o.name AS organisation, a.from_day, a.to_day, a.appointed_at, a.begun_at, a.ended_at,
       s.person_id IS NOT NULL AS reason_kept
FROM appointment AS a
JOIN organisation AS o USING (organisation_id)
LEFT JOIN sealed_field AS s ON s.person_id = a.person_id AND s.field = 'appointment.' || a.appointment_id
WHERE a.person_id = $1
ORDER BY a.from_day DESC, a.appointment_id
LIMIT $2
""",
    "contact_of": """
SELECT o.name AS organisation, c.valid_from, c.valid_to
FROM organisation_contact AS c JOIN organisation AS o USING (organisation_id)
WHERE c.person_id = $1
ORDER BY c.valid_from DESC, o.organisation_id
LIMIT $2
""",
    "directives_acknowledged": """
SELECT d.reference, d.title_th, d.title_en, a.acknowledged_at, a.role, a.area
FROM directive_acknowledgement AS a JOIN directive AS d USING (directive_id)
WHERE a.person_id = $1
ORDER BY a.acknowledged_at DESC, d.directive_id
LIMIT $2
""",
    "reminders": """
SELECT n.week, n.stage, m.channel, m.state, m.changed_at
FROM notice_message AS m JOIN notice AS n USING (notice_id)
WHERE m.channel = 'sms' AND m.receiver = $1::uuid::text
ORDER BY m.changed_at DESC, n.notice_id
LIMIT $2
""",
    "sign_ins": """
SELECT min(t.issued_at) AS begun_at, max(t.issued_at) AS used_last_at, f.expires_at, f.revoked_at
FROM refresh_family AS f JOIN refresh_token AS t USING (family_id)
WHERE f.person_id = $1
GROUP BY f.family_id
ORDER BY begun_at DESC
LIMIT $2
""",
    "files_published": """
SELECT uploaded_at, media_type, size FROM published_file WHERE uploaded_by = $1 ORDER BY uploaded_at DESC LIMIT $2
""",
}

# $1: the person; $2: the phone's keyed hash; $3: how many at most.
TRAININGS: Final = """
SELECT c.title_th, c.title_en, s.begins_at, u.state, u.signed_up_at, u.cancelled_at, u.attended_at,
       t.completed_at, t.valid_until, u.sign_up_id, n.key_id, n.wrapped_key, n.ciphertext
FROM training_sign_up AS u
JOIN training_session AS s USING (session_id)
JOIN training_course AS c USING (course_id)
LEFT JOIN training_completion AS t USING (sign_up_id)
LEFT JOIN training_sign_up_field AS n ON n.sign_up_id = u.sign_up_id AND n.field = 'name'
WHERE u.person_id = $1 OR u.phone_index = $2
ORDER BY s.begins_at DESC, u.sign_up_id
LIMIT $3
"""

HELP: Final = """
SELECT area, asked_at, closed_at, outcome FROM registration_help WHERE phone_index = $1 ORDER BY asked_at DESC LIMIT $2
"""

TICKETS: Final = """
SELECT problem_id, category, area, level, state, raised_at, settled_at, record_id
FROM problem
WHERE raised_by = $1
ORDER BY raised_at DESC, problem_id
LIMIT $2
"""
TICKET_FIELDS: Final = """
SELECT problem_id, field, key_id, wrapped_key, ciphertext FROM problem_field WHERE problem_id = ANY ($1::uuid[])
"""
TICKET_STEPS: Final = """
SELECT problem_id, revision, kind, at, level, state, done_by = $2 AS by_oneself
FROM problem_step
WHERE problem_id = ANY ($1::uuid[])
ORDER BY at, revision
"""
TICKET_PICTURES: Final = """
SELECT problem_id, attached_at, media_type, size
FROM problem_attachment
WHERE problem_id = ANY ($1::uuid[])
ORDER BY attached_at
"""

# The role is the one that the reader holds now; of programs and of who left since, none.
READINGS: Final = """
SELECT a.read_at, a.purpose, p.role, a.reader = $1 AS by_oneself
FROM personal_data_access AS a LEFT JOIN person AS p ON p.person_id = a.reader
WHERE a.persons @> ARRAY[$1::uuid]
ORDER BY a.read_at DESC, a.access_id DESC
LIMIT $2
"""

ERASURE: Final = "SELECT erased_at FROM person_erasure WHERE person_id = $1"


class Copies:
    """Makes copies from the registration database; `ring` opens what is sealed in it."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def of(self, person_id: UUID, *, within: str, reader: UUID, now: datetime) -> dict[str, Any]:
        """Everything about a person inside `within`, as JSON would have it; that another than himself fetches it is
        recorded in the same transaction. Raises `UnknownPerson`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(PERSON, person_id, within)
            if row is None:
                raise UnknownPerson
            if reader != person_id:
                await connection.execute(RECORD_ACCESS, now, reader, PURPOSE, [person_id])
            lists = {
                name: [dict(one) for one in await connection.fetch(statement, person_id, MOST + 1)]
                for name, statement in LISTS.items()
            }
            lists["trainings"] = await self._trainings(connection, person_id, row["phone_index"])
            helped = await connection.fetch(HELP, row["phone_index"], MOST + 1)
            lists["help_with_registering"] = [dict(one) for one in helped]
            lists["problems"] = await self._tickets(connection, person_id)
            readings = await connection.fetch(READINGS, person_id, MOST_READINGS + 1)
            erased_at = await connection.fetchval(ERASURE, person_id)
        more = sorted(name for name, rows in lists.items() if len(rows) > MOST)
        document = {
            "made_at": now,
            "person": self._person(row) | {"erased_at": erased_at},
            **{name: rows[:MOST] for name, rows in lists.items()},
            "read_by": [dict(one) for one in readings[:MOST_READINGS]],
            "cut_short": more + (["read_by"] if len(readings) > MOST_READINGS else []),
        }
        made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
        return made

    def _person(self, row: asyncpg.Record) -> dict[str, Any]:
        sealed = ("name_key", "name_wrapped", "phone_key", "phone_wrapped", "phone_index")
        clear = {name: value for name, value in row.items() if name not in sealed}
        return clear | {"name": opened(self._ring, row, "name"), "phone": opened(self._ring, row, "phone")}

    async def _trainings(
        self, connection: Connection, person_id: UUID, phone_index: bytes | None
    ) -> list[dict[str, Any]]:
        rows = await connection.fetch(TRAININGS, person_id, phone_index, MOST + 1)
        sealed = ("sign_up_id", "key_id", "wrapped_key", "ciphertext")
        return [
            {name: value for name, value in row.items() if name not in sealed}
            | {"signed_up_as": open_field(self._ring, row, of=row["sign_up_id"], field="name")}
            for row in rows
        ]

    async def _tickets(self, connection: Connection, person_id: UUID) -> list[dict[str, Any]]:
        tickets = await connection.fetch(TICKETS, person_id, MOST + 1)
        ids = [ticket["problem_id"] for ticket in tickets]
        texts = {
            (row["problem_id"], row["field"]): open_field(self._ring, row, of=row["problem_id"], field=row["field"])
            for row in await connection.fetch(TICKET_FIELDS, ids)
        }
        steps = await connection.fetch(TICKET_STEPS, ids, person_id)
        pictures = await connection.fetch(TICKET_PICTURES, ids)
        return [
            dict(ticket)
            | {name: texts.get((ticket["problem_id"], name)) for name in ("title", "text", "page")}
            | {
                "steps": [
                    _without_id(step) | {"note": texts.get((ticket["problem_id"], f"note.{step['revision']}"))}
                    for step in steps
                    if step["problem_id"] == ticket["problem_id"]
                ],
                "pictures": [_without_id(one) for one in pictures if one["problem_id"] == ticket["problem_id"]],
            }
            for ticket in tickets
        ]


def _without_id(row: asyncpg.Record) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("problem_id", "revision")}


PAGE: Final = Page(
    title=Message("สำเนาข้อมูลของท่านในระบบลงทะเบียน", "Copy of your data in registration"),
    sections={
        "person": Message("ข้อมูลของท่าน", "You"),
        "decisions": Message("การพิจารณาเกี่ยวกับท่าน", "What was decided about you"),
        "appointments": Message("การแต่งตั้ง", "Appointments"),
        "contact_of": Message("ผู้ติดต่อของหน่วยงาน", "Contact of organisations"),
        "trainings": Message("การอบรม", "Trainings"),
        "directives_acknowledged": Message("ข้อสั่งการที่รับทราบ", "Directives acknowledged"),
        "problems": Message("ปัญหาที่แจ้ง", "Problems reported"),
        "help_with_registering": Message("ขอให้ช่วยลงทะเบียน", "Help with registering"),
        "reminders": Message("ข้อความเตือน", "Reminders sent"),
        "sign_ins": Message("การเข้าสู่ระบบ", "Sign-ins"),
        "files_published": Message("ไฟล์ที่เผยแพร่", "Files published"),
        "read_by": Message("ใครเปิดอ่านข้อมูลนี้", "Who has read it"),
    },
    words={
        "person_id": Message("รหัส", "Id"),
        "name": Message("ชื่อ", "Name"),
        "phone": Message("เบอร์โทร", "Phone"),
        "area": Message("พื้นที่", "Area"),
        "role": Message("บทบาท", "Role"),
        "status": Message("สถานะ", "Status"),
        "state": Message("สถานะ", "State"),
        "organisation": Message("หน่วยงาน", "Organisation"),
        "registered_at": Message("ลงทะเบียนเมื่อ", "Registered"),
        "waiting_since": Message("ขอลงทะเบียนล่าสุดเมื่อ", "Last sign-up"),
        "refused_at": Message("ไม่อนุมัติเมื่อ", "Refused"),
        "phone_confirmed_at": Message("ยืนยันเบอร์เมื่อ", "Phone confirmed"),
        "group_code": Message("รหัสกลุ่ม", "Group code"),
        "notice": Message("ประกาศความเป็นส่วนตัวรุ่น", "Privacy notice, version"),
        "notice_shown": Message("แสดงประกาศโดย", "How it was shown"),
        "assisted": Message("ผู้ประสานงานลงทะเบียนให้", "Signed up by a coordinator"),
        "national_id_hashed": Message("มีรหัสลับของเลขประจำตัวประชาชน", "Keyed hash of a national id is held"),
        "last_active_day": Message("ใช้งานล่าสุด", "Last used"),
        "erased_at": Message("ลบเมื่อ", "Erased"),
        "decided_at": Message("เมื่อ", "At"),
        "at": Message("เมื่อ", "At"),
        "read_at": Message("เมื่อ", "At"),
        "step": Message("การดำเนินการ", "Step"),
        "by_oneself": Message("โดยตัวท่านเอง", "By yourself"),
        "reason_kept": Message("มีเหตุผลเก็บไว้", "A reason is kept"),
        "purpose": Message("เพื่อ", "What for"),
        "title": Message("หัวข้อ", "Title"),
        "text": Message("ข้อความ", "Text"),
        "note": Message("บันทึก", "Note"),
        "steps": Message("ลำดับการดำเนินการ", "Steps"),
        "pictures": Message("ภาพ", "Pictures"),
    },
    cut_short="cut_short",
    more=Message("มีมากกว่าที่แสดงในรายการนี้", "There is more than this shows"),
)
