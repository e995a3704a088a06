"""Appointments: making, ending and listing them, and keeping to their days.

A person's row is locked before the rows of his appointments, so that two changes of one person follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import appointments as domain
from services.registration.domain import people as people_domain
from services.registration.domain.appointments import Appointment, Term
from services.registration.domain.people import Authority, Organisation, Person, Refused, check_authority
from services.registration.domain.sign_ups import Step
from services.registration.store.people import LOCK_BY_ID, LOCK_BY_PHONE, RECORD_ACCESS, Contact, People, person_of
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus
from shared.observability.clock import BANGKOK
from shared.postgres.pool import Connection, acquire

DUE_AT_ONCE = 100
"""Appointments in one transaction: some 100 ms in which the persons' rows are locked."""

INSERT_APPOINTMENT = """
INSERT INTO appointment
    (appointment_id, person_id, role, area, organisation_id, from_day, to_day, appointed_by, appointed_at, begun_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

OPEN = "SELECT * FROM appointment WHERE person_id = $1 AND ended_at IS NULL"

BEGIN = "UPDATE appointment SET begun_at = $2 WHERE appointment_id = $1"

END = """
UPDATE appointment SET ended_by = $2, ended_at = $3, ended_revision = $4 WHERE appointment_id = $1
"""

ENDED_LAST = "SELECT true FROM appointment WHERE person_id = $1 AND ended_revision = $2"

PERSON_OF = "SELECT person_id FROM appointment WHERE appointment_id = $1 AND area >= $2 AND area < $2 || ':'"

SELECT_APPOINTMENT = "SELECT * FROM appointment WHERE appointment_id = $1"

# What begins comes first: who goes from one role to the next has no moment without any.
# A suspended person's role neither begins nor ends; it does so when the suspension is lifted.
# Skipping what is locked, several processes share the work, and nobody waits for a person who is being decided about.
DUE_TO_BEGIN = """
SELECT a.appointment_id, p.person_id
FROM appointment AS a JOIN person AS p USING (person_id)
WHERE a.begun_at IS NULL AND a.ended_at IS NULL AND a.begins_at <= $1 AND p.status <> 'suspended'
ORDER BY a.begins_at, a.appointment_id
LIMIT $2
FOR UPDATE OF p SKIP LOCKED
"""

DUE_TO_END = """
SELECT a.appointment_id, p.person_id
FROM appointment AS a JOIN person AS p USING (person_id)
WHERE a.begun_at IS NOT NULL AND a.ended_at IS NULL AND a.ends_at <= $1 AND p.status <> 'suspended'
ORDER BY a.ends_at, a.appointment_id
LIMIT $2
FOR UPDATE OF p SKIP LOCKED
"""

ORGANISATION = "SELECT organisation_id, name, kind, area, parent_id FROM organisation WHERE organisation_id = $1"

# Held on a day: begun by its end and not ended before its beginning. $3 to $6 may be null.
PAGE = """
SELECT a.*, p.status, n.key_id AS name_key, n.wrapped_key AS name_wrapped, n.ciphertext AS name,
       r.key_id AS reason_key, r.wrapped_key AS reason_wrapped, r.ciphertext AS reason
FROM appointment AS a
JOIN person AS p USING (person_id)
LEFT JOIN sealed_field AS n ON n.person_id = a.person_id AND n.field = 'name'
LEFT JOIN sealed_field AS r ON r.person_id = a.person_id AND r.field = 'appointment.' || a.appointment_id
WHERE a.area >= $1 AND a.area < $1 || ':'
  AND (a.area, a.from_day, a.appointment_id) > ($2, $3, $4)
  AND ($5::text IS NULL OR a.role = $5)
  AND ($6::uuid IS NULL OR a.person_id = $6)
  AND ($7::date IS NULL OR (
        a.from_day <= $7
    AND (a.to_day IS NULL OR a.to_day >= $7)
    AND (a.ended_at IS NULL OR a.begun_at IS NOT NULL)
    AND (a.ended_at IS NULL OR a.ended_at >= $7::timestamp AT TIME ZONE 'Asia/Bangkok')
  ))
ORDER BY a.area, a.from_day, a.appointment_id
LIMIT $8
"""

Cursor = tuple[str, date, UUID]
"""Area, first day and id of the last appointment of a page."""


class UnknownAppointment(Exception):
    """There is no such appointment in the caller's area."""


@dataclass(frozen=True, slots=True)
class Appointed:
    """An appointment and the person as he stands now."""

    appointment: Appointment
    person: Person


