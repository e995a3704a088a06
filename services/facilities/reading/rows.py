"""Rows of a list as drafts of places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from services.facilities.reading.faults import Row
from services.facilities.reading.fields import Columns, UnusableColumns
from services.facilities.reading.kinds import KindNames
from services.facilities.reading.table import Table


def drafts(
    table: Table, columns: Columns, *, kinds: Sequence[KindNames], today: date, within: str = ""
) -> Iterator[Row]:
    """Read a list row by row.

    kinds: the register's; today: of Asia/Bangkok, after which nothing was right yet; within: the area in which names of
    places are looked for. A column that is there and empty gives null or [], one that is not there gives nothing.
    Raises `UnusableColumns` at once, and `UnreadableFile` midway.
    """
    for field, place in columns.places.items():
        if not 0 <= place < len(table.titles):
            raise UnusableColumns("no_such_column", field)
    return _drafts(table, columns)


def _drafts(table: Table, columns: Columns) -> Iterator[Row]:
    for number, cells in table.rows():
        draft: dict[str, Any] = {
            field.value: cells[place] if place < len(cells) else "" for field, place in columns.places.items()
        }
        yield Row(number, cells, draft)
