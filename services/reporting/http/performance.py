"""The performance of volunteers by month: which months there are, their rows, closing and correcting.

The country, provinces and districts are public. Subdistricts and organisations are for whoever sees figures of few
persons in the area, rows of volunteers for its coordinators and administrators; people of an organisation see its own.
"""

from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictStr

from services.reporting.areas import DIGITS, LEVELS
from services.reporting.http.answering import answer, away, now, pool_of, snapshot
from services.reporting.http.areas import area_of
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.months import store
from services.reporting.months.answers import (
    RANKED_BY,
    Closing,
    MonthAnswer,
    MonthsAnswer,
    Performance,
    PerformanceRow,
    RowLevel,
)
from services.reporting.months.calendar import month_before, month_of, read_month
from services.reporting.months.closing import (
    AlreadyClosed,
    BeingClosed,
    EventsMissing,
    Months,
    NotClosed,
    NotEnded,
    NothingDiffers,
    StillFilling,
)
from services.reporting.months.store import Key, UnknownRevision
from shared.postgres.pool import UNREACHABLE
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, demand_area, optional_principal, require, unauthenticated
from shared.web.fields import Body
from shared.web.problems import FieldError, Message, Problem

MOST_MONTHS: Final = 24
"""Two years: longer than the campaign."""
DEFAULT_ROWS: Final = 1_000
MOST_ROWS: Final = 2_000
"""About 1 MB. More comes page by page, or as a file."""

COUNTED_NOW: Final = 0
"""The revision of a month as it is counted at this moment, which takes seconds for a country: for whoever decides about
a correction."""

Sort = Literal[
    "volunteers_registered",
    "volunteers_active",
    "households_new",
    "households_revisited",
    "persons",
    "unvaccinated",
    "wanting",
    "followed_up",
    "vaccinated",
    "places_entered",
    "places_confirmed",
    "help_closed",
]

AskedArea = Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")]
AskedLevel = Annotated[RowLevel | None, Query(description="Broken down to; without it, one level below `area`")]
AskedSort = Annotated[Sort, Query(description="The figure by which rows are ranked")]
AskedOrganisation = Annotated[
    UUID | None, Query(description="Only what was done for it; of the levels organisation and volunteer")
]
AskedRevision = Annotated[
    int | None,
    Query(ge=0, le=1_000, description="The latest without; 0, for whoever closes months: as it is counted now"),
]

router = APIRouter(prefix="/v1/performance")
Reader = Annotated[Principal | None, Depends(optional_principal)]
Closer = Annotated[Principal, Depends(require(Right.MONTH_CLOSE))]


def _month(month: Annotated[str, Path(max_length=20, description="YYYY-MM")]) -> date:
    """The month that the path names; raises a problem."""
    try:
        return read_month(month)
    except ValueError:
        message = Message("เดือนต้องเขียนเป็น ปี ค.ศ.-เดือน เช่น 2022-01", "A month is written YYYY-MM, such as 2022-01")
        raise Problem(400, "invalid", errors=[FieldError("month", "not_a_month", message)]) from None


Named = Annotated[date, Depends(_month)]


@router.get("", responses={200: {"model": MonthsAnswer}})
async def months(request: Request) -> Response:
    """The months of the last two years in which anything was counted, the latest first, each with its revisions."""
    present = month_of(now(request))
    async with snapshot(request) as (connection, as_of):
        known = await store.counted_months(connection, present, MOST_MONTHS)
        closings = await store.closings_of(connection, known)
    rows = [MonthAnswer.of(month, closings.get(month, [])) for month in known]
    return await answer(request, MonthsAnswer(as_of, rows))


class _Asked(BaseModel):
    """What is asked for of a month."""

    model_config = ConfigDict(frozen=True)

    area: str
    level: RowLevel
    sort: Sort
    organisation: UUID | None
    revision: int | None


