"""Search parameters as FHIR R4 writes them: names with modifiers, values with alternatives, prefixes and units."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Final, NamedTuple

from services.facilities.domain.places import Position
from services.facilities.domain.violations import Violation
from services.facilities.http.parts import invalid
from services.facilities.store.locations import Near
from shared.web.problems import Problem

MOST_PARAMETERS: Final = 20
"""Each that there is, and some twice."""
MOST_NAMES: Final = 5
"""Names of areas in one parameter: each is compared with 8,400, which takes 2 ms."""
MOST_ALTERNATIVES: Final = 200
"""Values of one parameter with commas between: as many ids as a page has places."""
MOST_CHARACTERS: Final = 300
"""Of one value; longer than any name."""
NEAR_KM: Final = 10.0
"""How far "near" is where nobody says."""
FARTHEST_KM: Final = 200.0

_KM: Final[Mapping[str, float]] = {
    "": 1.0,
    "km": 1.0,
    "m": 0.001,
    "[mi_us]": 1.609347,
    "[mi_i]": 1.609344,
    "mi": 1.609344,
}
_MOMENT: Final = re.compile(
    r"(?P<prefix>eq|ne|gt|lt|ge|le|sa|eb)?"
    r"(?P<year>[0-9]{4})(-(?P<month>[0-9]{2})(-(?P<day>[0-9]{2})"
    r"(T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(:(?P<second>[0-9]{2})(\.(?P<fraction>[0-9]{1,6})[0-9]*)?)?"
    r"(?P<zone>Z|[+ -][0-9]{2}:[0-9]{2})?)?)?)?"
)
_BETWEEN: Final = re.compile(r"(?<!\\),")
_ESCAPED: Final = re.compile(r"\\([\\,|$])")


class Modifier(StrEnum):
    """What may stand behind a parameter's name."""

    EXACT = "exact"
    CONTAINS = "contains"
    NOT = "not"


class Asked(NamedTuple):
    """One parameter of a search: the alternatives of its value, as they were sent."""

    name: str
    modifier: Modifier | None
    alternatives: Sequence[str]


class Token(NamedTuple):
    """A code; system: None where any will do, empty where it shall have none."""

    system: str | None
    code: str


@dataclass(frozen=True, slots=True)
class Moments:
    """From when until when something was; `outside`: at any other time."""

    since: datetime | None
    until: datetime | None
    outside: bool = False


def split(
    parameters: Sequence[tuple[str, str]], modifiers: Mapping[str, frozenset[Modifier]], *, strict: bool
) -> list[Asked]:
    """The parameters that are known, by which modifiers each takes; the others are left out, or refused if `strict`.

    Raises a 400 problem, also for a modifier that is not known: what it would change may not be left out.
    """
    if len(parameters) > MOST_PARAMETERS:
        raise bad(
            parameters[MOST_PARAMETERS][0], "too_many", f"ระบุได้ไม่เกิน {MOST_PARAMETERS} ตัว", f"At most {MOST_PARAMETERS}"
        )
    found = []
    for key, value in parameters:
        name, _, modifier = key.partition(":")
        if name not in modifiers:
            if strict:
                raise bad(key[:50], "unknown_parameter", "ไม่รู้จักพารามิเตอร์นี้", "This parameter is not known here")
            continue
        if modifier and modifier not in modifiers[name]:
            raise bad(key[:50], "unknown_modifier", "ไม่รองรับตัวขยายนี้", "This modifier is not supported")
        if value == "":  # says nothing, by the specification
            continue
        found.append(Asked(name, Modifier(modifier) if modifier else None, _alternatives(name, value)))
    return found


def token(value: str) -> Token:
    """`system|code`, `|code` or `code`."""
    system, bar, code = _halves(value)
    return Token(system, code) if bar else Token(None, system)


def text(value: str) -> str:
    """A string's value."""
    return _unescaped(value)


def reference(value: str, kind: str) -> str | None:
    """The id in `Kind/id`, `id`, or an absolute address of such a resource; None where it is of another kind."""
    *before, last = _unescaped(value).rstrip("/").split("/")
    return last if not before or before[-1] == kind else None


