"""The ids of households and of the persons in them, derived from addresses, numbers and names by a keyed hash.

Two volunteers at the same house get the same id without any look-up, and nobody without the key can go from an id
back to a house or a person.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from shared.postgres.uuids import UUID
from shared.security.secret_key import read_secret_key
from shared.security.spelling import canonical

_HOUSE_NUMBER = re.compile(r"^(?:บ้าน)?เลขที่")
_AREA_DIGITS = 6
# RFC 9562: a UUID whose bits have a meaning of our own.
_VERSION_8 = 0x8000 << 64
_VARIANT = 0x8000_0000_0000_0000
_MARKS = _VERSION_8 | _VARIANT
_PERSON_BITS = (1 << 128) - 1 & ~(0xF000 << 64 | 0xC000_0000_0000_0000)
_HASHED_BITS = (1 << 128 - 4 * _AREA_DIGITS) - 1 & _PERSON_BITS


class HouseholdIds:
    """Derives the ids of households and of their persons under one key.

    The key must never change: with another one every house would become a new household.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._hmac = hmac.new(key, digestmod="sha256")  # copied for each id: to begin anew takes half as long again

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
        keyed = self._hmac.copy()
        keyed.update(parts.encode())
        prefix = int(code, 16) << 128 - 4 * _AREA_DIGITS
        return _id(prefix | int.from_bytes(keyed.digest()[:16]) & _HASHED_BITS | _MARKS)

    def of_national_id(self, digits: str) -> UUID:
        """Return the id of the person with a national id of 13 Arabic digits, the same in every household."""
        return self._person(f"number\0{digits}")

    def of_name(self, household_id: UUID, words: Sequence[str]) -> UUID:
        """Return the id of the person in a household whose name has these words, as `spelling.words_of` gives them."""
        return self._person(f"name\0{household_id.int}\0{''.join(words)}")

    def of_place(self, household_id: UUID, place: int) -> UUID:
        """Return the id of a person of whom no more is known than the place among the household's persons, from 0."""
        return self._person(f"place\0{household_id.int}\0{place}")

    def _person(self, parts: str) -> UUID:
        digest = hashlib.blake2b(parts.encode(), digest_size=16, key=self._key, person=b"person").digest()
        return _id(int.from_bytes(digest) & _PERSON_BITS | _MARKS)

    def fingerprint(self, content: bytes) -> bytes:
        """Return 16 bytes that tell equal from different content, and nothing else to anybody without the key."""
        return hashlib.blake2b(content, digest_size=16, key=self._key, person=b"fingerprint").digest()


def _id(number: int) -> UUID:
    return UUID(number.to_bytes(16))  # type: ignore[arg-type]  # unlike the standard library's it takes bytes


def _house_number(text: str) -> str:
    house = canonical(text)
    return house if house.isascii() else _HOUSE_NUMBER.sub("", house)
