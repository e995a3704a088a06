"""/v1/volunteers and /v1/counts."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.registration.codes import typed_group_code
from services.registration.domain.people import Authority, Person
from services.registration.http.fields import AreaCode, Body, Name, NationalId, Phone, Reason
from services.registration.http.parts import Parts, address_of, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import (
    CODES_PER_PHONE,
    FAILED_SIGN_UPS_PER_ADDRESS,
    PAGE_SIZE,
    SIGN_UPS_PER_ADDRESS,
)
from services.registration.sms import TextMessage
from services.registration.store.people import Contact, Cursor, UnknownGroupCode, UnknownPerson
from services.registration.store.throttle import Throttled
from shared.areas.register import is_current
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require

router = APIRouter(prefix="/v1")

ALREADY_REGISTERED = (
    "หมายเลขนี้ลงทะเบียนอาสาสมัคร Jitasa ไว้แล้ว หากท่านไม่ได้ลงทะเบียนซ้ำ ไม่ต้องทำอะไร / "
    "This number is registered with Jitasa already. If you did not sign up again, do nothing."
)


class SignUp(Body):
    """What a volunteer fills in, with the group code of the organisation through which he joins."""

    group_code: str = Field(max_length=40, examples=["F4KC-9TXP"])
    name: Name
    phone: Phone
    national_id: NationalId | None = None
    area: AreaCode


class SignUpAnswer(BaseModel):
    """The same whether or not the person was registered before: who is, is nobody's business."""

    volunteer_id: UUID
    status: Literal[VolunteerStatus.PENDING]


class VolunteerAnswer(BaseModel):
    """Where a volunteer stands after a decision."""

    volunteer_id: UUID
    organisation_id: UUID
    role: Role
    area: str
    status: VolunteerStatus
    revision: int


class ListedVolunteer(VolunteerAnswer):
    """A volunteer as his coordinators see him. Every reading is recorded."""

    organisation_kind: OrganisationKind
    registered_at: datetime
    name: str | None
    phone: str | None


class VolunteerPage(BaseModel):
    """A page of volunteers; `cursor` leads to the next and is null on the last."""

    volunteers: Sequence[ListedVolunteer]
    cursor: str | None


class Suspension(Body):
    """Why somebody is suspended; kept sealed."""

    reason: Reason


class AreaCount(BaseModel):
    """How many persons of one kind there are: this service's own count, against which projections are checked."""

    area: str
    organisation_kind: OrganisationKind
    status: VolunteerStatus
    volunteers: int


@router.post("/volunteers", status_code=201, tags=["volunteers"])
async def sign_up(request: Request, body: SignUp, parts: Annotated[Parts, Depends(parts)]) -> SignUpAnswer:
    """Sign up as a volunteer. No account is needed; a coordinator of the area decides.

    Somebody who is registered already gets the same answer, with an id that belongs to nobody, and a text message.
    """
    now, address = parts.clock.now(), address_of(request)
    await parts.throttle.check(FAILED_SIGN_UPS_PER_ADDRESS, address, now=now)
    await parts.throttle.spend(SIGN_UPS_PER_ADDRESS, address, now=now)
    national_id_index = parts.index.of_national_id(body.national_id) if body.national_id else None
    contact = Contact(body.name, body.phone, parts.index.of_phone(body.phone), national_id_index)
    try:
        code = typed_group_code(body.group_code)
        if code is None:
            raise UnknownGroupCode
        person = await parts.people.sign_up(contact, group_code=code, area=body.area, now=now)
    except UnknownGroupCode:
        await parts.throttle.note_failure(FAILED_SIGN_UPS_PER_ADDRESS, address, now=now)
        raise unknown_field(
            "group_code",
            "ไม่มีรหัสกลุ่มนี้ หรือรหัสหมดอายุหรือใช้ครบแล้ว โปรดขอใหม่จากหน่วยงาน",
            "There is no such group code, or it has expired or is used up; ask your organisation for another",
        ) from None
    if person is None:
        parts.messenger.offer(lambda: _notice(parts, body.phone, now))
    return SignUpAnswer(
        volunteer_id=person.person_id if person else uuid4(),
        status=VolunteerStatus.PENDING,
    )


async def _notice(parts: Parts, phone: str, now: datetime) -> TextMessage | None:
    try:
        await parts.throttle.spend(CODES_PER_PHONE, phone, now=now)
    except Throttled:
        return None
    return TextMessage(phone, ALREADY_REGISTERED)


@router.get("/volunteers", tags=["volunteers"])
async def list_volunteers(
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_READ))],
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query()] = None,
    status: Annotated[VolunteerStatus | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> VolunteerPage:
    """List the volunteers of an area, the caller's own if none is named, with names and numbers."""
    area = caller.area if area is None else area
    demand_area(caller, area)
    listed = await parts.people.page(
        area=area,
        status=status,
        after=_read_cursor(cursor) if cursor else None,
        limit=PAGE_SIZE,
        reader=caller.subject,
        now=parts.clock.now(),
    )
    volunteers = [
        ListedVolunteer(
            **_answer_of(one.person).model_dump(),
            organisation_kind=one.person.organisation_kind,
            registered_at=one.person.registered_at,
            name=one.name,
            phone=one.phone,
        )
        for one in listed
    ]
    return VolunteerPage(
        volunteers=volunteers,
        cursor=_write_cursor(listed[-1].person) if len(listed) == PAGE_SIZE else None,
    )


@router.post("/volunteers/{volunteer_id}/approval", tags=["volunteers"])
async def approve(
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
) -> VolunteerAnswer:
    """Approve a volunteer, or lift a suspension."""
    return await _decide(parts, caller, volunteer_id, VolunteerStatus.APPROVED)


@router.post("/volunteers/{volunteer_id}/suspension", tags=["volunteers"])
async def suspend(
    volunteer_id: UUID,
    body: Suspension,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
) -> VolunteerAnswer:
    """Suspend a volunteer: the sign-ins end at once, tokens within seconds."""
    return await _decide(parts, caller, volunteer_id, VolunteerStatus.SUSPENDED, body.reason)


async def _decide(
    parts: Parts, caller: Principal, volunteer_id: UUID, status: VolunteerStatus, reason: str | None = None
) -> VolunteerAnswer:
    try:
        person = await parts.people.decide(
            volunteer_id,
            status,
            authority=Authority(caller.role, caller.area),
            by=caller.subject,
            now=parts.clock.now(),
            reason=reason,
        )
    except UnknownPerson:
        raise not_found() from None
    return _answer_of(person)


@router.get("/counts", tags=["counts"])
async def counts(
    caller: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    parts: Annotated[Parts, Depends(parts)],
) -> list[AreaCount]:
    """Count the persons of the caller's area, of whatever role, by area, kind of organisation and status."""
    return [AreaCount.model_validate(row) for row in await parts.people.counts(caller.area)]


def _answer_of(person: Person) -> VolunteerAnswer:
    return VolunteerAnswer(
        volunteer_id=person.person_id,
        organisation_id=person.organisation_id,
        role=person.role,
        area=person.area,
        status=person.status,
        revision=person.revision,
    )


def _write_cursor(last: Person) -> str:
    place = [last.area, last.registered_at.isoformat(), str(last.person_id)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(text: str) -> Cursor:
    try:
        area, registered_at, person_id = json.loads(base64.urlsafe_b64decode(text))
        if not is_current(area):
            raise ValueError
        return area, datetime.fromisoformat(registered_at).astimezone(UTC), UUID(person_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid") from None
