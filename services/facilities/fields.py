"""A place's fields as JSON: in requests, answers and revisions, and in what is read of lists."""

from datetime import date as Date
from typing import Any
from uuid import UUID

from pydantic import Field, StrictFloat, StrictInt, StrictStr

from services.facilities.domain.places import (
    Access,
    Contact,
    Content,
    DayException,
    Details,
    Holidays,
    Hours,
    Position,
    Span,
)
from shared.contracts.events import Day, FacilityStatus
from shared.web.fields import Body


class PositionBody(Body):
    """WGS 84, in degrees."""

    lat: StrictFloat
    lon: StrictFloat


class HoursBody(Body):
    """One span of a day, local time; past midnight it closes earlier than it opens, a whole day is 00:00 to 24:00."""

    days: list[Day]
    open: StrictStr
    close: StrictStr


class SpanBody(Body):
    """From when to when on one date, local time."""

    open: StrictStr
    close: StrictStr


class ExceptionBody(Body):
    """A date on which other hours hold than on its day of the week; without spans it is closed."""

    date: Date
    spans: list[SpanBody] = Field(default=[])
    note: StrictStr | None = None


class DetailsBody(Body):
    """What is asked of some kinds only; `GET /v1/facility-kinds` tells of which. vaccines: CVX codes."""

    lanes_per_hour: StrictInt | None = None
    vaccines: list[StrictStr] = Field(default=[], max_length=50)
    access: Access | None = None


class ContactBody(Body):
    """The institution's public contact, never a person's own."""

    phone: StrictStr | None = None
    email: StrictStr | None = None
    website: StrictStr | None = None


class FacilityFields(Body):
    """What is said about a place, in requests and answers alike."""

    kind: StrictStr
    name: StrictStr
    area: StrictStr
    organisation_id: UUID | None = None
    official_code: StrictStr | None = None
    position: PositionBody | None = None
    status: FacilityStatus = FacilityStatus.OPEN
    capacity: StrictInt | None = None
    free: StrictInt | None = None
    details: DetailsBody = DetailsBody()
    hours: list[HoursBody] = Field(default=[])
    hours_exceptions: list[ExceptionBody] = Field(default=[])
    holidays: Holidays | None = None
    hours_note: StrictStr | None = None
    services: list[StrictStr] = Field(default=[])
    contact: ContactBody = ContactBody()

    def draft(self) -> Content:
        """The content as it was sent, not checked."""
        return Content(
            kind=self.kind,
            name=self.name,
            area=self.area,
            official_code=self.official_code,
            position=None if self.position is None else Position(self.position.lat, self.position.lon),
            status=self.status,
            capacity=self.capacity,
            free=self.free,
            organisation_id=self.organisation_id,
            details=Details(self.details.lanes_per_hour, tuple(self.details.vaccines), self.details.access),
            hours=tuple(Hours(tuple(span.days), span.open, span.close) for span in self.hours),
            exceptions=tuple(
                DayException(each.date, tuple(Span(span.open, span.close) for span in each.spans), each.note)
                for each in self.hours_exceptions
            ),
            holidays=self.holidays,
            hours_note=self.hours_note,
            services=tuple(self.services),
            contact=Contact(self.contact.phone, self.contact.email, self.contact.website),
        )


def content_document(content: Content) -> dict[str, Any]:
    """What was entered about a place."""
    position = content.position
    return {
        "kind": content.kind,
        "name": content.name,
        "area": content.area,
        "organisation_id": content.organisation_id and str(content.organisation_id),
        "official_code": content.official_code,
        "position": position and {"lat": position.lat, "lon": position.lon},
        "status": content.status,
        "capacity": content.capacity,
        "free": content.free,
        "details": {
            "lanes_per_hour": content.details.lanes_per_hour,
            "vaccines": list(content.details.vaccines),
            "access": content.details.access,
        },
        "hours": [{"days": list(span.days), "open": span.open, "close": span.close} for span in content.hours],
        "hours_exceptions": [
            {
                "date": each.date.isoformat(),
                "spans": [{"open": span.open, "close": span.close} for span in each.spans],
                "note": each.note,
            }
            for each in content.exceptions
        ],
        "holidays": content.holidays,
        "hours_note": content.hours_note,
        "services": list(content.services),
        "contact": {
            "phone": content.contact.phone,
            "email": content.contact.email,
            "website": content.contact.website,
        },
    }
