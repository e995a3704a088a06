"""A place as it is sent."""

from datetime import date as Date
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictFloat, StrictInt, StrictStr, model_validator

from services.facilities.domain.checks import checked
from services.facilities.domain.kinds import Kinds
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
from services.facilities.domain.violations import InvalidContent
from services.facilities.http.parts import invalid
from shared.contracts.events import Day, FacilityStatus

READ_ONLY: Final = frozenset(
    {"created_at", "updated_at", "confirmed_at", "revision", "overdue", "open_now", "merged_into"}
)
"""Given in answers and ignored in requests, so that an answer can be edited and sent back."""


class Body(BaseModel):
    """What may stand in a body: nothing that is not named, since a misspelt field would be lost in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    spans: list[SpanBody] = []
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
    hours: list[HoursBody] = []
    hours_exceptions: list[ExceptionBody] = []
    holidays: Holidays | None = None
    hours_note: StrictStr | None = None
    services: list[StrictStr] = []
    contact: ContactBody = ContactBody()


class FacilityBody(FacilityFields):
    """A place as its officer enters it.

    position_confirmed: somebody has looked at a position outside the district; shared_code: another place of this kind
    has the same official code, rightly.
    """

    facility_id: UUID | None = None
    position_confirmed: bool = False
    shared_code: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_read_only(cls, data: Any) -> Any:
        return (
            {name: value for name, value in data.items() if name not in READ_ONLY} if isinstance(data, dict) else data
        )

    def content(self, kinds: Kinds) -> Content:
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
        try:
            return checked(draft, kinds, position_confirmed=self.position_confirmed)
        except InvalidContent as error:
            raise invalid(error.violations) from None
