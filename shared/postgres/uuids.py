"""The UUID of asyncpg: a `uuid.UUID` written in C, made, hashed, spelled out and sent in a fraction of the time.

For ids that are made or read by the thousand a second; elsewhere the standard library's does.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID
else:
    from asyncpg.pgproto.pgproto import UUID

__all__ = ["UUID"]
