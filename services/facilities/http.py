"""The routes of the register. Places are public: reading needs no token; writing needs the right and the area."""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import asyncpg
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, StrictFloat, StrictInt, StrictStr, model_validator

from services.facilities import domain, store
from services.facilities.domain import Contact, Content, Facility, Hours, InvalidContent, Position, Violation
from services.facilities.store import Actor, Filters
from shared.contracts.events import Day, FacilityKind, FacilityStatus
from shared.observability.clock import Clock
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.problems import FieldError, Message, Problem

MAX_BODY_BYTES: Final = 64 * 1024
"""A place with every field at its longest, every character escaped, takes below 40 KiB."""

DEFAULT_PAGE: Final = 100
MOST_PER_PAGE: Final = 500
"""About 300 KiB of answer: what a phone on a slow net gets within its patience."""

STREAM_ROWS: Final = 1_000
"""Places read at once for the map's file: the process never holds more of it, and a slow reader holds no connection."""

GEOJSON_MAX_AGE: Final = 30
"""Seconds that a browser or proxy may show the map's file before it asks again."""

READ_ONLY: Final = frozenset({"created_at", "updated_at", "confirmed_at", "revision", "overdue"})
"""Given in answers and ignored in requests, so that an answer can be edited and sent back."""

_REVISION: Final = re.compile(r'"([1-9][0-9]{0,8})"')


