"""Official codes: whose is one?"""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from services.facilities.domain.places import Change
from shared.postgres.pool import Connection


class CodeInUse(Exception):
    """Another open place of this kind has the code."""

    def __init__(self, facility_id: UUID, name: str) -> None:
        super().__init__(facility_id)
        self.facility_id = facility_id
        self.name = name


# Held until the transaction ends: of two who enter one code at once, the second looks after the first is done. A list
# of the whole country enters 100,000 codes, more than PostgreSQL holds locks: so it is 256 drawers that are locked, in
# one order, and two who enter different codes seldom wait for each other. Whoever also locks places does that before.
LOCK_CODES: Final = """
SELECT pg_advisory_xact_lock(hashtext('facility.official_code'), drawer)
FROM (SELECT DISTINCT hashtext(code) & 255 AS drawer FROM unnest($1::text[]) AS c (code) ORDER BY drawer) AS d
"""

# A hospital's code is also that of the vaccination point in it: only places of one kind are held against each other.
SELECT_OTHER: Final = """
SELECT facility_id, name FROM facility
WHERE official_code = $1 AND kind = $2 AND facility_id <> $3 AND status <> 'closed'
LIMIT 1
"""


async def lock(connection: Connection, codes: Iterable[str]) -> None:
    """Let nobody else enter some codes until the caller's transaction ends."""
    await connection.execute(LOCK_CODES, list(codes))


async def demand_free(connection: Connection, change: Change) -> None:
    """Hold the code that a change gives to a place against those of others, in the caller's transaction; a code that
    the place has had is its own. Raises `CodeInUse`."""
    content = change.after.content
    if not change.takes_code or content.official_code is None:
        return
    await lock(connection, [content.official_code])
    row = await connection.fetchrow(SELECT_OTHER, content.official_code, content.kind, change.after.facility_id)
    if row is not None:
        raise CodeInUse(row["facility_id"], row["name"])
