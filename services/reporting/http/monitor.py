"""Areas with no or few results, for who works there: their ranking, and the same as a list to download."""

import asyncio
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting import store
from services.reporting.answers import AsOf, Denominator, unknown
from services.reporting.areas import DIGITS, LEVELS, areas_of
from services.reporting.domain import day_in_thailand
from services.reporting.http.answering import answer, now, snapshot
from services.reporting.http.areas import area_of
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.monitor import store as results_store
from services.reporting.monitor.answers import MonitorAnswer, MonitorRow, MonitorSummary, Period, monitor_row
from services.reporting.monitor.forecast import NO_RESULTS, Results, by_need, state_of
from services.reporting.monitor.sheet import TITLES, cells_of
from services.reporting.monitor.store import Refreshed
from shared.areas.register import Area, Level
from shared.contracts.events import SurveySubmitted
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows, write_workbook
from shared.web.authentication import demand_area, require
from shared.web.problems import FieldError, Message, Problem, language_of

USUAL_DAYS: Final = 7
MOST_DAYS: Final = 366
"""A year: longer than a campaign; what a question reads grows with the days until its end."""
DEFAULT_ROWS: Final = 1_000
MOST_ROWS: Final = 2_000
"""Some 1 MB; the country's 7,436 subdistricts come in four pages, or as a list to download."""

RANK_BYTES: Final = 2
"""Of a cursor: there are fewer areas than 65,536."""

router = APIRouter(prefix="/v1")
Reader = Annotated[Principal, Depends(require(Right.FIGURES_EXACT))]


@dataclass(frozen=True, slots=True)
class Question:
    """Which areas and days are asked for: those of `level` inside `area`; with `at_most`, those with as few results."""

    area: str
    level: Level
    period: Period
    at_most: int | None

    def areas(self, found: Collection[str]) -> list[Area]:
        """Every area of the level, and those with results that were abolished since, under their code for a name."""
        current = areas_of(self.area, self.level)
        former = set(found) - {area.code for area in current}
        return [*current, *(Area(code, self.level, code, code, code[:-2]) for code in sorted(former))]


def _question(
    request: Request,
    reader: Reader,
    area: Annotated[str | None, Query(max_length=20, description="The caller's own without it")] = None,
    level: Annotated[Level | None, Query(description="Broken down to; without it, one level below `area`")] = None,
    first: Annotated[date | None, Query(alias="from", description="Day in Thailand; six days before `to`")] = None,
    last: Annotated[date | None, Query(alias="to", description="Day in Thailand; today without it")] = None,
    at_most: Annotated[int | None, Query(ge=0, le=1_000_000_000, description="0: without results")] = None,
) -> Question:
    inside = area_of(reader.area if area is None else area)
    demand_area(reader, inside.code)
    own = LEVELS.index(inside.level)
    level = LEVELS[min(own + 1, len(LEVELS) - 1)] if level is None else level
    if LEVELS.index(level) < own:
        raise _bad("level", "wider_than_area", Message("ระดับนี้กว้างกว่าพื้นที่ที่ถาม", "This level is wider than the area"))
    today = day_in_thailand(now(request))
    last = today if last is None else last
    if last > today:
        raise _bad("to", "in_the_future", Message("วันที่อยู่ในอนาคต", "This date lies in the future"))
    if first is None:
        first = last - timedelta(days=USUAL_DAYS - 1) if last.toordinal() >= USUAL_DAYS else last
    if first > last:
        raise _bad("from", "after_the_end", Message("วันเริ่มอยู่หลังวันสิ้นสุด", "The period begins behind its end"))
    if (last - first).days >= MOST_DAYS:
        raise _bad("from", "too_long", Message("ช่วงเวลายาวเกินหนึ่งปี", "The period is longer than a year"))
    return Question(inside.code, level, Period(first, last), at_most)


Questioned = Annotated[Question, Depends(_question)]


def _bad(path: str, code: str, message: Message) -> Problem:
    return Problem(400, "invalid", errors=[FieldError(path, code, message)])


@dataclass(frozen=True, slots=True)
class _Found:
    """All areas of the level, ranked."""

    rows: Sequence[MonitorRow]
    summary: MonitorSummary
    as_of: AsOf
    refreshed: Refreshed


