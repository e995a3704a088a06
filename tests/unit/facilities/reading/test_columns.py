"""What columns hold: by their titles, by what stands in them, and as a person confirms it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from services.facilities.reading import Columns, Field, Row, UnusableColumns, drafts, guess, read_table
from services.facilities.reading.titles import field_of_title
from shared.tables.writing import csv_rows
from tests.unit.facilities.reading.known_kinds import KINDS

TODAY = date(2022, 3, 7)


def table_of(*rows: Sequence[object]) -> Any:
    return read_table(csv_rows(rows).encode(), "a.csv")


def read(*rows: Sequence[object], defaults: Mapping[Field, str] | None = None, within: str = "") -> list[Row]:
    table = table_of(*rows)
    columns = guess(table, KINDS).columns
    columns = Columns(columns.places, {**columns.defaults, **(defaults or {})})
    return list(drafts(table, columns, kinds=KINDS, today=TODAY, within=within))


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("ชื่อ-สถานที่", Field.NAME),
        ("ชื่อหน่วยบริการ (เต็ม)", Field.NAME),
        ("Facility Name", Field.NAME),
        ("  จังหวัด  ", Field.PROVINCE),
        ("อำเภอ/เขต", Field.DISTRICT),
        ("ละติจูด (Lat)", Field.LATITUDE),
        ("ลองติจูด", Field.LONGITUDE),
        ("จํานวนเตียง", Field.CAPACITY),  # am typed in two pieces
        ("เตียงว่าง ณ ปัจจุบัน", Field.FREE),
        ("เบอร์โทรศัพท์สถานที่", Field.PHONE),
        ("รหัสสถานพยาบาล 9 หลัก", Field.OFFICIAL_CODE),
        ("รับได้ต่อชั่วโมง", Field.LANES_PER_HOUR),
        ("เบอร์โทรผู้ประสานงาน", None),  # a person's
        ("ชื่อผู้รับผิดชอบ", None),
        ("เลขที่", None),
        ("หมายเหตุ", None),
        ("x" * 200, None),
    ],
)
def test_titles_are_known_in_many_spellings(title: str, field: Field | None) -> None:
    assert field_of_title(title)[0] is field


def test_the_surer_of_two_columns_gets_the_field_and_the_other_is_told() -> None:
    guessed = guess(table_of(["โรงพยาบาลแม่ข่ายของ", "ชื่อสถานที่", "ประเภท", "ตำบล", "จังหวัด"], ["x", "ก", "CI", "สุเทพ", ""]))
    first, name = guessed.guessed[:2]
    assert (name.field, name.confidence, name.letters) == (Field.NAME, 1.0, "B")
    assert (first.field, first.rival) == (None, Field.NAME)


def test_a_column_without_a_title_is_told_by_what_stands_in_it() -> None:
    rows = [[f"ก{number}", "CI", "500108", "18.7883", "98.9853", "053-000111"] for number in range(5)]
    guessed = guess(table_of(["ชื่อสถานที่", "ประเภท", "", "พิกัด", "พิกัด", "อื่นๆ"], *rows))
    assert [one.field for one in guessed.guessed] == [
        *(Field.NAME, Field.KIND, Field.AREA, Field.LATITUDE, Field.LONGITUDE, Field.PHONE)
    ]
    assert all(one.confidence < 1 for one in guessed.guessed[2:])


def test_what_is_missing_is_said_until_it_is_given_for_all_rows() -> None:
    table = table_of(["ชื่อสถานที่", "ตำบล"], ["ก", "สุเทพ"])
    guessed = guess(table, KINDS)
    assert guessed.missing == (Field.KIND,)
    with pytest.raises(UnusableColumns) as unusable:
        drafts(table, guessed.columns, kinds=KINDS, today=TODAY)
    assert (unusable.value.code, unusable.value.field) == ("missing_column", Field.KIND)
    columns = Columns(guessed.columns.places, {Field.KIND: "ศูนย์พักคอย"})
    assert [row.draft for row in drafts(table, columns, kinds=KINDS, today=TODAY)] == [
        {"kind": "waiting_centre", "name": "ก", "area": "500108"}
    ]


@pytest.mark.parametrize(
    ("places", "defaults", "code", "field"),
    [
        ({Field.NAME: 9, Field.KIND: 1, Field.AREA: 2}, {}, "no_such_column", Field.NAME),
        ({Field.NAME: 0, Field.KIND: 0, Field.AREA: 2}, {}, "repeated_column", Field.KIND),
        ({Field.KIND: 1, Field.AREA: 2}, {}, "missing_column", Field.NAME),
        ({Field.NAME: 0, Field.KIND: 1}, {}, "missing_column", Field.AREA),
        ({Field.NAME: 0, Field.AREA: 2}, {Field.KIND: "ร้านค้า"}, "bad_default", Field.KIND),
        ({Field.NAME: 0, Field.KIND: 1, Field.AREA: 2}, {Field.ZONE: "50"}, "bad_default", Field.ZONE),
        ({Field.NAME: 0, Field.KIND: 1, Field.AREA: 2}, {Field.DAYS: "วันพระ"}, "bad_default", Field.DAYS),
        ({}, {}, "missing_column", Field.NAME),
    ],
)
def test_columns_that_cannot_be_used_are_refused_at_once(
    places: dict[Field, int], defaults: dict[Field, str], code: str, field: Field
) -> None:
    table = table_of(["ชื่อสถานที่", "ประเภท", "ตำบล"], ["ก", "CI", "สุเทพ"])
    with pytest.raises(UnusableColumns) as unusable:
        drafts(table, Columns(places, defaults), kinds=KINDS, today=TODAY)
    assert (unusable.value.code, unusable.value.field) == (code, field)


def test_other_columns_than_guessed_can_be_confirmed() -> None:
    table = table_of(["ชื่อสถานที่", "ประเภท", "ตำบล", "ฉายา"], ["ทางการ", "CI", "สุเทพ", "เรียกกัน"])
    columns = Columns({Field.NAME: 3, Field.KIND: 1, Field.SUBDISTRICT: 2})
    (row,) = drafts(table, columns, kinds=KINDS, today=TODAY)
    assert row.draft is not None
    assert row.draft["name"] == "เรียกกัน"


def test_only_columns_that_are_there_say_something() -> None:
    (row,) = read(["ชื่อสถานที่", "ประเภท", "ตำบล", "จำนวนเตียง", "สถานะ", "อีเมล"], ["ก", "CI", "สุเทพ", "", "", ""])
    assert row.draft == {
        "kind": "waiting_centre",
        "name": "ก",
        "area": "500108",
        "capacity": None,
        "contact": {"email": None},
    }


def test_hours_of_a_whole_list_get_the_days_that_hold_for_it() -> None:
    (row,) = read(
        ["ชื่อสถานที่", "ประเภท", "ตำบล", "เวลาทำการ"], ["ก", "CI", "สุเทพ", "8.30-16.30 น."], defaults={Field.DAYS: "ทุกวัน"}
    )
    assert row.draft is not None
    assert [(len(span["days"]), span["open"]) for span in row.draft["hours"]] == [(7, "08:30")]
    assert not row.notices


def test_a_place_outside_of_the_area_of_the_list_is_a_fault() -> None:
    rows = read(["ชื่อสถานที่", "ประเภท", "รหัสตำบล"], ["ก", "CI", "500108"], ["ข", "CI", "650801"], within="50")
    assert [[fault.code for fault in row.faults] for row in rows] == [[], ["outside_import_area"]]


def test_rows_that_are_no_places_are_left_out_and_told() -> None:
    rows = read(
        ["ลำดับ", "ชื่อสถานที่", "ประเภท", "ตำบล"],
        ["(1)", "(2)", "(3)", "(4)"],
        ["อำเภอเมือง", "", "", ""],
        [1, "ก", "CI", "สุเทพ"],
        ["ลำดับ", "ชื่อสถานที่", "ประเภท", "ตำบล"],
        [2, "รวมแพทย์คลินิก", "CI", "สุเทพ"],
        ["", "รวม", "", 2],
        ["รวมทั้งสิ้น", "2 แห่ง", "", ""],
        ["หมายเหตุ: ข้อมูลสมมุติ", "", "", ""],
        ["", "มีแต่ชื่อ", "", ""],
    )
    assert [row.draft is not None for row in rows] == [False, False, True, False, True, False, False, False, False]
    assert [row.notices[0].code if row.notices else "" for row in rows] == [
        *("heading_row", "heading_row", "", "heading_row", "", "", "sum_row", "sum_row", "")
    ]
    assert [fault.code for fault in rows[5].faults] == ["required", "no_such_subdistrict"]
    assert [fault.code for fault in rows[8].faults] == ["required", "required"]


def test_a_cell_of_errors_or_without_end_is_a_fault() -> None:
    rows = read(
        ["ชื่อสถานที่", "ประเภท", "ตำบล", "จำนวนเตียง"], ["#N/A", "CI", "สุเทพ", "#VALUE!"], ["ก" * 3_000, "CI", "สุเทพ", 1]
    )
    assert [(fault.cell, fault.code) for row in rows for fault in row.faults] == [
        *(("A2", "spreadsheet_error"), ("D2", "spreadsheet_error"), ("A3", "too_long"))
    ]


def test_a_fault_names_its_cell_its_column_and_the_field() -> None:
    (row,) = read(["ลำดับ", "ชื่อสถานที่", "ประเภท", "ตำบล"], [1, "ก", "ร้านค้า", "สุเทพ"])
    (fault,) = row.faults
    assert (fault.cell, fault.column, fault.path, fault.code) == ("C2", "ประเภท", "kind", "unknown_kind")
    assert "ศูนย์พักคอย" in fault.th
    assert "ศูนย์พักคอย" in fault.en
