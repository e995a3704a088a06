"""Places as rows: what a row holds of a place, and back."""

import json
from dataclasses import asdict
from datetime import date
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.facilities.domain.places import (
    Access,
    Contact,
    Content,
    DayException,
    Details,
    Facility,
    Holidays,
    Hours,
    Position,
    Span,
)
from shared.contracts.events import Day, FacilityStatus

COLUMNS: Final = """
facility_id, kind, name, area, organisation_id, official_code, lat, lon, status, capacity, free, lanes_per_hour,
vaccines, access, hours, exceptions, holidays, hours_note, services, phone, email, website, revision, created_at,
updated_at, confirmed_at, merged_into
"""


def row_of(facility: Facility) -> dict[str, Any]:
    """The row of a place, by columns, as JSON that `jsonb_populate_recordset` reads."""
    content = facility.content
    return {
        "facility_id": str(facility.facility_id),
        "kind": content.kind,
        "name": content.name,
        "area": content.area,
        "organisation_id": content.organisation_id and str(content.organisation_id),
        "official_code": content.official_code,
        "lat": content.position and content.position.lat,
        "lon": content.position and content.position.lon,
        "status": content.status,
        "capacity": content.capacity,
        "free": content.free,
        "lanes_per_hour": content.details.lanes_per_hour,
        "vaccines": content.details.vaccines,
        "access": content.details.access,
        "hours": [asdict(span) for span in content.hours],
        "exceptions": [asdict(each) | {"date": each.date.isoformat()} for each in content.exceptions],
        "holidays": content.holidays,
        "hours_note": content.hours_note,
        "services": content.services,
        "phone": content.contact.phone,
        "email": content.contact.email,
        "website": content.contact.website,
        "revision": facility.revision,
        "created_at": facility.created_at.isoformat(),
        "updated_at": facility.updated_at.isoformat(),
        "confirmed_at": facility.confirmed_at.isoformat(),
        "merged_into": facility.merged_into and str(facility.merged_into),
    }


def facility_of(row: asyncpg.Record) -> Facility:
    """The place of a row with `COLUMNS`."""
    return Facility(
        facility_id=row["facility_id"],
        content=Content(
            kind=row["kind"],
            name=row["name"],
            area=row["area"],
            organisation_id=row["organisation_id"],
            official_code=row["official_code"],
            position=None if row["lat"] is None else Position(row["lat"], row["lon"]),
            status=FacilityStatus(row["status"]),
            capacity=row["capacity"],
            free=row["free"],
            details=Details(
                row["lanes_per_hour"], tuple(row["vaccines"]), None if row["access"] is None else Access(row["access"])
            ),
            hours=_hours(json.loads(row["hours"])),
            exceptions=_exceptions(json.loads(row["exceptions"])),
            holidays=None if row["holidays"] is None else Holidays(row["holidays"]),
            hours_note=row["hours_note"],
            services=tuple(row["services"]),
            contact=Contact(row["phone"], row["email"], row["website"]),
        ),
        revision=row["revision"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        confirmed_at=row["confirmed_at"],
        merged_into=row["merged_into"],
    )


def content_json(content: Content) -> str:
    """What a revision keeps of a place."""
    return json.dumps(asdict(content), ensure_ascii=False, default=str)


def content_of(text: str) -> Content:
    """The content that a revision kept; one from before a field was added has nothing there."""
    kept = json.loads(text)
    position, details = kept["position"], kept.get("details", {})
    organisation, holidays = kept.get("organisation_id"), kept.get("holidays")
    access = details.get("access")
    return Content(
        kind=kept["kind"],
        name=kept["name"],
        area=kept["area"],
        organisation_id=None if organisation is None else UUID(organisation),
        official_code=kept["official_code"],
        position=None if position is None else Position(position["lat"], position["lon"]),
        status=FacilityStatus(kept["status"]),
        capacity=kept["capacity"],
        free=kept["free"],
        details=Details(
            details.get("lanes_per_hour"),
            tuple(details.get("vaccines", ())),
            None if access is None else Access(access),
        ),
        hours=_hours(kept["hours"]),
        exceptions=_exceptions(kept.get("exceptions", [])),
        holidays=None if holidays is None else Holidays(holidays),
        hours_note=kept["hours_note"],
        services=tuple(kept["services"]),
        contact=Contact(**kept["contact"]),
    )


def _hours(spans: list[dict[str, Any]]) -> tuple[Hours, ...]:
    return tuple(Hours(tuple(Day(day) for day in span["days"]), span["open"], span["close"]) for span in spans)


def _exceptions(kept: list[dict[str, Any]]) -> tuple[DayException, ...]:
    return tuple(
        DayException(
            date.fromisoformat(each["date"]),
            tuple(Span(span["open"], span["close"]) for span in each["spans"]),
            each["note"],
        )
        for each in kept
    )
