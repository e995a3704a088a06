"""Reports of one area and month, as FHIR has them."""

from datetime import datetime, timedelta, timezone
from typing import Any, Final

from services.reporting.answers import CoverageRow, Denominator
from services.reporting.interchange.fhir.measures import (
    POPULATIONS,
    PROGRESS,
    Group,
    Measure,
    group_code,
    population_code,
)
from services.reporting.interchange.fhir.names import ABSENT, AREA_CODE, COUNTRY
from services.reporting.interchange.months import Month
from shared.fhir.definitions import PUBLISHER

BANGKOK: Final = timezone(timedelta(hours=7))
MASKED: Final = "masked"
UNKNOWN: Final = "unknown"
NOBODY: Final = "not-a-number"
"""HL7's words for figures of too few persons, for a whole of which no table tells, and for a part of nothing."""


def report_id(measure: Measure, code: str, month: Month) -> str:
    """The id of a report, which is made of what it is about."""
    return f"{measure.id}.{code or COUNTRY}.{month.first:%Y-%m}"


def report(
    measure: Measure, row: CoverageRow, houses: Denominator, month: Month, newest: datetime | None
) -> dict[str, Any]:
    """The summary of one area as it stood at the end of the month; `pending` until the month is over.

    newest: the time of the newest event in the figures. What is withheld says that it is (`masked`).
    """
    whole = houses.value if measure is PROGRESS else row.persons
    found: dict[str, Any] = {
        "resourceType": "MeasureReport",
        "id": report_id(measure, row.area, month),
        "status": "complete" if month.over else "pending",
        "type": "summary",
        "measure": measure.url,
        "subject": {
            "type": "Location",
            "identifier": {"system": AREA_CODE, "value": row.area or COUNTRY},
            "display": row.name_th,
        },
        "reporter": {"type": "Organization", "display": PUBLISHER},
        "period": {"start": month.first.isoformat(), "end": month.until.isoformat()},
        "group": [_group(group, row, whole) for group in measure.groups],
    }
    if newest is not None:
        found["date"] = newest.astimezone(BANGKOK).isoformat(timespec="seconds")
    return found


def _group(group: Group, row: CoverageRow, whole: int | None) -> dict[str, Any]:
    part = None if row.suppressed else sum(getattr(row, figure) for figure in group.figures)
    counts = dict.fromkeys(("initial-population", "denominator"), whole) | {"numerator": part}
    missing = MASKED if row.suppressed else UNKNOWN if whole is None else NOBODY
    score: dict[str, Any] = {"_value": {"extension": _absent(missing)}}
    if part is not None and whole:
        score = {"value": round(part / whole, 4)}
    return {
        "code": group_code(group),
        "population": [
            {"code": population_code(code)}
            | ({"count": counts[code]} if counts[code] is not None else {"_count": {"extension": _absent(missing)}})
            for code in POPULATIONS
        ],
        "measureScore": score,
    }


def _absent(reason: str) -> list[dict[str, str]]:
    return [{"url": ABSENT, "valueCode": reason}]
