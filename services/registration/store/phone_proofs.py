"""Proofs that a citizen, who has no account, holds a phone: the code that was sent there comes back."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from shared.postgres.pool import acquire

INSERT: Final = """
INSERT INTO phone_proof (proof_id, subject, code_hash, expires_at, attempts_left) VALUES ($1, $2, $3, $4, $5)
"""

# The attempt is counted, and committed, before the code is compared: guesses at the same moment are counted one by one.
COUNT_ATTEMPT: Final = """
UPDATE phone_proof
SET attempts_left = attempts_left - 1
WHERE proof_id = $1 AND attempts_left > 0 AND expires_at > $2
RETURNING code_hash
"""

# Only one of two that bring the right code at once removes the row.
TAKE: Final = "DELETE FROM phone_proof WHERE proof_id = $1 RETURNING subject"


async def begin(
    pool: asyncpg.Pool[asyncpg.Record],
    proof_id: UUID,
    subject: UUID,
    code_hash: bytes,
    *,
    expires_at: datetime,
    attempts: int,
) -> None:
    """Note that a code is on its way to the phone of `subject`."""
    async with acquire(pool) as connection:
        await connection.execute(INSERT, proof_id, subject, code_hash, expires_at, attempts)


async def redeem(pool: asyncpg.Pool[asyncpg.Record], proof_id: UUID, code_hash: bytes, *, now: datetime) -> UUID | None:
    """Take a code, once: the subject whose phone it proves. None for a wrong, old or used one, and an unknown id."""
    async with acquire(pool) as connection:
        kept = await connection.fetchval(COUNT_ATTEMPT, proof_id, now)
        if kept is None or not hmac.compare_digest(kept, code_hash):
            return None
        subject: UUID | None = await connection.fetchval(TAKE, proof_id)
        return subject
