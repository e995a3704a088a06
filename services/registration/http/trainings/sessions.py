"""/v1/trainings and /v1/trainings/sessions: when and where a course is taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, HttpUrl

from services.registration.domain.trainings import Audience, Session, SignUpState, TrainingRefused, wrong_time
from services.registration.http.cursors import CursorText, read_cursor, write_cursor
from services.registration.http.parts import Parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.texts import Place
from services.registration.http.trainings.callers import Anybody, Attendant, Holder, Service, area_held
from services.registration.http.trainings.courses import CourseAnswer, course_answer, find_course
from services.registration.http.trainings.notices import tell
from services.registration.settings import PAGE_SIZE
from services.registration.store.trainings.courses import UnknownTraining, course_of
from shared.security.principal import Principal
from shared.web.authentication import area_asked
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

MAX_CAPACITY = 10_000
"""The largest online meetings; halls hold less."""


class NewSession(Body):
    """A session, online or at a place. Sign-up ends when it begins unless said otherwise; the caller is the trainer."""

    course_id: UUID
    area: AreaCode | None = None
    link: HttpUrl | None = Field(default=None, max_length=500)
    place: Place | None = None
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    capacity: int = Field(ge=1, le=MAX_CAPACITY, strict=True)
    sign_up_until: AwareDatetime | None = None
    trainer: UUID | None = None


class SessionChange(Body):
    """What is to change of a session. Another time is another session: people signed up for this one."""

    link: HttpUrl | None = Field(default=None, max_length=500)
    place: Place | None = None
    capacity: int | None = Field(default=None, ge=1, le=MAX_CAPACITY, strict=True)
    trainer: UUID | None = None


class SessionAnswer(BaseModel):
    """A session. `link` is for those who have a place and those who hold it; others see whether there is one."""

    session_id: UUID
    course: CourseAnswer
    area: str
    online: bool
    link: str | None
    place: str | None
    begins_at: datetime
    ends_at: datetime
    capacity: int
    sign_up_until: datetime
    placed: int
    waiting: int
    cancelled: bool
    my_state: SignUpState | None
    my_sign_up: UUID | None


class SessionPage(BaseModel):
    """A page of coming sessions, the soonest first; `cursor` leads to the next and is null on the last."""

    sessions: Sequence[SessionAnswer]
    cursor: str | None


# Open without a token for the public's courses, as the list of courses is.
@router.get("")
async def list_sessions(
    caller: Anybody,
    parts: Service,
    area: Annotated[AreaCode | None, Query()] = None,
    audience: Annotated[Audience | None, Query()] = None,
    course: Annotated[UUID | None, Query()] = None,
    cursor: CursorText = None,
) -> SessionPage:
    """List the coming sessions that concern an area: those in it, and those of the areas around it."""
    listed = await parts.trainings.sessions.page(
        area=area if area is not None else caller.area if caller else "",
        audience=audience if caller else Audience.PUBLIC,
        course_id=course,
        person=caller.subject if caller else None,
        after=read_cursor(cursor),
        limit=PAGE_SIZE,
        now=parts.clock.now(),
    )
    if caller is None and audience not in (None, Audience.PUBLIC):
        listed = []
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return SessionPage(
        sessions=[_session_answer(row, caller) for row in listed],
        cursor=write_cursor(last["begins_at"], last["session_id"]) if last else None,
    )


@router.post("/sessions", status_code=201)
async def add_session(body: NewSession, caller: Holder, parts: Service) -> SessionAnswer:
    """Announce a session inside the caller's area, of a course that is taught there."""
    now = parts.clock.now()
    area = area_asked(caller, body.area)
    if body.link is None and body.place is None:
        raise unknown_field("place", "ระบุสถานที่หรือลิงก์", "Name a place or a link", code="required")
    course = await find_course(parts, body.course_id)
    if course is None or not area.startswith(course.area):
        raise unknown_field("course_id", "ไม่มีหลักสูตรนี้ในพื้นที่", "There is no such course in this area")
    if course.retired:
        raise TrainingRefused("course_retired")
    until = body.sign_up_until or body.begins_at
    wrong = wrong_time(body.begins_at, body.ends_at, until, now)
    if wrong is not None:
        raise unknown_field(
            wrong,
            "เวลาไม่ถูกต้อง: ต้องอยู่ในอนาคตภายในหนึ่งปี จบหลังเริ่มไม่เกิน 7 วัน และปิดรับก่อนจบ",
            "A session begins within a year, ends after that within 7 days, and sign-up ends before its end",
            code="out_of_range",
        )
    session = Session(
        session_id=uuid4(),
        course_id=course.course_id,
        area=area,
        link=str(body.link) if body.link else None,
        place=body.place,
        begins_at=body.begins_at,
        ends_at=body.ends_at,
        capacity=body.capacity,
        sign_up_until=until,
        trainer=body.trainer or caller.subject,
        cancelled=False,
    )
    await parts.trainings.sessions.add(session, by=caller.subject, now=now)
    return await _session(parts, session.session_id, caller)


