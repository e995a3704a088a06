"""GET /v1/need-to-reach/map: where persons to reach are."""

from collections.abc import Sequence
from typing import Annotated, Final

import asyncpg
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.audit import Purpose
from services.survey.visits import lists, maps
from services.survey.visits.http.asking import AreaQuery, bad_field, connected, now_of
from services.survey.visits.http.items import PersonToReach, read_items
from shared.areas.districts import CELLS_PER_DEGREE
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.problems import Message

_TOO_WIDE: Final = Message(
    "เลือกจังหวัด อำเภอ หรือตำบล ภาพรวมประเทศดูได้ที่แผนที่สด",
    "Choose a province, district or subdistrict; the live map shows the country",
)

router = APIRouter(prefix="/v1/need-to-reach", tags=["need to reach"])
Reader = Annotated[Principal, Depends(require(Right.REACH_READ))]


class Sums(BaseModel):
    """Persons to reach, and of them: of the group 608, to be visited at home, taken on by nobody, late."""

    persons: int
    at_risk: int
    home_visit: int
    free: int
    late: int


class Cell(Sums):
    """A grid cell of a hundredth of a degree; its middle."""

    lat: float
    lon: float


class Part(Sums):
    """A district."""

    area: str


class Map(BaseModel):
    """Of a province its districts; of a district its cells; of a subdistrict its cells and its persons.

    unlocated: persons whose house has no position. items: the first by priority, `more` when there are others.
    """

    area: str
    parts: list[Part] = []
    cells: list[Cell] = []
    unlocated: Sums | None = None
    items: list[PersonToReach] = []
    more: bool = False


@router.get("/map")
async def reach_map(request: Request, principal: Reader, area: AreaQuery = None) -> Map:
    """Where persons to reach are. In a subdistrict with names and positions, which is recorded."""
    prefix = area_asked(principal, area)
    if not prefix:
        raise bad_field("area", "too_wide", _TOO_WIDE)
    now = now_of(request)
    async with connected(request) as connection:
        if len(prefix) == 2:
            rows = await maps.by_district(connection, prefix, now)
            return Map(area=prefix, parts=[Part(area=row["area"], **_sums(row)) for row in rows])
        rows = await maps.by_cell(connection, prefix, now)
        items: Sequence[PersonToReach] = []
        keys = await maps.in_subdistrict(connection, prefix) if len(prefix) == 6 else []
        if len(prefix) == 6:
            entries = await lists.entries(connection, keys, area=prefix, now=now)
            items = await read_items(connection, request, principal, Purpose.REACH, entries)
    return Map(
        area=prefix,
        cells=[_cell(row) for row in rows if row["cell_row"] is not None],
        unlocated=next((Sums(**_sums(row)) for row in rows if row["cell_row"] is None), None),
        items=list(items),
        more=len(keys) == maps.MOST_ITEMS,
    )


def _cell(row: asyncpg.Record) -> Cell:
    return Cell(
        lat=round((row["cell_row"] + 0.5) / CELLS_PER_DEGREE, 3),
        lon=round((row["cell_column"] + 0.5) / CELLS_PER_DEGREE, 3),
        **_sums(row),
    )


def _sums(row: asyncpg.Record) -> dict[str, int]:
    return {name: row[name] for name in Sums.model_fields}
