"""Times of the day, alone in a cell or within a text on opening hours."""

from __future__ import annotations

import re
from typing import Final

from services.facilities.reading.faults import Unreadable

TIME: Final = (
    r"\d{1,2}\s?[:.]\s?\d{2}(?::\d{2})?(?!\d)(?:\s?[ap]\.?m\b\.?)?|\d{1,2}\s?[ap]\.?m\b\.?"
    r"|(?<!\d)\d{4}(?=\s?น)|(?<!\d)\d{1,2}(?=\s?(?:น\b|น\.|โมง))"
)
"""A time within a text: 8.30, 08:30, 8:30 am, 0830 น., 8 น."""

_ALONE: Final = re.compile(
    r"(\d{1,2})(?:\s?[:.]\s?(\d{1,2}))?(?::\d{2})?\s?(?:([ap])\.?m\.?)?\s?(?:น\.?|นาฬิกา|โมง(?:เช้า)?)?", re.ASCII | re.I
)
_FOUR_DIGITS: Final = re.compile(r"(\d{2})(\d{2})\s?(?:น\.?)?", re.ASCII)
_OF_A_DAY: Final = re.compile(r"0\.\d{3,}", re.ASCII)
_MINUTES_OF_A_DAY: Final = 24 * 60


def read_time(text: str) -> str:
    """Return a time as HH:MM, up to 24:00. Raises `Unreadable`.

    8.3 is what a spreadsheet leaves of 8.30, and 0.354166667 its own number for it; 8.5 could be two times and is none.
    """
    if _OF_A_DAY.fullmatch(text):
        hour, minute = divmod(round(float(text) * _MINUTES_OF_A_DAY), 60)
        return f"{hour:02}:{minute:02}"
    if four := _FOUR_DIGITS.fullmatch(text):
        return _checked(int(four[1]), int(four[2]))
    found = _ALONE.fullmatch(text)
    if found is None:
        raise Unreadable("not_a_time")
    hour, minutes = int(found[1]), found[2] or "00"
    if len(minutes) == 1:
        if minutes not in "03":
            raise Unreadable("not_a_time")
        minutes += "0"
    if found[3]:
        if not 1 <= hour <= 12:
            raise Unreadable("not_a_time")
        hour = hour % 12 + (12 if found[3].lower() == "p" else 0)
    return _checked(hour, int(minutes))


def _checked(hour: int, minute: int) -> str:
    if minute > 59 or hour > 24 or (hour == 24 and minute):
        raise Unreadable("not_a_time")
    return f"{hour:02}:{minute:02}"
