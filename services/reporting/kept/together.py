"""One reading for all who ask before it begins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Reads when somebody asks, one reading after the other; whoever asks while one runs gets the next one's result, so
    that nobody is told what was true before he asked."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._turn = asyncio.Lock()
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """What a reading says that begins from now on. What it raises reaches all who wait for it."""
        waiting = self._next
        if waiting is None:
            waiting = self._next = asyncio.create_task(self._begin())
            waiting.add_done_callback(_seen)
        try:
            return await asyncio.shield(waiting)  # who goes away does not end what others wait for
        finally:
            del waiting  # an error leads to this frame, and this frame would lead back to it

    async def _begin(self) -> T:
        async with self._turn:
            self._next = None
            return await self._read()


def _seen(task: "asyncio.Task[T]") -> None:
    if not task.cancelled():
        task.exception()  # also where all who waited have gone
