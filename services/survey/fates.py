"""What became of submissions and follow-ups: of one, and of a volunteer's own, newest first.

Only what intake accepted can be found here. What it refused (400, 403, 409, 413) was answered to the phone at once,
with the reasons, and is not stored.
"""

import base64
import binascii
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from services.survey import store
from services.survey.intake import RETRY_AFTER_SECONDS
from services.survey.quality import MEANINGS
from services.survey.store import NEWEST, Arrival
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import RIGHTS, Right
from shared.web.authentication import require
from shared.web.problems import FieldError, Message, Problem, language_of

DEFAULT_ITEMS: Final = 50
"""As many as a phone sends at once."""
MOST_ITEMS: Final = 200
"""About 80 KiB, and some weeks of a volunteer's visits."""

REASONS: Final[Mapping[str, tuple[str, Message]]] = {
    "superseded": (
        "later_visit_stands",
        Message(
            "มีข้อมูลจากการเยี่ยมที่ใหม่กว่าอยู่แล้ว ข้อมูลครัวเรือนจึงคงเดิม และยังนับการเยี่ยมครั้งนี้ให้ท่าน",
            "A later visit to this household stood already: the household keeps its state, and this visit still counts",
        ),
    ),
    "duplicate": (
        "already_recorded",
        Message("ข้อมูลเดียวกันนี้บันทึกไว้แล้ว จึงนับเพียงครั้งเดียว", "The same was recorded before, and counts once"),
    ),
    "rejected": (
        "id_used_before",
        Message(
            "รหัสนี้ใช้กับข้อมูลอื่นที่บันทึกไว้แล้ว ข้อมูลนี้จึงไม่ได้บันทึก โปรดส่งด้วยรหัสใหม่",
            "This id was used before, for something else: this was not recorded; send it with a new id",
        ),
    ),
}
"""Why an outcome is another than `recorded`: a word for programs and a sentence."""

NOT_TO_REACH: Final = (
    "not_to_reach",
    Message(
        "การเยี่ยมครั้งล่าสุดไม่ได้ระบุผู้นี้ว่าต้องติดตาม หรือเกิดขึ้นหลังการติดตามนี้ ข้อมูลครัวเรือนจึงคงเดิม และยังนับการติดตามครั้งนี้ให้ท่าน",
        "The household's latest visit does not name this person as to reach, or is later than this follow-up: the "
        "household keeps its state, and this follow-up still counts",
    ),
)
"""Why a follow-up is `superseded`."""

_CURSOR: Final = struct.Struct(">qiq")  # microseconds since 1970, partition, sequence
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_A_CURSOR: Final = Message("ตัวชี้หน้าไม่ถูกต้อง โปรดเริ่มใหม่", "This is not a cursor of ours, please begin again")

router = APIRouter(prefix="/v1/submissions")
Reader = Annotated[Principal, Depends(require(Right.SUBMISSION_READ))]


class Reason(BaseModel):
    """A stable word for programs, and what it means in the reader's language."""

    code: str
    message: str


class Repeat(BaseModel):
    """Another record that was accepted under the same id."""

    status: str
    received_at: datetime
    reasons: list[Reason]


class Fate(BaseModel):
    """What became of a submission or a follow-up; kind: `survey`, `follow_up` or, of a household, `erasure`.

    status: `recorded` (its state stands or stood), `superseded` (a later visit already stood), `duplicate` or
    `rejected` (yours came under an id that somebody else's submission has), `not_known_yet` (not recorded until now,
    refused by intake, not seen, or not yours to see). repeats: the same id accepted again, `duplicate` with the same
    content and `rejected` with another, which was not recorded. flags: what is odd about it; it counts all the same.
    """

    submission_id: UUID
    status: str
    kind: str | None = None
    reasons: list[Reason] = []
    flags: list[Reason] = []
    recorded_at: datetime | None = None
    revision: int | None = None
    repeats: list[Repeat] = []


