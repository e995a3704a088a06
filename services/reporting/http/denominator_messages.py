"""What is said of lists of denominators that cannot be read, and of their cells."""

from collections.abc import Mapping
from typing import Final

from services.reporting.wholes.reading import MOST_ROWS
from shared.web.lists import UNREADABLE
from shared.web.problems import FieldError, Message, Problem

_CELLS: Final[Mapping[str, Message]] = {
    "required": Message("ไม่มีตัวเลข", "There is no number"),
    "not_a_whole_number": Message("ต้องเป็นจำนวนเต็ม", "This has to be a whole number"),
    "too_small": Message("ค่าน้อยกว่าศูนย์", "This is below zero"),
    "too_large": Message("ค่ามากเกินไป", "This is too large"),
    "unknown_area": Message("ไม่มีรหัสพื้นที่ {said}", "There is no area with the code {said}"),
    "abolished_area": Message("รหัสพื้นที่ถูกยกเลิก {said}", "This area was abolished: {said}"),
    "not_an_area": Message("{said} ไม่ใช่รหัสพื้นที่", "{said} is no code of an area"),
    "village": Message("{said} เป็นหมู่บ้าน ใช้ได้ถึงระดับตำบล", "{said} is a village; tables go down to subdistricts"),
    "unknown_name": Message("ไม่พบพื้นที่ชื่อ {said} ในพื้นที่นี้", "There is no area called {said} here"),
    "areas_disagree": Message("รหัสกับชื่อไม่ตรงกัน: {said}", "Code and name disagree: {said}"),
    "duplicate_area": Message("พื้นที่ {said} ซ้ำ", "The area {said} stands here twice"),
    "missing_column": Message("ไม่พบคอลัมน์นี้ โปรดเลือกคอลัมน์เอง", "There is no column for this; choose which one holds it"),
}

_FILES: Final[Mapping[str, Message]] = {
    **UNREADABLE,
    "too_many_rows": Message(f"มีมากกว่า {MOST_ROWS:,} แถว", f"These are more than {MOST_ROWS:,} rows"),
    "not_a_table": Message("ไฟล์นี้ไม่เป็นตาราง", "This is not a table"),
}


def fault_message(code: str, said: str) -> Message:
    """What is wrong with a cell."""
    message = _CELLS[code]
    return Message(message.th.format(said=said), message.en.format(said=said))


def file_problem(code: str) -> Problem:
    """What is wrong with a file as a whole."""
    known = code if code in _FILES else "not_a_table"
    return Problem(400, "invalid", errors=[FieldError("file", known, _FILES[known])])
