"""What is said when a rule of problems, training or directives forbids a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.web.problems import Message

REFUSED_CARE: Final[Mapping[str, tuple[int, Message]]] = {
    "not_your_level": (
        403,
        Message(
            "ผู้ประสานงานระดับนี้ไม่ได้เป็นผู้ดำเนินการเรื่องนี้แล้ว", "This is not worked on at your level, or not yours to change"
        ),
    ),
    "wrong_state": (409, Message("สถานะปัจจุบันของเรื่องนี้ทำรายการนี้ไม่ได้", "This cannot be done in its present state")),
    "highest_level": (409, Message("เรื่องนี้อยู่ที่ส่วนกลางแล้ว", "This is at the centre already")),
    "merged": (
        409,
        Message("เรื่องนี้รวมกับเรื่องอื่นแล้ว โปรดดำเนินการที่เรื่องนั้น", "This was merged into another; work on that one"),
    ),
    "same_problem": (409, Message("รวมเรื่องเข้ากับตัวเองไม่ได้", "Nothing is merged into itself")),
    "too_late": (409, Message("เลยกำหนดเวลาแล้ว", "The time for this is over")),
    "too_many_files": (409, Message("แนบไฟล์ครบจำนวนแล้ว", "No more files can be attached")),
}
"""Status and message by the code of the refusal."""
