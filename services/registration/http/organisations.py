"""/v1/organisations and their group codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from services.registration.codes import typed_group_code
from services.registration.domain.organisations import Unfit
from services.registration.domain.people import Organisation
from services.registration.http import cursors
from services.registration.http.acting import acting_for
from services.registration.http.cursors import CursorText
from services.registration.http.fields import Name
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import (
    GROUP_CODE_LIFE,
    GROUP_CODE_MAX_LIFE,
    GROUP_CODE_MAX_USES,
    GROUP_CODE_USES,
    PAGE_SIZE,
)
from services.registration.store import organisations as store
from shared.contracts.events import OrganisationKind, VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, demand_area, require, signed_in
from shared.web.fields import AreaCode, Body
from shared.web.problems import FieldError, Message, Problem

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


class OrganisationChange(Body):
    """What is to be changed: what is left out stays. `parent: null` lets the organisation belong to nobody.

    Area and kind stay what they are: volunteers hold their places in that area, and figures go by the kind.
    """

    name: Name | None = None
    parent: UUID | None = None


class OrganisationPage(BaseModel):
    """A page of organisations by name; `cursor` leads to the next and is null on the last."""

    organisations: Sequence[OrganisationAnswer]
    cursor: str | None


class OrganisationDetail(OrganisationAnswer):
    """An organisation with its people by status, and how many of its codes still open a sign-up."""

    volunteers: dict[VolunteerStatus, int]
    codes_alive: int


class KnownGroupCode(BaseModel):
    """A code and what it has been used for: `used` of `uses` places; a sign-up of somebody who was registered already
    takes a place too."""

    code: str
    expires_at: datetime
    uses: int
    uses_left: int
    used: int
    revoked_at: datetime | None
    created_at: datetime


class GroupCodePage(BaseModel):
    """A page of codes, the newest first; `cursor` leads to the next and is null on the last."""

    group_codes: Sequence[KnownGroupCode]
    cursor: str | None


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
    organisation = Organisation(uuid4(), body.name, body.kind, body.area, body.parent)
    try:
        await store.add_organisation(parts.pool, organisation, by=caller.subject, now=parts.clock.now())
    except Unfit as unfit:
        raise _unfit(unfit) from None
    return _answer_of(organisation)


@router.get("")
async def list_organisations(
    caller: Annotated[Principal, Depends(require(Right.ORGANISATION_READ))],
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query()] = None,
    kind: Annotated[OrganisationKind | None, Query()] = None,
    name: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    parent: Annotated[UUID | None, Query()] = None,
    cursor: CursorText = None,
) -> OrganisationPage:
    """List the organisations of an area, the caller's own if none is named.

    `name` is found anywhere in a name, however its spaces and digits are typed; one or two letters, at its beginning.
    """
    area = area_asked(caller, area)
    if name is not None and "\0" in name:
        raise unknown_field("name", "มีอักขระที่ใช้ไม่ได้", "This holds characters that cannot be used", "control_characters")
    after = cursors.read(cursor, cursors.plain, UUID) if cursor else None
    found = await store.list_organisations(
        parts.pool, store.Looked(area, kind, name, parent), after=after, limit=PAGE_SIZE
    )
    return OrganisationPage(
        organisations=[_answer_of(organisation) for organisation, _ in found],
        cursor=cursors.write(*found[-1][1]) if len(found) == PAGE_SIZE else None,
    )


@router.get("/{organisation_id}")
async def show_organisation(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
) -> OrganisationDetail:
    """Show an organisation with its counts. Open to its contacts and to those who may read it (`acting_for`)."""
    organisation = await acting_for(parts, caller, organisation_id, Right.ORGANISATION_READ)
    by_status, codes_alive = await store.counts(parts.pool, organisation_id, now=parts.clock.now())
    return OrganisationDetail(
        **_answer_of(organisation).model_dump(),
        volunteers={status: by_status.get(status, 0) for status in VolunteerStatus},
        codes_alive=codes_alive,
    )


@router.patch("/{organisation_id}")
async def change_organisation(
    organisation_id: UUID,
    body: OrganisationChange,
    caller: Annotated[Principal, Depends(require(Right.ORGANISATION_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> OrganisationAnswer:
    """Rename an organisation inside the caller's area, or let it belong to another."""
    try:
        organisation = await store.change_organisation(
            parts.pool,
            organisation_id,
            within=caller.area,
            name=body.name,
            parent=body.parent,
            change_parent="parent" in body.model_fields_set,
        )
    except Unfit as unfit:
        raise _unfit(unfit) from None
    if organisation is None:
        raise not_found()
    return _answer_of(organisation)


