"""The URLs by which others know what is ours. They name things and need not lead anywhere; they never change."""

from typing import Final

from shared.fhir.definitions import HOME

FIGURES: Final = f"{HOME}/CodeSystem/survey-figure"
AREA_CODE: Final = f"{HOME}/NamingSystem/area-code"
"""Codes of TIS-1099, for which no URI is published by their keeper; of the country it is TH."""

POPULATION: Final = "http://terminology.hl7.org/CodeSystem/measure-population"
SCORING: Final = "http://terminology.hl7.org/CodeSystem/measure-scoring"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

COUNTRY: Final = "TH"
