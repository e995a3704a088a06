"""A consumer of Kafka without a group, connected when it is first asked for."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaConsumer

from shared.kafka.membership import leave

STOP_SECONDS: Final = 5.0
"""For connecting, and for the end of a connection: a broker that does not answer is left after this time."""


class Connection:
    """One client, for whoever asks next.

    Connecting is nobody's own: a subscriber who goes away meanwhile leaves it to the next one. Cancelled in the midst
    of it, aiokafka 0.14 would leave its first connection open.
    """

    def __init__(self, create: Callable[[], AIOKafkaConsumer]) -> None:
        self._create = create
        self._connecting: asyncio.Task[AIOKafkaConsumer] | None = None

    async def client(self) -> AIOKafkaConsumer:
        """The client, connected. Raises what Kafka raises; who asks then tries anew."""
        known = self._connecting
        if known is None or (known.done() and (known.cancelled() or known.exception() is not None)):
            known = self._connecting = asyncio.create_task(_started(self._create()))
        return await asyncio.shield(known)

    async def close(self) -> None:
        """Ends it; who asks then has another one. Who gives up meanwhile does not stop that."""
        known, self._connecting = self._connecting, None
        if known is not None:
            await asyncio.shield(asyncio.create_task(_closed(known)))


async def _started(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """The consumer, connected; one that finds no Kafka is closed again."""
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


async def _closed(connecting: asyncio.Task[AIOKafkaConsumer]) -> None:
    await asyncio.wait([connecting], timeout=STOP_SECONDS)
    if not connecting.done():
        connecting.cancel()  # `_started` stops what there is of it
    elif not connecting.cancelled() and connecting.exception() is None:
        await leave(connecting.result(), STOP_SECONDS)
