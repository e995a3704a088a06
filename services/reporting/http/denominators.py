"""Tables of what percentages are of: houses to be surveyed, registered residents."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr

from services.reporting import store
from services.reporting.answers import DenominatorsAnswer
from services.reporting.domain import day_in_thailand, derive_above
from services.reporting.http.answering import answer, away, now, pool_of
from services.reporting.http.areas import area_error, areas_of, read_code
from services.reporting.store import TableKind
from shared.areas.register import UnknownArea, children
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.problems import FieldError, Message, Problem
from shared.web.validation import MAX_ERRORS

MOST_DENOMINATORS: Final = 8_442
"""The country, 77 provinces, 928 districts and 7,436 subdistricts."""
MOST_PEOPLE: Final = 1_000_000_000
"""More houses or people than any area of Thailand has; a larger number is a slip of the keyboard."""

router = APIRouter(prefix="/v1")


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
    given = _checked(table, day_in_thailand(now(request)))
    derived = derive_above(given, _below())
    try:
        async with acquire(pool_of(request)) as connection:
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
        raise away() from None
    return await answer(request, DenominatorsAnswer(table.kind, table.dated, table.source, len(given), len(derived)))


@lru_cache(maxsize=1)
def _below() -> Mapping[str, tuple[str, ...]]:
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
