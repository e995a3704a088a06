"""/v1/trainings/completions and /v1/trainings/mine: who is trained, and what is still to be taken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.registration.domain.trainings import SignUpState
from services.registration.http.cursors import CursorText, read_person_cursor, write_person_cursor
from services.registration.http.refusals import not_found
from services.registration.http.trainings.callers import Attendant, Reader, Service
from services.registration.http.trainings.courses import find_course
from services.registration.settings import PAGE_SIZE
from shared.contracts.events import Role
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import AreaCode

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])


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


@router.get("/completions")
async def count_completions(
    caller: Reader,
    parts: Service,
    course: Annotated[UUID, Query()],
    area: Annotated[AreaCode | None, Query()] = None,
) -> Sequence[TrainedCount]:
    """Count who is trained, one level below an area; somebody whose role is held in the area itself counts there."""
    area = area_asked(caller, area)
    found = await find_course(parts, course)
    if found is None:
        raise not_found()
    counted = await parts.trainings.completions.count_trained(found, area, now=parts.clock.now())
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
    area = area_asked(caller, area)
    found = await find_course(parts, course)
    if found is None:
        raise not_found()
    listed = await parts.trainings.completions.trained(
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
    missing = await parts.trainings.completions.missing(caller.subject, caller.role, caller.area, now=now)
    sign_ups = await parts.trainings.sign_ups.mine(caller.subject, now=now)
    completions = await parts.trainings.completions.mine(caller.subject)
    return MyTrainings(
        missing=[MissingCourse.model_validate(one) for one in missing],
        sign_ups=[MySignUp.model_validate(one) for one in sign_ups],
        completions=[MyCompletion.model_validate(one) for one in completions],
    )
