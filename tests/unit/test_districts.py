"""Positions in and around districts, held to a slow and simple reference."""

import json
from itertools import pairwise
from math import atan2, cos, hypot, pi, radians
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.areas.districts import (
    DATA,
    MOST_INACCURACY_KM,
    TOLERANCE_KM,
    cell_of,
    distance_km,
    is_elsewhere,
    read_rings,
)
from shared.areas.register import children, provinces

CHIANG_MAI, PHRA_NAKHON = "5001", "1001"
AT_HOME = (18.7883, 98.9853)
"""Si Phum, in the middle of Chiang Mai's old town."""
RINGS = read_rings()
Point = tuple[float, float]


def reference(district: str, latitude: float, longitude: float) -> float:
    """Kilometres from the border, below 0 inside: winding numbers, and each edge walked in a thousand steps' worth of
    exactness by bisection. Everything on a plane whose origin is the position itself."""
    scale = 111.32 * cos(radians(latitude))
    winding, nearest = 0.0, float("inf")
    for ring in RINGS[district]:
        points = [((x - longitude) * scale, (y - latitude) * 110.6) for x, y in ring]
        for one, other in pairwise(points):
            turn = atan2(other[1], other[0]) - atan2(one[1], one[0])
            winding += (turn + pi) % (2 * pi) - pi
            nearest = min(nearest, _from_edge(one, other))
    return -nearest if round(winding / (2 * pi)) else nearest


def _from_edge(one: Point, other: Point) -> float:
    """The distance of the origin from an edge, which is convex along it: found by thirds."""
    low, high = 0.0, 1.0
    for _ in range(60):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if _along(one, other, a) < _along(one, other, b):
            high = b
        else:
            low = a
    return _along(one, other, low)


def _along(one: Point, other: Point, part: float) -> float:
    return hypot(one[0] + part * (other[0] - one[0]), one[1] + part * (other[1] - one[1]))


@st.composite
def around(draw: st.DrawFn) -> tuple[str, float, float]:
    """A district, and a position near one of its border's points: inside, outside, or about a tolerance away."""
    district = draw(st.sampled_from(sorted(RINGS)))
    longitude, latitude = draw(st.sampled_from(draw(st.sampled_from(RINGS[district]))))
    reach = draw(st.sampled_from([0.002, 0.012, 0.03]))
    return district, latitude + draw(st.floats(-reach, reach)), longitude + draw(st.floats(-reach, reach))


@given(around())
def test_the_distance_is_the_reference_s(place: tuple[str, float, float]) -> None:
    """To 2 % and 5 m: the reference's plane has its scale from the position, ours from the district's middle."""
    assert distance_km(*place) == pytest.approx(reference(*place), rel=0.02, abs=0.005)


@given(around(), st.sampled_from([None, 0.0, 12.0, 800.0, 2_000.0, 90_000.0]))
def test_elsewhere_is_what_lies_beyond_the_tolerance(place: tuple[str, float, float], accuracy_m: float | None) -> None:
    """Whether the answer came from a cell or from the position."""
    tolerance = TOLERANCE_KM + min((accuracy_m or 0) / 1000, MOST_INACCURACY_KM)
    assert is_elsewhere(*place, accuracy_m) is (distance_km(*place) > tolerance)


@given(st.sampled_from(sorted(RINGS)), st.floats(-90, 90), st.floats(-180, 180))
def test_the_rest_of_the_world_is_elsewhere(district: str, latitude: float, longitude: float) -> None:
    if not (5 < latitude < 21 and 97 < longitude < 106):
        assert is_elsewhere(district, latitude, longitude, 1e6)


def test_every_district_has_a_boundary_and_closed_rings() -> None:
    assert RINGS.keys() == {district.code for province in provinces() for district in children(province.code)}
    assert all(ring[0] == ring[-1] and len(ring) > 3 for of_district in RINGS.values() for ring in of_district)


def test_known_places() -> None:
    assert not is_elsewhere(CHIANG_MAI, *AT_HOME)
    assert distance_km(CHIANG_MAI, *AT_HOME) < -1
    assert is_elsewhere(PHRA_NAKHON, *AT_HOME)
    assert is_elsewhere(CHIANG_MAI, 13.7563, 100.5018)
    assert not is_elsewhere("9999", *AT_HOME)  # no boundary, no accusation


def test_an_island_belongs_to_its_district_and_the_sea_between_does_not() -> None:
    """Ko Sichang and others: districts of several polygons."""
    several = [code for code, of_district in RINGS.items() if len(of_district) > 1]
    assert several
    for code in several:
        for ring in RINGS[code]:
            longitude, latitude = ring[0]
            assert not is_elsewhere(code, latitude, longitude)


def test_the_edges_of_the_tolerance() -> None:
    """West of the westernmost point of the country's westernmost district, where the distance is known by hand."""
    code = min(RINGS, key=lambda code: min(x for ring in RINGS[code] for x, _ in ring))
    longitude, latitude = min(point for ring in RINGS[code] for point in ring)
    km = 1 / (111.32 * cos(radians(latitude)))
    assert not is_elsewhere(code, latitude, longitude - 0.97 * km)
    assert is_elsewhere(code, latitude, longitude - 1.03 * km)
    assert not is_elsewhere(code, latitude, longitude - 1.9 * km, accuracy_m=1_000)
    assert not is_elsewhere(code, latitude, longitude - 2.95 * km, accuracy_m=1e6)
    assert is_elsewhere(code, latitude, longitude - 3.05 * km, accuracy_m=1e6)


@pytest.mark.parametrize(
    ("position", "cell"),
    [
        ((18.7883, 98.9853), (1878, 9898)),
        ((0.0, 0.0), (0, 0)),
        ((-0.001, -0.001), (-1, -1)),
        ((90, 180), (9000, 18000)),
    ],
)
def test_cells(position: Point, cell: Any) -> None:
    assert cell_of(*position) == cell


def test_the_file_is_the_map_s() -> None:
    assert json.loads(DATA.read_bytes())["type"] == "Topology"
