"""Names of cells as a spreadsheet shows them, and what stands in them."""

from __future__ import annotations

import re

from shared.areas.digits import to_arabic_digits

FORMULA_MARKS = "=+-@"
"""With these a spreadsheet takes text for a formula; no name begins so."""

_NAME = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})", re.ASCII)
_WHOLE = re.compile(r"(\d+)[.,]0+", re.ASCII)
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+", re.ASCII)
_QUOTED = re.compile(r'="([^"]*)"')


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


def mended(text: str) -> str:
    """Return what was meant by a number that a spreadsheet wrote as 500101.0, '0812345678 or ="0812345678", in Arabic
    digits."""
    text = to_arabic_digits(text)
    quoted = _QUOTED.fullmatch(text)
    text = (quoted[1] if quoted else text.removeprefix("'")).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def is_scientific(text: str) -> bool:
    """Tell whether a spreadsheet made 8.12E+08 of a number: its last digits are lost."""
    return _SCIENTIFIC.fullmatch(text) is not None
