"""What the volunteers of one organisation did: for its own people, and for coordinators."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.reporting import store
from services.reporting.answers import OrganisationAnswer
from services.reporting.http.answering import answer, snapshot
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, require

MOST_MONTHS: Final = 24
"""Two years: longer than the campaign."""

router = APIRouter(prefix="/v1")


@router.get("/organisations/{organisation_id}/results", responses={200: {"model": OrganisationAnswer}})
async def results(
    request: Request,
    organisation_id: UUID,
    reader: Annotated[Principal, Depends(require(Right.ORGANISATION_READ, unless="one of the organisation's people"))],
) -> Response:
    """Visits and active volunteers by month, for two years. An organisation that nobody surveyed for has no months.

    Reporting knows no area of an organisation: coordinators and administrators see any, as sums without persons.
    """
    if reader.organisation != organisation_id:
        demand(reader, Right.ORGANISATION_READ)
    async with snapshot(request) as (connection, as_of):
        months = await store.organisation_months(connection, organisation_id, MOST_MONTHS)
    return await answer(request, OrganisationAnswer(organisation_id, as_of, months))
