"""Requests for help in the survey's database. Every change is one transaction: the row, what happened, the event, and
the notice to whoever watches."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.survey.audit import Purpose, note_reading
from services.survey.help import domain
from services.survey.help.domain import Request, Step, Worker
from services.survey.help.notices import tell
from services.survey.help.rows import COLUMNS, NAMES, request_of, values_of
from shared.contracts.events import HelpStatus
from shared.contracts.topics import HELP_UPDATED
from shared.observability.logs import log
from shared.postgres import outbox
from shared.postgres.pool import Connection, acquire
from shared.security.principal import Principal
from shared.security.sealing import KeyRing, SealBroken, Sealed

FIELD: Final = "help"

# Of two phones that send the same at once, the second waits here for the first one's commit.
INSERT: Final = f"""
INSERT INTO help_request ({NAMES}, key_id, wrapped_key, sealed)
VALUES ({", ".join(f"${number}" for number in range(1, len(COLUMNS) + 4))})
ON CONFLICT DO NOTHING
RETURNING true
"""  # noqa: S608 - names of ours

UPDATE: Final = f"""
UPDATE help_request
SET ({NAMES}) = ROW ({", ".join(f"${number}" for number in range(1, len(COLUMNS) + 1))})
WHERE request_id = $1
"""  # noqa: S608 - names of ours

FIND: Final = f"""
SELECT {NAMES}
FROM help_request
WHERE request_id = coalesce((SELECT request_id FROM help_repeat WHERE repeat_id = $1), $1)
"""  # noqa: S608 - names of ours

FIND_OPEN: Final = f"""
SELECT {NAMES} FROM help_request WHERE citizen = $1 AND kind = $2 AND deadline IS NOT NULL
"""  # noqa: S608 - names of ours

INSERT_REPEAT: Final = """
INSERT INTO help_repeat (repeat_id, request_id, asked_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

# Rows are locked in the order of their ids, so that two who merge the same two wait for each other.
LOCK: Final = f"""
SELECT {NAMES} FROM help_request
WHERE request_id = ANY ($1::uuid[]) AND area >= $2 AND area < $2 || ':'
ORDER BY request_id
FOR UPDATE
"""  # noqa: S608 - names of ours

# Under which of its two ids a citizen names it makes no difference.
LOCK_OWN: Final = f"""
SELECT {NAMES} FROM help_request
WHERE request_id = coalesce((SELECT request_id FROM help_repeat WHERE repeat_id = $1), $1) AND citizen = $2
FOR UPDATE
"""  # noqa: S608 - names of ours

INSERT_STEPS: Final = """
INSERT INTO help_step
    (request_id, revision, at, step, actor, actor_role, told_role, told_area, other, key_id, wrapped_key, sealed)
SELECT s.*
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[],
            $9::uuid[], $10::text[], $11::bytea[], $12::bytea[]) AS s
"""

# What was merged into the one that is merged now goes on in the same place.
FOLLOW_MERGER: Final = "UPDATE help_request SET merged_into = $2 WHERE merged_into = $1"

OWN: Final = f"""
SELECT {", ".join(f"r.{name}" for name in COLUMNS)}, m.status AS goes_on_as, m.accepted_at AS goes_on_accepted_at,
       m.deadline AS goes_on_deadline
FROM help_request AS r
LEFT JOIN help_request AS m ON m.request_id = r.merged_into
WHERE r.citizen = $1
ORDER BY r.asked_at DESC, r.request_id
LIMIT $2
"""  # noqa: S608 - names of ours

SAME_PLACE: Final = """
SELECT place, count(*) AS requests FROM help_request
WHERE place = ANY ($1::bytea[]) AND deadline IS NOT NULL
GROUP BY place
"""

LIST_OPEN: Final = f"""
SELECT {NAMES} FROM help_request
WHERE deadline IS NOT NULL AND area >= $1 AND area < $1 || ':'
  AND status = ANY ($2::text[]) AND ($3::uuid IS NULL OR owner = $3) AND (NOT $4 OR deadline < $5)
  AND (deadline, request_id) > ($6, $7)
ORDER BY deadline, request_id
LIMIT $8
"""  # noqa: S608 - names of ours

LIST_FINISHED: Final = f"""
SELECT {NAMES} FROM help_request
WHERE deadline IS NULL AND area >= $1 AND area < $1 || ':'
  AND status = ANY ($2::text[]) AND ($3::uuid IS NULL OR owner = $3)
  AND (updated_at, request_id) < ($4, $5)
ORDER BY updated_at DESC, request_id DESC
LIMIT $6
"""  # noqa: S608 - names of ours

OPENED: Final = f"""
SELECT {NAMES}, key_id, wrapped_key, sealed FROM help_request
WHERE request_id = $1 AND area >= $2 AND area < $2 || ':'
"""  # noqa: S608 - names of ours

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

COUNTS: Final = """
SELECT area, kind, status, count(*) AS requests
FROM help_request
WHERE area >= $1 AND area < $1 || ':'
GROUP BY area, kind, status
ORDER BY area, kind, status
"""

MOST_OWN: Final = 20
"""Requests that a citizen is shown, the latest first: more than anybody makes in a wave."""

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


@dataclass(frozen=True, slots=True)
class Own:
    """A request as whoever asked sees it. goes_on: the one that it was merged into, where it was."""

    request: Request
    status: HelpStatus
    accepted_at: datetime | None
    deadline: datetime | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One step, to be noted with the revision that it led to. `note` is sealed."""

    after: Request
    before: Request | None
    step: Step
    actor: UUID | None = None
    actor_role: str | None = None
    other: UUID | None = None
    note: str | None = None


class IdTaken(Exception):
    """The id of a request belongs to somebody else's."""


class HelpRequests:
    """The requests of the survey's database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def known(self, request_id: UUID, citizen: UUID) -> Request | None:
        """The citizen's request of this id, if it was asked before. Raises `IdTaken`."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(FIND, request_id)
        return _own(row, citizen)

    async def ask(self, request: Request, details: Details) -> tuple[Request, bool]:
        """Keep a request: (what stands, whether it is new). While one of the kind is open it is that one, also when it
        was asked under another id. Raises `IdTaken`."""
        sealed = details.sealed(self._ring, request.request_id)
        async with acquire(self._pool) as connection, connection.transaction():
            if await connection.fetchval(INSERT, *values_of(request), *sealed):
                await record(connection, self._ring, [Happened(request, None, Step.ASKED)])
                return request, True
            known = _own(await connection.fetchrow(FIND, request.request_id), request.citizen)
            if known is not None:
                return known, False
            row = await connection.fetchrow(FIND_OPEN, request.citizen, request.kind)
            if row is None:  # it ended between the two statements: as if it had been asked a moment earlier
                raise asyncpg.LockNotAvailableError("the request ended meanwhile")
            await connection.execute(INSERT_REPEAT, request.request_id, row["request_id"], request.asked_at)
            return request_of(row), False

    async def own(self, citizen: UUID) -> Sequence[Own]:
        """What a citizen asked, the latest first. Nothing is opened."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(OWN, citizen, MOST_OWN)
        return [_as_asked(row) for row in rows]

    async def cancel(self, request_id: UUID, citizen: UUID, *, now: datetime) -> Request | None:
        """Whoever asked needs it no more; None for what is not his. Raises `Refused`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_OWN, request_id, citizen)
            if row is None:
                return None
            before = request_of(row)
            after = domain.cancel(before, now)
            if after is not before:
                await put(connection, self._ring, [Happened(after, before, Step.CANCELLED)])
            return after

    async def work(
        self,
        request_id: UUID,
        by: Worker,
        step: Step,
        change: Callable[[Request], Request],
        *,
        note: str | None = None,
    ) -> Request | None:
        """Change a request inside the worker's area; None when there is none. Raises `Refused`.

        The row is locked: of two who do so at once, the second decides about what the first left.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            return await self._work(connection, request_id, by, step, change, note)

    async def accept(self, request_id: UUID, by: Worker, reader: Principal, *, now: datetime) -> Opened | None:
        """Accept a request and open it for whoever did. Raises `Refused`."""
        async with acquire(self._pool) as connection, connection.transaction():
            accepted = await self._work(
                connection, request_id, by, Step.ACCEPTED, lambda request: domain.accept(request, by, now), None
            )
            return None if accepted is None else await self._open(connection, request_id, reader, now)

    async def merge(self, request_id: UUID, into: UUID, by: Worker, *, now: datetime) -> Request | None:
        """Merge a request into another one of the worker's area; None when either is not there. Raises `Refused`."""
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(LOCK, [request_id, into], by.area)
            found = {row["request_id"]: request_of(row) for row in rows}
            if request_id not in found or into not in found:
                return None
            before, target = found[request_id], found[into]
            if before.merged_into == into:
                return before
            ended, gone_on = domain.merge(before, target, now)
            who = (by.volunteer_id, by.role.value)
            await put(
                connection,
                self._ring,
                [
                    Happened(ended, before, Step.MERGED, *who, other=into),
                    Happened(gone_on, target, Step.TOOK_IN, *who, other=request_id),
                ],
            )
            await connection.execute(FOLLOW_MERGER, request_id, into)
            return ended

    async def open(self, request_id: UUID, reader: Principal, *, now: datetime) -> Opened | None:
        """A request with everything in it; the reading is noted. None when there is none in the reader's area."""
        async with acquire(self._pool) as connection, connection.transaction():
            return await self._open(connection, request_id, reader, now)

    async def due(
        self,
        area: str,
        statuses: Sequence[str],
        *,
        owner: UUID | None,
        late: bool,
        now: datetime,
        after: tuple[datetime, UUID],
        limit: int,
    ) -> Sequence[tuple[Request, int]]:
        """Open requests of an area, the first deadline first, each with how many others are from the same place."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(LIST_OPEN, area, statuses, owner, late, now, *after, limit)
            places = [row["place"] for row in rows if row["place"] is not None]
            alike = {row["place"]: row["requests"] for row in await connection.fetch(SAME_PLACE, places)}
        return [(request_of(row), alike.get(row["place"], 1) - 1) for row in rows]

    async def finished(
        self, area: str, statuses: Sequence[str], *, owner: UUID | None, before: tuple[datetime, UUID], limit: int
    ) -> Sequence[Request]:
        """Finished requests of an area, the latest first."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(LIST_FINISHED, area, statuses, owner, *before, limit)
        return [request_of(row) for row in rows]

    async def counts(self, area: str) -> list[dict[str, Any]]:
        """How many requests there are, by subdistrict, kind and status."""
        async with acquire(self._pool) as connection:
            return [dict(row) for row in await connection.fetch(COUNTS, area)]

    async def _work(
        self,
        connection: Connection,
        request_id: UUID,
        by: Worker,
        step: Step,
        change: Callable[[Request], Request],
        note: str | None,
    ) -> Request | None:
        row = await connection.fetchrow(LOCK, [request_id], by.area)
        if row is None:
            return None
        before = request_of(row)
        after = change(before)
        if after is not before:
            await put(
                connection,
                self._ring,
                [Happened(after, before, step, by.volunteer_id, by.role.value, note=note)],
            )
        return after

    async def _open(self, connection: Connection, request_id: UUID, reader: Principal, now: datetime) -> Opened | None:
        row = await connection.fetchrow(OPENED, request_id, reader.area)
        if row is None:
            return None
        await note_reading(connection, reader, Purpose.HELP, [request_id], now=now)
        return await _opened(connection, self._ring, row)


