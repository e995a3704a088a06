"""Words of a short list: status, access, holidays, vaccines and services, by the names that people give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from services.facilities.reading.faults import Unreadable
from services.facilities.reading.words import plain


def _by_name(names: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {plain(name): slug for slug, all_names in names.items() for name in (slug, *all_names)}


_STATUS: Final = _by_name(
    {
        "open": (
            "เปิด",
            "เปิดบริการ",
            "เปิดให้บริการ",
            "เปิดอยู่",
            "ให้บริการ",
            "ให้บริการปกติ",
            "เปิดปกติ",
            "ปกติ",
            "active",
            "operating",
        ),
        "full": ("เต็ม", "เตียงเต็ม", "คิวเต็ม", "เต็มแล้ว"),
        "suspended": (
            "ปิดชั่วคราว",
            "หยุดชั่วคราว",
            "งดชั่วคราว",
            "งดให้บริการชั่วคราว",
            "ระงับ",
            "ระงับชั่วคราว",
            "พักบริการ",
            "หยุดให้บริการชั่วคราว",
            "temporarily closed",
            "paused",
        ),
        "closed": (
            "ปิด",
            "ปิดแล้ว",
            "ปิดถาวร",
            "ปิดบริการ",
            "ปิดให้บริการ",
            "เลิก",
            "ยกเลิก",
            "ยุบ",
            "permanently closed",
            "inactive",
        ),
    }
)
_ACCESS: Final = _by_name(
    {
        "walk_in": ("walk-in", "walk in", "วอล์คอิน", "วอล์กอิน", "ไม่ต้องจอง", "ไม่ต้องนัด", "เข้ารับบริการได้เลย"),
        "appointment": (
            "นัด",
            "นัดหมาย",
            "จอง",
            "จองล่วงหน้า",
            "จองคิว",
            "นัดล่วงหน้า",
            "ต้องนัด",
            "ต้องจอง",
            "by appointment",
            "booking",
        ),
        "both": (
            "ทั้งสองแบบ",
            "ทั้งสอง",
            "ทั้ง 2 แบบ",
            "walk-in/นัดหมาย",
            "walk in และนัดหมาย",
            "walk-in และจอง",
            "walk-in/จอง",
        ),
    }
)
_HOLIDAYS: Final = _by_name(
    {
        "open": ("เปิด", "เปิดบริการ", "เปิดให้บริการ", "ไม่หยุด", "ไม่เว้นวันหยุดราชการ", "yes"),
        "closed": ("ปิด", "หยุด", "ปิดบริการ", "เว้นวันหยุดราชการ", "ไม่เปิด", "no"),
    }
)
# CVX codes: https://www2a.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=cvx
_VACCINES: Final = {
    plain(name): code
    for code, names in {
        "511": ("511", "CoronaVac", "Sinovac", "ซิโนแวค", "ซิโนแวก", "SV", "โคโรนาแวค"),
        "210": (
            "210",
            "AstraZeneca",
            "Astra Zeneca",
            "AZ",
            "แอสตร้าเซนเนก้า",
            "แอสตราเซเนกา",
            "แอสตร้า",
            "แอสตราเซนเนกา",
            "Astra",
        ),
        "510": ("510", "Sinopharm", "ซิโนฟาร์ม", "SP"),
        "208": ("208", "Pfizer", "ไฟเซอร์", "PZ", "PF", "Comirnaty", "ไฟเซอร์ฝาม่วง", "ไฟเซอร์ผู้ใหญ่"),
        "218": (
            "218",
            "ไฟเซอร์เด็ก",
            "ไฟเซอร์ฝาส้ม",
            "ไฟเซอร์ 5-11",
            "ไฟเซอร์ 5-11 ปี",
            "Pfizer 5-11",
            "Pfizer 5-11 years",
            "Pfizer kids",
        ),
        "207": ("207", "Moderna", "โมเดอร์นา", "โมเดิร์นา", "MN", "Spikevax"),
        "212": ("212", "Janssen", "J&J", "Johnson & Johnson", "จอห์นสัน", "แจนเซ่น", "แยนส์เซน"),
        "211": ("211", "Novavax", "โนวาแวกซ์", "โนวาแว็กซ์", "Covovax", "โคโวแวกซ์"),
        "213": ("213", "ไม่ระบุชนิด", "unspecified", "ยังไม่กำหนด"),
    }.items()
    for name in names
}
_SERVICES: Final = _by_name(
    {
        "antigen_test": ("ATK", "ตรวจ ATK", "antigen", "antigen test", "rapid test", "ชุดตรวจ ATK"),
        "pcr_test": ("PCR", "RT-PCR", "ตรวจ RT-PCR", "ตรวจ PCR"),
        "vaccination": ("ฉีดวัคซีน", "วัคซีน", "vaccine"),
        "x_ray": ("X-ray", "เอกซเรย์", "เอ็กซเรย์", "เอกซเรย์ปอด"),
        "oxygen": ("ออกซิเจน", "O2"),
        "home_isolation": ("HI", "Home Isolation", "ดูแลที่บ้าน"),
        "cremation": ("เผาศพ", "ฌาปนกิจ"),
    }
)
_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BETWEEN: Final = re.compile(r"[,;|+\n•]|\s/\s|/(?!\s*\d)|\s(?:และ|กับ|and|&)\s?|และ(?=[A-Zก-๛])")


def read_status(text: str) -> str:
    """Return the slug of a status. Raises `Unreadable`."""
    return _choice(_STATUS, text, "unknown_status")


def read_access(text: str) -> str:
    """Return walk_in, appointment or both. Raises `Unreadable`."""
    whole = _ACCESS.get(plain(text))
    if whole is not None:
        return whole
    parts = {_choice(_ACCESS, part, "unknown_access") for part in _parts(text)}
    return parts.pop() if len(parts) == 1 else "both"


def read_holidays(text: str) -> str:
    """Return whether a place is open or closed on public holidays. Raises `Unreadable`."""
    return _choice(_HOLIDAYS, text, "unknown_holidays")


def read_vaccines(text: str) -> list[str]:
    """Return the CVX codes of the vaccines that a text lists, each once, in its order. Raises `Unreadable`."""
    found = []
    for part in _parts(text):
        code = _VACCINES.get(plain(part))
        # "AZ PZ": short forms apart by a space only.
        codes = [code] if code else [_VACCINES.get(plain(word)) for word in part.split()]
        if not codes or None in codes:
            raise Unreadable("unknown_vaccine", name=part[:40])
        found += [each for each in codes if each]
    return list(dict.fromkeys(found))


def read_services(text: str) -> list[str]:
    """Return the slugs of the services that a text lists, each once, in its order. Raises `Unreadable`."""
    found = []
    for part in _parts(text):
        slug = _SERVICES.get(plain(part)) or (part if _SLUG.fullmatch(part) else None)
        if slug is None:
            raise Unreadable("unknown_service", name=part[:40])
        found.append(slug)
    return list(dict.fromkeys(found))


def _parts(text: str) -> list[str]:
    return [part for part in map(str.strip, _BETWEEN.split(text)) if part]


def _choice(names: Mapping[str, str], text: str, code: str) -> str:
    slug = names.get(plain(text))
    if slug is None:
        raise Unreadable(code)
    return slug
