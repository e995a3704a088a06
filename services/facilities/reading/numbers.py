"""Whole numbers as they are typed: with Thai digits, commas between thousands, and the word for what is counted."""

from __future__ import annotations

import re
from typing import Final

from services.facilities.reading.faults import Unreadable

_SCIENTIFIC: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+", re.ASCII)
_UNITS: Final = r"(?:เตียง|คน|ราย|โดส|แห่ง|ช่อง|beds?|persons?|people|doses?|lanes?)"
_WHOLE: Final = re.compile(
    rf"([+-]?\d{{1,12}}|[+-]?\d{{1,3}}(?:,\d{{3}}){{1,3}})(?:\.0+)?\s*(?:{_UNITS}(?:\s*(?:/|ต่อ|per)\s*(?:วัน|ชั่วโมง|ชม\.?|day|hour))?)?",
    re.ASCII | re.IGNORECASE,
)


def read_number(text: str) -> int:
    """Return a whole number; below zero and far too large ones are the register's to refuse. Raises `Unreadable`."""
    if _SCIENTIFIC.fullmatch(text):
        raise Unreadable("scientific_notation")
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise Unreadable("not_a_number")
    return int(found[1].replace(",", ""))


def demand_exact(text: str) -> None:
    """Raise `Unreadable` for a code or phone that a spreadsheet has turned into 8.12E+08."""
    if _SCIENTIFIC.fullmatch(text):
        raise Unreadable("scientific_notation")
