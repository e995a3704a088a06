"""UTM positions of Thailand's two zones, WGS 84, into degrees."""

from __future__ import annotations

import re
from typing import Final

import utm

from services.facilities.reading.faults import Noted, Unreadable
from shared.areas.districts import distance_km

ZONES: Final = (47, 48)
EASTINGS: Final = range(100_000, 900_001)
NORTHINGS: Final = range(600_000, 2_300_001)
"""Metres: the country lies in these, with some 20 km around it, in either zone."""

_NEAR_KM: Final = 25.0
"""So near to its district a position is for telling its zone; the same figures in the other zone are 600 km away."""
_ZONE: Final = re.compile(r"(?:wgs ?-?84)?\W*(?:utm)?\W*(?:zone|โซน)?\W*(\d{1,2})\s*([NPQ])?\W*", re.I | re.ASCII)
_OTHER_DATUM: Final = re.compile(r"indian ?(?:datum)? ?(?:19)?75|อินเดีย(?:น)? ?(?:19|25)?\d{2}", re.I)


def are_metres(east: float, north: float) -> bool:
    """Tell whether two numbers can be a position in UTM."""
    return EASTINGS[0] <= east <= EASTINGS[-1] and NORTHINGS[0] <= north <= NORTHINGS[-1]


def demand_wgs84(text: str) -> None:
    """Raise `Unreadable` where a text says that its figures are of another datum."""
    if found := _OTHER_DATUM.search(text):
        raise Unreadable("other_datum", datum=found[0])


def read_zone(text: str) -> int:
    """Return the zone that a text names, such as 47, 47N, 47Q or UTM zone 47N. Raises `Unreadable`."""
    demand_wgs84(text)
    found = _ZONE.fullmatch(text)
    if found is None or int(found[1]) not in ZONES:
        raise Unreadable("unknown_zone")
    return int(found[1])


def degrees_of(east: float, north: float, zone: int | None, district: str | None) -> tuple[float, float, Noted | None]:
    """Return latitude and longitude of a position in metres, with a note where the zone was told from the district.

    district: the code of the declared one, if it is known. Raises `Unreadable`: zone_needed.
    """
    if zone is not None:
        return (*_converted(east, north, zone), None)
    if district:
        for each in ZONES:
            latitude, longitude = _converted(east, north, each)
            if distance_km(district, latitude, longitude) <= _NEAR_KM:
                return latitude, longitude, Noted("zone_from_area", {"zone": each})
    raise Unreadable("zone_needed")


def _converted(east: float, north: float, zone: int) -> tuple[float, float]:
    # Surveys give metres: a millionth of a degree is a tenth of one.
    latitude, longitude = utm.to_latlon(east, north, zone, northern=True, strict=False)
    return round(float(latitude), 6), round(float(longitude), 6)
