"""/v1/volunteers/{volunteer_id}/...: what coordinators decide about a volunteer, and he about himself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.registration.domain import people as rules
from services.registration.domain import sign_ups
from services.registration.domain.people import Authority, Person
from services.registration.domain.sign_ups import Step
from services.registration.http.fields import Reason
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.volunteers import VolunteerAnswer, answer_of
from services.registration.store.organisations import find_organisation
from services.registration.store.people import UnknownPerson
from shared.contracts.events import VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, require, signed_in
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/volunteers/{volunteer_id}", tags=["volunteers"])

Seen = Annotated[int | None, Query(alias="revision", ge=1)]
"""The revision that whoever decides was shown. If another one stands, 409 tells it; left out, things are taken as they
are."""

Rule = Callable[[Person], Person]


class Suspension(Body):
    """Why somebody is suspended; kept sealed."""

    reason: Reason


class Refusal(Body):
    """Why somebody is not taken; kept sealed."""

    reason: Reason


class Withdrawal(Body):
    """Why somebody goes, if he says so; kept sealed."""

    reason: Reason | None = None


class Transfer(Body):
    """To which organisation somebody goes; in the same area, unless another is named."""

    organisation_id: UUID
    area: AreaCode | None = None


@router.post("/approval")
async def approve(
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
    seen: Seen = None,
) -> VolunteerAnswer:
    """Approve a volunteer, or lift a suspension."""
    rule = _about(caller, lambda person, by: rules.decide(person, VolunteerStatus.APPROVED, by))
    return await _step(parts, caller, volunteer_id, rule, Step.APPROVAL, seen=seen)


@router.post("/suspension")
async def suspend(
    volunteer_id: UUID,
    body: Suspension,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
    seen: Seen = None,
) -> VolunteerAnswer:
    """Suspend a volunteer: the sign-ins end at once, tokens within seconds."""
    rule = _about(caller, lambda person, by: rules.decide(person, VolunteerStatus.SUSPENDED, by))
    return await _step(parts, caller, volunteer_id, rule, Step.SUSPENSION, reason=body.reason, seen=seen)


@router.post("/refusal")
async def refuse(
    volunteer_id: UUID,
    body: Refusal,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
    seen: Seen = None,
) -> VolunteerAnswer:
    """Refuse somebody who waits for approval. The phone may sign up again."""
    rule = _about(caller, sign_ups.refuse)
    return await _step(parts, caller, volunteer_id, rule, Step.REFUSAL, reason=body.reason, seen=seen)


@router.post("/withdrawal")
async def withdraw(
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    body: Withdrawal = Withdrawal(),  # noqa: B008 - frozen
    seen: Seen = None,
) -> VolunteerAnswer:
    """Withdraw: oneself, whatever the role but not while suspended, or somebody about whom the caller may decide."""
    if caller.subject == volunteer_id:
        return await _step(
            parts,
            caller,
            volunteer_id,
            lambda person: sign_ups.withdraw(person, None),
            Step.WITHDRAWAL,
            within="",
            reason=body.reason,
            seen=seen,
        )
    demand(caller, Right.VOLUNTEER_DECIDE)
    rule = _about(caller, sign_ups.withdraw)
    return await _step(parts, caller, volunteer_id, rule, Step.WITHDRAWAL, reason=body.reason, seen=seen)


@router.post("/transfer")
async def transfer(
    volunteer_id: UUID,
    body: Transfer,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
    seen: Seen = None,
) -> VolunteerAnswer:
    """Move a volunteer to another organisation, with role, status and history."""
    organisation = await find_organisation(parts.pool, body.organisation_id)
    if organisation is None:
        raise unknown_field("organisation_id", "ไม่พบหน่วยงานนี้", "There is no such organisation")
    rule = _about(caller, lambda person, by: sign_ups.transfer(person, organisation, body.area or person.area, by))
    return await _step(parts, caller, volunteer_id, rule, Step.TRANSFER, seen=seen)


def _about(caller: Principal, rule: Callable[[Person, Authority], Person]) -> Rule:
    authority = Authority(caller.role, caller.area)
    return lambda person: rule(person, authority)


async def _step(
    parts: Parts,
    caller: Principal,
    volunteer_id: UUID,
    rule: Rule,
    step: Step,
    *,
    within: str | None = None,
    reason: str | None = None,
    seen: int | None,
) -> VolunteerAnswer:
    try:
        person = await parts.people.change(
            volunteer_id,
            rule,
            step=step,
            within=caller.area if within is None else within,
            by=caller.subject,
            now=parts.clock.now(),
            reason=reason,
            seen=seen,
        )
    except UnknownPerson:
        raise not_found() from None
    return answer_of(person)
