"""The routes: figures by area at every level, tables of denominators, the live stream.

Figures are public. Those of subdistricts with very few persons are shown only to whoever carries `Right.FIGURES_EXACT`
for the area.
"""

import asyncio
import base64
import binascii
import gzip
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from services.reporting import store
from services.reporting.answers import (
    NOTHING,
    AsOf,
    CoverageAnswer,
    CoverageRow,
    Denominator,
    DenominatorsAnswer,
    Figures,
    FreshnessAnswer,
    FreshnessRow,
    PlacesAnswer,
    ProgressAnswer,
    ProgressRow,
    VolunteersAnswer,
    VolunteersRow,
    coverage_row,
    freshness_row,
    progress_row,
    unknown,
    volunteers_row,
)
from services.reporting.domain import OVERDUE_AFTER, day_in_thailand, derive_above
from services.reporting.event_stream import EventStream
from services.reporting.live import LiveStream, TooManyViewers
from services.reporting.settings import LiveSettings
from services.reporting.store import FIRST_PLACE, PlaceKey, Pool, TableKind
from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, Area, Level, UnknownArea, children, subdistricts
from shared.areas.register import area as registered_area
from shared.observability.clock import Clock
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, optional_principal, require
from shared.web.problems import FieldError, Message, Problem
from shared.web.validation import MAX_ERRORS

DIGITS: Final[Mapping[Level, int]] = {"country": 0, "province": 2, "district": 4, "subdistrict": 6}
LEVELS: Final = tuple(DIGITS)

DEFAULT_PLACES: Final = 500
MOST_PLACES: Final = 2_000
"""About 700 KiB: the places of a large province in one answer."""

MOST_DENOMINATORS: Final = 8_442
"""The country, 77 provinces, 928 districts and 7,436 subdistricts."""
MOST_PEOPLE: Final = 1_000_000_000
"""More houses or people than any area of Thailand has; a larger number is a slip of the keyboard."""

COMPRESSED_FROM: Final = 1_400
"""Bytes; what fits one network packet gains nothing."""
COMPRESSED_ASIDE_FROM: Final = 64 * 1024
"""Bytes; compressing more takes milliseconds, in which this process would answer nobody else."""

router = APIRouter(prefix="/v1")


def _pool(request: Request) -> Pool:
    pool: Pool = request.app.state.pool
    return pool


def _now(request: Request) -> datetime:
    clock: Clock = request.app.state.clock
    return clock.now()


@asynccontextmanager
async def _snapshot(request: Request) -> AsyncIterator[Connection]:
    """A connection for one answer; a database that is away becomes a problem document."""
    try:
        async with store.snapshot(_pool(request)) as connection:
            yield connection
    except UNREACHABLE:
        raise _away() from None


async def _as_of(request: Request, connection: Connection) -> AsOf:
    return await store.as_of(connection, request.app.state.topics)


def _away() -> Problem:
    return Problem(
        503,
        detail=Message("ฐานข้อมูลไม่ตอบ โปรดลองอีกครั้ง", "The database does not answer, please try again"),
        headers={"Retry-After": "2"},
    )


def _area(text: str, path: str = "area") -> Area:
    try:
        return registered_area(to_arabic_digits(text).strip())
    except UnknownArea as error:
        raise Problem(422, errors=[_area_error(path, error)]) from None


def _area_error(path: str, error: UnknownArea) -> FieldError:
    if not isinstance(error, AbolishedArea):
        return FieldError(path, "unknown_area", Message("ไม่มีรหัสพื้นที่นี้", "There is no area with this code"))
    thai, english = f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว", f"The area {error.code} was abolished"
    if error.successors:
        successors = ", ".join(error.successors)
        thai, english = f"{thai} ปัจจุบันใช้ {successors}", f"{english}; it is now {successors}"
    return FieldError(path, "abolished_area", Message(thai, english))


class Asked(BaseModel):
    """Which areas are asked for: those of `level` inside `area`."""

    model_config = ConfigDict(frozen=True)

    area: str
    level: Level

    @property
    def digits(self) -> int:
        """How long the codes of the level are."""
        return DIGITS[self.level]

    def areas(self, found: Collection[str | None]) -> list[Area]:
        """Every area of the level inside `area`, with results or without.

        Codes that were `found` and are no longer in the register are listed as well, under the code for a name: what
        was surveyed before an area was abolished stays, and the rows sum up to the row above them.
        """
        current = areas_of(self.area, self.level)
        codes = {area.code for area in current}
        former = sorted(code for code in found if code is not None and code not in codes)
        return [*current, *(Area(code, self.level, code, code, code[:-2]) for code in former)]


def _asked(
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")] = "",
    level: Annotated[Level | None, Query(description="Broken down to; without it, one level below `area`")] = None,
) -> Asked:
    """What the query asks for."""
    found = _area(area)
    own = LEVELS.index(found.level)
    if level is None:
        level = LEVELS[min(own + 1, len(LEVELS) - 1)]
    if LEVELS.index(level) < own:
        message = Message("ระดับนี้กว้างกว่าพื้นที่ที่ถาม", "This level is wider than the area that is asked for")
        raise Problem(422, errors=[FieldError("level", "wider_than_area", message)])
    return Asked(area=found.code, level=level)


