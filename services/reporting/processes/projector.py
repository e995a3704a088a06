"""Applies the public events to the figures: `python -m services.reporting.processes.projector`."""

import asyncio
from typing import Final

from services.reporting.ends import StreamEnds
from services.reporting.projector import TOPICS, VERSION, FiguresProjection
from services.reporting.rebuild.version import note_version
from services.reporting.trust.gaps import NotedGaps, heed_dismissals
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

GROUP: Final = "reporting-projector"

PROJECTOR_CONNECTIONS: Final = 3
"""One writes the batches, one the streams' ends, one is left for a take-over meanwhile, or to look for dismissals."""

MAX_RECORDS: Final = 5_000
"""Events in one transaction: the more, the more of them fall into the same row. At the highest rate they are applied in
a tenth of a second."""


async def main(stopping: asyncio.Event) -> None:
    """The projector process: applies the public events to the figures."""
    kafka = KafkaSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-projector", max_size=PROJECTOR_CONNECTIONS)
    handler = ProjectionHandler(FiguresProjection(), TOPICS, gaps=NotedGaps())
    consumer = PositionedConsumer(kafka, pool, group=GROUP, topics=TOPICS, handler=handler, max_records=MAX_RECORDS)
    ends = StreamEnds(kafka, pool, TOPICS, SystemClock())

    async def work(stopping: asyncio.Event) -> None:
        async with acquire(pool) as connection:
            await note_version(connection, VERSION)
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.run(stopping))
            group.create_task(heed_dismissals(pool, handler, consumer, stopping))
            group.create_task(ends.run(stopping))

    try:
        await run_worker(
            HttpSettings(), work, lambda: [] if consumer.connected else ["Kafka or the database is away"], stopping
        )
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(main, name="reporting-projector")
