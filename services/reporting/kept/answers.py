"""What is kept: each answer of the present moment is made once, however many ask for it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final

from services.reporting import store
from services.reporting.kept.bodies import Body
from services.reporting.kept.moment import Moment, moment
from services.reporting.kept.together import Together
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.postgres.pool import Connection, acquire

MOST_ANSWERS: Final = 2_000
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of all answers that are kept, packed and unpacked: the country's subdistricts ten times, or all provinces by
district."""
OLDEST_SECONDS: Final = 1.0
"""Whoever changed a table past the streams, as an operator may, sees it after so long."""

Make = Callable[[Connection, Moment], Awaitable[Body]]
"""Makes an answer from what a connection sees, all at one moment."""


@dataclass(frozen=True, slots=True)
class _Kept:
    body: Body
    mark: object
    made_at: float


class KeptAnswers:
    """Stands at `app.state.kept`. lenience: seconds that answers about the present may be behind."""

    def __init__(
        self,
        pool: Pool,
        topics: Sequence[Topic],
        clock: Callable[[], float] = time.monotonic,
        lenience: float = 0.0,
    ) -> None:
        self.lenience = lenience
        self._pool = pool
        self._topics = topics
        self._clock = clock
        self._present = Together(self._look)
        self._answers: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[Hashable, asyncio.Task[Body]] = {}

    async def get(self, key: Hashable, make: Make, *, may_be_older: float = 0.0) -> Body:
        """The answer to `key` as of now, by `make` where there is none. What `make` raises reaches all who wait.

        may_be_older: seconds that it may be behind, or five times so many, once, while the next one is made; the answer
        says itself of which moment it is.
        """
        kept = self._answers.get(key)
        age = self._clock() - kept.made_at if kept is not None else 0.0
        if kept is not None and age < may_be_older:
            return kept.body
        mark: object = None
        if not may_be_older:
            mark = await self._present.get()
            kept = self._answers.get(key)
            if kept is not None and kept.mark == mark and self._clock() - kept.made_at < OLDEST_SECONDS:
                return kept.body
        making = self._making.get((key, mark))
        if making is None:
            making = self._making[key, mark] = asyncio.create_task(self._make(key, make))
            making.add_done_callback(lambda made: self._made((key, mark), made))
        if kept is not None and may_be_older and age < 5 * may_be_older:
            return kept.body  # once more, while the next one is made: nobody waits for it
        try:
            return await asyncio.shield(making)  # who goes away does not end what others wait for
        finally:
            del making  # an error leads to this frame, and this frame would lead back to it

    async def _look(self) -> object:
        async with acquire(self._pool) as connection:
            return (await moment(connection, self._topics)).mark

    async def _make(self, key: Hashable, make: Make) -> Body:
        began = self._clock()
        async with self._snapshot() as connection:
            seen = await moment(connection, self._topics)
            body = await make(connection, seen)
        former = self._answers.pop(key, None)
        self._bytes += body.size - (former.body.size if former else 0)
        self._answers[key] = _Kept(body, seen.mark, began)
        while len(self._answers) > MOST_ANSWERS or self._bytes > MOST_BYTES:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= oldest.body.size
        return body

    def _snapshot(self) -> AbstractAsyncContextManager[Connection]:
        return store.snapshot(self._pool)

    def _made(self, key: Hashable, made: "asyncio.Task[Body]") -> None:
        self._making.pop(key, None)
        if not made.cancelled():
            made.exception()  # seen, also where all who waited have gone
