"""Events and sums as FHIR R4 resources: the same as those of the services (/fhir), but for the names of areas, which no
event holds: an area is told by its code."""

from calendar import monthrange
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from deploy.subscriber.adapters.monthly import FIGURES, Standing

HOME: Final = "https://jitasa.care/fhir"
EXTENSIONS: Final = f"{HOME}/StructureDefinition"
FIGURE: Final = f"{HOME}/CodeSystem/survey-figure"
MEASURE: Final = "household-survey"
AREA_CODE: Final = f"{HOME}/NamingSystem/area-code"
POPULATION: Final = "http://terminology.hl7.org/CodeSystem/measure-population"
ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
POPULATIONS: Final = {
    "initial-population": "Initial Population",
    "denominator": "Denominator",
    "numerator": "Numerator",
}
GROUPS: Final = (
    ("dose-0", "ยังไม่ฉีดวัคซีน", "Without a dose", ("dose_0",)),
    ("dose-1-or-more", "ฉีดแล้วอย่างน้อย 1 เข็ม", "With one dose at least", ("dose_1", "dose_2", "dose_3")),
    ("dose-2-or-more", "ฉีดแล้วอย่างน้อย 2 เข็ม", "With two doses at least", ("dose_2", "dose_3")),
    ("dose-3-or-more", "ฉีดแล้วอย่างน้อย 3 เข็ม", "With three doses at least", ("dose_3",)),
    ("wanting", "ต้องการฉีดวัคซีน", "Wanting vaccine", ("wanting",)),
    ("wanting-608", "กลุ่ม 608 ที่ต้องการฉีดวัคซีน", "At risk (608) and wanting vaccine", ("wanting_608",)),
    ("home-visit", "ต้องการให้ไปฉีดที่บ้าน", "Needing a home visit", ("home_visit",)),
)
"""Code, Thai and English names, and the figures that make the part."""

KINDS: Final[Mapping[str, tuple[str, bool, tuple[str, str]]]] = {
    "hospital": ("โรงพยาบาล", True, ("HOSP", "Hospital")),
    "field_hospital": ("โรงพยาบาลสนาม", True, ("HOSP", "Hospital")),
    "test_point": ("จุดตรวจโควิด", False, ("DX", "Diagnostics or therapeutics unit")),
    "vaccination_point": ("จุดฉีดวัคซีน", False, ("OF", "Outpatient facility")),
    "waiting_centre": ("ศูนย์พักคอย", True, ("COMM", "Community Location")),
}
"""Of each kind: its name, whether its capacity is beds, and HL7's role."""
STATUS: Final = {"open": "active", "full": "active", "suspended": "suspended", "closed": "inactive"}
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LAST_SECOND: Final = "23:59:59"
"""FHIR knows no 24:00."""


def measure_report(standing: Standing, today: date) -> dict[str, Any]:
    """The report of a subdistrict at the end of a month; `pending` while the month is not over."""
    first = date(int(standing.month[:4]), int(standing.month[4:]), 1)
    last = first.replace(day=monthrange(first.year, first.month)[1])
    figures = dict(zip(FIGURES, standing.figures, strict=True))
    return {
        "resourceType": "MeasureReport",
        "id": f"{MEASURE}.{standing.area}.{first:%Y-%m}",
        "status": "complete" if last <= today else "pending",
        "type": "summary",
        "measure": f"{HOME}/Measure/{MEASURE}",
        "subject": {"type": "Location", "identifier": {"system": AREA_CODE, "value": standing.area}},
        "reporter": {"type": "Organization", "display": "Jitasa"},
        "period": {"start": first.isoformat(), "end": min(last, today).isoformat()},
        "group": [_group(figures, *group) for group in GROUPS],
    }


def _group(figures: Mapping[str, int], code: str, th: str, en: str, parts: Sequence[str]) -> dict[str, Any]:
    whole, part = figures["persons"], sum(figures[name] for name in parts)
    counts = {"initial-population": whole, "denominator": whole, "numerator": part}
    absent = {"_value": {"extension": [{"url": ABSENT, "valueCode": "not-a-number"}]}}
    return {
        "code": {"coding": [{"system": FIGURE, "code": code, "display": th}], "text": en},
        "population": [
            {
                "code": {"coding": [{"system": POPULATION, "code": population, "display": POPULATIONS[population]}]},
                "count": count,
            }
            for population, count in counts.items()
        ],
        "measureScore": {"value": round(part / whole, 4)} if whole else absent,
    }


