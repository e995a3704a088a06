"""/v1/trainings: courses and their materials, sessions, signing up, attendance, and who is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field, HttpUrl
from starlette.requests import Request

from services.registration.codes import typed_attendance_code
from services.registration.domain.trainings import (
    CODE_AFTER,
    CODE_BEFORE,
    Audience,
    Course,
    Session,
    SignUpState,
    TrainingRefused,
    wrong_time,
)
from services.registration.files import KINDS
from services.registration.http.cursors import (
    CursorText,
    read_cursor,
    read_person_cursor,
    write_cursor,
    write_person_cursor,
)
from services.registration.http.fields import AreaCode, Body, Name, Phone
from services.registration.http.parts import Parts, address_of, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.texts import Place, Title
from services.registration.http.uploads import UploadAnswer, download, read_upload
from services.registration.settings import (
    ATTENDANCE_TRIES,
    ATTENDANCE_TRIES_PER_ADDRESS,
    GUEST_SIGN_UPS_PER_ADDRESS,
    GUEST_SIGN_UPS_PER_PHONE,
    MATERIAL_BYTES,
    PAGE_SIZE,
    UPLOADS_PER_PERSON,
)
from services.registration.sms import TextMessage
from services.registration.store.published import UnknownFileId
from services.registration.store.trainings import Guest, NewMaterial, UnknownTraining, WrongCode
from shared.contracts.events import Role
from shared.observability.clock import BANGKOK
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, demand_area, optional_principal, require, unauthenticated

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

MAX_CAPACITY = 10_000
"""The largest online meetings; halls hold less."""


class NewCourse(Body):
    """A course. It is taught, and required of those who hold one of the roles, in `area`, by default the caller's."""

    title_th: Title
    title_en: Title
    audience: Audience
    required_for: list[Role] = Field(default=[], max_length=len(Role))
    validity_months: int | None = Field(default=None, ge=1, le=120, strict=True)
    area: AreaCode | None = None


class CourseChange(Body):
    """What is to change. Completions keep the validity that they were given."""

    title_th: Title | None = None
    title_en: Title | None = None
    required_for: list[Role] | None = Field(default=None, max_length=len(Role))
    validity_months: int | None = Field(default=None, ge=1, le=120, strict=True)
    retired: bool | None = None


class CourseAnswer(BaseModel):
    """A course; `validity_months` is null where a completion counts for ever."""

    course_id: UUID
    area: str
    title_th: str
    title_en: str
    audience: Audience
    required_for: Sequence[Role]
    validity_months: int | None
    retired: bool


class CoursePage(BaseModel):
    """A page of courses, the newest first; `cursor` leads to the next and is null on the last."""

    courses: Sequence[CourseAnswer]
    cursor: str | None


class MaterialBody(Body):
    """A material: a link or an uploaded file. With `material_id` it is the next version of that one."""

    title: Title
    link: HttpUrl | None = Field(default=None, max_length=500)
    file: UUID | None = None
    valid_from: AwareDatetime | None = None
    material_id: UUID | None = None


class MaterialVersion(BaseModel):
    """The version of a material that was added."""

    material_id: UUID
    version: int


class MaterialAnswer(MaterialVersion):
    """A version of a material; `current` is the one to teach from now. A file is at .../versions/{version}/file."""

    title: str
    link: str | None
    media_type: str | None
    size: int | None
    valid_from: datetime
    current: bool


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


class GuestBody(Body):
    """Who signs up without an account. Somebody who is signed in sends nothing."""

    name: Name
    phone: Phone


class PlaceAnswer(BaseModel):
    """Where somebody stands. `sign_up_id` is what a guest cancels with; it is shown this once."""

    sign_up_id: UUID
    state: SignUpState


class ListedSignUp(BaseModel):
    """Who comes, as the trainer sees him. Every reading is recorded."""

    sign_up_id: UUID
    number: int
    state: SignUpState
    name: str | None
    by_phone: bool
    attended_at: datetime | None


class SignUpPage(BaseModel):
    """A page of those who come, in the order in which they signed up; `after` of the next page is the last `number`."""

    sign_ups: Sequence[ListedSignUp]
    after: int | None


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


class TrainedCount(BaseModel):
    """Of the approved persons whom the course concerns, how many are trained."""

    area: str
    persons: int
    trained: int


