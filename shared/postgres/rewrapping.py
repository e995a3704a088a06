"""After a rotation of sealing keys: wraps data keys under the new one while everything runs.

Tables are walked by their blocks, a stretch in each transaction, so that a pass reads a table once, in order, whatever
its indexes are. Rows are locked while their keys are wrapped anew, so that one that is erased meanwhile stays erased.
A kill in between costs nothing: what was done stays done, and the next pass passes over it. Passes follow each other
for as long as the ring has an old key, since what was sealed under it is written later too: by a transaction that was
open, by a process that had not read the ring yet, from a log.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from shared.observability.logs import log
from shared.observability.metrics import REWRAPPED_KEYS
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing, SealBroken

BLOCKS: Final = 256
"""Of 8 KiB, in one transaction: some 2,000 submissions, whose keys take 30 ms of computing."""
PAUSE_SECONDS: Final = 0.02
"""Between two transactions that changed something, so that a pass takes a share of the machine and not all of it."""
REWRAPPING_RESTS: Final = 20
"""A pass comes after so many times as long as the last one took, where that is later than the duty's next turn: a pass
over hundreds of gigabytes, which takes minutes, does not follow the last one at once."""
COUNT_SECONDS: Final = 900.0
"""Counting by key reads whole tables."""

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table with sealed rows. of, field: SQL for what they are bound to; key, wrapped: the columns of the key's id
    and of the wrapped data key."""

    name: str
    of: str
    field: str
    key: str = "key_id"
    wrapped: str = "wrapped_key"

    def old(self) -> str:
        """Rows of a stretch of blocks whose key is not the current one, locked."""
        return f"""
SELECT ctid::text AS place, ({self.of})::text AS of, ({self.field})::text AS field,
       {self.key} AS key_id, {self.wrapped} AS wrapped_key
FROM {self.name}
WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND {self.key} <> $3 AND {self.wrapped} IS NOT NULL
FOR UPDATE
"""  # noqa: S608 - names of ours

    def change(self) -> str:
        """Puts wrapped keys into places."""
        return f"""
UPDATE {self.name} AS t
SET {self.key} = $3, {self.wrapped} = c.wrapped_key
FROM (SELECT place::tid AS place, wrapped_key FROM unnest($1::text[], $2::bytea[]) AS c (place, wrapped_key)) AS c
WHERE t.ctid = c.place
"""  # noqa: S608 - names of ours

    def count(self) -> str:
        """How many rows have which key."""
        return f"SELECT {self.key}, count(*) FROM {self.name} WHERE {self.wrapped} IS NOT NULL GROUP BY 1"  # noqa: S608


class Rewrapping:
    """The duty of whoever keeps a database with sealed columns."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", ring: KeyRing, tables: Sequence[SealedTable]) -> None:
        self._pool = pool
        self._ring = ring
        self._tables = tables

    async def turn(self) -> None:
        """One pass over all tables, if the ring has more than one key."""
        self._ring.reload()
        if len(self._ring.key_ids) == 1:
            return
        if changed := sum([await self.one_pass(table) for table in self._tables]):
            _log.info("keys_rewrapped", key=self._ring.current, rows=changed)

    async def one_pass(self, table: SealedTable) -> int:
        """Wraps anew what a table holds now, and says how many keys that were."""
        async with acquire(self._pool) as connection:
            blocks = await connection.fetchval("SELECT pg_relation_size($1::text::regclass) / 8192", table.name)
        changed = 0
        for first in range(0, blocks, BLOCKS):
            async with acquire(self._pool) as connection, connection.transaction():
                number = await self._stretch(connection, table, first)
            if number:
                changed += number
                REWRAPPED_KEYS.labels(table.name).inc(number)
                await asyncio.sleep(PAUSE_SECONDS)
        return changed

    async def _stretch(self, connection: Connection, table: SealedTable, first: int) -> int:
        current = self._ring.current
        rows = await connection.fetch(table.old(), f"({first},0)", f"({first + BLOCKS},0)", current)
        places, keys, broken = [], [], []
        for row in rows:
            try:
                key_id, key = self._ring.rewrap(
                    row["key_id"], row["wrapped_key"], household=row["of"], field=row["field"]
                )
            except SealBroken:
                broken.append(row["of"])
                continue
            if key_id == current:  # else the ring was replaced just now: the next pass takes it
                places.append(row["place"])
                keys.append(key)
        if broken:  # as many as may be under a key that is lost: each pass meets them again
            _log.error("wrapped_keys_broken", table=table.name, rows=len(broken), one=broken[0])
        if places:
            await connection.execute(table.change(), places, keys, current)
        return len(places)


async def keys_in_use(connection: Connection, tables: Sequence[SealedTable]) -> Mapping[str, Mapping[str, int]]:
    """How many sealed values of each table are wrapped under which key: by table, by key."""
    found: dict[str, Counter[str]] = {}
    for table in tables:
        rows = await connection.fetch(table.count(), timeout=COUNT_SECONDS)
        found.setdefault(table.name, Counter()).update({row[0]: row[1] for row in rows})
    return found
