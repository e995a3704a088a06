"""Checks, applies and undoes lists of places: `python -m services.facilities.processes.importer`."""

import asyncio
from typing import Final

from services.facilities.importer import Importer
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

IMPORTER_CONNECTIONS: Final = 2
"""One works on an import; one is left for looking whether it is still ours."""


async def main(stopping: asyncio.Event) -> None:
    """The importer process: checks, applies and undoes lists of places."""
    pool = await open_pool(PostgresSettings(), application="facilities-importer", max_size=IMPORTER_CONNECTIONS)
    worker = Importer(pool, SystemClock())
    try:
        await run_worker(
            HttpSettings(), worker.run, lambda: [] if worker.connected else ["the database is away"], stopping
        )
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(main, name="facilities-importer")