@dataclass(frozen=True, slots=True)
class Listed:
    """An appointment as coordinators see it. Name and reason are None where there is none, or it cannot be opened."""

    appointment: Appointment
    status: VolunteerStatus
    name: str | None
    reason: str | None


class Appointments:
    """The appointments of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], people: People) -> None:
        self._pool = pool
        self._people = people

    async def appoint(
        self,
        contact: Contact,
        *,
        organisation: Organisation,
        role: Role,
        area: str,
        term: Term,
        authority: Authority,
        by: UUID,
        now: datetime,
    ) -> Appointed:
        """Give somebody a role in an area, whether he is registered or not, on the days of `term`.

        The same again changes nothing. Raises `Refused`, also with "awaited" when another role is awaited already.
        """
        begins = term.from_day <= now.astimezone(BANGKOK).date()
        async with acquire(self._pool) as connection, connection.transaction():
            person = people_domain.appoint_new(uuid4(), organisation, role, area, authority, now)
            if not begins:
                person = domain.await_beginning(person)
            if await self._people.add(connection, person, contact):
                await self._people.record_decision(connection, person, Step.APPOINTMENT, by, now)
                held = awaited = None
            else:
                row = await connection.fetchrow(LOCK_BY_PHONE, contact.phone_index)
                if row is None:  # erased between the two statements: as good as held by somebody else
                    raise Refused("held_elsewhere")
                before = person_of(row)
                held, awaited = await open_of(connection, before.person_id)
                ended = await ended_last(connection, before)
                person = people_domain.appoint(before, organisation, role, area, authority, role_ended=ended)
                if not begins:
                    person = before
                elif person.revision != before.revision:
                    await self._people.write_change(connection, before, person, Step.APPOINTMENT, by, now)
                await self._people.write_name(connection, person.person_id, contact)
            made = Appointment(
                uuid4(),
                person.person_id,
                role,
                area,
                organisation.organisation_id,
                term,
                by,
                now,
                now if begins else None,
            )
            standing = held if begins else awaited
            if standing is not None and made.repeats(standing) and (begins or standing.term == term):
                return Appointed(standing, person)
            if standing is not None and not begins:
                raise Refused("awaited")
            if standing is not None:
                await connection.execute(END, standing.appointment_id, by, now, None)
            await insert_appointment(connection, made)
            return Appointed(made, person)

    async def end(
        self, appointment_id: UUID, *, authority: Authority, by: UUID, now: datetime, reason: str
    ) -> Appointed:
        """End an appointment, begun or not, and with it the role. What has ended already stays as it is.

        Raises `UnknownAppointment` and `Refused`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            person_id = await connection.fetchval(PERSON_OF, appointment_id, authority.area)
            if person_id is None:
                raise UnknownAppointment
            person = person_of(await connection.fetchrow(LOCK_BY_ID, person_id, ""))
            appointment = _appointment_of(await connection.fetchrow(SELECT_APPOINTMENT, appointment_id))
            check_authority(authority, appointment.role, appointment.area)
            if appointment.ended_at is not None:
                return Appointed(appointment, person)
            if appointment.begun_at is not None:  # with it ends the role that the person holds now, wherever that is
                check_authority(authority, person.role, person.area)
            if person.status is VolunteerStatus.SUSPENDED:
                raise Refused("suspended")
            person = await self._end(connection, appointment, person, by, now)
            await self._people.write_sealed(connection, person_id, {f"appointment.{appointment_id}": reason})
            return Appointed(_appointment_of(await connection.fetchrow(SELECT_APPOINTMENT, appointment_id)), person)

    async def keep_terms(self, *, now: datetime) -> int:
        """Begin and end what is due at `now`; how many that were. Several may do this at the same time."""
        done = 0
        for due, step in ((DUE_TO_BEGIN, self._begin_due), (DUE_TO_END, self._end_due)):
            found = DUE_AT_ONCE
            while found == DUE_AT_ONCE:
                async with acquire(self._pool) as connection, connection.transaction():
                    rows = await connection.fetch(due, now, DUE_AT_ONCE)
                    for row in rows:
                        person = person_of(await connection.fetchrow(LOCK_BY_ID, row["person_id"], ""))
                        found_row = await connection.fetchrow(SELECT_APPOINTMENT, row["appointment_id"])
                        done += await step(connection, _appointment_of(found_row), person, now)
                found = len(rows)
        return done

    async def page(
        self,
        *,
        area: str,
        role: Role | None,
        person_id: UUID | None,
        at: date | None,
        after: Cursor | None,
        limit: int,
        reader: UUID,
        now: datetime,
    ) -> Sequence[Listed]:
        """Return the next appointments of `area`, and record whose names were read by whom.

        at: only roles held on that day; without it also what has ended and what is awaited.
        """
        start = after or ("", date.min, UUID(int=0))
        async with acquire(self._pool) as connection, connection.transaction():
            rows = await connection.fetch(PAGE, area, *start, role, person_id, at, limit)
            if rows:
                persons = sorted({row["person_id"] for row in rows})
                await connection.execute(RECORD_ACCESS, now, reader, "appointment list", persons)
        return [
            Listed(
                _appointment_of(row),
                VolunteerStatus(row["status"]),
                self._people.opened(row, "name"),
                self._people.opened(row, "reason", f"appointment.{row['appointment_id']}"),
            )
            for row in rows
        ]

    async def _begin_due(self, connection: Connection, appointment: Appointment, person: Person, now: datetime) -> bool:
        """Begin it; false where somebody was faster."""
        if appointment.state != "awaited" or person.status is VolunteerStatus.SUSPENDED:
            return False
        over = appointment.term.to_day is not None and appointment.term.to_day < now.astimezone(BANGKOK).date()
        gone = person.status is VolunteerStatus.WITHDRAWN and not await ended_last(connection, person)
        if over or gone:
            await self._end(connection, appointment, person, None, now)
            return True
        held, _ = await open_of(connection, person.person_id)
        if held is not None:
            await connection.execute(END, held.appointment_id, appointment.appointed_by, now, None)
        await connection.execute(BEGIN, appointment.appointment_id, now)
        row = await connection.fetchrow(ORGANISATION, appointment.organisation_id)
        begun = domain.begin(person, appointment, _organisation_of(row))
        if begun.revision != person.revision:
            await self._people.write_change(connection, person, begun, Step.APPOINTMENT, appointment.appointed_by, now)
        return True

    async def _end_due(self, connection: Connection, appointment: Appointment, person: Person, now: datetime) -> bool:
        """End it; false where somebody was faster."""
        if appointment.state != "held" or person.status is VolunteerStatus.SUSPENDED:
            return False
        await self._end(connection, appointment, person, None, now)
        return True

    async def _end(
        self, connection: Connection, appointment: Appointment, person: Person, by: UUID | None, now: datetime
    ) -> Person:
        """End an appointment and, when it is what the person's role comes from, the role. by: None for its last day."""
        after = person
        if appointment.begun_at is not None or domain.waits_for(person, appointment):
            after = domain.end(person)
        changed = after.revision != person.revision
        await connection.execute(END, appointment.appointment_id, by, now, after.revision if changed else None)
        if changed:
            await self._people.write_change(
                connection, person, after, Step.APPOINTMENT_END, by or appointment.appointed_by, now
            )
        return after


