"""Requests of data subjects: what was written is sealed, it is decided once, and carrying it out again is safe.

States: waiting -> accepted -> done; waiting -> refused; waiting -> withdrawn. Who decides does so within
`ANSWER_WITHIN` and gives a reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from services.survey.opening import standing_submissions
from services.survey.submission import Person, Submission
from shared.areas.digits import to_arabic_digits
from shared.observability.logs import log
from shared.postgres.pool import Connection
from shared.security.blind_index import BlindIndex
from shared.security.citizens import citizen_of
from shared.security.identifiers import InvalidIdentifier
from shared.security.sealing import KeyRing, SealBroken, Sealed
from shared.security.spelling import words_of

ANSWER_WITHIN: Final = timedelta(days=30)
"""The law's time for access (PDPA section 30); we hold ourselves to it for every kind."""
MOST_OPEN: Final = 10
"""Of one citizen at once: one of each kind for two homes, and a second try."""
SEALED_FIELD: Final = "subject_request"

_log = log(__name__)


class Kind(StrEnum):
    """What is asked for."""

    ACCESS = "access"
    CORRECTION = "correction"
    ERASURE = "erasure"
    OBJECTION = "objection"


class State(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Identity(StrEnum):
    """How it is known who asks."""

    PHONE = "phone"
    CARD = "card"
    KNOWN = "known"
    OTHER = "other"


class Written(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is sealed of a request: the address that was given, what was asked in words, whom it concerns, whom to call,
    and what was found and decided. person: who of the household is to be erased, as the survey `standing` names him; in
    another one his place may be another."""

    house: str
    village: str | None = None
    unit: str | None = None
    name: str | None = None
    phone: str | None = None
    text: str | None = None
    identity_note: str | None = None
    reason: str | None = None
    person: Person | None = None
    standing: UUID | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request as stored; `written` is None once it is destroyed."""

    request_id: UUID
    kind: Kind
    state: State
    area: str
    household_id: UUID
    place: int | None
    subject: UUID | None
    asked_by: UUID | None
    identity: Identity
    asked_at: datetime
    due_at: datetime
    decided_at: datetime | None
    decided_by: UUID | None
    closed_at: datetime | None
    submission_id: UUID | None
    revision: int
    written: Written | None


_COLUMNS: Final = """
request_id, kind, state, area, household_id, place, subject, asked_by, identity, asked_at, due_at, decided_at,
decided_by, closed_at, submission_id, revision, key_id, wrapped_key, sealed
"""

INSERT: Final = """
INSERT INTO subject_request (request_id, kind, state, area, household_id, subject, asked_by, identity, asked_at, due_at,
                             key_id, wrapped_key, sealed)
VALUES ($1, $2, 'waiting', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (request_id) DO NOTHING
"""

STEP: Final = """
INSERT INTO subject_request_step (request_id, revision, state, at, done_by) VALUES ($1, $2, $3, $4, $5)
"""

STEPS: Final = """
SELECT revision, state, at, done_by FROM subject_request_step WHERE request_id = $1 ORDER BY revision
"""

OPEN_OF: Final = "SELECT count(*) FROM subject_request WHERE subject = $1 AND closed_at IS NULL"

OWN: Final = f"""
SELECT {_COLUMNS}
FROM subject_request
WHERE subject = $1
ORDER BY asked_at DESC, request_id DESC
LIMIT 50
"""  # noqa: S608 - columns of ours

QUEUE: Final = f"""
SELECT {_COLUMNS}
FROM subject_request
WHERE closed_at IS NULL AND area >= $1 AND area < $1 || ':' AND (due_at, request_id) > ($2, $3)
ORDER BY due_at, request_id
LIMIT $4
"""  # noqa: S608 - columns of ours

CLOSED: Final = f"""
SELECT {_COLUMNS}
FROM subject_request
WHERE closed_at IS NOT NULL AND area >= $1 AND area < $1 || ':' AND (due_at, request_id) > ($2, $3)
ORDER BY due_at, request_id
LIMIT $4
"""  # noqa: S608 - columns of ours

FIND: Final = f"""
SELECT {_COLUMNS}
FROM subject_request
WHERE request_id = $1 AND area >= $2 AND area < $2 || ':'
FOR UPDATE
"""  # noqa: S608 - columns of ours

OF_HOUSEHOLD: Final = f"""
SELECT {_COLUMNS} FROM subject_request WHERE household_id = $1 ORDER BY asked_at
"""  # noqa: S608 - columns of ours

CHANGE: Final = """
UPDATE subject_request
SET state = $2, place = $3, decided_at = $4, decided_by = $5, closed_at = $6, submission_id = $7, identity = $8,
    key_id = $9, wrapped_key = $10, sealed = $11, revision = revision + 1
WHERE request_id = $1
RETURNING revision
"""

# Whose record the recorder has not taken yet, so that the standing survey still has in it what is to be gone. One that
# was sent and is not known to have arrived may arrive yet.
UNDERWAY: Final = """
SELECT EXISTS (
    SELECT
    FROM subject_request AS r
    WHERE r.household_id = $1 AND r.request_id <> $2 AND r.kind = 'erasure' AND r.submission_id = r.request_id
      AND NOT EXISTS (SELECT FROM submission AS s WHERE s.submission_id = r.request_id)
)
"""
BEGIN_ERASURE: Final = "UPDATE subject_request SET submission_id = request_id WHERE request_id = $1"
STANDS: Final = """
SELECT EXISTS (
    SELECT
    FROM household AS h JOIN submission AS s USING (household_id, submission_id)
    WHERE h.household_id = $1 AND h.counts IS NOT NULL AND s.wrapped_key IS NOT NULL
)
"""
RECORDED: Final = "SELECT EXISTS (SELECT FROM submission WHERE submission_id = $1)"
ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1::text, 220))"

