"""/v1/facilities.csv and .xlsx: the register as a list that can be corrected in a spreadsheet and sent back."""

import asyncio
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import IO, Final
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from services.facilities.domain.places import Facility
from services.facilities.exporting import TITLES, row_of
from services.facilities.http.lists import STREAM_ROWS, Asked
from services.facilities.http.parts import database, reference_of
from services.facilities.store import lists
from services.facilities.store.lists import Filters
from shared.tables.turns import Busy, Turns
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows, write_workbook
from shared.web.problems import Message, Problem

MOST_IN_A_WORKBOOK: Final = 20_000
"""A workbook is written whole before it is sent: 5 s of a processor. The whole country is a CSV."""
WAIT_SECONDS: Final = 10
"""For the workbooks of others, as long as the two largest take."""
PIECE: Final = 64 * 1024
SHEET: Final = "สถานที่"

router = APIRouter(prefix="/v1")


@router.get("/facilities.csv", responses={200: {"content": {"text/csv": {}}}})
async def export_csv(request: Request, filters: Asked) -> StreamingResponse:
    """The places of the list, as CSV that Excel opens and `POST /v1/imports` reads back."""
    async with database(request) as connection:  # a database that is away shows before the answer has begun
        first = await lists.page(connection, filters, None, STREAM_ROWS)
    return StreamingResponse(
        _csv(request, filters, list(first)), media_type="text/csv; charset=utf-8", headers=_as_file("places.csv")
    )


@router.get(
    "/facilities.xlsx",
    responses={200: {"content": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {}}}},
)
async def export_workbook(request: Request, filters: Asked) -> StreamingResponse:
    """The same as a workbook, of at most 20,000 places; one is written after the other."""
    turns: Turns = request.app.state.workbooks
    try:
        async with turns.turn(WAIT_SECONDS):
            file = await _whole(request, filters)
    except Busy:
        raise Problem(
            429,
            detail=Message(
                "มีผู้ดาวน์โหลดไฟล์ Excel อยู่ โปรดรอสักครู่ หรือดาวน์โหลด CSV",
                "Others are downloading workbooks now; please wait a moment, or download the CSV",
            ),
            headers={"Retry-After": str(WAIT_SECONDS)},
        ) from None
    return StreamingResponse(
        _pieces(file),
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers=_as_file("places.xlsx"),
    )


async def _whole(request: Request, filters: Filters) -> IO[bytes]:
    places: list[Facility] = []
    async for page in _pages(request, filters, []):
        places += page
        if len(places) > MOST_IN_A_WORKBOOK:
            raise Problem(
                400,
                "too_many_rows",
                detail=Message(
                    f"มีมากกว่า {MOST_IN_A_WORKBOOK:,} แห่ง โปรดเลือกพื้นที่ที่เล็กลง หรือดาวน์โหลด CSV",
                    f"These are more than {MOST_IN_A_WORKBOOK:,}; choose a smaller area, or download the CSV",
                ),
            )
    kinds = reference_of(request).kinds
    return await asyncio.to_thread(_workbook, [TITLES, *(row_of(place, kinds) for place in places)])


async def _csv(request: Request, filters: Filters, first: list[Facility]) -> AsyncIterator[str]:
    kinds = reference_of(request).kinds
    yield BYTE_ORDER_MARK + csv_rows([TITLES])
    async for page in _pages(request, filters, first):
        yield csv_rows(row_of(place, kinds) for place in page)


async def _pages(request: Request, filters: Filters, first: list[Facility]) -> AsyncIterator[Sequence[Facility]]:
    """All places, beginning with those that were read already; each page by a connection of its own."""
    page: Sequence[Facility] = first
    after: UUID | None = None
    while True:
        if not page:
            async with database(request) as connection:
                page = await lists.page(connection, filters, after, STREAM_ROWS)
        if not page:
            return
        yield page
        if len(page) < STREAM_ROWS:
            return
        after, page = page[-1].facility_id, []


def _workbook(rows: Sequence[Sequence[object]]) -> IO[bytes]:
    file = io.BytesIO()  # some 3 MB, which nobody has to close when the reader has gone
    write_workbook(file, SHEET, rows)
    file.seek(0)
    return file


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


def _as_file(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
