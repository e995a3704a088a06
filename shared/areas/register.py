"""The register of Thailand's areas: TIS-1099 codes with Thai and English names, and what became of abolished codes.

Codes are text. A province has 2 digits, a district 4, a subdistrict 6, each beginning with its parent's code; the
country is the empty code, so that "begins with" is "lies in" at every level. Bangkok (10) is a province whose districts
are khet and whose subdistricts are khwaeng. English names are not unique (1404 and 1413 share one): never join on them.

The data is GeoThai's (package `geothai`, CC BY 4.0). Only its JSON files are read, at the first question: importing the
package would build its whole list of literal types, which nobody here needs.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

Level = Literal["country", "province", "district", "subdistrict"]

_LEVELS: Final[Mapping[int, Level]] = {0: "country", 2: "province", 4: "district", 6: "subdistrict"}


@dataclass(frozen=True, slots=True)
class Area:
    """One area in use today. `parent` is the code of the area around it; the country has none."""

    code: str
    level: Level
    name_th: str
    name_en: str
    parent: str | None


class UnknownArea(LookupError):
    """No area has or had this code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        return f"no area has the code {self.code!r}"


class AbolishedArea(UnknownArea):
    """The area was abolished. `successors` are the current codes that took its place; empty where none is on record."""

    def __init__(self, code: str, successors: tuple[str, ...]) -> None:
        super().__init__(code)
        self.successors = successors

    def __str__(self) -> str:
        return f"the area {self.code} was abolished; it is now {', '.join(self.successors) or 'nothing on record'}"


def area(code: str) -> Area:
    """Return the area of a code in use today.

    Raises:
        AbolishedArea: the code was in use and is not any more; says which codes took its place.
        UnknownArea: there never was such a code.
    """
    found = _areas().get(code)
    if found is not None:
        return found
    if code in _abolished():
        raise AbolishedArea(code, _abolished()[code])
    raise UnknownArea(code)


def named(code: str) -> str:
    """An area for whoever reads a list at a machine: its code and both its names, whatever code it is."""
    if not code:
        return "ทั้งประเทศ / the whole country"
    try:
        found = area(code)
    except UnknownArea:
        return f"{code} (no such area / ไม่มีพื้นที่นี้)"
    return f"{code} {found.name_th} / {found.name_en}"


def is_current(code: str) -> bool:
    """Tell whether a code of any level is in use today (the country's empty code is)."""
    return code in _areas()


def provinces() -> tuple[Area, ...]:
    """Return the 77 provinces, by code."""
    return children("")


def children(code: str) -> tuple[Area, ...]:
    """Return the areas one level below, by code; a subdistrict has none. Raises as `area` does."""
    area(code)
    return _children().get(code, ())


def subdistricts(prefix: str = "") -> tuple[Area, ...]:
    """Return every subdistrict in the area of that code, by code; without one, the country's. Raises as `area` does."""
    area(prefix)
    codes, areas = _subdistricts()
    # ":" is the character after "9", so that it bounds every code that begins with the prefix
    return areas[bisect_left(codes, prefix) : bisect_left(codes, prefix + ":")]


def _rows(name: str) -> list[list[Any]]:
    package = find_spec("geothai")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("the package geothai, which holds the area register, is not installed")
    text = Path(package.submodule_search_locations[0], "_data", f"{name}.json").read_text(encoding="utf-8")
    rows: list[list[Any]] = json.loads(text)
    return rows


@cache
def _areas() -> dict[str, Area]:
    areas = {"": Area("", "country", "ประเทศไทย", "Thailand", None)}
    for name in ("provinces", "districts", "subdistricts"):
        for code, name_th, name_en, *_ in _rows(name):
            areas[code] = Area(code, _LEVELS[len(code)], name_th, name_en, code[:-2])
    return areas


@cache
def _children() -> dict[str, tuple[Area, ...]]:
    grouped: dict[str, list[Area]] = {}
    for each in sorted(_areas().values(), key=lambda each: each.code):
        if each.parent is not None:
            grouped.setdefault(each.parent, []).append(each)
    return {code: tuple(areas) for code, areas in grouped.items()}


@cache
def _subdistricts() -> tuple[list[str], tuple[Area, ...]]:
    areas = sorted((each for each in _areas().values() if each.level == "subdistrict"), key=lambda each: each.code)
    return [each.code for each in areas], tuple(areas)


@cache
def _abolished() -> dict[str, tuple[str, ...]]:
    return {row[0]: tuple(row[4].split()) for row in _rows("abolished")}
