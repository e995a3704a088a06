"""Areas and places as DHIS2 has them: organisation units of five levels, with ids of eleven characters."""

from collections.abc import Iterator
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.places import Facility
from shared.areas.register import Area, area, children

SHORT_NAME: Final = 50
"""Characters that DHIS2 takes."""
WEBSITE: Final = 255
LEVEL: Final = {0: 1, 2: 2, 4: 3, 6: 4}
PLACE_LEVEL: Final = 5
COUNTRY_CODE: Final = "TH"
SINCE: Final = "1900-01-01"
"""DHIS2 wants to know when a unit was opened and takes no value from before: areas were always there."""

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


def place_uid(facility_id: UUID) -> str:
    """The id of a place's unit."""
    return uid(f"place:{facility_id}")


DEFAULT_CATEGORIES: Final = "bjDvmb4bfuf"
"""The category combination "default", which every DHIS2 has under this id."""
FREE_BEDS: Final = uid("data-element:free-beds")
ALL_BEDS: Final = uid("data-element:beds")
DAILY_BEDS: Final = uid("data-set:daily-beds")


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


def place_unit(place: Facility, closed_at: datetime | None) -> dict[str, Any]:
    """The unit of a place below its subdistrict."""
    content = place.content
    unit: dict[str, Any] = {
        "id": place_uid(place.facility_id),
        "code": str(place.facility_id),
        "name": content.name,
        "shortName": content.name[:SHORT_NAME],
        "openingDate": _day(place.created_at).isoformat(),
        "level": PLACE_LEVEL,
        "parent": {"id": area_uid(content.area)},
    }
    if closed_at is not None:
        unit["closedDate"] = _day(closed_at).isoformat()
    if content.position is not None:
        unit["geometry"] = {"type": "Point", "coordinates": [content.position.lon, content.position.lat]}
    if content.contact.phone:
        unit["phoneNumber"] = content.contact.phone
    if content.contact.email:
        unit["email"] = content.contact.email
    if content.contact.website and len(content.contact.website) <= WEBSITE:
        unit["url"] = content.contact.website
    return unit


def metadata() -> dict[str, Any]:
    """The data elements and the data set that the daily values need."""
    return {
        "dataElements": [
            _element(FREE_BEDS, "JITASA_FREE_BEDS", "เตียงว่าง", "Free beds"),
            _element(ALL_BEDS, "JITASA_BEDS", "เตียงทั้งหมด", "Beds"),
        ],
        "dataSets": [
            {
                "id": DAILY_BEDS,
                "code": "JITASA_DAILY_BEDS",
                "name": "เตียงรายวัน (จิตอาสา)",
                "shortName": "เตียงรายวัน",
                "periodType": "Daily",
                "translations": [{"property": "NAME", "locale": "en", "value": "Beds by day (Jitasa)"}],
                "dataSetElements": [{"dataElement": {"id": FREE_BEDS}}, {"dataElement": {"id": ALL_BEDS}}],
            }
        ],
    }


def _element(element: str, code: str, th: str, en: str) -> dict[str, Any]:
    # Beds are there or not on a day: they add up over places, and over days they have a mean.
    return {
        "id": element,
        "code": code,
        "name": th,
        "shortName": th,
        "domainType": "AGGREGATE",
        "valueType": "INTEGER_ZERO_OR_POSITIVE",
        "aggregationType": "AVERAGE_SUM_ORG_UNIT",
        "categoryCombo": {"id": DEFAULT_CATEGORIES},
        "zeroIsSignificant": True,
        "translations": [{"property": "NAME", "locale": "en", "value": en}],
    }


def _inside(each: Area) -> Iterator[Area]:
    yield each
    for below in children(each.code):
        yield from _inside(below)


def _day(moment: datetime) -> date:
    return moment.astimezone(BANGKOK).date()
