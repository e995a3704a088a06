"""/v1/trainings/courses: what is taught, to whom, and of whom it is required."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.registration.domain.trainings import Audience, Course
from services.registration.http.cursors import CursorText, read_cursor, write_cursor
from services.registration.http.parts import Parts
from services.registration.http.refusals import not_found
from services.registration.http.texts import Title
from services.registration.http.trainings.callers import Anybody, Service, Writer
from services.registration.settings import PAGE_SIZE
from services.registration.store.trainings.courses import UnknownTraining
from shared.contracts.events import Role
from shared.security.principal import Principal
from shared.web.authentication import area_asked
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/trainings/courses", tags=["trainings"])


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


# Open without a token: the public is one of the three audiences. It sees its own courses alone.
@router.get("")
async def list_courses(
    caller: Anybody,
    parts: Service,
    audience: Annotated[Audience | None, Query()] = None,
    cursor: CursorText = None,
) -> CoursePage:
    """List the courses that are taught."""
    if caller is None and audience not in (None, Audience.PUBLIC):
        return CoursePage(courses=[], cursor=None)
    listed = await parts.trainings.courses.page(
        audience if caller else Audience.PUBLIC, after=read_cursor(cursor), limit=PAGE_SIZE
    )
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return CoursePage(
        courses=[course_answer(course) for course, _ in listed],
        cursor=write_cursor(last[1], last[0].course_id) if last else None,
    )


@router.post("", status_code=201)
async def add_course(body: NewCourse, caller: Writer, parts: Service) -> CourseAnswer:
    """Enter a course for an area inside the caller's."""
    area = area_asked(caller, body.area)
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
    await parts.trainings.courses.add(course, by=caller.subject, now=parts.clock.now())
    return course_answer(course)


@router.patch("/{course_id}")
async def change_course(course_id: UUID, body: CourseChange, caller: Writer, parts: Service) -> CourseAnswer:
    """Change a course of the caller's area; `"validity_months": null` lets completions count for ever."""
    # null is a value for the validity alone; elsewhere it is as good as left out.
    changes: dict[str, Any] = {
        name: tuple(dict.fromkeys(value)) if name == "required_for" else value
        for name, value in body.model_dump(exclude_unset=True).items()
        if value is not None or name == "validity_months"
    }
    try:
        changed = await parts.trainings.courses.change(
            course_id, lambda before: replace(before, **changes), within=caller.area, now=parts.clock.now()
        )
    except UnknownTraining:
        raise not_found() from None
    return course_answer(changed)


async def find_course(parts: Parts, course_id: UUID) -> Course | None:
    """Return a course; None where there is none."""
    try:
        return await parts.trainings.courses.one(course_id)
    except UnknownTraining:
        return None


async def demand_readable(parts: Parts, course_id: UUID, caller: Principal | None) -> None:
    """Raise a 404 problem for a course that is not there for the caller."""
    course = await find_course(parts, course_id)
    if course is None or (caller is None and course.audience is not Audience.PUBLIC):
        raise not_found()


def course_answer(course: Course) -> CourseAnswer:
    """Show a course."""
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
