"""Sends the streams to whoever has subscribed: `python -m services.reporting.processes.webhooks`."""

import asyncio
from typing import Final

from services.reporting.projector import TOPICS
from services.reporting.sealed import sealing_ring
from services.reporting.settings import WebhookSettings
from services.reporting.webhooks.addresses import Resolver
from services.reporting.webhooks.dispatcher import Dispatcher
from services.reporting.webhooks.endpoint import trusted
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

WEBHOOK_CONNECTIONS: Final = 4
"""Each is held for the millisecond in which an outcome is written down."""


async def main(stopping: asyncio.Event) -> None:
    """The webhooks process: sends the streams to whoever has subscribed."""
    ring = sealing_ring()
    if ring is None:
        raise ValueError("JITASA_SUBSCRIBER_SEALING_KEYS_FILE is not set: the secrets of webhooks cannot be opened")
    kafka, resolve, settings = KafkaSettings(), Resolver(), WebhookSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-webhooks", max_size=WEBHOOK_CONNECTIONS)
    barred = BarredVolunteers(kafka)
    dispatcher = Dispatcher(
        pool,
        kafka,
        settings,
        SystemClock(),
        ring,
        barred,
        tuple(TOPICS),
        resolve,
        trusted(settings),
    )
    try:
        await barred.start()
        await run_worker(
            HttpSettings(),
            dispatcher.run,
            lambda: [] if dispatcher.connected else ["the database is away"],
            stopping,
        )
    finally:
        await barred.stop()
        resolve.close()
        pool.terminate()


if __name__ == "__main__":
    run(main, name="reporting-webhooks")