@router.get("/{organisation_id}/group-codes")
async def list_group_codes(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    cursor: CursorText = None,
) -> GroupCodePage:
    """List the codes of an organisation. Open to its contacts and to those who make its codes (`acting_for`)."""
    await acting_for(parts, caller, organisation_id, Right.GROUP_CODE_WRITE)
    after = cursors.read(cursor, cursors.moment, cursors.plain) if cursor else None
    rows = await store.list_group_codes(parts.pool, organisation_id, after=after, limit=PAGE_SIZE)
    return GroupCodePage(
        group_codes=[KnownGroupCode.model_validate(dict(row)) for row in rows],
        cursor=cursors.write(rows[-1]["created_at"], rows[-1]["code"]) if len(rows) == PAGE_SIZE else None,
    )


@router.post("/{organisation_id}/group-codes", status_code=201)
async def create_group_code(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    body: NewGroupCode = NewGroupCode(),  # noqa: B008 - frozen
) -> GroupCodeAnswer:
    """Make a group code. Open to the organisation's contacts and to those who make codes in its area (`acting_for`)."""
    await acting_for(parts, caller, organisation_id, Right.GROUP_CODE_WRITE)
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
    code = await store.add_group_code(
        parts.pool, organisation_id, expires_at=expires_at, uses=body.uses, by=caller.subject, now=now
    )
    return GroupCodeAnswer(code=code, organisation_id=organisation_id, expires_at=expires_at, uses=body.uses)


@router.delete("/{organisation_id}/group-codes/{code}", status_code=204)
async def revoke_group_code(
    organisation_id: UUID,
    code: str,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
) -> Response:
    """End a group code before its time. Those who joined by it stay. Open as the making of codes is."""
    organisation = await acting_for(parts, caller, organisation_id, Right.GROUP_CODE_WRITE)
    known = typed_group_code(code)
    revoked = known is not None and await store.revoke_group_code(
        parts.pool, known, organisation_id, within=organisation.area, now=parts.clock.now()
    )
    if not revoked:
        raise not_found()
    return Response(status_code=204)


_PARENTS = {
    "parent_area": Message("ไม่พบหน่วยงานแม่ที่ครอบคลุมพื้นที่นี้", "There is no such organisation whose area contains this one"),
    "parent_cycle": Message("หน่วยงานแม่อยู่ใต้หน่วยงานนี้", "The parent belongs to this organisation itself"),
    "parent_depth": Message("มีหน่วยงานซ้อนกันหลายชั้นเกินไป", "Too many organisations stand above one another"),
}


def _unfit(unfit: Unfit) -> Problem:
    # Whether it does not exist or lies elsewhere is the same to who asks.
    code = "unknown" if unfit.code == "parent_area" else unfit.code
    return Problem(400, "invalid", errors=[FieldError("parent", code, _PARENTS[unfit.code])])


def _answer_of(organisation: Organisation) -> OrganisationAnswer:
    return OrganisationAnswer(
        organisation_id=organisation.organisation_id,
        name=organisation.name,
        kind=organisation.kind,
        area=organisation.area,
        parent=organisation.parent_id,
    )
