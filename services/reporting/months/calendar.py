"""Months of Thailand: how they are written, when they end, and when they are due to be closed."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from services.reporting.domain import day_in_thailand
from shared.areas.digits import to_arabic_digits
from shared.observability.clock import BANGKOK

_WRITTEN: Final = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])", re.ASCII)


def read_month(text: str) -> date:
    """The first day of a month written YYYY-MM, in the Christian era, also with Thai digits; raises ValueError."""
    found = _WRITTEN.fullmatch(to_arabic_digits(text))
    if found is None:
        raise ValueError("a month is written YYYY-MM")
    return date(int(found[1]), int(found[2]), 1)


def month_before(month: date) -> date:
    """The first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


def month_after(month: date) -> date:
    """The first day of the month after."""
    return (month + timedelta(days=31)).replace(day=1)


def month_of(moment: datetime) -> date:
    """The first day of the month that it is in Thailand."""
    return day_in_thailand(moment).replace(day=1)


def end_of(month: date) -> datetime:
    """When the month is over."""
    return _in_thailand(month_after(month), 1, 0)


def due_at(month: date, day: int, hour: int) -> datetime:
    """The given day and hour, in Thailand, of the month after: when the month is due to be closed."""
    return _in_thailand(month_after(month), day, hour)


def _in_thailand(month: date, day: int, hour: int) -> datetime:
    return datetime.combine(month.replace(day=day), time(hour), BANGKOK).astimezone(UTC)
