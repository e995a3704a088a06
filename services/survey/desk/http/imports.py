"""/v1/houses/imports: lists of houses as CSV or Excel files, checked row by row, stored."""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.desk import imports
from services.survey.desk.domain import Column
from services.survey.desk.http.messages import CELLS, COLUMNS, NO_HEADER
from services.survey.desk.http.parts import (
    AreaText,
    CursorText,
    area_of,
    away,
    database,
    ids_of,
    imports_of,
    language,
    now_of,
    read_moment,
    ring_of,
    write_moment,
)
from services.survey.desk.imports import MOST_BYTES, MOST_ROWS, WAIT_SECONDS, Import, Outcome
from shared.postgres.pool import UNREACHABLE
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.lists import UnusableList
from shared.tables.turns import Busy
from shared.tables.unreadable import UnreadableFile
from shared.web.authentication import require
from shared.web.lists import FILE_BODY, CellError, list_problem
from shared.web.problems import Problem

LARGER_BODIES: Final = {r"/v1/houses/imports": MOST_BYTES}
"""The one path of this service whose bodies may be larger than a batch of submissions."""
PAGE_SIZE: Final = 50
_NEWEST: Final = (datetime.max.replace(tzinfo=UTC), UUID(int=0))

router = APIRouter(prefix="/v1/houses/imports", tags=["houses"])
Writer = Annotated[Principal, Depends(require(Right.HOUSE_WRITE))]


class Mode(StrEnum):
    """Whether a list is only to be looked at or also to be stored."""

    CHECK = "check"
    APPLY = "apply"


class RowError(CellError[Column]):
    """What is wrong with one cell of a list; `row` as a spreadsheet numbers it, the header being row 1."""


class ImportAnswer(BaseModel):
    """What came of a list.

    rows: those with something in them; good: without fault; bad: with one, of which `errors` has the first 1,000 cells;
    new: houses that were not on the list before, which `import_id`, where it was stored, has put there. repeated: the
    same list was stored before, and nothing was done.
    """

    import_id: UUID | None
    mode: Mode
    partial: bool
    rows: int
    good: int
    bad: int
    new: int
    repeated: bool
    ignored_columns: Sequence[str]
    errors: Sequence[RowError]


class ImportSummary(BaseModel):
    """A list that was stored."""

    import_id: UUID
    area: str
    sent_by: UUID
    sent_at: datetime
    partial: bool
    rows: int
    bad: int
    added: int
    known: int


class ImportPage(BaseModel):
    """A page of lists, the newest first; `cursor` leads to the next and is null on the last."""

    imports: Sequence[ImportSummary]
    cursor: str | None


@router.post(
    "",
    openapi_extra=FILE_BODY,
)
async def send_list(
    request: Request,
    response: Response,
    caller: Writer,
    area: AreaText = None,
    mode: Annotated[Mode, Query()] = Mode.CHECK,
    partial: Annotated[bool, Query()] = False,
) -> ImportAnswer:
    """Check or store a list of houses: CSV (UTF-8, Windows-874, TIS-620; comma, semicolon or tab) or XLSX.

    The header names บ้านเลขที่ and รหัสตำบล and, if wanted, หมู่ที่ and ห้อง, or house, area, village, unit. `area`, a
    subdistrict, stands for rows that name none. `mode=check` stores nothing. `mode=apply` stores all rows or none, with
    `partial=true` the good ones. 201 when a list was stored.
    """
    given = None if area is None else area_of(caller, area, least=6)
    file = await request.body()
    taking = imports_of(request)
    try:
        async with taking.turn(WAIT_SECONDS):
            found = await taking.take(
                request.app.state.pool,
                ring_of(request),
                ids_of(request),
                file,
                within=caller.area,
                given=given,
                apply=mode is Mode.APPLY,
                partial=partial,
                by=caller.subject,
                now=now_of(request),
            )
    except Busy:
        raise Problem(503, headers={"Retry-After": str(int(WAIT_SECONDS))}) from None
    except (UnreadableFile, UnusableList) as error:
        raise list_problem(error, no_header=NO_HEADER, most=MOST_ROWS, columns=COLUMNS) from None
    except UNREACHABLE:
        raise away() from None
    response.status_code = 201 if found.stored is not None and not found.repeated else 200
    return _answer(found, mode, language(request), partial=partial)


@router.get("")
async def list_imports(request: Request, caller: Writer, cursor: CursorText = None) -> ImportPage:
    """List what was stored by coordinators of your area."""
    before = _NEWEST if cursor is None else read_moment(cursor)
    async with database(request) as connection:
        found = await imports.sent(connection, caller.area, before=before, limit=PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    more = write_moment(shown[-1].sent_at, shown[-1].import_id) if len(found) > PAGE_SIZE else None
    return ImportPage(imports=[_summary(one) for one in shown], cursor=more)


def _answer(found: Outcome, mode: Mode, spoken: str, *, partial: bool) -> ImportAnswer:
    return ImportAnswer(
        import_id=None if found.stored is None else found.stored.import_id,
        mode=mode,
        partial=partial,
        rows=found.rows,
        good=found.good,
        bad=found.rows - found.good,
        new=found.new,
        repeated=found.repeated,
        ignored_columns=found.ignored_columns,
        errors=[RowError.of(fault, CELLS, spoken) for fault in found.faults],
    )


def _summary(one: Import) -> ImportSummary:
    return ImportSummary(
        import_id=one.import_id,
        area=one.area,
        sent_by=one.sent_by,
        sent_at=one.sent_at,
        partial=one.partial,
        rows=one.rows,
        bad=one.bad,
        added=one.added,
        known=one.known,
    )
