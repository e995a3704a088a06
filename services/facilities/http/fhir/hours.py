"""Opening hours as FHIR has them: times of a day never pass midnight, and exceptions are a text."""

from collections.abc import Iterator
from typing import Any, Final

from services.facilities.domain.places import Content, DayException, Holidays, Hours
from shared.contracts.events import Day

LAST_SECOND: Final = "23:59:59"
"""FHIR knows no 24:00."""
_DAYS: Final = tuple(Day)


def hours_of_operation(content: Content) -> list[dict[str, Any]]:
    """The week's hours; a span past midnight is one until midnight and one on the days after."""
    return [each for hours in content.hours for each in _spans(hours)]


def exceptions_of(content: Content) -> str | None:
    """What differs from the week's hours, a line each, in Thai; None where nothing does."""
    lines = [_exception(each) for each in content.exceptions]
    if content.holidays is not None:
        lines.append(f"วันหยุดราชการ: {'เปิด' if content.holidays is Holidays.OPEN else 'ปิด'}")
    if content.hours_note:
        lines.append(content.hours_note)
    return "\n".join(lines) or None


def _spans(hours: Hours) -> Iterator[dict[str, Any]]:
    days = list(hours.days)
    if (hours.open, hours.close) == ("00:00", "24:00"):
        yield {"daysOfWeek": days, "allDay": True}
    elif hours.open < hours.close:
        yield {"daysOfWeek": days, "openingTime": f"{hours.open}:00", "closingTime": _closing(hours.close)}
    else:
        yield {"daysOfWeek": days, "openingTime": f"{hours.open}:00", "closingTime": LAST_SECOND}
        if hours.close != "00:00":
            after = {_DAYS[(_DAYS.index(day) + 1) % 7] for day in hours.days}
            following = [day for day in Day if day in after]
            yield {"daysOfWeek": following, "openingTime": "00:00:00", "closingTime": _closing(hours.close)}


def _closing(time: str) -> str:
    return LAST_SECOND if time == "24:00" else f"{time}:00"


def _exception(each: DayException) -> str:
    told = ", ".join(f"{span.open}-{span.close}" for span in each.spans) or "ปิด"
    return f"{each.date.isoformat()}: {told}" + (f" ({' '.join(each.note.split())})" if each.note else "")
