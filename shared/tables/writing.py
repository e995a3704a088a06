"""Writing tables for spreadsheets, so that they open as they were meant and can be read back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import IO

from shared.tables.cells import guarded

BYTE_ORDER_MARK = "\ufeff"
"""Before the first row: without it Excel takes UTF-8 for the system's old encoding."""


_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def csv_rows(rows: Iterable[Sequence[object]]) -> str:
    """Return rows as CSV. None is an empty cell; what would be taken for a formula begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def write_workbook(file: IO[bytes], title: str, rows: Iterable[Sequence[object]]) -> None:
    """Write a workbook of one sheet row by row, texts guarded as in CSV. Numbers stay numbers, and texts of digits,
    such as codes and phones, stay texts, zeros and all."""
    # 7 MB, of which processes that have never been asked for a workbook know nothing.
    import openpyxl

    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet(title)
    sheet.freeze_panes = "A2"
    for row in rows:
        sheet.append([_NOT_IN_XML.sub("", value) if isinstance(value, str) else value for value in map(_cell, row)])
    workbook.save(file)


def _cell(value: object) -> object:
    return guarded(value) if isinstance(value, str) else value
