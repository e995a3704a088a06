"""/v1/me: who is signed in, and what waits for him."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.registration.domain.trainings import Policy
from services.registration.http.parts import Parts, parts
from services.registration.http.trainings.completions import MissingCourse
from services.registration.store.directives import Audience
from services.registration.store.organisations import find_organisation
from shared.areas.register import UnknownArea
from shared.areas.register import area as area_of
from shared.contracts.events import Role
from shared.security.principal import Principal
from shared.security.rights import RIGHTS, Right
from shared.web.authentication import require

router = APIRouter(prefix="/v1/me", tags=["me"])


class MyArea(BaseModel):
    """The area in which the role is held."""

    code: str
    name_th: str
    name_en: str


class MyOrganisation(BaseModel):
    """The organisation for which the role is held."""

    organisation_id: UUID
    name: str


class MyTraining(BaseModel):
    """What is done about missing courses (JITASA_TRAINING_POLICY), and which are missing; none where it is off."""

    policy: Policy
    missing: Sequence[MissingCourse]


class MyDirectives(BaseModel):
    """Directives to acknowledge."""

    open: int
    overdue: int


class MyProblems(BaseModel):
    """Tickets that the caller raised: still waiting, and answered but not closed."""

    waiting: int
    answered: int


class Me(BaseModel):
    """Who is signed in. `rights` are those of the role, by which pages show what can be done."""

    subject: UUID
    role: Role
    area: MyArea
    organisation: MyOrganisation | None
    rights: Sequence[Right]
    training: MyTraining
    directives: MyDirectives
    problems: MyProblems


@router.get("")
async def who_am_i(
    caller: Annotated[Principal, Depends(require(Right.SELF_READ))], parts: Annotated[Parts, Depends(parts)]
) -> Me:
    """Tell the caller who he is to us, and what waits for him."""
    now = parts.clock.now()
    missing = (
        []
        if parts.training_policy is Policy.OFF
        else await parts.trainings.completions.missing(caller.subject, caller.role, caller.area, now=now)
    )
    reader = Audience(caller.subject, caller.role, caller.area, writes=False, follows=False)
    organisation = await find_organisation(parts.pool, caller.organisation) if caller.organisation else None
    return Me(
        subject=caller.subject,
        role=caller.role,
        area=_area(caller.area),
        organisation=MyOrganisation(organisation_id=organisation.organisation_id, name=organisation.name)
        if organisation
        else None,
        rights=sorted(RIGHTS[caller.role]),
        training=MyTraining(
            policy=parts.training_policy, missing=[MissingCourse.model_validate(one) for one in missing]
        ),
        directives=MyDirectives.model_validate(await parts.acknowledgements.count_open(reader, now=now)),
        problems=MyProblems.model_validate(await parts.problems.counts.of_person(caller.subject)),
    )


def _area(code: str) -> MyArea:
    try:
        found = area_of(code)
    except UnknownArea:  # abolished since the role was given
        return MyArea(code=code, name_th=code, name_en=code)
    return MyArea(code=code, name_th=found.name_th, name_en=found.name_en)
