"""A schema of its own for figures that are made beside the shown ones: the same tables, empty, and positions at the
start of the streams.

A builder works with this schema as its only search path: when the tables have been swapped in, or the schema is gone,
it finds nothing under their names, and whatever it still does takes no effect.
"""

import re
from collections.abc import Sequence
from typing import Final

from services.reporting.projector import TABLES
from shared.contracts.topics import Topic
from shared.postgres.pool import Connection

POSITIONS: Final = "consumer_position"
BUILT: Final = (POSITIONS, "stream_progress", *TABLES)
"""What is made anew and swapped. The positions come first: every batch of a projector begins with them, so that who has
them locked meets no batch amid its work."""

DEAD_LETTERS: Final = "dead_letter"

CREATE: Final = "CREATE SCHEMA {schema}"
COPY: Final = "CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)"
SET_OPTIONS: Final = "ALTER TABLE {schema}.{table} SET ({options})"
RENAME_INDEX: Final = 'ALTER INDEX {schema}."{found}" RENAME TO "{wanted}"'
DROP: Final = "DROP SCHEMA IF EXISTS {schema} CASCADE"

OPTIONS: Final = """
SELECT c.relname AS table, array_to_string(c.reloptions, ', ') AS options
FROM pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY ($1::text[]) AND c.reloptions IS NOT NULL
"""

INDEXES: Final = """
SELECT t.relname AS table, i.relname AS name, pg_get_indexdef(i.oid) AS definition
FROM pg_index AS x
JOIN pg_class AS t ON t.oid = x.indrelid
JOIN pg_class AS i ON i.oid = x.indexrelid
WHERE t.relnamespace = $1::text::regnamespace AND t.relname = ANY ($2::text[])
ORDER BY i.relname
"""

BEGIN: Final = """
INSERT INTO {schema}.consumer_position (topic, partition, topic_id, topic_epoch, owner_epoch, next_offset)
SELECT topic, partition, topic_id, topic_epoch, owner_epoch, 0
FROM public.consumer_position
WHERE topic = ANY ($1::text[])
"""

COLUMNS: Final = """
SELECT t.relname AS table, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required
FROM pg_attribute AS a
JOIN pg_class AS t ON t.oid = a.attrelid
WHERE t.relnamespace = $1::text::regnamespace AND t.relname = ANY ($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY t.relname, a.attname
"""

EXISTS: Final = "SELECT to_regnamespace($1) IS NOT NULL"

SCHEMAS: Final = """
SELECT substr(nspname, 7)::integer AS number FROM pg_namespace WHERE nspname ~ '^build_[0-9]{1,9}$' ORDER BY 1
"""

LOCK_CLASS: Final = 0x4A42
"""Of the advisory locks of schemas in use: a key that nothing else in the database uses by chance."""
USE: Final = "SELECT pg_advisory_lock($1, $2)"
TRY_USE: Final = "SELECT pg_try_advisory_xact_lock($1, $2)"

NUMBER: Final = "SELECT nextval('public.build_number')"

_NAMED: Final = re.compile(r"INDEX .+? ON \S+ ")


def schema_name(number: int) -> str:
    """The schema of a build."""
    return f"build_{int(number)}"


async def new_number(connection: Connection) -> int:
    """The number of a schema to be made, which no other ever has."""
    return int(await connection.fetchval(NUMBER))


async def create(connection: Connection, number: int, topics: Sequence[Topic]) -> None:
    """Makes a schema with empty tables and positions at the start of the streams; whole or not at all."""
    schema = schema_name(number)
    async with connection.transaction():
        await connection.execute(CREATE.format(schema=schema))
        for table in (*BUILT, DEAD_LETTERS):
            await connection.execute(COPY.format(schema=schema, table=table))
        for row in await connection.fetch(OPTIONS, BUILT):  # what LIKE leaves out
            await connection.execute(SET_OPTIONS.format(schema=schema, table=row["table"], options=row["options"]))
        await _name_indexes(connection, schema)
        await connection.execute(BEGIN.format(schema=schema), [topic.name for topic in topics])


async def _name_indexes(connection: Connection, schema: str) -> None:
    """Gives the copies the names of the originals, by which later migrations find them."""
    names: dict[tuple[str, str], list[str]] = {}
    for row in await connection.fetch(INDEXES, "public", BUILT):
        names.setdefault(_meaning(row["table"], row["definition"]), []).append(row["name"])
    for row in await connection.fetch(INDEXES, schema, BUILT):
        wanted = names[_meaning(row["table"], row["definition"])].pop()
        if wanted != row["name"]:
            await connection.execute(RENAME_INDEX.format(schema=schema, found=row["name"], wanted=wanted))


def _meaning(table: str, definition: str) -> tuple[str, str]:
    return table, _NAMED.sub("INDEX ", definition)


async def fits(connection: Connection, number: int) -> bool:
    """Whether the schema is there and its tables have the columns and indexes of the shown ones, as when it was begun
    before a migration they may not."""
    schema = schema_name(number)
    if not await connection.fetchval(EXISTS, schema):
        return False
    wanted, found = [await _structure(connection, each) for each in ("public", schema)]
    return wanted == found


async def _structure(connection: Connection, schema: str) -> list[tuple[str, ...]]:
    columns = await connection.fetch(COLUMNS, schema, BUILT)
    indexes = await connection.fetch(INDEXES, schema, BUILT)
    return [
        *(tuple(map(str, row)) for row in columns),
        *sorted((row["name"], *_meaning(row["table"], row["definition"])) for row in indexes),
    ]


async def drop(connection: Connection, number: int) -> None:
    """Removes a schema with all that is in it, if it is there."""
    await connection.execute(DROP.format(schema=schema_name(number)))


async def sweep(connection: Connection, but: int | None) -> None:
    """Removes schemas that nobody uses any more; not the one of the number `but`, which a rebuild goes on with."""
    for number in [row["number"] for row in await connection.fetch(SCHEMAS)]:
        if number != but:
            async with connection.transaction():
                if await connection.fetchval(TRY_USE, LOCK_CLASS, number):
                    await drop(connection, number)


async def use(connection: Connection, number: int) -> None:
    """Keeps a schema from being swept while this connection is open, also one that is yet to be made."""
    await connection.execute(USE, LOCK_CLASS, number)
