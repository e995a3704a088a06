"""Until when the register is known to be told: who follows `updated_at` loses nothing by asking from there again."""

from datetime import datetime, timedelta
from typing import Final

from shared.postgres.pool import Connection

MARGIN: Final = timedelta(seconds=60)
"""A change bears the moment at which its clock was read, before it had a connection, for which one waits 5 s at most.
Further pages may have been kept, here and by a proxy, 15 s each. The rest is for clocks that differ."""

# By the minute, so that an answer in which nothing has changed keeps its ETag for as long.
# Also transactions that have written nothing yet: one that waits for a lock has its moment already. This statement is
# one of them, so that there is always an oldest, and none is later than now.
HORIZON: Final = """
SELECT date_trunc('minute', min(xact_start)) - $1::interval FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend'
"""


async def horizon(connection: Connection) -> datetime:
    """The moment before which no change will appear that whatever is read from now on does not show."""
    found: datetime = await connection.fetchval(HORIZON, MARGIN)
    return found
