"""/v1/organisations/{id}/volunteers: an organisation's people, for itself and for who reads volunteers of its area."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.registration.http.acting import acting_for
from services.registration.http.cursors import CursorText
from services.registration.http.fields import Phone
from services.registration.http.parts import Parts, parts
from services.registration.http.volunteers import VolunteerPage, find_volunteers
from services.registration.store.lists import Sought
from shared.contracts.events import VolunteerStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import signed_in

router = APIRouter(prefix="/v1/organisations/{organisation_id}/volunteers", tags=["organisations"])


@router.get("")
async def list_members(
    organisation_id: UUID,
    caller: Annotated[Principal, Depends(signed_in)],
    parts: Annotated[Parts, Depends(parts)],
    status: Annotated[VolunteerStatus | None, Query()] = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    phone: Annotated[Phone | None, Query()] = None,
    cursor: CursorText = None,
) -> VolunteerPage:
    """List the people of an organisation, with names and numbers, as `GET /v1/volunteers` does; recorded as there.

    Open to the organisation's contacts, who entered most of them, and to those who read volunteers of its area
    (`acting_for`).
    """
    organisation = await acting_for(parts, caller, organisation_id, Right.VOLUNTEER_READ)
    sought = Sought(organisation.area, status, organisation_id)
    return await find_volunteers(parts, caller, sought, name, phone, cursor)
