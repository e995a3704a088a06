"""Kinds and public holidays as every request needs them: read again and again, which also tells that the database
answers."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Final

import asyncpg

from services.facilities.domain.kinds import STANDARD, Kinds
from services.facilities.store.holidays import Holiday, holidays
from services.facilities.store.kinds import kinds
from shared.observability.clock import pause
from shared.postgres.pool import UNREACHABLE, Connection, acquire

READ_EVERY_SECONDS: Final = 2.0
"""How old the answer of /readyz may be, and how long another process takes to know a new kind."""


class Reference:
    """What is known: before the first reading the five kinds, and no holiday."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self.answers = False
        """Whether the database answered the last time."""
        self.kinds: Kinds = STANDARD
        self.holidays: Mapping[date, Holiday] = {}

    async def read(self, connection: Connection) -> None:
        """Reads both."""
        self.kinds, self.holidays = await kinds(connection), await holidays(connection)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Reads until `stopping` is set."""
        while not stopping.is_set():
            try:
                async with acquire(self._pool) as connection:
                    await self.read(connection)
            except UNREACHABLE:
                self.answers = False
            else:
                self.answers = True
            await pause(stopping, READ_EVERY_SECONDS)
