"""Official codes of places, whose zeros a spreadsheet eats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from services.facilities.reading.faults import Noted, Unreadable
from services.facilities.reading.numbers import demand_exact

_DIGITS: Final = re.compile(r"(\d{1,9})(?:\.0+)?", re.ASCII)
_NINE: Final = re.compile(r"[0-9A-Z]{9}")
_QUOTED: Final = re.compile(r'="([^"]*)"')
_SHORT, _LONG = 5, 9


class Digits(Enum):
    """What a column of codes holds, as far as its title and its first rows tell."""

    FIVE = 5
    NINE = 9
    UNKNOWN = 0


def digits_of(title: str, sample: Iterable[str]) -> Digits:
    """Tell how many digits the codes of a column have: by its title, or since none has more than five."""
    for digits in (Digits.FIVE, Digits.NINE):
        if re.search(rf"(?<!\d){digits.value}(?!\d)", title):
            return digits
    lengths = {len(found[1]) if (found := _DIGITS.fullmatch(text)) else 0 for text in sample if text}
    if lengths and max(lengths) == _SHORT and 0 not in lengths:
        return Digits.FIVE
    if lengths and max(lengths) == _LONG and _SHORT not in lengths:
        return Digits.NINE
    return Digits.UNKNOWN


def read_code(text: str, column: Digits) -> tuple[str, Noted | None]:
    """Return an official code, with a note if zeros were given back to it.

    6 to 8 digits can only be nine whose zeros were eaten. Fewer than five are five in a column of such codes, and nine
    in a column of those; elsewhere they could be either, and are a fault. Raises `Unreadable`.
    """
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1]
    text = re.sub(r"[\s\-]", "", text.removeprefix("'")).upper()
    demand_exact(text)
    if found := _DIGITS.fullmatch(text):
        digits = found[1]
        if column is Digits.NINE and len(digits) < _LONG:
            return _filled(digits, _LONG)
        if len(digits) in (_SHORT, _LONG):
            return digits, None
        if len(digits) > _SHORT:
            return _filled(digits, _LONG)
        if column is Digits.FIVE:
            return _filled(digits, _SHORT)
        raise Unreadable("zeros_lost")
    if not _NINE.fullmatch(text):
        raise Unreadable("wrong_form")
    return text, None


def _filled(digits: str, length: int) -> tuple[str, Noted]:
    code = digits.zfill(length)
    return code, Noted("zeros_restored", {"code": code})
