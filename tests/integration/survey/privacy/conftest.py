"""What tests about personal data share: readings, the keeper's duties, and the server's own role."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from services.survey.audit import Purpose, note_reading
from services.survey.privacy.chain import Linking
from shared.postgres.pool import Connection
from tests.integration.survey.conftest import VOLUNTEER, Survey


@asynccontextmanager
async def superuser(survey: Survey) -> AsyncIterator[Connection]:
    """The server's own role in the survey's database: who may do everything."""
    database = await survey.pool.fetchval("SELECT current_database()")
    connection = await asyncpg.connect(**survey.runtime.stack.postgres.connection(database=database))
    try:
        yield connection
    finally:
        await connection.close()


async def read(survey: Survey, households: Sequence[UUID], *, at: datetime | None = None) -> None:
    """Notes that a volunteer has read of households."""
    async with survey.pool.acquire() as connection, connection.transaction():
        await note_reading(connection, VOLUNTEER, Purpose.REACH, households, now=at or survey.clock.now())


async def linked(survey: Survey, readings: int) -> Linking:
    """So many readings, each of another household, in the chain; and the keeper that put them there."""
    for number in range(readings):
        await read(survey, [UUID(int=number + 1)])
    keeper = Linking(survey.pool, survey.clock)
    await keeper.turn()
    return keeper
