"""Titles, names and numbers of a list, as people type them."""

import re
import unicodedata
from typing import Final

from services.reporting.wholes.faults import BadCell
from shared.areas.digits import to_arabic_digits

MOST_PEOPLE: Final = 1_000_000_000
"""More houses or people than any area of Thailand has; a larger number is a slip of the keyboard."""

_BETWEEN: Final = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff\"'()*:_/\\-]+")
_UNSEEN: Final = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]")
_AM_IN_PIECES: Final = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
_SEPARATORS: Final = re.compile(r"(?<=\d)[,\s](?=\d{3})")


def tidy(text: str) -> str:
    """Return a cell as it is read: composed, 0 to 9 for Thai digits, single spaces, nothing that cannot be seen."""
    text = _AM_IN_PIECES.sub("\\1\u0e33", _UNSEEN.sub("", unicodedata.normalize("NFC", text)))
    return " ".join(to_arabic_digits(text).split())


def plain(text: str) -> str:
    """Return a word for comparing: small letters and nothing between them."""
    return _BETWEEN.sub("", tidy(text)).lower()


def whole_number(text: str) -> int:
    """Return the number of a cell: `1,234`, Thai digits, `1234.0`. Raises `BadCell`."""
    found = _SEPARATORS.sub("", tidy(text))
    if found in ("", "-", "–"):
        raise BadCell("required")
    if re.fullmatch(r"-\d+(\.0+)?", found, re.ASCII):
        raise BadCell("too_small")
    if not re.fullmatch(r"\d{1,18}(\.0+)?", found, re.ASCII):
        raise BadCell("not_a_whole_number")
    number = int(found.partition(".")[0])
    if number > MOST_PEOPLE:
        raise BadCell("too_large")
    return number
