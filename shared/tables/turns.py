"""One list after the other: reading one takes all of a processor for seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Busy(Exception):
    """Another list is being worked on, and takes longer than one waits."""


class Turns:
    """Lets one in at a time, in this process."""

    def __init__(self) -> None:
        self._working = asyncio.Lock()

    @asynccontextmanager
    async def turn(self, wait_seconds: float) -> AsyncIterator[None]:
        """Wait for one's turn. Raises `Busy`."""
        try:
            await asyncio.wait_for(self._working.acquire(), wait_seconds)
        except TimeoutError:
            raise Busy from None
        try:
            yield
        finally:
            self._working.release()
