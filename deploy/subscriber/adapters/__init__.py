"""Subscribers that hand events on in the forms of health systems: CSV by night, DHIS2, FHIR's bulk files."""
