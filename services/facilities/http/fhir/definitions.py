"""What is ours in the answers, defined as FHIR defines such things: extensions, and the code system of kinds."""

from collections.abc import Mapping
from typing import Any, Final

from services.facilities.domain.kinds import Kinds
from services.facilities.http.fhir import names
from shared.fhir.definitions import DATED, PUBLISHER, VERSION


def code_system(kinds: Kinds) -> dict[str, Any]:
    """The kinds of place."""
    return {
        "resourceType": "CodeSystem",
        "id": names.KINDS.rpartition("/")[2],
        "url": names.KINDS,
        "name": "FacilityKind",
        "title": "ประเภทสถานที่",
        "status": "active",
        "experimental": False,
        "date": DATED,
        "publisher": PUBLISHER,
        "description": "Kinds of place in the register: the directive's five and what the centre has added.",
        "caseSensitive": True,
        "content": "complete",
        "count": len(kinds),
        "concept": [
            {"code": kind.kind, "display": kind.th, "designation": [{"language": "en", "value": kind.en}]}
            for kind in kinds.values()
        ],
    }


def _definition(url: str, title: str, description: str, context: str, elements: list[dict[str, Any]]) -> dict[str, Any]:
    name = url.rpartition("/")[2]
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": url,
        "name": name.title().replace("-", ""),
        "title": title,
        "status": "active",
        "experimental": False,
        "date": DATED,
        "publisher": PUBLISHER,
        "description": description,
        "fhirVersion": VERSION,
        "kind": "complex-type",
        "abstract": False,
        "context": [{"type": "element", "expression": context}],
        "type": "Extension",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Extension",
        "derivation": "constraint",
        "differential": {
            "element": [
                {"id": "Extension", "path": "Extension", "short": title, "definition": description, "max": "1"},
                *elements,
                {"id": "Extension.url", "path": "Extension.url", "fixedUri": url},
            ]
        },
    }


def _simple(
    url: str, title: str, description: str, context: str, kind: str, profile: str | None = None
) -> dict[str, Any]:
    value_type: dict[str, Any] = {"code": kind} | ({"targetProfile": [profile]} if profile else {})
    definition = _definition(
        url,
        title,
        description,
        context,
        [{"id": "Extension.extension", "path": "Extension.extension", "max": "0"}],
    )
    definition["differential"]["element"].append(
        {"id": "Extension.value[x]", "path": "Extension.value[x]", "min": 1, "type": [value_type]}
    )
    return definition


def _part(name: str, meaning: str, least: int) -> list[dict[str, Any]]:
    path, root = "Extension.extension", f"Extension.extension:{name}"
    return [
        {"id": root, "path": path, "sliceName": name, "short": meaning, "min": least, "max": "1"},
        {"id": f"{root}.extension", "path": f"{path}.extension", "max": "0"},
        {"id": f"{root}.url", "path": f"{path}.url", "fixedUri": name},
        {"id": f"{root}.value[x]", "path": f"{path}.value[x]", "min": 1, "type": [{"code": "unsignedInt"}]},
    ]


def _beds() -> dict[str, Any]:
    definition = _definition(
        names.BEDS,
        "Beds",
        "How many beds a place has, and how many of them were free when it was last confirmed.",
        "Location",
        [
            {
                "id": "Extension.extension",
                "path": "Extension.extension",
                "slicing": {"discriminator": [{"type": "value", "path": "url"}], "rules": "closed"},
                "min": 1,
            },
            *_part("capacity", "All beds", 1),
            *_part("free", "Free beds", 0),
        ],
    )
    definition["differential"]["element"].append({"id": "Extension.value[x]", "path": "Extension.value[x]", "max": "0"})
    return definition


EXTENSIONS: Final[Mapping[str, dict[str, Any]]] = {
    each["id"]: each
    for each in (
        _beds(),
        _simple(
            names.DAILY_CAPACITY,
            "Daily capacity",
            "How many persons a place without beds can test or vaccinate in a day.",
            "Location",
            "unsignedInt",
        ),
        _simple(
            names.CONFIRMED_AT,
            "Confirmed at",
            "When the place's keeper last said that everything about it is right; places are to be confirmed weekly.",
            "Location",
            "dateTime",
        ),
        _simple(
            names.MERGED_INTO,
            "Merged into",
            "The place that this one turned out to be, entered twice. This one is inactive from then on.",
            "Location",
            "Reference",
            "http://hl7.org/fhir/StructureDefinition/Location",
        ),
        _simple(
            names.AREA_CODE,
            "Area code",
            "The code of six digits (TIS-1099) of the subdistrict.",
            "Address",
            "code",
        ),
    )
}
"""The extensions by the last part of their URL."""
