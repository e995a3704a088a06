"""Opening hours from a text such as "จันทร์-ศุกร์ 8.30-16.30 น. เว้นวันหยุดราชการ".

What is not understood to its last word is not taken for hours at all: half of it would send people to a closed door.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from services.facilities.reading.days import DAYS, EXCEPT, EXPRESSION, THAI_DAYS, days_of, in_order
from services.facilities.reading.faults import Noted, Unreadable
from services.facilities.reading.times import TIME, read_time

_NOISE: Final = re.compile(
    r"(?:เวลา|ตั้งแต่|เปิด(?:ให้)?(?:บริการ|ทำการ)?|ให้บริการ|บริการ|ของทุกสัปดาห์|นาฬิกา|น\.|น(?![ก-๛])|และ|and|from|open|hrs?\.?|hours?|[\s,;:/().])+",
    re.I,
)
_SPAN: Final = re.compile(rf"(?P<open>{TIME})\s*(?:น\.?|นาฬิกา)?\s*(?:-|–|—|ถึง|to|จนถึง|until)\s*(?P<close>{TIME})", re.I)
_BARE_SPAN: Final = re.compile(
    r"(?P<open>\d{1,2}|\d{4})\s*(?:-|–|—|ถึง)\s*(?P<close>\d{1,2}|\d{4})(?=\s?(?:น\b|น\.|$))", re.ASCII
)
_ALL_DAY: Final = re.compile(
    r"(?:ตลอด\s*)?24\s*(?:ชั่วโมง|ชม\.?|hours?|hrs?\.?)(?:\s*ทุกวัน)?|24\s*/\s*7|ตลอดวัน|ตลอดเวลา", re.I
)
_OPEN_ON_HOLIDAYS: Final = re.compile(
    r"ไม่(?:เว้น|มี|หยุด)\s*(?:วันหยุด)(?:ราชการ|นักขัตฤกษ์)*|รวม(?:ถึง)?วันหยุด(?:ราชการ|นักขัตฤกษ์)*|including (?:public )?holidays",
    re.I,
)
_CLOSED_ON_HOLIDAYS: Final = re.compile(
    r"(?:ยก)?(?:เว้น|หยุด|ปิด)\s*(?:วันหยุด|วัน)?(?P<which>ราชการ|นักขัตฤกษ์)(?:\s*(?:และ|,|/)?\s*(?:วันหยุด)?(?:นักขัตฤกษ์|ราชการ))?"
    r"|closed on (?:public )?holidays|(?:except|excluding) (?:public |official )?holidays",
    re.I,
)
_HOLIDAYS_TOO: Final = re.compile(r"วัน(?:หยุด)?(?:ราชการ|นักขัตฤกษ์)|(?:public )?holidays", re.I)
_OFFICE_HOURS: Final = re.compile(r"(?:ใน)?(?:วันและ)?เวลาราชการ|office hours|official hours", re.I)
_BREAK: Final = re.compile(
    rf"พัก(?:กลางวัน|เที่ยง)?\s*(?:เวลา\s*)?(?P<open>{TIME})\s*(?:น\.?)?\s*(?:-|–|ถึง)\s*(?P<close>{TIME})", re.I
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans as POST /v1/facilities takes them; holidays: open, closed, or None where nothing is said."""

    spans: list[dict[str, Any]]
    holidays: str | None = None
    noted: Noted | None = None


@lru_cache(maxsize=4_096)
def read_hours(text: str, days: tuple[str, ...] | None = None) -> Hours:
    """Return the opening hours that a text means. days: on which it holds if it names none.

    Lists say the same of many places: what was understood is kept, and is not to be changed. Raises `Unreadable`:
    hours_as_note when not all of it is understood, days_not_said when only the days lack.
    """
    reading = _Reading()
    place = 0
    while place < len(text):
        place = reading.step(text, place)
    return reading.hours(days)


