"""Places of the five kinds, and of others: by name, what the record is about and the event."""

from datetime import timedelta
from typing import Final

from pydantic import BaseModel

from shared.contracts.events import (
    Day,
    FacilityBefore,
    FacilityChange,
    FacilityContact,
    FacilityDetails,
    FacilityKind,
    FacilityStatus,
    FacilityUpdated,
    FurtherFacilityBefore,
    FurtherFacilityUpdated,
    OpeningHours,
    Position,
)
from shared.contracts.golden.identity import START, id_of

_WEEKDAYS: Final = (Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY)


def facilities() -> dict[str, tuple[str, BaseModel]]:
    """In the order in which they happened."""

    def place(
        facility: str,
        kind: FacilityKind,
        name: str,
        area: str,
        status: FacilityStatus,
        change: FacilityChange,
        revision: int,
        before: FacilityBefore | None,
        **others: object,
    ) -> BaseModel:
        values: dict[str, object] = {
            "facility_id": id_of(facility),
            "kind": kind,
            "name": name,
            "official_code": None,
            "area": area,
            "position": None,
            "status": status,
            "capacity": None,
            "free": None,
            "hours": (),
            "services": (),
            "contact": FacilityContact(),
            "change": change,
            "updated_at": START + timedelta(days=revision),
            "confirmed_at": START + timedelta(days=revision),
            "revision": revision,
            "before": before,
        }
        return FacilityUpdated.model_validate(values | others)

    def was(kind: FacilityKind, area: str, status: FacilityStatus, revision: int, beds: int | None) -> FacilityBefore:
        confirmed_at = START + timedelta(days=revision)
        return FacilityBefore(
            kind=kind, area=area, status=status, confirmed_at=confirmed_at, capacity=beds, free=beds and beds // 5
        )

    vaccination: dict[str, object] = {
        "position": Position(lat=18.7883, lon=98.9853),
        "hours": (OpeningHours(days=_WEEKDAYS, open="08:30", close="16:30"),),
        "hours_note": "ปิดวันหยุดนักขัตฤกษ์",
        "services": ("walk_in", "booster"),
        "contact": FacilityContact(phone="053000000", website="https://vaccine.example.go.th"),
        "capacity": 500,
    }
    field: dict[str, object] = {"capacity": 120, "free": 0, "contact": FacilityContact(phone="020000000")}
    vp, fh = FacilityKind.VACCINATION_POINT, FacilityKind.FIELD_HOSPITAL
    hall, gym = "หน่วยฉีดวัคซีน หอประชุมเทศบาล", "โรงพยาบาลสนาม โรงยิมเนเซียม"
    opened, full, suspended, closed = (FacilityStatus(each) for each in ("open", "full", "suspended", "closed"))
    created, updated, confirmed = FacilityChange.CREATED, FacilityChange.UPDATED, FacilityChange.CONFIRMED
    return {
        "created": (
            "a vaccination point was entered; nothing before",
            place("hall", vp, hall, "500101", opened, created, 1, None, **vaccination),
        ),
        "confirmed": (
            "nothing changed, and that is now known for another week",
            place("hall", vp, hall, "500101", opened, confirmed, 2, was(vp, "500101", opened, 1, 500), **vaccination),
        ),
        "moved": (
            "moved to another subdistrict",
            place("hall", vp, hall, "500102", opened, updated, 3, was(vp, "500101", opened, 2, 500), **vaccination),
        ),
        "suspended": (
            "no vaccine for now",
            place("hall", vp, hall, "500102", suspended, updated, 4, was(vp, "500102", opened, 3, 500), **vaccination),
        ),
        "closed": (
            "closed for good",
            place(
                "hall",
                vp,
                hall,
                "500102",
                closed,
                FacilityChange.CLOSED,
                5,
                was(vp, "500102", suspended, 4, 500),
                **vaccination,
            ),
        ),
        "full": (
            "a field hospital without a free bed",
            place("gym", fh, gym, "100101", full, updated, 2, was(fh, "100101", opened, 1, 120), **field),
        ),
        "hospital": (
            "a hospital with its official code",
            place(
                "hospital",
                FacilityKind.HOSPITAL,
                "โรงพยาบาลตัวอย่าง",
                "400101",
                opened,
                created,
                1,
                None,
                official_code="10000",
                capacity=800,
                free=44,
            ),
        ),
        "test-point": (
            "only what is required",
            place("tests", FacilityKind.TEST_POINT, "จุดตรวจ ATK ตลาดสด", "830101", opened, created, 1, None),
        ),
        "waiting-centre": (
            "community isolation, open day and night",
            place(
                "centre",
                FacilityKind.WAITING_CENTRE,
                "ศูนย์พักคอย วัดตัวอย่าง",
                "100101",
                opened,
                created,
                1,
                None,
                capacity=40,
                free=31,
                hours=(OpeningHours(days=tuple(Day), open="00:00", close="24:00"),),
            ),
        ),
    }


def further_facilities() -> dict[str, tuple[str, BaseModel]]:
    """In the order in which they happened."""

    def temple(change: FacilityChange, revision: int, status: FacilityStatus, was: FacilityStatus | None) -> BaseModel:
        kind, area, made = "cremation_temple", "500101", START + timedelta(days=revision)
        earlier = made - timedelta(days=1)
        return FurtherFacilityUpdated(
            facility_id=id_of("temple"),
            kind=kind,
            name="วัดตัวอย่าง",
            official_code=None,
            area=area,
            position=Position(lat=18.7906, lon=98.9815),
            status=status,
            capacity=4,
            free=None,
            hours=(OpeningHours(days=_WEEKDAYS, open="09:00", close="16:00"),),
            services=("cremation",),
            contact=FacilityContact(phone="053000001"),
            change=change,
            updated_at=made,
            confirmed_at=made,
            revision=revision,
            before=was
            and FurtherFacilityBefore(kind=kind, area=area, status=was, confirmed_at=earlier, capacity=4, free=None),
            details=FacilityDetails(access="appointment"),
        )

    opened, closed = FacilityStatus.OPEN, FacilityStatus.CLOSED
    return {
        "created": (
            "a temple that cremates was entered; nothing before",
            temple(FacilityChange.CREATED, 1, opened, None),
        ),
        "confirmed": ("nothing changed", temple(FacilityChange.CONFIRMED, 2, opened, opened)),
        "closed": ("closed for good", temple(FacilityChange.CLOSED, 3, closed, opened)),
    }