def _asked(
    area: AskedArea = "",
    level: AskedLevel = None,
    sort: AskedSort = RANKED_BY,
    organisation: AskedOrganisation = None,
    revision: AskedRevision = None,
) -> _Asked:
    """What the query asks for."""
    code, level = area_and_level(area, level, organisation)
    if level == "volunteer" and code == "" and organisation is None:
        message = Message(
            "รายชื่ออาสาสมัครทั้งประเทศมีให้เป็นไฟล์ โปรดเลือกจังหวัด",
            "The volunteers of the whole country come as a file; choose a province",
        )
        raise Problem(400, "invalid", errors=[FieldError("area", "too_wide", message)])
    return _Asked(area=code, level=level, sort=sort, organisation=organisation, revision=revision)


def area_and_level(area: str, level: RowLevel | None, organisation: UUID | None) -> tuple[str, RowLevel]:
    """The code of the area that is asked for, and the level that its rows are of; raises a problem."""
    found = area_of(area)
    own = LEVELS.index(found.level)
    if level is None:
        level = LEVELS[min(own + 1, len(LEVELS) - 1)] if organisation is None else "volunteer"
    if level in LEVELS and LEVELS.index(level) < own:
        message = Message("ระดับนี้กว้างกว่าพื้นที่ที่ถาม", "This level is wider than the area that is asked for")
        raise Problem(400, "invalid", errors=[FieldError("level", "wider_than_area", message)])
    if level in LEVELS and organisation is not None:
        message = Message(
            "ระบุองค์กรได้เฉพาะระดับองค์กรและอาสาสมัคร", "Only organisations and volunteers are told apart by organisation"
        )
        raise Problem(400, "invalid", errors=[FieldError("organisation", "not_at_this_level", message)])
    return found.code, level


PUBLIC_LEVELS: Final = ("country", "province", "district")


def check_reader(
    reader: Principal | None, area: str, level: RowLevel, organisation: UUID | None, revision: int | None
) -> None:
    """Raises a problem unless the reader, whoever he is, may see the rows of `level` inside `area` in the revision."""
    if reader is None:
        if revision == COUNTED_NOW or level not in PUBLIC_LEVELS or len(area) == DIGITS["subdistrict"]:
            raise unauthenticated("token_missing")
        return
    if revision == COUNTED_NOW:
        demand(reader, Right.MONTH_CLOSE)
    if level in PUBLIC_LEVELS and len(area) < DIGITS["subdistrict"]:
        return
    if organisation is not None and organisation == reader.organisation:
        return
    demand(reader, Right.VOLUNTEER_READ if level == "volunteer" else Right.FIGURES_EXACT)
    demand_area(reader, area)


@router.get("/{month}", responses={200: {"model": Performance}})
async def performance(
    request: Request,
    month: Named,
    asked: Annotated[_Asked, Depends(_asked)],
    reader: Reader,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = DEFAULT_ROWS,
) -> Response:
    """The rows of a month, ranked, each beside the month before; of a closed month as it was frozen, with what was
    corrected since."""
    check_reader(reader, asked.area, asked.level, asked.organisation, asked.revision)
    kept = asked.revision != COUNTED_NOW
    after = None if cursor is None else place_of(cursor, _key_of)
    area, organisation = asked.area, asked.organisation
    async with snapshot(request) as (connection, as_of):
        try:
            closed = await store.closing_of(connection, month, asked.revision)
        except UnknownRevision:
            message = Message("เดือนนี้ไม่มีฉบับแก้ไขหมายเลขนี้", "The month has no such revision")
            raise Problem(404, detail=message) from None
        revision = closed.revision if closed else 0
        if closed is None and kept and asked.level != "volunteer":
            as_of = await store.as_of_sums(connection, month) or as_of
        total = await store.total(connection, month, revision, area, organisation, kept=kept)
        total_before = await store.total(connection, month_before(month), None, area, organisation)
        rows = [
            row
            async for row in store.rows(
                connection,
                month,
                revision,
                area,
                asked.level,
                sort=asked.sort,
                organisation=organisation,
                after=after,
                limit=limit + 1,
                kept=kept,
            )
        ]
    shown = rows[:limit]
    found = Performance(
        f"{month:%Y-%m}",
        "closed" if closed else "open",
        revision,
        None if closed is None else closed.closed_at,
        None if closed is None else closed.closed_by,
        None if closed is None else closed.reason,
        None if closed is None else closed.hash,
        None if closed is None else closed.positions,
        closed.as_of if closed else as_of,
        area,
        asked.level,
        total,
        total_before,
        shown,
        _cursor_behind(shown[-1], asked.sort) if len(rows) > limit else None,
    )
    return await answer(request, found)


