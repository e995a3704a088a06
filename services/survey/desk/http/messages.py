"""What is said of a list of houses that cannot be taken as it is."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from services.survey.desk.domain import MOST_TEXT, Column, Unreadable
from shared.web.problems import Message

COLUMNS: Final[Mapping[StrEnum, Message]] = {
    Column.AREA: Message("รหัสตำบล", "area"),
    Column.VILLAGE: Message("หมู่ที่", "village"),
    Column.HOUSE: Message("บ้านเลขที่", "house"),
    Column.UNIT: Message("ห้อง", "unit"),
}

CELLS: Final[Mapping[str, Message]] = {
    "required": Message("ต้องระบุค่านี้", "This is required"),
    "too_long": Message(f"ยาวเกิน {MOST_TEXT} ตัวอักษร", f"This is longer than {MOST_TEXT} characters"),
    "control_characters": Message("มีอักขระที่ใช้ไม่ได้", "This holds characters that cannot be used"),
    "became_a_date": Message(
        "โปรแกรมตารางเปลี่ยนบ้านเลขที่เป็นวันที่ โปรดตั้งคอลัมน์เป็นข้อความแล้วพิมพ์ใหม่",
        "A spreadsheet turned this number into a date; format the column as text and type it again",
    ),
    "scientific_notation": Message(
        "โปรแกรมตารางเปลี่ยนตัวเลขเป็นแบบ 1E+05 โปรดตั้งคอลัมน์เป็นข้อความแล้วพิมพ์ใหม่",
        "A spreadsheet turned this number into the form 1E+05; format the column as text and type it again",
    ),
    "unknown_area": Message("ไม่มีรหัสพื้นที่นี้", "There is no area with this code"),
    "abolished_area": Message("รหัสพื้นที่นี้ยกเลิกแล้ว", "The area with this code was abolished"),
    "not_a_subdistrict": Message("ต้องเป็นรหัสตำบล 6 หลัก", "This has to be the code of a subdistrict, 6 digits"),
    "other_area": Message("อยู่นอกพื้นที่ของท่าน", "This lies outside your area"),
    "other_village": Message(
        "ต้องเป็นหมู่ที่ 1 ถึง 99 หรือรหัสหมู่บ้าน 8 หลักในตำบลนี้",
        "This has to be the number of a village, 1 to 99, or its code of 8 digits in this subdistrict",
    ),
    "repeated": Message("ซ้ำกับแถวที่ {row}", "The same house stands in row {row}"),
}


def message_of(error: Unreadable) -> Message:
    """What is said of one value; of an abolished area with what took its place."""
    said = CELLS[error.code]
    if not error.successors:
        return said
    now = ", ".join(error.successors)
    return Message(f"{said.th} ปัจจุบันใช้ {now}", f"{said.en}; it is now {now}")


NO_HEADER: Final = Message("ไม่พบหัวตาราง ต้องมี บ้านเลขที่ และรหัสตำบล", "There is no header with house and area")
