"""Screenshots of tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain.problems import ProblemRefused, State
from services.registration.store.problems.steps import LOCK
from services.registration.store.problems.viewers import VISIBLE, UnknownProblem, Viewer, record_reading
from shared.observability.logs import log
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing, SealBroken, Sealed

_log = log(__name__)

MAX_ATTACHMENTS = 3
"""What was tapped, what was shown then, and the page before."""

SELECT_ATTACHMENTS = """
SELECT attachment_id, media_type, size FROM problem_attachment WHERE problem_id = $1 ORDER BY attached_at, attachment_id
"""

INSERT_ATTACHMENT = """
INSERT INTO problem_attachment
    (attachment_id, problem_id, media_type, size, attached_at, key_id, wrapped_key, ciphertext)
SELECT $1, $2, $3, $4, $5, $6, $7, $8
WHERE (SELECT count(*) FROM problem_attachment WHERE problem_id = $2) < $9
RETURNING true
"""

SELECT_ATTACHMENT = f"""
SELECT p.problem_id, p.raised_by, a.media_type, a.key_id, a.wrapped_key, a.ciphertext
FROM problem_attachment AS a JOIN problem AS p USING (problem_id)
WHERE p.problem_id = $1 AND {VISIBLE} AND a.attachment_id = $5
"""  # noqa: S608 - constants of this package


class Attachments:
    """The screenshots of the registration database's tickets, sealed under `ring`."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def add(self, problem_id: UUID, viewer: Viewer, *, media_type: str, content: bytes, now: datetime) -> UUID:
        """Add a screenshot to a ticket of the viewer's own. Raises `UnknownProblem` and `ProblemRefused`."""
        attachment_id = uuid4()
        sealed = self._ring.seal(content, household=str(problem_id), field=f"attachment.{attachment_id}")
        async with acquire(self._pool) as connection, connection.transaction():
            # Nobody sees it by his office here: only who raised a ticket adds to it. The lock makes the count exact.
            row = await connection.fetchrow(LOCK, [problem_id], viewer.subject, False, viewer.area)
            if row is None:
                raise UnknownProblem
            if row["state"] == State.CLOSED:
                raise ProblemRefused("wrong_state")
            added = await connection.fetchval(
                INSERT_ATTACHMENT,
                attachment_id,
                problem_id,
                media_type,
                len(content),
                now,
                *sealed,
                MAX_ATTACHMENTS,
            )
            if not added:
                raise ProblemRefused("too_many_files")
        return attachment_id

    async def read(self, problem_id: UUID, attachment_id: UUID, viewer: Viewer, *, now: datetime) -> tuple[str, bytes]:
        """Return a screenshot's media type and bytes. Raises `UnknownProblem`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(
                SELECT_ATTACHMENT, problem_id, viewer.subject, viewer.works, viewer.area, attachment_id
            )
            if row is None:
                raise UnknownProblem
            await record_reading(connection, [row], viewer, "problem attachment", now)
        sealed = Sealed(row["key_id"], row["wrapped_key"], row["ciphertext"])
        try:
            content = self._ring.open_sealed(sealed, household=str(problem_id), field=f"attachment.{attachment_id}")
        except SealBroken:
            _log.error("sealed_field_broken", of=str(problem_id), field="attachment", key=sealed.key_id)
            raise UnknownProblem from None
        return row["media_type"], content


async def attachments_of(connection: Connection, problem_id: UUID) -> Sequence[Mapping[str, Any]]:
    """Return a ticket's screenshots without their bytes, in the order in which they were added."""
    return [dict(row) for row in await connection.fetch(SELECT_ATTACHMENTS, problem_id)]
