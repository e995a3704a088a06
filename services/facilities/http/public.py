"""/v1/public/places: what is open near me. For anybody, without a key; only what a sign at the door would say."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from math import isfinite
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as Sent

from services.facilities.cached import Answer, Cache
from services.facilities.domain.checks import unknown_kind
from services.facilities.domain.hours import open_at
from services.facilities.domain.places import Facility, Position
from services.facilities.domain.violations import Violation
from services.facilities.http import cursors
from services.facilities.http.documents import as_json, document
from services.facilities.http.lists import KIND_LENGTH
from services.facilities.http.parts import area_of, clock_of, database, invalid, reference_of
from services.facilities.store import finding, places
from services.facilities.store.finding import Box, Group, Moment, Point, Sought
from shared.contracts.events import FacilityStatus
from shared.web.problems import Problem

MOST: Final = 100
"""Places in an answer: more is looked at on a map."""
NEAREST: Final = 20
FARTHEST_KM: Final = 200.0
"""Who is farther from everything asks for a province instead."""
TEXT_LENGTH: Final = 100
MOST_KINDS: Final = 20
MAX_AGE_SECONDS: Final = 15
"""A browser or proxy shows an answer for so long before it asks again."""
PREFIX: Final = "/v1/public/places"
OPEN_TO_PAGES: Final = (PREFIX, "/fhir/", "/dhis2/")
PRIVATE: Final = ("organisation_id", "revision", "created_at", "merged_into")
"""Fields of the register's own keeping."""

router = APIRouter(prefix=PREFIX)

Coordinates = Annotated[str | None, Query(max_length=60, pattern=r"^-?[0-9.]+,-?[0-9.]+$", examples=["18.79,98.98"])]
Corners = Annotated[
    str | None, Query(max_length=120, pattern=r"^-?[0-9.]+(,-?[0-9.]+){3}$", examples=["98.9,18.7,99.1,18.9"])
]


async def _sought(
    request: Request,
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits")] = "",
    kind: Annotated[list[Annotated[str, Query(max_length=KIND_LENGTH)]], Query(max_length=MOST_KINDS)] = [],  # noqa: B006
    status: FacilityStatus | None = None,
    service: Annotated[str | None, Query(max_length=40)] = None,
    q: Annotated[str | None, Query(max_length=TEXT_LENGTH, description="Stands anywhere in the name")] = None,
) -> Sought:
    """Which places are asked for; closed ones by their status alone."""
    for index, each in enumerate(kind):
        if each not in reference_of(request).kinds:
            raise invalid([unknown_kind(f"kind[{index}]")])
    return Sought(area_of(area), tuple(kind), status, service, (q or "").replace("\0", "").strip() or None)


Asked = Annotated[Sought, Depends(_sought)]
OpenNow = Annotated[bool, Query(description="Only places that are known to be open now")]


