"""Opening a file as a table: which kind it is, where its header stands, which sheet of several is meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from services.facilities.reading.header import find_header
from services.facilities.reading.table import Form, Table
from shared.tables.reading import is_workbook, rows_of


def read_table(file: bytes, name: str, *, sheet: str | None = None) -> Table:
    """Open a list: CSV, XLSX or GeoJSON, as its bytes tell; `name`, the file's own, has to agree.

    sheet: which one of a workbook is read; without it the first in which a header is found. Raises `UnreadableFile`.
    """
    form = Form.XLSX if is_workbook(file) else Form.CSV
    header = find_header(rows_of(file))
    return Table(form, header.titles, header.row, header.above, _open=partial(_below, file, header.row))


def _below(file: bytes, header_row: int) -> Iterator[tuple[int, Sequence[str]]]:
    for number, cells in rows_of(file):
        if number > header_row and any(cell.strip() for cell in cells):
            yield number, cells
