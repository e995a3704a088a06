"""Bringing words that people typed to one spelling, so that they can be compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from shared.areas.digits import to_arabic_digits

# White space, what cannot be seen, and the marks that people put between words or leave out.
_BETWEEN: Final = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff\"'’‘“”().,:;/\\|_\-\u2010-\u2015*#&+\[\]{}]+")
_UNSEEN: Final = re.compile(r"[\u00ad\u200b-\u200f\u2060\ufeff]+")
_AM_IN_PIECES: Final = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
_AE_IN_PIECES: Final = "\u0e40\u0e40"
_ODD: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff\u0e4d\u0e50-\u0e59]|\u0e40\u0e40")


def plain(text: str) -> str:
    """Return a word for comparing: composed, small letters, 0 to 9, and nothing between the letters.

    Vowels that were typed in pieces (ํ and า for ำ, two เ for แ) look the same on the screen and are the same here.
    """
    return _BETWEEN.sub("", tidy(text)).lower()


def tidy(text: str) -> str:
    """Return a cell as it is read: composed, 0 to 9 for Thai digits, single spaces, nothing that cannot be seen."""
    if text.isascii():
        return " ".join(text.split())
    text = unicodedata.normalize("NFC", text)
    if _ODD.search(text):  # few cells are: three in four of a list's time were spent here
        text = _AM_IN_PIECES.sub("\\1\u0e33", _UNSEEN.sub("", text)).replace(_AE_IN_PIECES, "\u0e41")
        text = to_arabic_digits(text)
    return " ".join(text.split())
