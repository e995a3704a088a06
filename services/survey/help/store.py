"""Requests for help in the survey's database. Every change is one transaction, which also tells of it
(`help/changes.py`); what is personal is opened for who may read it (`help/personal.py`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.survey.audit import Purpose, note_reading
from services.survey.help import domain
from services.survey.help.changes import Happened, put, record
from services.survey.help.domain import Request, Step, Worker
from services.survey.help.personal import Details, Opened, opened
from services.survey.help.rows import COLUMNS, NAMES, request_of, values_of
from shared.contracts.events import HelpStatus
from shared.postgres.pool import Connection, acquire
from shared.security.principal import Principal
from shared.security.sealing import KeyRing

# Of two phones that send the same at once, the second waits here for the first one's commit.
INSERT: Final = f"""
INSERT INTO help_request ({NAMES}, key_id, wrapped_key, sealed)
VALUES ({", ".join(f"${number}" for number in range(1, len(COLUMNS) + 4))})
ON CONFLICT DO NOTHING
RETURNING true
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

COUNTS: Final = """
SELECT area, kind, status, count(*) AS requests
FROM help_request
WHERE area >= $1 AND area < $1 || ':'
GROUP BY area, kind, status
ORDER BY area, kind, status
"""

MOST_OWN: Final = 20
"""Requests that a citizen is shown, the latest first: more than anybody makes in a wave."""


@dataclass(frozen=True, slots=True)
class Own:
    """A request as whoever asked sees it. goes_on: the one that it was merged into, where it was."""

    request: Request
    status: HelpStatus
    accepted_at: datetime | None
    deadline: datetime | None


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
        return await opened(connection, self._ring, row)


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
