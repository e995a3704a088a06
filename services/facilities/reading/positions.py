"""Positions as lists have them: decimal degrees, degrees with minutes and seconds, UTM, links to maps.

Latitude and longitude are taken in the order in which they are given, unless letters say otherwise: the register tells
where they seem to be swapped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from services.facilities.reading import grid
from services.facilities.reading.faults import Noted, Unreadable
from services.facilities.reading.links import LINK, read_link

_DECIMAL: Final = r"[-+]?\d{1,9}(?:\.\d{1,20})?"
_LABELS: Final = (
    r"latitude|longitude|lattitude|longtitude|lat|long|lon|lng|ละติจูด|ลองจิจูด|ลองติจูด|พิกัด|gps|ที่|wgs ?84|utm|x|y"
)
_NOISE: Final = re.compile(rf"(?<![\d.\w])(?:{_LABELS})\.?\s*[:=]?\s*", re.I)
_LEFT_OVER: Final = re.compile(r"[\s,;/|()\[\]:]*")
_NUMBER: Final = re.compile(_DECIMAL, re.ASCII)
_DECIMAL_COMMAS: Final = re.compile(r"(\d{1,3}),(\d{3,})\s*(?:[;/|]|,\s|\s)\s*(\d{1,3}),(\d{3,})", re.ASCII)
_DECIMAL_COMMA: Final = re.compile(r"[-+]?\d{1,3},\d+", re.ASCII)
_THOUSANDS: Final = re.compile(r"(?<![\d,.])\d{1,3}(?:,\d{3})+(?![\d])", re.ASCII)
_ZONE_BEFORE: Final = re.compile(
    r"^\W*(?:utm\W*)?(?:zone\W*|โซน\W*)?(4[78])\s?([NPQ])?(?=[\s,;:/(]+[^\s])", re.I | re.ASCII
)
_LETTERED: Final = re.compile(
    rf"([NE])\W{{0,3}}({_DECIMAL})|({_DECIMAL})\W{{0,3}}(?:m\.?\s*)?([NE])(?![A-Za-z])", re.I | re.ASCII
)

_MARK_DEGREES: Final = r"(?:°|º|˚|องศา|deg(?:rees?)?|d)"
_MARK_MINUTES: Final = r"(?:'|’|′|ʹ|´|`|ลิปดา|min(?:utes?)?|m)"
_MARK_SECONDS: Final = r"(?:\"|”|″|''|’’|′′|´´|ฟิลิปดา|พิลิปดา|sec(?:onds?)?|s)"
_SIXTIETHS: Final = re.compile(
    rf"(?P<before>[NSEW])?\W{{0,2}}(?P<degrees>\d{{1,3}}(?:\.\d+)?)\s*{_MARK_DEGREES}\s*"
    rf"(?:(?P<minutes>\d{{1,2}}(?:\.\d+)?)\s*{_MARK_MINUTES}\s*)?(?:(?P<seconds>\d{{1,2}}(?:[.,]\d+)?)\s*{_MARK_SECONDS})?"
    rf"\s*(?P<after>[NSEW](?![A-Za-z])|เหนือ|ตะวันออก)?",
    re.I | re.ASCII,
)
# Many type the Thai zero for the degree sign, ๙๘๐ for 98°; Thai digits were made plain by then.
_ZERO_FOR_DEGREES: Final = re.compile(r"(?<!\d)(\d{1,3})0(\d{2})(?=\s*['’′])", re.ASCII)
_EAST: Final = frozenset({"E", "W", "ตะวันออก"})
_BELOW_ZERO: Final = frozenset({"S", "W"})


NO_POINT: Final = "?"
"""Stands for a shape on the map that is no point."""


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees as they were given, and what a person should see about them."""

    latitude: float
    longitude: float
    noted: Noted | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """What else the row says, by which metres become degrees: the zone, or the code of the declared district."""

    zone: int | None = None
    district: str | None = None


def read_position(text: str, where: Where) -> Position:
    """Return the position of one cell in any form. Raises `Unreadable`."""
    if text == NO_POINT:
        raise Unreadable("not_a_point")
    grid.demand_wgs84(text)
    if link := LINK.search(text):
        found = read_link(link[0])
        if not isinstance(found, str):
            return Position(*found)
        text = found
    if (parts := _sixtieths(text)) is not None:
        return _in_order(parts)
    if zone := _ZONE_BEFORE.match(text):
        where = Where(int(zone[1]), where.district)
        text = text[zone.end() :]
    text = _NOISE.sub(" ", text)
    if lettered := _lettered(text):
        return _pair(lettered["N"], lettered["E"], where)
    first, second = _two_numbers(text)
    if grid.are_metres(first, second):  # east before north, as UTM is written
        return _pair(second, first, where)
    return _pair(first, second, where)


