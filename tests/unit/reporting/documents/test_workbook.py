"""The workbook, read back by a library that is not the one that wrote it."""

import os
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from services.reporting.documents import workbook
from services.reporting.documents.columns import GROUPS, columns_of
from services.reporting.documents.orders import Order
from services.reporting.documents.statement import Statement
from services.reporting.documents.workbook import write_workbook
from services.reporting.months.answers import FIGURES, Corrected, MonthFigures, PerformanceRow
from tests.unit.reporting.documents.months import of_provinces, of_volunteers, order, statement, streamed


async def sheets(
    folder: Path, wanted: Order, rows: list[PerformanceRow], told: Statement | None = None
) -> dict[str, list[tuple[Any, ...]]]:
    """The cells of every sheet of the document, row by row."""
    path = folder / "document"
    await write_workbook(path, wanted, told or statement(rows), streamed(rows), lambda _: None)
    assert os.listdir(folder) == ["document"]  # nothing of its work is left
    with path.open("rb") as file:
        book = openpyxl.load_workbook(file)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_every_figure_has_a_column() -> None:
    assert [column.figure for group in GROUPS for column in group.columns] == list(FIGURES)


async def test_figures_are_numbers_and_codes_are_texts(tmp_path: Path) -> None:
    rows = of_provinces()
    ((name, cells),) = (await sheets(tmp_path, order(form="xlsx"), rows)).items()
    assert name == "ผลการปฏิบัติงาน"
    assert "มกราคม ๒๕๖๕" in cells[0][0]
    assert cells[2][:4] == ("ลำดับ", "รหัส", "จังหวัด", "ลงทะเบียนใหม่")
    told = statement(rows)
    assert cells[3][3:] == (*told.total.values(), *told.total_before.values())
    assert cells[4:] == [(row.rank, row.key, row.name_th, *row.figures.values(), *row.before.values()) for row in rows]


async def test_a_correction_has_the_figures_that_were_closed(tmp_path: Path) -> None:
    rows = of_provinces()[:3]
    rows[1].corrected = {"wanting": Corrected(7, rows[1].figures.wanting)}
    ((_, cells),) = (await sheets(tmp_path, order(form="xlsx", revision=2, language="en"), rows)).items()
    closed = dict(zip(FIGURES, cells[5][-len(FIGURES) :], strict=True))
    assert closed.pop("wanting") == 7
    assert all(value == getattr(rows[1].figures, name) for name, value in closed.items())


async def test_many_rows_go_on_in_further_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its heads: spreadsheets hold a million rows, and there are more volunteers."""
    monkeypatch.setattr(workbook, "ROWS_OF_A_SHEET", 100)
    rows = list(of_volunteers(250))
    found = await sheets(tmp_path, order(form="xlsx", level="volunteer", language="en"), rows, statement(rows))
    assert [len(cells) - 4 for cells in found.values()] == [100, 100, 50]
    assert [cells[4][0] for cells in found.values()] == [1, 101, 201]
    assert {cells[2][2] for cells in found.values()} == {"Volunteer"}
    assert len(columns_of("volunteer")) == 9
    assert found["Performance 3"][-1][1] == rows[-1].key


async def test_names_are_no_formulas_and_no_markup(tmp_path: Path) -> None:
    name = "=1+1 <b>&"
    rows = [PerformanceRow("10", name, name, 1, MonthFigures(), MonthFigures(), {})]
    ((_, cells),) = (await sheets(tmp_path, order(form="xlsx"), rows)).items()
    assert cells[4][2] == f"'{name}"
