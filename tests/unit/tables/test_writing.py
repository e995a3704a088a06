"""Tables as they are written for spreadsheets, and read back."""

import io

from hypothesis import given
from hypothesis import strategies as st

from shared.tables.cells import guarded, letters_of, name_of, place_of
from shared.tables.reading import rows_of
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows, write_workbook

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


@given(st.text(max_size=20))
def test_no_exported_cell_is_a_formula(text: str) -> None:
    cell = guarded(text)
    assert not cell.startswith(FORMULAS)
    assert cell in (text, f"'{text}")
    assert guarded("ก") == "ก"


def test_a_table_is_read_back_from_both_forms() -> None:
    table: list[list[object]] = [
        ["ชื่อ", "รหัส", "เตียง"],
        ['จุดตรวจ "ก", ข', "00123", 12],
        ["=1+1", "000123456", 7],
        ["@x\x07", "-", 0],
    ]
    book = io.BytesIO()
    write_workbook(book, "สถานที่", table)
    from_csv = [list(cells) for _, cells in rows_of((BYTE_ORDER_MARK + csv_rows(table)).encode())]
    from_workbook = [list(cells) for _, cells in rows_of(book.getvalue())]
    assert (
        from_csv[:3]
        == from_workbook[:3]
        == [
            ["ชื่อ", "รหัส", "เตียง"],
            ['จุดตรวจ "ก", ข', "00123", "12"],
            ["'=1+1", "000123456", "7"],
        ]
    )
    assert from_workbook[3] == ["'@x", "'-", "0"]  # XML has no bell


@given(st.integers(0, 16_383), st.integers(1, 1_048_576))
def test_cells_have_the_names_that_a_spreadsheet_shows(column: int, row: int) -> None:
    assert place_of(name_of(row, column)) == (row, column)


def test_columns_are_lettered_as_in_a_spreadsheet() -> None:
    assert [letters_of(column) for column in (0, 25, 26, 51, 52, 701, 702, 16_383)] == [
        *("A", "Z", "AA", "AZ", "BA", "ZZ", "AAA", "XFD")
    ]
