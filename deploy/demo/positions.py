"""Where a house or a place stands: near the middle of its district, by the map's own boundaries."""

from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Final

from shared.areas.districts import distance_km, read_rings

_SPREAD_DEGREES: Final = 0.01
"""About 1 km: a round on foot, so that nobody who goes it seems to have flown."""
_INSIDE_KM: Final = 0.5
"""So far outside may lie what is still to count as in the district: half of what the survey tolerates."""
_TRIES: Final = 20
_MIDDLE_OF_THE_COUNTRY: Final = (15.0, 101.0)


def position_near(random: Random, area: str) -> tuple[float, float]:
    """Latitude and longitude of somewhere in the district of `area`, to the nearest 10 m or so."""
    district = area[:4]
    latitude, longitude = district_centres().get(district, _MIDDLE_OF_THE_COUNTRY)
    for _ in range(_TRIES):
        position = (
            round(latitude + random.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES), 4),
            round(longitude + random.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES), 4),
        )
        if distance_km(district, *position) < _INSIDE_KM:
            return position
    return latitude, longitude


@cache
def district_centres() -> Mapping[str, tuple[float, float]]:
    """Latitude and longitude of the middle of each district, by its code; on its border where the middle is outside."""
    centres = {}
    for code, rings in read_rings().items():
        largest = max(rings, key=len)
        longitude, latitude = (sum(axis) / len(largest) for axis in zip(*largest, strict=True))
        if distance_km(code, latitude, longitude) > 0:
            longitude, latitude = min(
                largest, key=lambda point: (point[0] - longitude) ** 2 + (point[1] - latitude) ** 2
            )
        centres[code] = (latitude, longitude)
    return centres
