"""A list of houses or people by area, from a file to values by area code and faults by cell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from services.reporting.store import TableKind
from services.reporting.wholes.areas import read_area
from services.reporting.wholes.columns import AREAS, Columns, Field, guess
from services.reporting.wholes.faults import BadCell, Fault
from services.reporting.wholes.words import plain, tidy, whole_number
from shared.tables import delimited
from shared.tables.cells import letters_of, name_of
from shared.tables.reading import is_workbook
from shared.tables.unreadable import UnreadableFile
from shared.tables.workbooks import Workbook

MOST_ROWS: Final = 20_000
"""The register has 8,442 areas; a list has headings, sums and remarks besides."""
SEARCHED_ROWS: Final = 30
"""In which the header is looked for: a letterhead, a title, a date and a few remarks are above it."""
MOST_FAULTS: Final = 100
"""Further ones are counted, and not told."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a list says. values: by area code; rows: with a value; ignored: headings, remarks and rows about no area;
    faults: the first ones of so many; missing: what no column was found for."""

    columns: Columns
    values: Mapping[str, int]
    rows: int
    ignored: int
    faults: Sequence[Fault]
    fault_count: int
    missing: Sequence[Field]


def read_list(file: bytes, kind: TableKind, chosen: Mapping[Field, int]) -> Reading:
    """Read a list: CSV or an Excel workbook, whose first visible sheet counts.

    chosen: columns (from 0) that somebody has named, which stand above what is guessed. It takes a processor for a
    second: call it in a thread. Raises `UnreadableFile`.
    """
    rows = _rows(file)
    first = list(islice(rows, SEARCHED_ROWS))
    guessed = guess(first, kind)
    others = {field: column for field, column in guessed.places.items() if column not in chosen.values()}
    columns = Columns(guessed.header_row, guessed.titles, {**others, **chosen})
    missing = [] if Field.VALUE in columns.places else [Field.VALUE]
    if not any(field in columns.places for field in AREAS):
        missing.insert(0, Field.CODE)
    if missing:
        return Reading(columns, {}, 0, 0, [], 0, missing)
    return _read([*first, *rows], columns)


def _rows(file: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    if is_workbook(file):
        book = Workbook(file)
        rows = book.rows(next(iter(book.sheets()), None), fill_merged=True)
    else:
        rows = delimited.rows_of(file)
    for place, row in enumerate(rows):
        if place == MOST_ROWS:
            raise UnreadableFile("too_many_rows")
        yield row


def _read(rows: Sequence[tuple[int, Sequence[str]]], columns: Columns) -> Reading:
    values: dict[str, int] = {}
    read = ignored = faulty = 0
    faults: list[Fault] = []
    header = [plain(title) for title in columns.titles]

    def fault(number: int, field: Field, error: BadCell) -> None:
        nonlocal faulty
        faulty += 1
        if len(faults) < MOST_FAULTS:
            column = columns.places.get(field, 0)
            title = columns.titles[column] if column < len(columns.titles) else letters_of(column)
            faults.append(Fault(name_of(number, column), tidy(title)[:60], error.code, error.said))

    for number, cells in rows:
        if number <= columns.header_row:
            continue
        texts = {field: _cell(cells, column) for field, column in columns.places.items()}
        places = [texts.get(field, "") for field in AREAS]
        told = texts[Field.VALUE]
        if not any(places) or [plain(cell) for cell in cells] == header:  # a remark, or the header once more
            ignored += 1
            continue
        where = _finest(columns, texts)
        try:
            code = read_area(*places)
        except BadCell as error:
            if told:
                fault(number, where, error)
            else:
                ignored += 1
            continue
        if code is None:
            ignored += 1
            continue
        read += 1
        if code in values:
            fault(number, where, BadCell("duplicate_area", code))
            continue
        try:
            values[code] = whole_number(told)
        except BadCell as error:
            fault(number, Field.VALUE, error)
    return Reading(columns, values, read, ignored, faults, faulty, [])


def _cell(cells: Sequence[str], column: int) -> str:
    return tidy(cells[column]) if column < len(cells) else ""


def _finest(columns: Columns, texts: Mapping[Field, str]) -> Field:
    """The cell that says the area: the code, else the name of the lowest level."""
    for field in (Field.CODE, Field.SUBDISTRICT, Field.DISTRICT, Field.PROVINCE, Field.NAME):
        if texts.get(field):
            return field
    return next(iter(columns.places))
