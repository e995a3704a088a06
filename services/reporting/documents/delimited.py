"""The performance as CSV, in chunks, so that a million rows take no more memory than a thousand."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.reporting.documents.columns import CODE, RANK, columns_of, full_title, groups_of, name_of_level
from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Rows, Statement, name_of
from services.reporting.months.answers import PerformanceRow
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows

CHUNK: Final = 2_000
"""Rows that are written at once: some 300 KB."""


def titles(order: Order) -> list[str]:
    """The head of each column: the figures, those of the month before, and in a correction those first closed."""
    language = order.language
    figures = [full_title(group, column, language) for group in groups_of(order.level) for column in group.columns]
    before = "เดือนก่อน" if language == "th" else "month before"
    heads = [RANK.in_language(language), CODE.in_language(language), name_of_level(order.level, language)]
    heads += [*figures, *(f"{title} ({before})" for title in figures)]
    if order.revision > 1:
        closed = "ที่ปิดไว้เดิม" if language == "th" else "as first closed"
        heads += [f"{title} ({closed})" for title in figures]
    return heads


async def write_csv(
    path: Path, order: Order, statement: Statement, rows: Rows, progress: Callable[[int], None]
) -> None:
    """Writes the document to `path`; `progress` is told how many rows are written."""
    columns = columns_of(order.level)

    def cells(row: PerformanceRow) -> list[object]:
        figures, before = row.figures.values(), row.before.values()
        found: list[object] = [row.rank, row.key, name_of(row, order.language)]
        found += [figures[column.place] for column in columns]
        found += [before[column.place] for column in columns]
        if order.revision > 1:
            found += [getattr(row.corrected.get(column.figure), "closed", None) for column in columns]
        return found

    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(BYTE_ORDER_MARK + csv_rows([titles(order)]))
        waiting: list[list[object]] = []
        written = 0
        async for row in rows:
            waiting.append(cells(row))
            if len(waiting) == CHUNK:
                file.write(csv_rows(waiting))
                written += CHUNK
                waiting.clear()
                progress(written)
        file.write(csv_rows(waiting))
        progress(written + len(waiting))
