"""Places of all five kinds, as the coordinators of a campaign enter them."""

from collections.abc import Sequence
from random import Random
from typing import Final
from uuid import UUID

from deploy.demo.plan import Coordinator, Json, Place
from deploy.demo.positions import position_near
from shared.areas.register import area, children
from shared.contracts.events import FacilityKind, FacilityStatus, Role

_BEDS: Final = {
    FacilityKind.HOSPITAL: (30, 420),
    FacilityKind.FIELD_HOSPITAL: (60, 300),
    FacilityKind.WAITING_CENTRE: (10, 80),
}
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri")
_SERVICES: Final = {
    FacilityKind.TEST_POINT: ("atk", "rt_pcr"),
    FacilityKind.VACCINATION_POINT: ("first_dose", "booster", "walk_in"),
    FacilityKind.HOSPITAL: ("emergency", "ward", "vaccination"),
    FacilityKind.FIELD_HOSPITAL: ("ward", "oxygen"),
    FacilityKind.WAITING_CENTRE: ("meals", "telemedicine"),
}
_LATER: Final = (None, FacilityStatus.FULL, FacilityStatus.SUSPENDED, FacilityStatus.CLOSED, FacilityStatus.OPEN)
_LATER_WEIGHTS: Final = (70, 12, 5, 4, 9)


def places_of(random: Random, coordinators: Sequence[Coordinator], districts: Sequence[str]) -> tuple[Place, ...]:
    """A vaccination point in each district, something besides in half of them, and two shelters in each province."""
    writers = {c.area: index for index, c in enumerate(coordinators) if c.role is Role.PROVINCE_ADMINISTRATOR}
    places = []
    for district in districts:
        kinds = [FacilityKind.VACCINATION_POINT]
        if random.random() < 0.5:
            kinds.append(random.choice((FacilityKind.TEST_POINT, FacilityKind.HOSPITAL)))
        places += [_place(random, kind, district, writers[district[:2]]) for kind in kinds]
    for province in sorted({district[:2] for district in districts}):
        seat = min(district for district in districts if district.startswith(province))
        kinds = [FacilityKind.FIELD_HOSPITAL, FacilityKind.WAITING_CENTRE]
        places += [_place(random, kind, seat, writers[province]) for kind in kinds]
    return tuple(places)


def _place(random: Random, kind: FacilityKind, district: str, coordinator: int) -> Place:
    where = random.choice(children(district))
    latitude, longitude = position_near(random, district)
    body: Json = {
        "kind": str(kind),
        "name": _name(random, kind, area(district).name_th, where.name_th),
        "area": where.code,
        "position": {"lat": latitude, "lon": longitude},
        "status": str(FacilityStatus.OPEN),
        "hours": [{"days": list(_WEEKDAYS), "open": "08:30", "close": "16:30"}],
        "services": random.sample(_SERVICES[kind], random.randint(1, len(_SERVICES[kind]))),
        "contact": {"phone": f"0{random.randint(2, 7)}{random.randrange(10**7):07d}"},
    }
    if kind in _BEDS:
        capacity = random.randint(*_BEDS[kind])
        body |= {"capacity": capacity, "free": random.randint(0, capacity)}
    later = random.choices(_LATER, _LATER_WEIGHTS)[0]
    identity = str(UUID(int=random.getrandbits(128), version=4))
    return Place(identity, coordinator, body, later, confirmed=later is None and random.random() < 0.4)


def _name(random: Random, kind: FacilityKind, district: str, subdistrict: str) -> str:
    match kind:
        case FacilityKind.HOSPITAL:
            return f"โรงพยาบาล{district}"
        case FacilityKind.FIELD_HOSPITAL:
            return f"โรงพยาบาลสนาม{random.choice(('สนามกีฬา', 'วิทยาลัย', 'หอประชุม'))}{district}"
        case FacilityKind.WAITING_CENTRE:
            return f"ศูนย์พักคอย{random.choice(('วัด', 'โรงเรียนบ้าน', 'ศาลาประชาคม'))}{subdistrict}"
        case FacilityKind.TEST_POINT:
            return f"จุดตรวจ ATK {random.choice(('ตลาด', 'ลานวัด', 'ที่ทำการชุมชน'))}{subdistrict}"
        case FacilityKind.VACCINATION_POINT:
            return f"จุดฉีดวัคซีน รพ.สต.{subdistrict}"