async def open_of(connection: Connection, person_id: UUID) -> tuple[Appointment | None, Appointment | None]:
    """Return what the person holds and what he awaits."""
    found = {one.state: one for one in map(_appointment_of, await connection.fetch(OPEN, person_id))}
    return found.get("held"), found.get("awaited")


async def ended_last(connection: Connection, person: Person) -> bool:
    """Say whether the last change of the person was the end of a role: nothing else keeps him from another one."""
    return bool(await connection.fetchval(ENDED_LAST, person.person_id, person.revision))


async def insert_appointment(connection: Connection, made: Appointment) -> None:
    """Store a new appointment, in the transaction that holds the person's row."""
    await connection.execute(
        INSERT_APPOINTMENT,
        made.appointment_id,
        made.person_id,
        made.role,
        made.area,
        made.organisation_id,
        made.term.from_day,
        made.term.to_day,
        made.appointed_by,
        made.appointed_at,
        made.begun_at,
    )


def _appointment_of(row: asyncpg.Record | None) -> Appointment:
    if row is None:
        raise UnknownAppointment
    return Appointment(
        appointment_id=row["appointment_id"],
        person_id=row["person_id"],
        role=Role(row["role"]),
        area=row["area"],
        organisation_id=row["organisation_id"],
        term=Term(row["from_day"], row["to_day"]),
        appointed_by=row["appointed_by"],
        appointed_at=row["appointed_at"],
        begun_at=row["begun_at"],
        ended_by=row["ended_by"],
        ended_at=row["ended_at"],
    )


def _organisation_of(row: asyncpg.Record | None) -> Organisation:
    assert row is not None  # noqa: S101 - a foreign key holds it
    return Organisation(
        row["organisation_id"], row["name"], OrganisationKind(row["kind"]), row["area"], row["parent_id"]
    )
