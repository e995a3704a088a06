"""/v1/facilities, /v1/facilities.geojson and /v1/counts: many places."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from services.facilities.domain.checks import unknown_kind
from services.facilities.domain.freshness import overdue_before
from services.facilities.domain.places import Facility
from services.facilities.http import cursors
from services.facilities.http.documents import FacilityPage, as_json, document, feature
from services.facilities.http.parts import area_of, clock_of, database, invalid, reference_of
from services.facilities.store import lists
from services.facilities.store.lists import Filters
from shared.contracts.events import FacilityStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body

DEFAULT_PAGE: Final = 100
MOST_PER_PAGE: Final = 500
"""About 300 KiB of answer: what a phone on a slow net gets within its patience."""

STREAM_ROWS: Final = 1_000
"""Places read at once for the map's file: the process never holds more of it, and a slow reader holds no connection."""

GEOJSON_MAX_AGE: Final = 30
"""Seconds that a browser or proxy may show the map's file before it asks again."""

KIND_LENGTH: Final = 40
"""Of the longest name that a kind may have."""

router = APIRouter(prefix="/v1")


class CountAnswer(Body):
    """How many places of a kind and status a subdistrict has."""

    area: str
    kind: str
    status: FacilityStatus
    places: int


async def _filters(
    request: Request,
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; all of the country without")] = "",
    kind: Annotated[str | None, Query(max_length=KIND_LENGTH)] = None,
    status: FacilityStatus | None = None,
    overdue: Annotated[bool, Query(description="Only places not confirmed for more than 7 days")] = False,
) -> Filters:
    """Which places are asked for."""
    if kind is not None and kind not in reference_of(request).kinds:
        raise invalid([unknown_kind("kind")])
    before = overdue_before(clock_of(request).now()) if overdue else None
    return Filters(area_of(area), kind, status, before)


Asked = Annotated[Filters, Depends(_filters)]


@router.get("/facilities", responses={200: {"model": FacilityPage}})
async def list_facilities(
    request: Request,
    filters: Asked,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PER_PAGE)] = DEFAULT_PAGE,
) -> Response:
    """Places in a fixed order. `cursor` of an answer leads to the next page; it is null on the last one."""
    after = None if cursor is None else cursors.read_id(cursor)
    async with database(request) as connection:
        found = await lists.page(connection, filters, after, limit + 1)
    items = [document(request, facility) for facility in found[:limit]]
    more = cursors.write_id(found[limit - 1].facility_id) if len(found) > limit else None
    return JSONResponse({"items": items, "cursor": more})


@router.get("/facilities.geojson", responses={200: {"content": {"application/geo+json": {}}}})
async def map_of_facilities(request: Request, filters: Asked) -> Response:
    """The same places as a GeoJSON FeatureCollection, for maps. One without a position has a null geometry."""
    async with database(request) as connection:  # a database that is away shows before the answer has begun
        first = await lists.page(connection, filters, None, STREAM_ROWS)
    return StreamingResponse(
        _features(request, filters, list(first)),
        media_type="application/geo+json",
        headers={"Cache-Control": f"public, max-age={GEOJSON_MAX_AGE}"},
    )


async def _features(request: Request, filters: Filters, rows: list[Facility]) -> AsyncIterator[str]:
    yield '{"type":"FeatureCollection","features":['
    between = ""
    while rows:
        yield between + ",".join(as_json(feature(request, facility)) for facility in rows)
        between = ","
        if len(rows) < STREAM_ROWS:
            break
        async with database(request) as connection:
            rows = list(await lists.page(connection, filters, rows[-1].facility_id, STREAM_ROWS))
    yield "]}"


@router.get("/counts", responses={200: {"model": list[CountAnswer]}})
async def read_counts(
    request: Request, principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))]
) -> Response:
    """Places by subdistrict, kind and status in the caller's area: the register's own word, for reconciliation."""
    async with database(request) as connection:
        found = await lists.counts(connection, principal.area)
    return JSONResponse(
        [{"area": each.area, "kind": each.kind, "status": each.status, "places": each.places} for each in found]
    )
