"""/fhir: places and institutions for health systems, in HL7 FHIR R4. For anybody, without a key; read and search."""

import base64
import binascii
import struct
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.facilities.http.documents import as_json
from services.facilities.http.fhir.bundles import Shape, bundle, entry, shape_of
from services.facilities.http.fhir.capability import capability_statement
from services.facilities.http.fhir.definitions import EXTENSIONS, code_system
from services.facilities.http.fhir.locations import location_of
from services.facilities.http.fhir.organisations import organisation_of
from services.facilities.http.fhir.parameters import Asked, bad, split
from services.facilities.http.fhir.searches import (
    LOCATION,
    ORGANIZATION,
    LocationSearch,
    OrganizationSearch,
    location_search,
    organization_search,
    uuid_of,
)
from services.facilities.http.parts import database, reference_of
from services.facilities.http.public import answered
from services.facilities.store import locations, organisations, places
from services.facilities.store.horizon import horizon
from services.facilities.store.locations import of_codes
from services.facilities.store.places import UnknownFacility
from shared.postgres.pool import Connection
from shared.web.outcomes import MEDIA_TYPE
from shared.web.problems import Message, Problem

FORMATS: Final = ("json", "application/json", "application/fhir+json", "text/json")
ANSWER: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {MEDIA_TYPE: {}}}}
FOUND: Final[dict[int | str, dict[str, Any]]] = {**ANSWER, 404: {"description": "No resource has this id."}}
LONGEST_ID: Final = 64

router = APIRouter(prefix="/fhir")


@router.get("/metadata", responses=ANSWER)
async def read_metadata(request: Request) -> Response:
    """The CapabilityStatement."""
    return _static(request, capability_statement(_base(request)))


@router.get("/CodeSystem/{code_system_id}", responses=FOUND)
async def read_code_system(request: Request, code_system_id: str) -> Response:
    """The kinds of place."""
    found = code_system(reference_of(request).kinds)
    if code_system_id != found["id"]:
        raise _unknown()
    return _static(request, found)


@router.get("/StructureDefinition/{definition_id}", responses=FOUND)
async def read_definition(request: Request, definition_id: str) -> Response:
    """An extension of ours."""
    if definition_id not in EXTENSIONS:
        raise _unknown()
    return _static(request, EXTENSIONS[definition_id])


@router.get("/Location", responses=ANSWER)
async def find_locations(request: Request) -> Response:
    """Places as a Bundle, in the order of their ids, or with `near` the nearest first; parameters: /fhir/metadata."""
    asked = _asked(request, LOCATION)
    shape, search = shape_of(asked), location_search(asked, list(reference_of(request).kinds))
    after = None if shape.cursor is None else _read_cursor(shape.cursor, near=search.near is not None)
    return await _answered(request, lambda: _locations(request, asked, shape, search, after))


@router.get("/Location/{location_id}", responses=FOUND)
async def read_location(request: Request, location_id: str) -> Response:
    """A place as a Location, at its present revision."""
    facility_id = uuid_of(location_id)
    _check_format(request)
    if facility_id is None:
        raise _unknown()
    async with database(request) as connection:
        try:
            facility = await places.get(connection, facility_id)
        except UnknownFacility:
            raise _unknown() from None
    known = _not_since(request.headers.get("if-modified-since"), facility.updated_at)
    return _read(request, location_of(facility, reference_of(request).kinds), facility.updated_at, same=known)


@router.get("/Organization", responses=ANSWER)
async def find_organizations(request: Request) -> Response:
    """Institutions as a Bundle, in the order of their official codes; parameters: /fhir/metadata."""
    asked = _asked(request, ORGANIZATION)
    shape, search = shape_of(asked), organization_search(asked)
    after = "" if shape.cursor is None else _bytes(shape.cursor).decode("ascii", "replace").replace("\0", "")
    return await _answered(request, lambda: _organizations(request, asked, shape, search, after))


@router.get("/Organization/{organization_id}", responses=FOUND)
async def read_organization(request: Request, organization_id: str) -> Response:
    """The institution with an official code."""
    _check_format(request)
    if len(organization_id) > LONGEST_ID or "\0" in organization_id:
        raise _unknown()
    async with database(request) as connection:
        found = await organisations.page(connection, [of_codes([organization_id])], [], "", 1)
    if not found:
        raise _unknown()
    # Its last change is one of before when the place that was changed last leaves: the ETag alone tells what is known.
    return _read(request, organisation_of(found[0]), found[0].updated_at, same=False)


