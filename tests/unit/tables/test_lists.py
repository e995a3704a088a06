"""Lists with a header: what is said of a file that cannot be used, and of a cell."""

from enum import StrEnum

import pytest

from shared.tables.cells import is_scientific, mended
from shared.tables.lists import Fault, UnusableList, header_cells, read_header
from shared.tables.unreadable import UnreadableFile
from shared.web.lists import UNREADABLE, CellError, list_problem
from shared.web.problems import Message


class Column(StrEnum):
    """Of a list of two."""

    NAME = "name"
    AREA = "area"


COLUMNS: dict[StrEnum, Message] = {Column.NAME: Message("ชื่อ", "name"), Column.AREA: Message("พื้นที่", "area")}


def column_of(title: str) -> Column | None:
    return next((column for column in Column if column == title.strip().lower()), None)


def test_the_first_row_with_something_in_it_is_the_header() -> None:
    rows = iter([(1, ["", " "]), (3, ["Area", "note", "NAME"]), (4, ["50", "", "ก"])])
    header = read_header(header_cells(rows), column_of, Column)
    assert (header.places, header.ignored) == ({Column.AREA: 0, Column.NAME: 2}, ["note"])
    assert [header.texts(cells) for _, cells in rows] == [{Column.AREA: "50", Column.NAME: "ก"}]
    assert header.texts(["50"]) == {Column.AREA: "50", Column.NAME: ""}


@pytest.mark.parametrize(
    ("rows", "code", "path", "said"),
    [
        ([], "no_header", "file", "none"),
        ([(1, ["x"])], "no_header", "file", "none"),
        ([(1, ["name"])], "missing_column", "header.area", "The column area is missing"),
        ([(1, ["name", "area", "Name"])], "repeated_column", "header.name", "There is more than one column name"),
    ],
)
def test_a_header_that_cannot_be_used_is_told_by_its_column(
    rows: list[tuple[int, list[str]]], code: str, path: str, said: str
) -> None:
    with pytest.raises(UnusableList) as unusable:
        read_header(header_cells(iter(rows)), column_of, Column)
    problem = list_problem(unusable.value, no_header=Message("ไม่มี", "none"), most=9, columns=COLUMNS)
    assert [(error.path, error.code, error.message.en) for error in problem.errors] == [(path, code, said)]


@pytest.mark.parametrize("code", [*UNREADABLE, "too_many_rows"])
def test_every_file_that_cannot_be_read_has_its_words(code: str) -> None:
    problem = list_problem(UnreadableFile(code), no_header=Message("", ""), most=9, columns=COLUMNS)
    assert [(error.path, error.code) for error in problem.errors] == [("file", code)]
    assert ("9" in problem.errors[0].message.en) == (code == "too_many_rows")


def test_a_repetition_names_the_row_where_the_same_stands_first() -> None:
    messages = {"repeated": Message("ซ้ำกับแถวที่ {row}", "as row {row}")}
    told = CellError[Column].of(Fault(7, Column.NAME, "repeated", 2), messages, "en")
    assert (told.row, told.column, told.message, told.first_row) == (7, Column.NAME, "as row 2", 2)


def test_what_a_spreadsheet_made_of_a_number_is_undone_where_nothing_is_lost() -> None:
    for text in ("500101.0", "'500101", '="500101"', "๕๐๐๑๐๑", "500101,00", " 500101 "):
        assert mended(text) == "500101"
    assert [is_scientific(text) for text in ("8.12E+08", "-1e5", "99/1", "12E")] == [True, True, False, False]
