"""Workbooks: merged cells, sheets, forged sizes, and what is not unpacked."""

import contextlib
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables import limits, merges
from shared.tables.merges import Merge, merges_of
from shared.tables.unreadable import UnreadableFile
from shared.tables.workbooks import Workbook
from tests.samples.places import workbook

PLAIN = workbook({"sheets": [{"title": "A", "rows": [["name", "area"], ["ก", 500101]]}]})


def rows(content: dict[str, Any], **options: Any) -> list[tuple[int, Sequence[str]]]:
    return list(Workbook(workbook(content)).rows(**options))


def test_every_cell_of_a_merged_range_has_the_text_of_its_first() -> None:
    content = {
        "sheets": [
            {
                "title": "A",
                "merges": ["A1:C1", "A2:A4", "B3:C4"],
                "rows": [
                    ["title", None, None, "x"],
                    ["down", "b", "c"],
                    [None, "both"],
                    [None, None, None, "d"],
                    ["e", "f", "g"],
                ],
            }
        ]
    }
    assert rows(content, fill_merged=True) == [
        (1, ["title", "title", "title", "x"]),
        (2, ["down", "b", "c"]),
        (3, ["down", "both", "both"]),
        (4, ["down", "both", "both", "d"]),
        (5, ["e", "f", "g"]),
    ]
    assert rows(content)[3] == (4, ["", "", "", "d"])


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 4), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=4
    )
)
def test_merged_cells_are_filled_as_a_reader_of_whole_sheets_sees_them(ranges: list[tuple[int, int, int, int]]) -> None:
    taken: set[tuple[int, int]] = set()
    kept = []
    for row, column, down, right in ranges:
        cells = {(r, c) for r in range(row, row + down + 1) for c in range(column, column + right + 1)}
        if len(cells) > 1 and not cells & taken:
            taken |= cells
            kept.append((row, column, row + down, column + right))
    grid = [[f"{row}-{column}" for column in range(9)] for row in range(1, 11)]
    names = [f"{chr(65 + c1)}{r1}:{chr(65 + c2)}{r2}" for r1, c1, r2, c2 in kept]
    found = {
        number: list(cells)
        for number, cells in rows({"sheets": [{"title": "A", "rows": grid, "merges": names}]}, fill_merged=True)
    }
    for r1, c1, r2, c2 in kept:
        for row in range(r1, r2 + 1):
            for column in range(c1, c2 + 1):
                grid[row - 1][column] = f"{r1}-{c1}"
    assert found == dict(enumerate(grid, 1))


def test_merges_are_found_behind_rows_of_any_length_and_however_they_are_cut() -> None:
    sheet = (
        b'<x:sheetData>%s</x:sheetData><x:mergeCells count="2"><x:mergeCell ref="A1:B2"/>'
        b"<x:mergeCell  ref='C3:C9' /></x:mergeCells>"
    )
    for length in (0, 10, 1_000, merges._CHUNK - 40, merges._CHUNK, merges._CHUNK * 2 + 7):
        assert merges_of(io.BytesIO(sheet % (b"r" * length))) == [Merge(1, 0, 2, 1), Merge(3, 2, 9, 2)], length
    assert merges_of(io.BytesIO(b'<sheetData><c t="inlineStr">&lt;mergeCell ref="A1:B2"/></c></sheetData>')) == []


def test_too_many_merges_are_refused() -> None:
    many = b"<sheetData/>" + b'<mergeCell ref="A1:A2"/>' * (limits.MAX_MERGES + 1)
    with pytest.raises(UnreadableFile, match="too_many_merges"):
        merges_of(io.BytesIO(many))


def test_merges_that_lie_on_each_other_are_held_by_column() -> None:
    """Excel makes none; a forged file may have 50,000 that reach over all rows, and a row still costs its columns."""
    ranges = [Merge(row, 0, 1_048_576, 16_383) for row in range(1, 2_001)]
    found = list(merges.filled(iter([(number, [f"{number}", "", ""]) for number in range(1, 2_001)]), ranges))
    assert found[-1] == (2_000, ["1"] * limits.MAX_COLUMNS)


def test_a_sheet_is_read_by_its_name_and_hidden_ones_are_not_offered() -> None:
    content = {
        "sheets": [
            {"title": "ก", "rows": [["1"]]},
            {"title": "ซ่อน", "hidden": True, "rows": [["2"]]},
            {"title": "ข", "rows": [["3"]]},
        ]
    }
    assert Workbook(workbook(content)).sheets() == ["ก", "ข"]
    assert rows(content, sheet="ข") == [(1, ["3"])]
    assert rows(content) == [(1, ["1"])]
    with pytest.raises(UnreadableFile, match="no_such_sheet"):
        rows(content, sheet="ค")


def test_rows_keep_their_numbers_over_empty_ones() -> None:
    content = {
        "sheets": [{"title": "A", "rows": [["a"], [], [None, None], ["b", {"date": "2022-03-01"}, 812345678.0]]}]
    }
    assert rows(content) == [(1, ["a"]), (4, ["b", "2022-03-01", "812345678"])]


@given(st.data())
def test_a_damaged_workbook_is_refused_or_read(data: st.DataObject) -> None:
    file = bytearray(PLAIN)
    for _ in range(data.draw(st.integers(1, 5))):
        file[data.draw(st.integers(4, len(file) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnreadableFile):
        list(Workbook(bytes(file)).rows(fill_merged=True))


def test_a_workbook_that_unpacks_to_more_than_its_room_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<x/>")
        archive.writestr("xl/sharedStrings.xml", bytes(limits.MAX_TEXT_BYTES + 1))
    assert len(bomb.getvalue()) < 100_000

    def unpack(*_: object, **__: object) -> None:
        raise AssertionError("it was unpacked")

    monkeypatch.setattr(openpyxl, "load_workbook", unpack)
    with pytest.raises(UnreadableFile, match="workbook_too_large"):
        list(Workbook(bomb.getvalue()).rows())
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(limits.MAX_MEMBERS + 1):
            archive.writestr(f"{number}", b"")
    with pytest.raises(UnreadableFile, match="workbook_too_large"):
        list(Workbook(many.getvalue()).rows())


def _rewritten(change: tuple[bytes, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(PLAIN)) as whole, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as forged:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert change[0] in content
                content = content.replace(*change)
            forged.writestr(name, content)
    return file.getvalue()


def test_a_row_that_says_it_is_far_away_is_not_walked_to() -> None:
    far = _rewritten((b'<row r="2"', b'<row r="2000000000"'))
    with pytest.raises(UnreadableFile, match="not_a_workbook"):
        list(Workbook(far).rows())


def test_a_cell_that_says_it_is_far_away_takes_no_room() -> None:
    far = _rewritten((b'r="B2"', b'r="XFD2"'))
    assert list(Workbook(far).rows())[1][1] == ["ก"]


def test_what_a_workbook_says_of_its_own_size_does_not_matter() -> None:
    lying = _rewritten((b'<dimension ref="A1:B2"', b'<dimension ref="A1:A1"'))
    assert list(Workbook(lying).rows())[1] == (2, ["ก", "500101"])
