"""Names of cells as a spreadsheet shows them, and what stands in them."""

from __future__ import annotations

import re

FORMULA_MARKS = "=+-@"
"""With these a spreadsheet takes text for a formula; no name begins so."""

_NAME = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})", re.ASCII)


def letters_of(column: int) -> str:
    """Return the letters of a column, the first of which is 0: A, B, ... Z, AA."""
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def name_of(row: int, column: int) -> str:
    """Return the name of a cell: row 14 and column 2 are C14. Rows count from 1, columns from 0."""
    return f"{letters_of(column)}{row}"


def place_of(name: str) -> tuple[int, int]:
    """Return row (from 1) and column (from 0) of a cell's name. Raises `ValueError`."""
    found = _NAME.fullmatch(name)
    if found is None:
        raise ValueError("not the name of a cell")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return int(found[2]), column - 1


def guarded(text: str) -> str:
    """Return a cell for export that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in (*FORMULA_MARKS, "\t", "\r", "\n") and text else text
