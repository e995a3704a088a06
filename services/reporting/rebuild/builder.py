"""Fills a schema from the start of the streams: the projector's own code, on tables of their own, telling nobody.

`build` makes the figures as they were at given positions, for whoever has to make a closed month anew:

    async with build(kafka, postgres, until={("survey-submitted", 0): 17, ...}) as pool:
        ...  # connections that find the figures under their usual names
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.rebuild import schema
from services.reporting.store import Pool
from services.reporting.trust.gaps import DismissedGaps, heed_dismissals
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import MOST_DEAD_LETTERS, ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings

Positions = Mapping[tuple[str, int], int]
"""By topic and partition, the offset behind the last record that was taken."""

MAX_RECORDS: Final = 5_000
"""Events in one transaction, as the projector's."""
CONNECTIONS: Final = 2
"""One writes the batches, one is left for a take-over meanwhile."""
LOOK_SECONDS: Final = 0.2
"""How often it is looked how far the filling has come."""

KNOWN_DEAD_LETTERS: Final = "SELECT count(*) FROM public.dead_letter"

LEFT: Final = """
SELECT coalesce(sum(greatest(0, u.next_offset - coalesce(p.next_offset, 0))), 0)::bigint
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u (topic, partition, next_offset)
LEFT JOIN consumer_position AS p USING (topic, partition)
"""


@asynccontextmanager
async def filling(
    kafka: KafkaSettings,
    postgres: PostgresSettings,
    number: int,
    topics: Sequence[Topic],
    *,
    group: str,
    until: Positions | None = None,
) -> AsyncIterator[tuple[Pool, "asyncio.Task[None]"]]:
    """A builder at work on the schema of that number: connections to it, and the task, which ends by an error only."""
    pool = await open_pool(
        postgres,
        application="reporting-build",
        max_size=CONNECTIONS + 1,
        # Nothing but this schema: see the module schema.
        search_path=schema.schema_name(number),
    )
    stopping = asyncio.Event()
    try:
        async with acquire(pool) as connection:
            known = int(await connection.fetchval(KNOWN_DEAD_LETTERS))
        handler = ProjectionHandler(
            FiguresProjection(topics, tells=False),
            topics,
            gaps=DismissedGaps(),
            most_dead_letters=MOST_DEAD_LETTERS + known,  # what was put aside once says nothing of producers today
        )
        consumer = PositionedConsumer(
            kafka, pool, group=group, topics=topics, handler=handler, max_records=MAX_RECORDS, until=until
        )
        working = asyncio.create_task(consumer.run(stopping))
        heeding = asyncio.create_task(heed_dismissals(pool, handler, consumer, stopping))
        try:
            yield pool, working
        finally:
            stopping.set()
            await asyncio.wait({working, heeding})
            if not working.cancelled():
                working.exception()  # heard by whoever waited for it; after the swap the builder finds its tables gone
    finally:
        pool.terminate()


@asynccontextmanager
async def build(
    kafka: KafkaSettings, postgres: PostgresSettings, *, until: Positions, topics: Sequence[Topic] = TOPICS
) -> AsyncIterator[Pool]:
    """Figures as they were at exactly these positions, on connections that find them under their usual names and all
    other tables as ever. They are gone at the end.

    Raises `RecordsMissing` when Kafka no longer has the streams from their start, and `TooMuchPoison`.
    """
    own = await open_pool(postgres, application="reporting-build", max_size=1)
    try:
        async with acquire(own) as connection:
            number = await schema.new_number(connection)
            await schema.use(connection, number)
            try:
                await schema.create(connection, number, topics)
                group = f"reporting-build-{number}"
                async with filling(kafka, postgres, number, topics, group=group, until=until) as (pool, working):
                    await _reached(pool, working, until)
                both = await open_pool(
                    postgres, application="reporting-build", search_path=f"{schema.schema_name(number)}, public"
                )
                try:
                    yield both
                finally:
                    both.terminate()
            finally:
                await schema.drop(connection, number)
    finally:
        own.terminate()


async def _reached(pool: Pool, working: "asyncio.Task[None]", until: Positions) -> None:
    places = list(until)
    wanted = [topic for topic, _ in places], [partition for _, partition in places], [until[place] for place in places]
    while not working.done():
        async with acquire(pool) as connection:
            if not await connection.fetchval(LEFT, *wanted):
                return
        await asyncio.wait({working}, timeout=LOOK_SECONDS)
    working.result()