@lru_cache(maxsize=4_096)  # references to the register's own entries; every province and district by every level
def areas_of(code: str, level: Level) -> tuple[Area, ...]:
    """Every area of `level` inside the area of `code`, by code."""
    if level == "subdistrict":
        return subdistricts(code)
    found: tuple[Area, ...] = (registered_area(code),)
    while found[0].level != level:
        found = tuple(child for each in found for child in children(each.code))
    return found


Wanted = Annotated[Asked, Depends(_asked)]
Reader = Annotated[Principal | None, Depends(optional_principal)]


def _hides(asked: Asked, reader: Principal | None) -> Callable[[str, Figures], bool]:
    """Tells whether an area's figures are withheld from the reader."""
    exact = reader is not None and reader.may(Right.FIGURES_EXACT)
    if asked.level != "subdistrict":
        return lambda code, figures: False
    return lambda code, figures: figures.small and not (exact and reader is not None and reader.covers(code))


@router.get("/coverage", responses={200: {"model": CoverageAnswer}})
async def coverage(
    request: Request,
    asked: Wanted,
    reader: Reader,
    denominator: Annotated[
        Literal["population", "surveyed"],
        Query(description="What the doses are a part of: registered residents, or the persons surveyed"),
    ] = "population",
) -> Response:
    """Vaccination and wishes as surveyed, for every area of the level, also for areas without results."""
    async with _snapshot(request) as connection:
        as_of = await _as_of(request, connection)
        figures = await store.figures(connection, asked.area, asked.digits)
        reasons = await store.reasons(connection, asked.area, asked.digits)
        table = {}
        if denominator == "population":
            table = await store.denominators(connection, denominator, asked.area, [asked.digits])
    hides = _hides(asked, reader)

    def row(area: Area) -> CoverageRow:
        found = figures.get(area.code, NOTHING)
        hidden = hides(area.code, found)
        whole = table.get(area.code) or unknown("population")
        if denominator == "surveyed":
            whole = Denominator("surveyed", None if hidden else found.persons, "survey-submitted", None)
        return coverage_row(area, found, reasons.get(area.code, {}), whole, suppressed=hidden)

    return await _answer(
        request, CoverageAnswer(asked.area, asked.level, as_of, [row(area) for area in asked.areas(figures)])
    )


@router.get("/progress", responses={200: {"model": ProgressAnswer}})
async def progress(request: Request, asked: Wanted, reader: Reader) -> Response:
    """Households surveyed of the houses to be surveyed, for every area of the level."""
    async with _snapshot(request) as connection:
        as_of = await _as_of(request, connection)
        figures = await store.figures(connection, asked.area, asked.digits)
        houses = await store.denominators(connection, "houses", asked.area, [asked.digits])
    hides = _hides(asked, reader)

    def row(area: Area) -> ProgressRow:
        found = figures.get(area.code, NOTHING)
        whole = houses.get(area.code) or unknown("houses")
        return progress_row(area, found, whole, suppressed=hides(area.code, found))

    return await _answer(
        request, ProgressAnswer(asked.area, asked.level, as_of, [row(area) for area in asked.areas(figures)])
    )


@router.get("/freshness", responses={200: {"model": FreshnessAnswer}})
async def freshness(request: Request, asked: Wanted) -> Response:
    """Places by kind, and how many were confirmed within seven days, for every area of the level."""
    overdue_before = _now(request) - OVERDUE_AFTER
    async with _snapshot(request) as connection:
        as_of = await _as_of(request, connection)
        found = await store.freshness(connection, asked.area, asked.digits, overdue_before)
    rows: list[FreshnessRow] = [freshness_row(area, found.get(area.code, {})) for area in asked.areas(found)]
    return await _answer(request, FreshnessAnswer(asked.area, asked.level, as_of, rows))


@router.get("/volunteers", responses={200: {"model": VolunteersAnswer}})
async def volunteers(request: Request, asked: Wanted) -> Response:
    """People by status, role and kind of organisation, for every area of the level."""
    async with _snapshot(request) as connection:
        as_of = await _as_of(request, connection)
        found = await store.volunteers(connection, asked.area, asked.digits)
    nobody = store.people({}, {})
    rows: list[VolunteersRow] = [volunteers_row(area, found.get(area.code, nobody)) for area in asked.areas(found)]
    return await _answer(request, VolunteersAnswer(asked.area, asked.level, as_of, rows, wider=found.get(None, nobody)))


@router.get("/places", responses={200: {"model": PlacesAnswer}})
async def places(
    request: Request,
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")] = "",
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PLACES)] = DEFAULT_PLACES,
) -> Response:
    """Places for the map, in a fixed order. `cursor` of an answer leads to the next page; it is null on the last
    one."""
    inside = _area(area).code
    after = FIRST_PLACE if cursor is None else _place_key(cursor)
    overdue_before = _now(request) - OVERDUE_AFTER
    async with _snapshot(request) as connection:
        as_of = await _as_of(request, connection)
        found = await store.places(connection, inside, after, limit + 1, overdue_before)
    items = found[:limit]
    more = _cursor(items[-1].area, items[-1].facility_id) if len(found) > limit else None
    return await _answer(request, PlacesAnswer(inside, as_of, items, more))


