"""The row of one area, and what differs between two of them.

A row holds plain counts and the wholes of dated tables; shares are left to the reader, so that of a household that
comes in only the few counts that it changed travel to every viewer.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from operator import add
from typing import Any, Final

from services.reporting.answers import AsOf, Denominator
from services.reporting.domain import FIGURES

PLACES: Final = ("places", "places_open", "places_overdue")
"""Places that are not closed; of these, open ones, and those not confirmed for seven days."""

HELP: Final = ("help_asked", "help", "help_waiting", "help_accepted", "help_helping", "help_done", "help_overdue")
"""Requests for help that were ever made; those that are not finished; of these, those that nobody has accepted, that
somebody has, to which somebody is on the way; those that were done; and the unfinished whose deadline is over."""

COUNTED: Final = (*FIGURES, *PLACES, *HELP)
FIELDS: Final = (*COUNTED, "population", "houses", "suppressed")
"""A row's fields in their order. suppressed: the survey's figures are withheld (see `shared.areas.suppression`);
they are null then; so are those of `HELP` where few asked."""

Counts = tuple[int, ...]
"""In the order of `COUNTED`, or of one part of it."""

Row = tuple[Any, ...]
"""In the order of `FIELDS`."""

Picture = Mapping[str, Row]
"""By area code."""

PERSONS: Final = FIGURES.index("persons")
"""Where the persons of `Counts` are."""

HELP_ASKED: Final = len(FIGURES) + len(PLACES)
"""Where the requests of `Counts` are."""

_WITHHELD: Final = (None,) * len(FIGURES)
_WITHHELD_HELP: Final = (None,) * len(HELP)


@dataclass(frozen=True, slots=True)
class Whole:
    """The value of a dated table of denominators."""

    value: int
    source: str | None
    dated: date | None


@dataclass(frozen=True, slots=True)
class AreaName:
    """What an area is called."""

    name_th: str
    name_en: str


@dataclass(frozen=True, slots=True)
class PictureAnswer:
    """The rows of an area and of what lies in it, by code, and the names of these and of the areas around.

    The fields of a row are told with `GET /v1/live`, which sends what changes in them.
    """

    area: str
    as_of: AsOf
    areas: Mapping[str, Mapping[str, Any]]
    names: Mapping[str, AreaName]


def row(
    counts: Counts,
    population: Denominator | None,
    houses: Denominator | None,
    *,
    suppressed: bool = False,
    without_help: bool = False,
) -> Row:
    """The row of an area with these counts (see `COUNTED`). without_help: so few asked for help that one could be
    told."""
    shown: tuple[int | None, ...] = counts
    if suppressed:
        shown = (*_WITHHELD, *counts[len(FIGURES) :])
    if without_help:
        shown = (*shown[:HELP_ASKED], *_WITHHELD_HELP)
    return (*shown, _whole(population), _whole(houses), suppressed)


def _whole(table: Denominator | None) -> Whole | None:
    return None if table is None or table.value is None else Whole(table.value, table.source, table.dated)


def named(row: Row) -> dict[str, Any]:
    """The whole row by field."""
    return dict(zip(FIELDS, row, strict=True))


def difference(before: Row, after: Row) -> dict[str, Any]:
    """The fields of `after` that differ from `before`."""
    return {field: new for field, old, new in zip(FIELDS, before, after, strict=True) if old != new}


def summed(by_area: Mapping[str, Counts], lengths: Iterable[int]) -> dict[str, Counts]:
    """The counts with those of the areas around, whose codes are so long."""
    sums = dict(by_area)
    for length in lengths:
        for code, counts in by_area.items():
            known = sums.get(code[:length])
            sums[code[:length]] = counts if known is None else tuple(map(add, known, counts))
    return sums