class _Reading:
    """What was understood so far: groups of days and spans, in the order in which the text has them."""

    def __init__(self) -> None:
        self._groups: list[tuple[set[int], list[tuple[str, str]]]] = [(set(), [])]
        self._times_first = False
        self._except: set[int] = set()
        self._pause: tuple[str, str] | None = None
        self._holidays: str | None = None
        self._official_holidays = False
        self._every_day = False
        self._office_hours = False
        self._excepting = False

    def step(self, text: str, place: int) -> int:
        """Understand what stands at a place; return where it ends. Raises `Unreadable`."""
        excepting, self._excepting = self._excepting, False
        if found := _OPEN_ON_HOLIDAYS.match(text, place):
            self._holidays = "open"
        elif found := _CLOSED_ON_HOLIDAYS.match(text, place):
            self._holidays = "closed"
            self._official_holidays = found["which"] == "ราชการ"
        elif found := _BREAK.match(text, place):
            self._pause = _times(found)
        elif found := _ALL_DAY.match(text, place):
            self._add_span(("00:00", "24:00"))
            if "ทุกวัน" in found[0] or "7" in found[0]:
                self._add_days(set(range(7)))
        elif found := _SPAN.match(text, place) or _BARE_SPAN.match(text, place):
            self._add_span(_times(found))
        elif found := EXCEPT.match(text, place):
            self._except |= days_of(found)
            self._excepting = True
        elif excepting and (found := _HOLIDAYS_TOO.match(text, place)):
            self._holidays = "closed"
        elif excepting and (found := EXPRESSION.match(text, place)):
            self._except |= days_of(found)
            self._excepting = True
        elif found := _OFFICE_HOURS.match(text, place):
            self._add_span(("08:30", "16:30"))
            self._add_days(set(range(5)))
            self._holidays, self._office_hours = "closed", True
        elif found := EXPRESSION.match(text, place):
            self._every_day = self._every_day or bool(found["every"])
            if found["weekdays"]:
                self._holidays = self._holidays or "closed"
            self._add_days(days_of(found))
        elif not (found := _NOISE.match(text, place)):
            raise Unreadable("hours_as_note")
        else:
            self._excepting = excepting and not any(mark in found[0] for mark in ";.)")
        return found.end()

    def _add_span(self, span: tuple[str, str]) -> None:
        days, spans = self._groups[-1]
        if not days and not spans:
            self._times_first = len(self._groups) == 1
        if self._times_first and days:
            self._groups.append((set(), []))
        self._groups[-1][1].append(span)

    def _add_days(self, more: set[int]) -> None:
        if not self._times_first and self._groups[-1][1]:
            self._groups.append((set(), []))
        self._groups[-1][0].update(more)

    def hours(self, given: Sequence[str] | None) -> Hours:
        """Return what all of it comes to. Raises `Unreadable`."""
        (first, _), *further = self._groups
        if not all(spans for _, spans in self._groups):
            raise Unreadable("hours_as_note")
        if not first and not further:
            # "Except official holidays" alone is what offices say of Monday to Friday.
            if given is not None:
                first |= {DAYS.index(day) for day in given}
            elif self._official_holidays:
                first |= set(range(5))
        if not all(days for days, _ in self._groups):
            raise Unreadable("days_not_said")
        spans: list[dict[str, Any]] = []
        for days, times in self._groups:
            open_days = days - self._except
            if open_days:
                spans += (
                    {"days": in_order(open_days), "open": opens, "close": closes}
                    for opens, closes in _with_pause(times, self._pause)
                )
        if not spans:
            raise Unreadable("hours_as_note")
        noted = None
        if self._office_hours:
            noted = Noted("office_hours", {})
        elif self._official_holidays and self._every_day and not self._except:
            noted = Noted("weekend_counted", {})
        return Hours(spans, self._holidays, noted)


def _times(found: re.Match[str]) -> tuple[str, str]:
    try:
        opens, closes = read_time(found["open"]), read_time(found["close"])
    except Unreadable:
        raise Unreadable("hours_as_note") from None
    if opens == closes:
        raise Unreadable("hours_as_note")
    return opens, closes


def _with_pause(times: list[tuple[str, str]], pause: tuple[str, str] | None) -> list[tuple[str, str]]:
    """Take a break at noon out of the one span that it lies in."""
    if pause is None:
        return times
    if len(times) != 1 or not times[0][0] < pause[0] < pause[1] < times[0][1]:
        raise Unreadable("hours_as_note")
    return [(times[0][0], pause[0]), (pause[1], times[0][1])]


def written(spans: Sequence[Mapping[str, Any]]) -> str:
    """Return spans as a text that `read_hours` reads as the same: จันทร์-ศุกร์ 08:30-16:30; เสาร์ 09:00-12:00."""
    return "; ".join(f"{_written_days(span['days'])} {span['open']}-{span['close']}" for span in spans)


def _written_days(days: Sequence[str]) -> str:
    numbers = sorted(DAYS.index(day) for day in days)
    if len(numbers) == len(DAYS):
        return "ทุกวัน"
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{THAI_DAYS[numbers[0]]}-{THAI_DAYS[numbers[-1]]}"
    return ", ".join(THAI_DAYS[number] for number in numbers)
