"""Changing places. Every change is one transaction: the places, their revisions with who and when, and their events."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.facilities.domain import places as domain
from services.facilities.domain.events import told
from services.facilities.domain.places import Change, Content, Facility
from services.facilities.store import codes
from services.facilities.store.rows import COLUMNS, content_json, facility_of, row_of
from shared.contracts.events import Role
from shared.postgres import outbox
from shared.postgres.pool import Connection

MOST_MERGERS: Final = 50
"""One behind the other: nobody merges more often what is one place."""
MOST_AT_ONCE: Final = 1_000
"""Places in one statement: some 2 MB of JSON, and rows that are locked for a tenth of a second."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and the area (a code's prefix) in which they may."""

    subject: UUID
    organisation: UUID | None
    role: str
    area: str

    @property
    def only_of(self) -> UUID | None:
        """The organisation whose places he may change, besides those that nobody keeps; None: everybody's.

        A place officer answers for his organisation; who has none is his own.
        """
        return (self.organisation or self.subject) if self.role == Role.PLACE_OFFICER else None


class UnknownFacility(LookupError):
    """No place has this id."""


class OtherArea(Exception):
    """The place lies outside the actor's area."""


class OtherOrganisation(Exception):
    """Another organisation than the actor's keeps the place."""


class IdTaken(Exception):
    """Another place was entered under this id."""


class StaleRevision(Exception):
    """Somebody else changed the place in the meantime; `current` is its revision now."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


_OF_NEW: Final = ", ".join(f"n.{column.strip()}" for column in COLUMNS.split(","))

INSERT_FACILITIES: Final = f"""
INSERT INTO facility ({COLUMNS})
SELECT {COLUMNS} FROM jsonb_populate_recordset(NULL::facility, $1)
WHERE starts_with(area, $2)
ON CONFLICT (facility_id) DO NOTHING
RETURNING facility_id
"""  # noqa: S608 - the columns are a constant

UPDATE_FACILITIES: Final = f"""
UPDATE facility AS f
SET ({COLUMNS}) = ROW ({_OF_NEW})
FROM jsonb_populate_recordset(NULL::facility, $1) AS n
WHERE f.facility_id = n.facility_id AND f.revision = n.revision - 1
  AND starts_with(f.area, $2) AND starts_with(n.area, $2)
RETURNING f.facility_id
"""  # noqa: S608

INSERT_REVISIONS: Final = """
INSERT INTO facility_revision
    (facility_id, revision, change, content, merged_into, changed_at, changed_by, organisation, role)
SELECT r.facility_id, r.revision, r.change, r.content, r.merged_into, r.changed_at, $2, $3, $4
FROM jsonb_populate_recordset(NULL::facility_revision, $1) AS r
"""

# What a revision from before a field was added has in its place.
ENTERED_AS: Final = """
SELECT $3::jsonb || content = $2::jsonb FROM facility_revision WHERE facility_id = $1 AND revision = 1
"""
ADDED_FIELDS: Final = json.dumps(
    {
        "organisation_id": None,
        "details": {"lanes_per_hour": None, "vaccines": [], "access": None},
        "exceptions": [],
        "holidays": None,
    }
)

SELECT_FACILITIES: Final = f"""
SELECT {COLUMNS} FROM facility WHERE facility_id = ANY ($1::uuid[])
"""  # noqa: S608

# A place, and what it and its survivors were merged into, the last of them at the end.
SELECT_SURVIVOR: Final = f"""
WITH RECURSIVE chain AS (
    SELECT facility_id, merged_into, 1 AS step FROM facility WHERE facility_id = $1
    UNION ALL
    SELECT f.facility_id, f.merged_into, c.step + 1
    FROM chain AS c JOIN facility AS f ON f.facility_id = c.merged_into
    WHERE c.step < $2
)
SELECT {COLUMNS}
FROM facility JOIN (SELECT facility_id, step FROM chain) AS c USING (facility_id)
ORDER BY step
"""  # noqa: S608

# In the order of their ids, so that two who change the same places wait for each other instead of both for ever.
LOCK_FACILITIES: Final = f"""
SELECT {COLUMNS}, starts_with(area, $2) AS in_area,
       $3::uuid IS NULL OR organisation_id IS NULL OR organisation_id = $3 AS is_own
