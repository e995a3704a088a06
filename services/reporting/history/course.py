"""The figures of areas over some days, of which those that would give few persons away are withheld."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from operator import add
from typing import Any, Final

from services.reporting.answers import AsOf, CoverageRow
from services.reporting.history.store import Course
from shared.areas.register import Area, Level

PERSONS: Final = 0
"""Where a course's rows hold the persons, by which it is decided what is withheld."""

Numbers = list[int | None]


@dataclass(frozen=True, slots=True)
class HistoryDayAnswer:
    """Vaccination as surveyed until the end of a day in Thailand, for every area of a level; the rows of coverage."""

    area: str
    level: Level
    as_of: AsOf
    day: date
    rows: list[CoverageRow]
    cursor: str | None


@dataclass(slots=True)
class HistoryRow:
    """One area's figures, by measure, in the order of the answer's days.

    cumulative: as they stood at the end of each day; by_day: what the day brought, which corrections and erasures can
    make negative. Null: withheld; of a day where its figures or those of the day before are. suppressed: any is.
    """

    area: str
    name_th: str
    name_en: str
    cumulative: Mapping[str, Numbers]
    by_day: Mapping[str, Numbers]
    suppressed: bool


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """The survey's figures by day, for every area of a level; days are Thailand's, by the time at the door."""

    area: str
    level: Level
    as_of: AsOf
    days: list[date]
    rows: list[HistoryRow]
    cursor: str | None

    def lines(self) -> Iterator[dict[str, Any]]:
        """A line for each area and day."""
        for row in self.rows:
            for place, day in enumerate(self.days):
                yield {
                    "area": row.area,
                    "name_th": row.name_th,
                    "name_en": row.name_en,
                    "day": day,
                    **{measure: numbers[place] for measure, numbers in row.cumulative.items()},
                    **{f"{measure}.that_day": numbers[place] for measure, numbers in row.by_day.items()},
                }


Hides = Callable[[int, Mapping[str, int]], frozenset[str]]
"""The areas that are withheld at the end of a day (0: before the first one), by the persons of each that has any."""


def history_rows(
    areas: Sequence[Area], courses: Mapping[str, Course], days: int, measures: Sequence[str], hides: Hides
) -> list[HistoryRow]:
    """The rows of `areas`.

    courses: of every area that may decide about what is withheld, with the persons at `PERSONS` and the measures
    behind them.
    """
    empty: Course = [(0,) * (len(measures) + 1)] * (days + 1)
    standing = {code: list(accumulate(course, _plus)) for code, course in courses.items()}
    hidden = [
        hides(day, {code: course[day][PERSONS] for code, course in standing.items() if course[day][PERSONS]})
        for day in range(days + 1)
    ]
    return [
        _row(area, standing.get(area.code, empty), courses.get(area.code, empty), measures, _open(area.code, hidden))
        for area in areas
    ]


def _plus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(map(add, one, other))


def _open(code: str, hidden: Sequence[frozenset[str]]) -> list[bool]:
    """For each end of a day, the one before the first included, whether the area's figures are shown."""
    return [code not in each for each in hidden]


def _row(area: Area, standing: Course, course: Course, measures: Sequence[str], shown: Sequence[bool]) -> HistoryRow:
    last = range(1, len(course))
    cumulative: dict[str, Numbers] = {}
    by_day: dict[str, Numbers] = {}
    for place, measure in enumerate(measures, PERSONS + 1):
        cumulative[measure] = [standing[day][place] if shown[day] else None for day in last]
        by_day[measure] = [course[day][place] if shown[day] and shown[day - 1] else None for day in last]
    return HistoryRow(area.code, area.name_th, area.name_en, cumulative, by_day, not all(shown))
