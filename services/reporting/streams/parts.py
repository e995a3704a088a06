"""What all answers of this process share."""

import asyncio
from typing import Final

from services.reporting.settings import StreamSettings
from services.reporting.store import Pool
from services.reporting.streams.cursors import Seals
from services.reporting.streams.extents import Extents
from services.reporting.streams.gate import Gate
from services.reporting.streams.readers import Readers
from services.reporting.subscribers.grants import Grants
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock


class Streams:
    """The streams for subscribers. Nothing is opened before the first of them asks."""

    def __init__(self, kafka: KafkaSettings, pool: Pool, settings: StreamSettings, clock: Clock) -> None:
        self.settings: Final = settings
        self.pool: Final = pool
        self.clock: Final = clock
        self.gate: Final = Gate(settings.most_open, settings.most_open_of_one)
        self.seals: Final = Seals(pool)
        self.extents: Final = Extents(kafka)
        self.readers: Final = Readers(kafka, settings.readers)
        self.grants: Final = Grants(pool)
        self.closing: Final = asyncio.Event()
        """Set when the process is about to stop: answers end in order."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Follows what is granted until `stopping` is set; then ends the answers."""
        following = asyncio.create_task(self.grants.follow())
        waiting = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({following, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                following.result()  # it never ends but by an error
        finally:
            self.closing.set()
            following.cancel()
            waiting.cancel()

    async def close(self) -> None:
        """Ends the connections to Kafka."""
        await asyncio.gather(self.readers.close(), self.extents.close())
