"""What is measured, as FHIR defines such things: parts of the persons surveyed, and of the houses to be surveyed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.reporting.interchange.fhir.names import FIGURES, POPULATION, SCORING
from shared.fhir.definitions import DATED, HOME, PUBLISHER


@dataclass(frozen=True, slots=True)
class Group:
    """A part of a whole. figures: of `CoverageRow`, summed up to the numerator."""

    code: str
    th: str
    en: str
    figures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """Some groups of the same whole."""

    id: str
    th: str
    en: str
    whole: str
    groups: tuple[Group, ...]

    @property
    def url(self) -> str:
        """Its canonical URL."""
        return f"{HOME}/Measure/{self.id}"


SURVEY: Final = Measure(
    "household-survey",
    "การฉีดวัคซีนตามผลสำรวจครัวเรือน",
    "Vaccination as found in households: parts of the persons surveyed until the end of the period",
    "Persons of the households surveyed until the end of the period, as they were last found",
    (
        Group("dose-0", "ยังไม่ฉีดวัคซีน", "Without a dose", ("dose_0",)),
        Group("dose-1-or-more", "ฉีดแล้วอย่างน้อย 1 เข็ม", "With one dose at least", ("dose_1", "dose_2", "dose_3")),
        Group("dose-2-or-more", "ฉีดแล้วอย่างน้อย 2 เข็ม", "With two doses at least", ("dose_2", "dose_3")),
        Group("dose-3-or-more", "ฉีดแล้วอย่างน้อย 3 เข็ม", "With three doses at least", ("dose_3",)),
        Group("wanting", "ต้องการฉีดวัคซีน", "Wanting vaccine", ("wanting",)),
        Group("wanting-608", "กลุ่ม 608 ที่ต้องการฉีดวัคซีน", "At risk (608) and wanting vaccine", ("wanting_608",)),
        Group("home-visit", "ต้องการให้ไปฉีดที่บ้าน", "Needing a home visit", ("home_visit",)),
    ),
)
PROGRESS: Final = Measure(
    "survey-progress",
    "ความก้าวหน้าของการสำรวจครัวเรือน",
    "Progress of the survey: households surveyed until the end of the period, of the houses to be surveyed",
    "Houses to be surveyed, by the newest table that the centre has put in",
    (Group("households", "ครัวเรือนที่สำรวจแล้ว", "Households surveyed", ("households",)),),
)
MEASURES: Final[Mapping[str, Measure]] = {each.id: each for each in (SURVEY, PROGRESS)}
"""By id."""

POPULATIONS: Final = {
    "initial-population": "Initial Population",
    "denominator": "Denominator",
    "numerator": "Numerator",
}
"""Of every group: the whole twice, as FHIR has it, and the part."""


def population_code(code: str) -> dict[str, Any]:
    """HL7's concept of a population."""
    return {"coding": [{"system": POPULATION, "code": code, "display": POPULATIONS[code]}]}


def group_code(group: Group) -> dict[str, Any]:
    """Our concept of a group."""
    return {"coding": [{"system": FIGURES, "code": group.code, "display": group.th}], "text": group.en}


def measure_resource(measure: Measure) -> dict[str, Any]:
    """The Measure."""
    return {
        "resourceType": "Measure",
        "id": measure.id,
        "url": measure.url,
        "name": measure.id.title().replace("-", ""),
        "title": measure.th,
        "status": "active",
        "experimental": False,
        "date": DATED,
        "publisher": PUBLISHER,
        "description": measure.en,
        "subjectCodeableConcept": {
            "coding": [{"system": "http://hl7.org/fhir/resource-types", "code": "Location", "display": "Location"}]
        },
        "scoring": {"coding": [{"system": SCORING, "code": "proportion", "display": "Proportion"}]},
        "group": [_group(measure, group) for group in measure.groups],
    }


def _group(measure: Measure, group: Group) -> dict[str, Any]:
    meanings = dict.fromkeys(("initial-population", "denominator"), measure.whole) | {"numerator": group.en}
    return {
        "code": group_code(group),
        "description": group.en,
        "population": [
            {
                "code": population_code(code),
                "description": meanings[code],
                # Named in CQL, as a measure has to; it is counted from events here, and there is no library to run.
                "criteria": {
                    "language": "text/cql",
                    "expression": f'"{group.en if code == "numerator" else POPULATIONS[code]}"',
                },
            }
            for code in POPULATIONS
        ],
    }


def code_system() -> dict[str, Any]:
    """The concepts of the groups."""
    groups = [group for measure in MEASURES.values() for group in measure.groups]
    return {
        "resourceType": "CodeSystem",
        "id": FIGURES.rpartition("/")[2],
        "url": FIGURES,
        "name": "SurveyFigure",
        "title": "ตัวเลขจากการสำรวจ",
        "status": "active",
        "experimental": False,
        "date": DATED,
        "publisher": PUBLISHER,
        "description": "Figures of the household survey.",
        "caseSensitive": True,
        "content": "complete",
        "count": len(groups),
        "concept": [
            {"code": group.code, "display": group.th, "designation": [{"language": "en", "value": group.en}]}
            for group in groups
        ],
    }
