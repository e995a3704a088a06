"""/v1/desk/flagged: submissions with something odd, one by one, and what a coordinator found."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.survey.audit import Purpose, note_reading
from services.survey.desk import flagged
from services.survey.desk.flagged import Verdict
from services.survey.desk.http.parts import (
    NOT_FOUND,
    AreaText,
    CursorText,
    area_of,
    database,
    invalid,
    language,
    now_of,
    read_place,
    ring_of,
    write_place,
)
from services.survey.opening import standing_submissions, submissions
from services.survey.quality import MEANINGS
from services.survey.submission import Submission
from shared.contracts.events import QualityFlag
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body
from shared.web.problems import Message, Problem

PAGE_SIZE: Final = 50
"""Some 25 KiB, and more than a coordinator looks at in an hour."""
MOST_NOTE: Final = 500
"""Characters: a few sentences."""
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)

router = APIRouter(prefix="/v1/desk/flagged", tags=["desk"])
Reviewer = Annotated[Principal, Depends(require(Right.QUALITY_REVIEW))]

_NO_CORRECTION = Message("ต้องระบุรหัสข้อมูลที่แก้ไขแล้ว", "Name the submission that puts it right")
_NEEDLESS = Message("ระบุได้เฉพาะเมื่อแก้ไขแล้ว", "This goes with the verdict corrected alone")
_OTHER_HOUSE = Message("ต้องเป็นข้อมูลของครัวเรือนเดียวกันที่เก็บภายหลัง", "This has to be a later survey of the same household")
_NOT_YET = Message(
    "ข้อมูลที่แก้ไขยังไม่บันทึก โปรดลองอีกครั้งในอีกสักครู่", "The correction is not recorded yet; try again in a moment"
)
_REVIEWED = Message("มีผู้ตรวจรายการนี้แล้ว", "Somebody has looked at this already")
_ERASED = Message("ข้อมูลนี้ถูกลบตามคำขอแล้ว", "These data were erased")


class Flag(BaseModel):
    """What is odd: a stable word and a sentence."""

    code: str
    message: str


class Review(BaseModel):
    """What a coordinator found, and when."""

    verdict: Verdict
    corrected_by: UUID | None
    reviewed_by: UUID
    reviewed_at: datetime


class FlaggedItem(BaseModel):
    """A submission with flags, without anything personal. standing: it is what the household counts for now. erased:
    there is nothing to look at any more."""

    submission_id: UUID
    household_id: UUID
    area: str
    village: str | None
    volunteer_id: UUID
    captured_at: datetime
    received_at: datetime
    outcome: str
    standing: bool
    erased: bool
    flags: list[Flag]
    review: Review | None


class FlaggedPage(BaseModel):
    """A page, by subdistrict in the order in which they came; `cursor` leads to the next and is null on the last."""

    items: list[FlaggedItem]
    cursor: str | None


class Elsewhere(BaseModel):
    """Another household in which somebody was recorded first; its id where it lies in your area."""

    area: str
    household_id: UUID | None


class DoorBefore(BaseModel):
    """Where the volunteer was before, by the phone's clock."""

    area: str
    captured_at: datetime


class FlaggedDetail(FlaggedItem):
    """The same with what was sent, as it was sent, and what the household counts for now. Recorded as read."""

    submission: dict[str, Any] | None
    standing_submission: dict[str, Any] | None
    elsewhere: list[Elsewhere]
    door_before: DoorBefore | None
    note: str | None


class ReviewBody(Body):
    """fine: it is as it was sent; corrected: `corrected_by`, a later survey of the household, puts it right; wrong: it
    is not true, and nothing can be put in its place. note: sealed, and erased with the household."""

    verdict: Verdict
    note: Annotated[str, Field(min_length=1, max_length=MOST_NOTE, pattern=r"^[^\x00]*$")] | None = None
    corrected_by: UUID | None = None


@router.get("")
async def list_flagged(
    request: Request,
    caller: Reviewer,
    area: AreaText = None,
    flag: QualityFlag | None = None,
    state: Literal["open", "seen"] = "open",
    cursor: CursorText = None,
) -> FlaggedPage:
    """List submissions with something odd: those that nobody has looked at, or those that somebody has."""
    code = area_of(caller, area)
    after = ("", _FIRST, UUID(int=0)) if cursor is None else read_place(cursor)
    async with database(request) as connection:
        rows = await flagged.page(connection, code, flag=flag, seen=state == "seen", after=after, limit=PAGE_SIZE + 1)
    shown = rows[:PAGE_SIZE]
    last = shown[-1] if len(rows) > PAGE_SIZE else None
    return FlaggedPage(
        items=[FlaggedItem(**_item(row, language(request))) for row in shown],
        cursor=write_place(last["area"], last["received_at"], last["submission_id"]) if last else None,
    )