@router.get("/monitor", responses={200: {"model": MonitorAnswer}})
async def monitor(
    request: Request,
    question: Questioned,
    cursor: Annotated[str | None, Query(max_length=20)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = DEFAULT_ROWS,
) -> Response:
    """The areas of a level, those first that need somebody: without results, then with few.

    For those who see exact figures, in their area: what a small area surveyed in a day may point at a household.
    """
    after = 0 if cursor is None else place_of(cursor, _rank_of)
    found = await _find(request, question)
    behind = [row for row in found.rows if row.rank > after]
    rows = behind[:limit]
    return await answer(
        request,
        MonitorAnswer(
            question.area,
            question.level,
            question.period,
            question.at_most,
            found.as_of,
            found.refreshed.at,
            found.summary,
            rows,
            cursor_of(rows[-1].rank.to_bytes(RANK_BYTES)) if len(behind) > limit else None,
        ),
    )


@router.get("/monitor.csv", responses={200: {"content": {"text/csv": {}}}})
async def monitor_csv(request: Request, question: Questioned) -> Response:
    """The same as a list that Excel opens, whole: at most the 7,436 subdistricts, 1 MB. Titles in Thai, or in English
    by Accept-Language."""
    found, lines = await _find(request, question), _lines(request)
    text = await asyncio.to_thread(lambda: BYTE_ORDER_MARK + csv_rows(lines(found.rows)))
    return Response(text, media_type="text/csv; charset=utf-8", headers=_as_file(question, "csv"))


@router.get(
    "/monitor.xlsx",
    responses={200: {"content": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {}}}},
)
async def monitor_workbook(request: Request, question: Questioned) -> Response:
    """The same as a workbook of 600 KB at most."""
    found, lines = await _find(request, question), _lines(request)
    content = await asyncio.to_thread(_workbook, lines(found.rows))
    return Response(
        content,
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers=_as_file(question, "xlsx"),
    )


def _workbook(lines: Iterator[Sequence[object]]) -> bytes:
    file = io.BytesIO()
    write_workbook(file, "ผลการสำรวจ", lines)
    return file.getvalue()


async def _find(request: Request, question: Question) -> _Found:
    area, digits, period = question.area, DIGITS[question.level], question.period
    async with snapshot(request) as (connection, as_of):
        refreshed = await results_store.refreshed(connection)
        results = await results_store.results(connection, area, digits, period.first, period.last)
        houses = await store.denominators(connection, "houses", area, [digits])
        coordinators = await results_store.coordinators(connection, area, digits)
    rows, summary = _ranked(question, question.areas(results), results, houses, coordinators)
    # Results were copied a moment ago, and are as old as they were then.
    copied = {
        topic.name: replace(refreshed.stream, filling=as_of[topic.name].filling)
        for topic in request.app.state.topics
        if topic.model is SurveySubmitted
    }
    return _Found(rows, summary, {**as_of, **copied}, refreshed)


def _ranked(
    question: Question,
    areas: Sequence[Area],
    results: Mapping[str, Results],
    houses: Mapping[str, Denominator],
    coordinators: Mapping[str, Mapping[str, int]],
) -> tuple[list[MonitorRow], MonitorSummary]:
    most, today = question.at_most, question.period.last
    nobody: Mapping[str, int] = {}
    none = unknown("houses")
    areas_by_code = {area.code: area for area in areas}

    def results_of(code: str) -> Results:
        return results.get(code, NO_RESULTS)

    def houses_of(code: str) -> int | None:
        return houses.get(code, none).value

    rows = []
    counts = dict.fromkeys(("never", "none", "few", "some", "complete"), 0)
    surveyed = 0
    for rank, code in enumerate(sorted(areas_by_code, key=by_need(results_of, houses_of)), 1):
        found = results_of(code)
        surveyed += found.surveyed
        state = state_of(found, houses_of(code))
        few = state == "some" and most is not None and found.surveyed <= most
        counts["few" if few else state] += 1
        if most is None or few or state in ("never", "none"):
            area = areas_by_code[code]
            rows.append(monitor_row(rank, area, found, houses.get(code, none), coordinators.get(code, nobody), today))
    return rows, MonitorSummary(len(areas_by_code), **counts, surveyed=surveyed)


def _lines(request: Request) -> Callable[[Sequence[MonitorRow]], Iterator[Sequence[object]]]:
    language: Literal["th", "en"] = "en" if language_of(request.headers.get("accept-language")) == "en" else "th"

    def lines(rows: Sequence[MonitorRow]) -> Iterator[Sequence[object]]:
        yield TITLES[language]
        yield from (cells_of(row, language) for row in rows)

    return lines


def _as_file(question: Question, ending: str) -> dict[str, str]:
    name = f"monitor-{question.area or 'TH'}-{question.level}-{question.period.last}.{ending}"
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def _rank_of(place: bytes) -> int:
    if len(place) != RANK_BYTES:
        raise ValueError("not the length of a rank")
    return int.from_bytes(place)