@router.get("")
async def find_places(
    request: Request,
    sought: Asked,
    near: Coordinates = None,
    within_km: Annotated[float, Query(gt=0, le=FARTHEST_KM)] = FARTHEST_KM,
    open_now: OpenNow = False,
    cursor: Annotated[str | None, Query(max_length=1_500)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = NEAREST,
) -> Response:
    """Places in the order of their names, or with `near` (latitude, longitude) the nearest first, each with
    `distance_km`. `cursor` leads on in the order of names; the nearest are one page. With `open_now` a page in the
    order of names may hold fewer places, or none, and lead on."""
    now = clock_of(request).now()
    position = None if near is None else _position(near)
    after = ("", UUID(int=0)) if cursor is None else cursors.read_name(cursor)

    async def make() -> bytes:
        async with database(request) as connection:
            if position is not None:
                found = await finding.nearest(
                    connection,
                    sought,
                    position,
                    within_km=within_km,
                    limit=limit,
                    open_at=Moment(now, reference_of(request).holidays) if open_now else None,
                )
                items = [_public(request, each) | {"distance_km": round(away, 3)} for away, each in found]
                return as_json({"items": items, "cursor": None}).encode()
            page = await finding.named(connection, sought, after, limit + 1)
        more = cursors.write_name(*_place(page[limit - 1])) if len(page) > limit else None
        shown = [each for _, each in page[:limit] if not open_now or _is_open(request, each, now)]
        return as_json({"items": [_public(request, each) for each in shown], "cursor": more}).encode()

    return await answered(request, "application/json", make)


@router.get(".geojson", responses={200: {"content": {"application/geo+json": {}}}})
async def map_of_places(request: Request, sought: Asked, bbox: Corners = None) -> Response:
    """The places in a box (west, south, east, north) as GeoJSON: each by itself, or where they are more than 2,000 as
    groups of a kind, with `places`."""
    box = _box(bbox) if bbox is not None else Box(97.2, 5.5, 105.8, 20.6)

    async def make() -> bytes:
        async with database(request) as connection:
            found = await finding.on_map(connection, sought, box)
        return as_json({"type": "FeatureCollection", "features": [_feature(each) for each in found]}).encode()

    return await answered(request, "application/geo+json", make)


@router.get("/{facility_id}", responses={404: {"description": "No place has this id."}})
async def read_place(request: Request, facility_id: UUID) -> Response:
    """One place; of one that turned out to be another, that other one."""

    async def make() -> bytes:
        async with database(request) as connection:
            facility = await places.survivor(connection, facility_id)
        return as_json(_public(request, facility)).encode()

    return await answered(request, "application/json", make)


async def answered(
    request: Request, media_type: str, make: Callable[[], Awaitable[bytes]], *, of: str = ""
) -> Response:
    """The kept answer to this address, or that the client has it already. of: what it depends on besides."""
    cache: Cache = request.app.state.cache
    asked = sha256(f"{of} {request.url.path}?{request.url.query}".encode()).digest()  # however long the question
    answer: Answer = await cache.get(asked, make)
    headers = {
        "ETag": answer.tag,
        "Cache-Control": f"public, max-age={MAX_AGE_SECONDS}",
        "Vary": "Accept-Encoding",
    }
    known = request.headers.get("if-none-match", "")
    if answer.tag in known or known.strip() == "*":
        return Response(status_code=304, headers=headers)
    if answer.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(answer.packed, headers=headers, media_type=media_type)
    return Response(answer.body, headers=headers, media_type=media_type)


class OpenToPages:
    """Lets pages of any origin read the public interface, and why they were refused."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the header to what is answered below `OPEN_TO_PAGES`, unless a nearer rule has said more."""
        if scope["type"] != "http" or not scope["path"].startswith(OPEN_TO_PAGES):
            await self._app(scope, receive, send)
            return

        async def opened(message: Sent) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Access-Control-Allow-Origin", "*")
            await send(message)

        await self._app(scope, receive, opened)


def _place(one: tuple[str, Facility]) -> tuple[str, UUID]:
    return one[0], one[1].facility_id


def _is_open(request: Request, facility: Facility, now: datetime) -> bool:
    return open_at(facility.content, reference_of(request).holidays, now) is True


def _public(request: Request, facility: Facility) -> dict[str, Any]:
    return {name: value for name, value in document(request, facility).items() if name not in PRIVATE}


def _feature(one: Point | Group) -> dict[str, Any]:
    properties: dict[str, Any] = {"kind": one.kind}
    if isinstance(one, Point):
        properties |= {"facility_id": str(one.facility_id), "name": one.name, "status": one.status}
    else:
        properties["places"] = one.places
    point = {"type": "Point", "coordinates": [round(one.position.lon, 6), round(one.position.lat, 6)]}
    return {"type": "Feature", "geometry": point, "properties": properties}


def _position(text: str) -> Position:
    lat, lon = _numbers(text, "near")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise _not_a_place("near")
    return Position(lat, lon)


def _box(text: str) -> Box:
    west, south, east, north = _numbers(text, "bbox")
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise _not_a_place("bbox")
    return Box(west, south, east, north)


def _numbers(text: str, path: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise _not_a_place(path) from None
    if not all(map(isfinite, numbers)):
        raise _not_a_place(path)
    return numbers


def _not_a_place(path: str) -> Problem:
    return invalid([Violation(path, "not_a_position", "ต้องเป็นพิกัดองศา", "These have to be degrees")])
