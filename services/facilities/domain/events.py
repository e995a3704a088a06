"""The public event of a change."""

from uuid import UUID

from services.facilities.domain.places import Change, Content, Holidays
from shared.contracts import events


def event(change: Change, changed_by: UUID) -> events.FacilityUpdated:
    """The public event of a change: the whole state after it, and before it what aggregates have to take away."""
    facility, content, before = change.after, change.after.content, change.before
    return events.FacilityUpdated(
        facility_id=facility.facility_id,
        kind=content.kind,
        name=content.name,
        official_code=content.official_code,
        area=content.area,
        position=content.position and events.Position(lat=content.position.lat, lon=content.position.lon),
        status=content.status,
        capacity=content.capacity,
        free=content.free,
        hours=tuple(events.OpeningHours(days=each.days, open=each.open, close=each.close) for each in content.hours),
        hours_note=content.hours_note,
        services=content.services,
        contact=events.FacilityContact(
            phone=content.contact.phone, email=content.contact.email, website=content.contact.website
        ),
        change=change.kind,
        updated_at=facility.updated_at,
        confirmed_at=facility.confirmed_at,
        revision=facility.revision,
        before=before
        and events.FacilityBefore(
            kind=before.content.kind,
            area=before.content.area,
            status=before.content.status,
            confirmed_at=before.confirmed_at,
            capacity=before.content.capacity,
            free=before.content.free,
        ),
        organisation_id=content.organisation_id,
        changed_by=changed_by,
        details=events.FacilityDetails(
            lanes_per_hour=content.details.lanes_per_hour,
            vaccines=content.details.vaccines,
            access=content.details.access,
        ),
        hours_exceptions=_exceptions(content),
        open_on_holidays=None if content.holidays is None else content.holidays is Holidays.OPEN,
        merged_into=facility.merged_into,
    )


def _exceptions(content: Content) -> tuple[events.HoursException, ...]:
    return tuple(
        events.HoursException(
            date=each.date,
            spans=tuple(events.OpeningSpan(open=span.open, close=span.close) for span in each.spans),
            note=each.note,
        )
        for each in content.exceptions
    )
