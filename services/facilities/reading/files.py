"""Opening a file as a table: which kind it is, where its header stands, which sheet of several is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import PurePath
from typing import Final

from services.facilities.reading import geojson
from services.facilities.reading.header import Header, find_header
from services.facilities.reading.table import Form, Table
from shared.tables import delimited
from shared.tables.reading import is_workbook
from shared.tables.unreadable import UnreadableFile
from shared.tables.workbooks import Workbook

Rows = Iterator[tuple[int, Sequence[str]]]

_NAMED: Final = {
    ".csv": Form.CSV,
    ".txt": Form.CSV,
    ".tsv": Form.CSV,
    ".xlsx": Form.XLSX,
    ".xlsm": Form.XLSX,
    ".geojson": Form.GEOJSON,
    ".json": Form.GEOJSON,
}
_OTHER_MARKS: Final = (b"%PDF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"Rar!", b"\x1f\x8b", b"7z\xbc\xaf", b"{\\rtf")
_WEB_PAGE_MARKS: Final = (b"<html", b"<!doctype", b"<table", b"<?xml", b"<meta", b"<head")
_SAMPLE: Final = 50
"""Rows that are looked at for what a column holds."""
_SHEETS_LOOKED_AT: Final = 20
"""One workbook for a province has a sheet a district, and the first with a header is taken anyway."""


def read_table(file: bytes, name: str = "", *, sheet: str | None = None) -> Table:
    """Open a list: CSV, XLSX or GeoJSON, as its bytes tell. name: the file's own, whose ending has to agree.

    sheet: which one of a workbook is read; without it the one whose header has the most columns that are known, the
    first of equals, hidden ones left out. Raises `UnreadableFile`; its sentences are in `messages.FILES`.
    """
    form = _form(file)
    if _NAMED.get(PurePath(name).suffix.lower(), form) is not form:
        raise UnreadableFile("other_kind")
    if form is Form.GEOJSON:
        return geojson.read_features(file, sample=_SAMPLE)
    if form is Form.CSV:
        return _table(form, partial(delimited.rows_of, file), find_header(delimited.rows_of(file)))
    book = Workbook(file)
    sheets = book.sheets()
    chosen, header = _sheet(book, sheets if sheet is None else [sheet])
    return _table(form, partial(book.rows, chosen, fill_merged=True), header, chosen, sheets)


def _form(file: bytes) -> Form:
    if is_workbook(file):
        return Form.XLSX
    start = file[:1_000].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(_WEB_PAGE_MARKS):
        raise UnreadableFile("web_page")
    if file.startswith(_OTHER_MARKS):
        raise UnreadableFile("other_kind")
    return Form.GEOJSON if start.startswith(b"{") else Form.CSV


def _sheet(book: Workbook, names: Sequence[str]) -> tuple[str, Header]:
    best: tuple[str, Header] | None = None
    for name in names[:_SHEETS_LOOKED_AT]:
        try:
            header = find_header(book.rows(name, fill_merged=True))
        except UnreadableFile as error:
            if error.code != "no_header":
                raise
            continue
        if best is None or header.known > best[1].known:
            best = name, header
    if best is None:
        raise UnreadableFile("no_header")
    return best


def _table(
    form: Form, rows: Callable[[], Rows], header: Header, sheet: str | None = None, sheets: Sequence[str] = ()
) -> Table:
    below = partial(_below, rows, header.row)
    sample = tuple(cells for _, cells in islice(below(), _SAMPLE))
    return Table(form, header.titles, header.row, header.above, sample, sheet, tuple(sheets), below)


def _below(rows: Callable[[], Rows], header_row: int) -> Rows:
    for number, cells in rows():
        if number > header_row and any(map(str.strip, cells)):
            yield number, cells
