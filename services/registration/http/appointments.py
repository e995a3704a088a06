"""/v1/appointments: who holds which role where, from when to when, and who said so."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from services.registration.domain.appointments import FURTHEST_BEGINNING, LONGEST_TERM, Appointment, BadTerm, term
from services.registration.domain.people import APPOINTABLE, Authority
from services.registration.http.fields import Name, Phone, Reason
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import PAGE_SIZE
from services.registration.store.appointments import Appointed, Cursor, UnknownAppointment
from services.registration.store.organisations import find_organisation
from services.registration.store.people import Contact
from shared.areas.register import is_current
from shared.contracts.events import Role, VolunteerStatus
from shared.observability.clock import BANGKOK
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/appointments", tags=["appointments"])

State = Literal["awaited", "held", "ended"]

_TERMS = {
    "in_the_past": ("ต้องไม่ก่อนวันนี้", "This has to be today or later"),
    "too_far_ahead": (
        f"ล่วงหน้าได้ไม่เกิน {FURTHEST_BEGINNING.days} วัน",
        f"This may lie at most {FURTHEST_BEGINNING.days} days ahead",
    ),
    "before_from": ("ต้องไม่ก่อนวันเริ่ม", "This has to be the first day or later"),
    "too_long": (
        f"ต้องไม่เกิน {LONGEST_TERM.days} วันหลังวันเริ่ม",
        f"This may lie at most {LONGEST_TERM.days} days after the first day",
    ),
}


class NewAppointment(Body):
    """Who is to hold which role where, for which organisation, and on which days.

    The days are Thailand's, both included. Without `from` it begins today; without `to` it lasts until it is ended.
    """

    name: Name
    phone: Phone
    role: Role
    area: AreaCode
    organisation_id: UUID
    from_day: date | None = Field(None, alias="from", examples=["2022-02-07"])
    to_day: date | None = Field(None, alias="to", examples=["2022-09-30"])


class AppointmentAnswer(BaseModel):
    """An appointment, with the person's status and revision as they are now."""

    model_config = ConfigDict(populate_by_name=True)

    appointment_id: UUID
    volunteer_id: UUID
    organisation_id: UUID
    role: Role
    area: str
    from_day: date = Field(alias="from")
    to_day: date | None = Field(alias="to")
    state: State
    status: VolunteerStatus
    revision: int


class ListedAppointment(BaseModel):
    """An appointment as coordinators of the area see it. Every reading of names is recorded.

    ended_by is null with ended_at where the last day has ended it.
    """

    model_config = ConfigDict(populate_by_name=True)

    appointment_id: UUID
    volunteer_id: UUID
    name: str | None
    organisation_id: UUID
    role: Role
    area: str
    from_day: date = Field(alias="from")
    to_day: date | None = Field(alias="to")
    state: State
    status: VolunteerStatus
    appointed_by: UUID
    appointed_at: datetime
    ended_by: UUID | None
    ended_at: datetime | None
    reason: str | None


class AppointmentPage(BaseModel):
    """A page of appointments, by area and first day; `cursor` leads to the next and is null on the last."""

    appointments: Sequence[ListedAppointment]
    cursor: str | None


class Ending(Body):
    """Why an appointment is ended; kept sealed."""

    reason: Reason


@router.post("", status_code=201)
async def appoint(
    body: NewAppointment,
    caller: Annotated[Principal, Depends(require(Right.APPOINTMENT_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> AppointmentAnswer:
    """Give somebody a role below the caller's own inside the caller's area, instead of the role held so far.

    Who is not registered yet is registered by it. The same again changes nothing.
    """
    if body.role not in APPOINTABLE:
        raise unknown_field(
            "role", "แต่งตั้งบทบาทนี้ผ่านทางนี้ไม่ได้", "Nobody is appointed to this role here", code="not_a_choice"
        )
    now = parts.clock.now()
    try:
        days = term(body.from_day, body.to_day, now.astimezone(BANGKOK).date())
    except BadTerm as error:
        raise unknown_field(error.field, *_TERMS[error.code], code=error.code) from None
    organisation = await find_organisation(parts.pool, body.organisation_id)
    if organisation is None:
        raise unknown_field("organisation_id", "ไม่พบหน่วยงานนี้", "There is no such organisation")
    appointed = await parts.appointments.appoint(
        Contact.of(parts.index, body.name, body.phone),
        organisation=organisation,
        role=body.role,
        area=body.area,
        term=days,
        authority=Authority(caller.role, caller.area),
        by=caller.subject,
        now=now,
    )
    return _answer_of(appointed)


@router.get("")
async def list_appointments(
    caller: Annotated[Principal, Depends(require(Right.APPOINTMENT_READ))],
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query()] = None,
    role: Annotated[Role | None, Query()] = None,
    volunteer_id: Annotated[UUID | None, Query(description="One person's appointments")] = None,
    at: Annotated[date | None, Query(description="Only roles held on this day, in Thailand")] = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> AppointmentPage:
    """List the appointments in an area, the caller's own if none is named; without `at` also ended and awaited ones."""
    area = area_asked(caller, area)
    listed = await parts.appointments.page(
        area=area,
        role=role,
        person_id=volunteer_id,
        at=at,
        after=_read_cursor(cursor) if cursor else None,
        limit=PAGE_SIZE,
        reader=caller.subject,
        now=parts.clock.now(),
    )
    return AppointmentPage(
        appointments=[
            ListedAppointment(
                appointment_id=one.appointment.appointment_id,
                volunteer_id=one.appointment.person_id,
                name=one.name,
                organisation_id=one.appointment.organisation_id,
                role=one.appointment.role,
                area=one.appointment.area,
                from_day=one.appointment.term.from_day,
                to_day=one.appointment.term.to_day,
                state=one.appointment.state,
                status=one.status,
                appointed_by=one.appointment.appointed_by,
                appointed_at=one.appointment.appointed_at,
                ended_by=one.appointment.ended_by,
                ended_at=one.appointment.ended_at,
                reason=one.reason,
            )
            for one in listed
        ],
        cursor=_write_cursor(listed[-1].appointment) if len(listed) == PAGE_SIZE else None,
    )


@router.post("/{appointment_id}/end")
async def end_appointment(
    appointment_id: UUID,
    body: Ending,
    caller: Annotated[Principal, Depends(require(Right.APPOINTMENT_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> AppointmentAnswer:
    """End an appointment before its last day, or before its first: the sign-ins end at once, tokens within seconds."""
    try:
        ended = await parts.appointments.end(
            appointment_id,
            authority=Authority(caller.role, caller.area),
            by=caller.subject,
            now=parts.clock.now(),
            reason=body.reason,
        )
    except UnknownAppointment:
        raise not_found() from None
    return _answer_of(ended)


def _answer_of(appointed: Appointed) -> AppointmentAnswer:
    appointment, person = appointed.appointment, appointed.person
    return AppointmentAnswer(
        appointment_id=appointment.appointment_id,
        volunteer_id=person.person_id,
        organisation_id=appointment.organisation_id,
        role=appointment.role,
        area=appointment.area,
        from_day=appointment.term.from_day,
        to_day=appointment.term.to_day,
        state=appointment.state,
        status=person.status,
        revision=person.revision,
    )


def _write_cursor(last: Appointment) -> str:
    place = [last.area, last.term.from_day.isoformat(), str(last.appointment_id)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(text: str) -> Cursor:
    try:
        area, from_day, appointment_id = json.loads(base64.urlsafe_b64decode(text))
        if not is_current(area):
            raise ValueError
        return area, date.fromisoformat(from_day), UUID(appointment_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid") from None
