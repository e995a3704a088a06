"""The performance as a workbook for spreadsheets, row by row, so that a million rows take no more memory than one."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from services.reporting.documents.columns import CODE, RANK, Column, columns_of, groups_of, name_of_level
from services.reporting.documents.numerals import long_month
from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Rows, Statement, by_level, name_of, name_of_area
from services.reporting.months.answers import PerformanceRow
from shared.tables.cells import guarded

ROWS_OF_A_SHEET: Final = 1_000_000
"""A sheet holds 1,048,576 rows with its heads; what is more goes on in the next one."""
_FIRST: Final = 4
"""The first row of figures, counted from 0: above it are the title, two rows of heads and the sum."""
_NAMES: Final = 3
"""Columns before the figures: rank, code, name."""
_TELL_EVERY: Final = 2_000


class _Sheet(Worksheet):  # type: ignore[misc]
    """A worksheet that takes whole rows of texts and numbers.

    A cell of xlsxwriter's costs 4 us, so that the 18 million of the country's volunteers would take more than a minute;
    a row by one template costs a sixth of it. What is written is what `Worksheet._write_row` and `_write_cell` write.
    """

    def write_rows_as(self, texts: Sequence[Format], numbers: int, format_of_numbers: Format) -> None:
        """From now on rows have a number, then texts in these formats, then so many numbers."""
        cell = '<c r="{name}{{row}}" s="{style}"{kind}'
        number = cell + "><v>%d</v></c>"
        text = cell + "><is><t>%s</t></is></c>"
        style = format_of_numbers._get_xf_index()
        parts = [number.format(name="A", style=style, kind="")]
        for place, each in enumerate(texts, start=1):
            parts.append(text.format(name=xl_col_to_name(place), style=each._get_xf_index(), kind=' t="inlineStr"'))
        first = 1 + len(texts)
        parts += [
            number.format(name=xl_col_to_name(place), style=style, kind="") for place in range(first, first + numbers)
        ]
        self._template = '<row r="{row}">' + "".join(parts) + "</row>"
        self._width = first + numbers

    def write_whole_row(self, row: int, values: tuple[object, ...]) -> None:
        """Writes row `row` (counted from 0) behind all others."""
        if self.table:
            self._write_single_row(row)
        self.previous_row = row + 1
        self.dim_rowmax, self.dim_colmax = row, self._width - 1
        self.fh.write(self._template.replace("{row}", str(row + 1)) % values)


async def write_workbook(
    path: Path, order: Order, statement: Statement, rows: Rows, progress: Callable[[int], None]
) -> None:
    """Writes the document to `path`; `progress` is told how many rows are written."""
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    with xlsxwriter.Workbook(str(path), options) as book:
        pages = _Pages(book, order, statement)
        columns = columns_of(order.level)
        corrected = order.revision > 1
        written = 0
        async for row in rows:
            pages.add(_values(row, columns, order, corrected=corrected))
            written += 1
            if written % _TELL_EVERY == 0:
                progress(written)
        pages.finish()
        progress(written)


def _values(row: PerformanceRow, columns: Sequence[Column], order: Order, *, corrected: bool) -> tuple[object, ...]:
    figures, before = row.figures.values(), row.before.values()
    return (
        row.rank,
        row.key,
        escape(guarded(name_of(row, order.language))),
        *[figures[column.place] for column in columns],
        *[before[column.place] for column in columns],
        *([_closed(row, column, figures) for column in columns] if corrected else ()),
    )


def _closed(row: PerformanceRow, column: Column, figures: Sequence[int]) -> int:
    found = row.corrected.get(column.figure)
    return figures[column.place] if found is None else found.closed


class _Pages:
    """The sheets of a workbook, one after the other."""

    def __init__(self, book: xlsxwriter.Workbook, order: Order, statement: Statement) -> None:
        self._book, self._order, self._statement = book, order, statement
        self._formats = _formats(book)
        self._columns = columns_of(order.level)
        self._sheets = 0
        self._sheet = self._begin()
        self._row = _FIRST

    def add(self, values: tuple[object, ...]) -> None:
        """Adds a row behind the others."""
        if self._row == _FIRST + ROWS_OF_A_SHEET:
            self.finish()
            self._sheet = self._begin()
            self._row = _FIRST
        self._sheet.write_whole_row(self._row, values)
        self._row += 1

    def finish(self) -> None:
        """Says of the sheet what is known when all of its rows are there."""
        self._sheet.autofilter(_FIRST - 2, 0, max(self._row - 1, _FIRST - 1), self._width - 1)

    @property
    def _blocks(self) -> list[str]:
        """What the figures are of: the month, the one before, and in a correction what was first closed."""
        thai = self._order.language == "th"
        blocks = [long_month(self._order.month, "en"), "month before"]
        if thai:
            blocks = ["เดือนนี้", "เดือนก่อน"]
        if self._order.revision > 1:
            blocks.append("ที่ปิดไว้เดิม" if thai else "as first closed")
        return blocks

    @property
    def _width(self) -> int:
        return _NAMES + len(self._blocks) * len(self._columns)

    def _begin(self) -> _Sheet:
        self._sheets += 1
        language = self._order.language
        name = "ผลการปฏิบัติงาน" if language == "th" else "Performance"
        sheet: _Sheet = self._book.add_worksheet(
            name if self._sheets == 1 else f"{name} {self._sheets}", worksheet_class=_Sheet
        )
        formats = self._formats
        sheet.set_column(0, 0, 7, formats["number"])
        sheet.set_column(1, 1, 38 if self._order.level in ("organisation", "volunteer") else 9)
        sheet.set_column(2, 2, 26)
        sheet.set_column(_NAMES, self._width - 1, 13)
        sheet.freeze_panes(_FIRST, _NAMES)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(1, 2)
        sheet.write_string(0, 0, _title(self._order), formats["title"])
        self._heads(sheet)
        self._sum(sheet)
        sheet.write_rows_as([formats["text"]] * 2, self._width - _NAMES, formats["number"])
        return sheet

    def _heads(self, sheet: _Sheet) -> None:
        language, formats = self._order.language, self._formats
        for column in range(_NAMES):
            sheet.write_blank(1, column, None, formats["head"])
        place = _NAMES
        for block in self._blocks:
            for group in groups_of(self._order.level):
                title = f"{group.title.in_language(language)} · {block}"
                last = place + len(group.columns) - 1
                if last > place:
                    sheet.merge_range(1, place, 1, last, title, formats["head"])
                else:
                    sheet.write_string(1, place, title, formats["head"])
                place = last + 1
        names = [RANK.in_language(language), CODE.in_language(language), name_of_level(self._order.level, language)]
        names += [column.title.in_language(language) for column in self._columns] * len(self._blocks)
        sheet.set_row(2, 34)
        for place, name in enumerate(names):
            sheet.write_string(2, place, name, formats["head"])

    def _sum(self, sheet: _Sheet) -> None:
        formats = self._formats
        sheet.write_blank(3, 0, None, formats["sum"])
        sheet.write_blank(3, 1, None, formats["sum"])
        sheet.write_string(3, 2, "รวม" if self._order.language == "th" else "Total", formats["sum"])
        place = _NAMES
        for total in (self._statement.total, self._statement.total_before):
            values = total.values()
            for column in self._columns:
                sheet.write_number(3, place, values[column.place], formats["sum"])
                place += 1


def _title(order: Order) -> str:
    if order.language == "th":
        title = f"ผลการปฏิบัติงานของอาสาสมัคร ประจำเดือน{long_month(order.month, 'th')}"
    else:
        title = f"Performance of the volunteers, {long_month(order.month, 'en')}"
    return f"{title} · {name_of_area(order.area, order.language)} · {by_level(order)}"


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    font: dict[str, Any] = {"font_name": "TH Sarabun New", "font_size": 14}
    count = {"num_format": "#,##0"}
    head = {"bold": True, "align": "center", "valign": "vcenter", "text_wrap": True, "border": 1, "bg_color": "#E2F0F4"}
    return {
        "text": book.add_format(font),
        "number": book.add_format(font | count),
        "head": book.add_format(font | head),
        "sum": book.add_format(font | count | {"bold": True, "top": 1, "bottom": 1}),
        "title": book.add_format(font | {"bold": True, "font_size": 18}),
    }