FROM facility
WHERE facility_id = ANY ($1::uuid[])
ORDER BY facility_id
FOR UPDATE
"""  # noqa: S608


async def create(
    connection: Connection,
    facility_id: UUID,
    content: Content,
    actor: Actor,
    at: datetime,
    *,
    shared_code: bool = False,
) -> tuple[Facility, bool]:
    """Enters a place; the same content under the same id again gives the place as it stands now, and False.

    shared_code: whether the actor knows that others have its code.

    Raises:
        OtherArea: the place would lie outside the actor's area.
        IdTaken: the id was first entered with other content.
        CodeInUse.
    """
    change = domain.created(facility_id, content, at)
    async with connection.transaction():
        if not shared_code:
            await codes.demand_free(connection, change)
        if await insert(connection, [change], actor):
            return change.after, True
        # No row: the id is known, or the area is another's.
        same = await connection.fetchval(ENTERED_AS, facility_id, content_json(content), ADDED_FIELDS)
        if not content.area.startswith(actor.area):
            raise OtherArea
        if not same:
            raise IdTaken
        return await get(connection, facility_id), False


async def change(
    connection: Connection,
    facility_id: UUID,
    actor: Actor,
    decide: Callable[[Facility], Change],
    *,
    expected: int | None = None,
    shared_code: bool = False,
) -> Facility:
    """Makes the change that `decide` finds from the place as it stands, under a lock of its row.

    expected: the revision that the actor has seen; None asks for no particular one.
    shared_code: whether the actor knows that others have the place's code.

    Raises:
        UnknownFacility, OtherOrganisation, CodeInUse.
        OtherArea: also when the change would move the place out of the actor's area.
        StaleRevision: the place has another revision than the expected one.
    """
    async with connection.transaction():
        row = await connection.fetchrow(LOCK_FACILITIES, [facility_id], actor.area, actor.only_of)
        if row is None:
            raise UnknownFacility
        if not row["in_area"]:
            raise OtherArea
        if not row["is_own"]:
            raise OtherOrganisation
        if expected is not None and row["revision"] != expected:
            raise StaleRevision(row["revision"])
        step = decide(facility_of(row))
        if not shared_code:
            await codes.demand_free(connection, step)
        if not await update(connection, [step], actor):
            raise OtherArea  # the row is locked: only the new area can have failed
        return step.after


async def get(connection: Connection, facility_id: UUID) -> Facility:
    """The place as it stands; raises `UnknownFacility`."""
    row = await connection.fetchrow(SELECT_FACILITIES, [facility_id])
    if row is None:
        raise UnknownFacility
    return facility_of(row)


async def survivor(connection: Connection, facility_id: UUID) -> Facility:
    """The place, or the one that it turned out to be; raises `UnknownFacility`."""
    rows = await connection.fetch(SELECT_SURVIVOR, facility_id, MOST_MERGERS)
    if not rows:
        raise UnknownFacility
    return facility_of(rows[-1])


async def get_many(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Facility]:
    """Those of some places that there are."""
    rows = await connection.fetch(SELECT_FACILITIES, ids)
    return {row["facility_id"]: facility_of(row) for row in rows}


async def lock_many(
    connection: Connection, ids: Sequence[UUID], area: str, *, only_of: UUID | None = None
) -> dict[UUID, Facility]:
    """Those of at most `MOST_AT_ONCE` places that lie in `area`, locked until the caller's transaction ends; of an
    organisation and of nobody, if one is named."""
    rows = await connection.fetch(LOCK_FACILITIES, ids, area, only_of)
    return {row["facility_id"]: facility_of(row) for row in rows if row["in_area"] and row["is_own"]}


async def insert(connection: Connection, changes: Sequence[Change], actor: Actor) -> frozenset[UUID]:
    """Enters at most `MOST_AT_ONCE` new places, in the caller's transaction.

    Returns the ids of those that were entered: an id that is known, or an area that is another's, is left out.
    """
    rows = json.dumps([row_of(change.after) for change in changes], ensure_ascii=False)
    written = frozenset(row[0] for row in await connection.fetch(INSERT_FACILITIES, rows, actor.area))
    await _record(connection, [change for change in changes if change.after.facility_id in written], actor)
    return written


async def update(connection: Connection, changes: Sequence[Change], actor: Actor) -> frozenset[UUID]:
    """Makes changes of at most `MOST_AT_ONCE` different places, whose rows the caller has locked in his transaction.

    Returns the ids of those that were changed: one that has another revision than the change begins with, or an area
    that is another's before or after, is left out.
    """
    rows = json.dumps([row_of(change.after) for change in changes], ensure_ascii=False)
    written = frozenset(row[0] for row in await connection.fetch(UPDATE_FACILITIES, rows, actor.area))
    await _record(connection, [change for change in changes if change.after.facility_id in written], actor)
    return written


async def _record(connection: Connection, changes: Sequence[Change], actor: Actor) -> None:
    if not changes:
        return
    revisions = ",".join(
        f'{{"facility_id":"{change.after.facility_id}","revision":{change.after.revision},"change":"{change.kind}",'
        f'"changed_at":"{change.after.updated_at.isoformat()}","merged_into":{_quoted(change.after.merged_into)},'
        f'"content":{content_json(change.after.content)}}}'
        for change in changes
    )
    await connection.execute(INSERT_REVISIONS, f"[{revisions}]", actor.subject, actor.organisation, actor.role)
    for topic, events in told(changes, actor.subject).items():
        await outbox.append_all(connection, topic, events, time=changes[0].after.updated_at)


def _quoted(value: UUID | None) -> str:
    return "null" if value is None else f'"{value}"'
