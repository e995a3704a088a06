"""Rolls of volunteers: what is read of files and rows, what is mended, and what nobody can open."""

import contextlib
import csv
import io
import zipfile
from collections.abc import Sequence
from uuid import uuid4

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration import rolls
from services.registration.domain.people import Organisation
from services.registration.domain.rosters import Column, Entry, Fault, UnusableRoll, read_header, read_row
from shared.contracts.events import OrganisationKind
from shared.tables import limits
from shared.tables.cells import guarded
from shared.tables.reading import rows_of
from shared.tables.unreadable import UnreadableFile

AGENCY = Organisation(uuid4(), "อบต.", OrganisationKind.AGENCY, "50", None)
HEADER = read_header(["name", "phone", "national_id", "area"])


def read(*cells: str) -> Entry | list[Fault] | None:
    return read_row(2, cells, HEADER, "50")


@pytest.mark.parametrize(
    "cells",
    [
        ("ชื่อ", "เบอร์โทร", "เลขประจำตัวประชาชน", "รหัสตำบล"),
        (" ชื่อ - สกุล ", "โทรศัพท์", "เลขบัตรประชาชน", "รหัสพื้นที่"),
        ("\ufeffName", "PHONE", "National_ID", "Area"),
    ],
)
def test_headers_are_known_in_thai_and_english(cells: Sequence[str]) -> None:
    assert read_header(cells).places == {
        Column.NAME: 0,
        Column.PHONE: 1,
        Column.NATIONAL_ID: 2,
        Column.AREA: 3,
    }


def test_a_header_lacks_nothing_and_says_nothing_twice() -> None:
    assert read_header(["ลำดับ", "area", "", "phone", "name"]).ignored == ["ลำดับ"]
    for cells, code, column in (
        (["a", "b"], "no_header", None),
        ([], "no_header", None),
        (["name", "area"], "missing_column", Column.PHONE),
        (["name", "ชื่อ", "phone", "area"], "repeated_column", Column.NAME),
    ):
        with pytest.raises(UnusableRoll) as unusable:
            read_header(cells)
        assert (unusable.value.code, unusable.value.column) == (code, column)


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("812345678", "0812345678"),
        ("812345678.0", "0812345678"),
        ("0812345678", "0812345678"),
        ("๐๘๑๒๓๔๕๖๗๘", "0812345678"),
        ("'0812345678", "0812345678"),
        ('="0812345678"', "0812345678"),
        ("66812345678", "0812345678"),
        ("081-234-5678", "0812345678"),
    ],
)
def test_what_a_spreadsheet_took_from_a_phone_is_given_back(phone: str, expected: str) -> None:
    entry = read("ก", phone, "", "500101")
    assert isinstance(entry, Entry)
    assert entry.phone == expected


@pytest.mark.parametrize(
    ("cells", "faults"),
    [
        (("ก", "8.12E+08", "", "500101"), [(Column.PHONE, "scientific_notation")]),
        (
            ("ก", "8,12E+08", "1.1E+12", "500101"),
            [(Column.PHONE, "scientific_notation"), (Column.NATIONAL_ID, "scientific_notation")],
        ),
        (("ก", "21234567", "", "500101"), [(Column.PHONE, "mobile_malformed")]),
        (("ก", "+1 202 555 0100", "", "500101"), [(Column.PHONE, "mobile_foreign")]),
        (("", "", "", "500101"), [(Column.NAME, "required"), (Column.PHONE, "required")]),
        (("ก", "0812345678", "", ""), [(Column.AREA, "required")]),
        (("ก", "0812345678", "", "510101"), [(Column.AREA, "outside_organisation")]),
        (("ก", "0812345678", "", "ต.สุเทพ"), [(Column.AREA, "unknown_area")]),
        (("@ก", "0812345678", "", "500101"), [(Column.NAME, "formula")]),
        (("ก",), [(Column.PHONE, "required"), (Column.AREA, "required")]),
    ],
)
def test_all_that_is_wrong_with_a_row_is_said(cells: Sequence[str], faults: list[tuple[Column, str]]) -> None:
    read_faults = read(*cells)
    assert isinstance(read_faults, list)
    assert [(fault.column, fault.code) for fault in read_faults] == faults


