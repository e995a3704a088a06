"""The time of day as a dependency, so that tests can move it; and waiting that ends when the process is to stop."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

BANGKOK = ZoneInfo("Asia/Bangkok")
"""Days and months of the product are Thailand's; stored times are UTC."""


class Clock(Protocol):
    """Tells the time in UTC."""

    def now(self) -> datetime:
        """The present moment, timezone-aware, in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


class MovableClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The moment this clock stands at, in UTC."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Moves the clock forward by `step`."""
        self._now += step


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Waits for so long, or until `stopping` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
