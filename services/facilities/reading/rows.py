"""Rows of a list as drafts of places."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, islice
from typing import Any, Final

from services.facilities.reading import choices
from services.facilities.reading.codes import are_of_five
from services.facilities.reading.days import read_days
from services.facilities.reading.drafting import Drafting
from services.facilities.reading.faults import Noted, Row, Unreadable
from services.facilities.reading.fields import Columns, Field, UnusableColumns, missing_fields
from services.facilities.reading.fillers import filler
from services.facilities.reading.grid import read_zone
from services.facilities.reading.kinds import KindNames, Kinds
from services.facilities.reading.record import Record
from services.facilities.reading.table import Form, Table
from services.facilities.reading.words import tidy

_JUDGED_CODES: Final = 500
"""Rows by which the digits of a column of codes are told: a province has fewer hospitals."""
_READERS_OF_DEFAULTS: Final[Mapping[Field, Callable[[str], object]]] = {
    Field.ZONE: read_zone,
    Field.STATUS: choices.read_status,
    Field.ACCESS: choices.read_access,
    Field.HOLIDAYS: choices.read_holidays,
    Field.VACCINES: choices.read_vaccines,
    Field.SERVICES: choices.read_services,
    Field.DAYS: read_days,
}


def drafts(
    table: Table, columns: Columns, *, kinds: Sequence[KindNames], today: date, within: str = ""
) -> Iterator[Row]:
    """Read a list row by row.

    kinds: the register's; today: of Asia/Bangkok, after which nothing was right yet; within: the area in which every
    place has to be, and in which names of areas are looked for. A column that is there and empty gives null or [], one
    that is not there gives nothing; an empty status gives nothing either. `details` and `contact` have only what the
    list has columns for. Rows that hold the id of a place may lack its name, kind and area.

    Raises `UnusableColumns` at once, and `UnreadableFile` midway.
    """
    known = Kinds(kinds)
    _check(table, columns, known)
    return _drafts(table, columns, known, today, within)


def _drafts(table: Table, columns: Columns, kinds: Kinds, today: date, within: str) -> Iterator[Row]:
    rows = table.rows()
    first = list(islice(rows, _JUDGED_CODES))
    drafting = Drafting(kinds, _codes_of_five(table, columns, first), today, within)
    said = frozenset({*columns.places, *columns.defaults})
    for number, cells in chain(first, rows):
        record = Record(table, columns, said, number, cells)
        if table.form is not Form.GEOJSON and (code := filler(cells, table.titles, columns)):
            record.notice(_first_field(columns), Noted(code, {}))
            yield Row(number, cells, None, (), record.notices)
            continue
        draft: dict[str, Any] = {}
        as_of = drafting.fill(draft, record)
        faults = record.faults
        yield Row(number, cells, None if faults else draft, faults, record.notices, as_of)


def _codes_of_five(table: Table, columns: Columns, rows: Sequence[tuple[int, Sequence[str]]]) -> bool:
    place = columns.places.get(Field.OFFICIAL_CODE)
    if place is None:
        return False
    return are_of_five(tidy(table.titles[place]), (tidy(cells[place]) for _, cells in rows if place < len(cells)))


def _first_field(columns: Columns) -> Field:
    return min(columns.places, key=lambda field: columns.places[field])


def _check(table: Table, columns: Columns, kinds: Kinds) -> None:
    taken: set[int] = set()
    for field, place in columns.places.items():
        if not 0 <= place < len(table.titles):
            raise UnusableColumns("no_such_column", field)
        if place in taken:
            raise UnusableColumns("repeated_column", field)
        taken.add(place)
    if not columns.places:
        raise UnusableColumns("missing_column", Field.NAME)
    for missing in missing_fields(columns):
        raise UnusableColumns("missing_column", missing)
    for field, text in columns.defaults.items():
        reader = kinds.read if field is Field.KIND else _READERS_OF_DEFAULTS.get(field)
        if reader is not None:
            try:
                reader(tidy(text))
            except Unreadable:
                raise UnusableColumns("bad_default", field) from None
