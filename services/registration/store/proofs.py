"""Proof that a phone is the one of who signed up with it: the code that was sent there comes back."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from shared.postgres.pool import Connection, acquire

WRITE_PROOF = """
INSERT INTO sign_up_code (person_id, code_hash, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (person_id) DO UPDATE SET code_hash = excluded.code_hash, expires_at = excluded.expires_at
"""

FIND_PROOF = "SELECT code_hash FROM sign_up_code WHERE person_id = $1 AND expires_at > $2"

# Only one of two that bring the right code at once removes the row.
TAKE_PROOF = "DELETE FROM sign_up_code WHERE person_id = $1 AND code_hash = $2 RETURNING true"

CONFIRM_PHONE = "UPDATE person SET phone_confirmed_at = $2 WHERE person_id = $1"


@dataclass(frozen=True, slots=True)
class Proof:
    """What will prove a phone: the keyed hash of the code that is sent there, which depends on whose it is."""

    code_hash: Callable[[UUID], bytes]
    expires_at: datetime


async def write_proof(connection: Connection, person_id: UUID, proof: Proof) -> None:
    """Set the code that proves the phone of a person, instead of any before, in the caller's transaction."""
    await connection.execute(WRITE_PROOF, person_id, proof.code_hash(person_id), proof.expires_at)


async def confirm(pool: asyncpg.Pool[asyncpg.Record], person_id: UUID, code_hash: bytes, *, now: datetime) -> bool:
    """Take a code, once, and note that the phone is confirmed. False for a wrong or old code and for an unknown id,
    which cost the same: one look-up."""
    async with acquire(pool) as connection:
        kept = await connection.fetchval(FIND_PROOF, person_id, now)
        if not hmac.compare_digest(kept or bytes(len(code_hash)), code_hash):
            return False
        async with connection.transaction():
            if not await connection.fetchval(TAKE_PROOF, person_id, code_hash):
                return False
            await connection.execute(CONFIRM_PHONE, person_id, now)
            return True
