"""Who read whose personal data: a row for every reading, committed before anything is given out.

Rows are added and never changed (services/survey/privacy/chain.py).
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.postgres.pool import Connection
from shared.security.citizens import Citizen
from shared.security.principal import Principal

NOTE_READING = """
INSERT INTO reading (read_at, reader, role, area, purpose, households)
VALUES ($1, $2, $3, $4, $5, $6)
"""

CITIZEN = "citizen"
"""The role of who read what is held about himself."""


class Purpose(StrEnum):
    """What personal data was read for."""

    REACH = "reach"
    SEARCH = "search"
    ROUTE = "route"
    HOUSEHOLD = "household"
    HELP = "help"
    QUALITY = "quality"
    SUBJECT_REQUEST = "subject_request"
    HOUSES = "houses"
    AUDIT = "audit"


async def note_reading(
    connection: Connection, reader: Principal | Citizen, purpose: Purpose, households: Sequence[UUID], *, now: datetime
) -> None:
    """Records a reading; of nothing as well, since that is an answer too."""
    role, area = role_of(reader)
    await connection.execute(NOTE_READING, now, reader.subject, role, area, purpose.value, list(households))


def role_of(reader: Principal | Citizen) -> tuple[str, str]:
    """The role of who reads, and the area in which it is held."""
    return (CITIZEN, "") if isinstance(reader, Citizen) else (reader.role.value, reader.area)
