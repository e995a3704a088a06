"""The answer to a search: a Bundle with links to itself and to the next page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from services.facilities.http.fhir.locations import instant
from services.facilities.http.fhir.names import DISTANCE, UCUM
from services.facilities.http.fhir.parameters import Asked, bad, whole

DEFAULT_COUNT: Final = 50
MOST_COUNT: Final = 200
"""Resources on a page, some 300 KB; whoever asks for more gets so many and a link to the next."""
_LEFT_OUT: Final = frozenset({"_cursor", "_format", "_pretty"})
_SUMMARIES: Final = frozenset({"true", "text", "data", "count", "false"})


@dataclass(frozen=True, slots=True)
class Shape:
    """How an answer shall be. count: resources on a page; total: whether it tells how many there are in all."""

    count: int
    total: bool
    cursor: str | None

    @property
    def counted_only(self) -> bool:
        """Whether nothing but the total is wanted."""
        return self.count == 0


def shape_of(asked: Sequence[Asked]) -> Shape:
    """What `_count`, `_summary`, `_total` and the cursor of a link say; raises a 400 problem."""
    told = {each.name: ",".join(each.alternatives) for each in asked}
    summary = told.get("_summary", "false")
    if summary not in _SUMMARIES:
        raise bad("_summary", "not_a_choice", "ไม่อยู่ในตัวเลือกที่ใช้ได้", "This is not one of the choices")
    total = told.get("_total", "accurate")
    if total not in ("none", "estimate", "accurate"):
        raise bad("_total", "not_a_choice", "ไม่อยู่ในตัวเลือกที่ใช้ได้", "This is not one of the choices")
    count = 0 if summary == "count" else min(whole("_count", told.get("_count", str(DEFAULT_COUNT))), MOST_COUNT)
    cursor = told.get("_cursor")
    return Shape(count, count == 0 or (total != "none" and cursor is None), cursor)


def entry(base: str, resource: Mapping[str, Any], km: float | None = None) -> dict[str, Any]:
    """A resource that was found; km: its distance from the position that was asked for."""
    search: dict[str, Any] = {"mode": "match"}
    if km is not None:
        distance = {"value": round(km, 3), "unit": "km", "system": UCUM, "code": "km"}
        search = {"extension": [{"url": DISTANCE, "valueDistance": distance}], **search}
    return {"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}", "resource": resource, "search": search}


def bundle(
    base: str,
    kind: str,
    asked: Sequence[Asked],
    shape: Shape,
    *,
    entries: Sequence[Mapping[str, Any]],
    total: int | None,
    more: str | None,
    until: datetime | None,
) -> dict[str, Any]:
    """The searchset. asked: what was understood, which is what the self link repeats; more: the next page's cursor;
    until: from when whoever follows `_lastUpdated` asks the next time."""
    understood = [
        (each.name + (f":{each.modifier}" if each.modifier else ""), ",".join(each.alternatives))
        for each in asked
        if each.name not in _LEFT_OUT
    ]
    own = understood if shape.cursor is None else [*understood, ("_cursor", shape.cursor)]
    links = [{"relation": "self", "url": _url(base, kind, own)}]
    if more is not None:
        links.append({"relation": "next", "url": _url(base, kind, [*understood, ("_cursor", more)])})
    found: dict[str, Any] = {"resourceType": "Bundle"}
    if until is not None:
        found["meta"] = {"lastUpdated": instant(until)}
    found["type"] = "searchset"
    if total is not None:
        found["total"] = total
    found["link"] = links
    if entries:
        found["entry"] = list(entries)
    return found


def _url(base: str, kind: str, parameters: Sequence[tuple[str, str]]) -> str:
    return f"{base}/{kind}" + (f"?{urlencode(parameters, safe=',:/')}" if parameters else "")
