"""Tables of what percentages are of: houses to be surveyed, registered residents, and those who really live there."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StrictInt, StrictStr

from services.reporting.answers import DenominatorsAnswer
from services.reporting.domain import day_in_thailand, derive_above
from services.reporting.http.answering import answer, away, database, now, pool_of
from services.reporting.http.areas import area_error, areas_of, read_code
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.store import TableKind
from services.reporting.wholes import tables
from services.reporting.wholes.answers import TablesAnswer
from services.reporting.wholes.tables import Table, TableKey, UnknownTable
from services.reporting.wholes.words import MOST_PEOPLE
from shared.areas.register import UnknownArea, children
from shared.areas.register import area as registered_area
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows
from shared.web.authentication import demand_area, require
from shared.web.fields import Body
from shared.web.problems import FieldError, Message, Problem
from shared.web.validation import MAX_ERRORS

TITLES: Final[Mapping[TableKind, str]] = {
    "houses": "จำนวนบ้าน",
    "population": "จำนวนประชากร",
    "residents": "ผู้อยู่อาศัยจริง",
}
MOST_DENOMINATORS: Final = 8_442
"""The country, 77 provinces, 928 districts and 7,436 subdistricts."""
TABLES_SHOWN: Final = 50
"""In one answer: the tables of some years."""

router = APIRouter(prefix="/v1")


class DenominatorRow(Body):
    """The value of one area."""

    area: StrictStr = Field(max_length=20)
    value: StrictInt = Field(ge=0, le=MOST_PEOPLE)


class DenominatorTable(Body):
    """A dated table of one source."""

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
    given = _checked(table, day_in_thailand(now(request)))
    derived = derive_above(given, below())
    put = Table(
        uuid4(),
        table.kind,
        table.dated,
        table.source,
        len(given),
        len(derived),
        given.get("", derived.get("")),
        principal.subject,
        now(request),
        None,
        None,
    )
    async with database(request) as connection:
        await tables.put(connection, put, given=given, derived=derived)
    return await answer(request, DenominatorsAnswer(table.kind, table.dated, table.source, len(given), len(derived)))


@router.get("/denominators", responses={200: {"model": TablesAnswer}})
async def list_tables(
    request: Request,
    principal: Annotated[Principal, Depends(require(Right.DENOMINATOR_WRITE))],
    kind: TableKind | None = None,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Every table that was ever put in, the latest first; those that do not count any more say since when."""
    demand_area(principal, "")
    after = None if cursor is None else place_of(cursor, _table_key)
    async with database(request) as connection:
        found = await tables.page(connection, kind, after, TABLES_SHOWN + 1)
    shown = found[:TABLES_SHOWN]
    more = None
    if len(found) > TABLES_SHOWN:
        more = cursor_of(f"{shown[-1].set_at.isoformat()} {shown[-1].table_id}".encode())
    return await answer(request, TablesAnswer(shown, more))


@router.get("/denominators/{table_id}/rows.csv", responses={200: {"content": {"text/csv": {}}}})
async def table_rows(
    request: Request, table_id: UUID, principal: Annotated[Principal, Depends(require(Right.DENOMINATOR_WRITE))]
) -> Response:
    """A table as it was given, with the areas' names; `POST /v1/denominators/lists` reads it back."""
    demand_area(principal, "")
    try:
        async with acquire(pool_of(request)) as connection:
            table, values = await tables.read(connection, table_id)
    except UNREACHABLE:
        raise away() from None
    except UnknownTable:
        raise Problem(404) from None
    lines = [["รหัส", "ชื่อพื้นที่", TITLES[table.kind]]]
    lines += [[code or "00", registered_name(code), str(value)] for code, value in values]
    name = f"{table.kind}-{table.dated}.csv"
    return Response(
        BYTE_ORDER_MARK + csv_rows(lines),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


@router.delete("/denominators/{table_id}", status_code=204)
async def take_back(
    request: Request, table_id: UUID, principal: Annotated[Principal, Depends(require(Right.DENOMINATOR_WRITE))]
) -> Response:
    """Takes a table back: percentages are of the one before it again. It stays in the list, as one that has ended."""
    demand_area(principal, "")
    try:
        async with acquire(pool_of(request)) as connection:
            await tables.take_back(connection, table_id, principal.subject, now(request))
    except UNREACHABLE:
        raise away() from None
    except UnknownTable:
        raise Problem(404) from None
    return Response(status_code=204)


def registered_name(code: str) -> str:
    """An area's Thai name; of an abolished one its code."""
    try:
        return registered_area(code).name_th
    except UnknownArea:
        return code


def _table_key(place: bytes) -> TableKey:
    at, _, table_id = place.decode("ascii").partition(" ")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(UTC), UUID(table_id)


@lru_cache(maxsize=1)
def below() -> Mapping[str, tuple[str, ...]]:
    """The codes one level below each area that has any."""
    above = [*areas_of("", "country"), *areas_of("", "province"), *areas_of("", "district")]
    return {area.code: tuple(child.code for child in children(area.code)) for area in above}


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
            code = read_code(row.area).code
        except UnknownArea as error:
            errors.append(area_error(path, error))
            continue
        if code in values:
            errors.append(FieldError(path, "duplicate_area", Message("พื้นที่ซ้ำ", "This area stands here twice")))
        values[code] = row.value
    if errors:
        raise Problem(400, "invalid", errors=errors[:MAX_ERRORS])
    return values
