"""Central administrators: made and ended by a command on the machine, since nobody in the system is above them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.registration.domain import appointments as domain
from services.registration.domain.appointments import Appointment, Term
from services.registration.domain.people import Organisation, Person, Refused
from services.registration.domain.sign_ups import Step
from services.registration.store.appointments import END, ended_last, insert_appointment, open_of
from services.registration.store.organisations import INSERT_ORGANISATION
from services.registration.store.people import LOCK_BY_PHONE, Contact, People, person_of
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus
from shared.observability.clock import BANGKOK
from shared.postgres.pool import Connection, acquire

OPERATOR = UUID(int=0)
"""Who decides when it is nobody in the system: whoever has the machine."""
CENTRE = "ส่วนกลาง (Central administration)"

FIRST_CENTRAL_AGENCY = """
SELECT organisation_id, name, kind, area, parent_id
FROM organisation
WHERE area = '' AND kind = 'agency'
ORDER BY created_at, organisation_id
LIMIT 1
"""


class Registered(Exception):
    """Somebody with this phone is registered, with another role."""

    def __init__(self, person: Person) -> None:
        super().__init__(person.person_id)
        self.person = person


class NoAdministrator(Exception):
    """Nobody with this phone is central administrator."""


class Administrators:
    """The central administrators of the registration database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], people: People) -> None:
        self._pool = pool
        self._people = people

    async def create(self, contact: Contact, *, take_registered: bool, now: datetime) -> Person:
        """Make somebody central administrator, for the first agency of the whole country, which is made if missing.

        Who is so already stays so. Raises `Registered` unless a registered person is to be taken, and `Refused`.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            centre = await _centre(connection, now)
            person = Person(
                person_id=uuid4(),
                organisation_id=centre.organisation_id,
                organisation_kind=centre.kind,
                area="",
                role=Role.CENTRAL_ADMINISTRATOR,
                status=VolunteerStatus.APPROVED,
                registered_at=now,
                revision=1,
            )
            if await self._people.add(connection, person, contact):
                await self._people.record_decision(connection, person, Step.APPOINTMENT, OPERATOR, now)
            else:
                before = person_of(await connection.fetchrow(LOCK_BY_PHONE, contact.phone_index))
                if before.role is Role.CENTRAL_ADMINISTRATOR and before.status is VolunteerStatus.APPROVED:
                    return before
                if not take_registered:
                    raise Registered(before)
                gone = before.status is VolunteerStatus.WITHDRAWN and not await ended_last(connection, before)
                if gone or before.status is VolunteerStatus.SUSPENDED:
                    raise Refused(str(before.status))
                person = replace(
                    person,
                    person_id=before.person_id,
                    registered_at=before.registered_at,
                    revision=before.revision + 1,
                )
                await self._people.write_change(connection, before, person, Step.APPOINTMENT, OPERATOR, now)
                await self._people.write_name(connection, person.person_id, contact)
                for standing in await open_of(connection, person.person_id):
                    if standing is not None:
                        await connection.execute(END, standing.appointment_id, OPERATOR, now, None)
            today = now.astimezone(BANGKOK).date()
            await insert_appointment(
                connection,
                Appointment(
                    uuid4(),
                    person.person_id,
                    person.role,
                    person.area,
                    person.organisation_id,
                    Term(today, None),
                    OPERATOR,
                    now,
                    begun_at=now,
                ),
            )
            return person

    async def end(self, phone_index: bytes, *, reason: str, now: datetime) -> Person:
        """Take the role away. Raises `NoAdministrator`."""
        async with acquire(self._pool) as connection, connection.transaction():
            row = await connection.fetchrow(LOCK_BY_PHONE, phone_index)
            if row is None or row["role"] != Role.CENTRAL_ADMINISTRATOR or row["status"] == VolunteerStatus.WITHDRAWN:
                raise NoAdministrator
            before = person_of(row)
            after = domain.end(before)
            held, _ = await open_of(connection, before.person_id)
            if held is not None:
                await connection.execute(END, held.appointment_id, OPERATOR, now, after.revision)
                field = f"appointment.{held.appointment_id}"
                await self._people.write_sealed(connection, before.person_id, {field: reason})
            await self._people.write_change(connection, before, after, Step.APPOINTMENT_END, OPERATOR, now)
            return after


async def _centre(connection: Connection, now: datetime) -> Organisation:
    row = await connection.fetchrow(FIRST_CENTRAL_AGENCY)
    if row is not None:
        return Organisation(row["organisation_id"], row["name"], OrganisationKind(row["kind"]), row["area"], None)
    made = Organisation(uuid4(), CENTRE, OrganisationKind.AGENCY, "", None)
    await connection.execute(
        INSERT_ORGANISATION, made.organisation_id, made.name, made.kind, made.area, None, now, OPERATOR
    )
    return made