async def _locations(
    request: Request, asked: list[Asked], shape: Shape, search: LocationSearch, after: tuple[float, UUID] | None
) -> bytes:
    kinds, base = reference_of(request).kinds, _base(request)
    total, more, found = None, None, []
    async with database(request) as connection:
        until = await _until(connection, shape)
        if shape.total:
            total = await locations.count(connection, search.conditions, search.near)
        if search.near is not None and not shape.counted_only:
            near = await locations.near(connection, search.conditions, search.near, after, shape.count + 1)
            found = [entry(base, location_of(place, kinds), km) for km, place in near[: shape.count]]
            last = near[shape.count - 1] if len(near) > shape.count else None
            more = last and _write_cursor(last[1].facility_id, last[0])
        elif not shape.counted_only:
            page = await locations.page(connection, search.conditions, after and after[1], shape.count + 1)
            found = [entry(base, location_of(place, kinds)) for place in page[: shape.count]]
            more = _write_cursor(page[shape.count - 1].facility_id) if len(page) > shape.count else None
    told = bundle(base, "Location", asked, shape, entries=found, total=total, more=more, until=until)
    return as_json(told).encode()


async def _organizations(
    request: Request, asked: list[Asked], shape: Shape, search: OrganizationSearch, after: str
) -> bytes:
    base, total, more, found = _base(request), None, None, []
    async with database(request) as connection:
        until = await _until(connection, shape)
        if shape.total:
            total = await organisations.count(connection, search.narrowing, search.conditions)
        if not shape.counted_only:
            page = await organisations.page(connection, search.narrowing, search.conditions, after, shape.count + 1)
            found = [entry(base, organisation_of(each)) for each in page[: shape.count]]
            more = _encoded(page[shape.count - 1].code.encode()) if len(page) > shape.count else None
    told = bundle(base, "Organization", asked, shape, entries=found, total=total, more=more, until=until)
    return as_json(told).encode()


async def _until(connection: Connection, shape: Shape) -> datetime | None:
    """Before anything else is read, and for the first page alone: what changes while somebody reads on is after it."""
    return await horizon(connection) if shape.cursor is None else None


def _asked(request: Request, known: Any) -> list[Asked]:
    _check_format(request)
    strict = "handling=strict" in request.headers.get("prefer", "").replace(" ", "").lower()
    return split(request.query_params.multi_items(), known, strict=strict)


async def _answered(request: Request, make: Callable[[], Awaitable[bytes]]) -> Response:
    # The host stands in every address of the answer: one who names another host may not get what others are given.
    return await answered(request, MEDIA_TYPE, make, of=_base(request))


def _check_format(request: Request) -> None:
    """Raises a 406 problem where only XML or the like will do."""
    asked = request.query_params.get("_format")
    accepted = [part.partition(";")[0].strip() for part in (asked or request.headers.get("accept", "")).split(",")]
    if asked is None and any(part in ("", "*/*", "application/*") for part in accepted):
        return
    if not any(part.replace(" ", "+") in FORMATS for part in accepted):
        raise Problem(
            406,
            "not_acceptable",
            detail=Message("ตอบได้เฉพาะ JSON", "Answers are JSON only: application/fhir+json"),
        )


def _read(request: Request, resource: dict[str, Any], updated_at: datetime, *, same: bool) -> Response:
    """A resource with what makes the next reading of the same cheap (conditional read).

    same: whether the client has it already, where it names no ETag.
    """
    body = as_json(resource).encode()
    version = resource["meta"].get("versionId") or sha256(body).hexdigest()[:16]
    tag = f'W/"{version}"'
    headers = {
        "ETag": tag,
        "Last-Modified": format_datetime(updated_at.astimezone(UTC), usegmt=True),
        "Cache-Control": "no-cache",
    }
    known = request.headers.get("if-none-match")
    if known is not None:
        same = known.strip() == "*" or tag.removeprefix("W/") in known
    if same:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=MEDIA_TYPE)


def _not_since(header: str | None, updated_at: datetime) -> bool:
    try:
        return header is not None and parsedate_to_datetime(header) >= updated_at.replace(microsecond=0)
    except (ValueError, TypeError):  # no date, or one without a zone
        return False


def _static(request: Request, resource: dict[str, Any]) -> Response:
    _check_format(request)
    return Response(as_json(resource), media_type=MEDIA_TYPE, headers={"Cache-Control": "public, max-age=300"})


def _base(request: Request) -> str:
    return f"{request.base_url}fhir"


def _unknown() -> Problem:
    return Problem(404, detail=Message("ไม่มีทรัพยากรรหัสนี้", "There is no resource with this id"))


def _write_cursor(last: UUID, km: float | None = None) -> str:
    return _encoded(last.bytes + (b"" if km is None else struct.pack(">d", km)))


def _read_cursor(cursor: str, *, near: bool) -> tuple[float, UUID]:
    found = _bytes(cursor)
    if len(found) != (24 if near else 16):
        raise _no_cursor()
    return struct.unpack(">d", found[16:])[0] if near else 0.0, UUID(bytes=found[:16])


def _encoded(found: bytes) -> str:
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def _bytes(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _no_cursor() from None


def _no_cursor() -> Problem:
    return bad("_cursor", "unknown_cursor", "ไม่ใช่ลิงก์ที่ระบบนี้ให้ไว้", "This is no link that was given here")
