"""What this interface can do, told as FHIR tells it."""

from collections.abc import Sequence
from typing import Any, Final

from shared.fhir.capability import Interface, Parameter, search_parameters, statement

INTERFACE: Final = Interface(
    id="jitasa-places",
    name="JitasaPlaces",
    title="Register of places",
    description="Test points, vaccination points, hospitals, field hospitals and waiting centres: public data.",
    software="Jitasa facilities",
    implementation="Jitasa's register of places",
    documentation="Unknown parameters are left out, and not in the self link; with Prefer: handling=strict they are "
    "refused. Up to 200 resources a page; total on the first one.",
    security={"cors": True, "description": "Public data: no key. An address may ask 50 times a second."},
)

_UPDATED: Final[Parameter] = (
    "_lastUpdated",
    "date",
    "Resource-lastUpdated",
    "Prefixes eq, ne, gt, lt, ge, le, sa, eb; without a zone Thailand's time.",
)
_ID: Final[Parameter] = ("_id", "token", "Resource-id", "Several with commas between.")

LOCATION: Final[Sequence[Parameter]] = (
    _ID,
    _UPDATED,
    ("identifier", "token", "Location-identifier", "The official code, or urn:uuid: and the id."),
    ("name", "string", "Location-name", "However it is typed in Thai; :contains, :exact."),
    ("address", "string", "Location-address", "Province, district or subdistrict, Thai or English; :contains, :exact."),
    ("address-state", "string", "Location-address-state", "The province, Thai or English, or its code of two digits."),
    ("address-city", "string", "Location-address-city", "The subdistrict, Thai or English, or its code of six digits."),
    ("address-country", "string", "Location-address-country", "TH."),
    (
        "near",
        "special",
        "Location-near",
        "latitude|longitude|distance|units; km, m or miles, up to 200 km; nearest first.",
    ),
    ("type", "token", "Location-type", "Our code of the kind, or HL7's of the role; :not."),
    ("status", "token", "Location-status", ":not."),
    ("operational-status", "token", "Location-operational-status", "C, O or U; :not."),
    ("organization", "reference", "Location-organization", "The institution with an official code."),
)

ORGANIZATION: Final[Sequence[Parameter]] = (
    _ID,
    _UPDATED,
    ("identifier", "token", "Organization-identifier", "The official code."),
    ("name", "string", "Organization-name", "However it is typed in Thai; :contains, :exact."),
    ("address", "string", "Organization-address", "Province, district or subdistrict, Thai or English."),
    ("address-state", "string", "Organization-address-state", "The province, Thai or English, or its code."),
    ("address-city", "string", "Organization-address-city", "The subdistrict, Thai or English, or its code."),
    ("address-country", "string", "Organization-address-country", "TH."),
    ("type", "token", "Organization-type", "prov; :not."),
    ("active", "token", "Organization-active", "Whether one of its places is not closed; :not."),
)


def capability_statement(base: str) -> dict[str, Any]:
    """The CapabilityStatement of the interface at `base`."""
    resources = [
        _resource("CodeSystem", "no-version", ()),
        _resource("Location", "versioned", LOCATION, conditional_read="full-support"),
        _resource("Organization", "no-version", ORGANIZATION, conditional_read="not-match"),
        _resource("StructureDefinition", "no-version", ()),
    ]
    return statement(INTERFACE, base, resources)


def _resource(
    kind: str, versioning: str, parameters: Sequence[Parameter], conditional_read: str = "not-supported"
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": kind,
        "interaction": [{"code": "read"}, *([{"code": "search-type"}] if parameters else [])],
        "versioning": versioning,
        "readHistory": False,
        "updateCreate": False,
    }
    if parameters:
        found["conditionalRead"] = conditional_read
        found["searchParam"] = search_parameters(parameters)
    return found
