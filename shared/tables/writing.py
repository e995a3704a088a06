"""Writing tables for spreadsheets, so that they open as they were meant and can be read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from shared.tables.cells import guarded

BYTE_ORDER_MARK = "\ufeff"
"""Before the first row: without it Excel takes UTF-8 for the system's old encoding."""


def csv_rows(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV. None is an empty cell; what would be taken for a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value
