"""Tables of denominators from lists as offices have them: looked at without storing anything, then put in."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting.areas import DIGITS, areas_of
from services.reporting.domain import day_in_thailand
from services.reporting.http.answering import answer, away, now, pool_of
from services.reporting.http.denominator_messages import fault_message, file_problem
from services.reporting.http.denominators import below
from services.reporting.store import TableKind
from services.reporting.wholes import tables
from services.reporting.wholes.answers import (
    ChangeAnswer,
    ColumnAnswer,
    FaultAnswer,
    FormerAnswer,
    LevelAnswer,
    ListReport,
    SumAnswer,
)
from services.reporting.wholes.columns import Field
from services.reporting.wholes.comparing import Comparison, Former, compare
from services.reporting.wholes.reading import Reading, read_list
from services.reporting.wholes.tables import Table
from shared.areas.register import UnknownArea
from shared.areas.register import area as registered_area
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.cells import letters_of, place_of
from shared.tables.limits import MAX_COLUMNS
from shared.tables.unreadable import UnreadableFile
from shared.web.authentication import demand_area, require
from shared.web.problems import FieldError, Message, Problem, language_of

_READING: Final = asyncio.Semaphore(1)
"""Lists that are read at once: each takes a processor for a second, and the centre puts in a few tables a year."""
BUSY_SECONDS: Final = 5

router = APIRouter(prefix="/v1")
Letters = Annotated[str | None, Query(pattern="^[A-Za-z]{1,2}$", description="A column, as a spreadsheet names it")]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is to become, and which columns somebody has named."""

    kind: TableKind
    dated: date
    source: str
    chosen: Mapping[Field, int]


def _asked(
    request: Request,
    kind: TableKind,
    dated: date,
    source: Annotated[str, Query(min_length=1, max_length=300, pattern=r"^[^\x00]*$")],
    code: Letters = None,
    name: Letters = None,
    province: Letters = None,
    district: Letters = None,
    subdistrict: Letters = None,
    value: Letters = None,
) -> Asked:
    if dated > day_in_thailand(now(request)):
        message = Message("วันที่อยู่ในอนาคต", "This date lies in the future")
        raise Problem(400, "invalid", errors=[FieldError("dated", "in_the_future", message)])
    named = zip(Field, (code, name, province, district, subdistrict, value), strict=True)
    chosen = {field: place_of(f"{letters.upper()}1")[1] for field, letters in named if letters is not None}
    beyond = [field for field, column in chosen.items() if column >= MAX_COLUMNS]
    if beyond:
        message = Message(f"อ่านได้ {MAX_COLUMNS} คอลัมน์แรก", f"The first {MAX_COLUMNS} columns are read")
        raise Problem(400, "invalid", errors=[FieldError(field, "no_such_column", message) for field in beyond])
    return Asked(kind, dated, source, chosen)


