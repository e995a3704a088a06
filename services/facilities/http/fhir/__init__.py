"""HL7 FHIR R4: places as Locations, institutions as Organizations (docs/facilities-fhir.md)."""

from services.facilities.http.fhir.routes import router
from shared.web.outcomes import add_outcomes

__all__ = ["add_outcomes", "router"]
