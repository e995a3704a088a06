"""Rows of answers: ratios with their whole, and figures that are withheld."""

from dataclasses import asdict, fields
from datetime import date

import pytest

from services.reporting.answers import CoverageRow, Denominator, Figures, coverage_row, progress_row, unknown
from services.reporting.domain import FIGURES
from shared.areas.register import area

FOUND = Figures(submissions=3, households=2, persons=4, dose_0=1, dose_1=1, dose_2=1, dose_3=1)
POPULATION = Denominator("population", 2, "register", date(2021, 12, 31))


def test_figures_are_in_the_order_of_the_tables() -> None:
    """Rows are read by position."""
    assert Figures._fields == FIGURES
    assert [field.name for field in fields(CoverageRow) if field.name in FIGURES] == list(FIGURES)


def test_doses_are_of_a_named_whole() -> None:
    """At least one, two, three; more than the registered residents is shown as it is."""
    row = coverage_row(area("500101"), FOUND, {"cost": 1}, POPULATION, suppressed=False)
    assert (row.one_dose.numerator, row.two_doses.numerator, row.three_doses.numerator) == (3, 2, 1)
    assert row.one_dose.ratio == 1.5
    assert (row.one_dose.denominator_kind, row.one_dose.source, row.one_dose.dated) == (
        "population",
        "register",
        date(2021, 12, 31),
    )


@pytest.mark.parametrize("whole", [unknown("population"), Denominator("population", 0, "register", None)])
def test_no_ratio_without_a_whole(whole: Denominator) -> None:
    """Unknown is null, and so is a part of nothing."""
    assert whole.of(3).numerator == 3
    assert whole.of(3).ratio is None


def test_withheld_figures_are_null() -> None:
    """All of them: one that is left would give the others away."""
    row = asdict(coverage_row(area("500101"), FOUND, {"cost": 1}, POPULATION, suppressed=True))
    assert row["suppressed"] is True
    assert all(row[name] is None for name in (*FIGURES, "reasons"))
    assert all(
        row[name]["numerator"] is row[name]["ratio"] is None for name in ("one_dose", "two_doses", "three_doses")
    )
    assert row["one_dose"]["denominator"] == 2
    progress = progress_row(area("500101"), FOUND, unknown("houses"), suppressed=True)
    assert progress.submissions is progress.households.numerator is None
