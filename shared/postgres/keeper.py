"""What a service does by the clock: one process at a time takes turns at a list of duties.

Who holds the advisory lock of the database is the keeper; any other stands by and follows when that connection ends.
Every duty has a task of its own, so that a long one, such as a rebuild, keeps no other waiting. A turn may be ended at
any point, by a stop, a kill or a lost connection: whatever it does is one transaction, or can be begun again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

import asyncpg

from shared.observability.clock import pause
from shared.observability.logs import log
from shared.observability.metrics import DUTY_TURNS
from shared.postgres.pool import UNREACHABLE, Connection, session

LOCK: Final = "SELECT pg_try_advisory_lock($1)"
LOCK_KEY: Final = 0x4A495441_4B454550
"""The ASCII codes of JITAKEEP: a key that nothing else in the database uses by chance."""

EVERY_SECONDS: Final = 30.0
"""Between two turns of a duty: what is done by the day or the hour needs no more; a turn with nothing to do costs one
small statement."""
STAND_BY_SECONDS: Final = 1.0
"""How soon another keeper follows one whose connection has ended."""
PROBE_SECONDS: Final = 5.0
"""A silent network is noticed within this and the next; a connection that the server ends is noticed at once."""
RETRY_SECONDS: Final = 1.0
RESTS: Final = 30
"""Of duties whose work grows with what comes in, as many times as long as they work: a thirtieth of one core, unless a
bound of their rests is shorter, so that visits in a surge do not wait for them."""

_log = log(__name__)


def nothing() -> None:
    """Nothing to let go of."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to be done again and again. `turn` does what is due, or nothing; what it raises is logged, and the next
    turn comes all the same.

    rests: the next turn comes after so many times as long as the last one took, when that is later: a duty in a surge
    grows late instead of taking what intake needs. One that works in pieces rests between them (`resting`) instead.

    let_go: called when the lock is gone: metrics that only the keeper can keep true are not told any more.
    """

    name: str
    turn: Callable[[], Awaitable[None]]
    every_seconds: float = EVERY_SECONDS
    rests: int = 0
    let_go: Callable[[], None] = nothing


class Keeper:
    """Takes turns at the duties while it holds the lock."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", duties: Sequence[Duty]) -> None:
        self._pool = pool
        self._duties = duties
        self._connected = False

    @property
    def connected(self) -> bool:
        """True while the database answers; one that stands by is connected as well."""
        return self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set; waits out a database that is away."""
        while not stopping.is_set():
            try:
                async with session(self._pool) as connection:
                    await self._with_lock(connection, stopping)
            except UNREACHABLE as error:
                _log.warning("keeper_waits", cause=type(error).__name__)
            self._connected = False
            await pause(stopping, RETRY_SECONDS)

    async def _with_lock(self, connection: Connection, stopping: asyncio.Event) -> None:
        self._connected = True
        while not await connection.fetchval(LOCK, LOCK_KEY):
            await pause(stopping, STAND_BY_SECONDS)
            if stopping.is_set():
                return
        _log.info("keeper_begins", duties=[duty.name for duty in self._duties])
        ended = asyncio.Event()

        def note_end(_: object) -> None:
            ended.set()

        connection.add_termination_listener(note_end)
        stop = asyncio.create_task(_either(stopping, ended))
        working = [asyncio.create_task(repeat(duty)) for duty in self._duties]
        try:
            while not stop.done():
                await asyncio.wait({stop}, timeout=PROBE_SECONDS)
                await connection.execute("SELECT 1", timeout=PROBE_SECONDS)
        finally:
            stop.cancel()
            # Without the lock another may already be at the same duties: none of ours goes on.
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            for duty in self._duties:
                duty.let_go()
            with suppress(*UNREACHABLE):
                connection.remove_termination_listener(note_end)


async def repeat(duty: Duty) -> None:
    """Takes turns at a duty until it is cancelled. By itself, without the lock, for what any number of processes may do
    at once."""
    DUTY_TURNS.labels(duty.name, "failed")  # there from the beginning, so that the first failure shows as one
    while True:
        began = time.monotonic()
        try:
            await duty.turn()
            DUTY_TURNS.labels(duty.name, "done").inc()
        except Exception as error:  # whatever one turn meets, the next one shall come
            DUTY_TURNS.labels(duty.name, "failed").inc()
            _log.warning("duty_failed", duty=duty.name, cause=type(error).__name__)
        await asyncio.sleep(max(duty.every_seconds, duty.rests * (time.monotonic() - began)))


@asynccontextmanager
async def resting(rests: float, most_seconds: float) -> AsyncIterator[None]:
    """Does one piece of a long turn, and then rests `rests` times as long as it took, `most_seconds` at the most: the
    work is spread, and nobody waits behind more than a piece of it."""
    began = time.monotonic()
    yield
    await asyncio.sleep(min(rests * (time.monotonic() - began), most_seconds))


async def _either(one: asyncio.Event, other: asyncio.Event) -> None:
    waits = [asyncio.create_task(one.wait()), asyncio.create_task(other.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