def _cursor_behind(row: PerformanceRow, sort: Sort) -> str:
    return cursor_of(f"{getattr(row.figures, sort)} {row.key}".encode())


def _key_of(place: bytes) -> Key:
    value, _, key = place.decode().partition(" ")
    if not -(2**63) <= int(value) < 2**63 or "\0" in key:
        raise ValueError("not a figure and a key")
    return int(value), key


@router.post("/{month}/closing", status_code=201, responses={201: {"model": Closing}})
async def close(request: Request, closer: Closer, month: Named) -> Response:
    """Freezes a month that is over: its rows, their hash, and the positions of the streams that they were made from."""
    try:
        closed = await _months(request).close(month, now=now(request), by=str(closer.subject))
    except UNREACHABLE:
        raise away() from None
    except tuple(_REFUSALS) as error:
        raise _refused(error) from None
    return await answer(request, closed, status=201)


class Correction(Body):
    """Why a closed month is corrected."""

    reason: StrictStr = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")


@router.post("/{month}/corrections", status_code=201, responses={201: {"model": Closing}})
async def correct(request: Request, closer: Closer, month: Named, correction: Correction) -> Response:
    """Adds a revision to a closed month: the rows that came to differ, with the reason. What was closed stays
    readable."""
    try:
        corrected = await _months(request).correct(
            month, now=now(request), by=str(closer.subject), reason=correction.reason
        )
    except UNREACHABLE:
        raise away() from None
    except tuple(_REFUSALS) as error:
        raise _refused(error) from None
    return await answer(request, corrected, status=201)


def _months(request: Request) -> Months:
    return Months(pool_of(request), request.app.state.topics)


_REFUSALS: Final[dict[type[Exception], tuple[str, Message]]] = {
    NotEnded: ("not_ended", Message("เดือนนี้ยังไม่สิ้นสุด", "The month is not over")),
    AlreadyClosed: (
        "already_closed",
        Message("เดือนนี้ปิดแล้ว หากมีข้อมูลใหม่ให้ทำฉบับแก้ไข", "The month is closed; what came since makes a correction"),
    ),
    NotClosed: ("not_closed", Message("เดือนนี้ยังไม่ได้ปิด", "The month is not closed yet")),
    NothingDiffers: ("nothing_differs", Message("ไม่มีตัวเลขใดต่างจากที่ปิดไว้", "No figure differs from what was closed")),
    BeingClosed: (
        "being_closed",
        Message("กำลังปิดหรือแก้ไขเดือนอยู่ โปรดรอสักครู่", "A closing or correction is at work, please wait"),
    ),
    EventsMissing: (
        "events_missing",
        Message(
            "ข้อมูลบางรายการที่ส่งมาก่อนหน้ายังมาไม่ถึง โปรดดูหน้าความน่าเชื่อถือ",
            "A stream waits for an event that is missing; the page of trust says which",
        ),
    ),
    StillFilling: (
        "still_filling",
        Message("ระบบกำลังนับตัวเลขใหม่ โปรดรอสักครู่", "Figures are being counted anew, please wait until that has ended"),
    ),
}


def _refused(error: Exception) -> Problem:
    code, detail = _REFUSALS[type(error)]
    return Problem(409, code, detail=detail)
