"""How somebody becomes a volunteer: with a group code, or with a coordinator's help; and the proof of the phone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.registration.codes import new_one_time_code, typed_group_code, typed_one_time_code
from services.registration.domain.people import Authority
from services.registration.http.fields import Name, NationalId, NoticeVersion, Phone
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import unknown_field
from services.registration.http.volunteers import VolunteerAnswer, answer_of
from services.registration.privacy.notices import Shown
from services.registration.settings import (
    ALREADY_REGISTERED_PER_PHONE,
    CODE_LIFE,
    CONFIRMATIONS_PER_ID,
    FAILED_CONFIRMATIONS_PER_ADDRESS,
    FAILED_SIGN_UPS_PER_ADDRESS,
    SIGN_UPS_PER_ADDRESS,
)
from services.registration.sms import TextMessage
from services.registration.store import proofs
from services.registration.store.organisations import find_organisation
from services.registration.store.people import Contact, Told, UnknownGroupCode
from services.registration.store.proofs import Proof
from shared.contracts.events import VolunteerStatus
from shared.postgres.throttle import Throttled
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.fields import AreaCode, Body
from shared.web.origin import address_of
from shared.web.problems import Message, Problem

router = APIRouter(prefix="/v1/volunteers", tags=["volunteers"])

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
    notice: NoticeVersion | None = None
    """Which version of the privacy notice was shown beside the form; null: none."""


class SignUpAnswer(BaseModel):
    """The same whether or not the person was registered before: who is, is nobody's business."""

    volunteer_id: UUID
    status: Literal[VolunteerStatus.PENDING]


class Confirmation(Body):
    """The code that came by SMS at the sign-up."""

    code: str = Field(max_length=40, examples=["123456"])


class AssistedSignUp(Body):
    """What a coordinator fills in for somebody who cannot: `approve` lets the volunteer begin at once."""

    organisation_id: UUID
    name: Name
    phone: Phone
    national_id: NationalId | None = None
    area: AreaCode
    notice: NoticeVersion | None = None
    """Which version of the privacy notice the coordinator read out to him; null: none."""
    approve: bool = Field(False, strict=True)


@router.post("", status_code=201)
async def sign_up(request: Request, body: SignUp, parts: Annotated[Parts, Depends(parts)]) -> SignUpAnswer:
    """Sign up as a volunteer. No account is needed; a coordinator of the area decides.

    A code comes by SMS, with which the phone can be confirmed. Somebody who is registered already gets the same answer,
    with an id that belongs to nobody, and another text message.
    """
    now, address = parts.clock.now(), address_of(request)
    await parts.throttle.check(FAILED_SIGN_UPS_PER_ADDRESS, address, now=now)
    await parts.throttle.spend(SIGN_UPS_PER_ADDRESS, address, now=now)
    contact = Contact.of(parts.index, body.name, body.phone, body.national_id)
    try:
        code = typed_group_code(body.group_code)
        if code is None:
            raise UnknownGroupCode
        confirmation = new_one_time_code()
        person = await parts.people.sign_up(
            contact,
            group_code=code,
            area=body.area,
            now=now,
            proof=_proof(parts, confirmation, now),
            told=Told(body.notice, Shown.PAGE) if body.notice else None,
        )
    except UnknownGroupCode:
        await parts.throttle.note_failure(FAILED_SIGN_UPS_PER_ADDRESS, address, now=now)
        raise unknown_field(
            "group_code",
            "ไม่มีรหัสกลุ่มนี้ หรือรหัสหมดอายุหรือใช้ครบแล้ว โปรดขอใหม่จากหน่วยงาน",
            "There is no such group code, or it has expired or is used up; ask your organisation for another",
        ) from None
    parts.messenger.offer(lambda: _message(parts, body.phone, confirmation if person else None, now))
    return SignUpAnswer(
        volunteer_id=person.person_id if person else uuid4(),
        status=VolunteerStatus.PENDING,
    )


