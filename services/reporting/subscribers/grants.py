"""The register binds its accounts on every way: what it grants in Kafka is what replay and webhooks hand on.

An account that is in the register, by its `client_id`, gets the streams that are granted there, and none once it is
revoked, until it is let in again. One that is not is bound by its role and area alone: those are asked for over HTTP
only.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from uuid import UUID

from services.reporting.store import Pool
from shared.postgres.pool import UNREACHABLE, Connection, acquire

FOLLOW_SECONDS: Final = 0.5
"""As soon as in Kafka: the keeper looks as often. At most 200 rows, of those that are not revoked."""

# Of an account's entries one at most is not revoked.
GRANTED: Final = """
SELECT client_id, coalesce(max(streams) FILTER (WHERE revoked_at IS NULL), '{}') AS streams
FROM subscriber WHERE client_id IS NOT NULL
GROUP BY client_id
"""
ONE: Final = f"SELECT * FROM ({GRANTED}) AS granted WHERE client_id = $1"  # noqa: S608 - the statement above


async def granted_to(connection: Connection, account: UUID) -> frozenset[str] | None:
    """The streams that are granted to the account at this moment; None where the register does not bind it."""
    row = await connection.fetchrow(ONE, account)
    return None if row is None else frozenset(row["streams"])


class Grants:
    """What is granted, as it is followed for answers and deliveries that go on."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: Mapping[UUID, frozenset[str]] = {}

    def permits(self, account: UUID, stream: str) -> bool:
        """Whether the account might have the stream half a second ago."""
        granted = self._known.get(account)
        return granted is None or stream in granted

    async def refresh(self) -> None:
        """Reads the register. Raises what an unreachable database raises."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(GRANTED)
        self._known = {row["client_id"]: frozenset(row["streams"]) for row in rows}

    async def follow(self) -> None:
        """Reads it again and again, until it is cancelled. While the database is away nothing is handed on anyway: the
        transfer log has to be written."""
        while True:
            with suppress(*UNREACHABLE):
                await self.refresh()
            await asyncio.sleep(FOLLOW_SECONDS)