def test_an_empty_row_is_none() -> None:
    assert read("", " ", "", "") is None
    assert read() is None


@given(st.text(max_size=20))
def test_no_exported_cell_is_a_formula(text: str) -> None:
    cell = guarded(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell in (text, f"'{text}")
    assert guarded("ก") == "ก"


csv_cells = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.lists(csv_cells, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;\t"))
def test_a_table_is_read_as_it_was_written(rows: list[list[str]], delimiter: str) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([["name", "phone", "area"], *rows])
    found = [cells for _, cells in rows_of(text.getvalue().encode("utf-8-sig"))]
    assert found[1:] == [row for row in rows if any(row)]


def test_thai_of_windows_and_of_the_standard_are_read() -> None:
    text = "ชื่อ,เบอร์โทร,รหัสตำบล\nสมหญิง ใจดี,0812345678,500101\n"
    for encoding in ("utf-8", "utf-8-sig", "cp874", "tis-620", "utf-16"):
        assert [list(cells) for _, cells in rows_of(text.encode(encoding))][1][0] == "สมหญิง ใจดี", encoding


@given(st.binary(max_size=300))
def test_no_file_does_more_than_be_refused(file: bytes) -> None:
    for begins in (b"", b"PK\x03\x04", b"name,phone,area\n"):
        try:
            rolls.check(begins + file, AGENCY, most=10)
        except (UnreadableFile, UnusableRoll):
            continue


def workbook(rows: Sequence[Sequence[object]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


@given(st.data())
def test_a_damaged_workbook_is_refused_or_read(data: st.DataObject) -> None:
    file = bytearray(_WHOLE)
    for _ in range(data.draw(st.integers(1, 5))):
        file[data.draw(st.integers(4, len(file) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(UnreadableFile, UnusableRoll):
        rolls.check(bytes(file), AGENCY, most=10)


_WHOLE = workbook([["name", "phone", "area"], ["ก", 812345678, 500101]])


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
        list(rows_of(bomb.getvalue()))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(limits.MAX_MEMBERS + 1):
            archive.writestr(f"{number}", b"")
    with pytest.raises(UnreadableFile, match="workbook_too_large"):
        list(rows_of(many.getvalue()))


def _rewritten(part: str, change: tuple[bytes, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_WHOLE)) as whole, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as forged:
        for name in whole.namelist():
            content = whole.read(name)
            if name == part:
                assert change[0] in content
                content = content.replace(*change)
            forged.writestr(name, content)
    return file.getvalue()


def test_a_row_that_says_it_is_far_away_is_not_walked_to() -> None:
    sheet = "xl/worksheets/sheet1.xml"
    far = _rewritten(sheet, (b'<row r="2"', b'<row r="2000000000"'))
    with pytest.raises(UnreadableFile, match="not_a_workbook"):
        rolls.check(far, AGENCY, most=10)


def test_what_a_workbook_says_of_its_own_size_does_not_matter() -> None:
    sheet = "xl/worksheets/sheet1.xml"
    lying = _rewritten(sheet, (b'<dimension ref="A1:C2"', b'<dimension ref="A1:A1"'))
    assert len(rolls.check(lying, AGENCY, most=10).entries) == 1


def test_of_the_same_number_the_first_counts() -> None:
    rows = "".join(f"ก,081234567{number},500101\n" for number in (8, 9, 8, 8))
    checked = rolls.check(f"name,phone,area\n{rows}".encode(), AGENCY, most=4)
    assert [entry.row for entry in checked.entries] == [2, 3]
    assert [(fault.row, fault.code, fault.first_row) for fault in checked.faults] == [
        (4, "repeated", 2),
        (5, "repeated", 2),
    ]
    with pytest.raises(UnusableRoll, match="too_many_rows"):
        rolls.check(f"name,phone,area\n{rows}".encode(), AGENCY, most=3)
