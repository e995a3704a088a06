"""The columns of each stream's file: where in the event a cell lies, and its Thai heading. None is ever taken away."""

from collections.abc import Mapping
from typing import Final

_EVENT: Final = {"id": "รหัสเหตุการณ์", "time": "เวลาเหตุการณ์", "number": "ลำดับที่"}

_COUNTS: Final = {
    "persons": "จำนวนคน",
    "dose_0": "ยังไม่ฉีด",
    "dose_1": "ฉีด 1 เข็ม",
    "dose_2": "ฉีด 2 เข็ม",
    "dose_3": "ฉีด 3 เข็มขึ้นไป",
    "wanting": "ต้องการฉีด",
    "wanting_608": "กลุ่ม 608 ที่ต้องการฉีด",
    "undecided": "ยังไม่ตัดสินใจ",
    "refusing": "ไม่ประสงค์ฉีด",
    "home_visit": "ต้องการให้ไปฉีดที่บ้าน",
    "reasons": "เหตุผล",
}
_SURVEY: Final = {
    "submission_id": "รหัสการเยี่ยม",
    "household_id": "รหัสครัวเรือน",
    "volunteer_id": "รหัสอาสาสมัคร",
    "organisation_id": "รหัสหน่วยงาน",
    "area": "รหัสตำบล",
    "captured_at": "เวลาที่บันทึก",
    "recorded_at": "เวลาที่เก็บ",
    "kind": "ชนิด",
    "outcome": "ผล",
    "revision": "ฉบับที่",
    **{f"before.{name}": f"ก่อน: {th}" for name, th in _COUNTS.items()},
    **{f"after.{name}": f"หลัง: {th}" for name, th in _COUNTS.items()},
    "flags": "ข้อสังเกต",
}
_VOLUNTEER: Final = {
    "volunteer_id": "รหัสอาสาสมัคร",
    "organisation_id": "รหัสหน่วยงาน",
    "organisation_kind": "ประเภทหน่วยงาน",
    "status": "สถานะ",
    "area": "รหัสพื้นที่",
    "role": "บทบาท",
    "revision": "ฉบับที่",
    "before.status": "ก่อน: สถานะ",
    "before.area": "ก่อน: รหัสพื้นที่",
    "before.role": "ก่อน: บทบาท",
}
_PLACE: Final = {
    "facility_id": "รหัสสถานที่",
    "kind": "ประเภท",
    "name": "ชื่อ",
    "official_code": "รหัสสถานพยาบาล",
    "area": "รหัสตำบล",
    "position.lat": "ละติจูด",
    "position.lon": "ลองจิจูด",
    "status": "สถานะ",
    "capacity": "ความจุ",
    "free": "ว่าง",
    "hours": "เวลาทำการ",
    "hours_note": "หมายเหตุเวลาทำการ",
    "services": "บริการ",
    "contact.phone": "โทรศัพท์",
    "contact.email": "อีเมล",
    "contact.website": "เว็บไซต์",
    "change": "การเปลี่ยนแปลง",
    "updated_at": "แก้ไขเมื่อ",
    "confirmed_at": "ยืนยันเมื่อ",
    "revision": "ฉบับที่",
    "before.area": "ก่อน: รหัสตำบล",
    "before.status": "ก่อน: สถานะ",
    "merged_into": "รวมเข้ากับ",
}
_HELP: Final = {
    "request_id": "รหัสคำขอ",
    "kind": "ประเภท",
    "area": "รหัสตำบล",
    "status": "สถานะ",
    "before.status": "ก่อน: สถานะ",
    "deadline": "กำหนด",
    "updated_at": "แก้ไขเมื่อ",
    "revision": "ฉบับที่",
    "asked_at": "ขอเมื่อ",
    "accepted_at": "รับเมื่อ",
    "escalation": "ระดับที่ส่งต่อ",
    "outcome": "ผล",
    "merged_into": "รวมเข้ากับ",
}

_BODIES: Final = {
    "survey-submitted": _SURVEY,
    "volunteer-registered": _VOLUNTEER,
    "facility-updated": _PLACE,
    "further-facility-updated": _PLACE,
    "help-updated": _HELP,
}
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    stream: _EVENT | {f"data.{path}": th for path, th in body.items()} for stream, body in _BODIES.items()
}
"""By stream: paths in the event, with their Thai headings."""
