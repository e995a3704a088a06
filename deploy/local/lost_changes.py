"""Changes that Kafka tells of and a restored database does not know: `./jitasa admin lost-changes`."""

from __future__ import annotations

import asyncio
import json
from typing import Final

import asyncpg

from deploy.catalogue import SERVICES
from deploy.local.postgres import Postgres

_MOST: Final = 10_000
"""Lines that are shown; a database that is set back by so many changes is not mended by hand."""

_ADOPTED: Final = """
SELECT topic, key, count(adopted_at) AS changes, max(event_time) FILTER (WHERE adopted_at IS NOT NULL) AS latest,
       (array_agg(convert_from(body, 'UTF8') ORDER BY id DESC))[1] AS body
FROM outbox
WHERE (topic, key) IN (SELECT topic, key FROM outbox WHERE adopted_at IS NOT NULL)
GROUP BY topic, key
ORDER BY latest
LIMIT $1
"""


def show(postgres: Postgres) -> int:
    """Print each entity with what was told of it last, by now; 0 when there are none, 1 otherwise."""
    found = asyncio.run(_found(postgres))
    for line in found:
        print(line)
    print(f"{len(found)} entities were changed in ways that only Kafka knows." if found else "Nothing is lost.")
    return 1 if found else 0


async def _found(postgres: Postgres) -> list[str]:
    lines: list[str] = []
    for service in SERVICES:
        connection = await asyncpg.connect(**postgres.connection(database=service.name), timeout=5)
        try:
            if await connection.fetchval("SELECT to_regclass('outbox') IS NOT NULL"):
                lines += [_line(row) for row in await connection.fetch(_ADOPTED, _MOST)]
        finally:
            await connection.close(timeout=5)
    return lines


def _line(row: asyncpg.Record) -> str:
    body = json.loads(row["body"])
    return (
        f"{row['latest']:%Y-%m-%d %H:%M:%S}Z {row['topic']} {row['key']} {row['changes']} lost; told: {body['status']}"
    )
