"""The figures in the forms that other systems take: GeoJSON, DHIS2, FHIR."""
