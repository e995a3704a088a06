"""Places of every kind, status and form, as their officers enter them."""

from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest

Place = Callable[..., dict[str, Any]]
CENTRE: Final = {"Authorization": "Bearer central_administrator@"}
NIGHT: Final = [{"days": ["sat", "sun"], "open": "20:00", "close": "02:30"}]
ALWAYS: Final = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "open": "00:00", "close": "24:00"}]
LATE: Final = [{"days": ["fri"], "open": "18:00", "close": "24:00"}]
EXCEPTIONS: Final = [
    {"date": "2022-04-13", "spans": [], "note": "สงกรานต์"},
    {"date": "2022-04-14", "spans": [{"open": "09:00", "close": "12:00"}], "note": None},
]

VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "โรงพยาบาลนครพิงค์": {"kind": "hospital", "official_code": "10713", "free": 12, "hours": ALWAYS},
    "จุดฉีดวัคซีน นครพิงค์": {
        "kind": "vaccination_point",
        "official_code": "10713",
        "capacity": 500,
        "free": None,
        "hours": LATE,
        "hours_exceptions": EXCEPTIONS,
        "holidays": "closed",
        "details": {"lanes_per_hour": 60, "vaccines": ["208"], "access": "both"},
        "contact": {
            "phone": "053 999 200",
            "email": "vaccine@example.go.th",
            "website": "https://vaccine.example.go.th",
        },
    },
    "จุดตรวจ ตลาดคำเที่ยง": {"kind": "test_point", "free": None, "hours": NIGHT, "services": ["atk"]},
    "โรงพยาบาลสนาม เต็ม": {
        "kind": "field_hospital",
        "status": "full",
        "free": 0,
        "position": {"lat": 18.80, "lon": 98.98},
    },
    "ศูนย์พักคอย ปิดชั่วคราว": {"kind": "waiting_centre", "status": "suspended", "area": "500102", "holidays": "open"},
    "ศูนย์พักคอย เลิกแล้ว": {
        "kind": "waiting_centre",
        "status": "closed",
        "free": None,
        "hours_note": "เลิกตั้งแต่ <มีนาคม> & ไม่เปิดอีก",
    },
    "ศูนย์พักคอย ไม่บอกอะไร": {
        "kind": "waiting_centre",
        "area": "100101",
        "position": None,
        "capacity": None,
        "free": None,
        "hours": [],
        "services": [],
        "contact": {"phone": None, "email": None, "website": None},
    },
    "โรงพยาบาลสนาม ไม่ทราบเตียงว่าง": {
        "kind": "field_hospital",
        "official_code": "1AB000123",
        "free": None,
        "area": "500107",
    },
    "โรงพยาบาลสนาม ซ้ำ": {"kind": "field_hospital", "position": {"lat": 18.8001, "lon": 98.98}},
}
"""What differs from the register's usual example, by the place's name."""


@pytest.fixture(scope="module")
def entered() -> dict[str, str]:
    """The ids of the places of this module, by name; filled by `register`."""
    return {}


@pytest.fixture
async def register(client: httpx.AsyncClient, place: Place, entered: dict[str, str]) -> dict[str, str]:
    """The places, entered once in a module: the ids by name. One was merged into another."""
    if not entered:
        for name, changes in VARIANTS.items():
            answer = await client.post("/v1/facilities", json=place(name=name, **changes), headers=CENTRE)
            assert answer.status_code == 201, answer.text
            entered[name] = answer.json()["facility_id"]
        merger = await client.post(
            f"/v1/facilities/{entered['โรงพยาบาลสนาม ซ้ำ']}/merger",
            json={"into": entered["โรงพยาบาลสนาม เต็ม"]},
            headers=CENTRE | {"If-Match": '"1"'},
        )
        assert merger.status_code == 200, merger.text
    client.headers.pop("Authorization")
    return entered
