"""/v1/coordinators: who they are, and where there is none who is there."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.responses import Response

from services.registration.domain.coverage import (
    LACKING,
    NOBODY,
    CoverageState,
    Held,
    active_since,
    count_by_province,
    state_of,
)
from services.registration.http import cursors
from services.registration.http.cursors import CursorText
from services.registration.http.parts import Parts, parts
from services.registration.settings import PAGE_SIZE
from services.registration.store.coordinators import BEGINNING
from shared.areas.register import Area, children, provinces, subdistricts
from shared.areas.register import area as registered_area
from shared.contracts.events import Role
from shared.observability.clock import BANGKOK
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import AreaCode
from shared.web.problems import FieldError, Message, Problem

router = APIRouter(prefix="/v1/coordinators", tags=["coordinators"])

Level = Literal["district", "subdistrict"]
ROLE_OF: Final[Mapping[Level, Role]] = {
    "district": Role.DISTRICT_COORDINATOR,
    "subdistrict": Role.SUBDISTRICT_COORDINATOR,
}
DIGITS: Final[Mapping[Level, int]] = {"district": 4, "subdistrict": 6}

MOST_AREAS: Final = 500
"""In one answer: 60 KB. A coordinator reads some tens, and an export has all."""

Reader = Annotated[Principal, Depends(require(Right.COORDINATOR_READ))]


class Counts(BaseModel):
    """How many areas there are, and how many of them are in which state."""

    total: int
    covered: int
    inactive: int
    none: int


class ProvinceCounts(Counts):
    """The counts of one province, as far as it lies inside the area that was asked for."""

    area: str
    name_th: str
    name_en: str


class CoverageRow(BaseModel):
    """One area. `last_active_day` is the latest of its coordinators'; null when none has ever signed in."""

    area: str
    name_th: str
    name_en: str
    state: CoverageState
    coordinators: int
    last_active_day: date | None


class CoverageAnswer(BaseModel):
    """Coverage of an area by coordinators. `rows` are those of the states asked for, by code; `cursor` leads on."""

    area: str
    level: Level
    active_since: date
    counts: Counts
    provinces: Sequence[ProvinceCounts]
    rows: Sequence[CoverageRow]
    cursor: str | None


class CoordinatorAnswer(BaseModel):
    """A coordinator. Name, phone, id and organisation are null for whoever is not entitled to contact details."""

    role: Role
    area: str
    last_active_day: date | None
    active: bool
    volunteer_id: UUID | None
    organisation: str | None
    name: str | None
    phone: str | None


class CoordinatorPage(BaseModel):
    """A page of coordinators; `cursor` leads to the next and is null on the last."""

    coordinators: Sequence[CoordinatorAnswer]
    contacts: bool
    cursor: str | None


class _Asked(BaseModel):
    """Which areas are asked for, and how their coordinators stand at this moment."""

    area: str
    level: Level
    today: date
    areas: tuple[Area, ...]
    held: dict[str, Held]

    def state(self, area: Area) -> CoverageState:
        """Judge one of the areas."""
        return state_of(self.held.get(area.code, NOBODY), self.today)


async def _asked(
    caller: Reader,
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query(description="The caller's own without it")] = None,
    level: Annotated[Level, Query(description="Which coordinators: the districts' or the subdistricts'")] = "district",
) -> _Asked:
    area = area_asked(caller, area)
    if len(area) > DIGITS[level]:
        message = Message("ระดับนี้กว้างกว่าพื้นที่ที่ถาม", "This level is wider than the area that is asked for")
        raise Problem(400, "invalid", errors=[FieldError("level", "wider_than_area", message)])
    return _Asked(
        area=area,
        level=level,
        today=parts.clock.now().astimezone(BANGKOK).date(),
        areas=_areas(area, level),
        held=await parts.coordinators.held(ROLE_OF[level], area),
    )


def _areas(area: str, level: Level) -> tuple[Area, ...]:
    if level == "subdistrict":
        return subdistricts(area)
    if len(area) == DIGITS["district"]:
        return (registered_area(area),)
    outer = provinces() if area == "" else (registered_area(area),)
    return tuple(district for province in outer for district in children(province.code))


