"""A place as a FHIR R4 Location."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from services.facilities.domain.kinds import Kind, Kinds
from services.facilities.domain.places import Contact, Content, Facility
from services.facilities.http.fhir import names
from services.facilities.http.fhir.addresses import address_of
from services.facilities.http.fhir.hours import exceptions_of, hours_of_operation
from shared.contracts.events import FacilityKind, FacilityStatus

STATUS: Final[Mapping[FacilityStatus, str]] = {
    FacilityStatus.OPEN: "active",
    FacilityStatus.FULL: "active",
    FacilityStatus.SUSPENDED: "suspended",
    FacilityStatus.CLOSED: "inactive",
}

ROLES: Final[Mapping[str, tuple[str, str]]] = {
    FacilityKind.HOSPITAL: ("HOSP", "Hospital"),
    FacilityKind.FIELD_HOSPITAL: ("HOSP", "Hospital"),
    FacilityKind.TEST_POINT: ("DX", "Diagnostics or therapeutics unit"),
    FacilityKind.VACCINATION_POINT: ("OF", "Outpatient facility"),
    FacilityKind.WAITING_CENTRE: ("COMM", "Community Location"),
}
"""HL7's codes of a location's role, where one fits a kind; every place has our own code of its kind besides."""

OCCUPIED: Final = ("O", "Occupied")
UNOCCUPIED: Final = ("U", "Unoccupied")
CLOSED: Final = ("C", "Closed")


def location_of(facility: Facility, kinds: Kinds) -> dict[str, Any]:
    """The Location of a place. One that turned out to be another is inactive and refers to it: FHIR answers an id with
    the resource of that id."""
    content = facility.content
    found: dict[str, Any] = {
        "resourceType": "Location",
        "id": str(facility.facility_id),
        "meta": {"versionId": str(facility.revision), "lastUpdated": instant(facility.updated_at)},
        "extension": _extensions(facility, kinds.get(content.kind)),
        "identifier": _identifiers(facility),
        "status": STATUS[content.status],
        "name": content.name,
        "mode": "instance",
        "type": _types(content.kind, kinds.get(content.kind)),
        "address": address_of(content.area),
    }
    operational = operational_status(content)
    if operational is not None:
        found["operationalStatus"] = coding(names.BED_STATUS, *operational)
    telecom = telecom_of(content.contact)
    if telecom:
        found["telecom"] = telecom
    if content.position is not None:
        found["position"] = {"longitude": content.position.lon, "latitude": content.position.lat}
    if content.official_code is not None and facility.merged_into is None:
        found["managingOrganization"] = {"reference": f"Organization/{content.official_code}"}
    hours = hours_of_operation(content)
    if hours:
        found["hoursOfOperation"] = hours
    exceptions = exceptions_of(content)
    if exceptions is not None:
        found["availabilityExceptions"] = exceptions
    return found


def operational_status(content: Content) -> tuple[str, str] | None:
    """The code of HL7 table 0116: closed for now or for good, occupied, unoccupied; None where that is not known."""
    if content.status in (FacilityStatus.CLOSED, FacilityStatus.SUSPENDED):
        return CLOSED
    if content.status is FacilityStatus.FULL or content.free == 0:
        return OCCUPIED
    return None if content.free is None else UNOCCUPIED


def telecom_of(contact: Contact) -> list[dict[str, Any]]:
    """The institution's public contact."""
    told = (("phone", contact.phone), ("email", contact.email), ("url", contact.website))
    return [{"system": system, "value": value, "use": "work"} for system, value in told if value]


def coding(system: str, code: str, display: str) -> dict[str, Any]:
    """A FHIR Coding."""
    return {"system": system, "code": code, "display": display}


def instant(moment: datetime) -> str:
    """A FHIR instant or dateTime."""
    return moment.isoformat().replace("+00:00", "Z")


def _identifiers(facility: Facility) -> list[dict[str, Any]]:
    found = [{"use": "usual", "system": names.UUID, "value": f"urn:uuid:{facility.facility_id}"}]
    code = facility.content.official_code
    if code is not None:
        use = "official" if facility.merged_into is None else "old"
        found.insert(0, {"use": use, "system": names.OFFICIAL_CODE, "value": code})
    return found


def _types(kind: str, known: Kind | None) -> list[dict[str, Any]]:
    own = coding(names.KINDS, kind, known.th) if known else {"system": names.KINDS, "code": kind}
    codings = [own] if kind not in ROLES else [coding(names.ROLE, *ROLES[kind]), own]
    return [{"coding": codings} | ({"text": known.th} if known else {})]


def _extensions(facility: Facility, kind: Kind | None) -> list[dict[str, Any]]:
    content = facility.content
    found: list[dict[str, Any]] = [{"url": names.CONFIRMED_AT, "valueDateTime": instant(facility.confirmed_at)}]
    if content.capacity is not None and kind is not None and not kind.beds:
        found.append({"url": names.DAILY_CAPACITY, "valueUnsignedInt": content.capacity})
    elif content.capacity is not None:
        beds = (("capacity", content.capacity), ("free", content.free))
        parts = [{"url": part, "valueUnsignedInt": value} for part, value in beds if value is not None]
        found.append({"url": names.BEDS, "extension": parts})
    if facility.merged_into is not None:
        reference = {"reference": f"Location/{facility.merged_into}"}
        found.append({"url": names.MERGED_INTO, "valueReference": reference})
    return found
