"""Whether a position lies in a district: the map's own boundaries (data/districts.topojson), in plain Python.

The boundaries are good to about 160 m, and positions to what a phone makes of them under a tin roof, so that a position
counts as elsewhere only beyond a tolerance.

Almost every question is answered from the answer for its grid cell, a hundredth of a degree each way: the distance of a
point from a district changes by no more than the point moves, so the distance of a cell's middle bounds that of all
points in it. Only in cells about a tolerance outside a border is the distance of the position itself taken.
"""

import json
from array import array
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from math import cos, floor, inf, radians, sqrt
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).with_name("data") / "districts.topojson"

TOLERANCE_KM: Final = 1.0
"""So far outside is still in: the boundaries' own error, and houses that stand across the road that is the border."""
MOST_INACCURACY_KM: Final = 2.0
"""A position that calls itself inaccurate is believed so much more. A bound, since whoever is elsewhere could call
himself as inaccurate as he likes."""
CELLS_PER_DEGREE: Final = 100
"""Cells of 1.1 km: coarse enough to say in which neighbourhood, not at which house."""

_KM_PER_DEGREE: Final = 110.6  # of latitude, in Thailand
_KM_PER_DEGREE_AT_EQUATOR: Final = 111.32  # of longitude
_HALF_CELL_KM: Final = 0.79  # from a cell's middle to its corners
_FARTHEST_KM: Final = TOLERANCE_KM + MOST_INACCURACY_KM + _HALF_CELL_KM
_CELLS_KEPT: Final = 65_536  # some 12 MB; a volunteer's round lies in a few of the country's 430,000

Ring = Sequence[tuple[float, float]]
Cell = tuple[int, int]
"""Hundredths of a degree, latitude and longitude, of a cell's south-western corner."""


def is_elsewhere(district: str, latitude: float, longitude: float, accuracy_m: float | None = None) -> bool:
    """Tell whether a position (degrees, WGS 84) lies outside a district by more than the tolerance.

    accuracy_m widens the tolerance, by `MOST_INACCURACY_KM` at most. A code without a boundary is nowhere: never True.
    """
    middle = _distance_of_middle(district, *cell_of(latitude, longitude))
    if middle <= TOLERANCE_KM - _HALF_CELL_KM:
        return False
    tolerance = TOLERANCE_KM + min((accuracy_m or 0.0) / 1000, MOST_INACCURACY_KM)
    if middle > tolerance + _HALF_CELL_KM:
        return True
    return distance_km(district, latitude, longitude) > tolerance


def cell_of(latitude: float, longitude: float) -> Cell:
    """Return the grid cell of a position."""
    return floor(latitude * CELLS_PER_DEGREE), floor(longitude * CELLS_PER_DEGREE)


def distance_km(district: str, latitude: float, longitude: float) -> float:
    """Return how far a position lies from a district's border: below 0 inside it.

    Beyond every tolerance it may be too short, since the border's own points are not looked at then. Without a boundary
    for the code, as if infinitely deep inside.
    """
    outline = _outlines().get(district)
    return -inf if outline is None else outline.distance_km(latitude, longitude)


def nearest_district(latitude: float, longitude: float, *, within_km: float) -> tuple[str | None, float]:
    """Return the district in which a position lies, or the nearest one of those not farther than `within_km`, and how
    far it is: below 0 inside it. None where all are farther. Takes some 0.3 ms."""
    nearest, least = None, within_km
    for code, outline in _outlines().items():
        if outline.from_box(latitude, longitude) <= least:
            distance = outline.distance_km(latitude, longitude)
            if distance <= least:
                nearest, least = code, distance
    return nearest, least


def load() -> None:
    """Read the boundaries now, in a quarter of a second, so that no question has to wait for it."""
    _outlines()


