"""The register's rows. Every change is one transaction: the place, its revision with who and when, and its event."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg

from services.facilities import domain
from services.facilities.domain import Change, Contact, Content, Facility, Hours, Position
from shared.contracts.events import Day, FacilityKind, FacilityStatus
from shared.contracts.topics import FACILITY_UPDATED
from shared.postgres import outbox
from shared.postgres.pool import Connection


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and the area (a code's prefix) in which they may."""

    subject: UUID
    organisation: UUID | None
    role: str
    area: str


@dataclass(frozen=True, slots=True)
class Filters:
    """Which places are asked for; None means all. overdue_before: only those last confirmed before that moment."""

    area: str = ""
    kind: FacilityKind | None = None
    status: FacilityStatus | None = None
    overdue_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many places of a kind and status a subdistrict has."""

    area: str
    kind: FacilityKind
    status: FacilityStatus
    places: int


class UnknownFacility(LookupError):
    """No place has this id."""


class OtherArea(Exception):
    """The place lies outside the actor's area."""


class IdTaken(Exception):
    """Another place was entered under this id."""


class StaleRevision(Exception):
    """Somebody else changed the place in the meantime; `current` is its revision now."""

    def __init__(self, current: int) -> None:
        super().__init__(current)
        self.current = current


INSERT_FACILITY: Final = """
INSERT INTO facility (facility_id, kind, name, area, official_code, lat, lon, status, capacity, free, hours, hours_note,
                      services, phone, email, website, revision, created_at, updated_at, confirmed_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
WHERE starts_with($4, $21)
ON CONFLICT (facility_id) DO NOTHING
"""

UPDATE_FACILITY: Final = """
UPDATE facility
SET kind = $2, name = $3, area = $4, official_code = $5, lat = $6, lon = $7, status = $8, capacity = $9, free = $10,
    hours = $11, hours_note = $12, services = $13, phone = $14, email = $15, website = $16, revision = $17,
    created_at = $18, updated_at = $19, confirmed_at = $20
WHERE facility_id = $1 AND revision = $17 - 1 AND starts_with(area, $21) AND starts_with($4, $21)
"""

INSERT_REVISION: Final = """
INSERT INTO facility_revision (facility_id, revision, change, content, changed_at, changed_by, organisation, role)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

ENTERED_AS: Final = """
SELECT content = $2::jsonb FROM facility_revision WHERE facility_id = $1 AND revision = 1
"""

COLUMNS: Final = """
facility_id, kind, name, area, official_code, lat, lon, status, capacity, free, hours, hours_note, services,
phone, email, website, revision, created_at, updated_at, confirmed_at
"""

SELECT_FACILITY: Final = f"""
SELECT {COLUMNS} FROM facility WHERE facility_id = $1
"""  # noqa: S608 - the columns are a constant

LOCK_FACILITY: Final = f"""
SELECT {COLUMNS}, starts_with(area, $2) AS in_area FROM facility WHERE facility_id = $1 FOR UPDATE
"""  # noqa: S608 - the columns are a constant

# ":" is the character after "9": every code that begins with the prefix lies between the prefix and that.
SELECT_PAGE: Final = f"""
SELECT {COLUMNS}
FROM facility
WHERE ($1::uuid IS NULL OR facility_id > $1)
  AND area >= $2 AND area < $2 || ':'
  AND ($3::text IS NULL OR kind = $3)
  AND ($4::text IS NULL OR status = $4)
  AND ($5::timestamptz IS NULL OR (confirmed_at < $5 AND status <> 'closed'))
