"""Days as they are written in Thailand: both eras, Thai and English months, day before month, and Excel's numbers."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Final

from services.facilities.reading.faults import Unreadable
from services.facilities.reading.words import plain

BUDDHIST_ERA: Final = 543

_MONTHS: Final = (
    ("มกราคม", "ม.ค.", "january", "jan"),
    ("กุมภาพันธ์", "ก.พ.", "february", "feb"),
    ("มีนาคม", "มี.ค.", "march", "mar"),
    ("เมษายน", "เม.ย.", "april", "apr"),
    ("พฤษภาคม", "พ.ค.", "may"),
    ("มิถุนายน", "มิ.ย.", "june", "jun"),
    ("กรกฎาคม", "ก.ค.", "july", "jul"),
    ("สิงหาคม", "ส.ค.", "august", "aug"),
    ("กันยายน", "ก.ย.", "september", "sept", "sep"),
    ("ตุลาคม", "ต.ค.", "october", "oct"),
    ("พฤศจิกายน", "พ.ย.", "november", "nov"),
    ("ธันวาคม", "ธ.ค.", "december", "dec"),
)
_MONTH_OF: Final = {plain(name): number for number, names in enumerate(_MONTHS, 1) for name in names}

_TIME: Final = r"(?:[ T,]+(?:เวลา\s*)?\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:\.\d+)?)?\s*(?:น\.?|Z|[+-]\d{2}:?\d{2})?)?"
_DAY: Final = r"(?:วัน\S{0,12}?ที่\s*|ณ\s*วันที่\s*|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s*)?"
_ERA: Final = r"(?:พ\.?\s?ศ\.?|ค\.?\s?ศ\.?|b\.?e\.?|c\.?e\.?|a\.?d\.?)?"
_YEAR_FIRST: Final = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}", re.ASCII)
_IN_NUMBERS: Final = re.compile(
    rf"{_DAY}(\d{{1,2}})\s?[-/.]\s?(\d{{1,2}})\s?[-/.]\s?(\d{{4}}|\d{{2}}){_TIME}", re.ASCII | re.I
)
_IN_WORDS: Final = re.compile(
    rf"{_DAY}(\d{{1,2}})\s*[-/ ]?\s*(?:เดือน\s*)?([^\W\d][^\d,/]{{1,14}}?)[-/, ]*{_ERA}\s*(\d{{4}}|\d{{2}})\s*{_TIME}",
    re.I,
)
_MONTH_FIRST: Final = re.compile(rf"([a-z]{{3,9}})\.?\s+(\d{{1,2}}),?\s+(\d{{4}}){_TIME}", re.ASCII | re.I)
_SERIAL: Final = re.compile(r"(\d{5,6})(?:\.\d+)?", re.ASCII)
_SERIAL_BEGIN: Final = date(1899, 12, 30)  # Excel counts a day that never was, 29 February 1900
_SERIALS: Final = range(36_526, 55_154)  # the years 2000 to 2050
_SERIALS_OF_BUDDHIST_YEARS: Final = range(234_852, 253_481)  # the years 2543 to 2593, typed as such


def read_date(text: str) -> date:
    """Return the day that a text names; years of both eras are told by their size. Raises `Unreadable`.

    Two digits of a year are read where only one era can be meant: 60 to 79 is B.E. 25xx, 15 to 35 is 20xx.
    """
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], int(found[2]), found[3])
    if found := _IN_NUMBERS.fullmatch(text):
        return _day(found[3], int(found[2]), found[1])
    if found := _MONTH_FIRST.fullmatch(text):
        return _day(found[3], _month(found[1]), found[2])
    if found := _IN_WORDS.fullmatch(text):
        return _day(found[3], _month(found[2]), found[1])
    if found := _SERIAL.fullmatch(text):
        return _of_serial(int(found[1]))
    raise Unreadable("not_a_date")


def read_dates(text: str) -> list[date]:
    """Return the days of a list, apart by commas, semicolons or new lines. Raises `Unreadable`."""
    return [read_date(part) for part in map(str.strip, re.split(r"[;,\n]| และ ", text)) if part]


def _month(text: str) -> int:
    month = _MONTH_OF.get(plain(text))
    if month is None:
        raise Unreadable("not_a_date")
    return month


def _day(year: str, month: int, day: str) -> date:
    try:
        return date(_common_year(year), month, int(day))
    except ValueError as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("not_a_date") from None


def _common_year(text: str) -> int:
    year = int(text)
    if len(text) == 2:
        if 60 <= year <= 79:
            return 2500 + year - BUDDHIST_ERA
        if 15 <= year <= 35:
            return 2000 + year
        raise Unreadable("unclear_year", year=text)
    if 2443 <= year <= 2643:
        return year - BUDDHIST_ERA
    if 1900 <= year <= 2100:
        return year
    raise Unreadable("not_a_date")


def _of_serial(number: int) -> date:
    if number in _SERIALS:
        return _SERIAL_BEGIN + timedelta(days=number)
    if number in _SERIALS_OF_BUDDHIST_YEARS:
        typed = _SERIAL_BEGIN + timedelta(days=number)
        return _day(str(typed.year), typed.month, str(typed.day))
    raise Unreadable("not_a_date")