def moments(name: str, value: str) -> Moments:
    """A date or time of any precision with its prefix, as the moments that it stands for."""
    found = _MOMENT.fullmatch(value)
    if found is None:
        raise _not_a_time(name)
    try:
        begins, ends = (moment.astimezone(UTC) for moment in _span(found))  # the year 1 of Thailand overflows here
    except (ValueError, OverflowError):
        raise _not_a_time(name) from None
    match found["prefix"]:
        case "gt" | "sa":
            return Moments(ends, None)
        case "lt" | "eb":
            return Moments(None, begins)
        case "ge":
            return Moments(begins, None)
        case "le":
            return Moments(None, ends)
        case prefix:
            return Moments(begins, ends, outside=prefix == "ne")


def near(name: str, value: str) -> Near:
    """`latitude|longitude|distance|units`; without a distance 10 km."""
    parts = value.split("|")
    numbers = [_number(part) for part in parts[:3]]
    unit = parts[3] if len(parts) > 3 else ""
    if not 2 <= len(parts) <= 4 or None in numbers or unit not in _KM:
        raise bad(
            name,
            "wrong_form",
            "ต้องเป็น ละติจูด|ลองจิจูด|ระยะ|หน่วย เช่น 18.79|98.98|5|km",
            "This has to be latitude|longitude|distance|units, such as 18.79|98.98|5|km",
        )
    lat, lon = numbers[0] or 0.0, numbers[1] or 0.0
    km = NEAR_KM if len(numbers) < 3 else (numbers[2] or 0.0) * _KM[unit]
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise bad(name, "not_a_position", "ต้องเป็นพิกัดองศา", "These have to be degrees")
    if not 0 < km <= FARTHEST_KM:
        raise bad(
            name,
            "out_of_range",
            f"ระยะต้องไม่เกิน {FARTHEST_KM:g} กม.",
            f"The distance has to be at most {FARTHEST_KM:g} km",
        )
    return Near(Position(lat, lon), km)


def whole(name: str, value: str) -> int:
    """A whole number, not negative."""
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise bad(name, "not_a_whole_number", "ต้องเป็นจำนวนเต็ม", "This has to be a whole number")
    return int(value)


def bad(name: str, code: str, th: str, en: str) -> Problem:
    """A 400 problem about a parameter."""
    return invalid([Violation(name, code, th, en)])


def _alternatives(name: str, value: str) -> Sequence[str]:
    alternatives = [each for each in _BETWEEN.split(value.replace("\0", "")) if each]
    if not alternatives:
        raise bad(name, "no_value", "ไม่มีค่าที่ระบุ", "There is no value between the commas")
    most = MOST_NAMES if name.startswith("address") else MOST_ALTERNATIVES
    if len(alternatives) > most:
        raise bad(name, "too_many", f"ระบุได้ไม่เกิน {most} ค่า", f"At most {most} values")
    if any(len(each) > MOST_CHARACTERS for each in alternatives):
        raise bad(name, "too_long", f"ยาวได้ไม่เกิน {MOST_CHARACTERS} อักขระ", f"At most {MOST_CHARACTERS} characters")
    return alternatives


def _halves(value: str) -> tuple[str, bool, str]:
    parts = re.split(r"(?<!\\)\|", value, maxsplit=1)
    return _unescaped(parts[0]), len(parts) == 2, _unescaped(parts[-1])


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(r"\1", value)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _span(found: re.Match[str]) -> tuple[datetime, datetime]:
    """The first moment that is meant, and the first that is not any more; without a zone it is Thailand's time."""
    zone = (found["zone"] or "+07:00").replace(" ", "+").replace("Z", "+00:00")  # an unescaped plus arrives as a space
    date = f"{found['year']}-{found['month'] or '01'}-{found['day'] or '01'}"
    fraction = found["fraction"] or ""
    time = f"{found['hour'] or '00'}:{found['minute'] or '00'}:{found['second'] or '00'}.{fraction:0<6}"
    begins = datetime.fromisoformat(f"{date}T{time}{zone}")
    if found["month"] is None:
        return begins, begins.replace(year=begins.year + 1)
    if found["day"] is None:
        return begins, (begins + timedelta(days=31)).replace(day=1)
    if found["hour"] is None:
        return begins, begins + timedelta(days=1)
    if found["second"] is None:
        return begins, begins + timedelta(minutes=1)
    return begins, begins + timedelta(microseconds=10 ** (6 - len(fraction)))


def _not_a_time(name: str) -> Problem:
    return bad(
        name,
        "not_a_time",
        "ต้องเป็นวันหรือเวลา เช่น ge2022-02-07T09:00:00+07:00",
        "This has to be a date or time, such as ge2022-02-07T09:00:00+07:00",
    )
