"""Pace, trend and forecast of an area, and who comes first."""

from datetime import date, timedelta

import pytest

from services.reporting.monitor.forecast import (
    FARTHEST_DAYS,
    NO_RESULTS,
    Forecast,
    Results,
    by_need,
    forecast,
    state_of,
    trend,
)

TODAY = date(2022, 2, 7)


@pytest.mark.parametrize(
    ("results", "houses", "expected"),
    [
        (Results(total=30, new_in_week=7), 100, Forecast("expected", TODAY + timedelta(days=70))),
        (Results(total=30, new_in_week=9), 100, Forecast("expected", TODAY + timedelta(days=55))),  # 54.4: not before
        (Results(total=99, new_in_week=700), 100, Forecast("expected", TODAY + timedelta(days=1))),
        (Results(total=100, new_in_week=0), 100, Forecast("complete")),
        (Results(total=103, new_in_week=7), 100, Forecast("complete")),
        (Results(total=30, new_in_week=0, week=5), 100, Forecast("standing")),  # only houses seen before
        (Results(total=30, new_in_week=-1), 100, Forecast("standing")),
        (Results(total=30, new_in_week=1), 30 + FARTHEST_DAYS, Forecast("beyond")),
        (Results(total=30, new_in_week=7), None, Forecast("no_houses")),
        (NO_RESULTS, 0, Forecast("no_houses")),
    ],
)
def test_when_an_area_will_be_done(results: Results, houses: int | None, expected: Forecast) -> None:
    assert forecast(results, houses, TODAY) == expected


def test_the_trend_compares_two_weeks() -> None:
    assert trend(Results(week=15, week_before=10)) == 0.5
    assert trend(Results(week=0, week_before=10)) == -1
    assert trend(Results(week=15, week_before=0)) is None


def test_what_is_done_needs_no_results() -> None:
    assert state_of(NO_RESULTS, None) == "never"
    assert state_of(Results(total=10, last=TODAY - timedelta(days=30)), 100) == "none"
    assert state_of(Results(submissions=1, total=10, last=TODAY), 100) == "some"
    assert state_of(Results(total=100, last=TODAY - timedelta(days=30)), 100) == "complete"
    assert state_of(NO_RESULTS, 0) == "never"


def test_who_needs_somebody_comes_first() -> None:
    day = TODAY - timedelta(days=20)
    areas = {
        "01": (Results(submissions=9, households=9, total=9, last=TODAY), 10),
        "02": (Results(submissions=9, households=9, total=9, last=TODAY), 1000),
        "03": (NO_RESULTS, 10),
        "04": (Results(total=4, last=day), 10),
        "05": (Results(total=4, last=day - timedelta(days=1)), 10),
        "06": (Results(total=10, last=day), 10),
        "07": (Results(submissions=1, households=1, total=1, last=TODAY), None),
    }
    key = by_need(lambda code: areas[code][0], lambda code: areas[code][1])
    assert sorted(areas, key=key) == ["03", "05", "04", "02", "01", "07", "06"]
