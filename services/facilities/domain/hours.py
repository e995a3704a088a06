"""Whether a place is open at a moment, by its week, its exceptions and the public holidays."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.facilities.domain.places import Content, Holidays, Span
from shared.contracts.events import Day, FacilityStatus

BANGKOK: Final = ZoneInfo("Asia/Bangkok")
_DAYS: Final = tuple(Day)  # Monday first, as `date.weekday` counts
_NOT_OPEN: Final = frozenset({FacilityStatus.CLOSED, FacilityStatus.SUSPENDED})


def open_at(content: Content, holidays: Collection[date], moment: datetime) -> bool | None:
    """Whether a place is open; None where nobody said its hours, or what it does on that public holiday.

    moment: with a time zone. A place that is full is open: it says so by its status.
    """
    if content.status in _NOT_OPEN:
        return False
    local = moment.astimezone(BANGKOK)
    today, yesterday = local.date(), local.date() - timedelta(days=1)
    clock = f"{local:%H:%M}"
    spans, before = _spans(content, holidays, today), _spans(content, holidays, yesterday)
    if any(_goes_on(span, clock) for span in before or ()):
        return True
    return None if spans is None else any(_holds(span, clock) for span in spans)


def _spans(content: Content, holidays: Collection[date], day: date) -> Sequence[Span] | None:
    """The spans that begin on a day; None where they are not known."""
    for exception in content.exceptions:
        if exception.date == day:
            return exception.spans
    if not content.hours:
        return None
    if day in holidays and content.holidays is not Holidays.OPEN:
        return () if content.holidays is Holidays.CLOSED else None
    name = _DAYS[day.weekday()]
    return [Span(hours.open, hours.close) for hours in content.hours if name in hours.days]


def _holds(span: Span, clock: str) -> bool:
    """On the day on which the span begins; times of 24 hours compare as text."""
    return span.open <= clock and (clock < span.close or span.close < span.open)


def _goes_on(span: Span, clock: str) -> bool:
    """On the day after, where a span past midnight still holds."""
    return clock < span.close < span.open
