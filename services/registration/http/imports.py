"""Rolls of volunteers: sent as CSV or Excel files, checked row by row, stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel
from starlette.requests import Request

from services.registration.domain.rosters import Column
from services.registration.http import cursors
from services.registration.http.acting import acting_for
from services.registration.http.cursors import CursorText
from services.registration.http.fields import IDENTIFIERS, NAMES, NoticeVersion
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, refusal_message
from services.registration.settings import (
    IMPORT_ERRORS_PAGE,
    IMPORT_ROWS,
    IMPORT_WAIT,
    IMPORTS_PER_SENDER,
    PAGE_SIZE,
)
from services.registration.store.imports import Import, Mode
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.lists import UnusableList
from shared.tables.turns import Busy
from shared.tables.unreadable import UnreadableFile
from shared.web.authentication import signed_in
from shared.web.lists import FILE_BODY, CellError, list_problem
from shared.web.problems import Message, Problem, language_of

router = APIRouter(prefix="/v1", tags=["volunteer imports"])

LARGER_BODIES = r"/v1/organisations/[^/]+/volunteer-imports"
"""The one path of this service whose bodies may be large."""

_COLUMNS: Mapping[StrEnum, Message] = {
    Column.NAME: Message("ชื่อ", "name"),
    Column.PHONE: Message("เบอร์โทร", "phone"),
    Column.NATIONAL_ID: Message("เลขประจำตัวประชาชน", "national_id"),
    Column.AREA: Message("รหัสตำบล", "area"),
}

_ROWS = {
    **IDENTIFIERS,
    **NAMES,
    "required": Message("ต้องระบุค่านี้", "This is required"),
    "too_long": Message("ข้อความยาวเกินไป", "This is too long"),
    "scientific_notation": Message(
        "โปรแกรมตารางเปลี่ยนตัวเลขเป็นแบบ 8.12E+08 ทำให้เลขบางหลักหายไป โปรดตั้งคอลัมน์เป็นข้อความแล้วพิมพ์ใหม่",
        "A spreadsheet turned this number into the form 8.12E+08, in which digits are lost; format the column "
        "as text and type it again",
    ),
    "unknown_area": Message("ไม่มีรหัสพื้นที่นี้", "There is no area with this code"),
    "abolished_area": Message("รหัสพื้นที่นี้ยกเลิกแล้ว", "The area with this code was abolished"),
    "wrong_level": refusal_message("wrong_level"),
    "outside_organisation": refusal_message("outside_organisation"),
    "already_registered": Message("ลงทะเบียนไว้แล้ว", "Registered already"),
    "repeated": Message("ซ้ำกับแถวที่ {row}", "The same stands in row {row}"),
}
_NO_HEADER = Message("ไม่พบหัวตาราง ต้องมี ชื่อ เบอร์โทร และรหัสตำบล", "There is no header with name, phone and area")


class RowError(CellError[Column]):
    """What is wrong with one cell of a roll; `row` as a spreadsheet numbers it, the header being row 1."""


class ImportSummary(BaseModel):
    """A roll that was sent: `rows` with something in them, `good` ones without fault, `added` volunteers who now wait
    for approval."""

    import_id: UUID
    organisation_id: UUID
    sent_by: UUID
    sent_at: datetime
    mode: Mode
    partial: bool
    rows: int
    good: int
    bad: int
    added: int
    ignored_columns: Sequence[str]


class ImportAnswer(ImportSummary):
    """A roll with its bad cells, page by page. `repeated`: the same roll was stored before, and nothing was done."""

    repeated: bool
    errors: Sequence[RowError]
    cursor: str | None


class ImportPage(BaseModel):
    """A page of rolls, the newest first; `cursor` leads to the next and is null on the last."""

    imports: Sequence[ImportSummary]
    cursor: str | None


@router.post(
    "/organisations/{organisation_id}/volunteer-imports",
    openapi_extra=FILE_BODY,
)
async def send_roll(
    request: Request,
    response: Response,
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    mode: Annotated[Mode, Query()] = Mode.CHECK,
    partial: Annotated[bool, Query()] = False,
    notice: Annotated[NoticeVersion | None, Query()] = None,
) -> ImportAnswer:
    """Check or store a roll of volunteers: CSV (UTF-8, Windows-874, TIS-620; comma, semicolon or tab) or XLSX.

    Open to the organisation's contacts and to those who decide about volunteers in its area (`acting_for`). The header
    names ชื่อ, เบอร์โทร, รหัสตำบล and, if wanted, เลขประจำตัวประชาชน, or name, phone, area, national_id. `mode=check`
    stores nothing. `mode=apply` stores all rows or none, with `partial=true` the good ones. 201 when volunteers were
    added. `notice` says that the organisation has shown this version of the privacy notice to everybody on the roll.
    """
    organisation = await acting_for(parts, caller, organisation_id, Right.VOLUNTEER_DECIDE)
    now = parts.clock.now()
    await parts.throttle.spend(IMPORTS_PER_SENDER, str(caller.subject), now=now)
    file = await request.body()
    try:
        async with parts.imports.turn(IMPORT_WAIT.total_seconds()):
            found, repeated = await parts.imports.take(
                file,
                organisation,
                mode=mode,
                partial=partial,
                most=IMPORT_ROWS,
                by=caller.subject,
                now=now,
                notice=notice,
            )
    except Busy:
        raise Problem(503, headers={"Retry-After": str(int(IMPORT_WAIT.total_seconds()))}) from None
    except (UnreadableFile, UnusableList) as error:
        raise list_problem(error, no_header=_NO_HEADER, most=IMPORT_ROWS, columns=_COLUMNS) from None
    response.status_code = 201 if found.added and not repeated else 200
    return await _answer(parts, request, found, repeated=repeated, cursor=None)


@router.get("/organisations/{organisation_id}/volunteer-imports")
async def list_rolls(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    cursor: CursorText = None,
) -> ImportPage:
    """List the rolls that were sent for an organisation. Open as sending them is."""
    await acting_for(parts, caller, organisation_id, Right.VOLUNTEER_DECIDE)
    after = cursors.read(cursor, cursors.moment, UUID) if cursor else None
    found = await parts.imports.sent(organisation_id, after=after, limit=PAGE_SIZE)
    last = found[-1] if len(found) == PAGE_SIZE else None
    return ImportPage(
        imports=[_summary(one) for one in found],
        cursor=cursors.write(last.sent_at, last.import_id) if last else None,
    )


@router.get("/volunteer-imports/{import_id}")
async def show_roll(
    request: Request,
    import_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    cursor: CursorText = None,
) -> ImportAnswer:
    """Show what became of a roll, with its bad cells. Open as sending it is."""
    found = await parts.imports.find(import_id)
    if found is None:
        raise not_found()
    await acting_for(parts, caller, found.organisation_id, Right.VOLUNTEER_DECIDE)
    return await _answer(parts, request, found, repeated=False, cursor=cursor)


async def _answer(parts: Parts, request: Request, found: Import, *, repeated: bool, cursor: str | None) -> ImportAnswer:
    after = cursors.read(cursor, _row_number, cursors.plain) if cursor else None
    faults = await parts.imports.errors(found.import_id, after=after, limit=IMPORT_ERRORS_PAGE)
    last = faults[-1] if len(faults) == IMPORT_ERRORS_PAGE else None
    language = language_of(request.headers.get("accept-language"))
    return ImportAnswer(
        **_summary(found).model_dump(),
        repeated=repeated,
        errors=[RowError.of(fault, _ROWS, language) for fault in faults],
        cursor=cursors.write(last.row, last.column) if last else None,
    )


def _row_number(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise ValueError(text)
    return number


def _summary(found: Import) -> ImportSummary:
    return ImportSummary(
        import_id=found.import_id,
        organisation_id=found.organisation_id,
        sent_by=found.sent_by,
        sent_at=found.sent_at,
        mode=found.mode,
        partial=found.partial,
        rows=found.rows,
        good=found.good,
        bad=found.rows - found.good,
        added=found.added,
        ignored_columns=found.ignored_columns,
    )
