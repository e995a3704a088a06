"""What an interface can do, told as FHIR tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.fhir.definitions import DATED, PUBLISHER, VERSION

Parameter = tuple[str, str, str, str]
"""Name, type, the last part of its definition's URL, and what is to be known of it here."""


@dataclass(frozen=True, slots=True)
class Interface:
    """What one interface is called, and what is to be known of all of it."""

    id: str
    name: str
    title: str
    description: str
    software: str
    implementation: str
    documentation: str
    security: Mapping[str, Any]


def statement(interface: Interface, base: str, resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The CapabilityStatement of the interface at `base`."""
    return {
        "resourceType": "CapabilityStatement",
        "id": interface.id,
        "name": interface.name,
        "title": interface.title,
        "status": "active",
        "experimental": False,
        "date": DATED,
        "publisher": PUBLISHER,
        "description": interface.description,
        "kind": "instance",
        "software": {"name": interface.software},
        "implementation": {"description": interface.implementation, "url": base},
        "fhirVersion": VERSION,
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "documentation": interface.documentation,
                "security": interface.security,
                "resource": resources,
            }
        ],
    }


def search_parameters(parameters: Sequence[Parameter]) -> list[dict[str, str]]:
    """By what a resource is searched, as its part of the statement says it."""
    return [
        {
            "name": name,
            "definition": f"http://hl7.org/fhir/SearchParameter/{definition}",
            "type": kind,
            "documentation": documentation,
        }
        for name, kind, definition, documentation in parameters
    ]
