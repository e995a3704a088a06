"""Official codes of places, whose zeros a spreadsheet eats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from services.facilities.reading.faults import Noted, Unreadable
from services.facilities.reading.numbers import demand_exact

_DIGITS: Final = re.compile(r"(\d{1,9})(?:\.0+)?", re.ASCII)
_NINE: Final = re.compile(r"[0-9A-Z]{9}")
_QUOTED: Final = re.compile(r'="([^"]*)"')
_SHORT, _LONG = 5, 9


def are_of_five(title: str, sample: Iterable[str]) -> bool:
    """Tell whether the codes of a column have five digits: its title says so, or none of them is of another form."""
    said = {digits for digits in ("5", "9") if re.search(rf"(?<!\d){digits}(?!\d)", title)}
    if said:
        return said == {"5"}
    lengths = {len(found[1]) if (found := _DIGITS.fullmatch(text)) else _LONG for text in sample if text}
    return bool(lengths) and max(lengths) == _SHORT


def read_code(text: str, *, of_five: bool) -> tuple[str, Noted | None]:
    """Return an official code, with a note if zeros were given back to it.

    6 to 8 digits can only be nine whose zeros were eaten. Fewer than five are five in a column of such codes; elsewhere
    they could be either, and are a fault. Raises `Unreadable`.
    """
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1]
    text = re.sub(r"[\s\-]", "", text.removeprefix("'")).upper()
    demand_exact(text)
    if found := _DIGITS.fullmatch(text):
        digits = found[1]
        if len(digits) in (_SHORT, _LONG):
            return digits, None
        if len(digits) > _SHORT:
            return _filled(digits, _LONG)
        if of_five:
            return _filled(digits, _SHORT)
        raise Unreadable("zeros_lost")
    if not _NINE.fullmatch(text):
        raise Unreadable("wrong_form")
    return text, None


def _filled(digits: str, length: int) -> tuple[str, Noted]:
    code = digits.zfill(length)
    return code, Noted("zeros_restored", {"code": code})