@router.get("/coverage")
async def coverage(
    asked: Annotated[_Asked, Depends(_asked)],
    state: Annotated[
        Literal["lacking", "all"] | CoverageState, Query(description="Which rows; `lacking` is none and inactive")
    ] = "lacking",
    cursor: CursorText = None,
) -> CoverageAnswer:
    """Tell which areas have no coordinator, or none who was active within 14 days; as it is at this moment."""
    (after,) = cursors.read(cursor, cursors.place) if cursor else ("",)
    wanted = _wanted(state)
    rows = [area for area in asked.areas if area.code > after and asked.state(area) in wanted]
    by_province = count_by_province([area.code for area in asked.areas], asked.held, asked.today)
    return CoverageAnswer(
        area=asked.area,
        level=asked.level,
        active_since=active_since(asked.today),
        counts=Counts(**_counted(sum(by_province.values(), Counter()))),
        provinces=[
            ProvinceCounts(area=code, **_names(registered_area(code)), **_counted(counts))
            for code, counts in by_province.items()
        ],
        rows=[_row(asked, area) for area in rows[:MOST_AREAS]],
        cursor=cursors.write(rows[MOST_AREAS - 1].code) if len(rows) > MOST_AREAS else None,
    )


@router.get("/coverage.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(asked: Annotated[_Asked, Depends(_asked)]) -> Response:
    """Every area of the level with its state, for a spreadsheet: at most the 7,436 subdistricts, some 700 KB.

    It begins with a byte order mark, or Excel takes the Thai names for another encoding. No cell is read as a formula.
    """
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(["area", "province", "district", "subdistrict", "state", "coordinators", "last_active_day"])
    for area in asked.areas:
        held = asked.held.get(area.code, NOBODY)
        names = [registered_area(area.code[:digits]).name_th for digits in range(2, len(area.code) + 1, 2)]
        cells = [area.code, *names, *[""] * (3 - len(names)), asked.state(area), held.coordinators]
        writer.writerow([safe_cell(str(cell)) for cell in [*cells, held.last_active_day or ""]])
    name = f"coordinators-{asked.area or 'TH'}-{asked.level}-{asked.today}.csv"
    return Response(
        "\ufeff" + lines.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


def safe_cell(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@router.get("")
async def coordinators(
    caller: Reader,
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query(description="The caller's own without it")] = None,
    cursor: CursorText = None,
) -> CoordinatorPage:
    """List the coordinators of an area; with contact details, whose reading is recorded, for whoever may have them."""
    area = area_asked(caller, area)
    contacts = caller.may(Right.COORDINATOR_CONTACT)
    now = parts.clock.now()
    since = active_since(now.astimezone(BANGKOK).date())
    found = await parts.coordinators.page(
        area,
        contacts=contacts,
        after=cursors.read(cursor, cursors.place, UUID) if cursor else BEGINNING,
        limit=PAGE_SIZE,
        reader=caller.subject,
        now=now,
    )
    return CoordinatorPage(
        coordinators=[
            CoordinatorAnswer(
                role=one.role,
                area=one.area,
                last_active_day=one.last_active_day,
                active=one.last_active_day is not None and one.last_active_day >= since,
                volunteer_id=one.person_id if contacts else None,
                organisation=one.organisation if contacts else None,
                name=one.name,
                phone=one.phone,
            )
            for one in found
        ],
        contacts=contacts,
        cursor=cursors.write(found[-1].area, found[-1].person_id) if len(found) == PAGE_SIZE else None,
    )


def _wanted(state: str) -> frozenset[CoverageState]:
    if state == "all":
        return frozenset(CoverageState)
    return LACKING if state == "lacking" else frozenset({CoverageState(state)})


def _row(asked: _Asked, area: Area) -> CoverageRow:
    held = asked.held.get(area.code, NOBODY)
    return CoverageRow(
        area=area.code,
        **_names(area),
        state=asked.state(area),
        coordinators=held.coordinators,
        last_active_day=held.last_active_day,
    )


def _names(area: Area) -> dict[str, str]:
    return {"name_th": area.name_th, "name_en": area.name_en}


def _counted(counts: Counter[CoverageState]) -> dict[str, int]:
    return {"total": counts.total()} | {str(state): counts[state] for state in CoverageState}
