"""Figures by area: public, but for those of subdistricts with very few persons.

Those are shown only to whoever carries `Right.FIGURES_EXACT` for the area.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting import store
from services.reporting.answers import (
    NOTHING,
    CoverageAnswer,
    CoverageRow,
    Denominator,
    Figures,
    FreshnessAnswer,
    ProgressAnswer,
    ProgressRow,
    QualityAnswer,
    QualityRow,
    VolunteersAnswer,
    coverage_row,
    freshness_row,
    progress_row,
    quality_row,
    unknown,
    volunteers_row,
)
from services.reporting.domain import OVERDUE_AFTER
from services.reporting.http.answering import answer, now, snapshot
from services.reporting.http.areas import Asked, Wanted
from shared.areas.register import Area
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import optional_principal

router = APIRouter(prefix="/v1")
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
        Literal["population", "residents", "surveyed"],
        Query(description="What the doses are a part of: registered or actual residents, or those surveyed"),
    ] = "population",
) -> Response:
    """Vaccination and wishes as surveyed, for every area of the level, also for areas without results."""
    async with snapshot(request) as (connection, as_of):
        figures = await store.figures(connection, asked.area, asked.digits)
        reasons = await store.reasons(connection, asked.area, asked.digits)
        table = {}
        if denominator != "surveyed":
            table = await store.denominators(connection, denominator, asked.area, [asked.digits])
    hides = _hides(asked, reader)

    def row(area: Area) -> CoverageRow:
        found = figures.get(area.code, NOTHING)
        hidden = hides(area.code, found)
        whole = table.get(area.code) or unknown(denominator)
        if denominator == "surveyed":
            whole = Denominator("surveyed", None if hidden else found.persons, "survey-submitted", None)
        return coverage_row(area, found, reasons.get(area.code, {}), whole, suppressed=hidden)

    return await answer(
        request, CoverageAnswer(asked.area, asked.level, as_of, [row(area) for area in asked.areas(figures)])
    )


@router.get("/progress", responses={200: {"model": ProgressAnswer}})
async def progress(request: Request, asked: Wanted, reader: Reader) -> Response:
    """Households surveyed of the houses to be surveyed, for every area of the level."""
    async with snapshot(request) as (connection, as_of):
        figures = await store.figures(connection, asked.area, asked.digits)
        houses = await store.denominators(connection, "houses", asked.area, [asked.digits])
    hides = _hides(asked, reader)

    def row(area: Area) -> ProgressRow:
        found = figures.get(area.code, NOTHING)
        whole = houses.get(area.code) or unknown("houses")
        return progress_row(area, found, whole, suppressed=hides(area.code, found))

    return await answer(
        request, ProgressAnswer(asked.area, asked.level, as_of, [row(area) for area in asked.areas(figures)])
    )


@router.get("/quality", responses={200: {"model": QualityAnswer}})
async def quality(request: Request, asked: Wanted, reader: Reader) -> Response:
    """Submissions with quality flags, for every area of the level. They count in all other figures as any other."""
    async with snapshot(request) as (connection, as_of):
        figures = await store.figures(connection, asked.area, asked.digits)
        flags = await store.flags(connection, asked.area, asked.digits)
    hides = _hides(asked, reader)

    def row(area: Area) -> QualityRow:
        found = figures.get(area.code, NOTHING)
        return quality_row(area, found, flags.get(area.code, {}), suppressed=hides(area.code, found))

    return await answer(
        request, QualityAnswer(asked.area, asked.level, as_of, [row(area) for area in asked.areas(figures)])
    )


@router.get("/freshness", responses={200: {"model": FreshnessAnswer}})
async def freshness(request: Request, asked: Wanted) -> Response:
    """Places by kind, and how many were confirmed within seven days, for every area of the level."""
    overdue_before = now(request) - OVERDUE_AFTER
    async with snapshot(request) as (connection, as_of):
        found = await store.freshness(connection, asked.area, asked.digits, overdue_before)
    rows = [freshness_row(area, found.get(area.code, {})) for area in asked.areas(found)]
    return await answer(request, FreshnessAnswer(asked.area, asked.level, as_of, rows))


@router.get("/volunteers", responses={200: {"model": VolunteersAnswer}})
async def volunteers(request: Request, asked: Wanted) -> Response:
    """People by status, role and kind of organisation, for every area of the level."""
    async with snapshot(request) as (connection, as_of):
        found = await store.volunteers(connection, asked.area, asked.digits)
    nobody = store.people({}, {})
    rows = [volunteers_row(area, found.get(area.code, nobody)) for area in asked.areas(found)]
    return await answer(request, VolunteersAnswer(asked.area, asked.level, as_of, rows, wider=found.get(None, nobody)))
