"""Pages before batches: while somebody waits for a page, intake judges no further stretch of a batch.

Who looks at a list waits for it; a phone that sends a batch goes on by itself, and is answered a little later. Without
this a page would wait at each of its steps, some ten, for a stretch of a batch that was first.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

PATIENCE_SECONDS: Final = 0.01
"""Before each stretch of ten households. Where pages are asked for without a pause, intake still judges one this often,
900 households a second in each process; a country's busiest hour brings 800."""


class Precedence:
    """Who waits, and who lets them go first; of one process."""

    def __init__(self) -> None:
        self._pages = 0
        self._nobody = asyncio.Event()

    @contextmanager
    def page(self) -> Iterator[None]:
        """Somebody waits for what is done meanwhile."""
        self._pages += 1
        try:
            yield
        finally:
            self._pages -= 1
            if not self._pages:
                self._nobody.set()

    async def give_way(self) -> None:
        """Returns when nobody waits, or patience is at its end."""
        if not self._pages:
            return
        self._nobody.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._nobody.wait()
