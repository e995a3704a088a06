"""Cursors: positions that only this service can make and read.

A position names offsets and sequences of partitions in which everybody's events lie; their growth would tell a
subscriber of one district how much the others have. So a cursor is encrypted, not only signed (AES-SIV, which needs
nothing random: there is no number of cursors after which the key wears out). The key lies in the service's database:
cursors are good in all its processes, after restarts, and after rebuilds of the figures, which touch no other table.
"""

import asyncio
import base64
import binascii
import os
from enum import StrEnum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from services.reporting.store import Pool
from services.reporting.streams.position import NotAPosition, Position, unpack
from shared.postgres.pool import acquire

VERSION: Final = "1"
"""The first character of a cursor: how the rest is to be read."""
KEY_BYTES: Final = 32
MOST_CHARACTERS: Final = 5_000
"""Of a cursor. With 24 partitions it has some 400; the longest numbers in all of them make 1,200, in 96 of them
4,800."""

KEEP_KEY = "INSERT INTO stream_cursor_key (key) VALUES ($1) ON CONFLICT DO NOTHING"
KEY = "SELECT key FROM stream_cursor_key"


class Fault(StrEnum):
    """Why a cursor cannot be used."""

    NOT_A_CURSOR = "not_a_cursor"
    OTHER_VERSION = "cursor_of_another_version"
    OTHER_STREAM = "cursor_of_another_stream"
    OTHER_AREA = "cursor_of_another_area"


class BadCursor(Exception):
    """This cursor cannot be used; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


_BOUND: Final = [b"jitasa stream cursor", VERSION.encode()]
"""What else is sealed: the same key shall open nothing else."""


class Seal:
    """Turns positions into cursors and back. key: 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESSIV(key)

    def cursor_of(self, position: Position) -> str:
        """The cursor of a position, in characters that need no escaping anywhere."""
        return VERSION + _text_of(self._cipher.encrypt(position.pack(), _BOUND))

    def position_of(self, cursor: str) -> Position:
        """The position of a cursor; raises `BadCursor`."""
        version, sealed = cursor[:1], cursor[1:]
        if version != VERSION:
            known = version.isascii() and version.isdigit() and version != "0"
            raise BadCursor(Fault.OTHER_VERSION if known else Fault.NOT_A_CURSOR)
        try:
            packed = base64.b64decode(sealed + "=" * (-len(sealed) % 4), b"-_", validate=True)
            if _text_of(packed) != sealed:
                raise BadCursor(Fault.NOT_A_CURSOR)  # another spelling of the same bytes
            return unpack(self._cipher.decrypt(packed, _BOUND))
        except (binascii.Error, ValueError, InvalidTag, NotAPosition):
            raise BadCursor(Fault.NOT_A_CURSOR) from None


def _text_of(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


class Seals:
    """The service's one seal, fetched when it is first needed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seal: Seal | None = None
        self._fetching = asyncio.Lock()

    async def get(self) -> Seal:
        """The seal; raises what a database that is away raises."""
        if self._seal is None:
            async with self._fetching, acquire(self._pool) as connection:
                await connection.execute(KEEP_KEY, os.urandom(KEY_BYTES))  # whoever comes first makes it for all
                self._seal = Seal(await connection.fetchval(KEY))
        return self._seal
