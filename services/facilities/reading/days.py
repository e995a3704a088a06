"""Days of the week as they are written: names and short forms in Thai and English, spans, and words for several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from services.facilities.reading.faults import Unreadable

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES: Final[Sequence[Sequence[str]]] = (
    ("จันทร์", "จันทร", "จ.", "จ", "monday", "mon"),
    ("อังคาร", "อ.", "อ", "tuesday", "tues", "tue"),
    ("พุธ", "พ.", "พ", "wednesday", "wed"),
    ("พฤหัสบดี", "พฤหัส", "พฤ.", "พฤ", "thursday", "thurs", "thur", "thu"),
    ("ศุกร์", "ศุกร", "ศ.", "ศ", "friday", "fri"),
    ("เสาร์", "เสาร", "ส.", "ส", "saturday", "sat"),
    ("อาทิตย์", "อาทิตย", "อา.", "อา", "sunday", "sun"),
)
THAI_DAYS: Final = tuple(names[0] for names in _NAMES)
_DAY_OF: Final = {name: number for number, names in enumerate(_NAMES) for name in names}
_ONE: Final = "|".join(re.escape(name) for name in sorted(_DAY_OF, key=len, reverse=True))
# A letter behind it makes another word of a short form, unless it begins a word that follows days.
_DAY: Final = rf"(?:ทุก)?(?:วัน)?(?:{_ONE})(?!(?!ถึง|และ|เวลา|วัน|เว้น|ยกเว้น|หยุด|to)[ก-๛a-z])"
_EVERY: Final = rf"ทุกวัน(?!{_DAY})|every ?day|daily|7 วัน|7 days(?: a week)?|ทั้งสัปดาห์"
_WEEKDAYS: Final = r"(?:ใน)?วันทำการ|(?:ใน)?วันราชการ|week ?days|working days|business days|office days"
_WEEKEND: Final = r"week ?ends?|วันหยุดสุดสัปดาห์"

_EXPRESSION: Final = (
    rf"(?:(?P<every>{_EVERY})|(?P<weekdays>{_WEEKDAYS})|(?P<weekend>{_WEEKEND})"
    rf"|(?P<first>{_DAY})(?:\s*(?:-|–|—|ถึง|to|through|จนถึง)\s*(?P<last>{_DAY}))?)"
)
EXPRESSION: Final = re.compile(_EXPRESSION, re.I)
"""One expression of days within a text."""
EXCEPT: Final = re.compile(rf"(?:ยกเว้น|เว้น|หยุด(?:ทุก)?|ปิด(?:ทุก)?|except|closed(?: on)?)\s*{_EXPRESSION}", re.I)
"""Days on which a place is closed, as the end of a text says."""
_JOINED: Final = re.compile(r"\s*(?:,|/|และ|&|and|\s)\s*", re.I)


def days_of(found: re.Match[str]) -> set[int]:
    """Return the numbers, Monday being 0, of the days that a match of `EXPRESSION` means."""
    if found["every"]:
        return set(range(7))
    if found["weekdays"]:
        return set(range(5))
    if found["weekend"]:
        return {5, 6}
    first = _number(found["first"])
    if found["last"] is None:
        return {first}
    last = _number(found["last"])
    return {day % 7 for day in range(first, last + 1 if last >= first else last + 8)}


def read_days(text: str) -> tuple[list[str], bool]:
    """Return the days that a whole text names, in the week's order, and whether it says that these are office days.

    Raises `Unreadable`.
    """
    days: set[int] = set()
    office, place = False, 0
    text = text.removeprefix("เปิด").strip()
    while place < len(text):
        found = EXPRESSION.match(text, place)
        if found is None:
            raise Unreadable("not_days")
        days |= days_of(found)
        office = office or bool(found["weekdays"])
        joined = _JOINED.match(text, found.end())
        place = joined.end() if joined else found.end()
    if not days:
        raise Unreadable("not_days")
    return in_order(days), office


def in_order(days: set[int]) -> list[str]:
    """Return the slugs of days in the week's order."""
    return [DAYS[day] for day in sorted(days)]


def _number(name: str) -> int:
    name = name.lower()
    return _DAY_OF[name] if name in _DAY_OF else _DAY_OF[name.removeprefix("ทุก").removeprefix("วัน")]
