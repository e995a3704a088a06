"""A place as a row of a list, in words that `reading` understands: sent back as it is, it changes nothing."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from services.facilities.domain.kinds import Kinds
from services.facilities.domain.places import Access, Facility, Holidays
from services.facilities.reading.hours import written
from shared.contracts.events import FacilityStatus

TITLES: Final = (
    "facility_id",
    "revision",
    "ชื่อสถานที่",
    "ประเภท",
    "รหัสตำบล",
    "รหัสสถานพยาบาล",
    "สถานะ",
    "เตียงทั้งหมด",
    "เตียงว่าง",
    "ละติจูด",
    "ลองจิจูด",
    "เวลาทำการ",
    "วันหยุดราชการ",
    "หมายเหตุเวลา",
    "บริการ",
    "วัคซีน",
    "การเข้ารับบริการ",
    "รับได้ต่อชั่วโมง",
    "โทรศัพท์",
    "อีเมล",
    "เว็บไซต์",
)

_STATUS: Final = {
    FacilityStatus.OPEN: "เปิด",
    FacilityStatus.FULL: "เต็ม",
    FacilityStatus.SUSPENDED: "ปิดชั่วคราว",
    FacilityStatus.CLOSED: "ปิดถาวร",
}


def row_of(place: Facility, kinds: Kinds) -> Sequence[object]:
    """The cells of a place, in the order of `TITLES`. Exceptions of the hours are not in it: they stay as they are."""
    content = place.content
    position, details = content.position, content.details
    kind = kinds.get(content.kind)
    return (
        str(place.facility_id),
        place.revision,
        content.name,
        kind.th if kind else content.kind,
        content.area,
        content.official_code,
        _STATUS[content.status],
        content.capacity,
        content.free,
        position and position.lat,
        position and position.lon,
        written([asdict(one) for one in content.hours]),
        _holidays(content.holidays),
        content.hours_note,
        ", ".join(content.services),
        ", ".join(details.vaccines),
        _access(details.access),
        details.lanes_per_hour,
        content.contact.phone,
        content.contact.email,
        content.contact.website,
    )


def _holidays(holidays: Holidays | None) -> str | None:
    return None if holidays is None else ("เปิด" if holidays is Holidays.OPEN else "ปิด")


def _access(access: Access | None) -> str | None:
    return None if access is None else str(access)
