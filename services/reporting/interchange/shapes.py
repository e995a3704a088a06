"""The borders of provinces and districts as GeoJSON geometries, from the map's TopoJSON files."""

import json
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any, Final

import msgspec

from shared.areas.register import Level
from shared.web.maps import BOUNDARIES

FILES: Final = {"province": "provinces", "district": "districts"}
"""Levels that have borders. Those of subdistricts are nowhere to be had under a licence that would let us."""
DECIMALS: Final = 5
"""Of a degree: a metre, where the borders are good to 160."""

Point = tuple[float, float]


@lru_cache(maxsize=len(FILES))  # 500 KB and 1.2 MB, read once
def shapes(level: Level) -> dict[str, msgspec.Raw]:
    """By area code, the geometry in WGS 84 as JSON; none of levels without borders."""
    if level not in FILES:
        return {}
    topology = json.loads((BOUNDARIES / f"{FILES[level]}.topojson").read_bytes())
    arcs = _arcs(topology)
    (collection,) = topology["objects"].values()
    return {
        each["properties"]["code"]: msgspec.Raw(msgspec.json.encode(_geometry(each, arcs)))
        for each in collection["geometries"]
    }


def _arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Each line's points; in the file a point is the steps from the one before it."""
    (width, height), (west, south) = topology["transform"]["scale"], topology["transform"]["translate"]
    found = []
    for steps in topology["arcs"]:
        xs, ys = (accumulate(step[axis] for step in steps) for axis in (0, 1))
        found.append(
            [
                (round(west + x * width, DECIMALS), round(south + y * height, DECIMALS))
                for x, y in zip(xs, ys, strict=True)
            ]
        )
    return found


def _geometry(shape: dict[str, Any], arcs: list[list[Point]]) -> dict[str, Any]:
    polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
    found = [[_ring(ring, arcs) for ring in polygon] for polygon in polygons]
    if shape["type"] == "Polygon":
        return {"type": "Polygon", "coordinates": found[0]}
    return {"type": "MultiPolygon", "coordinates": found}


def _ring(numbers: list[int], arcs: list[list[Point]]) -> list[Point]:
    """The lines one after the other, each beginning where the one before ends; a complement is one backwards."""
    lines = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
    return [*lines[0], *chain.from_iterable(line[1:] for line in lines[1:])]
