"""What rows of a list of houses say, and in which order houses stand."""

import pytest

from services.survey.desk.domain import (
    Column,
    House,
    Unreadable,
    lies_between,
    order_of,
    read_header,
    read_number,
    read_row,
    read_village,
)
from shared.tables.lists import Fault, UnusableList

HEADER = read_header(["รหัสตำบล", "หมู่ที่", "บ้านเลขที่", "ห้อง", "เจ้าบ้าน"], area_given=False)


def row(*cells: str, within: str = "5001", given: str | None = None) -> House | list[Fault[Column]]:
    return read_row(7, cells, HEADER, within=within, given=given)


def test_columns_are_found_in_thai_and_english_in_any_order() -> None:
    assert HEADER.ignored == ["เจ้าบ้าน"]
    english = read_header(["Unit", "HOUSE", " area ", "Village"], area_given=False)
    assert english.places == {Column.UNIT: 0, Column.HOUSE: 1, Column.AREA: 2, Column.VILLAGE: 3}
    assert read_header(["house"], area_given=True).places == {Column.HOUSE: 0}
    for cells, code in ((["x"], "no_header"), (["house"], "missing_column"), (["house", "เลขที่"], "repeated_column")):
        with pytest.raises(UnusableList) as error:
            read_header(cells, area_given=False)
        assert error.value.code == code


def test_a_row_is_a_house_however_a_spreadsheet_spelled_it() -> None:
    assert row("๕๐๐๑๐๑", "หมู่ที่ ๓", "๙๙/๑", "") == House("500101", "50010103", "99/1", None)
    assert row("500101.0", "3.0", "12.0", "4.0") == House("500101", "50010103", "12", "4")
    assert row('="500101"', "50010103", "'12/1") == House("500101", "50010103", "12/1", None)
    assert row("", "-", "7", given="500101") == House("500101", None, "7", None)


def test_all_that_is_wrong_with_a_row_is_told() -> None:
    faults = row("", "x", "", "1E+05")
    assert isinstance(faults, list)
    assert [(one.column, one.code) for one in faults] == [
        (Column.AREA, "required"),
        (Column.HOUSE, "required"),
        (Column.UNIT, "scientific_notation"),
    ]
    elsewhere = row("500102", "3", "1", within="500101")
    assert elsewhere == [Fault(7, Column.AREA, "other_area")]


@pytest.mark.parametrize("text", ["2022-12-05", "5-Dec", "Dec-05", "5-ธ.ค.", "05-ม.ค.-22"])
def test_a_house_number_that_became_a_date_is_no_number(text: str) -> None:
    with pytest.raises(Unreadable, match="became_a_date"):
        read_number(text)


@pytest.mark.parametrize("text", ["5/12", "5-12", "12-A", "ก-5", "99/1-2", "บ้านพักครู 3"])
def test_what_only_looks_like_a_date_is_a_number(text: str) -> None:
    assert read_number(text) == text


@pytest.mark.parametrize("text", ["100", "x", "50010203", "5001010", "๓ก"])
def test_a_village_is_a_number_up_to_99_or_a_code_of_the_subdistrict(text: str) -> None:
    with pytest.raises(Unreadable, match="other_village"):
        read_village(text, "500101")


def test_houses_stand_in_the_order_of_their_numbers() -> None:
    inorder = ["1", "9", "9/1", "9/2", "9/10", "10", "26", "26/3", "99/1", "100", "ก5"]
    mixed = inorder[::2] + inorder[1::2]
    assert sorted(mixed, key=order_of) == ["ก5", *inorder[:-1]]
    chosen = [house for house in inorder if lies_between(house, "9/1", "26")]
    assert chosen == ["9/1", "9/2", "9/10", "10", "26", "26/3"]
    assert lies_between("9²", "1", "20")  # no digit, although str.isdigit takes it for one
