"""The public events of changes, and the streams in which they are told."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.facilities.domain.kinds import KIND_STAYS, STANDARD, crosses
from services.facilities.domain.places import Change, Content, Facility, Holidays
from services.facilities.domain.violations import InvalidContent, Violation
from shared.contracts import events
from shared.contracts.topics import FACILITY_UPDATED, FURTHER_FACILITY_UPDATED, Topic

Event = events.FacilityUpdated | events.FurtherFacilityUpdated
Told = Mapping[Topic, Sequence[tuple[str, Event]]]
"""By stream, each event with its key."""


def told(changes: Iterable[Change], changed_by: UUID) -> Told:
    """What is told of changes, and in which stream each is.

    Raises `InvalidContent` for a change of kind that would move a place from one stream to the other.
    """
    found: dict[Topic, list[tuple[str, Event]]] = defaultdict(list)
    for change in changes:
        kind = change.after.content.kind
        if change.before is not None and crosses(change.before.content.kind, kind):
            raise InvalidContent([Violation("kind", *KIND_STAYS)])
        topic = FACILITY_UPDATED if kind in STANDARD else FURTHER_FACILITY_UPDATED
        found[topic].append((str(change.after.facility_id), event(change, changed_by)))
    return found


def event(change: Change, changed_by: UUID) -> Event:
    """The public event of a change: the whole state after it, and before it what aggregates have to take away."""
    if change.after.content.kind in STANDARD:
        before = change.before and events.FacilityBefore(**_before(change.before))
        return events.FacilityUpdated(**_state(change, changed_by), before=before)
    was = change.before and events.FurtherFacilityBefore(**_before(change.before))
    return events.FurtherFacilityUpdated(**_state(change, changed_by), before=was)


def _state(change: Change, changed_by: UUID) -> dict[str, Any]:
    facility, content = change.after, change.after.content
    return {
        "facility_id": facility.facility_id,
        "kind": content.kind,
        "name": content.name,
        "official_code": content.official_code,
        "area": content.area,
        "position": content.position and events.Position(lat=content.position.lat, lon=content.position.lon),
        "status": content.status,
        "capacity": content.capacity,
        "free": content.free,
        "hours": tuple(events.OpeningHours(days=each.days, open=each.open, close=each.close) for each in content.hours),
        "hours_note": content.hours_note,
        "services": content.services,
        "contact": events.FacilityContact(
            phone=content.contact.phone, email=content.contact.email, website=content.contact.website
        ),
        "change": change.kind,
        "updated_at": facility.updated_at,
        "confirmed_at": facility.confirmed_at,
        "revision": facility.revision,
        "organisation_id": content.organisation_id,
        "changed_by": changed_by,
        "details": events.FacilityDetails(
            lanes_per_hour=content.details.lanes_per_hour,
            vaccines=content.details.vaccines,
            access=content.details.access,
        ),
        "hours_exceptions": _exceptions(content),
        "open_on_holidays": None if content.holidays is None else content.holidays is Holidays.OPEN,
        "merged_into": facility.merged_into,
    }


def _before(before: Facility) -> dict[str, Any]:
    content = before.content
    return {
        "kind": content.kind,
        "area": content.area,
        "status": content.status,
        "confirmed_at": before.confirmed_at,
        "capacity": content.capacity,
        "free": content.free,
    }


def _exceptions(content: Content) -> tuple[events.HoursException, ...]:
    return tuple(
        events.HoursException(
            date=each.date,
            spans=tuple(events.OpeningSpan(open=span.open, close=span.close) for span in each.spans),
            note=each.note,
        )
        for each in content.exceptions
    )
