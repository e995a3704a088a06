"""Citizens: somebody who proved a phone by a one-time code, and holds no role and no account.

The subject is a keyed hash of the phone: the same phone is the same citizen, and only who has the key can go from a
number to the subject. Their tokens are in citizen_tokens.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.security.blind_index import BlindIndex
from shared.security.identifiers import mobile_number

# RFC 9562, version 8: a UUID whose bits have a meaning of our own.
_VERSION_8: Final = 0x8000 << 64 | 0x8 << 60
_HASHED: Final = ~(0xF000 << 64 | 0xC << 60)


@dataclass(frozen=True, slots=True)
class Citizen:
    """The holder of a verified token: a phone, known by its keyed hash alone. `expires_at` is UTC and aware."""

    subject: UUID
    expires_at: datetime


def citizen_of(index: BlindIndex, phone: str) -> UUID:
    """Return the subject of whoever holds `phone`, in any spelling. Raises `InvalidIdentifier`."""
    digest = index.of("citizen", mobile_number(phone))
    return UUID(int=int.from_bytes(digest[:16]) & _HASHED | _VERSION_8)
