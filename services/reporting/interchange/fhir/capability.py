"""What this interface can do, told as FHIR tells it."""

from typing import Any, Final

from shared.fhir.capability import Interface, Parameter, search_parameters, statement

MOST_COUNT: Final = 200
"""Resources on a page, some 600 KB."""
DEFAULT_COUNT: Final = 50

INTERFACE: Final = Interface(
    id="jitasa-figures",
    name="JitasaFigures",
    title="Figures of the household survey",
    description="Vaccination as surveyed, by area and month: summary reports, public data.",
    software="Jitasa reporting",
    implementation="Jitasa's figures",
    documentation="A report tells how things stood at the end of its month, in Thailand. Beside the parameters of "
    "FHIR, `area` and `level` choose areas: the areas of a level (country, province, district, subdistrict) inside an "
    f"area by its code. Up to {MOST_COUNT} resources a page. Figures of very few persons are masked for the public.",
    security={"description": "Public data: no key."},
)
MEASURE: Final[Parameter] = (
    "measure",
    "reference",
    "MeasureReport-measure",
    "The id of a measure, or its canonical URL; household-survey without.",
)
PERIOD: Final[Parameter] = (
    "period",
    "date",
    "MeasureReport-period",
    "A month, such as 2022-02; without, the present one.",
)


def capability_statement(base: str) -> dict[str, Any]:
    """The CapabilityStatement of the interface at `base`."""
    resources = [
        {"type": "CodeSystem", "interaction": [{"code": "read"}]},
        {"type": "Measure", "interaction": [{"code": "read"}]},
        {
            "type": "MeasureReport",
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "conditionalRead": "not-match",
            "searchParam": search_parameters([MEASURE, PERIOD]),
        },
    ]
    return statement(INTERFACE, base, resources)
