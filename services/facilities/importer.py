"""The worker that checks, applies and undoes imports: one at a time, taken from the database by a lease."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

import asyncpg

from services.facilities.imports.applying import apply, undo
from services.facilities.imports.checking import check
from services.facilities.store import imports
from services.facilities.store.imports import MOST_ATTEMPTS, Fenced, Import, State
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, acquire

LOOK_EVERY_SECONDS: Final = 1.0
"""How long a list waits at most until somebody looks at it."""

Step = Callable[["asyncpg.Pool[asyncpg.Record]", Import, Clock], Awaitable[None]]
_STEPS: Final[Mapping[State, Step]] = {State.WAITING: check, State.APPLYING: apply, State.UNDOING: undo}
_AFTER_FAILURE: Final = {State.WAITING: State.FAILED, State.APPLYING: State.CHECKED, State.UNDOING: State.APPLIED}
"""What an import is again when nobody could do what was asked of it."""

_log = log(__name__)


class Importer:
    """Works on imports until it is stopped."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self.connected = False
        """Whether the database answered the last time."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set; what is under way then is done by whoever comes next."""
        working = asyncio.create_task(self._work(), name="importer")
        await asyncio.wait({working, asyncio.ensure_future(stopping.wait())}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working

    async def _work(self) -> None:
        while True:
            try:
                found = await self.once()
                self.connected = True
            except UNREACHABLE:
                found, self.connected = False, False
            if not found:
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def once(self) -> bool:
        """Work on one import, if one waits."""
        async with acquire(self._pool) as connection:
            claimed = await imports.claim(connection, self._clock.now())
            if claimed is None:
                await imports.erase_old(connection, self._clock.now())
                return False
        try:
            if claimed.tried > MOST_ATTEMPTS:
                await self._give_up(claimed)
            else:
                await _STEPS[claimed.state](self._pool, claimed, self._clock)
        except Fenced:
            _log.warning("import_taken_over", import_id=str(claimed.import_id))
        except UNREACHABLE:
            raise
        except Exception:  # whatever one list meets, the next one shall be looked at
            _log.exception("import_failed", import_id=str(claimed.import_id))
            await self._give_up(claimed)
        return True

    async def _give_up(self, claimed: Import) -> None:
        with suppress(Fenced):
            async with acquire(self._pool) as connection:
                state = _AFTER_FAILURE[claimed.state]
                await imports.settle(connection, claimed, state, self._clock.now(), failure="internal")
