"""/v1/volunteers and /v1/counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.registration.domain import people as rules
from services.registration.domain import sign_ups
from services.registration.domain.names import matches, searched
from services.registration.domain.people import Authority, Person
from services.registration.domain.sign_ups import Step
from services.registration.http import cursors
from services.registration.http.cursors import CursorText
from services.registration.http.fields import AreaCode, Body, Phone, Reason
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.name_index import tokens_of_search
from services.registration.settings import PAGE_SIZE
from services.registration.store.lists import Decided, Listed, Sought
from services.registration.store.organisations import find_organisation
from services.registration.store.people import UnknownPerson
from shared.contracts.events import OrganisationKind, Role, VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, demand_area, require, signed_in

router = APIRouter(prefix="/v1")

Seen = Annotated[int | None, Query(alias="revision", ge=1)]
"""The revision that whoever decides was shown. If another one stands, 409 tells it; left out, things are taken as they
are."""


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
    phone_confirmed: bool


class Decision(BaseModel):
    """One decision about a volunteer, and what he was after it. What led to it and who took it are not told to the
    volunteer himself: the one may name others, the other is to be left in peace."""

    revision: int
    step: Step | None
    status: VolunteerStatus
    role: Role
    area: str
    organisation_id: UUID | None
    decided_at: datetime
    decided_by: UUID | None
    reason: str | None


class VolunteerDetail(ListedVolunteer):
    """A volunteer with the decisions about him, the latest first."""

    group_code: str | None
    assisted_by: UUID | None
    refused_at: datetime | None
    decisions: Sequence[Decision]


class VolunteerPage(BaseModel):
    """A page of volunteers; `cursor` leads to the next and is null on the last."""

    volunteers: Sequence[ListedVolunteer]
    cursor: str | None


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


class AreaCount(BaseModel):
    """How many persons of one kind there are: this service's own count, against which projections are checked."""

    area: str
    organisation_kind: OrganisationKind
    status: VolunteerStatus
    volunteers: int


@router.get("/volunteers", tags=["volunteers"])
async def list_volunteers(
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_READ))],
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query()] = None,
    status: Annotated[VolunteerStatus | None, Query()] = None,
    organisation: Annotated[UUID | None, Query()] = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    phone: Annotated[Phone | None, Query()] = None,
    cursor: CursorText = None,
) -> VolunteerPage:
    """List the volunteers of an area, the caller's own if none is named, with names and numbers.

    `name` holds beginnings of words, of two letters or more: all of them have to begin a word of the name. Of words of
    more than six letters the rest is compared after a page was read: it may then hold fewer, and still have a cursor.
    """
    area = caller.area if area is None else area
    demand_area(caller, area)
    return await find_volunteers(parts, caller, Sought(area, status, organisation), name, phone, cursor)


async def find_volunteers(
    parts: Parts, caller: Principal, sought: Sought, name: str | None, phone: str | None, cursor: str | None
) -> VolunteerPage:
    """Give a page of those who are sought and have this name and phone; whether the caller may is judged before."""
    sought_words = searched(name) if name is not None else []
    if name is not None and not sought_words:
        raise unknown_field(
            "name", "ต้องมีอย่างน้อย 2 ตัวอักษร", "At least two letters of a word are needed", code="too_short"
        )
    sought = replace(
        sought,
        name_tokens=tokens_of_search(parts.index, name) if name is not None else (),
        phone_index=parts.index.of_phone(phone) if phone is not None else None,
    )
    listed = await parts.lists.page(
        sought,
        after=cursors.read(cursor, cursors.place, cursors.moment, UUID) if cursor else None,
        limit=PAGE_SIZE,
        reader=caller.subject,
        purpose="volunteer list",
        now=parts.clock.now(),
    )
    last = listed[-1].person if len(listed) == PAGE_SIZE else None
    return VolunteerPage(
        volunteers=[
            listed_volunteer(one) for one in listed if not sought_words or matches(one.name or "", sought_words)
        ],
        cursor=cursors.write(last.area, last.registered_at, last.person_id) if last else None,
    )


@router.get("/volunteers/{volunteer_id}", tags=["volunteers"])
async def show_volunteer(
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
) -> VolunteerDetail:
    """Show a volunteer with the decisions about him, to himself or to who may read volunteers of his area."""
    himself = caller.subject == volunteer_id
    if not himself:
        demand(caller, Right.VOLUNTEER_READ)
    found = await parts.lists.one(
        volunteer_id, within="" if himself else caller.area, reader=caller.subject, now=parts.clock.now()
    )
    if found is None:
        raise not_found()
    one, decisions = found
    return VolunteerDetail(
        **listed_volunteer(one).model_dump(),
        group_code=one.group_code,
        assisted_by=one.assisted_by,
        refused_at=one.refused_at,
        decisions=[_decision(decided, himself) for decided in decisions],
    )


@router.post("/volunteers/{volunteer_id}/approval", tags=["volunteers"])
async def approve(
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_DECIDE))],
    parts: Annotated[Parts, Depends(parts)],
    seen: Seen = None,
) -> VolunteerAnswer:
    """Approve a volunteer, or lift a suspension."""
    rule = _about(caller, lambda person, by: rules.decide(person, VolunteerStatus.APPROVED, by))
    return await _step(parts, caller, volunteer_id, rule, Step.APPROVAL, seen=seen)


@router.post("/volunteers/{volunteer_id}/suspension", tags=["volunteers"])
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


@router.post("/volunteers/{volunteer_id}/refusal", tags=["volunteers"])
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


@router.post("/volunteers/{volunteer_id}/withdrawal", tags=["volunteers"])
async def withdraw(
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    body: Withdrawal = Withdrawal(),  # noqa: B008 - frozen
    seen: Seen = None,
) -> VolunteerAnswer:
    """Withdraw: oneself, whatever the role, or somebody about whom the caller may decide."""
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


@router.post("/volunteers/{volunteer_id}/transfer", tags=["volunteers"])
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


Rule = Callable[[Person], Person]


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


@router.get("/counts", tags=["counts"])
async def counts(
    caller: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    parts: Annotated[Parts, Depends(parts)],
) -> list[AreaCount]:
    """Count the persons of the caller's area, of whatever role, by area, kind of organisation and status."""
    return [AreaCount.model_validate(row) for row in await parts.people.counts(caller.area)]


def answer_of(person: Person) -> VolunteerAnswer:
    """Say where a person stands."""
    return VolunteerAnswer(
        volunteer_id=person.person_id,
        organisation_id=person.organisation_id,
        role=person.role,
        area=person.area,
        status=person.status,
        revision=person.revision,
    )


def listed_volunteer(one: Listed) -> ListedVolunteer:
    """Show a person to who may read names and numbers."""
    person = one.person
    return ListedVolunteer(
        volunteer_id=person.person_id,
        organisation_id=person.organisation_id,
        role=person.role,
        area=person.area,
        status=person.status,
        revision=person.revision,
        organisation_kind=person.organisation_kind,
        registered_at=person.registered_at,
        name=one.name,
        phone=one.phone,
        phone_confirmed=one.phone_confirmed,
    )


def _decision(decided: Decided, himself: bool) -> Decision:
    return Decision(
        revision=decided.revision,
        step=Step(decided.step) if decided.step else None,
        status=VolunteerStatus(decided.status),
        role=Role(decided.role),
        area=decided.area,
        organisation_id=decided.organisation_id,
        decided_at=decided.decided_at,
        decided_by=None if himself else decided.decided_by,
        reason=None if himself else decided.reason,
    )
