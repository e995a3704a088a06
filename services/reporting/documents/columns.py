"""The columns of the table: which figures, in which groups, and what they are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.reporting.documents.numerals import Language
from services.reporting.months.answers import FIGURES, RowLevel
from shared.web.problems import Message


@dataclass(frozen=True, slots=True)
class Column:
    """One figure; `place` is where it stands among `FIGURES`."""

    figure: str
    place: int
    title: Message


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that stand under one head."""

    title: Message
    columns: tuple[Column, ...]


def _column(figure: str, thai: str, english: str) -> Column:
    return Column(figure, FIGURES.index(figure), Message(thai, english))


GROUPS: Final = (
    Group(
        Message("อาสาสมัคร (คน)", "Volunteers"),
        (
            _column("volunteers_registered", "ลงทะเบียนใหม่", "Registered"),
            _column("volunteers_active", "ปฏิบัติงาน", "Active"),
        ),
    ),
    Group(
        Message("ครัวเรือนที่สำรวจ", "Households surveyed"),
        (
            _column("households_new", "สำรวจใหม่", "New"),
            _column("households_revisited", "เยี่ยมซ้ำ", "Revisited"),
        ),
    ),
    Group(
        Message("ประชาชนที่สำรวจพบ (คน)", "Persons found"),
        (
            _column("persons", "ทั้งหมด", "All"),
            _column("unvaccinated", "ยังไม่ได้รับวัคซีน", "Unvaccinated"),
            _column("wanting", "ต้องการวัคซีน", "Wanting vaccine"),
        ),
    ),
    Group(
        Message("การติดตาม", "Follow-up"),
        (
            _column("followed_up", "ติดตามแล้ว (คน)", "Followed up"),
            _column("vaccinated", "ฉีดหลังติดตาม (เข็ม)", "Doses given since"),
        ),
    ),
    Group(
        Message("สถานที่ (แห่ง)", "Places"),
        (
            _column("places_entered", "บันทึกใหม่", "Entered"),
            _column("places_confirmed", "ยืนยันข้อมูล", "Confirmed"),
        ),
    ),
    Group(
        Message("คำขอ", "Help"),
        (_column("help_closed", "ช่วยเหลือแล้ว", "Closed"),),
    ),
)
"""All figures, in their order."""

_NOT_OF_VOLUNTEERS: Final = frozenset({"volunteers_registered", "volunteers_active", "help_closed"})
"""What no single account has: counts of accounts, and what nobody is named for."""

_KEYS: Final[Mapping[RowLevel, Message]] = {
    "country": Message("ประเทศ", "Country"),
    "province": Message("จังหวัด", "Province"),
    "district": Message("อำเภอ/เขต", "District"),
    "subdistrict": Message("ตำบล/แขวง", "Subdistrict"),
    "organisation": Message("หน่วยงาน", "Organisation"),
    "volunteer": Message("อาสาสมัคร", "Volunteer"),
}

RANK: Final = Message("ลำดับ", "Rank")
CODE: Final = Message("รหัส", "Code")
NOBODY: Final = Message("ไม่สังกัดหน่วยงาน", "Through no organisation")
"""The row of what was done through no organisation."""


def groups_of(level: RowLevel) -> tuple[Group, ...]:
    """The groups of columns that rows of `level` have."""
    if level != "volunteer":
        return GROUPS
    kept = (
        Group(group.title, tuple(column for column in group.columns if column.figure not in _NOT_OF_VOLUNTEERS))
        for group in GROUPS
    )
    return tuple(group for group in kept if group.columns)


def columns_of(level: RowLevel) -> tuple[Column, ...]:
    """The columns of rows of `level`."""
    return tuple(column for group in groups_of(level) for column in group.columns)


def name_of_level(level: RowLevel, language: Language) -> str:
    """What stands above the names of rows of `level`."""
    return _KEYS[level].in_language(language)


def full_title(group: Group, column: Column, language: Language) -> str:
    """A column's title where its group's is not above it."""
    return f"{group.title.in_language(language)}: {column.title.in_language(language)}"
