"""What this interface can do, told as FHIR tells it."""

from typing import Any, Final

from services.reporting.interchange.fhir.names import DATED, PUBLISHER, VERSION

MOST_COUNT: Final = 200
"""Resources on a page, some 600 KB."""
DEFAULT_COUNT: Final = 50


def capability_statement(base: str) -> dict[str, Any]:
    """The CapabilityStatement of the interface at `base`."""
    return {
        "resourceType": "CapabilityStatement",
        "id": "jitasa-figures",
        "name": "JitasaFigures",
        "title": "Figures of the household survey",
        "status": "active",
        "experimental": False,
        "date": DATED,
        "publisher": PUBLISHER,
        "description": "Vaccination as surveyed, by area and month: summary reports, public data.",
        "kind": "instance",
        "software": {"name": "Jitasa reporting"},
        "implementation": {"description": "Jitasa's figures", "url": base},
        "fhirVersion": VERSION,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "documentation": "A report tells how things stood at the end of its month, in Thailand. Beside the "
                "parameters of FHIR, `area` and `level` choose areas: the areas of a level (country, province, "
                f"district, subdistrict) inside an area by its code. Up to {MOST_COUNT} resources a page. Figures of "
                "very few persons are masked for the public.",
                "security": {"description": "Public data: no key."},
                "resource": [
                    {"type": "CodeSystem", "interaction": [{"code": "read"}]},
                    {"type": "Measure", "interaction": [{"code": "read"}]},
                    {
                        "type": "MeasureReport",
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "conditionalRead": "not-match",
                        "searchParam": [
                            {
                                "name": "measure",
                                "definition": "http://hl7.org/fhir/SearchParameter/MeasureReport-measure",
                                "type": "reference",
                                "documentation": "The id of a measure, or its canonical URL; household-survey without.",
                            },
                            {
                                "name": "period",
                                "definition": "http://hl7.org/fhir/SearchParameter/MeasureReport-period",
                                "type": "date",
                                "documentation": "A month, such as 2022-02; without, the present one.",
                            },
                        ],
                    },
                ],
            }
        ],
    }
