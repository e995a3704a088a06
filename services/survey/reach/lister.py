"""The lister: keeps the lists of whom to reach (`reach`, with its indexes) behind what the recorder stored.

The recorder writes a household's persons to reach into the household's own row, which costs it next to nothing. The
lister follows `survey-submitted`, which tells of every change after its commit, and makes the lists' rows of the named
households equal to what the households say at that moment. Doing so again changes nothing, so that nothing is lost or
doubled, whatever is killed when. In a surge the lists may fall behind for a while; intake and figures do not wait for
them.

Who is on no list any more has no claim either. Rows are locked in the order of their keys, as claims lock them, so that
whoever is taking a person on either comes first, and his claim is seen here, or finds no row.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from services.survey import store
from shared.kafka.handler import PartitionBatch
from shared.kafka.position import Position, TakenOver
from shared.observability.logs import log
from shared.postgres.pool import Connection

GROUP: Final = "survey-lister"
COLLECT_MILLISECONDS: Final = 250
"""Many households at once share the fixed cost of a batch; nobody who looks at a list sees a quarter of a second."""
MAX_RECORDS: Final = 4_000
"""One transaction, a few tenths of a second of which claims of the same persons may have to wait."""

LOCK_LISTED: Final = """
SELECT household_id
FROM reach
WHERE household_id = ANY ($1::uuid[])
ORDER BY household_id, person_id
FOR UPDATE
"""

END_GONE: Final = """
WITH gone AS (
    DELETE FROM reach AS r
    WHERE household_id = ANY ($1::uuid[])
      AND NOT EXISTS (SELECT
                      FROM household AS h, json_to_recordset(h.reach) AS p (person_id uuid)
                      WHERE h.household_id = r.household_id AND p.person_id = r.person_id)
    RETURNING household_id, person_id
)
DELETE FROM claim USING gone
WHERE claim.household_id = gone.household_id AND claim.person_id = gone.person_id
"""

_SAID: Final = (
    "area, village, submission_id, place, rank, wanting_since, dose, surveyed_dose, at_risk, home_visit, "
    "registered_area, reasons, status, due_at, facility_id, followed_at, cell_row, cell_column, tokens"
)
LIST: Final = f"""
INSERT INTO reach AS r (household_id, person_id, {_SAID})
SELECT h.household_id, p.person_id, h.area, h.village, h.submission_id, p.place, p.rank, p.wanting_since,
       coalesce(p.dose, 0), coalesce(p.surveyed_dose, 0), coalesce(p.at_risk, false), coalesce(p.home_visit, false),
       p.registered_area, p.reasons, coalesce(p.status, 'open'), p.due_at, p.facility_id, p.followed_at, p.cell_row,
       p.cell_column, p.tokens
FROM household AS h
CROSS JOIN LATERAL json_to_recordset(h.reach) AS p (
    person_id uuid, place smallint, rank smallint, wanting_since timestamptz, dose smallint, surveyed_dose smallint,
    at_risk boolean, home_visit boolean, registered_area text, reasons text[], status text, due_at timestamptz,
    facility_id uuid, followed_at timestamptz, cell_row smallint, cell_column smallint, tokens bigint[])
WHERE h.household_id = ANY ($1::uuid[]) AND h.reach IS NOT NULL
ORDER BY h.household_id, p.person_id
"""  # noqa: S608 - names of this module only

LIST_ANEW: Final = f"""{LIST}
ON CONFLICT (household_id, person_id) DO UPDATE
SET ({_SAID}) = ROW ({", ".join(f"excluded.{name}" for name in _SAID.split(", "))})
WHERE ({", ".join(f"r.{name}" for name in _SAID.split(", "))})
      IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _SAID.split(", "))})
"""

_log = log(__name__)


class Lister:
    """The consumer's handler."""

    async def taken_over(self, connection: Connection, taken: Sequence[TakenOver]) -> Sequence[Position]:
        """Goes on where the one before was; from the beginning of a topic that was made anew."""
        return [one.position for one in taken]

    async def prepare(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Nothing has to be decided."""

    async def write(self, connection: Connection, batches: Sequence[PartitionBatch]) -> None:
        """Lists the households of the batch; their ids are the records' keys."""
        households = sorted(_households(batches))
        await store.hold(connection, store.Work.LISTING, households)
        await relist(connection, households)

    async def committed(self, batches: Sequence[PartitionBatch]) -> None:
        """Nothing follows."""

    async def idle(self) -> None:
        """Nothing waits."""


def _households(batches: Sequence[PartitionBatch]) -> set[UUID]:
    """The households that the records name. A record with another key is none of the recorder's, and names none; its
    other readers put it aside."""
    found = set()
    for batch in batches:
        for record in batch.records:
            try:
                found.add(UUID((record.key or b"").decode()))
            except ValueError:
                _log.warning("no_household", topic=batch.topic.name, partition=record.partition, offset=record.offset)
    return found


async def relist(connection: Connection, households: Sequence[UUID]) -> None:
    """Makes the lists say of these households what their rows say; in a transaction."""
    listed = {row[0] for row in await connection.fetch(LOCK_LISTED, households)}
    if listed:  # few: most households are surveyed for the first time
        await connection.execute(END_GONE, list(listed))
        await connection.execute(LIST_ANEW, list(listed))
    # What may conflict costs a seventh more. Nobody else lists these; who thinks so meets an error, and tries again.
    await connection.execute(LIST, [one for one in households if one not in listed])