FORGET_OTHERS: Final = """
UPDATE subject_request SET wrapped_key = NULL
WHERE household_id = $1 AND request_id <> $2 AND closed_at IS NOT NULL AND wrapped_key IS NOT NULL
"""


def read(ring: KeyRing, row: asyncpg.Record) -> Request:
    """A row, with its seal opened; a broken one counts as destroyed, and is logged."""
    columns = {name: row[name] for name in Request.__dataclass_fields__ if name != "written"}
    columns |= {"kind": Kind(row["kind"]), "state": State(row["state"]), "identity": Identity(row["identity"])}
    written = None
    if row["wrapped_key"] is not None:
        sealed = Sealed(row["key_id"], row["wrapped_key"], row["sealed"])
        try:
            plain = ring.open_sealed(sealed, household=str(row["request_id"]), field=SEALED_FIELD)
            written = msgspec.json.decode(plain, type=Written)
        except SealBroken:
            _log.error("seal_broken", subject_request=str(row["request_id"]))
    return Request(**columns, written=written)


def seal(ring: KeyRing, request_id: UUID, written: Written) -> Sealed:
    """What was written, as it is stored."""
    return ring.seal(msgspec.json.encode(written), household=str(request_id), field=SEALED_FIELD)


async def ask(
    connection: Connection,
    ring: KeyRing,
    request_id: UUID,
    kind: Kind,
    area: str,
    household_id: UUID,
    written: Written,
    *,
    subject: UUID | None,
    asked_by: UUID | None,
    identity: Identity,
    now: datetime,
) -> bool:
    """Keeps a request; False when its id is there already: the same was sent again."""
    sealed = seal(ring, request_id, written)
    status = await connection.execute(
        INSERT,
        request_id,
        kind.value,
        area,
        household_id,
        subject,
        asked_by,
        identity.value,
        now,
        now + ANSWER_WITHIN,
        *sealed,
    )
    if status != "INSERT 0 1":
        return False
    await connection.execute(STEP, request_id, 1, State.WAITING.value, now, asked_by)
    return True


async def find(connection: Connection, ring: KeyRing, request_id: UUID, within: str) -> Request | None:
    """A request inside an area, locked until the transaction ends."""
    row = await connection.fetchrow(FIND, request_id, within)
    return None if row is None else read(ring, row)


