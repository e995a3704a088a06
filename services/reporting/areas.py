"""The levels of areas, and what lies in an area."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from shared.areas.register import Area, Level, children, subdistricts
from shared.areas.register import area as registered_area

DIGITS: Final[Mapping[Level, int]] = {"country": 0, "province": 2, "district": 4, "subdistrict": 6}
"""How long the codes of each level are."""

LEVELS: Final = tuple(DIGITS)


@lru_cache(maxsize=4_096)  # references to the register's own entries; every province and district by every level
def areas_of(code: str, level: Level) -> tuple[Area, ...]:
    """Every area of `level` inside the area of `code`, by code."""
    if level == "subdistrict":
        return subdistricts(code)
    found: tuple[Area, ...] = (registered_area(code),)
    while found[0].level != level:
        found = tuple(child for each in found for child in children(each.code))
    return found
