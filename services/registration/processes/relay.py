"""Publishes what became of people: `python -m services.registration.processes.relay`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.adoption import Entity
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

PERSON: Final = Entity("person", "person_id", {"status": "withdrawn"})
"""What its events tell of."""


async def main(stopping: asyncio.Event) -> None:
    """Publish the outbox."""
    pool = await open_pool(PostgresSettings(), application="registration-relay", max_size=2)
    publishing = Relay(pool, KafkaSettings(), (VOLUNTEER_REGISTERED,), entity=PERSON)

    def ready() -> list[str]:
        return [] if publishing.connected else ["Kafka or the database is away"]

    try:
        await run_worker(
            HttpSettings(), publishing.run, ready, stopping, beside=partial(measure_database, pool, outbox=True)
        )
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(main, name="registration-relay")
