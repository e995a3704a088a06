"""Finding a person by phone number or national id without storing either: a keyed hash that only we can compute.

Plain hashes would not do: all 10^8 mobile numbers can be tried in seconds.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from shared.security.identifiers import mobile_number, national_id
from shared.security.secret_key import read_secret_key


class BlindIndex:
    """Keyed hashes of identifiers, 32 bytes each. The same number in any spelling gives the same hash."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_file(cls, path: Path) -> BlindIndex:
        """Read the key (base64 of 32 bytes). Raises `ValueError` naming the file otherwise."""
        return cls(read_secret_key(path))

    def of_phone(self, text: str) -> bytes:
        """Return the index of a mobile number. Raises `InvalidIdentifier`."""
        return self.of("phone", mobile_number(text))

    def of_national_id(self, text: str) -> bytes:
        """Return the index of a national id. Raises `InvalidIdentifier`."""
        return self.of("national-id", national_id(text))

    def of(self, kind: str, text: str) -> bytes:
        """Return the index of any text. Different kinds never meet; the text is taken as it is spelled."""
        return hmac.digest(self._key, f"{kind}\0{text}".encode(), "sha256")

    def token(self, kind: bytes, text: str) -> int:
        """Return 64 bits of an index, signed as PostgreSQL's bigint is: enough to find candidates, who are then looked
        at. kind: at most 16 bytes. Half as costly as `of`."""
        digest = hashlib.blake2b(text.encode(), digest_size=8, key=self._key, person=kind).digest()
        return int.from_bytes(digest, signed=True)