class TrainedPerson(BaseModel):
    """Somebody whom the course concerns. Every reading is recorded."""

    person_id: UUID
    area: str
    role: Role
    name: str | None


class TrainedPage(BaseModel):
    """A page of persons; `cursor` leads to the next and is null on the last."""

    persons: Sequence[TrainedPerson]
    cursor: str | None


class MissingCourse(BaseModel):
    """A course that is required of the caller; `expired_at` is when an earlier completion ended to count."""

    course_id: UUID
    title_th: str
    title_en: str
    expired_at: datetime | None


class MySignUp(BaseModel):
    """A coming session of the caller."""

    sign_up_id: UUID
    session_id: UUID
    course_id: UUID
    state: SignUpState
    begins_at: datetime
    ends_at: datetime
    attended_at: datetime | None


class MyCompletion(BaseModel):
    """A course that the caller has completed."""

    course_id: UUID
    session_id: UUID
    title_th: str
    title_en: str
    completed_at: datetime
    valid_until: datetime | None


class MyTrainings(BaseModel):
    """What the caller still has to take, what he has signed up for, and what he has taken (the latest hundred)."""

    missing: Sequence[MissingCourse]
    sign_ups: Sequence[MySignUp]
    completions: Sequence[MyCompletion]


Anybody = Annotated[Principal | None, Depends(optional_principal)]
Attendant = Annotated[Principal, Depends(require(Right.TRAINING_ATTEND))]
Holder = Annotated[Principal, Depends(require(Right.TRAINING_HOLD))]
Reader = Annotated[Principal, Depends(require(Right.TRAINING_READ))]
Writer = Annotated[Principal, Depends(require(Right.TRAINING_WRITE))]
Service = Annotated[Parts, Depends(parts)]


