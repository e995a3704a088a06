"""The copy of everything that the survey holds about a household: for people to read, and for programs.

Of those who work for it the copy gives roles, not names: what they did is about the household, who they are is theirs.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from services.survey.desk import store as desk
from services.survey.help.personal import Opened
from services.survey.intake import SEALED_FIELD
from services.survey.privacy import requests
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, SealBroken, Sealed
from shared.web.printable import Page
from shared.web.problems import Message

FETCHED_WITHIN: Final = timedelta(days=30)
"""After the decision: after that it is asked for anew, since the data and who proves himself may have changed."""
MOST_HELP: Final = 200
"""Requests for help of a phone, the latest: after a month they hold nothing personal any more."""
MOST_READINGS: Final = 5_000
"""Of a household: years of daily readings. The copy says when there are more."""

VISITS: Final = """
SELECT submission_id, kind, outcome, captured_at, received_at, recorded_at, notice, flags, key_id, wrapped_key, sealed
FROM submission
WHERE household_id = $1
ORDER BY captured_at, submission_id
"""

STANDING: Final = """
SELECT area, village, revision, counts::text AS counts, captured_at, erased_at FROM household WHERE household_id = $1
"""

REACH: Final = """
SELECT person_id, place, rank, wanting_since, dose, at_risk, home_visit, reasons, status, due_at, facility_id,
       registered_area, followed_at
FROM reach
WHERE household_id = $1
ORDER BY place
"""

FOLLOW_UPS: Final = """
SELECT person_id, captured_at, outcome, dose, due_at, facility_id
FROM follow_up
WHERE household_id = $1
ORDER BY captured_at
"""

# Only who may take persons on or is given one holds a claim; in which role is not kept with it.
CLAIMS: Final = """
SELECT person_id, 'volunteer_or_coordinator' AS held_by, assigned_by IS NOT NULL AS assigned, claimed_at, due_at
FROM claim
WHERE household_id = $1 AND expires_at > $2
ORDER BY claimed_at, person_id
"""

READINGS: Final = """
SELECT read_at, role, area, purpose
FROM reading
WHERE households && $1::uuid[]
ORDER BY read_at DESC
LIMIT $2
"""

TRANSFERS: Final = """
SELECT at, role, what FROM transfer WHERE households @> ARRAY[$1::uuid] ORDER BY at
"""

NOTE_TRANSFER: Final = """
INSERT INTO transfer (at, recipient, role, area, what, households) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def held(
    connection: Connection, ring: KeyRing, household_id: UUID, help_requests: Sequence[Opened], now: datetime
) -> dict[str, Any]:
    """Everything about a household, its seals opened, as JSON would have it. Who reads it notes that first.

    help_requests: those of who receives it, by the proven phone.
    """
    standing = await connection.fetchrow(STANDING, household_id)
    visits = []
    for row in await connection.fetch(VISITS, household_id):
        visit = {
            name: row[name] for name in ("submission_id", "kind", "outcome", "captured_at", "recorded_at", "flags")
        }
        visits.append(visit | {"notice": row["notice"], "content": _content(ring, household_id, row)})
    asked = [requests.read(ring, row) for row in await connection.fetch(requests.OF_HOUSEHOLD, household_id)]
    ids = [household_id, *(one.request.request_id for one in help_requests)]
    readings = await connection.fetch(READINGS, ids, MOST_READINGS + 1)
    document = {
        "household_id": household_id,
        "made_at": now,
        "household": None if standing is None else _household(dict(standing)),
        "visits": visits,
        "persons_to_reach": [dict(row) for row in await connection.fetch(REACH, household_id)],
        "follow_ups": [dict(row) for row in await connection.fetch(FOLLOW_UPS, household_id)],
        "held_by": [dict(row) for row in await connection.fetch(CLAIMS, household_id, now)],
        "listed_house": await desk.listed(connection, ring, household_id),
        "help_requests": [_help(one) for one in help_requests],
        "requests": [
            {
                "kind": one.kind,
                "state": one.state,
                "asked_at": one.asked_at,
                "decided_at": one.decided_at,
                "written": msgspec.to_builtins(one.written),
            }
            for one in asked
        ],
        "read_by": [dict(row) for row in readings[:MOST_READINGS]],
        "read_more_often": len(readings) > MOST_READINGS,
        "handed_over": [dict(row) for row in await connection.fetch(TRANSFERS, household_id)],
    }
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return found


def _help(one: Opened) -> dict[str, Any]:
    request = one.request
    return {
        "request_id": request.request_id,
        "kind": request.kind,
        "area": request.area,
        "people": request.people,
        "status": request.status,
        "asked_at": request.asked_at,
        "deadline": request.deadline,
        "outcome": request.outcome,
        "content": None if one.details is None else asdict(one.details),
        "steps": [
            {"at": step.at, "step": step.step, "by": step.actor_role, "told": step.told_role, "note": step.note}
            for step in one.steps
        ],
    }


def _household(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"counts": None if row["counts"] is None else msgspec.json.decode(row["counts"])}


def _content(ring: KeyRing, household_id: UUID, row: asyncpg.Record) -> Any:
    if row["wrapped_key"] is None or not row["sealed"]:
        return None
    sealed = Sealed(row["key_id"], row["wrapped_key"], row["sealed"])
    try:
        return msgspec.json.decode(ring.open_sealed(sealed, household=str(household_id), field=SEALED_FIELD))
    except SealBroken:
        return None


PAGE: Final = Page(
    title=Message("สำเนาข้อมูลของครัวเรือน", "Copy of a household's data"),
    sections={
        "household": Message("สถานะปัจจุบัน", "As it stands"),
        "visits": Message("การเยี่ยมและสิ่งที่บันทึก", "Visits, and what was recorded"),
        "persons_to_reach": Message("ผู้ที่ต้องการวัคซีน", "Who wants vaccine"),
        "follow_ups": Message("การติดตาม", "Following up"),
        "held_by": Message("อาสาสมัครหรือผู้ประสานงานที่รับไปเยี่ยม", "Taken on by a volunteer or coordinator, to visit"),
        "listed_house": Message("ในทะเบียนบ้านของพื้นที่", "On the area's list of houses"),
        "help_requests": Message("คำขอความช่วยเหลือของท่าน", "Your requests for help"),
        "requests": Message("คำขอเกี่ยวกับข้อมูล", "Requests about the data"),
        "read_by": Message("ใครเปิดอ่านข้อมูลนี้", "Who has read it"),
        "handed_over": Message("ข้อมูลที่ส่งมอบออกไป", "What was handed over"),
    },
    words={
        "content": Message("เนื้อหา", "Content"),
        "destroyed": Message("ทำลายแล้ว", "Destroyed"),
    },
    cut_short="read_more_often",
    more=Message("มีการอ่านมากกว่าที่แสดง", "It was read more often than is shown"),
)


def fetchable(request: requests.Request, now: datetime) -> bool:
    """Whether the copy that was asked for can be had now."""
    return (
        request.kind is requests.Kind.ACCESS
        and request.state is requests.State.DONE
        and request.decided_at is not None
        and now <= request.decided_at + FETCHED_WITHIN
    )
