"""GeoJSON as a table: a feature is a row, a property a column, and the point the last column.

Features are kept as the bytes that they were and read one by one, so that 100,000 need little more than their file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

import msgspec

from services.facilities.reading.positions import NO_POINT
from services.facilities.reading.table import Form, Table
from shared.tables.limits import MAX_CELL, MAX_COLUMNS
from shared.tables.unreadable import UnreadableFile

POINT: Final = "geometry"
"""Title of the column that holds the point; it reads latitude, longitude."""

_JUDGED_FEATURES: Final = 1_000
"""Features whose properties make the columns: programs write the same ones in all of them."""
_WGS84: Final = re.compile(r"(?:CRS:?:?84|4326)$", re.I)


class _Collection(msgspec.Struct):
    type: str
    features: list[msgspec.Raw]
    crs: dict[str, Any] | None = None


def read_features(file: bytes, *, sample: int) -> Table:
    """Open a FeatureCollection. Raises `UnreadableFile`: not_geojson, other_crs."""
    try:
        collection = msgspec.json.decode(file.removeprefix(b"\xef\xbb\xbf"), type=_Collection)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise UnreadableFile("not_geojson") from None
    if collection.type != "FeatureCollection":
        raise UnreadableFile("not_geojson")
    _demand_wgs84(collection.crs)
    if not collection.features:
        raise UnreadableFile("empty_file")
    titles: dict[str, None] = {}
    for raw in islice(collection.features, _JUDGED_FEATURES):
        titles |= dict.fromkeys(_properties(_feature(raw)))
    names = [*islice((title for title in titles if title != POINT), MAX_COLUMNS - 1), POINT]
    rows = partial(_rows, collection.features, names)
    looked_at = tuple(cells for _, cells in islice(rows(), sample))
    return Table(Form.GEOJSON, names, 0, (), looked_at, _open=rows)


def _demand_wgs84(crs: dict[str, Any] | None) -> None:
    # Former GeoJSON could be in any system, and says so; the present one is WGS 84 and says nothing.
    if crs is None:
        return
    properties = crs.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    if not isinstance(name, str) or not _WGS84.search(name):
        raise UnreadableFile("other_crs")


def _rows(features: Sequence[msgspec.Raw], names: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    for number, raw in enumerate(features, 1):
        feature = _feature(raw)
        properties = _properties(feature)
        cells = [_text(properties.get(name)) for name in names[:-1]]
        yield number, [*cells, _point(feature.get("geometry"))]


def _feature(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        feature = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise UnreadableFile("not_geojson") from None
    return feature if isinstance(feature, dict) else {}


def _properties(feature: dict[str, Any]) -> dict[str, Any]:
    properties = feature.get("properties")
    return properties if isinstance(properties, dict) else {}


def _point(geometry: Any) -> str:
    if geometry is None:
        return ""
    if not isinstance(geometry, dict) or geometry.get("type") != "Point":
        return NO_POINT
    coordinates = geometry.get("coordinates")
    if not isinstance(coordinates, list) or len(coordinates) < 2:
        return NO_POINT
    longitude, latitude = coordinates[:2]
    if not all(isinstance(each, int | float) and abs(each) <= 180 for each in (longitude, latitude)):
        return NO_POINT
    return f"{latitude:.10f}, {longitude:.10f}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str | int | float) for each in value):
        return "; ".join(map(str, value))[:MAX_CELL]
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()[:MAX_CELL]
    if isinstance(value, float) and value.is_integer():
        return str(int(value)) if abs(value) < 2**53 else str(value)
    return str(value)[:MAX_CELL]