# The next four are open without a token: the public is one of the three audiences. It sees its own courses alone.
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
    listed = await parts.trainings.sessions(
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


@router.get("/courses")
async def list_courses(
    caller: Anybody,
    parts: Service,
    audience: Annotated[Audience | None, Query()] = None,
    cursor: CursorText = None,
) -> CoursePage:
    """List the courses that are taught."""
    if caller is None and audience not in (None, Audience.PUBLIC):
        return CoursePage(courses=[], cursor=None)
    listed = await parts.trainings.courses(
        audience if caller else Audience.PUBLIC, after=read_cursor(cursor), limit=PAGE_SIZE
    )
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return CoursePage(
        courses=[_course_answer(course) for course, _ in listed],
        cursor=write_cursor(last[1], last[0].course_id) if last else None,
    )


@router.get("/courses/{course_id}/materials")
async def list_materials(course_id: UUID, caller: Anybody, parts: Service) -> Sequence[MaterialAnswer]:
    """List all versions of a course's materials, at most 500; each material's newest first."""
    await _readable_course(parts, course_id, caller)
    return [
        MaterialAnswer.model_validate({**row, "current": bool(row["current"])})
        for row in await parts.trainings.materials(course_id, now=parts.clock.now())
    ]


@router.get("/courses/{course_id}/materials/{material_id}/versions/{version}/file")
async def read_material(
    course_id: UUID, material_id: UUID, version: Annotated[int, Field(ge=1, le=10_000)], caller: Anybody, parts: Service
) -> Response:
    """Give the file of a version, also of an old one."""
    await _readable_course(parts, course_id, caller)
    try:
        file_id = await parts.trainings.material_file(course_id, material_id, version)
    except UnknownTraining:
        raise not_found() from None
    media_type, content = await parts.published.read(file_id)
    return download(content, media_type=media_type, name=f"material-{material_id}-{version}", private=False)


@router.post("/courses", status_code=201)
async def add_course(body: NewCourse, caller: Writer, parts: Service) -> CourseAnswer:
    """Enter a course for an area inside the caller's."""
    area = caller.area if body.area is None else body.area
    demand_area(caller, area)
    course = Course(
        course_id=uuid4(),
        area=area,
        title_th=body.title_th,
        title_en=body.title_en,
        audience=body.audience,
        required_for=tuple(dict.fromkeys(body.required_for)),
        validity_months=body.validity_months,
        retired=False,
    )
    await parts.trainings.add_course(course, by=caller.subject, now=parts.clock.now())
    return _course_answer(course)


@router.patch("/courses/{course_id}")
async def change_course(course_id: UUID, body: CourseChange, caller: Writer, parts: Service) -> CourseAnswer:
    """Change a course of the caller's area; `"validity_months": null` lets completions count for ever."""
    # null is a value for the validity alone; elsewhere it is as good as left out.
    changes: dict[str, Any] = {
        name: tuple(dict.fromkeys(value)) if name == "required_for" else value
        for name, value in body.model_dump(exclude_unset=True).items()
        if value is not None or name == "validity_months"
    }
    try:
        changed = await parts.trainings.change_course(
            course_id, lambda before: replace(before, **changes), within=caller.area, now=parts.clock.now()
        )
    except UnknownTraining:
        raise not_found() from None
    return _course_answer(changed)


@router.post("/files", status_code=201)
async def upload_file(request: Request, caller: Writer, parts: Service) -> UploadAnswer:
    """Upload a file for a material: the body is the file itself (PDF, PNG, JPEG or WebP, 10 MB)."""
    now = parts.clock.now()
    await parts.throttle.spend(UPLOADS_PER_PERSON, str(caller.subject), now=now)
    kind, content = await read_upload(request, kinds=KINDS.values(), most=MATERIAL_BYTES)
    file_id = await parts.published.add(content, media_type=kind.media_type, by=caller.subject, now=now)
    return UploadAnswer(file_id=file_id, media_type=kind.media_type, size=len(content))


@router.post("/courses/{course_id}/materials", status_code=201)
async def add_material(course_id: UUID, body: MaterialBody, caller: Writer, parts: Service) -> MaterialVersion:
    """Add a material, or the next version of one, to a course of the caller's area."""
    if (body.link is None) == (body.file is None):
        raise unknown_field("file", "ระบุลิงก์หรือไฟล์อย่างใดอย่างหนึ่ง", "Name either a link or a file", code="link_or_file")
    now = parts.clock.now()
    link = str(body.link) if body.link else None
    new = NewMaterial(body.material_id, body.title, link, body.file, body.valid_from or now)
    try:
        material_id, version = await parts.trainings.add_material(
            course_id, new, within=caller.area, most=MATERIAL_BYTES, by=caller.subject, now=now
        )
    except UnknownTraining:
        raise not_found() from None
    except UnknownFileId:
        raise unknown_field("file", "ไม่พบไฟล์นี้ โปรดอัปโหลดอีกครั้ง", "There is no such file; upload it again") from None
    return MaterialVersion(material_id=material_id, version=version)


@router.post("/sessions", status_code=201)
async def add_session(body: NewSession, caller: Holder, parts: Service) -> SessionAnswer:
    """Announce a session inside the caller's area, of a course that is taught there."""
    now = parts.clock.now()
    area = caller.area if body.area is None else body.area
    demand_area(caller, area)
    if body.link is None and body.place is None:
        raise unknown_field("place", "ระบุสถานที่หรือลิงก์", "Name a place or a link", code="required")
    course = await _course(parts, body.course_id)
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
    await parts.trainings.add_session(session, by=caller.subject, now=now)
    return await _session(parts, session.session_id, caller)


# Open without a token for the public's courses, as the list is.
@router.get("/sessions/{session_id}")
async def read_session(session_id: UUID, caller: Anybody, parts: Service) -> SessionAnswer:
    """Read one session, also a past or cancelled one."""
    return await _session(parts, session_id, caller)


@router.patch("/sessions/{session_id}")
async def change_session(session_id: UUID, body: SessionChange, caller: Attendant, parts: Service) -> SessionAnswer:
    """Change a session: its trainer, and who holds sessions there. A larger capacity takes in those who wait."""
    await _change(
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
    await _change(parts, session_id, caller, cancel=True)
    return await _session(parts, session_id, caller)


# The trainer need not hold sessions by his role: he is whom the session names. Whoever else asks finds nothing.
@router.get("/sessions/{session_id}/attendance-code")
async def attendance_code(session_id: UUID, caller: Attendant, parts: Service) -> CodeAnswer:
    """Give the code to show, to the session's trainer and to who holds sessions there."""
    try:
        code, session = await parts.trainings.code(session_id, by=caller.subject, within=_within(caller))
    except UnknownTraining:
        raise not_found() from None
    return CodeAnswer(code=code, good_from=session.begins_at - CODE_BEFORE, good_until=session.ends_at + CODE_AFTER)


@router.post("/sessions/{session_id}/attendance-code")
async def new_attendance_code(session_id: UUID, caller: Attendant, parts: Service) -> CodeAnswer:
    """Make another code, when the first one has got about; it is good no more."""
    await _change(parts, session_id, caller, new_code=True)
    return await attendance_code(session_id, caller, parts)


@router.get("/sessions/{session_id}/sign-ups")
async def list_sign_ups(
    session_id: UUID, caller: Attendant, parts: Service, after: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> SignUpPage:
    """List who comes, with names, for the session's trainer and who holds sessions there."""
    try:
        listed = await parts.trainings.sign_ups(
            session_id, by=caller.subject, within=_within(caller), after=after, limit=PAGE_SIZE, now=parts.clock.now()
        )
    except UnknownTraining:
        raise not_found() from None
    return SignUpPage(
        sign_ups=[ListedSignUp.model_validate(one) for one in listed],
        after=listed[-1]["number"] if len(listed) == PAGE_SIZE else None,
    )


# Open without a token: by phone, where the course allows it. Both phone and address are counted.
@router.post("/sessions/{session_id}/sign-ups", status_code=201)
async def sign_up(
    session_id: UUID, request: Request, caller: Anybody, parts: Service, body: GuestBody | None = None
) -> PlaceAnswer:
    """Sign up: whoever is signed in for himself, others with name and phone. Who finds no place waits in order."""
    now, guest = parts.clock.now(), None
    if caller is not None:
        demand(caller, Right.TRAINING_ATTEND)
    elif body is None:
        raise unauthenticated("token_missing")
    else:
        guest = Guest(body.name, body.phone)
        await parts.throttle.spend(GUEST_SIGN_UPS_PER_ADDRESS, address_of(request), now=now)
        await parts.throttle.spend(GUEST_SIGN_UPS_PER_PHONE, body.phone, now=now)
    try:
        signed = await parts.trainings.sign_up(
            session_id, person=caller.subject if caller else None, guest=guest, now=now
        )
    except UnknownTraining:
        raise not_found() from None
    return PlaceAnswer(sign_up_id=signed.sign_up_id, state=signed.state)


@router.delete("/sessions/{session_id}/sign-ups/mine", status_code=204)
async def cancel_my_sign_up(session_id: UUID, caller: Attendant, parts: Service) -> Response:
    """Give up one's place; whoever has waited longest gets it."""
    return await _cancel(parts, session_id, None, caller)


# Open without a token: the id of a sign-up is 122 random bits, which only the guest was told.
@router.delete("/sessions/{session_id}/sign-ups/{sign_up_id}", status_code=204)
async def cancel_sign_up(session_id: UUID, sign_up_id: UUID, caller: Anybody, parts: Service) -> Response:
    """Cancel a sign-up: a guest his own, or who holds the session anybody's."""
    return await _cancel(parts, session_id, sign_up_id, caller)


# Open without a token: a guest attends by his phone. Tries are counted by phone or person, and by address.
@router.post("/sessions/{session_id}/attendance")
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
        course_id, at = await parts.trainings.attend(
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


@router.get("/completions")
async def count_completions(
    caller: Reader,
    parts: Service,
    course: Annotated[UUID, Query()],
    area: Annotated[AreaCode | None, Query()] = None,
) -> Sequence[TrainedCount]:
    """Count who is trained, one level below an area; somebody whose role is held in the area itself counts there."""
    area = caller.area if area is None else area
    demand_area(caller, area)
    found = await _course(parts, course)
    if found is None:
        raise not_found()
    counted = await parts.trainings.count_trained(found, area, now=parts.clock.now())
    return [TrainedCount.model_validate(row) for row in counted]


@router.get("/completions/persons")
async def list_trained(
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_READ))],
    parts: Service,
    course: Annotated[UUID, Query()],
    trained: Annotated[bool, Query()] = False,
    area: Annotated[AreaCode | None, Query()] = None,
    cursor: CursorText = None,
) -> TrainedPage:
    """List by name who is not trained, or who is, for those who may read the volunteers of the area."""
    area = caller.area if area is None else area
    demand_area(caller, area)
    found = await _course(parts, course)
    if found is None:
        raise not_found()
    listed = await parts.trainings.trained(
        found,
        area,
        trained=trained,
        after=read_person_cursor(cursor),
        limit=PAGE_SIZE,
        reader=caller.subject,
        now=parts.clock.now(),
    )
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return TrainedPage(
        persons=[TrainedPerson.model_validate(one) for one in listed],
        cursor=write_person_cursor(last["area"], last["registered_at"], last["person_id"]) if last else None,
    )


@router.get("/mine")
async def my_trainings(caller: Attendant, parts: Service) -> MyTrainings:
    """Tell the caller what he still has to take, what he has signed up for, and what he has taken."""
    now = parts.clock.now()
    missing = await parts.trainings.missing(caller.subject, caller.role, caller.area, now=now)
    sign_ups, completions = await parts.trainings.mine(caller.subject, now=now)
    return MyTrainings(
        missing=[MissingCourse.model_validate(one) for one in missing],
        sign_ups=[MySignUp.model_validate(one) for one in sign_ups],
        completions=[MyCompletion.model_validate(one) for one in completions],
    )


async def _course(parts: Parts, course_id: UUID) -> Course | None:
    try:
        return await parts.trainings.course(course_id)
    except UnknownTraining:
        return None


async def _readable_course(parts: Parts, course_id: UUID, caller: Principal | None) -> None:
    course = await _course(parts, course_id)
    if course is None or (caller is None and course.audience is not Audience.PUBLIC):
        raise not_found()


async def _session(parts: Parts, session_id: UUID, caller: Principal | None) -> SessionAnswer:
    try:
        found = await parts.trainings.session(session_id, person=caller.subject if caller else None)
    except UnknownTraining:
        raise not_found() from None
    if caller is None and found["audience"] != Audience.PUBLIC:
        raise not_found()
    return _session_answer(found, caller)


async def _change(parts: Parts, session_id: UUID, caller: Principal, **changes: Any) -> None:
    try:
        moved_up = await parts.trainings.change_session(
            session_id, by=caller.subject, within=_within(caller), now=parts.clock.now(), **changes
        )
    except UnknownTraining:
        raise not_found() from None
    _tell(parts, moved_up)


async def _cancel(parts: Parts, session_id: UUID, sign_up_id: UUID | None, caller: Principal | None) -> Response:
    try:
        moved_up = await parts.trainings.cancel(
            session_id,
            sign_up_id,
            person=caller.subject if caller else None,
            within=_within(caller) if caller else None,
            now=parts.clock.now(),
        )
    except UnknownTraining:
        raise not_found() from None
    _tell(parts, moved_up)
    return Response(status_code=204)


def _tell(parts: Parts, moved_up: Sequence[UUID]) -> None:
    # Tried, not promised, as all text messages are; the place is his whether or not the message comes.
    for sign_up_id in moved_up:
        parts.messenger.offer(partial(_moved_up_message, parts, sign_up_id))


async def _moved_up_message(parts: Parts, sign_up_id: UUID) -> TextMessage | None:
    notice = await parts.trainings.notice(sign_up_id)
    if notice is None:
        return None
    at = notice.begins_at.astimezone(BANGKOK)
    return TextMessage(
        notice.phone,
        f"ท่านได้ที่นั่งอบรม {notice.title_th} วันที่ {at:%d/%m}/{at.year + 543} เวลา {at:%H:%M} น. / "
        f"You have a place now: {notice.title_en}, {at:%d/%m/%Y %H:%M}",
    )


def _within(caller: Principal) -> str | None:
    return caller.area if caller.may(Right.TRAINING_HOLD) else None


def _course_answer(course: Course) -> CourseAnswer:
    return CourseAnswer(
        course_id=course.course_id,
        area=course.area,
        title_th=course.title_th,
        title_en=course.title_en,
        audience=course.audience,
        required_for=course.required_for,
        validity_months=course.validity_months,
        retired=course.retired,
    )


def _session_answer(row: Mapping[str, Any], caller: Principal | None) -> SessionAnswer:
    within = _within(caller) if caller else None
    holds = within is not None and row["area"].startswith(within)
    sees_link = row["my_state"] == SignUpState.PLACED or holds or (caller and row["trainer"] == caller.subject)
    return SessionAnswer(
        session_id=row["session_id"],
        course=CourseAnswer(
            course_id=row["course_id"],
            area=row["course_area"],
            title_th=row["title_th"],
            title_en=row["title_en"],
            audience=row["audience"],
            required_for=row["required_for"],
            validity_months=row["validity_months"],
            retired=row["retired_at"] is not None,
        ),
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
