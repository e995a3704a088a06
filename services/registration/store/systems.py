"""Systems: programs that sign in with a secret."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.registration.codes import hash_secret, new_secret
from services.registration.store.sign_in import Holder
from shared.contracts.events import Role
from shared.postgres.pool import acquire

INSERT_CLIENT = """
INSERT INTO client (client_id, name, role, area, organisation_id, secret_hash, created_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

SELECT_CLIENT = """
SELECT client_id AS subject, organisation_id, role, area, secret_hash,
       CASE WHEN former_until > $2 THEN former_secret_hash END AS former_secret_hash
FROM client
WHERE client_id = $1 AND revoked_at IS NULL
"""

REVOKE_CLIENT = "UPDATE client SET revoked_at = coalesce(revoked_at, $2) WHERE client_id = $1 RETURNING true"

RENEW_CLIENT = """
UPDATE client
SET secret_hash = $2, former_secret_hash = secret_hash, former_until = $3
WHERE client_id = $1 AND revoked_at IS NULL
RETURNING true
"""

PAGE = """
SELECT client_id, name, role, area, organisation_id, created_at, created_by, revoked_at, former_until
FROM client
WHERE (created_at, client_id) > ($1, $2)
ORDER BY created_at, client_id
LIMIT $3
"""

Cursor = tuple[datetime, UUID]
"""Time of creation and id of the last system of a page."""


@dataclass(frozen=True, slots=True)
class System:
    """A system's account. created_by is None for one made by a command; former_until: how long an older secret is
    good beside the present one."""

    client_id: UUID
    name: str
    role: Role
    area: str
    organisation_id: UUID | None
    created_at: datetime
    created_by: UUID | None
    revoked_at: datetime | None
    former_until: datetime | None


class Systems:
    """The accounts of systems in the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self._pool = pool

    async def add(
        self,
        *,
        name: str,
        role: Role,
        area: str,
        organisation_id: UUID | None,
        now: datetime,
        by: UUID | None = None,
    ) -> tuple[UUID, str]:
        """Make an account: its id and its secret, of which only a hash is kept.

        Raises `asyncpg.ForeignKeyViolationError` for an unknown organisation.
        """
        client_id, secret = uuid4(), new_secret()
        async with acquire(self._pool) as connection:
            await connection.execute(
                INSERT_CLIENT, client_id, name, role, area, organisation_id, hash_secret(secret), now, by
            )
        return client_id, secret

    async def holder(self, client_id: UUID, secret: str, *, now: datetime) -> Holder | None:
        """Return the system with this id and secret. None: not proven, and who asks is not told why."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_CLIENT, client_id, now)
        if row is None:
            return None
        given = hash_secret(secret)
        if not hmac.compare_digest(row["secret_hash"], given) and not (
            row["former_secret_hash"] is not None and hmac.compare_digest(row["former_secret_hash"], given)
        ):
            return None
        return Holder(row["subject"], row["organisation_id"], Role(row["role"]), row["area"])

    async def rotate(self, client_id: UUID, *, former_until: datetime) -> str | None:
        """Give a new secret; the one before stays good until `former_until`. None if there is no such account."""
        secret = new_secret()
        async with acquire(self._pool) as connection:
            rotated = await connection.fetchval(RENEW_CLIENT, client_id, hash_secret(secret), former_until)
        return secret if rotated else None

    async def revoke(self, client_id: UUID, *, now: datetime) -> bool:
        """End an account; a token that it holds lives on for its 15 minutes. False if it is unknown."""
        async with acquire(self._pool) as connection:
            return bool(await connection.fetchval(REVOKE_CLIENT, client_id, now))

    async def page(self, *, after: Cursor | None, limit: int, now: datetime) -> Sequence[System]:
        """Return the next accounts, the oldest first, the revoked ones among them."""
        start = after or (datetime.min.replace(tzinfo=now.tzinfo), UUID(int=0))
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(PAGE, *start, limit)
        return [System(**{**dict(row), "role": Role(row["role"])}) for row in rows]
