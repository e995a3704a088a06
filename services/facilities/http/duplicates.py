"""/v1/duplicates and /v1/facilities/{id}/merger: places that turned out to be one."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse

from services.facilities.domain.places import parted
from services.facilities.domain.violations import Violation
from services.facilities.http import cursors
from services.facilities.http.documents import FacilityAnswer, answer, document
from services.facilities.http.parts import (
    CONFLICT,
    STALE,
    UNKNOWN,
    Writer,
    actor_of,
    area_of,
    clock_of,
    database,
    expected_revision,
    invalid,
)
from services.facilities.store import duplicates, places
from services.facilities.store.duplicates import Reason
from services.facilities.store.places import OtherArea
from shared.web.authentication import area_asked
from shared.web.fields import Body

PAGE: Final = 50
"""Pairs that one looks through before lunch."""
WIDEST_DIGITS: Final = 2
"""Pairs are looked for in a province at most: some 1,300 places, a fifth of a second."""

router = APIRouter(prefix="/v1")


class PairAnswer(Body):
    """Two places that may be one, and why."""

    reason: Reason
    places: list[FacilityAnswer]


class PairPage(Body):
    """Pairs; `cursor` leads to the next ones and is null when there are none."""

    items: list[PairAnswer]
    cursor: str | None


class Dismissal(Body):
    """Two places that are two."""

    one: UUID
    other: UUID


class Merger(Body):
    """Into which place another one goes."""

    into: UUID


@router.get("/duplicates", responses={200: {"model": PairPage}})
async def list_duplicates(
    request: Request,
    principal: Writer,
    area: Annotated[str | None, Query(max_length=20)] = None,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
) -> Response:
    """Open places of one kind with the same official code, or with similar names within half a kilometre; of which the
    first lies in the area, a province at most."""
    asked = area_asked(principal, None if area is None else area_of(area))
    if len(asked) < WIDEST_DIGITS:
        raise invalid([Violation("area", "too_wide", "โปรดเลือกจังหวัด", "Please choose a province")])
    after = cursors.read_ids(cursor) if cursor else (UUID(int=0), UUID(int=0))
    async with database(request) as connection:
        found = await duplicates.pairs(connection, asked, after, PAGE + 1)
    shown = found[:PAGE]
    items = [
        {"reason": pair.reason, "places": [document(request, pair.one), document(request, pair.other)]}
        for pair in shown
    ]
    last = shown[-1] if len(found) > PAGE else None
    more = cursors.write_ids(last.one.facility_id, last.other.facility_id) if last else None
    return JSONResponse({"items": items, "cursor": more})


@router.post("/duplicates/dismissals", status_code=204)
async def dismiss_duplicate(request: Request, body: Dismissal, principal: Writer) -> None:
    """Says that two places are two; they are not suggested again."""
    async with database(request) as connection:
        if not await duplicates.dismiss(connection, body.one, body.other, actor_of(principal), clock_of(request).now()):
            raise OtherArea


@router.post("/facilities/{facility_id}/merger", responses={200: {"model": FacilityAnswer}, 404: UNKNOWN, 412: STALE})
async def merge_facility(
    request: Request,
    facility_id: UUID,
    body: Merger,
    principal: Writer,
    if_match: Annotated[str | None, Header(description="The ETag of the place that goes into the other")] = None,
) -> Response:
    """Says that a place is another one, which stays as it is. Its history is kept, and its id leads to the other."""
    if body.into == facility_id:
        raise invalid([Violation("into", "itself", "เป็นสถานที่เดียวกัน", "This is the place itself")])
    expected = expected_revision(if_match)
    async with database(request) as connection:
        facility = await duplicates.merge(
            connection, facility_id, body.into, actor_of(principal), clock_of(request).now(), expected=expected
        )
    return answer(request, facility)


@router.delete(
    "/facilities/{facility_id}/merger", responses={200: {"model": FacilityAnswer}, 404: UNKNOWN, 409: CONFLICT}
)
async def part_facility(request: Request, facility_id: UUID, principal: Writer) -> Response:
    """Takes a merger back: the place is itself again, and closed until a PUT opens it."""
    now = clock_of(request).now()
    async with database(request) as connection:
        facility = await places.change(connection, facility_id, actor_of(principal), lambda before: parted(before, now))
    return answer(request, facility)
