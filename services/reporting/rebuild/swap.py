"""Puts figures that were made beside the shown ones in their place: one transaction, wholly or not at all.

1. The projector's batches wait (they begin with the positions), readers go on; the builder comes up to where the
   projector stands.
2. All tables are locked, for a moment only: whoever reads for long is not waited for, the swap is tried again instead.
3. The old tables go, the new ones come. The owner epochs rise above all before, so that the projector finds itself
   fenced and goes on from the new positions. The builder's names lead nowhere any more.

A reader who began before sees one or the other of each table, never none; every viewer gets the whole picture anew.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.reporting.notices import Kind, notify
from services.reporting.rebuild.schema import BUILT, drop, fits, schema_name
from services.reporting.rebuild.version import put_version
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.postgres.pool import acquire

LOCK_MILLISECONDS: Final = 500
"""Readers wait this long at the most for a swap that cannot have its locks."""
COME_UP_SECONDS: Final = 3.0
"""How long the projector waits for the builder to come up; well within its own time-out for locks."""
LOOK_SECONDS: Final = 0.02

BEHIND: Final = """
SELECT count(*)
FROM public.consumer_position AS p
LEFT JOIN {schema}.consumer_position AS b USING (topic, partition)
WHERE p.topic = ANY ($1::text[])
  AND (b.topic_id IS DISTINCT FROM p.topic_id OR b.next_offset < p.next_offset)
"""

ANALYZE: Final = "ANALYZE {tables}"
LIMIT_LOCKS: Final = f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}"
HOLD_POSITIONS: Final = "LOCK TABLE public.consumer_position IN SHARE MODE"
LOCK_ALL: Final = "LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE"

RAISE_EPOCHS: Final = """
UPDATE {schema}.consumer_position SET
    owner_epoch = 1 + greatest(owner_epoch, (SELECT coalesce(max(owner_epoch), 0) FROM public.consumer_position))
"""

TAKE_DEAD_LETTERS: Final = """
INSERT INTO public.dead_letter (topic, partition, topic_epoch, "offset", sequence, cause, key, headers, value, seen_at)
SELECT topic, partition, topic_epoch, "offset", sequence, cause, key, headers, value, seen_at
FROM {schema}.dead_letter
ON CONFLICT (topic, topic_epoch, partition, "offset") DO NOTHING
"""

RESOLVE_DEAD_LETTERS: Final = """
UPDATE public.dead_letter AS d SET resolution = 'rebuilt', resolved_at = $1
FROM {schema}.consumer_position AS b
WHERE d.resolution IS NULL AND d.sequence IS NOT NULL
  AND b.topic = d.topic AND b.partition = d.partition AND b.topic_epoch = d.topic_epoch AND d."offset" < b.next_offset
  AND NOT EXISTS (
      SELECT FROM {schema}.dead_letter AS n
      WHERE (n.topic, n.topic_epoch, n.partition, n."offset") = (d.topic, d.topic_epoch, d.partition, d."offset")
  )
"""

REPLACE: Final = "DROP TABLE public.{table}; ALTER TABLE {schema}.{table} SET SCHEMA public"

SUM_UP_AGAIN: Final = "UPDATE public.month_summed SET events = -1"
"""Kept sums of open months are made of these tables; as many events as now may have been summed up of the old ones."""

END: Final = "UPDATE public.rebuild SET state = 'done', ended_at = $2 WHERE rebuild_id = $1 AND state = 'filling'"


class NotUpYet(Exception):
    """The builder has not come up to the projector in time."""


class OutOfDate(Exception):
    """A migration has changed the shown tables meanwhile: others have to be filled."""


async def caught_up(pool: Pool, number: int, topics: Sequence[Topic]) -> bool:
    """Whether the builder was up to the projector just now."""
    async with acquire(pool) as connection:
        names = [topic.name for topic in topics]
        return not await connection.fetchval(BEHIND.format(schema=schema_name(number)), names)


async def analyze(pool: Pool, number: int) -> None:
    """Lets the new tables be planned for as the old ones are."""
    async with acquire(pool) as connection:
        await connection.execute(ANALYZE.format(tables=", ".join(f"{schema_name(number)}.{each}" for each in BUILT)))


async def swap(
    pool: Pool, rebuild_id: int, number: int, version: int, topics: Sequence[Topic], *, now: datetime
) -> None:
    """Puts the figures of the schema in the place of the shown ones and ends the rebuild.

    Raises `NotUpYet`, `OutOfDate`, or what the database raises for locks that are not to be had in time: nothing has
    happened then.
    """
    schema = schema_name(number)
    names = [topic.name for topic in topics]
    async with acquire(pool) as connection, connection.transaction():
        await connection.execute(LIMIT_LOCKS)
        await connection.execute(HOLD_POSITIONS)
        until = asyncio.get_running_loop().time() + COME_UP_SECONDS
        while await connection.fetchval(BEHIND.format(schema=schema), names):
            if asyncio.get_running_loop().time() > until:
                raise NotUpYet
            await asyncio.sleep(LOOK_SECONDS)
        tables = [f"{where}.{table}" for table in BUILT for where in (schema, "public")]
        await connection.execute(LOCK_ALL.format(tables=", ".join(tables)))
        if not await fits(connection, number):
            raise OutOfDate
        await connection.execute(RAISE_EPOCHS.format(schema=schema))
        await connection.execute(TAKE_DEAD_LETTERS.format(schema=schema))
        await connection.execute(RESOLVE_DEAD_LETTERS.format(schema=schema), now)
        for table in BUILT:
            await connection.execute(REPLACE.format(schema=schema, table=table))
        await connection.execute(SUM_UP_AGAIN)
        await drop(connection, number)
        await put_version(connection, version)
        await connection.execute(END, rebuild_id, now)
        for kind in Kind:
            await notify(connection, kind, None)
