"""Kinds of place."""

from typing import Final

from services.facilities.domain.kinds import STANDARD, Field, Kind, Kinds
from shared.postgres.pool import Connection

MOST_KINDS: Final = 50
"""A list that one looks through when a place is entered."""

SELECT_KINDS: Final = """
SELECT kind, th, en, beds, fields, standard FROM facility_kind ORDER BY array_position($1::text[], kind), kind
"""

# The five stay as the directive has them. The lock keeps two who add one each from going past the limit.
PUT_KIND: Final = """
INSERT INTO facility_kind (kind, th, en, beds, fields)
SELECT $1, $2, $3, $4, $5
WHERE (SELECT count(*) FROM facility_kind WHERE kind <> $1) < $6
ON CONFLICT (kind) DO UPDATE SET th = excluded.th, en = excluded.en
WHERE NOT facility_kind.standard AND facility_kind.beds = excluded.beds AND facility_kind.fields = excluded.fields
RETURNING kind
"""
LOCK_KINDS: Final = "LOCK TABLE facility_kind IN SHARE ROW EXCLUSIVE MODE"


async def kinds(connection: Connection) -> Kinds:
    """Every kind: the five in the directive's order, then the further ones by name."""
    rows = await connection.fetch(SELECT_KINDS, list(STANDARD))
    return {
        row["kind"]: Kind(
            row["kind"], row["th"], row["en"], row["beds"], frozenset(map(Field, row["fields"])), row["standard"]
        )
        for row in rows
    }


async def put(connection: Connection, kind: Kind) -> bool:
    """Adds a further kind, or changes its names. False where that cannot be: it is one of the five, places were entered
    under other fields, or there are as many as may be."""
    async with connection.transaction():
        await connection.execute(LOCK_KINDS)
        fields = sorted(kind.fields)
        written = await connection.fetchval(PUT_KIND, kind.kind, kind.th, kind.en, kind.beds, fields, MOST_KINDS)
    return written is not None
