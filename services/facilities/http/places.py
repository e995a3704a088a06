"""/v1/facilities: entering, changing, confirming and reading one place."""

from dataclasses import replace
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Header, Request, Response

from services.facilities.domain.places import Change, Content, Facility, confirmed, updated
from services.facilities.domain.violations import Violation
from services.facilities.http.bodies import FacilityBody
from services.facilities.http.documents import FacilityAnswer, answer
from services.facilities.http.parts import (
    CONFLICT,
    STALE,
    UNKNOWN,
    UNNAMED,
    Writer,
    actor_of,
    clock_of,
    database,
    expected_revision,
    invalid,
    reference_of,
)
from services.facilities.store import places
from shared.contracts.events import Role
from shared.security.principal import Principal
from shared.web.authentication import demand_area
from shared.web.problems import Message, Problem

_ANSWER: Final[dict[str, Any]] = {"model": FacilityAnswer, "description": "The place; its ETag is its revision."}

router = APIRouter(prefix="/v1")


@router.post("/facilities", status_code=201, responses={200: _ANSWER, 201: _ANSWER, 409: CONFLICT})
async def create_facility(request: Request, body: FacilityBody, principal: Writer) -> Response:
    """Enters a place, kept by the caller's organisation unless another is named.

    With a `facility_id` of the client's own making a repetition is safe: it gives the place that is there (200).
    Without one, each request enters another place.
    """
    content = _content(request, body, principal)
    if content.organisation_id is None:
        content = replace(content, organisation_id=principal.organisation)
    now = clock_of(request).now()
    facility_id = body.facility_id or uuid4()
    async with database(request) as connection:
        facility, new = await places.create(
            connection, facility_id, content, actor_of(principal), now, shared_code=body.shared_code
        )
    headers = {"Location": f"/v1/facilities/{facility.facility_id}"}
    return answer(request, facility, status=201 if new else 200, headers=headers)


@router.put(
    "/facilities/{facility_id}", responses={200: _ANSWER, 404: UNKNOWN, 409: CONFLICT, 412: STALE, 428: UNNAMED}
)
async def update_facility(
    request: Request,
    facility_id: UUID,
    body: FacilityBody,
    principal: Writer,
    if_match: Annotated[str | None, Header(description='The ETag of the revision that was seen, such as "3"')] = None,
) -> Response:
    """Enters the whole content anew; without `organisation_id` the place stays with who keeps it. Content that does not
    differ counts as a confirmation."""
    if body.facility_id not in (None, facility_id):
        path = "facility_id"
        raise invalid([Violation(path, "not_this_facility", "ไม่ตรงกับรหัสในที่อยู่", "This is not the id in the address")])
    expected = expected_revision(if_match)
    content = _content(request, body, principal)
    now = clock_of(request).now()

    def decide(before: Facility) -> Change:
        organisation = content.organisation_id or before.content.organisation_id
        return updated(before, replace(content, organisation_id=organisation), now)

    async with database(request) as connection:
        facility = await places.change(
            connection, facility_id, actor_of(principal), decide, expected=expected, shared_code=body.shared_code
        )
    return answer(request, facility)


@router.post(
    "/facilities/{facility_id}/confirmation", responses={200: _ANSWER, 404: UNKNOWN, 409: CONFLICT, 412: STALE}
)
async def confirm_facility(
    request: Request,
    facility_id: UUID,
    principal: Writer,
    if_match: Annotated[
        str | None, Header(description="Confirms this revision only; without it, the present one")
    ] = None,
) -> Response:
    """Says that nothing changed: the data is good for another week."""
    expected = None if if_match is None else expected_revision(if_match)
    now = clock_of(request).now()
    async with database(request) as connection:
        facility = await places.change(
            connection, facility_id, actor_of(principal), lambda before: confirmed(before, now), expected=expected
        )
    return answer(request, facility)


@router.get("/facilities/{facility_id}", responses={200: _ANSWER, 404: UNKNOWN})
async def read_facility(request: Request, facility_id: UUID) -> Response:
    """One place; its ETag is its revision. The id of one that turned out to be another leads to that other."""
    async with database(request) as connection:
        facility = await places.survivor(connection, facility_id)
    return answer(request, facility, headers={"Content-Location": f"/v1/facilities/{facility.facility_id}"})


def _content(request: Request, body: FacilityBody, principal: Principal) -> Content:
    """What is entered, which has to lie in the caller's area and, for an officer, with his own organisation."""
    content = body.content(reference_of(request).kinds)
    demand_area(principal, content.area)
    own = content.organisation_id in (None, principal.organisation)
    if principal.role is Role.PLACE_OFFICER and not own:
        raise Problem(
            403,
            "other_organisation",
            detail=Message("หน่วยงานนี้ไม่ใช่หน่วยงานของท่าน", "This is not your organisation"),
        )
    return content
