"""An institution as a FHIR R4 Organization: whoever has an official code of a health facility.

The register knows which agency keeps a place's data by an id alone: names of agencies are in another service's
database, and keeping data is not managing the place. The official code does name an institution, whose places may be
several: a hospital and the vaccination point in it. So a hospital is an Organization by its code, and a Location.
"""

from typing import Any

from services.facilities.http.fhir import names
from services.facilities.http.fhir.addresses import address_of
from services.facilities.http.fhir.locations import coding, instant, telecom_of
from services.facilities.store.organisations import Organisation

PROVIDER = ("prov", "Healthcare Provider")


def organisation_of(organisation: Organisation) -> dict[str, Any]:
    """The Organization of an official code."""
    found: dict[str, Any] = {
        "resourceType": "Organization",
        "id": organisation.code,
        "meta": {"lastUpdated": instant(organisation.updated_at)},
        "identifier": [{"use": "official", "system": names.OFFICIAL_CODE, "value": organisation.code}],
        "active": organisation.active,
        "type": [{"coding": [coding(names.ORGANISATION_TYPE, *PROVIDER)]}],
        "name": organisation.name,
        "address": [address_of(organisation.area)],
    }
    telecom = telecom_of(organisation.contact)
    if telecom:
        found["telecom"] = telecom
    return found
