"""Figures by area: public, but for those of subdistricts with very few persons, and what would give them away.

Those are shown only to whoever carries `Right.FIGURES_EXACT` for the area.
"""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from services.reporting import store
from services.reporting.answers import (
    NOTHING,
    AsOf,
    CoverageAnswer,
    CoverageRow,
    Denominator,
    FreshnessAnswer,
    HelpAnswer,
    HelpCounts,
    ProgressAnswer,
    ProgressRow,
    QualityAnswer,
    QualityRow,
    VolunteersAnswer,
    coverage_row,
    freshness_row,
    help_row,
    progress_row,
    quality_row,
    unknown,
    volunteers_row,
)
from services.reporting.domain import HELP_MEDIAN_OVER, OVERDUE_AFTER
from services.reporting.http.answering import answer_kept, lenience, now
from services.reporting.http.areas import Asked, Wanted
from services.reporting.http.sight import Sight, SightOf
from shared.areas.register import Area
from shared.postgres.pool import Connection

router = APIRouter(prefix="/v1")

Whole = Literal["population", "residents", "surveyed"]


@router.get("/coverage", responses={200: {"model": CoverageAnswer}})
async def coverage(
    request: Request,
    asked: Wanted,
    sight: SightOf,
    denominator: Annotated[
        Whole,
        Query(description="What the doses are a part of: registered or actual residents, or those surveyed"),
    ] = "population",
) -> Response:
    """Vaccination and wishes as surveyed, for every area of the level, also for areas without results."""

    async def read(connection: Connection, as_of: AsOf) -> CoverageAnswer:
        return await read_coverage(connection, as_of, asked, sight, denominator)

    return await answer_kept(request, (asked.key, sight.key(asked), denominator), read, may_be_older=lenience(request))


async def read_coverage(
    connection: Connection, as_of: AsOf, asked: Asked, sight: Sight, denominator: Whole
) -> CoverageAnswer:
    """The answer from the connection's snapshot."""
    figures = await store.figures(connection, asked.around, asked.digits)
    reasons = await store.reasons(connection, asked.area, asked.digits)
    table = {}
    if denominator != "surveyed":
        table = await store.denominators(connection, denominator, asked.area, [asked.digits])
    hidden = sight.hidden(asked, figures)

    def row(area: Area) -> CoverageRow:
        found = figures.get(area.code, NOTHING)
        suppressed = area.code in hidden
        whole = table.get(area.code) or unknown(denominator)
        if denominator == "surveyed":
            whole = Denominator("surveyed", None if suppressed else found.persons, "survey-submitted", None)
        return coverage_row(area, found, reasons.get(area.code, {}), whole, suppressed=suppressed)

    page = asked.page(figures)
    return CoverageAnswer(asked.area, asked.level, as_of, [row(area) for area in page.areas], page.cursor)


@router.get("/progress", responses={200: {"model": ProgressAnswer}})
async def progress(request: Request, asked: Wanted, sight: SightOf) -> Response:
    """Households surveyed of the houses to be surveyed, for every area of the level."""

    async def read(connection: Connection, as_of: AsOf) -> ProgressAnswer:
        figures = await store.figures(connection, asked.around, asked.digits)
        houses = await store.denominators(connection, "houses", asked.area, [asked.digits])
        hidden = sight.hidden(asked, figures)

        def row(area: Area) -> ProgressRow:
            found = figures.get(area.code, NOTHING)
            whole = houses.get(area.code) or unknown("houses")
            return progress_row(area, found, whole, suppressed=area.code in hidden)

        page = asked.page(figures)
        return ProgressAnswer(asked.area, asked.level, as_of, [row(area) for area in page.areas], page.cursor)

    return await answer_kept(request, (asked.key, sight.key(asked)), read, may_be_older=lenience(request))


@router.get("/quality", responses={200: {"model": QualityAnswer}})
async def quality(request: Request, asked: Wanted, sight: SightOf) -> Response:
    """Submissions with quality flags, for every area of the level. They count in all other figures as any other."""

    async def read(connection: Connection, as_of: AsOf) -> QualityAnswer:
        figures = await store.figures(connection, asked.around, asked.digits)
        flags = await store.flags(connection, asked.area, asked.digits)
        hidden = sight.hidden(asked, figures)

        def row(area: Area) -> QualityRow:
            found = figures.get(area.code, NOTHING)
            return quality_row(area, found, flags.get(area.code, {}), suppressed=area.code in hidden)

        page = asked.page(figures)
        return QualityAnswer(asked.area, asked.level, as_of, [row(area) for area in page.areas], page.cursor)

    return await answer_kept(request, (asked.key, sight.key(asked)), read, may_be_older=lenience(request))


@router.get("/freshness", responses={200: {"model": FreshnessAnswer}})
async def freshness(request: Request, asked: Wanted) -> Response:
    """Places by kind, and how many were confirmed within seven days, for every area of the level."""
    overdue_before = overdue_since(request)

    async def read(connection: Connection, as_of: AsOf) -> FreshnessAnswer:
        found = await store.freshness(connection, asked.area, asked.digits, overdue_before)
        page = asked.page(found)
        rows = [freshness_row(area, found.get(area.code, {})) for area in page.areas]
        return FreshnessAnswer(asked.area, asked.level, as_of, rows, page.cursor)

    # Not behind by a moment: see the places.
    return await answer_kept(request, asked.key, read, clock=overdue_before)


def overdue_since(request: Request) -> datetime:
    """Before when a place has to have been confirmed to be overdue. To the second: what is asked in the same one is the
    same question."""
    return now(request).replace(microsecond=0) - OVERDUE_AFTER


@router.get("/help", responses={200: {"model": HelpAnswer}})
async def requests_for_help(request: Request, asked: Wanted, sight: SightOf) -> Response:
    """Requests for help by status, overdue ones, and the median time until one is accepted, for every area of the
    level."""
    moment = now(request).replace(microsecond=0)

    async def read(connection: Connection, as_of: AsOf) -> HelpAnswer:
        found = await store.help_requests(connection, asked.around, asked.digits, moment)
        hidden = sight.hidden_of(asked, {code: counts.asked for code, counts in found.items()})
        page = asked.page(found)
        rows = [
            help_row(area, found.get(area.code, HelpCounts()), suppressed=area.code in hidden) for area in page.areas
        ]
        return HelpAnswer(asked.area, asked.level, as_of, HELP_MEDIAN_OVER.days, rows, page.cursor)

    return await answer_kept(request, (asked.key, sight.key(asked)), read, clock=moment)


@router.get("/volunteers", responses={200: {"model": VolunteersAnswer}})
async def volunteers(request: Request, asked: Wanted) -> Response:
    """People by status, role and kind of organisation, for every area of the level."""

    async def read(connection: Connection, as_of: AsOf) -> VolunteersAnswer:
        found = await store.volunteers(connection, asked.area, asked.digits)
        nobody = store.people({}, {})
        page = asked.page(found)
        rows = [volunteers_row(area, found.get(area.code, nobody)) for area in page.areas]
        wider = found.get(None, nobody)
        return VolunteersAnswer(asked.area, asked.level, as_of, rows, wider=wider, cursor=page.cursor)

    return await answer_kept(request, asked.key, read, may_be_older=lenience(request))
