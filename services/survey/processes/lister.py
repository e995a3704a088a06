"""Keeps the lists of whom to reach: `python -m services.survey.processes.lister`."""

import asyncio

from services.survey.reach.lister import COLLECT_MILLISECONDS, GROUP, MAX_RECORDS, Lister
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.settings import KafkaSettings
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker


async def main(stopping: asyncio.Event) -> None:
    """Keeps the lists of whom to reach behind what was recorded."""
    pool = await open_pool(PostgresSettings(), application="survey-lister", max_size=2)
    consumer = PositionedConsumer(
        KafkaSettings(),
        pool,
        group=GROUP,
        topics=[SURVEY_SUBMITTED],
        handler=Lister(),
        max_records=MAX_RECORDS,
        collect_milliseconds=COLLECT_MILLISECONDS,
    )
    try:
        await run_worker(
            HttpSettings(), consumer.run, lambda: [] if consumer.connected else ["not in the consumer group"], stopping
        )
    finally:
        await pool.close()


if __name__ == "__main__":
    run(main, name="survey-lister")