@router.get("/{submission_id}")
async def show_flagged(request: Request, caller: Reviewer, submission_id: Annotated[UUID, Path()]) -> FlaggedDetail:
    """Show what was sent, and what lies behind its flags. The reading is recorded."""
    async with database(request) as connection:
        return await _detail(request, connection, caller, submission_id)


@router.post("/{submission_id}/review", status_code=201)
async def review(
    request: Request, response: Response, caller: Reviewer, submission_id: Annotated[UUID, Path()], body: ReviewBody
) -> Review:
    """Say what it turned out to be: once. The same again is answered 200; another verdict 409, with the one that
    stands."""
    if (body.verdict is Verdict.CORRECTED) != (body.corrected_by is not None):
        missing = body.corrected_by is None
        code, message = ("required", _NO_CORRECTION) if missing else ("needless", _NEEDLESS)
        raise invalid("corrected_by", code, message)
    async with database(request) as connection:
        row = await _find(connection, caller, submission_id)
        if row["verdict"] is None:
            if row["erased"]:
                raise Problem(409, "erased", detail=_ERASED)
            if body.corrected_by is not None:
                await _judge(connection, body.corrected_by, row)
            await flagged.review(
                connection,
                ring_of(request),
                row,
                verdict=body.verdict,
                note=body.note,
                corrected_by=body.corrected_by,
                by=caller.subject,
                now=now_of(request),
            )
            made = await _find(connection, caller, submission_id)
            if made["verdict"] is None:  # the correction belongs to another record's review
                raise invalid("corrected_by", "other_review", _OTHER_HOUSE)
        else:
            made = row
        standing = _review(made)
    assert standing is not None  # noqa: S101 - judged above
    if (standing.verdict, standing.corrected_by, standing.reviewed_by) != (
        body.verdict,
        body.corrected_by,
        caller.subject,
    ):
        raise Problem(409, "already_reviewed", detail=_REVIEWED, members={"review": standing.model_dump(mode="json")})
    response.status_code = 201 if row["verdict"] is None else 200
    return standing


async def _judge(connection: Connection, correction: UUID, row: asyncpg.Record) -> None:
    corrects = await flagged.corrects(connection, correction, row)
    if corrects is None:
        raise Problem(409, "not_recorded_yet", detail=_NOT_YET, headers={"Retry-After": "1"})
    if not corrects:
        raise invalid("corrected_by", "other_household", _OTHER_HOUSE)


async def _find(connection: Connection, caller: Principal, submission_id: UUID) -> asyncpg.Record:
    row = await flagged.find(connection, submission_id, caller.area)
    if row is None:
        raise Problem(404, detail=NOT_FOUND)
    return row


async def _detail(request: Request, connection: Connection, caller: Principal, submission_id: UUID) -> FlaggedDetail:
    ring, row = ring_of(request), await _find(connection, caller, submission_id)
    household_id = row["household_id"]
    sent = (await submissions(connection, ring, [submission_id])).get(submission_id)
    standing = (await standing_submissions(connection, ring, [household_id])).get(household_id)
    behind = await flagged.oddness(connection, row)
    await note_reading(connection, caller, Purpose.QUALITY, [household_id], now=now_of(request))
    return FlaggedDetail(
        **_item(row, language(request)),
        submission=_document(sent),
        standing_submission=_document(standing),
        elsewhere=[
            Elsewhere(area=area, household_id=one if caller.covers(area) else None)
            for one in behind.elsewhere
            for area in (one.hex[:6],)
        ],
        door_before=None
        if behind.door_before is None
        else DoorBefore(area=behind.door_before[0], captured_at=behind.door_before[1]),
        note=flagged.note_of(ring, row),
    )


def _document(submission: Submission | None) -> dict[str, Any] | None:
    """As the interface writes a submission."""
    if submission is None:
        return None
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(submission))
    return document


def _item(row: asyncpg.Record, spoken: str) -> dict[str, Any]:
    names = (
        "submission_id",
        "household_id",
        "area",
        "village",
        "volunteer_id",
        "captured_at",
        "received_at",
        "outcome",
    )
    return {
        **{name: row[name] for name in names},
        "standing": bool(row["standing"]),
        "erased": row["erased"],
        "flags": [Flag(code=flag, message=MEANINGS[flag].in_language(spoken)) for flag in row["flags"]],
        "review": _review(row),
    }


def _review(row: asyncpg.Record) -> Review | None:
    if row["verdict"] is None:
        return None
    return Review(
        verdict=row["verdict"],
        corrected_by=row["corrected_by"],
        reviewed_by=row["reviewed_by"],
        reviewed_at=row["reviewed_at"],
    )
