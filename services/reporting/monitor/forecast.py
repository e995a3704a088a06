"""Where an area stands: when its last result was, whether it speeds up, and when it will be done at its pace."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Final, Literal

PACE_DAYS: Final = 7
"""A week holds every weekday once: volunteers survey on the days on which people are at home."""
FARTHEST_DAYS: Final = 3_650
"""What would take longer than ten years is not on its way."""

ForecastState = Literal["complete", "expected", "standing", "beyond", "no_houses"]
ResultState = Literal["never", "none", "some", "complete"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """When every house will have been surveyed at the pace of the last seven days.

    state `expected` has a day; `standing`: no new household in a week; `beyond`: later than ten years; `no_houses`: no
    table says how many houses there are.
    """

    state: ForecastState
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What was surveyed in one area.

    submissions, households, revisits: in the period (visits; households for the first time; again); week, week_before:
    households surveyed, for the first time or again, in the last seven days of the period and in the seven before;
    new_in_week: households for the first time in those last seven days; total: households until the end of the period;
    last: the latest day with a visit until then. Days are those on which a visit was made.
    """

    submissions: int = 0
    households: int = 0
    revisits: int = 0
    week: int = 0
    week_before: int = 0
    new_in_week: int = 0
    total: int = 0
    last: date | None = None

    @property
    def surveyed(self) -> int:
        """Households surveyed in the period, for the first time or again. Erasures may bring it below 0."""
        return self.households + self.revisits


NO_RESULTS: Final = Results()

NeedKey = tuple[int, int, bool, float, str]


def state_of(results: Results, houses: int | None) -> ResultState:
    """Tell in a word how an area stands in the period: what is done needs no results any more."""
    if houses is not None and 0 < houses <= results.total:
        return "complete"
    if results.submissions > 0:
        return "some"
    return "never" if results.last is None else "none"


def forecast(results: Results, houses: int | None, today: date) -> Forecast:
    """Say when an area will be done; the pace counts households for the first time only."""
    if not houses:
        return Forecast("no_houses")
    left = houses - results.total
    if left <= 0:
        return Forecast("complete")
    if results.new_in_week <= 0:
        return Forecast("standing")
    days = ceil(left * PACE_DAYS / results.new_in_week)
    return Forecast("expected", today + timedelta(days=days)) if days <= FARTHEST_DAYS else Forecast("beyond")


def trend(results: Results) -> float | None:
    """Return this week's share of the week before, less one: 0.5 is half as much again; null without a week before."""
    return results.week / results.week_before - 1 if results.week_before > 0 else None


def by_need(results_of: Callable[[str], Results], houses_of: Callable[[str], int | None]) -> Callable[[str], NeedKey]:
    """Return the key by which areas are ranked, those that need somebody first.

    First who has no results in the period: never any, then the longest ago. Then who surveyed the smallest part of its
    houses in the period, those without known houses by number. Last who is done.
    """

    def key(code: str) -> NeedKey:
        results, houses = results_of(code), houses_of(code)
        state = state_of(results, houses)
        group = {"never": 0, "none": 1, "some": 2, "complete": 3}[state]
        since = results.last.toordinal() if state == "none" and results.last is not None else 0
        part = results.surveyed / houses if houses else float(results.surveyed)
        return group, since, not houses, part, code

    return key
