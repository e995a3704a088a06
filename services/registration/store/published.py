"""Files that administrators publish: kept in the clear, since they are written for many, and never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg

from shared.postgres.pool import Connection, acquire

KEEP_UNUSED = timedelta(days=1)
"""A directive or a course is written in a day; whoever comes back later uploads again."""

INSERT_FILE = """
INSERT INTO published_file (file_id, media_type, size, content, uploaded_by, uploaded_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""

# Only who uploaded a file uses it, and only once: the row lock lets one of two at once have it.
USE_FILES = """
UPDATE published_file
SET used = true
WHERE file_id = ANY($1) AND uploaded_by = $2 AND NOT used AND size <= $3
RETURNING file_id
"""

SELECT_FILE = "SELECT media_type, content FROM published_file WHERE file_id = $1"

SWEEP = "DELETE FROM published_file WHERE NOT used AND uploaded_at <= $1"


class UnknownFileId(Exception):
    """There is no such file that the caller may use: unknown, too large for this, somebody else's, or used already."""


class PublishedFiles:
    """The published files of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def add(self, content: bytes, *, media_type: str, by: UUID, now: datetime) -> UUID:
        """Store a file that is to be used within a day."""
        file_id = uuid4()
        async with acquire(self._pool) as connection:
            await connection.execute(INSERT_FILE, file_id, media_type, len(content), content, by, now)
        return file_id

    async def read(self, file_id: UUID) -> tuple[str, bytes]:
        """Return a file's media type and bytes. Whether the caller may have it is for him to know who names it."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_FILE, file_id)
        if row is None:
            raise UnknownFileId
        return row["media_type"], row["content"]

    async def sweep(self, *, now: datetime) -> None:
        """Delete what was uploaded and never used."""
        async with acquire(self._pool) as connection:
            await connection.execute(SWEEP, now - KEEP_UNUSED)


async def use_files(connection: Connection, files: Sequence[UUID], *, by: UUID, most: int) -> None:
    """Take files of at most `most` bytes into use, in the caller's transaction. Raises `UnknownFileId`."""
    if len(await connection.fetch(USE_FILES, files, by, most)) != len(files):
        raise UnknownFileId
