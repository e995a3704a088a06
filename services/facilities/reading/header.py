"""Finding the header of a list, and what its columns hold: by titles first, and by what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Final

from services.facilities.reading.contents import field_of_contents, halves_of
from services.facilities.reading.dates import read_date
from services.facilities.reading.faults import Unreadable
from services.facilities.reading.fields import Columns, Field, Guess, Guessed, missing_fields
from services.facilities.reading.kinds import KindNames, Kinds
from services.facilities.reading.table import Table
from services.facilities.reading.titles import field_of_title
from services.facilities.reading.words import tidy
from shared.areas.register import provinces
from shared.tables.unreadable import UnreadableFile

_SEARCHED_ROWS: Final = 30
"""Rows in which the header is looked for: a letterhead, a title, a date, a few remarks and blank lines."""
_SURE: Final = 0.5
_LEAST_KNOWN: Final = 2
"""Titles of a header that are known. One may stand in any title line: แบบรายงานสถานที่."""
_PROVINCE: Final = re.compile(r"จังหวัด\s*([ก-๛]{2,30})")
_AS_OF: Final = re.compile(r"(?:ณ|ประจำ)\s*(?:วันที่)?\s*(\d.{3,40})")
_DISTRICT: Final = re.compile(r"(?:อำเภอ|เขต)\s*([ก-๛]{2,30})")


@dataclass(frozen=True, slots=True)
class Header:
    """Where the header stands, its titles, the texts above it, and how many of its titles are known."""

    row: int
    titles: Sequence[str]
    above: Sequence[str]
    known: int


def find_header(rows: Iterator[tuple[int, Sequence[str]]]) -> Header:
    """Find the header: of the first rows the one with the most titles that are known.

    Of rows right below each other with as many, the lower: a title over several columns stands above theirs, and what
    is merged over both stands in both. A row below that only has titles belongs to it, where columns share one above.
    Raises `UnreadableFile`: no_header.
    """
    first = [(number, cells) for number, cells in islice(rows, _SEARCHED_ROWS) if any(map(str.strip, cells))]
    best, most = None, _LEAST_KNOWN
    for place, (_, cells) in enumerate(first):
        known = len({field for field in map(_field, cells) if field})
        if known > most or (known == most and (best is None or place == best + 1)):
            best, most = place, known
    if best is None:
        raise UnreadableFile("no_header")
    row, titles = first[best]
    if best + 1 < len(first) and _continues(titles, first[best + 1][1]):
        row, lower = first[best + 1]
        titles = _joined(titles, lower)
    elif best and len({field for field in map(_field, first[best - 1][1]) if field}) >= _LEAST_KNOWN:
        titles = _joined(first[best - 1][1], titles)
    above = tuple(dict.fromkeys(tidy(cell) for _, cells in first[:best] for cell in cells if cell.strip()))
    return Header(row, tuple(map(tidy, _without_empty_end(titles))), above, most)


def _continues(titles: Sequence[str], below: Sequence[str]) -> bool:
    """Tell whether a row has nothing but titles, of columns that the row above gives one title together or none."""
    said = [column for column, cell in enumerate(below) if cell.strip()]
    joined = _joined(titles, below)
    return (
        len(said) > 1
        and all(_field(joined[column]) for column in said)
        and any(column >= len(titles) or not titles[column].strip() for column in said)
    )


def _joined(above: Sequence[str], below: Sequence[str]) -> list[str]:
    """Return the titles of a header of two rows: จำนวนเตียง over ทั้งหมด and ว่าง makes two titles of two words each."""
    titles, shared = [], ""
    for upper, lower in zip_longest(map(str.strip, above), map(str.strip, below), fillvalue=""):
        shared = upper or (shared if lower else "")
        sure = field_of_title(lower)[1] == 1.0
        titles.append(lower if sure or shared == lower else f"{shared} {lower}".strip())
    return titles


def guess(table: Table, kinds: Sequence[KindNames] = ()) -> Guess:
    """Say what each column of a list seems to hold, and what the lines above its header say for all rows.

    Of two columns for one field the surer one gets it, of equal ones the first. A column whose title says nothing is
    judged by what stands in it, with less confidence.
    """
    found = {column: field_of_title(title) for column, title in enumerate(table.titles)}
    for column, (field, _) in list(found.items()):
        cells = [row[column] for row in table.sample if column < len(row)]
        if field is Field.POSITION and (half := halves_of(cells)):
            found[column] = half, 0.8
        elif field is None and table.titles[column] not in _NUMBERS and (held := field_of_contents(cells)):
            found[column] = held, 0.6
    places: dict[Field, int] = {}
    for column, (field, confidence) in sorted(found.items(), key=lambda one: -one[1][1]):
        if field is not None and confidence >= _SURE:
            places.setdefault(field, column)
    guessed = tuple(
        Guessed(column, table.letters(column), table.titles[column], field, confidence)
        if field is not None and places.get(field) == column
        else Guessed(column, table.letters(column), table.titles[column], None, 0.0, field)
        for column, (field, confidence) in found.items()
    )
    columns = Columns(places, _defaults(table, kinds, places))
    return Guess(guessed, columns, tuple(missing_fields(columns)))


_NUMBERS: Final = frozenset({"ลำดับ", "ลำดับที่", "ที่", "no", "no.", "No.", "No", "#"})


def _field(cell: str) -> Field | None:
    field, confidence = field_of_title(cell)
    return field if confidence >= _SURE else None


def _without_empty_end(titles: Sequence[str]) -> Sequence[str]:
    last = max(column for column, title in enumerate(titles) if title.strip())
    return titles[: last + 1]


def _defaults(table: Table, kinds: Sequence[KindNames], places: Mapping[Field, int]) -> dict[Field, str]:
    """Read the kind and the area that hold for all rows from the lines above the header and the sheet's name."""
    lines = [*table.above, table.sheet or ""]
    defaults: dict[Field, str] = {}
    if Field.KIND not in places and kinds:
        known = Kinds(kinds)
        named = [slug for slug in map(known.named_in, lines) if slug]
        if len(set(named)) == 1:
            defaults[Field.KIND] = named[0]
    days = {found[1].strip(" )") for line in lines for found in _AS_OF.finditer(line) if _is_day(found[1].strip(" )"))}
    if Field.AS_OF not in places and len(days) == 1:
        defaults[Field.AS_OF] = days.pop()
    if Field.SUBDISTRICT in places or Field.AREA in places:
        names = {one.name_th for one in provinces()}
        told = {found[1] for line in lines for found in _PROVINCE.finditer(line) if found[1] in names}
        if Field.PROVINCE not in places and len(told) == 1:
            defaults[Field.PROVINCE] = told.pop()
        districts = {found[1] for line in lines for found in _DISTRICT.finditer(line)}
        if Field.DISTRICT not in places and Field.SUBDISTRICT in places and len(districts) == 1:
            defaults[Field.DISTRICT] = districts.pop()
    return defaults


def _is_day(text: str) -> bool:
    try:
        read_date(text)
    except Unreadable:
        return False
    return True
