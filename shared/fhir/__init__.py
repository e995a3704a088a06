"""What all FHIR interfaces of the services have in common; no service's own resources."""
