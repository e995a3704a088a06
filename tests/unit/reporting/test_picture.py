"""Rows of the live picture: sums, what differs, what is withheld."""

from datetime import date

from services.reporting.answers import Denominator, unknown
from services.reporting.domain import FIGURES
from services.reporting.picture.reading import Reading, shown_areas
from services.reporting.picture.rows import COUNTED, FIELDS, Whole, difference, named, row, summed

HOUSES = Denominator("houses", 20, "register", date(2021, 12, 31))


def counts(**given: int) -> tuple[int, ...]:
    """Counts that are zero but for the given ones."""
    return tuple(given.get(field, 0) for field in COUNTED)


def test_a_row_has_every_figure_by_its_name() -> None:
    """And the whole of the table, with its source; null where no table tells."""
    found = named(row(counts(households=3, places=2, help=1), unknown("population"), HOUSES))
    assert list(found) == list(FIELDS)
    assert (found["households"], found["places"], found["help"]) == (3, 2, 1)
    assert found["houses"] == Whole(20, "register", date(2021, 12, 31))
    assert (found["population"], found["suppressed"]) == (None, False)


def test_only_what_differs_is_told() -> None:
    before = row(counts(households=3, persons=9), None, HOUSES)
    after = row(counts(households=4, persons=9), None, None)
    assert difference(before, after) == {"households": 4, "houses": None}
    assert difference(after, after) == {}


def test_withheld_figures_are_null() -> None:
    """All of the survey's; places are nobody's secret."""
    found = named(row(counts(persons=3, dose_0=1, places=2), None, HOUSES, suppressed=True))
    assert all(found[figure] is None for figure in FIGURES)
    assert (found["places"], found["suppressed"]) == (2, True)


def test_sums_of_districts() -> None:
    """Every level above them."""
    sums = summed({"5001": (1, 0), "5002": (2, 5), "1001": (4, 0)}, (2, 0))
    assert sums == {"5001": (1, 0), "5002": (2, 5), "50": (3, 5), "1001": (4, 0), "10": (4, 0), "": (7, 5)}
    assert len(shown_areas()) == 1 + 77 + 928


def test_subdistricts_with_few_persons_are_withheld_and_nothing_wider() -> None:
    """With another one, so that the district's figures do not give them away; a district is shown as it is."""
    survey = {
        code: tuple(persons if figure == "persons" else 0 for figure in FIGURES)
        for code, persons in {"500101": 3, "500102": 30, "500103": 40}.items()
    }
    rows = Reading(survey=survey).rows((*survey, "5001"), (4,))
    assert [named(rows[code])["suppressed"] for code in survey] == [True, True, False]
    assert named(rows["500102"])["persons"] is None
    assert named(rows["5001"])["persons"] == 73
