"""/v1/imports: lists of places that are checked, looked at, applied as one, and undone."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from services.facilities.domain.violations import Violation
from services.facilities.http import cursors
from services.facilities.http.parts import Writer, actor_of, clock_of, database, invalid
from services.facilities.imports.judging import Result
from services.facilities.reading import Field as Column
from services.facilities.reading.messages import FILES
from services.facilities.store import imports
from services.facilities.store.imports import Import, State, TooManyWaiting
from shared.contracts.events import Role
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.tables.limits import MAX_COLUMNS
from shared.web.fields import Body
from shared.web.problems import Message, Problem, language_of

MAX_FILE_BYTES: Final = 30 * 1024 * 1024
"""100,000 places with every column have 25 MB of CSV."""
NAME_LENGTH: Final = 200
PAGE: Final = 50
ROWS: Final = 200
"""What one looks through without losing one's place; some 200 KB."""
RETRY_AFTER_SECONDS: Final = 30

FAILURES: Final[Mapping[str, tuple[str, str]]] = {
    **FILES,
    "internal": ("ระบบอ่านไฟล์นี้ไม่สำเร็จ โปรดแจ้งปัญหา", "The system could not work on this file; please report it"),
    "file_erased": (
        "ไฟล์ถูกลบแล้วเพราะเก็บไว้ครบกำหนด โปรดส่งใหม่",
        "The file was kept for its time and erased; send it again",
    ),
    "columns_missing": (
        "ยังขาดคอลัมน์ที่จำเป็น โปรดระบุว่าคอลัมน์ใดคืออะไร",
        "Columns that are needed were not found; please say which they are",
    ),
    "no_such_column": ("ไม่มีคอลัมน์ที่ระบุในไฟล์", "The file has no column of this number"),
    "repeated_column": ("ระบุคอลัมน์เดียวให้สองรายการ", "One column was named for two fields"),
    "missing_column": (
        "ต้องมีคอลัมน์ชื่อสถานที่ ประเภท และพื้นที่ หรือรหัสสถานที่",
        "Name, kind and area are needed, or the places' ids",
    ),
    "bad_default": ("ค่าที่ระบุให้ทุกแถวอ่านไม่ได้", "What was said for all rows cannot be read"),
    "changed_meanwhile": (
        "มีผู้แก้ไขสถานที่บางแห่งหลังการตรวจสอบ จึงยังไม่ได้บันทึก",
        "Somebody has changed some of these places after they were checked; nothing was applied",
    ),
}
"""What is said of an import's `failure`."""

router = APIRouter(prefix="/v1/imports")


class GuessedColumn(BaseModel):
    """What a column seems to hold, and how sure that is; null where nobody reads it."""

    column: int
    letters: str
    title: str
    field: Column | None
    confidence: float


class Guess(BaseModel):
    """What the columns seem to hold; missing: needed, and found nowhere."""

    columns: list[GuessedColumn]
    missing: list[Column]


class ColumnsBody(Body):
    """Which column, counted from 0, holds which field, and what holds for every row."""

    places: dict[Column, Annotated[int, Field(ge=0, lt=MAX_COLUMNS)]]
    defaults: dict[Column, Annotated[str, Field(max_length=200)]] = Field(default={})


class ImportAnswer(BaseModel):
    """An import. asked_by: whose step it is in, the sender's at first; row_count: rows read so far; counts: of those
    by their result; failure: a code, `message` its sentence."""

    import_id: UUID
    state: State
    name: str
    area: str
    sent_by: UUID
    asked_by: UUID
    sent_at: datetime
    finished_at: datetime | None
    row_count: int
    counts: dict[Result, int]
    guess: Guess | None
    columns: ColumnsBody | None
    failure: str | None
    message: str | None


class ImportPage(BaseModel):
    """Imports, the latest first; `cursor` leads on and is null on the last page."""

    items: list[ImportAnswer]
    cursor: str | None


class Change(BaseModel):
    """One field of a place before and after."""

    field: str
    before: Any
    after: Any


class FaultAnswer(BaseModel):
    """What is wrong with a cell, or was mended in it."""

    cell: str
    column: str
    path: str
    code: str
    message: str


class RowAnswer(BaseModel):
    """One row: what it does, to which place, and what stands against it."""

    number: int
    result: Result
    facility_id: UUID | None
    name: str | None
    changes: list[Change]
    duplicate_of: UUID | None
    faults: list[FaultAnswer]
    notices: list[FaultAnswer]


class RowPage(BaseModel):
    """Rows in their order; `after` leads on and is null on the last page."""

    items: list[RowAnswer]
    after: int | None


@router.post("", status_code=202, response_model=ImportAnswer)
async def send_import(
    request: Request,
    principal: Writer,
    name: Annotated[str, Query(min_length=1, max_length=NAME_LENGTH, description="The file's own name")],
) -> Response:
    """Takes a list of places (CSV, XLSX or GeoJSON) as the whole body and checks it. Nothing of it is stored in the
    register until `application`. The same file again, while it waits, is the same import."""
    file = await request.body()
    if not file:
        raise invalid([Violation("body", "empty_file", *FILES["empty_file"])])
    now = clock_of(request).now()
    async with database(request) as connection:
        try:
            import_id = await imports.send(
                connection,
                uuid4(),
                name.replace("\0", ""),
                file,
                sha256(file).digest(),
                actor_of(principal),
                now,
            )
        except TooManyWaiting:
            raise Problem(
                429,
                detail=Message("มีไฟล์รอตรวจครบจำนวนแล้ว โปรดรอ", "Enough of your files wait already; please wait"),
                headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
            ) from None
        found = await _one(connection, principal, import_id)
        answer = await _answer(request, connection, found)
    return JSONResponse(answer.model_dump(mode="json"), 202, {"Location": f"/v1/imports/{import_id}"})


