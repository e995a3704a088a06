"""Which state of the database an answer is made from: the same moment, the same answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.reporting.answers import AsOf, Stream
from services.reporting.projector import VERSION
from services.reporting.store import LAG
from shared.contracts.topics import Topic
from shared.postgres.pool import Connection

# The table's oid differs after a rebuild has put new tables in the place of the old ones.
MOMENT: Final = f"""
SELECT t.topic, s.newest, s.events, e.lag, e.measured_at, d.changes, 'survey_subdistrict'::regclass::oid AS tables,
       EXISTS (SELECT FROM projection_version WHERE version < $2) AS filling
FROM unnest($1::text[]) AS t (topic)
CROSS JOIN denominator_change AS d
LEFT JOIN stream_progress AS s USING (topic)
{LAG}
"""  # noqa: S608 - the store's statement


@dataclass(frozen=True, slots=True)
class Moment:
    """mark: differs whenever the figures do; as_of: what answers tell of it."""

    mark: tuple[tuple[object, ...], ...]
    as_of: AsOf


async def moment(connection: Connection, topics: Sequence[Topic]) -> Moment:
    """The moment that the connection's transaction sees, or the present one."""
    rows = await connection.fetch(MOMENT, [topic.name for topic in topics], VERSION)
    as_of = {row["topic"]: Stream(row["newest"], row["lag"], row["measured_at"], row["filling"]) for row in rows}
    return Moment(tuple(tuple(row) for row in rows), as_of)
