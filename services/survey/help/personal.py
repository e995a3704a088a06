"""What is personal in requests for help: sealed, opened for who may read it, destroyed in the end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.survey.help.domain import Request, Step
from services.survey.help.rows import NAMES, request_of
from shared.observability.logs import log
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, SealBroken, Sealed

FIELD: Final = "help"

OF_CITIZEN: Final = f"""
SELECT {NAMES}, key_id, wrapped_key, sealed FROM help_request
WHERE citizen = $1
ORDER BY asked_at DESC, request_id
LIMIT $2
"""  # noqa: S608 - names of ours

# Without its key nobody can open it any more; the ciphertext goes as well, to make room.
_FORGET: Final = """
WITH old AS (
    SELECT request_id FROM help_request
    WHERE deadline IS NULL AND key_id IS NOT NULL AND {which}
), notes AS (
    UPDATE help_step AS s SET key_id = NULL, wrapped_key = NULL, sealed = NULL
    FROM old
    WHERE s.request_id = old.request_id AND s.key_id IS NOT NULL
)
UPDATE help_request AS r SET key_id = NULL, wrapped_key = NULL, sealed = NULL, place = NULL
FROM old
WHERE r.request_id = old.request_id
"""

FORGET_OLD: Final = _FORGET.format(which="updated_at <= $1 ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED")

# Those that were asked in some days, a few (`limits.REQUESTS_PER_PHONE`): older ones are forgotten already.
FORGET_OF_CITIZEN: Final = _FORGET.format(which="citizen = $1 ORDER BY request_id FOR UPDATE")

STEPS: Final = """
SELECT revision, at, step, actor, actor_role, told_role, told_area, other, key_id, wrapped_key, sealed
FROM help_step
WHERE request_id = $1
ORDER BY revision
"""

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class Details:
    """What is personal in a request, as it was asked."""

    name: str | None
    phone: str
    position: Mapping[str, float | None] | None
    address: str | None
    note: str | None

    def sealed(self, ring: KeyRing, request_id: UUID) -> Sealed:
        """It, so that it opens only as that of this request."""
        words = {
            "name": self.name,
            "phone": self.phone,
            "position": self.position,
            "address": self.address,
            "note": self.note,
        }
        return ring.seal(json.dumps(words, ensure_ascii=False).encode(), household=str(request_id), field=FIELD)


@dataclass(frozen=True, slots=True)
class PastStep:
    """What happened to a request, by whom. told: whom it was handed up to; other: what it was merged with."""

    revision: int
    at: datetime
    step: Step
    actor: UUID | None
    actor_role: str | None
    told_role: str | None
    told_area: str | None
    other: UUID | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A request with what is personal in it; `details` is None once it was destroyed."""

    request: Request
    details: Details | None
    steps: Sequence[PastStep]


async def of_citizen(connection: Connection, ring: KeyRing, citizen: UUID, limit: int) -> list[Opened]:
    """A citizen's requests with everything in them, the latest first. Who reads them notes it in the transaction."""
    rows = await connection.fetch(OF_CITIZEN, citizen, limit)
    return [await opened(connection, ring, row) for row in rows]


async def forget_of(connection: Connection, citizen: UUID) -> None:
    """Destroys what is personal in a citizen's finished requests. Open ones are worked on, and end by the clock."""
    await connection.execute(FORGET_OF_CITIZEN, citizen)


def seal_note(ring: KeyRing, request_id: UUID, revision: int, note: str) -> Sealed:
    """The note of one step, so that it opens only as that."""
    return ring.seal(note.encode(), household=str(request_id), field=_note_field(revision))


async def opened(connection: Connection, ring: KeyRing, row: asyncpg.Record) -> Opened:
    """The request of a row that has all `COLUMNS` and its seal, with its steps. Who reads it notes it."""
    request_id = row["request_id"]
    words = _words(ring, row, request_id, FIELD)
    return Opened(
        request_of(row),
        None if words is None else Details(**json.loads(words)),
        [
            PastStep(
                step["revision"],
                step["at"],
                Step(step["step"]),
                step["actor"],
                step["actor_role"],
                step["told_role"],
                step["told_area"],
                step["other"],
                _words(ring, step, request_id, _note_field(step["revision"])),
            )
            for step in await connection.fetch(STEPS, request_id)
        ],
    )


def _words(ring: KeyRing, row: asyncpg.Record, request_id: UUID, field: str) -> str | None:
    if row["wrapped_key"] is None:
        return None
    sealed = Sealed(row["key_id"], row["wrapped_key"], row["sealed"])
    try:
        return ring.open_sealed(sealed, household=str(request_id), field=field).decode()
    except SealBroken:
        _log.error("help_seal_broken", request_id=str(request_id), field=field)
        return None


def _note_field(revision: int) -> str:
    return f"{FIELD}.note.{revision}"
