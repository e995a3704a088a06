"""Answers that are made once and given to many, for some seconds."""

import asyncio
import gzip
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

FRESH_SECONDS: Final = 5.0
"""A crowd's thousand requests a second are one question to the database in so long, or up to twice as long: what was
asked at one moment shall not have to be made again at one moment."""
SHOWN_SECONDS: Final = 15.0
"""An older answer is still given, once more, while the next one is made: nobody waits for it. A change is seen so much
later at most, where hardly anybody asks."""
MOST_ANSWERS: Final = 2_000
MOST_BYTES: Final = 64 * 1024 * 1024
"""Of all answers that are kept, packed and unpacked: some hundred whole maps."""
PACKED_FROM: Final = 1_000
"""Bytes: what is shorter fits into one packet anyway."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, also packed by gzip where that pays, and the tag by which a client knows that it has it already."""

    body: bytes
    packed: bytes | None
    tag: str
    made_at: float

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self.body) + len(self.packed or b"")


def answer(body: bytes, made_at: float) -> Answer:
    """Pack a body and give it its tag."""
    packed = gzip.compress(body, 5, mtime=0) if len(body) >= PACKED_FROM else None
    return Answer(body, packed, f'W/"{sha256(body).hexdigest()[:32]}"', made_at)  # weak: the same for both forms


class Cache:
    """Answers by what was asked. Of many who ask the same at once one asks the database, and the others wait for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._bytes = 0
        self._making: dict[bytes, asyncio.Future[Answer]] = {}

    async def get(self, key: bytes, make: Callable[[], Awaitable[bytes]]) -> Answer:
        """The answer to `key`, by `make` if there is none or it is too old. What `make` raises reaches all who wait."""
        known = self._answers.get(key)
        age = math.inf if known is None else self._clock() - known.made_at
        if known is not None and age < FRESH_SECONDS * (1 + key[0] / 256):
            return known
        making = self._making.get(key)
        if making is None or making.done():
            making = self._making[key] = asyncio.ensure_future(self._make(key, make))
            making.add_done_callback(lambda made: self._made(key, made))
        if known is not None and age < SHOWN_SECONDS:
            return known
        try:
            return await asyncio.shield(making)  # who goes away does not end what others wait for
        finally:
            del making  # an error leads to this frame, and this frame would lead back to it

    def _made(self, key: bytes, made: asyncio.Future[Answer]) -> None:
        if self._making.get(key) is made:
            del self._making[key]
        if not made.cancelled():
            made.exception()  # seen, also where all who waited have gone

    async def _make(self, key: bytes, make: Callable[[], Awaitable[bytes]]) -> Answer:
        made = answer(await make(), self._clock())
        former = self._answers.pop(key, None)
        self._bytes += made.size - (former.size if former else 0)
        self._answers[key] = made
        while len(self._answers) > MOST_ANSWERS or self._bytes > MOST_BYTES:
            _, oldest = self._answers.popitem(last=False)
            self._bytes -= oldest.size
        return made
