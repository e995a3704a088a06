"""The id of a household, derived from its address by a keyed hash.

Two volunteers at the same house get the same id without any look-up, and nobody without the key can go from an id
back to a house.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from pathlib import Path
from uuid import UUID

from shared.areas.digits import to_arabic_digits
from shared.security.secret_key import read_secret_key

# White space and what cannot be seen: Thai keyboards and word breakers leave zero-width spaces behind.
_UNSEEN = re.compile(r"[\s\u00ad\u200b-\u200f\u2060\ufeff]+")
_SLASHES = re.compile(r"[/\\\u2044\u2215\uff0f]+")
_DASHES = re.compile(r"[\-\u2010-\u2015\u2212\uff0d]+")
_PLAIN = re.compile(r"[0-9a-z]*(?:[/-][0-9a-z]+)*")  # possessive by form: no character can be matched in two ways
_HOUSE_NUMBER = re.compile(r"^(?:บ้าน)?เลขที่")
# Vowels typed in pieces that look the same on the screen: nikhahit, a tone mark perhaps, and aa for am; two e for ae.
_AM_IN_PIECES = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
_AE_IN_PIECES = "\u0e40\u0e40"
_AREA_DIGITS = 6
# RFC 9562: a UUID whose bits have a meaning of our own.
_VERSION_8 = 0x8000 << 64
_VARIANT = 0x8000_0000_0000_0000
_HASHED_BITS = (1 << 128 - 4 * _AREA_DIGITS) - 1 & ~(0xF000 << 64 | 0xC000_0000_0000_0000)


class HouseholdIds:
    """Derives household ids under one key.

    The key must never change: with another one every house would become a new household.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_file(cls, path: Path) -> HouseholdIds:
        """Read the key (base64 of 32 bytes). Raises `ValueError` naming the file otherwise."""
        return cls(read_secret_key(path))

    def of_address(self, area: str, village: str | None, house: str, unit: str | None) -> UUID:
        """Return the id of the household at an address, however its parts are spelled.

        Its first six hexadecimal digits are the subdistrict's code, which every event names anyway, and 98 other bits
        are the hash: households of one subdistrict lie next to each other in every index, and the fifty that a phone
        sends touch a few pages instead of fifty. Raises `ValueError` for anything but a subdistrict.
        """
        code = canonical(area)
        if len(code) != _AREA_DIGITS:
            raise ValueError("a household lies in a subdistrict, whose code has six digits")
        parts = f"household\0{code}\0{canonical(village or '')}\0{_house_number(house)}\0{canonical(unit or '')}"
        digest = hmac.digest(self._key, parts.encode(), "sha256")[:16]
        prefix = int(code, 16) << 128 - 4 * _AREA_DIGITS
        return UUID(int=prefix | int.from_bytes(digest) & _HASHED_BITS | _VERSION_8 | _VARIANT)

    def fingerprint(self, content: bytes) -> bytes:
        """Return 16 bytes that tell equal from different content, and nothing else to anybody without the key."""
        return hashlib.blake2b(content, digest_size=16, key=self._key, person=b"fingerprint").digest()


def _house_number(text: str) -> str:
    house = canonical(text)
    return house if house.isascii() else _HOUSE_NUMBER.sub("", house)


def canonical(text: str) -> str:
    """Bring a part of an address to the one spelling that its id is made from.

    NFC, Arabic digits, lower case, no white space or invisible characters, one kind of slash and of dash. Dashes and
    slashes stay apart: 9/1 is a house, 9-1 may be a range.
    """
    if not text:
        return text
    if text.isascii() and text.isalnum():  # codes and most house numbers are so, and need only the lower case
        return text.lower()
    if _PLAIN.fullmatch(text):
        return text  # most house numbers: nothing to bring into order
    text = to_arabic_digits(unicodedata.normalize("NFC", text)).lower().replace("\0", "")
    text = _UNSEEN.sub("", text)
    text = _AM_IN_PIECES.sub("\\1\u0e33", text).replace(_AE_IN_PIECES, "\u0e41")
    return _DASHES.sub("-", _SLASHES.sub("/", text))
