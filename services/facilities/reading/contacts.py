"""Telephone numbers of places, whose zero a spreadsheet eats, several in one cell."""

from __future__ import annotations

import re
from typing import Final

from services.facilities.reading.faults import Noted, Unreadable
from services.facilities.reading.numbers import demand_exact

_BETWEEN: Final = re.compile(r"\s*(?:[,;/|]|หรือ|และ|\bor\b)\s*|\s{2,}")
_LABEL: Final = re.compile(r"^(?:โทรศัพท์|โทร|มือถือ|เบอร์|tel|phone|t|หมายเลข)\s*[.:]*\s*", re.I)
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()\-.]{1,24}[0-9](?: ?(?:ต่อ|ext\.?|#) ?[0-9]{1,6}(?:-[0-9]{1,6})?)?", re.I)
_QUOTED: Final = re.compile(r'="([^"]*)"')
_WHOLE: Final = re.compile(r"^(\d{8,10})\.0+$", re.ASCII)
_WITHOUT_ZERO: Final = re.compile(r"[2-7]\d{7}|[689]\d{8}", re.ASCII)
"""Eight digits of a house's line, nine of a mobile: in front of both belongs a zero."""


def read_phone(text: str) -> tuple[str, list[Noted]]:
    """Return the first number of a cell, and notes on what was mended or left out. Raises `Unreadable`."""
    if quoted := _QUOTED.fullmatch(text):
        text = quoted[1]
    demand_exact(text)
    text = _WHOLE.sub(r"\1", text)
    first, *rest = [part for part in _BETWEEN.split(_LABEL.sub("", text.removeprefix("'"))) if part] or [""]
    phone = first.strip().replace(".", "-")
    if not _PHONE.fullmatch(phone):
        raise Unreadable("not_a_phone")
    notes = []
    if _WITHOUT_ZERO.fullmatch(phone):
        phone = f"0{phone}"
        notes.append(Noted("phone_zero_restored", {"phone": phone}))
    if rest:
        notes.append(Noted("further_phones", {"phone": phone, "rest": ", ".join(rest)[:80]}))
    return phone, notes
