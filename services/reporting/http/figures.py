"""Figures by area: public, but for those of subdistricts with very few persons, and what would give them away.

Those are shown only to whoever carries `Right.FIGURES_EXACT` for the area.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from services.reporting import store
from services.reporting.answers import (
    NOTHING,
    CoverageAnswer,
    CoverageRow,
    Denominator,
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
from services.reporting.http.areas import Wanted
from services.reporting.http.sight import SightOf
from shared.areas.register import Area

router = APIRouter(prefix="/v1")


@router.get("/coverage", responses={200: {"model": CoverageAnswer}})
async def coverage(
    request: Request,
    asked: Wanted,
    sight: SightOf,
    denominator: Annotated[
        Literal["population", "surveyed"],
        Query(description="What the doses are a part of: registered residents, or the persons surveyed"),
    ] = "population",
) -> Response:
    """Vaccination and wishes as surveyed, for every area of the level, also for areas without results."""
    async with snapshot(request) as (connection, as_of):
        figures = await store.figures(connection, asked.around, asked.digits)
        reasons = await store.reasons(connection, asked.area, asked.digits)
        table = {}
        if denominator == "population":
            table = await store.denominators(connection, denominator, asked.area, [asked.digits])
    hidden = sight.hidden(asked, figures)

    def row(area: Area) -> CoverageRow:
        found = figures.get(area.code, NOTHING)
        suppressed = area.code in hidden
        whole = table.get(area.code) or unknown("population")
        if denominator == "surveyed":
            whole = Denominator("surveyed", None if suppressed else found.persons, "survey-submitted", None)
        return coverage_row(area, found, reasons.get(area.code, {}), whole, suppressed=suppressed)

    page = asked.page(figures)
    return await answer(
        request, CoverageAnswer(asked.area, asked.level, as_of, [row(area) for area in page.areas], page.cursor)
    )


@router.get("/progress", responses={200: {"model": ProgressAnswer}})
async def progress(request: Request, asked: Wanted, sight: SightOf) -> Response:
    """Households surveyed of the houses to be surveyed, for every area of the level."""
    async with snapshot(request) as (connection, as_of):
        figures = await store.figures(connection, asked.around, asked.digits)
        houses = await store.denominators(connection, "houses", asked.area, [asked.digits])
    hidden = sight.hidden(asked, figures)

    def row(area: Area) -> ProgressRow:
        found = figures.get(area.code, NOTHING)
        whole = houses.get(area.code) or unknown("houses")
        return progress_row(area, found, whole, suppressed=area.code in hidden)

    page = asked.page(figures)
    return await answer(
        request, ProgressAnswer(asked.area, asked.level, as_of, [row(area) for area in page.areas], page.cursor)
    )


@router.get("/quality", responses={200: {"model": QualityAnswer}})
async def quality(request: Request, asked: Wanted, sight: SightOf) -> Response:
    """Submissions with quality flags, for every area of the level. They count in all other figures as any other."""
    async with snapshot(request) as (connection, as_of):
        figures = await store.figures(connection, asked.around, asked.digits)
        flags = await store.flags(connection, asked.area, asked.digits)
    hidden = sight.hidden(asked, figures)

    def row(area: Area) -> QualityRow:
        found = figures.get(area.code, NOTHING)
        return quality_row(area, found, flags.get(area.code, {}), suppressed=area.code in hidden)

    page = asked.page(figures)
    return await answer(
        request, QualityAnswer(asked.area, asked.level, as_of, [row(area) for area in page.areas], page.cursor)
    )


@router.get("/freshness", responses={200: {"model": FreshnessAnswer}})
async def freshness(request: Request, asked: Wanted) -> Response:
    """Places by kind, and how many were confirmed within seven days, for every area of the level."""
    overdue_before = now(request) - OVERDUE_AFTER
    async with snapshot(request) as (connection, as_of):
        found = await store.freshness(connection, asked.area, asked.digits, overdue_before)
    page = asked.page(found)
    rows = [freshness_row(area, found.get(area.code, {})) for area in page.areas]
    return await answer(request, FreshnessAnswer(asked.area, asked.level, as_of, rows, page.cursor))


@router.get("/volunteers", responses={200: {"model": VolunteersAnswer}})
async def volunteers(request: Request, asked: Wanted) -> Response:
    """People by status, role and kind of organisation, for every area of the level."""
    async with snapshot(request) as (connection, as_of):
        found = await store.volunteers(connection, asked.area, asked.digits)
    nobody = store.people({}, {})
    page = asked.page(found)
    rows = [volunteers_row(area, found.get(area.code, nobody)) for area in page.areas]
    return await answer(
        request,
        VolunteersAnswer(asked.area, asked.level, as_of, rows, wider=found.get(None, nobody), cursor=page.cursor),
    )
