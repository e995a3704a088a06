"""Applying a checked list, and undoing it: each in one transaction, so that either all of it stands or nothing."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, Final

import asyncpg

from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.places import Change, Facility, created, updated
from services.facilities.imports.conflicts import entered_meanwhile, given_away, merged_into
from services.facilities.imports.judging import Result
from services.facilities.imports.overlay import draft_of
from services.facilities.store import imports, places
from services.facilities.store.imports import Import, State
from services.facilities.store.places import MOST_AT_ONCE, Actor
from shared.contracts.events import FacilityChange, FacilityStatus
from shared.observability.clock import Clock
from shared.postgres.pool import Connection, acquire

TO_APPLY: Final = """
SELECT number, result, facility_id, revision, after, as_of
FROM facility_import_row
WHERE import_id = $1 AND result = ANY ($2::text[]) AND number > $3
ORDER BY number
LIMIT $4
"""
TO_UNDO: Final = """
SELECT number, result, facility_id, revision, before, confirmed_at, applied
FROM facility_import_row
WHERE import_id = $1 AND applied IS NOT NULL AND number > $2
ORDER BY number
LIMIT $3
"""
# All at once and in the order of their ids, as everybody locks places: chunk by chunk, in the order of the list, two
# could wait for each other, and the list that loses would have failed.
LOCK_ALL: Final = """
SELECT count(*) FROM (
    SELECT 1
    FROM facility
    WHERE facility_id IN (SELECT facility_id FROM facility_import_row WHERE import_id = $1)
    ORDER BY facility_id
    FOR UPDATE
) AS locked
"""
NOTE_APPLIED: Final = """
UPDATE facility_import_row AS r SET applied = a.revision
FROM unnest($2::integer[], $3::integer[]) AS a (number, revision)
WHERE r.import_id = $1 AND r.number = a.number
"""
NOTE_RESULT: Final = """
UPDATE facility_import_row SET result = $3 WHERE import_id = $1 AND number = ANY ($2::integer[])
"""


class ChangedMeanwhile(Exception):
    """Somebody has changed places of the list after it was checked; `numbers` are the rows."""

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__(len(numbers))
        self.numbers = numbers


async def apply(pool: "asyncpg.Pool[asyncpg.Record]", claimed: Import, clock: Clock) -> None:
    """Apply a claimed import and let go of it: applied; or checked again, with the rows marked that somebody has
    changed meanwhile, unless it may be applied without them.

    Raises `Fenced`.
    """
    now = clock.now()
    try:
        async with acquire(pool) as connection, connection.transaction():
            await imports.lock(connection, claimed)
            await connection.execute(LOCK_ALL, claimed.import_id)
            await _apply(connection, claimed, now)
            await imports.settle(connection, claimed, State.APPLIED, now)
    except ChangedMeanwhile as error:
        async with acquire(pool) as connection, connection.transaction():
            await connection.execute(NOTE_RESULT, claimed.import_id, error.numbers, Result.CHANGED_MEANWHILE)
            await imports.settle(connection, claimed, State.CHECKED, now, failure="changed_meanwhile")


async def undo(pool: "asyncpg.Pool[asyncpg.Record]", claimed: Import, clock: Clock) -> None:
    """Give every place that a claimed import has changed its former fields, and close those that it entered; let go.

    Places that somebody has changed since, whose former code another place has by now, or that another was merged into,
    are left alone, and their rows are marked. Raises `Fenced`.
    """
    now = clock.now()
    async with acquire(pool) as connection, connection.transaction():
        await imports.lock(connection, claimed)
        await connection.execute(LOCK_ALL, claimed.import_id)
        without = await given_away(connection, claimed.import_id) | await merged_into(connection, claimed.import_id)
        async for rows in _chunks(connection, TO_UNDO, claimed.import_id):
            locked = await _locked(connection, rows, claimed.asked)
            untouched = [
                row for row in rows if _revision(locked, row) == row["applied"] and row["number"] not in without
            ]
            steps = [_undone(locked[row["facility_id"]], row, now) for row in untouched]
            await places.update(connection, steps, claimed.asked)
            kept = {row["number"] for row in untouched}
            changed = [row["number"] for row in rows if row["number"] not in kept]
            await connection.execute(NOTE_RESULT, claimed.import_id, changed, Result.CHANGED_SINCE)
        await imports.settle(connection, claimed, State.UNDONE, now)


async def _apply(connection: Connection, claimed: Import, now: datetime) -> None:
    results = [Result.NEW, Result.CHANGED, *([Result.UNCHANGED] if claimed.confirm else [])]
    meanwhile = await entered_meanwhile(connection, claimed.import_id)
    await connection.execute(NOTE_RESULT, claimed.import_id, meanwhile, Result.CHANGED_MEANWHILE)
    async for rows in _chunks(connection, TO_APPLY, claimed.import_id, [str(result) for result in results]):
        applied, missed = await _apply_chunk(connection, rows, claimed.asked, now)
        meanwhile += missed
        await connection.execute(NOTE_APPLIED, claimed.import_id, list(applied), list(applied.values()))
        if claimed.partial:
            await connection.execute(NOTE_RESULT, claimed.import_id, missed, Result.CHANGED_MEANWHILE)
    if meanwhile and not claimed.partial:
        raise ChangedMeanwhile(meanwhile)


async def _apply_chunk(
    connection: Connection, rows: Sequence[asyncpg.Record], actor: Actor, now: datetime
) -> tuple[Mapping[int, int], list[int]]:
    """Gives the revisions that came of rows, and the rows whose places somebody has changed."""
    entered = [row for row in rows if row["result"] == Result.NEW]
    known = [row for row in rows if row["result"] != Result.NEW]
    locked = await _locked(connection, known, actor)
    same = [row for row in known if _revision(locked, row) == row["revision"]]
    written = await places.insert(
        connection,
        [_as_of(created(row["facility_id"], draft_of(json.loads(row["after"])), now), row) for row in entered],
        actor,
    )
    written |= await places.update(
        connection,
        [_as_of(updated(locked[row["facility_id"]], draft_of(json.loads(row["after"])), now), row) for row in same],
        actor,
    )
    applied = {row["number"]: (row["revision"] or 0) + 1 for row in rows if row["facility_id"] in written}
    return applied, [row["number"] for row in rows if row["number"] not in applied]


async def _chunks(connection: Connection, query: str, import_id: Any, *values: Any) -> AsyncIterator[Any]:
    after = -1
    while rows := await connection.fetch(query, import_id, *values, after, MOST_AT_ONCE):
        yield rows
        after = rows[-1]["number"]


async def _locked(connection: Connection, rows: Sequence[asyncpg.Record], actor: Actor) -> Mapping[Any, Facility]:
    ids = [row["facility_id"] for row in rows]
    return await places.lock_many(connection, ids, actor.area, only_of=actor.only_of)


def _revision(locked: Mapping[Any, Facility], row: asyncpg.Record) -> int | None:
    place = locked.get(row["facility_id"])
    return None if place is None else place.revision


def _as_of(step: Change, row: asyncpg.Record) -> Change:
    """A list of three weeks ago confirms a place as of then, if nobody has confirmed it since."""
    if row["as_of"] is None:
        return step
    end_of_day = datetime.combine(row["as_of"] + timedelta(days=1), time(), BANGKOK)
    confirmed_at = min(step.after.updated_at, end_of_day)
    if step.before is not None:
        confirmed_at = max(confirmed_at, step.before.confirmed_at)
    return replace(step, after=replace(step.after, confirmed_at=confirmed_at))


def _undone(place: Facility, row: asyncpg.Record, now: datetime) -> Change:
    if row["before"] is None:
        return updated(place, replace(place.content, status=FacilityStatus.CLOSED), now)
    step = updated(place, draft_of(json.loads(row["before"])), now)
    # It is as old again as it was; that nothing else differs is no confirmation either.
    return Change(
        FacilityChange.UPDATED if step.kind is FacilityChange.CONFIRMED else step.kind,
        step.before,
        replace(step.after, confirmed_at=row["confirmed_at"]),
    )
