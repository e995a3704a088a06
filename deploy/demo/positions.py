"""Where a house or a place stands: near the middle of its district, from the map's own boundaries."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

_BOUNDARIES: Final = Path(__file__).parents[2] / "shared" / "areas" / "data" / "districts.topojson"
_SPREAD_DEGREES: Final = 0.02  # about 2 km: stays within all but the smallest districts
_MIDDLE_OF_THE_COUNTRY: Final = (15.0, 101.0)


def position_near(random: Random, area: str) -> tuple[float, float]:
    """Latitude and longitude of somewhere in the district of `area`, to the nearest 10 m or so."""
    latitude, longitude = district_centres().get(area[:4], _MIDDLE_OF_THE_COUNTRY)
    return (
        round(latitude + random.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES), 4),
        round(longitude + random.uniform(-_SPREAD_DEGREES, _SPREAD_DEGREES), 4),
    )


@cache
def district_centres() -> Mapping[str, tuple[float, float]]:
    """Latitude and longitude of the middle of each district, by its code."""
    topology: dict[str, Any] = json.loads(_BOUNDARIES.read_bytes())
    scale_x, scale_y = topology["transform"]["scale"]
    shift_x, shift_y = topology["transform"]["translate"]
    arcs: list[list[tuple[int, int]]] = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            points.append((x, y))
        arcs.append(points)
    (collection,) = topology["objects"].values()
    centres = {}
    for district in collection["geometries"]:
        polygons = district["arcs"] if district["type"] == "MultiPolygon" else [district["arcs"]]
        largest = max((_ring(polygon[0], arcs) for polygon in polygons), key=len)
        centres[str(district["properties"]["code"])] = (
            shift_y + scale_y * sum(y for _, y in largest) / len(largest),
            shift_x + scale_x * sum(x for x, _ in largest) / len(largest),
        )
    return centres


def _ring(references: Sequence[int], arcs: Sequence[list[tuple[int, int]]]) -> list[tuple[int, int]]:
    """The points of a ring; a negative reference (~i) is arc i backwards."""
    return [point for reference in references for point in arcs[reference if reference >= 0 else ~reference]]
