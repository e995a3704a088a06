"""Reading tables row by row, cells as text, so that a file of 100,000 rows needs no more memory than its bytes.

Reading takes all of a processor for seconds: it is done in a thread or a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from shared.tables import delimited
from shared.tables.unreadable import UnreadableFile
from shared.tables.workbooks import Workbook

_ZIP_MARK = b"PK\x03\x04"
_OLD_MARK = b"\xd0\xcf\x11\xe0"


def is_workbook(file: bytes) -> bool:
    """Tell whether a file is an Excel workbook, by its first bytes. Raises `UnreadableFile` if empty or old."""
    if not file.strip():
        raise UnreadableFile("empty_file")
    if file.startswith(_OLD_MARK):
        raise UnreadableFile("old_workbook")
    return file.startswith(_ZIP_MARK)


def rows_of(file: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Give each row's number, as a spreadsheet shows it, and its cells; empty rows may be left out.

    Of a workbook the first sheet is read, merged cells as they are: only the first of them has a text. Raises
    `UnreadableFile`, also midway.
    """
    return Workbook(file).rows() if is_workbook(file) else delimited.rows_of(file)
