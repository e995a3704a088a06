"""Events that are missing in a stream: where a partition waits for one, and what operators have given up.

A dismissal names the gap exactly, by the sequence before it and the one behind it, so that no other gap is passed over
by it. What is published of the missing events after that is dropped as a repetition: a reconciliation shows it.
"""

import asyncio
from collections.abc import Sequence, Set
from contextlib import suppress
from typing import Final

from services.reporting.store import Pool
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.position import Position
from shared.kafka.projection import Gap, ProjectionHandler
from shared.observability.clock import pause
from shared.postgres.pool import UNREACHABLE, Connection, acquire

LOOK_SECONDS: Final = 1.0
"""How soon a dismissal is heeded; nothing is asked while nothing is missing."""

# Of any epoch: sequences of a new one lie above all before, and a rebuild counts epochs from 1 again.
DISMISSED: Final = "SELECT last_sequence, previous FROM public.gap_dismissal WHERE topic = $1 AND partition = $2"

FORGET: Final = """
DELETE FROM public.gap
WHERE topic = $1 AND partition = $2 AND (topic_epoch, last_sequence) IS DISTINCT FROM ($3::integer, $4::bigint)
"""

NOTE: Final = """
INSERT INTO public.gap AS g (topic, partition, topic_epoch, last_sequence, previous)
SELECT * FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bigint[], $5::bigint[])
ON CONFLICT (topic, partition) DO UPDATE SET
    topic_epoch = excluded.topic_epoch, last_sequence = excluded.last_sequence, previous = excluded.previous
"""

DISMISSALS: Final = "SELECT count(*) FROM public.gap_dismissal"

CLOSE: Final = """
DELETE FROM public.gap AS g
USING unnest($1::text[], $2::integer[]) AS c (topic, partition)
WHERE g.topic = c.topic AND g.partition = c.partition
"""


class DismissedGaps:
    """Lets the chain pass over what was dismissed; of gaps that are met beside the shown figures nothing is noted."""

    async def dismissed(self, connection: Connection, position: Position) -> Set[Gap]:
        """Gaps of a partition that the chain may pass over."""
        rows = await connection.fetch(DISMISSED, position.topic, position.partition)
        return {(row["last_sequence"], row["previous"]) for row in rows}

    async def note(self, connection: Connection, found: Sequence[tuple[Position, Gap | None]]) -> None:
        """Nothing."""


class NotedGaps(DismissedGaps):
    """Notes the gaps of the shown figures as well, for operators to see."""

    async def dismissed(self, connection: Connection, position: Position) -> Set[Gap]:
        """Forgets a gap that is behind the position: a rebuild has passed it, or the topic was made anew."""
        await connection.execute(
            FORGET, position.topic, position.partition, position.topic_epoch, position.last_sequence
        )
        return await super().dismissed(connection, position)

    async def note(self, connection: Connection, found: Sequence[tuple[Position, Gap | None]]) -> None:
        """Writes them into `gap`."""
        opened = [
            (position.topic, position.partition, position.topic_epoch, *gap)
            for position, gap in found
            if gap is not None
        ]
        closed = [(position.topic, position.partition) for position, gap in found if gap is None]
        if opened:
            await connection.execute(NOTE, *map(list, zip(*opened, strict=True)))
        if closed:
            await connection.execute(CLOSE, *map(list, zip(*closed, strict=True)))


async def heed_dismissals(
    pool: Pool, handler: ProjectionHandler, consumer: PositionedConsumer, stopping: asyncio.Event
) -> None:
    """While partitions wait, has them read again when something was dismissed; until `stopping` is set."""
    known = None
    while not stopping.is_set():
        await pause(stopping, LOOK_SECONDS)
        if not handler.waiting:
            known = None
            continue
        with suppress(*UNREACHABLE):
            async with acquire(pool) as connection:
                found = await connection.fetchval(DISMISSALS)
            if found != known:
                known = found
                consumer.take_over_again()