def location(data: Mapping[str, Any]) -> dict[str, Any]:
    """The Location of a place, from the body of its newest event."""
    found: dict[str, Any] = {
        "resourceType": "Location",
        "id": data["facility_id"],
        "meta": {"versionId": str(data["revision"]), "lastUpdated": data["updated_at"]},
        "extension": list(_extensions(data)),
        "identifier": _identifiers(data),
        "status": STATUS[data["status"]],
        "name": data["name"],
        "mode": "instance",
        "type": _types(data["kind"]),
        "address": {
            "extension": [{"url": f"{EXTENSIONS}/area-code", "valueCode": data["area"]}],
            "use": "work",
            "type": "physical",
            "country": "TH",
        },
    }
    operational = _operational(data)
    if operational is not None:
        found["operationalStatus"] = _coding("http://terminology.hl7.org/CodeSystem/v2-0116", *operational)
    contact = data["contact"]
    told = (("phone", contact.get("phone")), ("email", contact.get("email")), ("url", contact.get("website")))
    telecom = [{"system": system, "value": value, "use": "work"} for system, value in told if value]
    if telecom:
        found["telecom"] = telecom
    if data["position"] is not None:
        found["position"] = {"longitude": data["position"]["lon"], "latitude": data["position"]["lat"]}
    if data["official_code"] is not None and data.get("merged_into") is None:
        found["managingOrganization"] = {"reference": f"Organization/{data['official_code']}"}
    hours = [span for given in data["hours"] for span in _spans(given)]
    if hours:
        found["hoursOfOperation"] = hours
    exceptions = list(_exceptions(data))
    if exceptions:
        found["availabilityExceptions"] = "\n".join(exceptions)
    return found


def _operational(data: Mapping[str, Any]) -> tuple[str, str] | None:
    if data["status"] in ("closed", "suspended"):
        return "C", "Closed"
    if data["status"] == "full" or data["free"] == 0:
        return "O", "Occupied"
    return None if data["free"] is None else ("U", "Unoccupied")


def _extensions(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"url": f"{EXTENSIONS}/confirmed-at", "valueDateTime": data["confirmed_at"]}
    capacity, free = data["capacity"], data["free"]
    if capacity is not None and data["kind"] in KINDS and not KINDS[data["kind"]][1]:
        yield {"url": f"{EXTENSIONS}/daily-capacity", "valueUnsignedInt": capacity}
    elif capacity is not None:
        beds = [("capacity", capacity), ("free", free)]
        parts = [{"url": name, "valueUnsignedInt": value} for name, value in beds if value is not None]
        yield {"url": f"{EXTENSIONS}/beds", "extension": parts}
    if data.get("merged_into") is not None:
        reference = {"reference": f"Location/{data['merged_into']}"}
        yield {"url": f"{EXTENSIONS}/merged-into", "valueReference": reference}


def _identifiers(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    own = {"use": "usual", "system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{data['facility_id']}"}
    if data["official_code"] is None:
        return [own]
    use = "official" if data.get("merged_into") is None else "old"
    system = f"{HOME}/NamingSystem/official-facility-code"
    return [{"use": use, "system": system, "value": data["official_code"]}, own]


def _types(kind: str) -> list[dict[str, Any]]:
    system = f"{HOME}/CodeSystem/facility-kind"
    if kind not in KINDS:
        return [{"coding": [{"system": system, "code": kind}]}]
    th, _, role = KINDS[kind]
    codings = [_coding("http://terminology.hl7.org/CodeSystem/v3-RoleCode", *role), _coding(system, kind, th)]
    return [{"coding": codings, "text": th}]


def _coding(system: str, code: str, display: str) -> dict[str, Any]:
    return {"system": system, "code": code, "display": display}


def _spans(hours: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Times of a day never pass midnight: such a span is one until midnight, and one on the days after."""
    days, begin, end = list(hours["days"]), hours["open"], hours["close"]
    if (begin, end) == ("00:00", "24:00"):
        yield {"daysOfWeek": days, "allDay": True}
    elif begin < end:
        yield {"daysOfWeek": days, "openingTime": f"{begin}:00", "closingTime": _closing(end)}
    else:
        yield {"daysOfWeek": days, "openingTime": f"{begin}:00", "closingTime": LAST_SECOND}
        if end != "00:00":
            after = {DAYS[(DAYS.index(day) + 1) % 7] for day in days}
            following = [day for day in DAYS if day in after]
            yield {"daysOfWeek": following, "openingTime": "00:00:00", "closingTime": _closing(end)}


def _closing(time: str) -> str:
    return LAST_SECOND if time == "24:00" else f"{time}:00"


def _exceptions(data: Mapping[str, Any]) -> Iterator[str]:
    for each in data.get("hours_exceptions") or ():
        told = ", ".join(f"{span['open']}-{span['close']}" for span in each["spans"]) or "ปิด"
        yield f"{each['date']}: {told}" + (f" ({' '.join(each['note'].split())})" if each.get("note") else "")
    holidays = data.get("open_on_holidays")
    if holidays is not None:
        yield f"วันหยุดราชการ: {'เปิด' if holidays else 'ปิด'}"
    if data.get("hours_note"):
        yield data["hours_note"]
