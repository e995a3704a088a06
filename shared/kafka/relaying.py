"""A relay as a process: the same in each service that has an outbox (`shared.kafka.relay`)."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from shared.contracts.topics import Topic
from shared.kafka.adoption import Entity
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

CONNECTIONS: Final = 2
"""One holds the advisory lock and does the work; by the other the database and the outbox are measured."""


def run_relay(name: str, topics: Sequence[Topic], entity: Entity) -> None:
    """Publishes the outbox into `topics` as the process `name`, until it is told to stop. entity: what its events
    tell of."""
    run(partial(_publish, name, topics, entity), name=name)


async def _publish(name: str, topics: Sequence[Topic], entity: Entity, stopping: asyncio.Event) -> None:
    pool = await open_pool(PostgresSettings(), application=name, max_size=CONNECTIONS)
    relay = Relay(pool, KafkaSettings(), topics, entity=entity)
    try:
        await run_worker(
            HttpSettings(),
            relay.run,
            lambda: [] if relay.connected else ["Kafka or the database is away"],
            stopping,
            beside=partial(measure_database, pool, outbox=True),
        )
    finally:
        pool.terminate()
