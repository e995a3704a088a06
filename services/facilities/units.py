"""Places as DHIS2 has them: organisation units below those of the areas, and their beds by day."""

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.places import Facility
from shared.areas.units import DEFAULT_CATEGORIES, SHORT_NAME, area_uid, uid

WEBSITE: Final = 255
PLACE_LEVEL: Final = 5


def place_uid(facility_id: UUID) -> str:
    """The id of a place's unit."""
    return uid(f"place:{facility_id}")


FREE_BEDS: Final = uid("data-element:free-beds")
ALL_BEDS: Final = uid("data-element:beds")
DAILY_BEDS: Final = uid("data-set:daily-beds")


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


def _day(moment: datetime) -> date:
    return moment.astimezone(BANGKOK).date()
