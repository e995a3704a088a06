"""/v1/trainings/sessions/{session_id}/attendance and .../attendance-code: who was there, by the trainer's code."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.registration.codes import typed_attendance_code
from services.registration.domain.trainings import CODE_AFTER, CODE_BEFORE
from services.registration.http.fields import Phone
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.trainings.callers import Anybody, Attendant, Service, area_held
from services.registration.http.trainings.sessions import change_held
from services.registration.settings import ATTENDANCE_TRIES, ATTENDANCE_TRIES_PER_ADDRESS
from services.registration.store.trainings.attendance import WrongCode
from services.registration.store.trainings.courses import UnknownTraining
from shared.security.rights import Right
from shared.web.authentication import demand, unauthenticated
from shared.web.fields import Body
from shared.web.origin import address_of

router = APIRouter(prefix="/v1/trainings/sessions/{session_id}", tags=["trainings"])


class CodeAnswer(BaseModel):
    """The code to write on the board, and when it is good."""

    code: str
    good_from: datetime
    good_until: datetime


class AttendanceBody(Body):
    """The code that the trainer shows; who has no account adds the phone that he signed up with."""

    code: str = Field(max_length=40, examples=["F4K-C9T"])
    phone: Phone | None = None


class AttendanceAnswer(BaseModel):
    """The course that is completed by it, and since when."""

    course_id: UUID
    completed_at: datetime


# The trainer need not hold sessions by his role: he is whom the session names. Whoever else asks finds nothing.
@router.get("/attendance-code")
async def attendance_code(session_id: UUID, caller: Attendant, parts: Service) -> CodeAnswer:
    """Give the code to show, to the session's trainer and to who holds sessions there."""
    try:
        code, session = await parts.trainings.attendance.code(session_id, by=caller.subject, within=area_held(caller))
    except UnknownTraining:
        raise not_found() from None
    return CodeAnswer(code=code, good_from=session.begins_at - CODE_BEFORE, good_until=session.ends_at + CODE_AFTER)


@router.post("/attendance-code")
async def new_attendance_code(session_id: UUID, caller: Attendant, parts: Service) -> CodeAnswer:
    """Make another code, when the first one has got about; it is good no more."""
    await change_held(parts, session_id, caller, new_code=True)
    return await attendance_code(session_id, caller, parts)


# Open without a token: a guest attends by his phone. Tries are counted by phone or person, and by address.
@router.post("/attendance")
async def attend(
    session_id: UUID, request: Request, body: AttendanceBody, caller: Anybody, parts: Service
) -> AttendanceAnswer:
    """Say that one is there, by the code that the trainer shows. The course is completed by it."""
    now = parts.clock.now()
    if caller is not None:
        demand(caller, Right.TRAINING_ATTEND)
    elif body.phone is None:
        raise unauthenticated("token_missing")
    phone = body.phone if caller is None else None
    who = str(caller.subject) if caller else str(body.phone)
    # Every try is counted before it is judged, the right one too: tries at the same moment are counted one by one.
    await parts.throttle.spend(ATTENDANCE_TRIES_PER_ADDRESS, address_of(request), now=now)
    await parts.throttle.spend(ATTENDANCE_TRIES, f"{session_id}\0{who}", now=now)
    try:
        course_id, at = await parts.trainings.attendance.attend(
            session_id,
            typed_attendance_code(body.code),
            person=caller.subject if caller else None,
            phone=phone,
            now=now,
        )
    except UnknownTraining:
        raise not_found() from None
    except WrongCode:
        raise unknown_field("code", "รหัสไม่ถูกต้อง", "This is not the code", code="wrong_code") from None
    return AttendanceAnswer(course_id=course_id, completed_at=at)
