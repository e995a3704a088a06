"""Finding the header of a list, and what its columns hold: by the titles that offices write in Thai and English."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from services.facilities.reading.fields import Columns, Field, Guess, Guessed
from services.facilities.reading.table import Table
from services.facilities.reading.titles import field_of_title
from shared.tables.unreadable import UnreadableFile

_SEARCHED_ROWS = 30
"""Rows in which the header is looked for: a letterhead, a title, a date, a few remarks and blank lines."""
_SURE = 0.5


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands (row 0 for none), its titles, and the texts above it."""

    row: int
    titles: Sequence[str]
    above: Sequence[str]


def find_header(rows: Iterator[tuple[int, Sequence[str]]]) -> Header:
    """Find the header: of the first rows the one with the most titles that are known. Raises `UnreadableFile`."""
    first = list(islice(rows, _SEARCHED_ROWS))
    best, most = None, 1
    for place, (_, cells) in enumerate(first):
        known = len({field for field in map(_field, cells) if field})
        if known >= most and (known > most or best is None or place == best + 1):
            best, most = place, known
    if best is None:
        raise UnreadableFile("no_header")
    row, titles = first[best]
    above = tuple(dict.fromkeys(cell.strip() for _, cells in first[:best] for cell in cells if cell.strip()))
    return Header(row, tuple(" ".join(title.split()) for title in titles), above)


def _field(cell: str) -> Field | None:
    field, confidence = field_of_title(cell)
    return field if confidence >= _SURE else None


def guess(table: Table) -> Guess:
    """Say what each column of a list seems to hold. Of two columns for one field the surer one gets it, of equal ones
    the first."""
    found = [(column, *field_of_title(title)) for column, title in enumerate(table.titles)]
    places: dict[Field, int] = {}
    for column, field, confidence in sorted(found, key=lambda one: -one[2]):
        if field is not None and confidence >= _SURE:
            places.setdefault(field, column)
    guessed = tuple(
        Guessed(column, table.letters(column), table.titles[column], field, confidence)
        if field is not None and places.get(field) == column
        else Guessed(column, table.letters(column), table.titles[column], None, 0.0, field)
        for column, field, confidence in found
    )
    return Guess(guessed, Columns(places), tuple(_missing(places)))


def _missing(places: Mapping[Field, int]) -> Iterator[Field]:
    for field in (Field.NAME, Field.KIND):
        if field not in places:
            yield field
    if Field.AREA not in places and Field.SUBDISTRICT not in places:
        yield Field.AREA
