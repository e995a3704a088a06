"""/v1/volunteers.csv: the volunteers of an area or organisation as a file for spreadsheets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import unknown_field
from services.registration.settings import EXPORT_PAGE, EXPORT_ROWS
from services.registration.store.lists import Cursor, Sought
from shared.contracts.events import VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows
from shared.web.authentication import area_asked, require
from shared.web.fields import AreaCode

router = APIRouter(prefix="/v1", tags=["volunteers"])

COLUMNS = ("ชื่อ", "เบอร์โทร", "รหัสพื้นที่", "สถานะ", "บทบาท", "ยืนยันเบอร์แล้ว", "ลงทะเบียนเมื่อ", "รหัสหน่วยงาน", "รหัสอาสาสมัคร")


@router.get("/volunteers.csv", response_class=StreamingResponse)
async def export_volunteers(
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_READ))],
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query()] = None,
    status: Annotated[VolunteerStatus | None, Query()] = None,
    organisation: Annotated[UUID | None, Query()] = None,
) -> StreamingResponse:
    """Give the volunteers of an area, the caller's own if none is named, as CSV. Every page of it is recorded as read.

    Cells that a spreadsheet would take for formulas begin with an apostrophe; phone numbers have hyphens, without which
    it would take them for numbers and drop the zero.
    """
    area = area_asked(caller, area)
    sought = Sought(area, status, organisation)
    if await parts.lists.how_many(sought, most=EXPORT_ROWS + 1) > EXPORT_ROWS:
        raise unknown_field(
            "area",
            f"มีมากกว่า {EXPORT_ROWS} คน โปรดเลือกพื้นที่ย่อย",
            f"These are more than {EXPORT_ROWS} people; ask for a smaller area",
            code="too_many",
        )
    name = f"volunteers-{area or 'country'}.csv"
    return StreamingResponse(
        _lines(parts, caller, sought),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _lines(parts: Parts, caller: Principal, sought: Sought) -> AsyncIterator[str]:
    yield BYTE_ORDER_MARK + csv_rows([COLUMNS])
    after: Cursor | None = None
    while True:
        page = await parts.lists.page(
            sought,
            after=after,
            limit=EXPORT_PAGE,
            reader=caller.subject,
            purpose="volunteer export",
            now=parts.clock.now(),
        )
        yield csv_rows(
            (
                one.name,
                f"{one.phone[:3]}-{one.phone[3:6]}-{one.phone[6:]}" if one.phone else "",
                one.person.area,
                one.person.status,
                one.person.role,
                "1" if one.phone_confirmed else "0",
                one.person.registered_at.isoformat(),
                one.person.organisation_id,
                one.person.person_id,
            )
            for one in page
        )
        if len(page) < EXPORT_PAGE:
            return
        last = page[-1].person
        after = (last.area, last.registered_at, last.person_id)
