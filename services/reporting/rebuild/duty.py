"""The keeper's duty: begins the rebuild that is asked for, or due, goes on with one that was interrupted, swaps.

Everything that it does is in the database, so that a keeper killed anywhere is followed by one that goes on: a schema
is made in the transaction that says so, is filled from positions of its own, and is swapped in by one transaction.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.reporting.projector import TOPICS, VERSION
from services.reporting.rebuild import schema, store
from services.reporting.rebuild.builder import filling
from services.reporting.rebuild.store import Rebuild
from services.reporting.rebuild.swap import NotUpYet, analyze, caught_up, swap
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.kafka.projection import TooMuchPoison
from shared.kafka.reading import RecordsMissing
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, acquire
from shared.postgres.settings import PostgresSettings

EVERY_SECONDS: Final = 2.0
"""Whoever asks for a rebuild watches it begin; a turn with nothing to do costs three small statements."""
LOOK_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 2.0
"""Between two tries of a swap, so that readers who had to wait for one are served first."""
GROUP: Final = "reporting-rebuild"

_CAUSES: Final = {RecordsMissing: "records_missing", TooMuchPoison: "too_much_poison"}
_log = log(__name__)


class Rebuilding:
    """Keeps the projections of this version, and makes them anew when asked to."""

    def __init__(
        self,
        pool: Pool,
        kafka: KafkaSettings,
        postgres: PostgresSettings,
        clock: Clock,
        *,
        topics: Sequence[Topic] = TOPICS,
        version: int = VERSION,
        group: str = GROUP,
    ) -> None:
        self._pool = pool
        self._kafka = kafka
        self._postgres = postgres
        self._clock = clock
        self._topics = topics
        self._version = version
        self._group = group

    async def turn(self) -> None:
        """Does the rebuild that is open, from where it stands to its end."""
        async with acquire(self._pool) as connection:
            await store.ask_for_version(connection, self._version, self._clock.now())
            found = await store.open_one(connection)
            await schema.sweep(connection, None if found is None else found.number)
        if found is not None:
            await self._do(found)

    async def _do(self, found: Rebuild) -> None:
        number = await self._begun(found)
        swapped = False
        try:
            async with filling(self._kafka, self._postgres, number, self._topics, group=self._group) as (_, working):
                await self._caught_up(number, working)
                await analyze(self._pool, number)
                while not swapped:
                    swapped = await self._swapped(found, number, working)
        except (RecordsMissing, TooMuchPoison) as error:
            _log.error("rebuild_failed", rebuild=found.rebuild_id, cause=str(error))
            async with acquire(self._pool) as connection, connection.transaction():
                await store.fail(connection, found.rebuild_id, _CAUSES[type(error)], self._clock.now())
                await schema.drop(connection, number)

    async def _begun(self, found: Rebuild) -> int:
        """The number of the schema to be filled: the one that was begun, if it still fits."""
        async with acquire(self._pool) as connection:
            begun = found.number if found.version == self._version else None
            if begun is not None and await schema.fits(connection, begun):
                _log.info("rebuild_goes_on", rebuild=found.rebuild_id, number=begun)
                return begun
            async with connection.transaction():
                if found.number is not None:
                    await schema.drop(connection, found.number)
                number = await schema.new_number(connection)
                await schema.create(connection, number, self._topics)
                await store.begin(connection, found.rebuild_id, self._version, number, self._clock.now())
        _log.info("rebuild_begins", rebuild=found.rebuild_id, number=number, version=self._version)
        return number

    async def _caught_up(self, number: int, working: "asyncio.Task[None]") -> None:
        while not await caught_up(self._pool, number, self._topics):
            await _look(working, LOOK_SECONDS)

    async def _swapped(self, found: Rebuild, number: int, working: "asyncio.Task[None]") -> bool:
        try:
            await swap(self._pool, found.rebuild_id, number, self._version, self._topics, now=self._clock.now())
        except (NotUpYet, *UNREACHABLE) as error:
            _log.info("swap_waits", rebuild=found.rebuild_id, cause=type(error).__name__)
            await _look(working, AGAIN_SECONDS)
            return False
        _log.info("rebuild_done", rebuild=found.rebuild_id, version=self._version)
        return True


async def _look(working: "asyncio.Task[None]", seconds: float) -> None:
    """Waits for a while; raises what ended the builder meanwhile."""
    await asyncio.wait({working}, timeout=seconds)
    if working.done():
        working.result()
