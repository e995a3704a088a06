"""A consumer of Kafka without a group, connected when it is first asked for."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiokafka import AIOKafkaConsumer

from shared.observability.logs import log

STOP_SECONDS: Final = 5.0
"""A broker that does not answer is left after this time."""

_log = log(__name__)


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
        """Ends it, at the latest after `STOP_SECONDS`; who asks then has another one."""
        known, self._connecting = self._connecting, None
        if known is None:
            return
        stopped = asyncio.create_task(_stopped(known))
        await asyncio.wait([stopped], timeout=STOP_SECONDS)
        if not stopped.done():
            stopped.cancel()
        elif not stopped.cancelled() and (error := stopped.exception()) is not None:
            _log.info("reader_stopped_badly", cause=type(error).__name__)


async def _started(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """The consumer, connected; one that finds no Kafka is closed again."""
    try:
        await consumer.start()
    except BaseException:
        await consumer.stop()
        raise
    return consumer


async def _stopped(connecting: asyncio.Task[AIOKafkaConsumer]) -> None:
    """Stops what has been connected by then, if it has."""
    await asyncio.wait([connecting])
    if not connecting.cancelled() and connecting.exception() is None:
        await connecting.result().stop()