@router.post(
    "/denominators/lists",
    responses={200: {"model": ListReport}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def send_list(
    request: Request,
    asked: Annotated[Asked, Depends(_asked)],
    principal: Annotated[Principal, Depends(require(Right.DENOMINATOR_WRITE))],
    mode: Annotated[Literal["check", "apply"], Query(description="`check` stores nothing")] = "check",
    accept_sums: Annotated[bool, Query(description="Values that differ from the sums below them are meant so")] = False,
) -> Response:
    """Reads a list of areas with a number each, and says what it found; the body is the file: CSV or XLSX, 4 MB.

    Areas are told by code, by Thai or English names, or by both. Columns are guessed unless they are named. With
    `mode=apply` the table is put in as by PUT, unless a cell is wrong (400), or a given value differs from the sum
    below it and `accept_sums` does not say that it is meant so (409 `sums_differ`).
    """
    demand_area(principal, "")
    file = await request.body()
    if _READING.locked():
        raise Problem(503, headers={"Retry-After": str(BUSY_SECONDS)})
    async with _READING:
        try:
            reading = await asyncio.to_thread(read_list, file, asked.kind, asked.chosen)
        except UnreadableFile as error:
            raise file_problem(error.code) from None
    try:
        async with acquire(pool_of(request)) as connection:
            former = await tables.former(connection, asked.kind, asked.dated)
            found = compare(reading.values, below(), former)
            table_id = None
            if mode == "apply":
                _demand_usable(reading, found, accept_sums=accept_sums)
                table = _table(asked, reading.values, found, principal, request)
                await tables.put(connection, table, given=reading.values, derived=found.derived)
                table_id = table.table_id
    except UNREACHABLE:
        raise away() from None
    return await answer(request, _report(request, asked, reading, found, former, table_id))


def _demand_usable(reading: Reading, found: Comparison, *, accept_sums: bool) -> None:
    wrong = [(fault.cell, fault.code, fault.said) for fault in reading.faults]
    wrong += [(str(field), "missing_column", "") for field in reading.missing]
    errors = [FieldError(path, code, fault_message(code, said)) for path, code, said in wrong]
    if not errors and not reading.values:
        errors = [FieldError("file", "too_few", Message("ไม่มีแถวที่ใช้ได้", "There is no row that can be used"))]
    if errors:
        raise Problem(400, "invalid", errors=errors)
    if found.sum_count and not accept_sums:
        raise Problem(
            409,
            "sums_differ",
            detail=Message(
                f"ยอดรวม {found.sum_count:,} พื้นที่ไม่ตรงกับผลรวมของพื้นที่ย่อย โปรดตรวจสอบ หรือยืนยันว่าถูกต้อง",
                f"{found.sum_count:,} values differ from the sums of the areas below; look at them, or accept them",
            ),
        )


def _table(asked: Asked, given: Mapping[str, int], found: Comparison, principal: Principal, request: Request) -> Table:
    total = given.get("", found.derived.get(""))
    return Table(
        uuid4(),
        asked.kind,
        asked.dated,
        asked.source,
        len(given),
        len(found.derived),
        total,
        principal.subject,
        now(request),
        None,
        None,
    )


def _report(
    request: Request, asked: Asked, reading: Reading, found: Comparison, former: Former | None, table_id: UUID | None
) -> ListReport:
    language = language_of(request.headers.get("accept-language"))
    fields = {column: str(field) for field, column in reading.columns.places.items()}
    width = max(len(reading.columns.titles), *(column + 1 for column in fields), 0) if fields else 0
    titles = [*reading.columns.titles, *[""] * (width - len(reading.columns.titles))]
    return ListReport(
        table_id,
        asked.kind,
        asked.dated,
        asked.source,
        reading.columns.header_row,
        [ColumnAnswer(letters_of(column), title[:60], fields.get(column)) for column, title in enumerate(titles)],
        [str(field) for field in reading.missing],
        reading.rows,
        reading.ignored,
        [
            FaultAnswer(
                fault.cell, fault.column, fault.code, fault_message(fault.code, fault.said).in_language(language)
            )
            for fault in reading.faults
        ],
        reading.fault_count,
        [_level(digits, reading.values, found.derived) for digits in DIGITS.values()],
        reading.values.get("", found.derived.get("")),
        [SumAnswer(one.area, *_names(one.area), one.value, one.below) for one in found.sums],
        found.sum_count,
        None if former is None else FormerAnswer(former.dated, former.source, former.values.get(""), found.gone),
        [ChangeAnswer(one.area, *_names(one.area), one.before, one.now) for one in found.changes],
        found.change_count,
    )


def _level(digits: int, given: Mapping[str, int], derived: Mapping[str, int]) -> LevelAnswer:
    level = next(level for level, length in DIGITS.items() if length == digits)
    of_given = sum(len(code) == digits for code in given)
    of_derived = sum(len(code) == digits for code in derived)
    return LevelAnswer(level, of_given, of_derived, len(areas_of("", level)) - of_given - of_derived)


def _names(code: str) -> tuple[str, str]:
    try:
        found = registered_area(code)
    except UnknownArea:  # only the table before knows it
        return code, code
    return found.name_th, found.name_en
