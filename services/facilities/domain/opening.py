"""Opening hours as they are entered: each day of the week, and dates on which other hours hold."""

import re
from dataclasses import replace
from typing import Final

from services.facilities.domain.places import DayException, Hours, Span
from services.facilities.domain.texts import note
from services.facilities.domain.violations import Violation
from shared.areas.digits import to_arabic_digits
from shared.contracts.events import Day

MOST_HOURS: Final = 21  # three spans on each day of a week, each written on its own
MOST_EXCEPTIONS: Final = 60  # every public holiday of two years, and some closures besides
MOST_SPANS: Final = 3  # morning, afternoon and evening

_OPENS: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CLOSES: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def checked_hours(hours: tuple[Hours, ...], found: list[Violation]) -> tuple[Hours, ...]:
    """The week's hours in their one spelling."""
    if len(hours) > MOST_HOURS:
        found.append(Violation("hours", "too_many", f"ระบุได้ไม่เกิน {MOST_HOURS} ช่วง", f"At most {MOST_HOURS} spans"))
        return hours
    return tuple(_of_days(span, f"hours[{index}]", found) for index, span in enumerate(hours))


def checked_exceptions(exceptions: tuple[DayException, ...], found: list[Violation]) -> tuple[DayException, ...]:
    """The exceptions in their one spelling, by date."""
    path = "hours_exceptions"
    if len(exceptions) > MOST_EXCEPTIONS:
        found.append(
            Violation(path, "too_many", f"ระบุได้ไม่เกิน {MOST_EXCEPTIONS} วัน", f"At most {MOST_EXCEPTIONS} dates")
        )
        return exceptions
    checked = [_of_date(each, f"{path}[{index}]", found) for index, each in enumerate(exceptions)]
    dates = [each.date for each in exceptions]
    for index, each in enumerate(dates):
        if each in dates[:index]:
            found.append(Violation(f"{path}[{index}].date", "repeated", "ระบุวันที่ซ้ำ", "A date is named twice"))
    return tuple(sorted(checked, key=lambda each: each.date))


def _of_date(exception: DayException, path: str, found: list[Violation]) -> DayException:
    if len(exception.spans) > MOST_SPANS:
        found.append(
            Violation(f"{path}.spans", "too_many", f"ระบุได้ไม่เกิน {MOST_SPANS} ช่วง", f"At most {MOST_SPANS} spans")
        )
        return exception
    spans = tuple(_span(span, f"{path}.spans[{index}]", found) for index, span in enumerate(exception.spans))
    return replace(exception, spans=spans, note=note(exception.note, f"{path}.note", found))


def _of_days(hours: Hours, path: str, found: list[Violation]) -> Hours:
    span = _span(Span(hours.open, hours.close), path, found)
    if not hours.days:
        found.append(Violation(f"{path}.days", "required", "ต้องระบุวันอย่างน้อยหนึ่งวัน", "Name at least one day"))
    in_order = tuple(day for day in Day if day in hours.days)
    if len(in_order) != len(hours.days):
        found.append(Violation(f"{path}.days", "repeated", "ระบุวันซ้ำ", "A day is named twice"))
    return Hours(in_order, span.open, span.close)


def _span(span: Span, path: str, found: list[Violation]) -> Span:
    opens, closes = to_arabic_digits(span.open).strip(), to_arabic_digits(span.close).strip()
    if not _OPENS.fullmatch(opens):
        found.append(
            Violation(f"{path}.open", "not_a_time", "ต้องเป็นเวลา เช่น 08:30", "This has to be a time such as 08:30")
        )
    if not _CLOSES.fullmatch(closes):
        found.append(
            Violation(f"{path}.close", "not_a_time", "ต้องเป็นเวลา เช่น 16:30", "This has to be a time such as 16:30")
        )
    if opens == closes:
        found.append(
            Violation(
                f"{path}.close",
                "empty_span",
                "เวลาปิดต้องต่างจากเวลาเปิด ตลอดวันคือ 00:00 ถึง 24:00",
                "It has to close at another time than it opens; a whole day is 00:00 to 24:00",
            )
        )
    return Span(opens, closes)
