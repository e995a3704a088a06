"""Excel workbooks, row by row.

openpyxl reads them as a stream. A faster reader, calamine, was looked at and not taken: it makes room for every cell
between the first and the last, so that one forged cell far away ends the process.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, time
from itertools import islice
from typing import Any

from shared.tables.limits import (
    MAX_CELL,
    MAX_COLUMNS,
    MAX_DIRECTORY_BYTES,
    MAX_MEMBERS,
    MAX_SHEET_ROWS,
    MAX_TEXT_BYTES,
    MAX_UNPACKED_BYTES,
)
from shared.tables.merges import filled, merges_of
from shared.tables.unreadable import UnreadableFile

_DIRECTORY_END = b"PK\x05\x06"
_DIRECTORY_END_64 = b"PK\x06\x06"
_DIRECTORY_END_BYTES = 66 * 1024  # the end itself and the longest comment behind it
_TEXTS = "xl/sharedStrings.xml"


class Workbook:
    """A workbook that is open; opening it reads all its texts, so that it is done once. It lives in memory alone."""

    def __init__(self, file: bytes) -> None:
        """Open a workbook. Raises `UnreadableFile`."""
        _check_size(file)
        # 7 MB, of which processes that have never been sent a workbook know nothing.
        import openpyxl

        with _refusing():
            self._book = openpyxl.load_workbook(io.BytesIO(file), read_only=True, data_only=True, keep_links=False)

    def sheets(self) -> list[str]:
        """Return the names of the sheets of cells that are not hidden."""
        return [sheet.title for sheet in self._book.worksheets if sheet.sheet_state == "visible"]

    def rows(self, sheet: str | None = None, *, fill_merged: bool = False) -> Iterator[tuple[int, Sequence[str]]]:
        """Give number and cells of each row of a sheet (the first, if none is named) that is not empty.

        fill_merged: every cell of a merged range has the text of its first one. Raises `UnreadableFile`, also midway.
        """
        with _refusing():
            found: Any = self._book.worksheets[0] if sheet is None else self._named(sheet)
            merges = []
            if fill_merged:
                with closing(found._get_source()) as source:
                    merges = merges_of(source)
            yield from filled(_rows(found), merges)

    def _named(self, name: str) -> Any:
        for sheet in self._book.worksheets:
            if sheet.title == name:
                return sheet
        raise UnreadableFile("no_such_sheet")


@contextmanager
def _refusing() -> Iterator[None]:
    # Whatever a damaged or forged workbook makes the reader stumble over, it cannot be read.
    try:
        yield
    except UnreadableFile:
        raise
    except Exception:
        raise UnreadableFile("not_a_workbook") from None


def _rows(sheet: Any) -> Iterator[tuple[int, Sequence[str]]]:
    sheet.reset_dimensions()  # what the file says of its own size is often wrong
    for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), 1):
        if number > MAX_SHEET_ROWS:
            raise UnreadableFile("not_a_workbook")
        # The reader gives every row as many cells as may be read.
        width = next((column for column in range(len(cells), 0, -1) if cells[column - 1] is not None), 0)
        if width:
            yield number, [_text(cell) for cell in cells[:width]]


def _check_size(file: bytes) -> None:
    """Judge a workbook by what its directory declares, which is also all that is ever unpacked of a file."""
    end = file[-_DIRECTORY_END_BYTES:]
    place = end.rfind(_DIRECTORY_END)
    if place < 0 or len(end) < place + 16:
        raise UnreadableFile("not_a_workbook")
    if _DIRECTORY_END_64 in end or int.from_bytes(end[place + 12 : place + 16], "little") > MAX_DIRECTORY_BYTES:
        raise UnreadableFile("workbook_too_large")
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            members = list(islice(archive.infolist(), MAX_MEMBERS + 1))
    except (zipfile.BadZipFile, ValueError, OSError, RuntimeError):
        raise UnreadableFile("not_a_workbook") from None
    sizes = {member.filename: member.file_size for member in members}
    if (
        len(members) > MAX_MEMBERS
        or sum(member.file_size for member in members) > MAX_UNPACKED_BYTES
        or sizes.get(_TEXTS, 0) > MAX_TEXT_BYTES
    ):
        raise UnreadableFile("workbook_too_large")


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))  # phone numbers and national ids, exact as long as a float counts every number
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()  # a day has no midnight
    return str(cell)[:MAX_CELL]
