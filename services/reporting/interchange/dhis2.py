"""The survey's figures as DHIS2 takes them: data elements, a monthly data set, and values of areas."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from services.reporting.answers import CoverageRow
from shared.areas.units import DEFAULT_CATEGORIES, area_uid, uid


class Element(NamedTuple):
    """A figure of `CoverageRow` under its names in DHIS2."""

    figure: str
    th: str
    en: str

    @property
    def uid(self) -> str:
        """The id that DHIS2 shall use."""
        return uid(f"data-element:{self.figure}")

    @property
    def code(self) -> str:
        """The code, which is for people."""
        return f"JITASA_{self.figure.upper()}"


ELEMENTS: Final = (
    Element("submissions", "การเยี่ยมบ้าน", "Visits"),
    Element("households", "ครัวเรือนที่สำรวจแล้ว", "Households surveyed"),
    Element("persons", "จำนวนคนที่สำรวจแล้ว", "Persons surveyed"),
    Element("dose_0", "ยังไม่ฉีดวัคซีน", "Persons without a dose"),
    Element("dose_1", "ฉีดแล้ว 1 เข็ม", "Persons with one dose"),
    Element("dose_2", "ฉีดแล้ว 2 เข็ม", "Persons with two doses"),
    Element("dose_3", "ฉีดแล้ว 3 เข็มขึ้นไป", "Persons with three doses or more"),
    Element("wanting", "ต้องการฉีดวัคซีน", "Persons wanting vaccine"),
    Element("wanting_608", "กลุ่ม 608 ที่ต้องการฉีดวัคซีน", "Persons at risk (608) wanting vaccine"),
    Element("undecided", "ยังไม่ตัดสินใจ", "Persons undecided"),
    Element("refusing", "ไม่ประสงค์ฉีดวัคซีน", "Persons refusing"),
    Element("home_visit", "ต้องการให้ไปฉีดที่บ้าน", "Persons needing a home visit"),
)
DATA_SET: Final = uid("data-set:monthly-survey")


def metadata() -> dict[str, Any]:
    """The data elements and the data set, for `POST /api/metadata`."""
    return {
        "dataElements": [_element(each) for each in ELEMENTS],
        "dataSets": [
            {
                "id": DATA_SET,
                "code": "JITASA_MONTHLY_SURVEY",
                "name": "ผลสำรวจวัคซีนรายเดือน (จิตอาสา)",
                "shortName": "ผลสำรวจวัคซีนรายเดือน",
                "periodType": "Monthly",
                "translations": _named("Vaccination as surveyed, by month (Jitasa)"),
                "dataSetElements": [{"dataElement": {"id": each.uid}} for each in ELEMENTS],
            }
        ],
    }


def _element(element: Element) -> dict[str, Any]:
    # What was found until a month's end adds up over areas, and over months the last one stands.
    return {
        "id": element.uid,
        "code": element.code,
        "name": f"{element.th} (สำรวจ)",
        "shortName": element.th,
        "domainType": "AGGREGATE",
        "valueType": "INTEGER_ZERO_OR_POSITIVE",
        "aggregationType": "LAST",
        "categoryCombo": {"id": DEFAULT_CATEGORIES},
        "zeroIsSignificant": True,
        "translations": _named(f"{element.en} (survey)"),
    }


def _named(english: str) -> list[Mapping[str, str]]:
    return [{"property": "NAME", "locale": "en", "value": english}]


def values(row: CoverageRow, period: str) -> list[dict[str, str]]:
    """The values of one area as they stood at the end of the period; none of one whose figures are withheld."""
    if row.suppressed:
        return []
    unit = area_uid(row.area)
    return [
        {"dataElement": element.uid, "period": period, "orgUnit": unit, "value": str(getattr(row, element.figure))}
        for element in ELEMENTS
    ]
