"""Who may act for an organisation: whoever has the right in its area, and its contacts, whatever their role."""

from __future__ import annotations

from uuid import UUID

from services.registration.domain.people import Organisation
from services.registration.http.parts import Parts
from services.registration.http.refusals import not_found
from services.registration.store.contacts import organisation_of_contact
from services.registration.store.organisations import find_organisation
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand


async def acting_for(parts: Parts, caller: Principal, organisation_id: UUID, right: Right) -> Organisation:
    """Give the organisation if the caller may act for it. Raises a 404 problem for who has `right` but elsewhere, a
    403 problem for who has it nowhere."""
    if caller.may(right):
        organisation = await find_organisation(parts.pool, organisation_id, within=caller.area)
        if organisation is not None:
            return organisation
    organisation = await organisation_of_contact(parts.pool, organisation_id, caller.subject, now=parts.clock.now())
    if organisation is not None:
        return organisation
    demand(caller, right)
    raise not_found()
