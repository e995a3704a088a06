"""/v1/organisations/{id}/contacts: who acts for an organisation although his role is only volunteer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from services.registration.http.acting import acting_for
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import PAGE_SIZE
from services.registration.store import contacts as store
from services.registration.store.organisations import find_organisation
from shared.contracts.events import UtcTime
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require, signed_in
from shared.web.fields import Body

router = APIRouter(prefix="/v1/organisations/{organisation_id}/contacts", tags=["organisations"])


class NewContact(Body):
    """Which approved person of the organisation acts for it, and until when; without an end, until it is ended."""

    volunteer_id: UUID
    until: UtcTime | None = None


class ContactAnswer(BaseModel):
    """A contact. `acts` is false while the person is suspended or belongs to another organisation."""

    volunteer_id: UUID
    name: str | None
    since: datetime
    until: datetime | None
    appointed_by: UUID
    acts: bool


class Contacts(BaseModel):
    """The present contacts, the latest first, at most as many as fit a page."""

    contacts: Sequence[ContactAnswer]


@router.get("")
async def list_contacts(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
) -> Contacts:
    """List who acts for an organisation. Open to its contacts and to those who may read it (`acting_for`)."""
    await acting_for(parts, caller, organisation_id, Right.ORGANISATION_READ)
    found = await store.list_contacts(
        parts.pool, parts.ring, organisation_id, limit=PAGE_SIZE, reader=caller.subject, now=parts.clock.now()
    )
    return Contacts(
        contacts=[
            ContactAnswer(
                volunteer_id=row["person_id"],
                name=name,
                since=row["valid_from"],
                until=row["valid_to"],
                appointed_by=row["appointed_by"],
                acts=row["acts"],
            )
            for row, name in found
        ]
    )


@router.post("", status_code=204)
async def appoint_contact(
    organisation_id: UUID,
    body: NewContact,
    caller: Annotated[Principal, Depends(require(Right.GROUP_CODE_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> Response:
    """Let a person act for an organisation inside the caller's area: nobody hands on more than he has himself.

    Somebody who acts for it already gets the new end.
    """
    now = parts.clock.now()
    if body.until is not None and body.until <= now:
        raise unknown_field("until", "ต้องเป็นเวลาในอนาคต", "This has to lie in the future", code="out_of_range")
    if await find_organisation(parts.pool, organisation_id, within=caller.area) is None:
        raise not_found()
    if not await store.appoint_contact(
        parts.pool, organisation_id, body.volunteer_id, until=body.until, by=caller.subject, now=now
    ):
        raise unknown_field(
            "volunteer_id",
            "ไม่พบผู้ที่อนุมัติแล้วคนนี้ในหน่วยงาน",
            "There is no such approved person in this organisation",
        )
    return Response(status_code=204)


@router.delete("/{volunteer_id}", status_code=204)
async def end_contact(
    organisation_id: UUID,
    volunteer_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.GROUP_CODE_WRITE))],
    parts: Annotated[Parts, Depends(parts)],
) -> Response:
    """End it at once."""
    ended = await find_organisation(
        parts.pool, organisation_id, within=caller.area
    ) is not None and await store.end_contact(
        parts.pool, organisation_id, volunteer_id, by=caller.subject, now=parts.clock.now()
    )
    if not ended:
        raise not_found()
    return Response(status_code=204)
