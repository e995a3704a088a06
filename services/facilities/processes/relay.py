"""Publishes what became of places: `python -m services.facilities.processes.relay`."""

import asyncio
from functools import partial
from typing import Final

from shared.contracts.topics import FACILITY_UPDATED, FURTHER_FACILITY_UPDATED
from shared.kafka.adoption import Entity
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

RELAY_CONNECTIONS: Final = 2
"""One holds the advisory lock and does the work; by the other the database and the outbox are measured."""

PLACE: Final = Entity("facility", "facility_id", {"status": "closed", "change": "closed", "changed_by": None})
"""What its events tell of."""


async def main(stopping: asyncio.Event) -> None:
    """The relay process: publishes the outbox."""
    pool = await open_pool(PostgresSettings(), application="facilities-relay", max_size=RELAY_CONNECTIONS)
    worker = Relay(pool, KafkaSettings(), (FACILITY_UPDATED, FURTHER_FACILITY_UPDATED), entity=PLACE)
    try:
        await run_worker(
            HttpSettings(),
            worker.run,
            lambda: [] if worker.connected else ["Kafka or the database is away"],
            stopping,
            beside=partial(measure_database, pool, outbox=True),
        )
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(main, name="facilities-relay")