@router.get("")
async def list_imports(
    request: Request, principal: Writer, cursor: Annotated[str | None, Query(max_length=120)] = None
) -> ImportPage:
    """The imports of the caller's area; a place officer's: those of his organisation."""
    before = cursors.read_moment(cursor) if cursor else (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1))
    async with database(request) as connection:
        found = await imports.page(connection, *_visible(principal), before, PAGE)
        items = [await _answer(request, connection, each) for each in found]
    last = found[-1] if len(found) == PAGE else None
    return ImportPage(items=items, cursor=cursors.write_moment(last.sent_at, last.import_id) if last else None)


@router.get("/{import_id}")
async def read_import(request: Request, import_id: UUID, principal: Writer) -> ImportAnswer:
    """Where an import stands."""
    async with database(request) as connection:
        return await _answer(request, connection, await _one(connection, principal, import_id))


@router.get("/{import_id}/rows")
async def read_rows(
    request: Request,
    import_id: UUID,
    principal: Writer,
    result: Result | None = None,
    after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> RowPage:
    """What each row does."""
    async with database(request) as connection:
        await _one(connection, principal, import_id)
        found = await imports.rows(connection, import_id, result, after, ROWS)
    language = language_of(request.headers.get("accept-language"))
    items = [_row(row, language) for row in found]
    return RowPage(items=items, after=items[-1].number if len(items) == ROWS else None)


@router.put("/{import_id}/columns", status_code=202)
async def put_columns(request: Request, import_id: UUID, body: ColumnsBody, principal: Writer) -> ImportAnswer:
    """Says what the columns hold, and checks again."""
    told = {"places": dict(body.places), "defaults": dict(body.defaults)}
    return await _moved(request, principal, import_id, State.WAITING, [State.CHECKED, State.FAILED], columns=told)


@router.post("/{import_id}/application", status_code=202)
async def apply_import(
    request: Request,
    import_id: UUID,
    principal: Writer,
    partial: Annotated[bool, Query(description="Without the rows whose places somebody changes meanwhile")] = False,
    confirm: Annotated[bool, Query(description="Unchanged places count as confirmed")] = False,
) -> ImportAnswer:
    """Applies what was checked: its new and changed rows, all of them or none."""
    return await _moved(
        request, principal, import_id, State.APPLYING, [State.CHECKED], partial=partial, confirm=confirm
    )


@router.post("/{import_id}/undo", status_code=202)
async def undo_import(request: Request, import_id: UUID, principal: Writer) -> ImportAnswer:
    """Gives every place its former fields, and closes those that the import has entered. What somebody has changed
    since is left alone."""
    return await _moved(request, principal, import_id, State.UNDOING, [State.APPLIED])


async def _moved(
    request: Request, principal: Principal, import_id: UUID, state: State, only_from: list[State], **changes: Any
) -> ImportAnswer:
    async with database(request) as connection:
        found = await imports.move(
            connection, actor_of(principal), _visible(principal)[1], import_id, state, only_from=only_from, **changes
        )
        if found is None:
            present = await _one(connection, principal, import_id)
            raise Problem(
                409,
                "import_in_other_state",
                detail=Message(
                    f"รายการนี้อยู่ในสถานะ {present.state} จึงทำไม่ได้",
                    f"This import is {present.state}: that cannot be done now",
                ),
                members={"state": present.state},
            )
        return await _answer(request, connection, found)


def _visible(principal: Principal) -> tuple[str, UUID | None]:
    """The area and organisation whose imports somebody sees."""
    officer = principal.role is Role.PLACE_OFFICER
    return principal.area, (principal.organisation or principal.subject) if officer else None


async def _one(connection: Connection, principal: Principal, import_id: UUID) -> Import:
    found = await imports.one(connection, *_visible(principal), import_id)
    if found is None:
        raise Problem(404, detail=Message("ไม่มีรายการนำเข้านี้", "There is no such import"))
    return found


async def _answer(request: Request, connection: Connection, found: Import) -> ImportAnswer:
    sentence = FAILURES.get(found.failure) if found.failure else None
    thai = language_of(request.headers.get("accept-language")) == "th"
    return ImportAnswer(
        import_id=found.import_id,
        state=found.state,
        name=found.name,
        area=found.actor.area,
        sent_by=found.actor.subject,
        asked_by=found.asked.subject,
        sent_at=found.sent_at,
        finished_at=found.finished_at,
        row_count=found.row_count,
        counts={Result(name): rows for name, rows in (await imports.results(connection, found.import_id)).items()},
        guess=None if found.guess is None else Guess.model_validate(found.guess),
        columns=None if found.columns is None else ColumnsBody.model_validate(found.columns),
        failure=found.failure,
        message=sentence and sentence[0 if thai else 1],
    )


def _row(row: asyncpg.Record, language: str) -> RowAnswer:
    before, after = (json.loads(row[name]) if row[name] else {} for name in ("before", "after"))
    changes = [
        Change(field=field, before=before.get(field), after=value)
        for field, value in after.items()
        if before and before.get(field) != value
    ]
    return RowAnswer(
        number=row["number"],
        result=row["result"],
        facility_id=row["facility_id"],
        name=after.get("name"),
        changes=changes,
        duplicate_of=row["duplicate_of"],
        faults=_faults(row["faults"], language),
        notices=_faults(row["notices"], language),
    )


def _faults(told: str, language: str) -> list[FaultAnswer]:
    return [
        FaultAnswer(
            cell=one["cell"],
            column=one["column"],
            path=one["path"],
            code=one["code"],
            message=one["th" if language == "th" else "en"],
        )
        for one in json.loads(told)
    ]
