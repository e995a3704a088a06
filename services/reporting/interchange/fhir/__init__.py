"""The survey's figures in HL7 FHIR R4: measures, and reports of areas by month."""
