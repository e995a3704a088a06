"""The places of the map, page by page."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.reporting import store
from services.reporting.answers import AsOf, PlacesAnswer
from services.reporting.http.answering import answer_kept
from services.reporting.http.areas import DIGITS, area_of
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.http.figures import overdue_since
from services.reporting.store import FIRST_PLACE, PlaceKey
from shared.postgres.pool import Connection

DEFAULT_PLACES: Final = 500
MOST_PLACES: Final = 2_000
"""About 700 KiB: the places of a large province in one answer."""

router = APIRouter(prefix="/v1")


@router.get("/places", responses={200: {"model": PlacesAnswer}})
async def places(
    request: Request,
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")] = "",
    cursor: Annotated[str | None, Query(max_length=60)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PLACES)] = DEFAULT_PLACES,
) -> Response:
    """Places for the map, in a fixed order. `cursor` of an answer leads to the next page; it is null on the last
    one."""
    inside = area_of(area).code
    after = FIRST_PLACE if cursor is None else place_of(cursor, _place_key)
    overdue_before = overdue_since(request)

    async def read(connection: Connection, as_of: AsOf) -> PlacesAnswer:
        found = await store.places(connection, inside, after, limit + 1, overdue_before)
        items = found[:limit]
        more = None
        if len(found) > limit:
            more = cursor_of(items[-1].area.encode() + UUID(items[-1].facility_id).bytes)
        return PlacesAnswer(inside, as_of, items, more)

    # Not behind by a moment, as figures may be: who is told live of a change asks at once, and asks once.
    return await answer_kept(request, (inside, after, limit), read, clock=overdue_before)


def _place_key(place: bytes) -> PlaceKey:
    if len(place) != DIGITS["subdistrict"] + 16:
        raise ValueError("not the length of a cursor")
    return place[:-16].decode("ascii"), UUID(bytes=place[-16:])
