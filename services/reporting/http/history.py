"""The figures by day."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from services.reporting import store
from services.reporting.answers import NOTHING, AsOf, CoverageRow, Figures, coverage_row, unknown
from services.reporting.domain import FIGURES, day_in_thailand
from services.reporting.history import store as history
from services.reporting.history.course import HistoryAnswer, HistoryDayAnswer, history_rows
from services.reporting.http.answering import answer_kept, now
from services.reporting.http.areas import Asked, Wanted
from services.reporting.http.sight import Sight, SightOf
from shared.areas.register import Area
from shared.areas.suppression import before_few
from shared.postgres.pool import Connection
from shared.web.problems import FieldError, Message, Problem

USUAL_DAYS: Final = 30
MOST_DAYS: Final = 366
MOST_NUMBERS: Final = 60_000
"""In each of an answer's two forms, some 600 KB together: 77 provinces with all figures of six weeks. Of more areas
the next page tells."""
EARLIEST: Final = date(2020, 1, 1)
"""Before the epidemic nothing was surveyed; a year of two digits or of the Buddhist era is a slip."""
OLDER_SECONDS: Final = 10.0
"""What was found on past days hardly changes, and takes the longest to add up: it may be behind by so much, or five
times where hardly anybody asks. `as_of` says of which moment it is."""
RECENT_DAYS: Final = 30
"""Half of a campaign: up to there what came since is less than what had come before."""
USUAL_MEASURES: Final = ("submissions", "households", "persons", "dose_0", "wanting")

Measure = Literal[*FIGURES]  # type: ignore[valid-type]
DayAsked = Annotated[date | None, Query(ge=EARLIEST, description="A day of Thailand's, such as 2022-02-07")]

router = APIRouter(prefix="/v1")


@router.get("/history", responses={200: {"model": HistoryAnswer | HistoryDayAnswer}})
async def read_history(
    request: Request,
    asked: Wanted,
    sight: SightOf,
    day: DayAsked = None,
    since: Annotated[date | None, Query(alias="from", ge=EARLIEST)] = None,
    until: Annotated[date | None, Query(alias="to", ge=EARLIEST)] = None,
    measure: Annotated[list[Measure] | None, Query(max_length=len(FIGURES))] = None,
) -> Response:
    """With `day`, everything as it stood at the end of that day; without, the days `from` until `to` (the last 30),
    with the figures named by `measure`, as they stood and what each day brought."""
    today = day_in_thailand(now(request))
    if day is not None:
        if since is not None or until is not None:
            message = Message("ใช้ day หรือ from กับ to อย่างใดอย่างหนึ่ง", "Either day, or from and to")
            raise _invalid("day", "not_both", message)
        _not_after(day, today, "day")
        return await _day(request, asked, sight, day, today)
    until = today if until is None else until
    _not_after(until, today, "to")
    since = max(EARLIEST, until - timedelta(days=USUAL_DAYS - 1)) if since is None else since
    if since > until:
        raise _invalid("from", "after_the_end", Message("เริ่มหลังวันสุดท้าย", "This is after the last day"))
    if (until - since).days >= MOST_DAYS:
        message = Message(f"ขอได้ไม่เกิน {MOST_DAYS} วัน", f"At most {MOST_DAYS} days can be asked for")
        raise _invalid("from", "too_many_days", message)
    measures = tuple(dict.fromkeys(measure or USUAL_MEASURES))
    return await _days(request, asked, sight, since, until, measures)


async def _day(request: Request, asked: Asked, sight: Sight, day: date, today: date) -> Response:
    async def read(connection: Connection, as_of: AsOf) -> HistoryDayAnswer:
        return await read_day(connection, as_of, asked, sight, day, today)

    return await answer_kept(request, (asked.key, sight.key(asked), day), read, may_be_older=OLDER_SECONDS)


async def read_day(
    connection: Connection, as_of: AsOf, asked: Asked, sight: Sight, day: date, today: date
) -> HistoryDayAnswer:
    """The answer from the connection's snapshot."""
    recent = (today - day).days <= RECENT_DAYS
    found = await history.standing(connection, asked.around, asked.digits, day, recent=recent)
    population = await store.denominators(connection, "population", asked.area, [asked.digits])
    (few_since,) = await _few_since(connection, asked, sight, [day])
    hidden = sight.hidden(asked, {code: figures for code, (figures, _) in found.items()}, few_since)
    nothing: tuple[Figures, dict[str, int]] = (NOTHING, {})

    def row(area: Area) -> CoverageRow:
        whole = population.get(area.code) or unknown("population")
        figures, reasons = found.get(area.code, nothing)
        return coverage_row(area, figures, reasons, whole, suppressed=area.code in hidden)

    page = asked.page(found)
    return HistoryDayAnswer(asked.area, asked.level, as_of, day, [row(area) for area in page.areas], page.cursor)


async def _days(
    request: Request, asked: Asked, sight: Sight, since: date, until: date, measures: tuple[str, ...]
) -> Response:
    days = (until - since).days + 1

    async def read(connection: Connection, as_of: AsOf) -> HistoryAnswer:
        names = ["persons", *measures]
        courses = await history.courses(connection, asked.around, asked.digits, since, until, names)
        page = asked.page(courses, at_most=max(1, MOST_NUMBERS // (days * len(measures))))

        shown = [since + timedelta(days=each) for each in range(days)]
        few_since = await _few_since(connection, asked, sight, [since - timedelta(days=1), *shown])

        def hides(day: int, persons: Mapping[str, int]) -> frozenset[str]:
            return sight.hidden_of(asked, persons, few_since[day])

        rows = history_rows(page.areas, courses, days, measures, hides)
        return HistoryAnswer(asked.area, asked.level, as_of, shown, rows, page.cursor)

    key = (asked.key, sight.key(asked), since, until, measures)
    return await answer_kept(request, key, read, may_be_older=OLDER_SECONDS)


async def _few_since(connection: Connection, asked: Asked, sight: Sight, ends: Sequence[date]) -> list[frozenset[str]]:
    """For the end of each day, the districts whose subdistricts are withheld for what came since."""
    if not sight.may_hide(asked):
        return [frozenset()] * len(ends)
    came = await history.came_since(connection, asked.around, ends[0])
    return await asyncio.to_thread(before_few, came, ends)  # of the country's subdistricts it takes seconds


def _not_after(day: date, today: date, path: str) -> None:
    if day > today:
        raise _invalid(path, "in_the_future", Message("วันนี้ยังมาไม่ถึง", "This day has not come yet"))


def _invalid(path: str, code: str, message: Message) -> Problem:
    return Problem(400, "invalid", errors=[FieldError(path, code, message)])