async def change(
    connection: Connection,
    ring: KeyRing,
    request: Request,
    state: State,
    *,
    now: datetime,
    by: UUID | None,
    written: Written | None = None,
    place: int | None = None,
    submission_id: UUID | None = None,
    identity: Identity | None = None,
) -> Request:
    """Moves a locked request to its next state, and returns it as it is then."""
    decides = state in (State.ACCEPTED, State.REFUSED)
    closes = state in (State.DONE, State.REFUSED, State.WITHDRAWN)
    new = msgspec.structs.replace(written) if written is not None else request.written
    sealed = seal(ring, request.request_id, new or Written(house=""))
    row = await connection.fetchrow(
        CHANGE,
        request.request_id,
        state.value,
        request.place if place is None else place,
        now if decides else request.decided_at,
        by if decides else request.decided_by,
        now if closes else None,
        submission_id or request.submission_id,
        (identity or request.identity).value,
        *sealed,
    )
    assert row is not None  # noqa: S101 - locked by `find`
    await connection.execute(STEP, request.request_id, row["revision"], state.value, now, by)
    found = await find(connection, ring, request.request_id, "")
    assert found is not None  # noqa: S101 - as above
    return found


async def steps(connection: Connection, request_id: UUID) -> Sequence[Mapping[str, Any]]:
    """A request's history, the oldest first."""
    return [dict(row) for row in await connection.fetch(STEPS, request_id)]


async def phone_is_the_household_s(
    connection: Connection, ring: KeyRing, index: BlindIndex, household_id: UUID, subject: UUID
) -> bool:
    """Whether the citizen's proven phone is the one that the household's standing survey names."""
    standing = (await standing_submissions(connection, ring, [household_id])).get(household_id)
    if standing is None or standing.contact is None or not standing.contact.phone:
        return False
    try:
        return citizen_of(index, standing.contact.phone) == subject
    except InvalidIdentifier:
        return False


async def another_is_underway(connection: Connection, request: Request) -> bool:
    """Whether another erasure of the household was sent and is not recorded yet. Until the transaction ends nobody else
    gets past here for this household."""
    await connection.execute(ONE_AT_A_TIME, str(request.household_id))
    found: bool = await connection.fetchval(UNDERWAY, request.household_id, request.request_id)
    return found


async def begin_erasure(connection: Connection, request: Request) -> None:
    """Notes that the request's erasure is sent from now on, whatever comes of it."""
    await connection.execute(BEGIN_ERASURE, request.request_id)


async def stands(connection: Connection, household_id: UUID) -> bool:
    """Whether a survey of the household stands whose key was not ended, be it readable now or not."""
    found: bool = await connection.fetchval(STANDS, household_id)
    return found


async def is_carried_out(connection: Connection, request: Request) -> bool:
    """Whether the request's own erasure is recorded already: sent before, and the answer was lost."""
    found: bool = await connection.fetchval(RECORDED, request.request_id)
    return found


def place_in(standing: Submission, request: Request) -> int | None:
    """Which person of the standing survey is the one whom the decision about a request named; None when that cannot be
    said: a later survey has nobody, or several, of his number or name."""
    written = request.written
    if written is None or written.person is None:
        return None
    if written.standing == standing.submission_id:
        return request.place
    same = [place for place, one in enumerate(standing.persons) if _is_same(one, written.person)]
    return same[0] if len(same) == 1 else None


def _is_same(one: Person, other: Person) -> bool:
    if one.national_id and other.national_id:
        return _digits(one.national_id) == _digits(other.national_id)
    return bool(one.name and other.name) and words_of(one.name or "") == words_of(other.name or "")


def _digits(number: str) -> str:
    return "".join(filter(str.isdecimal, to_arabic_digits(number)))


def without(standing: Submission, place: int) -> Submission:
    """A household without one of its persons. Whom to call goes too when that has the person's name, or nobody else is
    left of age to be called."""
    gone = standing.persons[place]
    left = tuple(one for number, one in enumerate(standing.persons) if number != place)
    contact = standing.contact
    if contact is not None and (contact.name is None or contact.name == gone.name):
        contact = None
    return msgspec.structs.replace(standing, persons=left, contact=contact)