def read_parts(first: str, second: str, where: Where) -> Position:
    """Return the position of two cells: latitude and longitude, or northing and easting. Raises `Unreadable`."""
    grid.demand_wgs84(f"{first} {second}")
    return _pair(_degrees(first), _degrees(second), where)


def _pair(latitude: float, longitude: float, where: Where) -> Position:
    """Take two numbers for degrees, or for metres where only these can be meant."""
    if max(abs(latitude), abs(longitude)) <= 180:
        return Position(latitude, longitude)
    for north, east in ((latitude, longitude), (longitude, latitude)):
        if grid.are_metres(east, north):
            return Position(*grid.degrees_of(east, north, where.zone, where.district))
    raise Unreadable("not_a_position")


def _degrees(text: str) -> float:
    """Read one half of a position."""
    parts = _sixtieths(text)
    if parts is not None:
        if len(parts) != 1:
            raise Unreadable("not_a_position")
        return parts[0][0]
    text = _NOISE.sub(" ", text).strip()
    text = text.strip("NEne ").replace(" ", "") if _NUMBER.search(text) else text
    if _THOUSANDS.fullmatch(text) and (len(text) > 7 or int(text.partition(",")[0]) > 180):
        text = text.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text):
        raise Unreadable("not_a_position")
    return float(text)


def _two_numbers(text: str) -> tuple[float, float]:
    text = text.strip()
    if commas := _DECIMAL_COMMAS.fullmatch(text):
        # 18,7883 98,9853 is a pair of degrees; 498,765 2,077,654 has no such form.
        return float(f"{commas[1]}.{commas[2]}"), float(f"{commas[3]}.{commas[4]}")
    if len(_THOUSANDS.findall(text)) == 2:
        text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    numbers = _NUMBER.findall(text)
    if len(numbers) != 2 or not _LEFT_OVER.fullmatch(_NUMBER.sub(" ", text)):
        raise Unreadable("not_a_position")
    return float(numbers[0]), float(numbers[1])


def _lettered(text: str) -> dict[str, float] | None:
    """Read two numbers of which letters say which is which."""
    plain = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    found = list(_LETTERED.finditer(plain))
    halves = {(one[1] or one[4]).upper(): float(one[2] or one[3]) for one in found}
    if len(found) != 2 or len(halves) != 2 or not _LEFT_OVER.fullmatch(_LETTERED.sub(" ", plain)):
        return None
    return halves


def _sixtieths(text: str) -> list[tuple[float, str | None]] | None:
    """Read degrees with minutes and seconds: each value with its letter; None where a text is not of this form."""
    text = _ZERO_FOR_DEGREES.sub("\\1°\\2", _NOISE.sub(" ", text))
    found = list(_SIXTIETHS.finditer(text))
    if not found:
        return None
    if len(found) > 2 or not _LEFT_OVER.fullmatch(_SIXTIETHS.sub(" ", text)):
        raise Unreadable("not_a_position")
    return [_of_sixtieths(one) for one in found]


def _of_sixtieths(found: re.Match[str]) -> tuple[float, str | None]:
    minutes, seconds = float(found["minutes"] or 0), float((found["seconds"] or "0").replace(",", "."))
    if minutes >= 60 or seconds >= 60 or (seconds and found["minutes"] is None):
        raise Unreadable("not_a_position")
    letter = (found["before"] or found["after"] or "").upper() or None
    # A hundredth of a second is a third of a metre.
    degrees = round(float(found["degrees"]) + minutes / 60 + seconds / 3600, 7)
    return (-degrees if letter in _BELOW_ZERO else degrees), letter


def _in_order(parts: list[tuple[float, str | None]]) -> Position:
    if len(parts) != 2:
        raise Unreadable("incomplete_position")
    (first, first_letter), (second, second_letter) = parts
    if first_letter is not None and first_letter == second_letter:
        raise Unreadable("not_a_position")
    if first_letter in _EAST:
        first, second = second, first
    return Position(first, second)
