"""Connections to Kafka whose askers go away while they are made."""

import asyncio
import gc

from services.reporting.streams.extents import Extents
from services.reporting.streams.readers import Readers
from shared.contracts.topics import HELP_UPDATED
from tests.runtime import Runtime

MOMENTS = 60
"""At each, a little later than at the last, an asker goes away; a connection takes some 10 to 50 ms."""


async def test_an_asker_who_goes_away_leaves_no_connection_open(runtime: Runtime) -> None:
    """Or the collection of garbage would warn of it, by which the test fails."""
    topic = runtime.create_topic(HELP_UPDATED, partitions=1)
    readers, extents = Readers(runtime.kafka_settings(), 1), Extents(runtime.kafka_settings())

    async def read() -> None:
        async with readers.lent(None) as reader:
            await reader.begin(topic.name, {0: 0})

    for asked in (read, lambda: extents.now(topic)):
        for moment in range(MOMENTS):
            asking = asyncio.ensure_future(asked())
            await asyncio.wait([asking], timeout=moment / 1000)
            asking.cancel()
            await asyncio.wait([asking])
            await readers.close()
            await extents.close()
        gc.collect()
        await asked()  # whoever stays is served
    await readers.close()
    await extents.close()
    runtime.delete_topic(topic)
