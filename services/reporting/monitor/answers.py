"""What the monitor answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from services.reporting.answers import AsOf, Denominator, Ratio
from services.reporting.monitor.forecast import Forecast, Results, ResultState, forecast, state_of, trend
from shared.areas.register import Area, Level


@dataclass(frozen=True, slots=True)
class Period:
    """The days that are looked at, both included."""

    first: date
    last: date


# Not frozen: an answer may have thousands of them.
@dataclass(slots=True)
class MonitorRow:
    """One area. `rank` 1 needs somebody most, among all areas of the answer's level.

    submissions: visits in the period; surveyed: households in it, for the first time (`households`) or again
    (`revisits`); last_day: of the latest visit ever until the period's end, so many `days_since` ago; week and
    week_before: households surveyed in its last seven days and in the seven before, `trend` by how much more (0.5: half
    as much again); progress: households ever surveyed of the houses; pace: new households a day in the last seven;
    coordinators: of the area and those inside it, by status.
    """

    rank: int
    area: str
    name_th: str
    name_en: str
    state: ResultState
    submissions: int
    surveyed: int
    households: int
    revisits: int
    last_day: date | None
    days_since: int | None
    week: int
    week_before: int
    trend: float | None
    progress: Ratio
    pace: float
    forecast: Forecast
    coordinators: Mapping[str, int]


def monitor_row(
    rank: int, area: Area, results: Results, houses: Denominator, coordinators: Mapping[str, int], today: date
) -> MonitorRow:
    """The row of one area. today: the last day of the period."""
    return MonitorRow(
        rank,
        area.code,
        area.name_th,
        area.name_en,
        state_of(results, houses.value),
        results.submissions,
        results.surveyed,
        results.households,
        results.revisits,
        results.last,
        None if results.last is None else (today - results.last).days,
        results.week,
        results.week_before,
        trend(results),
        houses.of(results.total),
        results.new_in_week / 7,
        forecast(results, houses.value, today),
        coordinators,
    )


@dataclass(frozen=True, slots=True)
class MonitorSummary:
    """All areas of the level: how many there are, how many in which state, and what they surveyed in the period.

    never, none: without results ever, or in the period only; few: with results, but not more than was asked for.
    """

    areas: int
    never: int
    none: int
    few: int
    some: int
    complete: int
    surveyed: int


@dataclass(frozen=True, slots=True)
class MonitorAnswer:
    """The areas of a level by rank; `at_most` leaves out those that surveyed more or are complete.

    refreshed_at: when the results were copied (every 20 seconds); null: not yet since the service was set up. `cursor`
    leads to the next rows and is null on the last.
    """

    area: str
    level: Level
    period: Period
    at_most: int | None
    as_of: AsOf
    refreshed_at: datetime | None
    summary: MonitorSummary
    rows: list[MonitorRow]
    cursor: str | None
