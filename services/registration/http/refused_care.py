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
    "training_required": (
        409,
        Message(
            "บุคคลนี้ยังไม่ผ่านการอบรมที่กำหนด ลงชื่ออบรมด้วยหมายเลขโทรศัพท์ได้",
            "This person has not taken the required training yet; one signs up for it by phone",
        ),
    ),
    "course_retired": (409, Message("หลักสูตรนี้เลิกใช้แล้ว", "This course is taught no more")),
    "session_cancelled": (409, Message("การอบรมครั้งนี้ยกเลิกแล้ว", "This session was cancelled")),
    "sign_up_closed": (409, Message("ปิดรับลงชื่อแล้ว", "Sign-up for this session is closed")),
    "not_by_phone": (
        403,
        Message("การอบรมนี้ต้องเข้าสู่ระบบก่อนลงชื่อ", "Sign in to sign up for this training"),
    ),
    "not_now": (
        409,
        Message("รหัสนี้ใช้ได้เฉพาะช่วงการอบรม", "The code is good only around the session"),
    ),
    "not_signed_up": (409, Message("ยังไม่ได้ลงชื่ออบรมครั้งนี้", "You have not signed up for this session")),
    "reference_taken": (
        409,
        Message("เลขที่หนังสือนี้ใช้ไปแล้ว", "You have sent a directive with this reference number already"),
    ),
    "directive_withdrawn": (409, Message("หนังสือนี้ยกเลิกแล้ว", "This directive was withdrawn")),
    "directive_replaced": (409, Message("มีหนังสือฉบับใหม่แทนแล้ว", "This directive was replaced by another")),
    "not_the_issuer": (
        403,
        Message("แทนได้เฉพาะหนังสือของหน่วยเดียวกัน", "A directive is replaced by one of the same issuer"),
    ),
    "too_many_files": (409, Message("แนบไฟล์ครบจำนวนแล้ว", "No more files can be attached")),
}
"""Status and message by the code of the refusal."""
