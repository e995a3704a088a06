"""The one spelling of what people type in many ways, from which keyed hashes are made."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from shared.areas.digits import to_arabic_digits

TITLES: Final = (
    "นางสาว",
    "นาง",
    "นาย",
    "น.ส.",
    "เด็กชาย",
    "เด็กหญิง",
    "ด.ช.",
    "ด.ญ.",
    "ดร.",
    "mrs.",
    "miss",
    "mr.",
    "ms.",
)
"""Before a name, in Thai written together with it: นางสาวสมหญิง is สมหญิง too. Longer ones first, where one begins with
another."""

# White space and what cannot be seen: Thai keyboards and word breakers leave zero-width spaces behind.
_UNSEEN = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]+")
_SLASHES = re.compile(r"[/\\\u2044\u2215\uff0f]+")
_DASHES = re.compile(r"[\-\u2010-\u2015\u2212\uff0d]+")
_PLAIN = re.compile(r"[0-9a-z]*(?:[/-][0-9a-z]+)*")  # possessive by form: no character can be matched in two ways
# Vowels typed in pieces that look the same on the screen: nikhahit, a tone mark perhaps, and aa for am; two e for ae.
_AM_IN_PIECES = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
_AE_IN_PIECES = "\u0e40\u0e40"
_BETWEEN: Final = "\ue000"  # for private use: no text has it, and `canonical` lets it stand
_THAI = re.compile("[\u0e01-\u0e3a\u0e40-\u0e4c\ue000]*")  # without digits, the baht sign and nikhahit


def canonical(text: str) -> str:
    """Bring a text to the one spelling that its hash is made from.

    NFC, Arabic digits, lower case, no white space or invisible characters, one kind of slash and of dash. Dashes and
    slashes stay apart: 9/1 is a house, 9-1 may be a range.
    """
    if not text:
        return text
    if text.isascii() and text.isalnum():  # codes and most house numbers are so, and need only the lower case
        return text.lower()
    if _PLAIN.fullmatch(text):
        return text  # most house numbers: nothing to bring into order
    text = unicodedata.normalize("NFC", text)
    if _THAI.fullmatch(text):  # nearly all names
        return text.replace(_AE_IN_PIECES, "\u0e41")
    text = to_arabic_digits(text).lower().replace("\0", "")
    text = _UNSEEN.sub("", text)
    text = _AM_IN_PIECES.sub("\\1\u0e33", text).replace(_AE_IN_PIECES, "\u0e41")
    return _DASHES.sub("-", _SLASHES.sub("/", text))


def words_of(name: str) -> list[str]:
    """Return the words of a person's name, each in its canonical spelling, without the title before the first one."""
    words = canonical(_BETWEEN.join(name.split())).split(_BETWEEN)  # once for all: it costs more than the rest
    if words[0].startswith(TITLES):
        words[0] = words[0].removeprefix(next(title for title in TITLES if words[0].startswith(title)))
    return [word for word in words if word]
