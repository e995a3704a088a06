"""The order of a morning's visits: from where one stands to the nearest house, and from there to the next nearest."""

import re
from collections.abc import Sequence
from math import cos, hypot, radians
from typing import Final, NamedTuple, TypeVar

Thing = TypeVar("Thing")

_METRES_PER_DEGREE: Final = 111_195.0  # of a sphere of Earth's mean radius
_DIGITS: Final = re.compile(r"\d+")


class Spot(NamedTuple):
    """WGS 84, in degrees."""

    lat: float
    lon: float


def metres(one: Spot, other: Spot) -> float:
    """How far two spots lie apart as the crow flies: good to a few metres within a province."""
    across = (other.lon - one.lon) * cos(radians((one.lat + other.lat) / 2))
    return _METRES_PER_DEGREE * hypot(across, other.lat - one.lat)


def nearest_first(start: Spot | None, stops: Sequence[tuple[Thing, Spot]]) -> list[tuple[Thing, float | None]]:
    """The stops in the order of visiting, each with the metres from the one before it.

    Without a start the first stop is the first, and its metres are None. Of two that are equally near the earlier one
    comes first, so that the same list is always the same route.
    """
    left, found = list(stops), []
    here = start
    while left:
        if here is None:
            index, distance = 0, None
        else:
            distances = [metres(here, spot) for _, spot in left]
            distance = min(distances)
            index = distances.index(distance)
        stop, here = left.pop(index)
        found.append((stop, distance))
    return found


def natural(text: str) -> list[tuple[int, int | str]]:
    """A key by which house 9 comes before house 10, and 9/2 before 9/10."""
    parts: list[tuple[int, int | str]] = []
    at = 0
    for number in _DIGITS.finditer(text):
        if number.start() > at:
            parts.append((1, text[at : number.start()]))
        parts.append((0, int(number.group())))
        at = number.end()
    return [*parts, (1, text[at:])] if at < len(text) else parts
