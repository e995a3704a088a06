"""/dhis2: the register for DHIS2, in the forms that its own imports take. For anybody, without a key."""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from services.facilities import units as dhis2
from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.kinds import Kinds
from services.facilities.domain.violations import Violation
from services.facilities.http.documents import as_json
from services.facilities.http.parts import area_of, clock_of, database, invalid, reference_of
from services.facilities.store import units as store
from services.facilities.store.units import Beds, Unit
from shared.areas import units as areas
from shared.web.problems import Message, Problem

STREAM_ROWS: Final = 200
"""Read and written at once, some 15 ms: others are answered in between, and a slow reader holds no connection."""
MOST_AT_ONCE: Final = 4
"""Exports of a process at a time: the whole country's is 38 MB and 9 s of a processor."""
NOBODY: Final = UUID(int=0)
NOT_COUNTED: Final = frozenset({None, "closed"})

router = APIRouter(prefix="/dhis2")


class Exports:
    """How many exports are being written now; stands at `app.state.exports`."""

    def __init__(self) -> None:
        self._running = 0

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one until the block ends. Raises a 429 problem where it would be too many."""
        if self._running >= MOST_AT_ONCE:
            raise Problem(
                429,
                detail=Message("มีการส่งออกอยู่มากแล้ว โปรดรอสักครู่", "There are many exports now; please wait a moment"),
                headers={"Retry-After": "10"},
            )
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


async def _counted(request: Request) -> AsyncIterator[None]:
    """Before anything is read, until the answer was sent, has failed, or its reader has gone."""
    exports: Exports = request.app.state.exports
    with exports.one_more():
        yield


AreaAsked = Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; all of the country without")]


@router.get("/metadata.json")
async def read_metadata() -> JSONResponse:
    """The data elements and the data set of the daily values, for `POST /api/metadata` of DHIS2."""
    return JSONResponse(dhis2.metadata())


@router.get(
    "/organisationUnits.json",
    dependencies=[Depends(_counted)],
    responses={200: {"content": {"application/json": {}}}},
)
async def export_units(request: Request, area: AreaAsked = "") -> StreamingResponse:
    """Areas and places as organisation units, for `POST /api/metadata` of DHIS2: country, provinces, districts,
    subdistricts and places, each behind its parent."""
    code = area_of(area)
    async with database(request) as connection:  # a database that is away shows before the answer has begun
        first = await store.units(connection, code, NOBODY, STREAM_ROWS)
    return StreamingResponse(_units(request, code, first), media_type="application/json")


@router.get(
    "/dataValueSets.json",
    dependencies=[Depends(_counted)],
    responses={200: {"content": {"application/json": {}}}},
)
async def export_values(
    request: Request,
    period: Annotated[str, Query(max_length=8, description="A day, such as 20220207")],
    area: AreaAsked = "",
) -> StreamingResponse:
    """Free and all beds of each place as they stood at the end of a day in Thailand, for `POST /api/dataValueSets` of
    DHIS2; of today as they stand."""
    code, day = area_of(area), _day(period, clock_of(request).now())
    before = datetime.combine(day + timedelta(days=1), time(), BANGKOK)
    async with database(request) as connection:
        first = await store.beds(connection, code, NOBODY, STREAM_ROWS, before=before)
    return StreamingResponse(_values(request, code, period, before, first), media_type="application/json")


async def _units(request: Request, code: str, page: Sequence[Unit]) -> AsyncIterator[str]:
    yield '{"organisationUnits":['
    inside, between = areas.areas_of(code), ""
    while some := list(islice(inside, STREAM_ROWS)):
        yield between + ",".join(as_json(areas.area_unit(each)) for each in some)
        between = ","
    while page:
        yield "," + ",".join(as_json(dhis2.place_unit(each.facility, each.closed_at)) for each in page)
        if len(page) < STREAM_ROWS:
            break
        async with database(request) as connection:
            page = await store.units(connection, code, page[-1].facility.facility_id, STREAM_ROWS)
    yield "]}"


async def _values(
    request: Request, code: str, period: str, before: datetime, page: Sequence[Beds]
) -> AsyncIterator[str]:
    kinds, between = reference_of(request).kinds, ""
    yield '{"dataValues":['
    while page:
        values = ",".join(as_json(value) for each in page for value in _of_place(each, period, kinds))
        if values:
            yield between + values
            between = ","
        if len(page) < STREAM_ROWS:
            break
        async with database(request) as connection:
            page = await store.beds(connection, code, page[-1].facility_id, STREAM_ROWS, before=before)
    yield "]}"


def _of_place(each: Beds, period: str, kinds: Kinds) -> Iterator[dict[str, Any]]:
    kind = kinds.get(each.kind or "")
    if each.status in NOT_COUNTED or each.changed_at is None or kind is None or not kind.beds:
        return
    for element, value in ((dhis2.FREE_BEDS, each.free), (dhis2.ALL_BEDS, each.capacity)):
        if value is not None:
            yield {
                "dataElement": element,
                "period": period,
                "orgUnit": dhis2.place_uid(each.facility_id),
                "value": str(value),
            }


def _day(period: str, now: datetime) -> date:
    try:
        day = date.fromisoformat(period) if re.fullmatch(r"[0-9]{8}", period) else None
    except ValueError:
        day = None
    if day is None:
        raise invalid(
            [Violation("period", "not_a_day", "ต้องเป็นวัน เช่น 20220207", "This has to be a day such as 20220207")]
        )
    if day > now.astimezone(BANGKOK).date():
        raise invalid([Violation("period", "in_the_future", "วันนี้ยังมาไม่ถึง", "This day has not come yet")])
    return day
