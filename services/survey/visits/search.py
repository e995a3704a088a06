"""Finding a person to reach by house, name or phone: by keyed ids and hashes, never by what they stand for."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from shared.postgres.pool import Connection

MOST_LOOKED_AT: Final = 1_000
"""Of a name that thousands bear, so many are looked at: their rows are read in 20 ms. Who looks for one person gives
first name and surname, which few share."""

BY_HOUSEHOLD = """
SELECT household_id, person_id
FROM reach
WHERE household_id = $1 AND starts_with(area, $2)
ORDER BY place
"""

BY_TOKENS = """
SELECT household_id, person_id
FROM (
    SELECT household_id, person_id, rank, wanting_since
    FROM reach
    WHERE tokens @> $1::bigint[] AND starts_with(area, $2)
    LIMIT $3
) AS found
ORDER BY rank, wanting_since, household_id, person_id
LIMIT $4
"""


async def by_household(connection: Connection, household_id: UUID, area: str) -> list[tuple[UUID, UUID]]:
    """The persons to reach of a household in `area`."""
    return [(row[0], row[1]) for row in await connection.fetch(BY_HOUSEHOLD, household_id, area)]


async def by_tokens(connection: Connection, tokens: Sequence[int], area: str, limit: int) -> list[tuple[UUID, UUID]]:
    """Persons of `area` who carry all these hashes, by priority, at most `limit` of those looked at."""
    rows = await connection.fetch(BY_TOKENS, list(tokens), area, MOST_LOOKED_AT, limit)
    return [(row[0], row[1]) for row in rows]