def _cursor(area: str, facility_id: str) -> str:
    return base64.urlsafe_b64encode(area.encode() + UUID(facility_id).bytes).decode().rstrip("=")


def _place_key(cursor: str) -> PlaceKey:
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        if len(data) != DIGITS["subdistrict"] + 16:
            raise ValueError("not the length of a cursor")
        return data[:-16].decode("ascii"), UUID(bytes=data[-16:])
    except (ValueError, binascii.Error):
        message = Message("ตัวชี้หน้าไม่ถูกต้อง โปรดเริ่มใหม่", "This is not a cursor of ours, please begin again")
        raise Problem(422, errors=[FieldError("cursor", "not_a_cursor", message)]) from None


class DenominatorRow(BaseModel):
    """The value of one area."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    area: StrictStr = Field(max_length=20)
    value: StrictInt = Field(ge=0, le=MOST_PEOPLE)


class DenominatorTable(BaseModel):
    """A dated table of one source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: TableKind
    source: StrictStr = Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")
    dated: date
    rows: list[DenominatorRow] = Field(min_length=1, max_length=MOST_DENOMINATORS)


@router.put("/denominators", responses={200: {"model": DenominatorsAnswer}})
async def put_denominators(
    request: Request,
    table: DenominatorTable,
    principal: Annotated[Principal, Depends(require(Right.DENOMINATOR_WRITE))],
) -> Response:
    """Puts a table in the place of the one of its kind and date: whole, or, when any row is wrong, not at all.

    Areas above the given ones are summed up wherever all areas below them are known.
    """
    demand_area(principal, "")
    given = _checked(table, day_in_thailand(_now(request)))
    derived = derive_above(given, {code: tuple(child.code for child in below) for code, below in _parents().items()})
    try:
        async with acquire(_pool(request)) as connection:
            await store.replace_denominators(
                connection,
                table.kind,
                table.dated,
                table.source,
                principal.subject,
                given=given,
                derived=derived,
            )
    except UNREACHABLE:
        raise _away() from None
    return await _answer(request, DenominatorsAnswer(table.kind, table.dated, table.source, len(given), len(derived)))


@lru_cache(maxsize=1)
def _parents() -> Mapping[str, tuple[Area, ...]]:
    above = [*areas_of("", "country"), *areas_of("", "province"), *areas_of("", "district")]
    return {area.code: children(area.code) for area in above}


def _checked(table: DenominatorTable, today: date) -> dict[str, int]:
    """The values by area code; raises a problem that names every bad row."""
    errors: list[FieldError] = []
    if table.dated > today:
        message = Message("วันที่อยู่ในอนาคต", "This date lies in the future")
        errors.append(FieldError("dated", "in_the_future", message))
    values: dict[str, int] = {}
    for place, row in enumerate(table.rows):
        path = f"rows[{place}].area"
        try:
            code = registered_area(to_arabic_digits(row.area).strip()).code
        except UnknownArea as error:
            errors.append(_area_error(path, error))
            continue
        if code in values:
            errors.append(FieldError(path, "duplicate_area", Message("พื้นที่ซ้ำ", "This area stands here twice")))
        values[code] = row.value
    if errors:
        raise Problem(422, errors=errors[:MAX_ERRORS])
    return values


@router.get(
    "/live", status_code=200, response_class=EventStream, responses={200: {"content": {"text/event-stream": {}}}}
)
async def live(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=60, description="Goes on behind this event")] = None,
) -> Response:
    """Server-sent events: `reset` with the picture of the country, every province and district, then `change` with what
    differs.

    `subdistricts`, `places` and `volunteers` name areas with new figures of that kind, to be asked for; null: anywhere.
    """
    stream: LiveStream = request.app.state.live
    settings: LiveSettings = request.app.state.live_settings
    try:
        viewer = stream.join(last_event_id)
    except TooManyViewers:
        raise Problem(
            503,
            "too_many_viewers",
            detail=Message("มีผู้ชมมากเกินไป โปรดรอสักครู่", "Too many people are watching, please wait a moment"),
            headers={"Retry-After": "10"},
        ) from None
    return EventStream(stream, viewer, settings)


async def _answer(request: Request, content: Any) -> Response:
    """`content` as JSON, compressed for whoever can read it so. Who asks may change what he sees, so it is not kept."""
    body = msgspec.json.encode(content)
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) >= COMPRESSED_FROM and accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        if len(body) >= COMPRESSED_ASIDE_FROM:
            body = await asyncio.to_thread(gzip.compress, body, 1)
        else:
            body = gzip.compress(body, 1)
    return Response(body, media_type="application/json", headers=headers)


def accepts_gzip(request: Request) -> bool:
    """True when the client takes gzip."""
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameters = part.partition(";")
        if coding.strip() in ("gzip", "*"):
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
