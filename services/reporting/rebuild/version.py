"""Which version of the projections the shown figures are of."""

from typing import Final

from shared.postgres.pool import Connection

NOTE: Final = """
WITH lowered AS (
    UPDATE projection_version SET version = least(version, $1) RETURNING version
)
INSERT INTO projection_version
SELECT CASE WHEN EXISTS (SELECT FROM consumer_position) THEN 0 ELSE $1 END
WHERE NOT EXISTS (SELECT FROM lowered)
ON CONFLICT ((true)) DO NOTHING
"""

BEHIND: Final = "SELECT coalesce((SELECT version < $1 FROM projection_version), false)"

PUT: Final = """
INSERT INTO public.projection_version VALUES ($1) ON CONFLICT ((true)) DO UPDATE SET version = excluded.version
"""


async def note_version(connection: Connection, version: int) -> None:
    """A projector of this version begins: from now on nothing better than its figures is added.

    Who goes back to an older version and forward again has figures of both, which counts as the older one.
    """
    await connection.execute(NOTE, version)


async def behind(connection: Connection, version: int) -> bool:
    """Whether the shown figures mean less than this version says: they have yet to be counted anew."""
    return bool(await connection.fetchval(BEHIND, version))


async def put_version(connection: Connection, version: int) -> None:
    """The shown figures are of this version."""
    await connection.execute(PUT, version)
