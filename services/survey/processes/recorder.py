"""Records what intake accepted and publishes it: `python -m services.survey.processes.recorder`."""

import asyncio

from services.survey.recorder import COLLECT_MILLISECONDS, Recorder
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.identity import TopicIdentities
from shared.kafka.producer import OrderedPublisher
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

DRAIN_SECONDS = 10.0
"""At a stop, what was committed is still published; when Kafka is away it is published at the next take-over."""


async def main(stopping: asyncio.Event) -> None:
    """Records what intake accepted and publishes it."""
    kafka = KafkaSettings()
    pool = await open_pool(PostgresSettings(), application="survey-recorder")
    async with OrderedPublisher(kafka) as publisher:
        handler = Recorder(publisher, TopicIdentities(kafka), SystemClock())
        consumer = PositionedConsumer(
            kafka,
            pool,
            group="survey-recorder",
            topics=[SURVEY_INTAKE],
            watched=[SURVEY_SUBMITTED],
            handler=handler,
            collect_milliseconds=COLLECT_MILLISECONDS,
        )

        async def work(stopping: asyncio.Event) -> None:
            await consumer.run(stopping)
            await asyncio.wait_for(handler.drain(), timeout=DRAIN_SECONDS)

        try:
            await run_worker(
                HttpSettings(), work, lambda: [] if consumer.connected else ["not in the consumer group"], stopping
            )
        finally:
            await pool.close()


if __name__ == "__main__":
    run(main, name="survey-recorder")
