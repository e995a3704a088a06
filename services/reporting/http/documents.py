"""The month's performance as CSV, XLSX and PDF.

A document is made within its request, or, with `Prefer: respond-async` (RFC 7240), aside: then the answer says where
to ask how far it is and where it will lie.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.reporting.documents.orders import MEDIA_TYPES, Form, Letterhead, Order
from services.reporting.documents.refusals import Full
from services.reporting.documents.workshop import Document, State, Workshop
from services.reporting.domain import day_in_thailand
from services.reporting.http.answering import answer, away, now, pool_of
from services.reporting.http.performance import (
    AskedArea,
    AskedLevel,
    AskedOrganisation,
    AskedRevision,
    AskedSort,
    Named,
    Reader,
    area_and_level,
    check_reader,
)
from services.reporting.months import store
from services.reporting.months.answers import RANKED_BY
from services.reporting.months.store import UnknownRevision
from shared.postgres.pool import UNREACHABLE, acquire
from shared.web.problems import FieldError, Message, Problem

PIECE: Final = 256 * 1024
"""Bytes of a file that are read at once."""
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"

router = APIRouter(prefix="/v1")


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """How far a document is. rows: written so far, of about `of`; size: bytes, once it is ready; failure: why there
    will be none."""

    document_id: UUID
    state: State
    rows: int
    of: int
    size: int
    failure: str | None
    file_name: str


async def ordered(
    request: Request,
    month: Named,
    reader: Reader,
    area: AskedArea = "",
    level: AskedLevel = None,
    sort: AskedSort = RANKED_BY,
    organisation: AskedOrganisation = None,
    revision: AskedRevision = None,
    lang: Annotated[Literal["th", "en"], Query(description="The language of titles and names")] = "th",
    reference: Annotated[str, Query(max_length=60, pattern=_LINE, description="The number of the letter")] = "",
    signer: Annotated[str, Query(max_length=120, pattern=_LINE, description="Who signs it")] = "",
    position: Annotated[str, Query(max_length=120, pattern=_LINE, description="In which position")] = "",
) -> Order:
    """What the request asks for, in a form that its route says. Who may see which rows, the months' own route says."""
    code, level = area_and_level(area, level, organisation)
    check_reader(reader, code, level, organisation, revision)
    try:
        async with acquire(pool_of(request)) as connection:
            source = await store.source_of(connection, month, revision)
    except UnknownRevision:
        raise Problem(404, detail=Message("เดือนนี้ไม่มีฉบับแก้ไขหมายเลขนี้", "The month has no such revision")) from None
    except UNREACHABLE:
        raise away() from None
    return Order(
        month,
        source.revision,
        code,
        level,
        "pdf",
        lang,
        day_in_thailand(now(request)),
        sort,
        organisation,
        Letterhead(reference, signer, position),
    )


Ordered = Annotated[Order, Depends(ordered)]


@router.get("/performance/{month}.csv", response_class=Response)
async def as_csv(request: Request, order: Ordered) -> Response:
    """The performance as CSV (UTF-8 with a byte order mark, as Excel wants it)."""
    return await _document(request, order, "csv")


@router.get("/performance/{month}.xlsx", response_class=Response)
async def as_workbook(request: Request, order: Ordered) -> Response:
    """The performance as a workbook. More than a million rows go on in further sheets."""
    return await _document(request, order, "xlsx")


@router.get("/performance/{month}.pdf", response_class=Response)
async def as_letter(request: Request, order: Ordered) -> Response:
    """The performance as the ministry's own table, up to 1,000 rows."""
    return await _document(request, order, "pdf")


async def _document(request: Request, order: Order, form: Form) -> Response:
    public = "authorization" not in request.headers
    try:
        document = _workshop(request).order(_in_form(order, form), public=public)
    except Full:
        raise Problem(
            429,
            detail=Message("มีเอกสารรอจัดทำมากเกินไป", "Too many documents are being made"),
            headers={"Retry-After": "10"},
        ) from None
    if "respond-async" in request.headers.get("prefer", "").lower():
        response = await answer(request, _told(document))
        response.status_code = 202
        response.headers["Location"] = f"/v1/documents/{document.document_id}"
        response.headers["Preference-Applied"] = "respond-async"
        return response
    await document.ended.wait()
    return await _content(document)


def _in_form(order: Order, form: Form) -> Order:
    return replace(order, form=form, letterhead=order.letterhead if form == "pdf" else Letterhead())


@router.get("/documents/{document_id}", response_model=DocumentAnswer)
async def progress(request: Request, document_id: UUID) -> Response:
    """How far a document is. It lies here for a quarter of an hour."""
    return await answer(request, _told(_found(request, document_id)))


@router.get("/documents/{document_id}/content", response_class=Response)
async def content(request: Request, document_id: UUID) -> Response:
    """The document itself, once it is ready."""
    document = _found(request, document_id)
    if not document.ended.is_set():
        raise Problem(409, "not_ready", detail=Message("เอกสารยังไม่เสร็จ", "The document is not ready yet"))
    return await _content(document)


def _workshop(request: Request) -> Workshop:
    workshop: Workshop = request.app.state.workshop
    return workshop


def _found(request: Request, document_id: UUID) -> Document:
    document = _workshop(request).find(document_id)
    if document is None:
        raise Problem(
            404,
            detail=Message("ไม่มีเอกสารนี้แล้ว โปรดสั่งใหม่", "This document is not here any more, please order it again"),
        )
    return document


def _told(document: Document) -> DocumentAnswer:
    return DocumentAnswer(
        document.document_id,
        document.state,
        document.rows,
        document.of,
        document.size,
        document.failure,
        document.order.file_name,
    )


async def _content(document: Document) -> Response:
    if document.failure == "too_many_rows":
        message = Message(
            "มีมากกว่า 1,000 แถว โปรดเลือกพื้นที่ที่เล็กลง หรือใช้ XLSX",
            "There are more than 1,000 rows: choose a smaller area, or XLSX",
        )
        raise Problem(400, "invalid", errors=[FieldError("level", "too_many_rows", message)])
    if document.state == "failed":
        raise Problem(503, headers={"Retry-After": "5"})
    order = document.order
    return StreamingResponse(
        _pieces(document.path),
        media_type=MEDIA_TYPES[order.form],
        headers={
            "Content-Length": str(document.size),
            "Content-Disposition": f'attachment; filename="{order.file_name}"',
            "Cache-Control": "no-store",
        },
    )


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    """The file, read aside from the loop. What is open may be removed meanwhile."""
    with await asyncio.to_thread(path.open, "rb") as file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
