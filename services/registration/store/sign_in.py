"""Signing in: one-time codes and refresh tokens. Systems, which sign in with a secret, are in store/systems.py."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.registration.codes import hash_secret, new_secret
from shared.contracts.events import Role
from shared.postgres import throttle
from shared.postgres.pool import Connection, acquire

MOST_FOLLOWERS = 100
"""Given out for one token, all but the last in vain: a net that loses a hundred answers in a row brings none."""

# Here and below: a role whose last day is over is none, also in the seconds until that is written down
# (store/appointments.py).
WRITE_CODE = """
INSERT INTO one_time_code (phone_index, code_hash, expires_at, attempts_left)
SELECT p.phone_index, $2, $3, $4
FROM person AS p
LEFT JOIN appointment AS a ON a.person_id = p.person_id AND a.begun_at IS NOT NULL AND a.ended_at IS NULL
WHERE p.phone_index = $1 AND p.status = 'approved' AND (a.ends_at IS NULL OR a.ends_at > $5)
ON CONFLICT (phone_index) DO UPDATE
SET code_hash = excluded.code_hash, expires_at = excluded.expires_at, attempts_left = excluded.attempts_left
RETURNING true
"""

# The attempt is counted, and committed, before the code is compared: guesses at the same moment are counted one by one.
COUNT_ATTEMPT = """
UPDATE one_time_code
SET attempts_left = attempts_left - 1
WHERE phone_index = $1 AND attempts_left > 0 AND expires_at > $2
RETURNING code_hash
"""

# Only one of two that bring the right code at once removes the row.
TAKE_CODE = "DELETE FROM one_time_code WHERE phone_index = $1 AND code_hash = $2 RETURNING true"

HOLDER_BY_PHONE = """
SELECT p.person_id AS subject, p.organisation_id, p.role, p.area, a.ends_at AS until
FROM person AS p
LEFT JOIN appointment AS a ON a.person_id = p.person_id AND a.begun_at IS NOT NULL AND a.ended_at IS NULL
WHERE p.phone_index = $1 AND p.status = 'approved' AND (a.ends_at IS NULL OR a.ends_at > $2)
"""

# The code came to this phone: nothing proves better whose it is.
NOTE_PROVEN = "UPDATE person SET phone_confirmed_at = $2 WHERE person_id = $1 AND phone_confirmed_at IS NULL"

INSERT_FAMILY = "INSERT INTO refresh_family (family_id, person_id, expires_at) VALUES ($1, $2, $3)"

INSERT_REFRESH_TOKEN = """
INSERT INTO refresh_token (token_hash, family_id, issued_at, follows) VALUES ($1, $2, $3, $4)
"""  # noqa: S105

# Both rows are locked: who waited here for another request with the same token then sees that it was used.
LOCK_FAMILY = """
SELECT t.family_id, t.used_at, f.revoked_at, f.expires_at,
       p.person_id AS subject, p.organisation_id, p.role, p.area, p.status, a.ends_at AS until
FROM refresh_token AS t
JOIN refresh_family AS f USING (family_id)
JOIN person AS p USING (person_id)
LEFT JOIN appointment AS a ON a.person_id = p.person_id AND a.begun_at IS NOT NULL AND a.ended_at IS NULL
WHERE t.token_hash = $1
FOR UPDATE OF t, f
"""

MARK_USED = "UPDATE refresh_token SET used_at = $2 WHERE token_hash = $1"

REPLACE_FOLLOWER = """
UPDATE refresh_token
SET used_at = $3
WHERE family_id = $1 AND follows = $2 AND used_at IS NULL
  AND (SELECT count(*) FROM refresh_token WHERE family_id = $1 AND follows = $2) < $4
