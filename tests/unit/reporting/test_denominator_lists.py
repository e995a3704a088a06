"""Lists of houses and people by area, as offices have them, read into values by area code."""

import io
from collections.abc import Mapping, Sequence
from datetime import date

import openpyxl
import pytest

from services.reporting.wholes.columns import Field
from services.reporting.wholes.comparing import Change, Former, SumDifference, compare
from services.reporting.wholes.reading import MOST_FAULTS, MOST_ROWS, Reading, read_list
from shared.tables.unreadable import UnreadableFile


def read(text: str, kind: str = "houses", encoding: str = "utf-8", **chosen: int) -> Reading:
    """What a CSV says."""
    columns = {Field(field): column for field, column in chosen.items()}
    return read_list(text.encode(encoding), kind, columns)  # type: ignore[arg-type]


def workbook(rows: Sequence[Sequence[object]], *merged: str) -> bytes:
    """An Excel file of one sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))  # type: ignore[union-attr]
    for cells in merged:
        book.active.merge_cells(cells)  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def faults(reading: Reading) -> list[tuple[str, str]]:
    """Cell and code of every fault."""
    return [(fault.cell, fault.code) for fault in reading.faults]


CIVIL_REGISTER = """รายงานสถิติจำนวนประชากรและบ้าน ประจำปี พ.ศ. 2564,,,,,
,,,,,
รหัส,ชื่อพื้นที่,ชาย,หญิง,รวม,จำนวนบ้าน
00,ทั่วประเทศ,1,2,3,"12,000,000"
50000000,จังหวัดเชียงใหม่,"800,000","900,000","1,700,000","๘๐๐,๐๐๐"
50010000,อำเภอเมืองเชียงใหม่,10,20,30,120000
500101,ตำบลศรีภูมิ,5,6,11,9000
หมายเหตุ ไม่รวมทะเบียนบ้านกลาง,,,,,
"""


@pytest.mark.parametrize(
    ("kind", "encoding", "values"),
    [
        ("houses", "utf-8-sig", {"": 12_000_000, "50": 800_000, "5001": 120_000, "500101": 9_000}),
        ("population", "cp874", {"": 3, "50": 1_700_000, "5001": 30, "500101": 11}),
        ("residents", "utf-8", {"": 3, "50": 1_700_000, "5001": 30, "500101": 11}),
    ],
)
def test_the_civil_register_has_people_and_houses_in_one_list(
    kind: str, encoding: str, values: Mapping[str, int]
) -> None:
    reading = read(CIVIL_REGISTER, kind, encoding)
    assert reading.values == values
    assert (reading.columns.header_row, reading.rows, reading.ignored, reading.fault_count) == (3, 4, 1, 0)


def test_areas_by_name_with_merged_cells_and_sums() -> None:
    file = workbook(
        [
            ["จังหวัด", "อำเภอ", "ตำบล", "จำนวนครัวเรือน"],
            ["เชียงใหม่", "เมือง", "ต.ศรีภูมิ", 10],
            [None, None, "พระสิงห์", 20],
            [None, None, "รวม", 30],
            ["กทม.", "พระนคร", "แขวงพระบรมมหาราชวัง", 7],
            ["รวมทั้งประเทศ", None, None, 37],
        ],
        "A2:A4",
        "B2:B4",
    )
    reading = read_list(file, "houses", {})
    assert faults(reading) == []
    assert reading.values == {"500101": 10, "500102": 20, "5001": 30, "100101": 7, "": 37}


def test_english_names_and_columns_without_titles() -> None:
    english = read("Province,District,Houses\nChiang Mai,Mueang Chiang Mai,5\nBangkok,Phra Nakhon,6\n")
    assert english.values == {"5001": 5, "1001": 6}
    bare = read("500101,12\n500102,13\n500103,14\n")
    assert (bare.values, bare.columns.header_row) == ({"500101": 12, "500102": 13, "500103": 14}, 0)


def test_every_bad_cell_is_named() -> None:
    reading = read(
        "รหัส,ตำบล,จำนวนบ้าน\n"
        "500101,,x\n"  # no number
        "500101,,-3\n"  # twice, told before its number is
        "990101,,3\n"
        "500201,,3\n"  # abolished
        "50010103,,3\n"  # a village
        "500102,สุเทพ,3\n"  # another's name
        "500103,,1.5\n"
        "500104,,\n"
        "500105,,9999999999\n"
        "abc,,3\n"
        "หมายเหตุ,,\n"
    )
    assert faults(reading) == [
        ("C2", "not_a_whole_number"),
        ("C3", "too_small"),
        ("A4", "unknown_area"),
        ("A5", "abolished_area"),
        ("A6", "village"),
        ("A7", "areas_disagree"),
        ("C8", "not_a_whole_number"),
        ("C9", "required"),
        ("C10", "too_large"),
        ("A11", "not_an_area"),
    ]
    assert (reading.values, reading.ignored, reading.faults[0].column) == ({}, 1, "จำนวนบ้าน")
    assert "502403" in reading.faults[3].said
    twice = read("รหัส,บ้าน\n50,1\n๕๐,2\n")
    assert (faults(twice), twice.values) == ([("A3", "duplicate_area")], {"50": 1})
    named = read("จังหวัด,อำเภอ,บ้าน\nเชียงใหม่,พระนคร,1\n,สันทราย,2\nไม่มี,,3\n")
    assert faults(named) == [("B2", "unknown_name"), ("B3", "unknown_name"), ("A4", "unknown_name")]


def test_columns_that_somebody_names_stand_above_the_guess() -> None:
    text = "รหัส,จำนวนบ้าน,บ้านว่าง\n50,100,7\n"
    assert read(text).values == {"50": 100}
    assert read(text, value=2).values == {"50": 7}
    lost = read("a,b,c\nx,1,2\n")
    assert (lost.missing, lost.values) == ([Field.CODE, Field.VALUE], {})
    assert read("a,b,c\n50,1,2\n", value=2, code=0).values == {"50": 2}


def test_bounds() -> None:
    many = read("รหัส,บ้าน\n" + "990101,3\n" * (MOST_FAULTS + 5))
    assert (len(many.faults), many.fault_count) == (MOST_FAULTS, MOST_FAULTS + 5)
    with pytest.raises(UnreadableFile, match="too_many_rows"):
        read("รหัส,บ้าน\n" + "50,3\n" * MOST_ROWS)
    with pytest.raises(UnreadableFile, match="empty_file"):
        read("  ")


CHILDREN = {"": ("50", "51"), "50": ("5001", "5002"), "51": ("5101",)}


def test_sums_are_compared_with_the_totals_that_are_given() -> None:
    found = compare({"5001": 4, "5002": 6, "50": 11, "5101": 5}, CHILDREN, None)
    assert found.sums == [SumDifference("50", 11, 10)]
    assert found.derived == {"51": 5, "": 16}
    # The total of all is compared with what was summed up, and a gap below it is not judged.
    assert compare({"5001": 4, "5002": 6, "5101": 5, "": 99}, CHILDREN, None).sums == [SumDifference("", 99, 15)]
    assert compare({"5001": 4, "50": 99}, CHILDREN, None).sums == []


def test_large_changes_since_the_table_before() -> None:
    former = Former(date(2021, 1, 1), "x", {"50": 100, "51": 100, "5001": 10, "5002": 0})
    found = compare({"50": 119, "51": 80, "5002": 3}, CHILDREN, former)
    assert found.changes == [Change("5002", 0, 3), Change("51", 100, 80)]
    assert (found.change_count, found.gone) == (2, 1)