def read_rings() -> Mapping[str, Sequence[Ring]]:
    """Read the rings of each district's boundary, outer and inner ones alike, as (longitude, latitude) in degrees; the
    last point of each is its first."""
    topology: dict[str, Any] = json.loads(DATA.read_bytes())
    scale_x, scale_y = topology["transform"]["scale"]
    shift_x, shift_y = topology["transform"]["translate"]
    arcs: list[list[tuple[float, float]]] = []
    for steps in topology["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in steps:
            x, y = x + step_x, y + step_y
            points.append((shift_x + scale_x * x, shift_y + scale_y * y))
        arcs.append(points)
    (collection,) = topology["objects"].values()
    found: dict[str, list[Ring]] = {}
    for district in collection["geometries"]:
        polygons = district["arcs"] if district["type"] == "MultiPolygon" else [district["arcs"]]
        found[str(district["properties"]["code"])] = [_ring(ring, arcs) for polygon in polygons for ring in polygon]
    return found


def _ring(references: Sequence[int], arcs: Sequence[Sequence[tuple[float, float]]]) -> Ring:
    """The points of a ring; a negative reference (~i) is arc i backwards. Each arc begins where the last one ended."""
    points: list[tuple[float, float]] = []
    for reference in references:
        arc = arcs[reference] if reference >= 0 else arcs[~reference][::-1]
        points += arc[1:] if points else arc
    return points


class _Outline:
    """A district on a plane of its own, in kilometres."""

    def __init__(self, rings: Sequence[Ring]) -> None:
        latitudes = [latitude for ring in rings for _, latitude in ring]
        # One scale for the whole district: over 100 km from north to south it is wrong by less than 0.5 %.
        self._km_per_longitude = _KM_PER_DEGREE_AT_EQUATOR * cos(radians((min(latitudes) + max(latitudes)) / 2))
        self._rings = [
            (
                array("d", (longitude * self._km_per_longitude for longitude, _ in ring)),
                array("d", (latitude * _KM_PER_DEGREE for _, latitude in ring)),
            )
            for ring in rings
        ]
        self._west, self._east = min(min(xs) for xs, _ in self._rings), max(max(xs) for xs, _ in self._rings)
        self._south, self._north = min(min(ys) for _, ys in self._rings), max(max(ys) for _, ys in self._rings)

    def from_box(self, latitude: float, longitude: float) -> float:
        """How far a position lies from the box around the district, at most: below 0 inside it."""
        x, y = longitude * self._km_per_longitude, latitude * _KM_PER_DEGREE
        return max(self._west - x, x - self._east, self._south - y, y - self._north)

    def distance_km(self, latitude: float, longitude: float) -> float:
        """See `distance_km` of the module."""
        from_box = self.from_box(latitude, longitude)
        if from_box > _FARTHEST_KM:
            return from_box
        x, y = longitude * self._km_per_longitude, latitude * _KM_PER_DEGREE
        inside = False
        nearest = inf
        for xs, ys in self._rings:
            x1, y1 = xs[0] - x, ys[0] - y
            for x2, y2 in zip(xs, ys, strict=True):
                x2 -= x
                y2 -= y
                dx, dy = x2 - x1, y2 - y1
                if (y1 > 0) != (y2 > 0) and x1 > y1 * dx / dy:  # the edge passes east of the point
                    inside = not inside
                length = dx * dx + dy * dy
                along = -(x1 * dx + y1 * dy) / length if length else 0.0
                if along < 0:
                    along = 0.0
                elif along > 1:
                    along = 1.0
                px, py = x1 + along * dx, y1 + along * dy
                square = px * px + py * py
                if square < nearest:
                    nearest = square
                x1, y1 = x2, y2
        return -sqrt(nearest) if inside else sqrt(nearest)


@lru_cache(maxsize=_CELLS_KEPT)
def _distance_of_middle(district: str, row: int, column: int) -> float:
    return distance_km(district, (row + 0.5) / CELLS_PER_DEGREE, (column + 0.5) / CELLS_PER_DEGREE)


@cache
def _outlines() -> dict[str, _Outline]:
    return {code: _Outline(of_district) for code, of_district in read_rings().items()}
