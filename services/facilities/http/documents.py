"""A place as it is answered: the fields of its event, and what follows from the hour."""

import json
from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, StrictInt

from services.facilities.domain.freshness import is_overdue
from services.facilities.domain.hours import open_at
from services.facilities.domain.places import Facility
from services.facilities.fields import FacilityFields, content_document
from services.facilities.http.parts import clock_of, reference_of
from shared.web.fields import Body


class FacilityAnswer(FacilityFields):
    """A place as the register holds it.

    overdue: not confirmed for more than 7 days, and not closed; open_now: null where its hours are not known;
    merged_into: the place that it turned out to be.
    """

    facility_id: UUID
    created_at: AwareDatetime
    updated_at: AwareDatetime
    confirmed_at: AwareDatetime
    revision: StrictInt
    overdue: bool
    open_now: bool | None
    merged_into: UUID | None


class FacilityPage(Body):
    """Some places; `cursor` leads to the next ones and is null when there are none."""

    items: list[FacilityAnswer]
    cursor: str | None


def answer(
    request: Request, facility: Facility, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """One place; its ETag is its revision."""
    return JSONResponse(
        document(request, facility),
        status_code=status,
        headers={"ETag": f'"{facility.revision}"', **(headers or {})},
    )


def document(request: Request, facility: Facility) -> dict[str, Any]:
    """One place, for an answer of this request."""
    return document_at(facility, clock_of(request).now(), reference_of(request).holidays)


def document_at(facility: Facility, now: datetime, holidays: Collection[date]) -> dict[str, Any]:
    """One place, as it is at a moment."""
    return {
        "facility_id": str(facility.facility_id),
        **content_document(facility.content),
        "created_at": _moment(facility.created_at),
        "updated_at": _moment(facility.updated_at),
        "confirmed_at": _moment(facility.confirmed_at),
        "revision": facility.revision,
        "overdue": is_overdue(facility, now),
        "open_now": open_at(facility.content, holidays, now),
        "merged_into": facility.merged_into and str(facility.merged_into),
    }


def feature(request: Request, facility: Facility) -> dict[str, Any]:
    """One place as a GeoJSON feature; one without a position has a null geometry."""
    properties = document(request, facility)
    position = properties.pop("position")
    return {
        "type": "Feature",
        "id": properties["facility_id"],
        "geometry": position and {"type": "Point", "coordinates": [position["lon"], position["lat"]]},
        "properties": properties,
    }


def as_json(document: dict[str, Any]) -> str:
    """Compact JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
