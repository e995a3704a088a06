"""Turns: batches are judged one stretch at a time, and those who send them take turns.

Judging keeps the processor busy, so that two at once would both be ready later. Of one party who came first is first;
between parties turns go round, so that an organisation that sends a batch now and then waits for one stretch of each
other organisation, and not for all that a flood has had let in before. What comes alone waits for nobody.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.survey.parties import Party
from services.survey.precedence import Precedence


class Turns:
    """Whose turn it is, in one process."""

    def __init__(self, precedence: Precedence | None = None) -> None:
        self._precedence = precedence or Precedence()
        self._taken = False
        self._waiting: dict[Party, deque[asyncio.Future[None]]] = {}  # in the order in which they are next

    @asynccontextmanager
    async def turn(self, party: Party) -> AsyncIterator[None]:
        """Begins when it is `party`'s turn, and nobody else's until it ends."""
        if self._taken:
            await self._wait(party)
        self._taken = True
        try:
            yield
        finally:
            self._end()

    async def pause(self) -> None:
        """Within a turn: lets all others in the event loop go on, and whoever waits for a page until it is read. Who is
        refused, or asks for a list, must not wait until what was let in is judged."""
        await asyncio.sleep(0)
        await self._precedence.give_way()

    async def _wait(self, party: Party) -> None:
        given = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(party, deque()).append(given)
        try:
            await given
        except asyncio.CancelledError:
            if not given.cancelled():  # its turn had come: the next one's now
                self._end()
            raise

    def _end(self) -> None:
        while self._waiting:
            party = next(iter(self._waiting))
            queue = self._waiting.pop(party)
            given = queue.popleft()
            if queue:
                self._waiting[party] = queue  # behind all others
            if not given.cancelled():
                given.set_result(None)
                return  # and it stays taken
        self._taken = False
