"""What the survey's keeper does for visits: ends claims, and keeps the copy of the vaccination points."""

import asyncio
from dataclasses import dataclass
from typing import Final

import asyncpg

from services.survey.visits import claims, points
from shared.contracts.topics import FACILITY_UPDATED, Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock, pause
from shared.observability.logs import log
from shared.postgres.pool import acquire

AGAIN_SECONDS: Final = 60.0
"""After what cannot be waited out, such as a topic whose beginning is gone: an operator has to look, and what the
keeper does by the clock goes on meanwhile."""

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class EndingClaims:
    """A duty of the keeper."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    clock: Clock

    async def turn(self) -> None:
        """Ends what has expired, batch by batch."""
        ended = claims.MOST_ENDED
        while ended == claims.MOST_ENDED:
            async with acquire(self.pool) as connection, connection.transaction():
                ended = await claims.end_expired(connection, self.clock.now())
            if ended:
                _log.info("claims_ended", claims=ended)


class VaccinationPoints:
    """Keeps the copy of the vaccination points, in the keeper's process: an event a minute is no work for a process of
    its own."""

    def __init__(
        self, kafka: KafkaSettings, pool: "asyncpg.Pool[asyncpg.Record]", topic: Topic = FACILITY_UPDATED
    ) -> None:
        self._consumer = PositionedConsumer(
            kafka,
            pool,
            group=points.GROUP,
            topics=[topic],
            handler=ProjectionHandler(points.PointsProjection(topic.name), [topic]),
        )

    @property
    def connected(self) -> bool:
        """True while the consumer is in its group and the database answers."""
        return self._consumer.connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set, whatever happens."""
        while not stopping.is_set():
            try:
                await self._consumer.run(stopping)
            except Exception as error:  # the duties beside it shall not end for it
                _log.error("vaccination_points_stopped", cause=type(error).__name__)
                await pause(stopping, AGAIN_SECONDS)
