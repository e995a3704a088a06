"""One viewer of the live stream: a bounded queue of references to shared bytes."""

import asyncio
from collections import deque
from typing import Final

MAX_WAITING: Final = 20
"""Events that a viewer may be behind: four seconds at the highest rate, twenty in a surge. Whoever is slower is better
served by a fresh picture."""


class StreamEnded(Exception):
    """This viewer gets no more."""


class Viewer:
    """One open stream's queue."""

    def __init__(self, most_waiting: int = MAX_WAITING) -> None:
        self._items: deque[bytes] = deque()
        self._most_waiting = most_waiting
        self._wake = asyncio.Event()
        self._open = True
        self.has_picture = False

    def put(self, item: bytes) -> bool:
        """Adds an event; False, and the stream ends, when too many wait already."""
        if len(self._items) >= self._most_waiting:
            self.close()
            return False
        self._items.append(item)
        self._wake.set()
        return True

    def close(self) -> None:
        """Ends the stream at once; what still waits is not sent."""
        self._open = False
        self._wake.set()

    async def next(self, patience: float) -> bytes | None:
        """The next event, or None after `patience` seconds without one; raises `StreamEnded`."""
        if self._open and not self._items:
            self._wake.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return None
        if not self._open:
            raise StreamEnded
        return self._items.popleft()
