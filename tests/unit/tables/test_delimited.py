"""CSV in the encodings and with the delimiters that offices use."""

import csv
import io
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables import limits
from shared.tables.delimited import rows_of
from shared.tables.unreadable import UnreadableFile

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t|"))
def test_a_table_is_read_as_it_was_written(rows: list[list[str]], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([["name", "phone", "area"], *rows])
    found = [cells for _, cells in rows_of(text.getvalue().encode("utf-8-sig"))]
    assert found[1:] == [row for row in rows if any(row)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp874", "tis-620", "utf-16", "utf-16-le"])
def test_thai_of_every_encoding_is_read(encoding: str) -> None:
    file = "ชื่อ,เบอร์โทร,รหัสตำบล\nสมหญิง ใจดี,0812345678,500101\n".encode(encoding)
    if encoding == "utf-16-le":
        file = b"\xff\xfe" + file
    assert [list(row) for _, row in rows_of(file)][1][0] == "สมหญิง ใจดี"


def test_a_title_with_a_comma_does_not_make_the_delimiter() -> None:
    file = "รายชื่อจุดฉีด, ปี 2565\n\nชื่อ;ตำบล;พิกัด\nก;ข;18,7 98,9\n".encode()
    assert list(rows_of(file))[-1] == (4, ["ก", "ข", "18,7 98,9"])


def test_a_cell_with_line_breaks_is_one_row() -> None:
    assert list(rows_of(b'a,b,c\n"1\n2",x,y\nz,z,z\n')) == [
        (1, ["a", "b", "c"]),
        (2, ["1\n2", "x", "y"]),
        (3, ["z"] * 3),
    ]


@pytest.mark.parametrize(
    ("file", "code"), [(b"\x00\x01\x02\xff,", "encoding"), (b"a\0b,c", "encoding"), (b"\xff\xfea", "encoding")]
)
def test_what_has_no_letters_is_refused(file: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile, match=code):
        list(rows_of(file))


def test_empty_rows_are_left_out_and_more_than_a_sheet_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.tables.delimited.MAX_SHEET_ROWS", 1_000)
    file = b"a,b,c\n" + b",,\n" * 998 + b"d,e,f\n"
    assert [number for number, _ in rows_of(file)] == [1, 1_000]
    with pytest.raises(UnreadableFile, match="too_many_rows"):
        list(rows_of(file + b"\n"))


def test_wide_rows_and_long_cells_are_cut() -> None:
    wide = ",".join("x" * 5 for _ in range(limits.MAX_COLUMNS * 3)) + "\n" + "y" * 3_000 + ",z,z\n"
    first, second = islice(rows_of(wide.encode()), 2)
    assert len(first[1]) == limits.MAX_COLUMNS
    assert len(second[1][0]) == limits.MAX_CELL
