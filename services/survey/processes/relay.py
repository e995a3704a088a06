"""Publishes what became of requests for help: `python -m services.survey.processes.relay`."""

import asyncio
from functools import partial
from typing import Final

from shared.contracts.topics import HELP_UPDATED
from shared.kafka.adoption import Entity
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

HELP_REQUEST: Final = Entity("help_request", "request_id", {"status": "cancelled", "deadline": None})
"""What its relay's events tell of."""


async def main(stopping: asyncio.Event) -> None:
    """Publishes the outbox: what became of requests for help."""
    pool = await open_pool(PostgresSettings(), application="survey-relay", max_size=2)
    publishing = Relay(pool, KafkaSettings(), (HELP_UPDATED,), entity=HELP_REQUEST)

    def ready() -> list[str]:
        return [] if publishing.connected else ["Kafka or the database is away"]

    try:
        await run_worker(
            HttpSettings(), publishing.run, ready, stopping, beside=partial(measure_database, pool, outbox=True)
        )
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(main, name="survey-relay")
