"""Submissions with something odd, and what coordinators found when they looked at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from shared.contracts.events import QualityFlag
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, SealBroken, Sealed

# What a coordinator sent to put a record right says that he sent it for somebody: that alone is nothing to look at.
_TO_LOOK_AT: Final = f"""
       (s.flags <> '{{{QualityFlag.ON_BEHALF.value}}}'
        OR NOT EXISTS (SELECT FROM flag_review AS c WHERE c.corrected_by = s.submission_id))"""

PAGE: Final = f"""
SELECT s.submission_id, s.household_id, s.area, h.village, s.volunteer_id, s.captured_at, s.received_at, s.outcome,
       s.flags, h.submission_id = s.submission_id AS standing, s.wrapped_key IS NULL AS erased,
       r.verdict, r.corrected_by, r.reviewed_by, r.reviewed_at
FROM submission AS s
LEFT JOIN household AS h USING (household_id)
LEFT JOIN flag_review AS r ON r.submission_id = s.submission_id
WHERE s.flags IS NOT NULL AND s.area >= $1 AND s.area < $1 || ':' AND s.kind = 'survey'
  AND (s.area, s.received_at, s.submission_id) > ($2, $3, $4)
  AND ($5::text IS NULL OR $5 = ANY (s.flags)) AND (r.submission_id IS NOT NULL) = $6
  AND ($6 OR s.wrapped_key IS NOT NULL) AND {_TO_LOOK_AT}
ORDER BY s.area, s.received_at, s.submission_id
LIMIT $7
"""  # noqa: S608 - text of this module only

# Held until the transaction ends: an erasure comes before all that is read and written of it, or after.
ONE: Final = """
SELECT s.submission_id, s.household_id, s.area, h.village, s.volunteer_id, s.captured_at, s.received_at, s.outcome,
       s.flags, h.submission_id = s.submission_id AS standing, s.wrapped_key IS NULL AS erased,
       r.verdict, r.corrected_by, r.reviewed_by, r.reviewed_at, r.note_key_id, r.note_wrapped, r.note
FROM submission AS s
LEFT JOIN household AS h USING (household_id)
LEFT JOIN flag_review AS r ON r.submission_id = s.submission_id
WHERE s.submission_id = $1 AND s.flags IS NOT NULL AND s.kind = 'survey' AND starts_with(s.area, $2)
FOR SHARE OF s
"""

# Where somebody of this household was recorded first, by national id.
ELSEWHERE: Final = """
SELECT DISTINCT p.household_id
FROM submission AS s JOIN person_index AS p ON p.blind_index = ANY (s.persons)
WHERE s.submission_id = $1 AND p.household_id <> s.household_id
LIMIT 10
"""

# The door before this one, by the same phone's clock.
DOOR_BEFORE: Final = """
SELECT area, captured_at
FROM submission
WHERE volunteer_id = $1 AND captured_at < $2 AND kind = 'survey'
ORDER BY captured_at DESC
LIMIT 1
"""

CORRECTION: Final = """
SELECT household_id = $2 AND kind = 'survey' AND captured_at > $3 FROM submission WHERE submission_id = $1
"""

REVIEW: Final = """
INSERT INTO flag_review (submission_id, household_id, area, verdict, corrected_by, reviewed_by, reviewed_at,
                         note_key_id, note_wrapped, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING
"""


class Verdict(StrEnum):
    """What a record with flags turned out to be."""

    FINE = "fine"
    CORRECTED = "corrected"
    WRONG = "wrong"


Place = tuple[str, datetime, UUID]
"""Area, time of receipt and id of the last submission of a page."""


@dataclass(frozen=True, slots=True)
class Oddness:
    """What the flags are about: where persons of the household were recorded before, and the door before this one."""

    elsewhere: Sequence[UUID]
    door_before: tuple[str, datetime] | None


async def page(
    connection: Connection, area: str, *, flag: str | None, seen: bool, after: Place, limit: int
) -> list[asyncpg.Record]:
    """The next flagged submissions of an area, those received first first, looked at already or not."""
    return await connection.fetch(PAGE, area, *after, flag, seen, limit)


async def find(connection: Connection, submission_id: UUID, within: str) -> asyncpg.Record | None:
    """A flagged submission of the area with its review, the note still sealed."""
    return await connection.fetchrow(ONE, submission_id, within)


async def oddness(connection: Connection, row: asyncpg.Record) -> Oddness:
    """What lies behind the flags of a submission."""
    elsewhere = before = None
    if QualityFlag.SAME_PERSON in row["flags"]:
        elsewhere = [one[0] for one in await connection.fetch(ELSEWHERE, row["submission_id"])]
    if QualityFlag.IMPLAUSIBLE_SPEED in row["flags"]:
        before = await connection.fetchrow(DOOR_BEFORE, row["volunteer_id"], row["captured_at"])
    return Oddness(elsewhere or (), None if before is None else (before["area"], before["captured_at"]))


async def corrects(connection: Connection, correction: UUID, row: asyncpg.Record) -> bool | None:
    """Whether a submission is a later survey of the same household; None while it is not recorded."""
    found: bool | None = await connection.fetchval(CORRECTION, correction, row["household_id"], row["captured_at"])
    return found


async def review(
    connection: Connection,
    ring: KeyRing,
    row: asyncpg.Record,
    *,
    verdict: Verdict,
    note: str | None,
    corrected_by: UUID | None,
    by: UUID,
    now: datetime,
) -> bool:
    """Write down what was found; False where somebody else has, or where the correction put another record right."""
    sealed: tuple[Any, ...] = (None, None, None)
    if note is not None:
        sealed = ring.seal(note.encode(), household=str(row["household_id"]), field=_field(row))
    status = await connection.execute(
        REVIEW,
        row["submission_id"],
        row["household_id"],
        row["area"],
        verdict,
        corrected_by,
        by,
        now,
        *sealed,
    )
    return status == "INSERT 0 1"


def note_of(ring: KeyRing, row: asyncpg.Record) -> str | None:
    """The note of a review; None without one, and where it cannot be opened."""
    if row["note_wrapped"] is None:
        return None
    sealed = Sealed(row["note_key_id"], row["note_wrapped"], row["note"])
    try:
        return ring.open_sealed(sealed, household=str(row["household_id"]), field=_field(row)).decode()
    except SealBroken:
        return None


def _field(row: asyncpg.Record) -> str:
    return f"flag-note:{row['submission_id']}"