class Item(BaseModel):
    """One arrival of a submission or a follow-up: `recorded`, `superseded`, `duplicate` or `rejected`, and why.

    flags: what is odd about it; it counts all the same. kind, captured_at, recorded_at and revision are null for the
    last two, which became no visit.
    """

    submission_id: UUID
    status: str
    kind: str | None
    reasons: list[Reason]
    flags: list[Reason]
    area: str
    received_at: datetime
    captured_at: datetime | None
    recorded_at: datetime | None
    revision: int | None


class Items(BaseModel):
    """Some of your own submissions and follow-ups, newest first; `cursor` leads to the next ones and is null when there
    are none."""

    items: list[Item]
    cursor: str | None


@router.get("")
async def own(
    request: Request,
    principal: Reader,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = DEFAULT_ITEMS,
) -> Items:
    """Your own submissions and follow-ups that intake accepted and the recorder has taken, those received last first.

    What intake refused was answered at once and is not kept; what was accepted a moment ago may not be here yet.
    """
    before = NEWEST if cursor is None else _arrival(cursor)
    try:
        async with acquire(request.app.state.pool) as connection:
            found = await store.own_submissions(connection, principal.subject, before, limit + 1)
    except UNREACHABLE:
        raise _away() from None
    language = _language(request)
    more = _cursor(Arrival(*(found[limit - 1][name] for name in Arrival._fields))) if len(found) > limit else None
    return Items(items=[_item(row, language) for row in found[:limit]], cursor=more)


@router.get("/{submission_id}")
async def fate(submission_id: UUID, request: Request, principal: Reader) -> Fate:
    """What became of a submission or, by its id, of a follow-up: of one's own, or of one's area for those who see
    others' submissions."""
    area = principal.area if Right.FIGURES_EXACT in RIGHTS[principal.role] else None
    try:
        async with acquire(request.app.state.pool) as connection:
            row, repeats = await store.submission_fate(connection, submission_id, principal.subject, area)
    except UNREACHABLE:
        raise _away() from None
    language = _language(request)
    told = [
        Repeat(status=one["outcome"], received_at=one["received_at"], reasons=reasons_of(one["outcome"], language))
        for one in repeats
    ]
    if row is None:
        status = told[-1].status if told else "not_known_yet"
        return Fate(submission_id=submission_id, status=status, reasons=reasons_of(status, language), repeats=told)
    return Fate(
        submission_id=submission_id,
        status=row["outcome"],
        kind=row["kind"],
        reasons=reasons_of(row["outcome"], language, row["kind"]),
        flags=_flags(row, language),
        recorded_at=row["recorded_at"],
        revision=row["revision"],
        repeats=told,
    )


def reasons_of(outcome: str, language: str, kind: str | None = None) -> list[Reason]:
    """Why an outcome is another than `recorded`; nothing for that one."""
    if outcome not in REASONS:
        return []
    code, message = NOT_TO_REACH if (kind, outcome) == ("follow_up", "superseded") else REASONS[outcome]
    return [Reason(code=code, message=message.in_language(language))]


def _flags(row: asyncpg.Record, language: str) -> list[Reason]:
    return [Reason(code=flag, message=MEANINGS[flag].in_language(language)) for flag in row["flags"] or ()]


def _item(row: asyncpg.Record, language: str) -> Item:
    return Item(
        submission_id=row["submission_id"],
        status=row["outcome"],
        kind=row["kind"],
        reasons=reasons_of(row["outcome"], language, row["kind"]),
        flags=_flags(row, language),
        area=row["area"],
        received_at=row["received_at"],
        captured_at=row["captured_at"],
        recorded_at=row["recorded_at"],
        revision=row["revision"],
    )


def _language(request: Request) -> str:
    return language_of(request.headers.get("accept-language"))


def _away() -> Problem:
    return Problem(503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def _cursor(last: Arrival) -> str:
    since = (last.received_at - _START) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_CURSOR.pack(since, last.partition, last.sequence)).decode().rstrip("=")


def _arrival(cursor: str) -> Arrival:
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        since, partition, sequence = _CURSOR.unpack(data)
        return Arrival(_START + timedelta(microseconds=since), partition, sequence)
    except (ValueError, OverflowError, struct.error, binascii.Error):
        raise Problem(400, "invalid", errors=[FieldError("cursor", "not_a_cursor", _NOT_A_CURSOR)]) from None