async def of_citizen(connection: Connection, ring: KeyRing, citizen: UUID, limit: int) -> list[Opened]:
    """A citizen's requests with everything in them, the latest first. Who reads them notes it in the transaction."""
    rows = await connection.fetch(OF_CITIZEN, citizen, limit)
    return [await _opened(connection, ring, row) for row in rows]


async def forget_of(connection: Connection, citizen: UUID) -> None:
    """Destroys what is personal in a citizen's finished requests. Open ones are worked on, and end by the clock."""
    await connection.execute(FORGET_OF_CITIZEN, citizen)


async def put(connection: Connection, ring: KeyRing | None, steps: Sequence[Happened]) -> None:
    """Write what requests have become, in the transaction that locked them, and tell everybody."""
    await connection.executemany(UPDATE, [values_of(each.after) for each in steps])
    await record(connection, ring, steps)


async def record(connection: Connection, ring: KeyRing | None, steps: Sequence[Happened]) -> None:
    """Note what happened: the history, the events, the notices. ring: None where no step has a note."""
    rows = []
    for each in steps:
        after = each.after
        told = after.told if each.step is Step.HANDED_UP else None
        sealed: Sealed | tuple[None, None, None] = (None, None, None)
        if each.note is not None and ring is not None:
            sealed = ring.seal(each.note.encode(), household=str(after.request_id), field=_note_field(after.revision))
        rows.append(
            (
                after.request_id,
                after.revision,
                after.updated_at,
                each.step.value,
                each.actor,
                each.actor_role,
                told and told[0].value,
                told and told[1],
                each.other,
                *sealed,
            )
        )
    await connection.execute(INSERT_STEPS, *map(list, zip(*rows, strict=True)))
    by_time: dict[datetime, list[Happened]] = {}
    for each in steps:
        by_time.setdefault(each.after.updated_at, []).append(each)
    for time, happened in by_time.items():
        events = [(str(each.after.request_id), domain.event(each.after, each.before)) for each in happened]
        await outbox.append_all(connection, HELP_UPDATED, events, time=time)
    await tell(connection, [each.after for each in steps])


async def _opened(connection: Connection, ring: KeyRing, row: asyncpg.Record) -> Opened:
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


def _own(row: asyncpg.Record | None, citizen: UUID) -> Request | None:
    if row is None:
        return None
    if row["citizen"] != citizen:
        raise IdTaken
    return request_of(row)


def _as_asked(row: asyncpg.Record) -> Own:
    request = request_of(row)
    if request.merged_into is None:
        return Own(request, request.status, request.accepted_at, request.deadline)
    return Own(request, HelpStatus(row["goes_on_as"]), row["goes_on_accepted_at"], row["goes_on_deadline"])
