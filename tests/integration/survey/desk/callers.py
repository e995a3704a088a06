"""Who calls the desk's routes in these tests, and the records that they find there."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.integration.survey.conftest import NOW

AREA = "500101"
COORDINATOR_ID, VOLUNTEER_ID = UUID(int=3), UUID(int=7)


def by(role: str, area: str, subject: int, language: str = "en") -> dict[str, str]:
    """The headers of somebody."""
    return {"Authorization": f"Bearer {role}@{area}@{subject}", "Accept-Language": language}


COORDINATOR = by("subdistrict_coordinator", AREA, 3)
DISTRICT = by("district_coordinator", "5001", 4)
NEIGHBOUR = by("subdistrict_coordinator", "500102", 5)
VOLUNTEER = by("volunteer", AREA, 7)


def visit(
    number: int, house: str, *, days_ago: float = 1, village: str | None = "50010103", **more: Any
) -> dict[str, Any]:
    """A survey of a house, with one person who wants vaccine."""
    address = {"area": AREA, "village": village, "house": house} | more.pop("address", {})
    return {
        "submission_id": str(UUID(int=number)),
        "captured_at": (NOW - timedelta(days=days_ago)).isoformat(),
        "address": address,
        "persons": [{"name": "บุญมี คงดี", "age": 71, "wants_vaccine": "yes"}],
    } | more