class _Body(BaseModel):
    """What may stand in a body: nothing that is not named, since a misspelt field would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PositionBody(_Body):
    """WGS 84, in degrees."""

    lat: StrictFloat
    lon: StrictFloat


class HoursBody(_Body):
    """One span of a day, local time; past midnight it closes earlier than it opens, a whole day is 00:00 to 24:00."""

    days: list[Day]
    open: StrictStr
    close: StrictStr


class ContactBody(_Body):
    """The institution's public contact, never a person's own."""

    phone: StrictStr | None = None
    email: StrictStr | None = None
    website: StrictStr | None = None


class FacilityFields(_Body):
    """What is said about a place, in requests and answers alike."""

    kind: FacilityKind
    name: StrictStr
    area: StrictStr
    official_code: StrictStr | None = None
    position: PositionBody | None = None
    status: FacilityStatus = FacilityStatus.OPEN
    capacity: StrictInt | None = None
    free: StrictInt | None = None
    hours: list[HoursBody] = []
    hours_note: StrictStr | None = None
    services: list[StrictStr] = []
    contact: ContactBody = ContactBody()


class FacilityBody(FacilityFields):
    """A place as its officer enters it."""

    facility_id: UUID | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, data: Any) -> Any:
        return (
            {name: value for name, value in data.items() if name not in READ_ONLY} if isinstance(data, dict) else data
        )

    def content(self) -> Content:
        """The content in its one spelling; raises a problem that names every bad field."""
        draft = Content(
            kind=self.kind,
            name=self.name,
            area=self.area,
            official_code=self.official_code,
            position=None if self.position is None else Position(self.position.lat, self.position.lon),
            status=self.status,
            capacity=self.capacity,
            free=self.free,
            hours=tuple(Hours(tuple(span.days), span.open, span.close) for span in self.hours),
            hours_note=self.hours_note,
            services=tuple(self.services),
            contact=Contact(self.contact.phone, self.contact.email, self.contact.website),
        )
        try:
            return domain.checked(draft)
        except InvalidContent as error:
            raise _invalid(error.violations) from None


class FacilityAnswer(FacilityFields):
    """A place as the register holds it. overdue: not confirmed for more than 7 days, and not closed."""

    facility_id: UUID
    created_at: AwareDatetime
    updated_at: AwareDatetime
    confirmed_at: AwareDatetime
    revision: StrictInt
    overdue: bool


class FacilityPage(_Body):
    """Some places; `cursor` leads to the next ones and is null when there are none."""

    items: list[FacilityAnswer]
    cursor: str | None


class CountAnswer(_Body):
    """How many places of a kind and status a subdistrict has."""

    area: str
    kind: FacilityKind
    status: FacilityStatus
    places: int


def _invalid(violations: Iterable[Violation]) -> Problem:
    return Problem(
        400, "invalid", errors=[FieldError(each.path, each.code, Message(each.th, each.en)) for each in violations]
    )


def _area(text: str) -> str:
    try:
        return domain.checked_area(text)
    except InvalidContent as error:
        raise _invalid(error.violations) from None


_ANSWER: Final[dict[str, Any]] = {"model": FacilityAnswer, "description": "The place; its ETag is its revision."}
_UNKNOWN: Final[dict[str, Any]] = {"description": "No place has this id."}
_CONFLICT: Final[dict[str, Any]] = {"description": "The id stands for another place, or the place is closed."}
_STALE: Final[dict[str, Any]] = {"description": "Somebody else has changed it; `current_revision` says to which."}
_UNNAMED: Final[dict[str, Any]] = {"description": "If-Match is missing."}

Writer = Annotated[Principal, Depends(require(Right.FACILITY_WRITE))]
router = APIRouter(prefix="/v1")


def _clock(request: Request) -> Clock:
    clock: Clock = request.app.state.clock
    return clock


def _actor(principal: Principal) -> Actor:
    return Actor(principal.subject, principal.organisation, principal.role, principal.area)


@asynccontextmanager
async def _database(request: Request) -> AsyncIterator[Connection]:
    """A connection for one answer. What the store refuses, or a database that is away, becomes a problem document."""
    pool: asyncpg.Pool[asyncpg.Record] = request.app.state.pool
    try:
        async with acquire(pool) as connection:
            yield connection
    except UNREACHABLE:
        raise Problem(
            503,
            detail=Message(
                "ฐานข้อมูลไม่ตอบ ไม่ทราบว่าบันทึกแล้วหรือไม่ โปรดส่งซ้ำเหมือนเดิม",
                "The database does not answer; whether it was stored is not known. Please send the same again",
            ),
            headers={"Retry-After": "2"},
        ) from None
    except store.UnknownFacility:
        raise Problem(404, detail=Message("ไม่มีสถานที่รหัสนี้", "There is no place with this id")) from None
    except store.OtherArea:
        raise Problem(
            403, "other_area", detail=Message("สถานที่อยู่นอกพื้นที่ของท่าน", "The place lies outside your area")
        ) from None
    except store.IdTaken:
        raise Problem(
            409,
            "facility_id_taken",
            detail=Message(
                "รหัสนี้ใช้กับสถานที่อื่นแล้ว การแก้ไขให้ใช้ PUT",
                "This id was entered before with other content; changes are made with PUT",
            ),
        ) from None
    except domain.ClosedFacility:
        raise Problem(
            409,
            "facility_closed",
            detail=Message("สถานที่ปิดแล้ว หากเปิดอีกให้ใช้ PUT", "The place is closed; open it again with PUT"),
        ) from None
    except store.StaleRevision as error:
        raise Problem(
            412,
            detail=Message(
                f"มีผู้แก้ไขไปแล้ว รุ่นปัจจุบันคือ {error.current}",
                f"Somebody else has changed it; the current revision is {error.current}",
            ),
            headers={"ETag": f'"{error.current}"'},
            members={"current_revision": error.current},
        ) from None


@router.post("/facilities", status_code=201, responses={200: _ANSWER, 201: _ANSWER, 409: _CONFLICT})
async def create_facility(request: Request, body: FacilityBody, principal: Writer) -> Response:
    """Enters a place.

    With a `facility_id` of the client's own making a repetition is safe: it gives the place that is there (200).
    Without one, each request enters another place.
    """
    content = body.content()
    demand_area(principal, content.area)
    now = _clock(request).now()
    async with _database(request) as connection:
        facility, new = await store.create(connection, body.facility_id or uuid4(), content, _actor(principal), now)
    headers = {"Location": f"/v1/facilities/{facility.facility_id}"}
    return _answer(request, facility, status=201 if new else 200, headers=headers)


@router.put("/facilities/{facility_id}", responses={200: _ANSWER, 404: _UNKNOWN, 412: _STALE, 428: _UNNAMED})
async def update_facility(
    request: Request,
    facility_id: UUID,
    body: FacilityBody,
    principal: Writer,
    if_match: Annotated[str | None, Header(description='The ETag of the revision that was seen, such as "3"')] = None,
) -> Response:
    """Enters the whole content anew. Content that does not differ counts as a confirmation."""
    if body.facility_id not in (None, facility_id):
        path = "facility_id"
        raise _invalid([Violation(path, "not_this_facility", "ไม่ตรงกับรหัสในที่อยู่", "This is not the id in the address")])
    if if_match is None:
        raise Problem(
            428,
            detail=Message(
                "ต้องส่ง If-Match พร้อม ETag ของรุ่นที่แก้ไข",
                "Send If-Match with the ETag of the revision that you have changed",
            ),
        )
    expected = _revision(if_match)
    content = body.content()
    demand_area(principal, content.area)
    now = _clock(request).now()
    async with _database(request) as connection:
        facility = await store.change(
            connection,
            facility_id,
            _actor(principal),
            lambda before: domain.updated(before, content, now),
            expected=expected,
        )
    return _answer(request, facility)


@router.post(
    "/facilities/{facility_id}/confirmation", responses={200: _ANSWER, 404: _UNKNOWN, 409: _CONFLICT, 412: _STALE}
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
    expected = None if if_match is None else _revision(if_match)
    now = _clock(request).now()
    async with _database(request) as connection:
        facility = await store.change(
            connection, facility_id, _actor(principal), lambda before: domain.confirmed(before, now), expected=expected
        )
    return _answer(request, facility)


def _revision(if_match: str) -> int:
    """The revision of a strong ETag. A list, a weak one or `*` would not say which revision was seen."""
    found = _REVISION.fullmatch(if_match.strip())
    if found is None:
        raise _invalid(
            [Violation("if-match", "wrong_form", 'ต้องเป็น ETag ค่าเดียว เช่น "3"', 'This has to be one ETag, such as "3"')]
        )
    return int(found[1])


async def _filters(
    request: Request,
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; all of the country without")] = "",
    kind: FacilityKind | None = None,
    status: FacilityStatus | None = None,
    overdue: Annotated[bool, Query(description="Only places not confirmed for more than 7 days")] = False,
) -> Filters:
    """Which places are asked for."""
    before = domain.overdue_before(_clock(request).now()) if overdue else None
    return Filters(_area(area), kind, status, before)


Asked = Annotated[Filters, Depends(_filters)]


@router.get("/facilities", responses={200: {"model": FacilityPage}})
async def list_facilities(
    request: Request,
    filters: Asked,
    cursor: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_PER_PAGE)] = DEFAULT_PAGE,
) -> Response:
    """Places in a fixed order. `cursor` of an answer leads to the next page; it is null on the last one."""
    after = None if cursor is None else _after(cursor)
    async with _database(request) as connection:
        found = await store.page(connection, filters, after, limit + 1)
    items = [_document(request, facility) for facility in found[:limit]]
    more = _cursor(found[limit - 1].facility_id) if len(found) > limit else None
    return JSONResponse({"items": items, "cursor": more})


@router.get("/facilities.geojson", responses={200: {"content": {"application/geo+json": {}}}})
async def map_of_facilities(request: Request, filters: Asked) -> Response:
    """The same places as a GeoJSON FeatureCollection, for maps. One without a position has a null geometry."""
    async with _database(request) as connection:  # a database that is away shows before the answer has begun
        first = await store.page(connection, filters, None, STREAM_ROWS)
    return StreamingResponse(
        _features(request, filters, list(first)),
        media_type="application/geo+json",
        headers={"Cache-Control": f"public, max-age={GEOJSON_MAX_AGE}"},
    )


async def _features(request: Request, filters: Filters, rows: list[Facility]) -> AsyncIterator[str]:
    yield '{"type":"FeatureCollection","features":['
    between = ""
    while rows:
        yield between + ",".join(_json(_feature(request, facility)) for facility in rows)
        between = ","
        if len(rows) < STREAM_ROWS:
            break
        async with _database(request) as connection:
            rows = list(await store.page(connection, filters, rows[-1].facility_id, STREAM_ROWS))
    yield "]}"


def _feature(request: Request, facility: Facility) -> dict[str, Any]:
    document = _document(request, facility)
    position = document.pop("position")
    return {
        "type": "Feature",
        "id": document["facility_id"],
        "geometry": position and {"type": "Point", "coordinates": [position["lon"], position["lat"]]},
        "properties": document,
    }


@router.get("/facilities/{facility_id}", responses={200: _ANSWER, 404: _UNKNOWN})
async def read_facility(request: Request, facility_id: UUID) -> Response:
    """One place; its ETag is its revision."""
    async with _database(request) as connection:
        facility = await store.get(connection, facility_id)
    return _answer(request, facility)


@router.get("/counts", responses={200: {"model": list[CountAnswer]}})
async def read_counts(
    request: Request, principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))]
) -> Response:
    """Places by subdistrict, kind and status in the caller's area: the register's own word, for reconciliation."""
    async with _database(request) as connection:
        found = await store.counts(connection, principal.area)
    return JSONResponse(
        [{"area": each.area, "kind": each.kind, "status": each.status, "places": each.places} for each in found]
    )


def _answer(
    request: Request, facility: Facility, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return JSONResponse(
        _document(request, facility),
        status_code=status,
        headers={"ETag": f'"{facility.revision}"', **(headers or {})},
    )


def _document(request: Request, facility: Facility) -> dict[str, Any]:
    """A place as it is answered: the fields of its event, and whether it is overdue."""
    content = facility.content
    position = content.position
    return {
        "facility_id": str(facility.facility_id),
        "kind": content.kind,
        "name": content.name,
        "official_code": content.official_code,
        "area": content.area,
        "position": position and {"lat": position.lat, "lon": position.lon},
        "status": content.status,
        "capacity": content.capacity,
        "free": content.free,
        "hours": [{"days": list(span.days), "open": span.open, "close": span.close} for span in content.hours],
        "hours_note": content.hours_note,
        "services": list(content.services),
        "contact": {
            "phone": content.contact.phone,
            "email": content.contact.email,
            "website": content.contact.website,
        },
        "created_at": facility.created_at.isoformat().replace("+00:00", "Z"),
        "updated_at": facility.updated_at.isoformat().replace("+00:00", "Z"),
        "confirmed_at": facility.confirmed_at.isoformat().replace("+00:00", "Z"),
        "revision": facility.revision,
        "overdue": domain.is_overdue(facility, _clock(request).now()),
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _cursor(facility_id: UUID) -> str:
    return base64.urlsafe_b64encode(facility_id.bytes).decode().rstrip("=")


def _after(cursor: str) -> UUID:
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise _invalid(
            [
                Violation(
                    "cursor", "unknown_cursor", "ไม่ใช่ cursor ที่ระบบนี้ให้ไว้", "This is not a cursor that was given here"
                )
            ]
        ) from None
