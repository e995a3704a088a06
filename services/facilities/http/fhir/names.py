"""The URLs by which others know what is ours. They name things and need not lead anywhere; they never change."""

from typing import Final

from shared.fhir.definitions import HOME

BEDS: Final = f"{HOME}/StructureDefinition/beds"
DAILY_CAPACITY: Final = f"{HOME}/StructureDefinition/daily-capacity"
CONFIRMED_AT: Final = f"{HOME}/StructureDefinition/confirmed-at"
MERGED_INTO: Final = f"{HOME}/StructureDefinition/merged-into"
AREA_CODE: Final = f"{HOME}/StructureDefinition/area-code"

KINDS: Final = f"{HOME}/CodeSystem/facility-kind"
OFFICIAL_CODE: Final = f"{HOME}/NamingSystem/official-facility-code"
"""The Ministry of Public Health's codes of five or nine characters, for which no URI is published by their keeper."""

UUID: Final = "urn:ietf:rfc:3986"
"""The system of identifiers that are URIs, such as `urn:uuid:...`."""
ROLE: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
BED_STATUS: Final = "http://terminology.hl7.org/CodeSystem/v2-0116"
ORGANISATION_TYPE: Final = "http://terminology.hl7.org/CodeSystem/organization-type"
TRANSLATION: Final = "http://hl7.org/fhir/StructureDefinition/translation"
DISTANCE: Final = "http://hl7.org/fhir/StructureDefinition/location-distance"
UCUM: Final = "http://unitsofmeasure.org"