# Open without a token for the public's courses, as the list is.
@router.get("/sessions/{session_id}")
async def read_session(session_id: UUID, caller: Anybody, parts: Service) -> SessionAnswer:
    """Read one session, also a past or cancelled one."""
    return await _session(parts, session_id, caller)


@router.patch("/sessions/{session_id}")
async def change_session(session_id: UUID, body: SessionChange, caller: Attendant, parts: Service) -> SessionAnswer:
    """Change a session: its trainer, and who holds sessions there. A larger capacity takes in those who wait."""
    await change_held(
        parts,
        session_id,
        caller,
        capacity=body.capacity,
        link=str(body.link) if body.link else None,
        place=body.place,
        trainer=body.trainer,
    )
    return await _session(parts, session_id, caller)


@router.post("/sessions/{session_id}/cancellation")
async def cancel_session(session_id: UUID, caller: Attendant, parts: Service) -> SessionAnswer:
    """Cancel a session: its trainer, and who holds sessions there. It stays cancelled."""
    await change_held(parts, session_id, caller, cancel=True)
    return await _session(parts, session_id, caller)


async def _session(parts: Parts, session_id: UUID, caller: Principal | None) -> SessionAnswer:
    try:
        found = await parts.trainings.sessions.one(session_id, person=caller.subject if caller else None)
    except UnknownTraining:
        raise not_found() from None
    if caller is None and found["audience"] != Audience.PUBLIC:
        raise not_found()
    return _session_answer(found, caller)


async def change_held(parts: Parts, session_id: UUID, caller: Principal, **changes: Any) -> None:
    """Change a session that is the caller's to hold, and tell those who got a place by it. Raises a 404 problem."""
    try:
        moved_up = await parts.trainings.sessions.change(
            session_id, by=caller.subject, within=area_held(caller), now=parts.clock.now(), **changes
        )
    except UnknownTraining:
        raise not_found() from None
    tell(parts, moved_up)


def _session_answer(row: Mapping[str, Any], caller: Principal | None) -> SessionAnswer:
    within = area_held(caller) if caller else None
    holds = within is not None and row["area"].startswith(within)
    sees_link = row["my_state"] == SignUpState.PLACED or holds or (caller and row["trainer"] == caller.subject)
    return SessionAnswer(
        session_id=row["session_id"],
        course=course_answer(course_of(row)),
        area=row["area"],
        online=row["link"] is not None,
        link=row["link"] if sees_link else None,
        place=row["place"],
        begins_at=row["begins_at"],
        ends_at=row["ends_at"],
        capacity=row["capacity"],
        sign_up_until=row["sign_up_until"],
        placed=row["placed"],
        waiting=row["waiting"],
        cancelled=row["cancelled_at"] is not None,
        my_state=row["my_state"],
        my_sign_up=row["my_sign_up"],
    )
