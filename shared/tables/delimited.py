"""CSV as offices save it: UTF-8 with or without a mark, UTF-16, Windows-874 or TIS-620; with any usual delimiter."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial

from shared.tables.limits import MAX_CELL, MAX_COLUMNS, MAX_SHEET_ROWS
from shared.tables.unreadable import UnreadableFile

_DELIMITERS = ",;\t|"
_PIECE = 256 * 1024
_JUDGED_CHARACTERS = 40_000
_JUDGED_LINES = 20
"""The first line with two of a delimiter tells it: a title above the header has a comma at most, or is padded."""


def rows_of(file: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Give each row's number and its cells. A row's number counts rows, as a spreadsheet does: a cell with line breaks
    is within one. Empty rows are left out. Raises `UnreadableFile`, also midway.
    """
    encoding = _encoding(file)
    reader = csv.reader(_lines(file, encoding), delimiter=_delimiter(_lines(file, encoding).read(_JUDGED_CHARACTERS)))
    try:
        for number, cells in enumerate(reader, 1):
            if number > MAX_SHEET_ROWS:
                raise UnreadableFile("too_many_rows")
            if any(cells):
                yield number, [cell[:MAX_CELL] for cell in cells[:MAX_COLUMNS]]
    except csv.Error:
        raise UnreadableFile("not_a_table") from None


def _lines(file: bytes, encoding: str) -> io.TextIOWrapper:
    # Piece by piece: the text of a whole file takes five times its bytes.
    return io.TextIOWrapper(io.BytesIO(file), encoding, newline="")


def _delimiter(text: str) -> str:
    lines = text.lstrip("\r\n").splitlines()[:_JUDGED_LINES]
    for least in (2, 1):
        for line in lines:
            delimiter = max(_DELIMITERS, key=line.count)
            if line.count(delimiter) >= least:
                return delimiter
    return _DELIMITERS[0]


def _encoding(file: bytes) -> str:
    # Excel's "Unicode text" is UTF-16. No Thai text in Windows-874, of which TIS-620 is a part, is UTF-8 by chance: its
    # letters are bytes that would have to come in threes of another kind.
    for encoding in ["utf-16"] if file.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp874"]:
        lines = _lines(file, encoding)
        try:
            if all("\0" not in piece for piece in iter(partial(lines.read, _PIECE), "")):
                return encoding
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("encoding")