"""

END_FAMILY = "UPDATE refresh_family SET revoked_at = coalesce(revoked_at, $2) WHERE family_id = $1"

END_FAMILY_BY_MEMBER = """
UPDATE refresh_family AS f
SET revoked_at = coalesce(f.revoked_at, $2)
FROM refresh_token AS t
WHERE t.token_hash = $1 AND f.family_id = t.family_id
"""

END_FAMILIES = "UPDATE refresh_family SET revoked_at = coalesce(revoked_at, $2) WHERE person_id = $1"

DROP_CODE = """
DELETE FROM one_time_code AS c USING person AS p WHERE p.person_id = $1 AND c.phone_index = p.phone_index
"""

SWEEP = (
    "DELETE FROM one_time_code WHERE expires_at <= $1",
    "DELETE FROM sign_up_code WHERE expires_at <= $1",
    "DELETE FROM phone_proof WHERE expires_at <= $1",
    "DELETE FROM refresh_family WHERE expires_at <= $1",
    throttle.FORGET,
)


@dataclass(frozen=True, slots=True)
class Holder:
    """For whom an access token is made out, and until when at most. `session` is the sign-in that it comes from."""

    subject: UUID
    organisation_id: UUID | None
    role: Role
    area: str
    until: datetime | None = None
    session: UUID | None = None


class SignIns:
    """The ways in which somebody proves who he is. None always means: not proven, and who asks is not told why."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def write_code(
        self, phone_index: bytes, code_hash: bytes, *, now: datetime, expires_at: datetime, attempts: int
    ) -> bool:
        """Set the code of a phone, instead of any before. False if no approved person has this phone."""
        async with acquire(self._pool) as connection:
            return bool(await connection.fetchval(WRITE_CODE, phone_index, code_hash, expires_at, attempts, now))

    async def redeem_code(
        self, phone_index: bytes, code_hash: bytes, *, now: datetime, refresh_until: datetime
    ) -> tuple[Holder, str] | None:
        """Take a code, once, and begin a family of refresh tokens: the holder and its first token."""
        async with acquire(self._pool) as connection:
            kept = await connection.fetchval(COUNT_ATTEMPT, phone_index, now)
            if kept is None or not hmac.compare_digest(kept, code_hash):
                return None
            async with connection.transaction():
                if not await connection.fetchval(TAKE_CODE, phone_index, code_hash):
                    return None
                row = await connection.fetchrow(HOLDER_BY_PHONE, phone_index, now)
                if row is None:
                    return None
                await connection.execute(NOTE_PROVEN, row["subject"], now)
                family = uuid4()
                await connection.execute(INSERT_FAMILY, family, row["subject"], refresh_until)
                return _person_holder(row, family), await _add_refresh_token(connection, family, now)

    async def refresh(self, token: str, *, now: datetime) -> tuple[Holder, str] | None:
        """Exchange a refresh token for the next of its family.

        A phone whose answer was lost on the way uses the same token again, and gets another instead of the one that it
        never saw. A token whose follower was used, or that was replaced by another, ends the whole family: who used it
        then or who uses it now has stolen it.
        """
        token_hash = hash_secret(token)
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_FAMILY, token_hash)
            if row is None or row["revoked_at"] is not None or row["expires_at"] <= now or row["status"] != "approved":
                return None
            if row["until"] is not None and row["until"] <= now:
                return None
            family = row["family_id"]
            if row["used_at"] is None:
                await connection.execute(MARK_USED, token_hash, now)
            elif await connection.execute(REPLACE_FOLLOWER, family, token_hash, now, MOST_FOLLOWERS) != "UPDATE 1":
                await connection.execute(END_FAMILY, family, now)
                return None
            return _person_holder(row, family), await _add_refresh_token(connection, family, now, follows=token_hash)

    async def end_session(self, session: UUID, *, now: datetime) -> None:
        """End a sign-in: no refresh token of it is good any more."""
        async with acquire(self._pool) as connection:
            await connection.execute(END_FAMILY, session, now)

    async def end_session_of(self, token: str, *, now: datetime) -> None:
        """End the sign-in that a refresh token descends from, if there is one."""
        async with acquire(self._pool) as connection:
            await connection.execute(END_FAMILY_BY_MEMBER, hash_secret(token), now)

    async def sweep(self, *, now: datetime) -> None:
        """Delete codes, families and counts whose time is over."""
        async with acquire(self._pool) as connection:
            for statement in SWEEP:
                await connection.execute(statement, now)


async def end_sign_ins(connection: Connection, person_id: UUID, *, now: datetime) -> None:
    """End every way in that a person holds now, in the caller's transaction."""
    await connection.execute(END_FAMILIES, person_id, now)
    await connection.execute(DROP_CODE, person_id)


async def _add_refresh_token(
    connection: Connection, family: UUID, now: datetime, *, follows: bytes | None = None
) -> str:
    token = new_secret()
    await connection.execute(INSERT_REFRESH_TOKEN, hash_secret(token), family, now, follows)
    return token


def _person_holder(row: asyncpg.Record, session: UUID) -> Holder:
    return Holder(row["subject"], row["organisation_id"], Role(row["role"]), row["area"], row["until"], session)
