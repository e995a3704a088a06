"""Rolls of volunteers: what is read of files and rows, what is mended, and what nobody can open."""

import contextlib
import io
from collections.abc import Sequence
from uuid import uuid4

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration import rolls
from services.registration.domain.people import Organisation
from services.registration.domain.rosters import Column, Entry, read_header, read_row
from shared.contracts.events import OrganisationKind
from shared.tables.lists import Fault, UnusableList
from shared.tables.unreadable import UnreadableFile

AGENCY = Organisation(uuid4(), "อบต.", OrganisationKind.AGENCY, "50", None)
HEADER = read_header(["name", "phone", "national_id", "area"])


def read(*cells: str) -> Entry | list[Fault[Column]] | None:
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
        with pytest.raises(UnusableList) as unusable:
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


@given(st.binary(max_size=300))
def test_no_file_does_more_than_be_refused(file: bytes) -> None:
    for begins in (b"", b"PK\x03\x04", b"name,phone,area\n"):
        try:
            rolls.check(begins + file, AGENCY, most=10)
        except (UnreadableFile, UnusableList):
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
    with contextlib.suppress(UnreadableFile, UnusableList):
        rolls.check(bytes(file), AGENCY, most=10)


_WHOLE = workbook([["name", "phone", "area"], ["ก", 812345678, 500101]])


def test_of_the_same_number_the_first_counts() -> None:
    rows = "".join(f"ก,081234567{number},500101\n" for number in (8, 9, 8, 8))
    checked = rolls.check(f"name,phone,area\n{rows}".encode(), AGENCY, most=4)
    assert [entry.row for entry in checked.entries] == [2, 3]
    assert [(fault.row, fault.code, fault.first_row) for fault in checked.faults] == [
        (4, "repeated", 2),
        (5, "repeated", 2),
    ]
    with pytest.raises(UnusableList, match="too_many_rows"):
        rolls.check(f"name,phone,area\n{rows}".encode(), AGENCY, most=3)
