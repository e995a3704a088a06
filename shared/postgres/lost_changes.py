"""Changes that Kafka tells of and a restored database does not know: `./jitasa admin lost-changes`, or in a pod, of its
service's own database, `python -m shared.postgres.lost_changes`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

import asyncpg

from shared.postgres.settings import PostgresSettings

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


def show(databases: Iterable[Mapping[str, Any]]) -> int:
    """Print each entity with what was told of it last, by now; 0 when there are none, 1 otherwise. databases: how
    asyncpg reaches each."""
    found = asyncio.run(_found(databases))
    for line in found:
        print(line)
    print(f"{len(found)} entities were changed in ways that only Kafka knows." if found else "Nothing is lost.")
    return 1 if found else 0


async def _found(databases: Iterable[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for database in databases:
        connection = await asyncpg.connect(**database, timeout=5)
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


if __name__ == "__main__":
    sys.exit(show([PostgresSettings().for_asyncpg()]))
