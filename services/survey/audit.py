"""Who read whose personal data: a row for every reading, in the transaction that reads."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.postgres.pool import Connection
from shared.security.principal import Principal

NOTE_READING = """
INSERT INTO reading (read_at, reader, role, area, purpose, households)
VALUES ($1, $2, $3, $4, $5, $6)
"""


class Purpose(StrEnum):
    """What personal data was read for."""

    REACH = "reach"
    SEARCH = "search"
    ROUTE = "route"
    HOUSEHOLD = "household"
    HELP = "help"
    HOUSES = "houses"
    QUALITY = "quality"
    SUBJECT_REQUEST = "subject_request"


async def note_reading(
    connection: Connection, reader: Principal, purpose: Purpose, households: Sequence[UUID], *, now: datetime
) -> None:
    """Records a reading; of nothing as well, since that is an answer too."""
    await connection.execute(
        NOTE_READING, now, reader.subject, reader.role.value, reader.area, purpose.value, list(households)
    )
