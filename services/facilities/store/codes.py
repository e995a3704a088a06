"""Official codes: whose is one?"""

from typing import Final
from uuid import UUID

from services.facilities.domain.places import Content
from shared.contracts.events import FacilityStatus
from shared.postgres.pool import Connection


class CodeInUse(Exception):
    """Another open place of this kind has the code."""

    def __init__(self, facility_id: UUID, name: str) -> None:
        super().__init__(facility_id)
        self.facility_id = facility_id
        self.name = name


# Held until the transaction ends: of two who enter one code at once, the second looks after the first is done.
LOCK_CODE: Final = """
SELECT pg_advisory_xact_lock(hashtextextended('facility.official_code ' || $1, 0))
"""

# A hospital's code is also that of the vaccination point in it: only places of one kind are held against each other.
SELECT_OTHER: Final = """
SELECT facility_id, name FROM facility
WHERE official_code = $1 AND kind = $2 AND facility_id <> $3 AND status <> 'closed'
LIMIT 1
"""


async def demand_free(connection: Connection, content: Content, facility_id: UUID) -> None:
    """Hold a place's code against those of others, in the caller's transaction. Raises `CodeInUse`."""
    if content.official_code is None or content.status is FacilityStatus.CLOSED:
        return
    await connection.execute(LOCK_CODE, content.official_code)
    row = await connection.fetchrow(SELECT_OTHER, content.official_code, content.kind, facility_id)
    if row is not None:
        raise CodeInUse(row["facility_id"], row["name"])
