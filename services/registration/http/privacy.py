"""What somebody registered can do about his own data, and what staff do at his written request; and the notices."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.registration.domain.people import Authority
from services.registration.http.fields import Name, Phone, Reason
from services.registration.http.parts import Parts, parts
from services.registration.http.phone_proofs import CodeText, proven
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.trainings.notices import tell
from services.registration.privacy.copies import PAGE
from services.registration.privacy.erasure import Erased
from services.registration.privacy.notices import NOTICES
from services.registration.settings import COPIES_PER_PERSON
from services.registration.sms import TextMessage
from services.registration.store.people import UnknownPerson
from services.registration.store.phone_changes import PhoneTaken, change_phone
from shared.security.citizens import citizen_of
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require, signed_in
from shared.web.fields import Body
from shared.web.notice_routes import notice_routes
from shared.web.printable import as_file
from shared.web.problems import Message, Problem, language_of

_PHONE_TAKEN = Message("เบอร์นี้มีผู้ลงทะเบียนไว้แล้ว", "Somebody is registered with this phone already")

notices = notice_routes(NOTICES, lambda request: parts(request).clock.now())
router = APIRouter(prefix="/v1", tags=["personal data"])


class Form(StrEnum):
    """For programs, or to be printed."""

    JSON = "json"
    HTML = "html"


class NewName(Body):
    """What somebody is called, where it was written wrong."""

    name: Name


class NewPhone(Body):
    """The phone that is to be signed in with, and the code that was sent there."""

    phone: Phone
    proof_id: UUID
    code: CodeText


class OwnErasure(Body):
    """That he means it: nothing of it can be brought back."""

    confirmed: Literal[True]


class RequestedErasure(Body):
    """What was asked in writing, and how it was checked who asked; kept sealed for a year."""

    reason: Reason


class ErasureAnswer(BaseModel):
    """That a person is erased, and since when: the same however often it is asked for."""

    volunteer_id: UUID
    erased_at: datetime


@router.get("/me/copy")
async def own_copy(
    request: Request,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    form: Annotated[Form, Query()] = Form.JSON,
) -> Response:
    """Give a copy of everything that is held about the caller: JSON, or HTML to be read and printed."""
    return await _copy(request, parts, caller, caller.subject, "", form)


@router.patch("/me", status_code=204)
async def correct(
    body: NewName, caller: Annotated[Principal, Depends(signed_in)], parts: Annotated[Parts, Depends(parts)]
) -> Response:
    """Correct one's own name."""
    try:
        await parts.people.rename(parts.index, caller.subject, body.name)
    except UnknownPerson:
        raise not_found() from None
    return Response(status_code=204)


@router.put("/me/phone", status_code=204)
async def change_own_phone(
    request: Request,
    body: NewPhone,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
) -> Response:
    """Sign in with another phone from now on, which a code that was sent there proves (POST /v1/phone-proofs).

    Every sign-in ends, this one's too. The former phone is told.
    """
    now = parts.clock.now()
    if await proven(request, parts, body.proof_id, body.code) != citizen_of(parts.index, body.phone):
        raise unknown_field("phone", "รหัสนี้เป็นของเบอร์อื่น", "This code proves another phone", code="other_phone")
    try:
        former = await change_phone(
            parts.pool,
            parts.people,
            ring=parts.ring,
            index=parts.index,
            person_id=caller.subject,
            phone=body.phone,
            now=now,
        )
    except UnknownPerson:
        raise not_found() from None
    except PhoneTaken:
        raise Problem(409, "phone_taken", detail=_PHONE_TAKEN) from None
    if former is not None and former != body.phone:
        parts.messenger.offer(partial(_farewell, former))  # as far as it can be sent: the change stands without it
    return Response(status_code=204)


@router.post("/me/erasure")
async def erase_own(
    body: OwnErasure, caller: Annotated[Principal, Depends(signed_in)], parts: Annotated[Parts, Depends(parts)]
) -> ErasureAnswer:
    """Erase oneself: withdraw, and have what is readable destroyed. Offices end with it; asking again is safe.

    Only the country's last administrator (409 `last_administrator`) and who is suspended (409 `suspended`) are refused.
    """
    return await _erase(parts, caller, caller.subject, None, None)


@router.get("/volunteers/{volunteer_id}/copy")
async def copy_for(
    request: Request,
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.PRIVACY_WORK))],
    parts: Annotated[Parts, Depends(parts)],
    form: Annotated[Form, Query()] = Form.JSON,
) -> Response:
    """Give the copy to hand to somebody of the area who asked in writing. It is recorded."""
    return await _copy(request, parts, caller, volunteer_id, caller.area, form)


@router.post("/volunteers/{volunteer_id}/erasure")
async def erase_for(
    volunteer_id: UUID,
    body: RequestedErasure,
    caller: Annotated[Principal, Depends(require(Right.PRIVACY_WORK))],
    parts: Annotated[Parts, Depends(parts)],
) -> ErasureAnswer:
    """Erase somebody of the area at his written request; of those who hold a role only who is below the caller's."""
    return await _erase(parts, caller, volunteer_id, Authority(caller.role, caller.area), body.reason)


async def _farewell(phone: str) -> TextMessage:
    text = (
        "บัญชี Jitasa ของท่านเปลี่ยนไปใช้เบอร์อื่นแล้ว หากท่านไม่ได้ทำเอง โปรดแจ้งผู้ประสานงานทันที / "
        "Your Jitasa account has another phone now. If that was not you, tell your coordinator at once."
    )
    return TextMessage(phone, text)


async def _copy(
    request: Request, parts: Parts, caller: Principal, person_id: UUID, within: str, form: Form
) -> Response:
    now = parts.clock.now()
    await parts.throttle.spend(COPIES_PER_PERSON, str(caller.subject), now=now)
    try:
        document = await parts.copies.of(person_id, within=within, reader=caller.subject, now=now)
    except UnknownPerson:
        raise not_found() from None
    language = language_of(request.headers.get("accept-language"))
    return as_file(document, None if form is Form.JSON else PAGE.of(document, language), language)


async def _erase(
    parts: Parts, caller: Principal, person_id: UUID, authority: Authority | None, reason: str | None
) -> ErasureAnswer:
    try:
        erased: Erased = await parts.erasures.erase(
            person_id, by=caller.subject, now=parts.clock.now(), authority=authority, reason=reason
        )
    except UnknownPerson:
        raise not_found() from None
    tell(parts, erased.moved_up)
    return ErasureAnswer(volunteer_id=erased.person_id, erased_at=erased.erased_at)
