"""Areas as DHIS2 has them: organisation units of four levels, with ids of eleven characters."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from shared.areas.register import Area, area, children

SHORT_NAME: Final = 50
"""Characters that DHIS2 takes."""
LEVEL: Final = {0: 1, 2: 2, 4: 3, 6: 4}
COUNTRY_CODE: Final = "TH"
SINCE: Final = "1900-01-01"
"""DHIS2 wants to know when a unit was opened and takes no value from before: areas were always there."""
DEFAULT_CATEGORIES: Final = "bjDvmb4bfuf"
"""The category combination "default", which every DHIS2 has under this id."""

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CHARACTERS: Final = _LETTERS + "0123456789"


def uid(name: str) -> str:
    """The id that DHIS2 shall use: a letter and ten letters or digits, always the same for a name.

    Of 110,000 names two get the same one with a chance of one in seven thousand million.
    """
    number = int.from_bytes(sha256(f"jitasa:{name}".encode()).digest()[:16])
    number, index = divmod(number, len(_LETTERS))
    found = _LETTERS[index]
    for _ in range(10):
        number, index = divmod(number, len(_CHARACTERS))
        found += _CHARACTERS[index]
    return found


def area_uid(code: str) -> str:
    """The id of an area's unit."""
    return uid(f"area:{code}")


def areas_of(code: str) -> Iterator[Area]:
    """The areas around an area, the area, and all inside it, each behind its parent."""
    for digits in range(0, len(code), 2):
        yield area(code[:digits])
    yield from _inside(area(code))


def area_unit(each: Area) -> dict[str, Any]:
    """The unit of an area, by its Thai name, with the English one as its translation."""
    unit: dict[str, Any] = {
        "id": area_uid(each.code),
        "code": each.code or COUNTRY_CODE,
        "name": each.name_th,
        "shortName": each.name_th[:SHORT_NAME],
        "openingDate": SINCE,
        "level": LEVEL[len(each.code)],
        "translations": [{"property": "NAME", "locale": "en", "value": each.name_en}],
    }
    if each.parent is not None:
        unit["parent"] = {"id": area_uid(each.parent)}
    return unit


def _inside(each: Area) -> Iterator[Area]:
    yield each
    for below in children(each.code):
        yield from _inside(below)
