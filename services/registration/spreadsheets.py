"""Reading tables as people send them: CSV in the encodings of Thai spreadsheets, and Excel workbooks.

Rows come one by one, cells as text, so that a file of 100,000 rows needs no more memory than its bytes. Reading takes
all of a processor for seconds: it is done in a thread.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Sequence
from itertools import islice

import openpyxl

MAX_COLUMNS = 50
"""Rolls have four columns, and what else an office keeps beside them."""
MAX_CELL = 2_000
"""Characters: ten times a name. What is longer is cut off, and then too long for any column."""

MAX_MEMBERS = 1_000
"""Files in a workbook; one with a roll has about ten."""
MAX_UNPACKED_BYTES = 300 * 1024 * 1024
"""Of all files in a workbook, as declared, beyond which nothing is unpacked. 100,000 rows of four cells have 30 MB of
XML, ten times that with the formatting of a whole office. They are read piece by piece."""
MAX_TEXT_BYTES = 60 * 1024 * 1024
"""Of the workbook's own list of texts, which is held whole: 100,000 names and numbers have 15 MB."""

MAX_DIRECTORY_BYTES = 1024 * 1024
"""Of a workbook's list of its files, which is read whole before any of them is judged."""
MAX_SHEET_ROWS = 1_048_576
"""Excel's own limit. Rows that are left out of a file are given as empty ones, however far apart they say they are."""

_ZIP_MARK = b"PK\x03\x04"
_OLD_MARK = b"\xd0\xcf\x11\xe0"
_DIRECTORY_END = b"PK\x05\x06"
_DIRECTORY_END_64 = b"PK\x06\x06"
_DIRECTORY_END_BYTES = 66 * 1024  # the end itself and the longest comment behind it
_TEXTS = "xl/sharedStrings.xml"
_DELIMITERS = ",;\t"


class UnreadableFile(ValueError):
    """`code` is one of empty_file, encoding, not_a_table, not_a_workbook, old_workbook, workbook_too_large."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def rows_of(file: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    """Give each row's number, as a spreadsheet shows it, and its cells; empty rows may be left out.

    Raises `UnreadableFile`, also midway.
    """
    if not file.strip():
        raise UnreadableFile("empty_file")
    if file.startswith(_OLD_MARK):
        raise UnreadableFile("old_workbook")
    return _workbook_rows(file) if file.startswith(_ZIP_MARK) else _csv_rows(file)


def _csv_rows(file: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    text = _decoded(file)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, [cell[:MAX_CELL] for cell in cells[:MAX_COLUMNS]]
    except csv.Error:
        raise UnreadableFile("not_a_table") from None


def _decoded(file: bytes) -> str:
    # Excel's "Unicode text" is UTF-16. No Thai text in Windows-874, of which TIS-620 is a part, is UTF-8 by chance: its
    # letters are bytes that would have to come in threes of another kind.
    for encoding in ["utf-16"] if file.startswith((b"\xff\xfe", b"\xfe\xff")) else ["utf-8-sig", "cp874"]:
        try:
            text = file.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnreadableFile("encoding")


def _workbook_rows(file: bytes) -> Iterator[tuple[int, Sequence[str]]]:
    _check_size(file)
    try:
        workbook = openpyxl.load_workbook(io.BytesIO(file), read_only=True, data_only=True, keep_links=False)
        try:
            sheet = workbook.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its own size is often wrong
            for number, cells in enumerate(sheet.iter_rows(max_col=MAX_COLUMNS, values_only=True), 1):
                if number > MAX_SHEET_ROWS:
                    raise UnreadableFile("not_a_workbook")
                if cells.count(None) < len(cells):
                    yield number, [_text(cell) for cell in cells]
        finally:
            workbook.close()
    # Whatever a damaged or forged workbook makes the reader stumble over, it cannot be read.
    except UnreadableFile:
        raise
    except Exception:
        raise UnreadableFile("not_a_workbook") from None


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
    return str(cell)[:MAX_CELL]
