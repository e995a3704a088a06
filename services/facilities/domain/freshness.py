"""When a place's data is due and overdue. The directive (clause 3) asks for fresh data every week."""

from datetime import datetime, timedelta
from typing import Final

from services.facilities.domain.places import Facility
from shared.contracts.events import FacilityStatus

OVERDUE_AFTER: Final = timedelta(days=7)


def overdue_before(now: datetime) -> datetime:
    """A place last confirmed before this moment is overdue."""
    return now - OVERDUE_AFTER


def is_overdue(facility: Facility, now: datetime) -> bool:
    """Whether nobody vouched for the data for more than seven days. A closed place is not asked about any more."""
    return facility.content.status is not FacilityStatus.CLOSED and facility.confirmed_at < overdue_before(now)
