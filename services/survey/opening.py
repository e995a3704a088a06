"""Opening the seals of submissions. Who opens one notes the reading (`services.survey.audit`) in the same transaction."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from services.survey.intake import SEALED_FIELD
from services.survey.submission import Submission
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, Sealed

STANDING: Final = """
SELECT household_id, s.submission_id, s.key_id, s.wrapped_key, s.sealed
FROM household AS h JOIN submission AS s USING (household_id, submission_id)
WHERE h.household_id = ANY ($1::uuid[]) AND s.wrapped_key IS NOT NULL
"""

THESE: Final = """
SELECT household_id, submission_id, key_id, wrapped_key, sealed
FROM submission
WHERE submission_id = ANY ($1::uuid[]) AND wrapped_key IS NOT NULL
"""

_decoder = msgspec.json.Decoder(Submission)


async def standing_submissions(
    connection: Connection, ring: KeyRing, household_ids: Sequence[UUID]
) -> dict[UUID, Submission]:
    """The submission whose state each household has, by household; an erased one has none. Raises `SealBroken`."""
    rows = await connection.fetch(STANDING, household_ids)
    return {row["household_id"]: _opened(ring, row) for row in rows}


async def submissions(connection: Connection, ring: KeyRing, ids: Sequence[UUID]) -> dict[UUID, Submission]:
    """Submissions by their ids; erased ones are left out. Raises `SealBroken`."""
    return {row["submission_id"]: _opened(ring, row) for row in await connection.fetch(THESE, ids)}


def _opened(ring: KeyRing, row: asyncpg.Record) -> Submission:
    sealed = Sealed(row["key_id"], row["wrapped_key"], row["sealed"])
    return _decoder.decode(ring.open_sealed(sealed, household=str(row["household_id"]), field=SEALED_FIELD))
