"""What personal data is kept for, on what ground, and for how long: dated data, for the clock, the notice and docs.

A period that changes gets a new line with the day from which it holds; the clock goes by the line of its day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.observability.clock import BANGKOK
from shared.web.problems import Message


class Purpose(StrEnum):
    """What something is kept for."""

    SUPERSEDED = "superseded"
    SURVEY = "survey"
    SIGHTING = "sighting"
    AUDIT = "audit"
    SUBJECT_REQUEST = "subject_request"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Period:
    """From a day on, for how long after what (`counted_from`)."""

    purpose: Purpose
    since: date
    kept: timedelta
    counted_from: Message
    data: Message
    basis: Message


_PUBLIC_TASK: Final = Message(
    "ภารกิจเพื่อประโยชน์สาธารณะด้านสาธารณสุข (พ.ร.บ. คุ้มครองข้อมูลส่วนบุคคล มาตรา 24(4) และ 26(5)(ข))",
    "a task in the public interest, public health (PDPA sections 24(4) and 26(5)(b))",
)
_DUTY: Final = Message(
    "หน้าที่ตามกฎหมายของผู้ควบคุมข้อมูล (มาตรา 24(6), 37 และ 39)",
    "a legal duty of the controller (PDPA sections 24(6), 37 and 39)",
)
_BEGINNING: Final = date(2022, 1, 1)

PERIODS: Final[Sequence[Period]] = (
    Period(
        Purpose.SURVEY,
        _BEGINNING,
        timedelta(days=730),
        Message("วันที่บันทึกการเยี่ยมครั้งล่าสุด", "the recording of the latest visit"),
        Message(
            "ชื่อ เบอร์โทร เลขประจำตัวประชาชน ที่อยู่ วัคซีนและความเสี่ยงของคนในครัวเรือน",
            "names, phones, national ids, address, doses and risks of a household",
        ),
        _PUBLIC_TASK,
    ),
    Period(
        Purpose.SUPERSEDED,
        _BEGINNING,
        timedelta(days=90),
        Message("วันที่บันทึกการเยี่ยมที่ใหม่กว่า", "the recording of a later visit"),
        Message("ข้อมูลการเยี่ยมครั้งก่อน ๆ และบันทึกการติดตาม", "earlier visits of a household and notes of following up"),
        _PUBLIC_TASK,
    ),
    Period(
        Purpose.SIGHTING,
        _BEGINNING,
        timedelta(days=7),
        Message("เวลาที่อาสาสมัครอยู่หน้าบ้านหลังล่าสุด", "the time at the last door"),
        Message("ตำแหน่งล่าสุดของอาสาสมัคร ละเอียดหนึ่งตารางกิโลเมตร", "where a volunteer was last, to a square kilometre"),
        _PUBLIC_TASK,
    ),
    Period(
        Purpose.HELP,  # ended by services/survey/help/keeping.py
        _BEGINNING,
        timedelta(days=30),
        Message("วันที่ปิดคำขอ", "the closing of the request"),
        Message("ชื่อ เบอร์โทร และที่อยู่ในคำขอความช่วยเหลือ", "name, phone and place of a request for help"),
        _PUBLIC_TASK,
    ),
    Period(
        Purpose.SUBJECT_REQUEST,
        _BEGINNING,
        timedelta(days=365),
        Message("วันที่ปิดคำขอ", "the closing of the request"),
        Message("คำขอของเจ้าของข้อมูล และเหตุผลของการพิจารณา", "what a person asked about his data, and the reasons given"),
        _DUTY,
    ),
    Period(
        Purpose.AUDIT,
        _BEGINNING,
        timedelta(days=731),
        Message("เวลาที่อ่าน", "the reading"),
        Message("ใครอ่านข้อมูลของครัวเรือนใด เมื่อใด เพื่ออะไร", "who read which household's data, when and for what"),
        _DUTY,
    ),
)
"""Every period that holds or held, the oldest of each purpose first."""


def period(purpose: Purpose, now: datetime) -> Period:
    """The line that holds at `now`; the first of all before any has begun."""
    today = now.astimezone(BANGKOK).date()
    lines = [one for one in PERIODS if one.purpose is purpose]
    return next((one for one in reversed(lines) if one.since <= today), lines[0])


def ended(purpose: Purpose, now: datetime) -> datetime:
    """What began before this moment is no longer kept at `now`."""
    return now - period(purpose, now).kept