ORDER BY facility_id
LIMIT $6
"""  # noqa: S608 - the columns are a constant

SELECT_COUNTS: Final = """
SELECT area, kind, status, count(*) AS places
FROM facility
WHERE area >= $1 AND area < $1 || ':'
GROUP BY area, kind, status
ORDER BY area, kind, status
"""


async def create(
    connection: Connection, facility_id: UUID, content: Content, actor: Actor, at: datetime
) -> tuple[Facility, bool]:
    """Enters a place; the same content under the same id again gives the place as it stands now, and False.

    Raises:
        OtherArea: the place would lie outside the actor's area.
        IdTaken: the id was first entered with other content.
    """
    change = domain.created(facility_id, content, at)
    async with connection.transaction():
        status = await connection.execute(INSERT_FACILITY, *_columns(change.after), actor.area)
        if status == "INSERT 0 1":
            await _record(connection, change, actor)
            return change.after, True
        # No row: the id is known, or the area is another's.
        same = await connection.fetchval(ENTERED_AS, facility_id, _content_json(content))
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
) -> Facility:
    """Makes the change that `decide` finds from the place as it stands, under a lock of its row.

    expected: the revision that the actor has seen; None asks for no particular one.

    Raises:
        UnknownFacility, OtherArea: also when the change would move the place out of the actor's area.
        StaleRevision: the place has another revision than the expected one.
    """
    async with connection.transaction():
        row = await connection.fetchrow(LOCK_FACILITY, facility_id, actor.area)
        if row is None:
            raise UnknownFacility
        if not row["in_area"]:
            raise OtherArea
        if expected is not None and row["revision"] != expected:
            raise StaleRevision(row["revision"])
        step = decide(_facility(row))
        if await connection.execute(UPDATE_FACILITY, *_columns(step.after), actor.area) != "UPDATE 1":
            raise OtherArea  # the row is locked: only the new area can have failed
        await _record(connection, step, actor)
        return step.after


async def get(connection: Connection, facility_id: UUID) -> Facility:
    """The place as it stands; raises `UnknownFacility`."""
    row = await connection.fetchrow(SELECT_FACILITY, facility_id)
    if row is None:
        raise UnknownFacility
    return _facility(row)


async def page(connection: Connection, filters: Filters, after: UUID | None, limit: int) -> Sequence[Facility]:
    """At most `limit` places in the order of their ids, beginning behind `after`."""
    rows = await connection.fetch(
        SELECT_PAGE, after, filters.area, filters.kind, filters.status, filters.overdue_before, limit
    )
    return [_facility(row) for row in rows]


async def counts(connection: Connection, area: str) -> Sequence[Count]:
    """Places by subdistrict, kind and status inside `area`: this service's own word, for reconciliation."""
    rows = await connection.fetch(SELECT_COUNTS, area)
    return [Count(row["area"], FacilityKind(row["kind"]), FacilityStatus(row["status"]), row["places"]) for row in rows]


async def _record(connection: Connection, step: Change, actor: Actor) -> None:
    facility = step.after
    await connection.execute(
        INSERT_REVISION,
        facility.facility_id,
        facility.revision,
        step.kind,
        _content_json(facility.content),
        facility.updated_at,
        actor.subject,
        actor.organisation,
        actor.role,
    )
    await outbox.append(
        connection,
        FACILITY_UPDATED,
        key=str(facility.facility_id),
        event=domain.event(step),
        event_id=uuid4(),
        time=facility.updated_at,
    )


def _content_json(content: Content) -> str:
    return json.dumps(asdict(content), ensure_ascii=False)


def _columns(facility: Facility) -> tuple[Any, ...]:
    content = facility.content
    return (
        facility.facility_id,
        content.kind,
        content.name,
        content.area,
        content.official_code,
        content.position and content.position.lat,
        content.position and content.position.lon,
        content.status,
        content.capacity,
        content.free,
        json.dumps([asdict(span) for span in content.hours]),
        content.hours_note,
        content.services,
        content.contact.phone,
        content.contact.email,
        content.contact.website,
        facility.revision,
        facility.created_at,
        facility.updated_at,
        facility.confirmed_at,
    )


def _facility(row: asyncpg.Record) -> Facility:
    return Facility(
        facility_id=row["facility_id"],
        content=Content(
            kind=FacilityKind(row["kind"]),
            name=row["name"],
            area=row["area"],
            official_code=row["official_code"],
            position=None if row["lat"] is None else Position(row["lat"], row["lon"]),
            status=FacilityStatus(row["status"]),
            capacity=row["capacity"],
            free=row["free"],
            hours=tuple(
                Hours(tuple(Day(day) for day in span["days"]), span["open"], span["close"])
                for span in json.loads(row["hours"])
            ),
            hours_note=row["hours_note"],
            services=tuple(row["services"]),
            contact=Contact(row["phone"], row["email"], row["website"]),
        ),
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        confirmed_at=row["confirmed_at"],
    )
