"""/v1/organisations and their group codes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.registration.codes import typed_group_code
from services.registration.domain.people import Organisation
from services.registration.http.fields import AreaCode, Body, Name
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import (
    GROUP_CODE_LIFE,
    GROUP_CODE_MAX_LIFE,
    GROUP_CODE_MAX_USES,
    GROUP_CODE_USES,
)
from services.registration.store import organisations as store
from shared.contracts.events import OrganisationKind
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require

router = APIRouter(prefix="/v1/organisations", tags=["organisations"])


class NewOrganisation(Body):
    """An agency or network partner. `parent` is the organisation that it belongs to, whose area contains its own."""

    name: Name
    kind: OrganisationKind
    area: AreaCode
    parent: UUID | None = None


class OrganisationAnswer(BaseModel):
    """An organisation as it is stored."""

    organisation_id: UUID
    name: str
    kind: OrganisationKind
    area: str
    parent: UUID | None


class NewGroupCode(Body):
    """How long and how often a group code is good; 30 days and 100 sign-ups unless said otherwise."""

    expires_at: AwareDatetime | None = None
    uses: int = Field(GROUP_CODE_USES, ge=1, le=GROUP_CODE_MAX_USES, strict=True)


class GroupCodeAnswer(BaseModel):
    """A group code: what to write on the board of the training room."""

    code: str
    organisation_id: UUID
    expires_at: datetime
    uses: int


@router.post("", status_code=201)
async def create_organisation(
    body: NewOrganisation,
    caller: Annotated[Principal, Depends(require(Right.ORGANISATION_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> OrganisationAnswer:
    """Enter an organisation inside the caller's area."""
    demand_area(caller, body.area)
    if body.parent is not None:
        parent = await store.find_organisation(parts.pool, body.parent)
        if parent is None or not body.area.startswith(parent.area):
            raise unknown_field(
                "parent",
                "ไม่พบหน่วยงานแม่ที่ครอบคลุมพื้นที่นี้",
                "There is no such organisation whose area contains this one",
            )
    organisation = Organisation(uuid4(), body.name, body.kind, body.area, body.parent)
    await store.add_organisation(parts.pool, organisation, by=caller.subject, now=parts.clock.now())
    return OrganisationAnswer(
        organisation_id=organisation.organisation_id,
        name=organisation.name,
        kind=organisation.kind,
        area=organisation.area,
        parent=organisation.parent_id,
    )


@router.post("/{organisation_id}/group-codes", status_code=201)
async def create_group_code(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.GROUP_CODE_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
    body: NewGroupCode = NewGroupCode(),  # noqa: B008 - frozen
) -> GroupCodeAnswer:
    """Make a group code for an organisation inside the caller's area."""
    now = parts.clock.now()
    expires_at = body.expires_at or now + GROUP_CODE_LIFE
    if not now < expires_at <= now + GROUP_CODE_MAX_LIFE:
        days = GROUP_CODE_MAX_LIFE.days
        raise unknown_field(
            "expires_at",
            f"ต้องเป็นเวลาในอนาคตไม่เกิน {days} วัน",
            f"This has to lie in the future, at most {days} days ahead",
            code="out_of_range",
        )
    if await store.find_organisation(parts.pool, organisation_id, within=caller.area) is None:
        raise not_found()
    code = await store.add_group_code(
        parts.pool, organisation_id, expires_at=expires_at, uses=body.uses, by=caller.subject, now=now
    )
    return GroupCodeAnswer(code=code, organisation_id=organisation_id, expires_at=expires_at, uses=body.uses)


@router.delete("/{organisation_id}/group-codes/{code}", status_code=204)
async def revoke_group_code(
    organisation_id: UUID,
    code: str,
    caller: Annotated[Principal, Depends(require(Right.GROUP_CODE_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> Response:
    """End a group code before its time. Those who joined by it stay."""
    known = typed_group_code(code)
    revoked = known is not None and await store.revoke_group_code(
        parts.pool, known, organisation_id, within=caller.area, now=parts.clock.now()
    )
    if not revoked:
        raise not_found()
    return Response(status_code=204)