async def _message(parts: Parts, phone: str, code: str | None, now: datetime) -> TextMessage | None:
    """Write the message of a sign-up: without a code to somebody known already, and none to a phone that got too many.

    A phone gets a code once, when it is stored; so that takes no count, and no connection from those who sign up.
    """
    if code is None:
        try:
            await parts.throttle.spend(ALREADY_REGISTERED_PER_PHONE, phone, now=now)
        except Throttled:
            return None
        return TextMessage(phone, ALREADY_REGISTERED)
    minutes = int(CODE_LIFE.total_seconds() // 60)
    text = (
        f"รหัสยืนยันการลงทะเบียน Jitasa คือ {code} ใช้ได้ {minutes} นาที ห้ามบอกผู้อื่น / "
        f"Your Jitasa sign-up code is {code}, good for {minutes} minutes. Tell nobody."
    )
    return TextMessage(phone, text, confirmation_code=code)


def _proof(parts: Parts, code: str, now: datetime) -> Proof:
    return Proof(lambda person_id: _hash_code(parts, person_id, code), now + CODE_LIFE)


def _hash_code(parts: Parts, person_id: UUID, code: str) -> bytes:
    # A keyed hash: of a plain one, all million codes could be tried by whoever reads the table.
    return parts.index.of("sign-up-code", f"{person_id}\0{code}")


@router.post("/{volunteer_id}/phone-confirmation", status_code=204)
async def confirm_phone(
    request: Request, volunteer_id: UUID, body: Confirmation, parts: Annotated[Parts, Depends(parts)]
) -> Response:
    """Confirm the phone of a sign-up with the code that was sent there. Open: nobody has an account yet.

    Attempts are counted and answered alike for ids that belong to nobody.
    """
    now, address = parts.clock.now(), address_of(request)
    await parts.throttle.check(FAILED_CONFIRMATIONS_PER_ADDRESS, address, now=now)
    await parts.throttle.spend(CONFIRMATIONS_PER_ID, str(volunteer_id), now=now)
    code = typed_one_time_code(body.code) or ""
    if not await proofs.confirm(parts.pool, volunteer_id, _hash_code(parts, volunteer_id, code), now=now):
        await parts.throttle.note_failure(FAILED_CONFIRMATIONS_PER_ADDRESS, address, now=now)
        raise unknown_field("code", "รหัสไม่ถูกต้องหรือหมดอายุแล้ว", "This code is wrong or has expired", code="wrong_code")
    return Response(status_code=204)


@router.post("/assisted", status_code=201)
async def assist(
    body: AssistedSignUp,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
) -> VolunteerAnswer:
    """Sign somebody up on his behalf: for who has no smartphone. It is recorded who did it.

    The code that comes to the phone by SMS can be read out to the coordinator, who confirms the phone with it.
    """
    now = parts.clock.now()
    demand_area(caller, body.area)
    organisation = await find_organisation(parts.pool, body.organisation_id)
    if organisation is None:
        raise unknown_field("organisation_id", "ไม่พบหน่วยงานนี้", "There is no such organisation")
    confirmation = new_one_time_code()
    person = await parts.people.assist(
        Contact.of(parts.index, body.name, body.phone, body.national_id),
        organisation=organisation,
        area=body.area,
        authority=Authority(caller.role, caller.area),
        by=caller.subject,
        now=now,
        approved=body.approve,
        proof=_proof(parts, confirmation, now),
        told=Told(body.notice, Shown.SPOKEN) if body.notice else None,
    )
    if person is None:
        raise Problem(
            409,
            "already_registered",
            detail=Message("หมายเลขหรือเลขประจำตัวนี้ลงทะเบียนแล้ว", "This phone or national id is registered already"),
        )
    parts.messenger.offer(lambda: _message(parts, body.phone, confirmation, now))
    return answer_of(person)
