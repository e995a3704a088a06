"""Numbers, dates and months as a formal letter writes them: in Thai with Thai digits and years of the Buddhist era."""

from datetime import date, datetime
from typing import Final, Literal

from shared.observability.clock import BANGKOK

Language = Literal["th", "en"]

_THAI_DIGITS: Final = str.maketrans("0123456789", "๐๑๒๓๔๕๖๗๘๙")
_BUDDHIST_ERA: Final = 543
_MONTHS: Final = {
    "th": (
        "มกราคม",
        "กุมภาพันธ์",
        "มีนาคม",
        "เมษายน",
        "พฤษภาคม",
        "มิถุนายน",
        "กรกฎาคม",
        "สิงหาคม",
        "กันยายน",
        "ตุลาคม",
        "พฤศจิกายน",
        "ธันวาคม",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


def digits(text: str, language: Language) -> str:
    """`text` with the digits of the language."""
    return text.translate(_THAI_DIGITS) if language == "th" else text


def number(value: int, language: Language) -> str:
    """A count, its thousands apart."""
    return digits(f"{value:,}", language)


def change(value: int, language: Language) -> str:
    """By how much something changed, with its sign; an en dash where it did not."""
    return digits(f"{value:+,}".replace("-", "\N{MINUS SIGN}"), language) if value else "\N{EN DASH}"


def long_month(month: date, language: Language) -> str:
    """The month of its first day: "มกราคม ๒๕๖๕", "January 2022"."""
    return digits(f"{_MONTHS[language][month.month - 1]} {_year(month.year, language)}", language)


def long_date(day: date, language: Language) -> str:
    """A day: "๕ กุมภาพันธ์ ๒๕๖๕", "5 February 2022"."""
    return digits(f"{day.day} {_MONTHS[language][day.month - 1]} {_year(day.year, language)}", language)


def long_time(moment: datetime, language: Language) -> str:
    """A moment by Thailand's clock: "๕ กุมภาพันธ์ ๒๕๖๕ เวลา ๐๙.๓๐ น.", "5 February 2022, 09:30"."""
    there = moment.astimezone(BANGKOK)
    if language == "en":
        return f"{long_date(there, 'en')}, {there:%H:%M}"
    return f"{long_date(there, 'th')} เวลา {digits(f'{there:%H.%M}', 'th')} น."


def _year(year: int, language: Language) -> int:
    return year + _BUDDHIST_ERA if language == "th" else year
