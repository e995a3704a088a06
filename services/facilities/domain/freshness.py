"""When a place's data is due and overdue. The directive (clause 3) asks for fresh data every week.

Weeks are those of Thailand, from Monday. A place that was confirmed this week is fresh; it is due when the week before
was the last, and overdue when that was more than seven days ago.
"""

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Final

from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.places import Facility
from shared.contracts.events import FacilityStatus

OVERDUE_AFTER: Final = timedelta(days=7)


class Freshness(StrEnum):
    """How fresh an open place's data is."""

    FRESH = "fresh"
    DUE = "due"
    OVERDUE = "overdue"


def overdue_before(now: datetime) -> datetime:
    """A place last confirmed before this moment is overdue."""
    return now - OVERDUE_AFTER


def is_overdue(facility: Facility, now: datetime) -> bool:
    """Whether nobody vouched for the data for more than seven days. A closed place is not asked about any more."""
    return facility.content.status is not FacilityStatus.CLOSED and facility.confirmed_at < overdue_before(now)


def week_of(now: datetime) -> datetime:
    """When the present week began: Monday, 00:00 in Thailand, in UTC."""
    local = now.astimezone(BANGKOK)
    return datetime.combine(local.date() - timedelta(days=local.weekday()), time(), BANGKOK).astimezone(UTC)


def freshness_of(facility: Facility, now: datetime) -> Freshness | None:
    """How fresh a place's data is; None for a closed one."""
    if facility.content.status is FacilityStatus.CLOSED:
        return None
    if facility.confirmed_at >= week_of(now):
        return Freshness.FRESH
    return Freshness.OVERDUE if facility.confirmed_at < overdue_before(now) else Freshness.DUE


def due_at(facility: Facility) -> datetime:
    """From when a place is overdue unless somebody confirms it."""
    return facility.confirmed_at + OVERDUE_AFTER
