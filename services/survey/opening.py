"""Opening the seals of submissions. Who opens one notes the reading (`services.survey.audit`) in the same transaction.

A seal that does not open (damaged, or its key is not in the ring) is left out as an erased one is, so that it hides no
other, and the log says so.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from services.survey.intake import SEALED_FIELD
from services.survey.reach.follow_up import FollowUp
from services.survey.submission import Submission
from shared.observability.logs import log
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, SealBroken, Sealed

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
_follow_up_decoder = msgspec.json.Decoder(FollowUp)
_log = log(__name__)


async def standing_submissions(
    connection: Connection, ring: KeyRing, household_ids: Sequence[UUID]
) -> dict[UUID, Submission]:
    """The submission whose state each household has, by household; an erased one has none."""
    rows = await connection.fetch(STANDING, household_ids)
    return {row["household_id"]: one for row in rows if (one := _opened(ring, row)) is not None}


async def submissions(connection: Connection, ring: KeyRing, ids: Sequence[UUID]) -> dict[UUID, Submission]:
    """Submissions by their ids; erased ones are left out."""
    rows = await connection.fetch(THESE, ids)
    return {row["submission_id"]: one for row in rows if (one := _opened(ring, row)) is not None}


async def follow_ups(connection: Connection, ring: KeyRing, ids: Sequence[UUID]) -> dict[UUID, FollowUp]:
    """Follow-ups by their ids; erased ones are left out."""
    rows = await connection.fetch(THESE, ids)
    return {
        row["submission_id"]: _follow_up_decoder.decode(plain)
        for row in rows
        if (plain := _plain(ring, row["household_id"], row["submission_id"], _sealed(row))) is not None
    }


def opened(ring: KeyRing, household_id: UUID, submission_id: UUID, sealed: Sealed) -> Submission | None:
    """A submission that was read with something else; None when its seal is broken, which is logged."""
    plain = _plain(ring, household_id, submission_id, sealed)
    return None if plain is None else _decoder.decode(plain)


def _opened(ring: KeyRing, row: asyncpg.Record) -> Submission | None:
    return opened(ring, row["household_id"], row["submission_id"], _sealed(row))


def _sealed(row: asyncpg.Record) -> Sealed:
    return Sealed(row["key_id"], row["wrapped_key"], row["sealed"])


def _plain(ring: KeyRing, household_id: UUID, submission_id: UUID, sealed: Sealed) -> bytes | None:
    try:
        return ring.open_sealed(sealed, household=str(household_id), field=SEALED_FIELD)
    except SealBroken:
        _log.error("seal_broken", submission=str(submission_id))
        return None
