"""/v1/approvals: who waits for approval in an area, and the approval of many at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.registration.domain.people import Authority
from services.registration.domain.sign_ups import due_at
from services.registration.domain.trainings import Policy
from services.registration.http import cursors
from services.registration.http.cursors import CursorText
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import refusal_message
from services.registration.http.volunteers import ListedVolunteer, listed_volunteer
from services.registration.settings import APPROVALS_AT_ONCE, PAGE_SIZE
from services.registration.store.approvals import Result, approve_all
from shared.contracts.events import VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import AreaCode, Body
from shared.web.problems import Message, language_of

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])

_NOT_FOUND = Message("ไม่พบในพื้นที่ของท่าน", "There is no such thing in your area")


class WaitingVolunteer(ListedVolunteer):
    """Somebody who waits for approval. `refused_before`: the phone signed up again after a refusal.

    national_id_shared: somebody else was registered with the same national id already; perhaps it is the same person.
    """

    waiting_since: datetime
    due_at: datetime
    overdue: bool
    refused_before: bool
    national_id_shared: bool
    assisted_by: UUID | None


class ApprovalQueue(BaseModel):
    """A page of those who wait, who has waited longest first; `cursor` leads to the next and is null on the last."""

    volunteers: Sequence[WaitingVolunteer]
    cursor: str | None


class Approvals(Body):
    """Whom to approve. `decision` is named so that no other can be meant: a refusal has a reason and goes one by one"""

    volunteer_ids: list[UUID] = Field(min_length=1, max_length=APPROVALS_AT_ONCE)
    decision: Literal["approve"]


class ApprovalResult(BaseModel):
    """What became of one. `outcome` is approved, unchanged (approved already), not_found, or what stands against it:
    not_pending, withdrawn, not_below, not_begun, training_required; then status and revision tell what stands."""

    volunteer_id: UUID
    outcome: str
    status: VolunteerStatus | None
    revision: int | None
    message: str | None


class ApprovalResults(BaseModel):
    """One result for each id, in the order of the request; an id that is named twice has one."""

    results: Sequence[ApprovalResult]


@router.get("")
async def list_waiting(
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query()] = None,
    cursor: CursorText = None,
) -> ApprovalQueue:
    """List who waits for approval in an area, the caller's own if none is named, with names and numbers."""
    area = area_asked(caller, area)
    now = parts.clock.now()
    after = cursors.read(cursor, cursors.moment, UUID) if cursor else None
    waiting = await parts.lists.waiting(area, after=after, limit=PAGE_SIZE, reader=caller.subject, now=now)
    last = waiting[-1] if len(waiting) == PAGE_SIZE else None
    return ApprovalQueue(
        volunteers=[
            WaitingVolunteer(
                **listed_volunteer(one).model_dump(),
                waiting_since=one.waiting_since,
                due_at=due_at(one.waiting_since),
                overdue=due_at(one.waiting_since) < now,
                refused_before=one.refused_at is not None,
                national_id_shared=one.national_id_shared,
                assisted_by=one.assisted_by,
            )
            for one in waiting
        ],
        cursor=cursors.write(last.waiting_since, last.person.person_id) if last else None,
    )


@router.post("")
async def approve_many(
    request: Request,
    body: Approvals,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
) -> ApprovalResults:
    """Approve many who wait, in one transaction; whoever cannot be approved holds nobody back."""
    ids = list(dict.fromkeys(body.volunteer_ids))
    results = await approve_all(
        parts.pool,
        ids,
        authority=Authority(caller.role, caller.area),
        by=caller.subject,
        now=parts.clock.now(),
        training_required=parts.training_policy is Policy.HOLD,
    )
    language = language_of(request.headers.get("accept-language"))
    return ApprovalResults(results=[_result(result, language) for result in results])


def _result(result: Result, language: str) -> ApprovalResult:
    message = None
    if result.outcome not in ("approved", "unchanged"):
        said = _NOT_FOUND if result.outcome == "not_found" else refusal_message(result.outcome)
        message = said.in_language(language)
    person = result.person
    return ApprovalResult(
        volunteer_id=result.person_id,
        outcome=result.outcome,
        status=person.status if person else None,
        revision=person.revision if person else None,
        message=message,
    )
