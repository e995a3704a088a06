"""What may be entered about a place."""

import re
from dataclasses import replace
from typing import Final

from services.facilities.domain.areas import subdistrict
from services.facilities.domain.kinds import Field, Kind, Kinds
from services.facilities.domain.opening import checked_exceptions, checked_hours
from services.facilities.domain.places import Content, Details
from services.facilities.domain.positions import checked_position
from services.facilities.domain.texts import NAME_LENGTH, checked_contact, line, note
from services.facilities.domain.violations import InvalidContent, Violation
from shared.areas.digits import to_arabic_digits

LARGEST_CAPACITY: Final = 100_000  # ten times the largest field hospital that ever stood in Thailand
MOST_SERVICES: Final = 30  # no place offers more kinds of service than fit on its card
MOST_LANES: Final = 10_000  # persons an hour; the country's largest vaccination centre made some 2,000
VACCINES: Final = frozenset({"207", "208", "210", "211", "212", "213", "218", "510", "511"})
"""The CVX codes that the survey knows."""

_OFFICIAL_CODE: Final = re.compile(r"[0-9]{5}|[0-9A-Z]{9}")  # nine digits are nine characters too
_SERVICE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")


def checked(draft: Content, kinds: Kinds, *, position_confirmed: bool = False) -> Content:
    """The content in its one spelling (Thai digits, spaces, composed characters); raises `InvalidContent`.

    position_confirmed: somebody has looked at a position that lies outside the place's district.
    """
    found: list[Violation] = []
    kind = kinds.get(draft.kind)
    if kind is None:
        found.append(unknown_kind("kind"))
    content = replace(
        draft,
        name=line(draft.name, "name", NAME_LENGTH, found),
        area=subdistrict(draft.area, found),
        official_code=_official_code(draft.official_code, found),
        hours=checked_hours(draft.hours, found),
        exceptions=checked_exceptions(draft.exceptions, found),
        hours_note=note(draft.hours_note, "hours_note", found),
        services=_services(draft.services, found),
        contact=checked_contact(draft.contact, found),
    )
    area = "" if any(each.path == "area" for each in found) else content.area
    checked_position(content.position, area, found, confirmed=position_confirmed)
    if kind is not None:
        _check_capacity(content, kind, found)
        _check_details(content.details, kind, found)
    if found:
        raise InvalidContent(found)
    return content


def unknown_kind(path: str) -> Violation:
    """What is said of a kind that there is not."""
    return Violation(
        path,
        "not_a_choice",
        "ไม่มีสถานที่ประเภทนี้ ดูประเภททั้งหมดที่ /v1/facility-kinds",
        "There is no such kind; /v1/facility-kinds has them all",
    )


def _check_details(details: Details, kind: Kind, found: list[Violation]) -> None:
    given = {
        Field.LANES_PER_HOUR: details.lanes_per_hour is not None,
        Field.VACCINES: bool(details.vaccines),
        Field.ACCESS: details.access is not None,
    }
    for field, is_given in given.items():
        if is_given and field not in kind.fields:
            found.append(
                Violation(
                    f"details.{field}",
                    "not_for_this_kind",
                    "สถานที่ประเภทนี้ไม่มีข้อมูลนี้",
                    "A place of this kind has no such field",
                )
            )
    if details.lanes_per_hour is not None and not 0 <= details.lanes_per_hour <= MOST_LANES:
        found.append(
            Violation(
                "details.lanes_per_hour",
                "too_small" if details.lanes_per_hour < 0 else "too_large",
                f"ต้องอยู่ระหว่าง 0 ถึง {MOST_LANES:,}",
                f"This has to be between 0 and {MOST_LANES:,}",
            )
        )
    for index, vaccine in enumerate(details.vaccines):
        path = f"details.vaccines[{index}]"
        if vaccine not in VACCINES:
            found.append(Violation(path, "not_a_choice", "ไม่รู้จักวัคซีนนี้ (รหัส CVX)", "This is no CVX code known here"))
        elif vaccine in details.vaccines[:index]:
            found.append(Violation(path, "repeated", "ระบุซ้ำ", "This is named twice"))


def _official_code(text: str | None, found: list[Violation]) -> str | None:
    if text is None:
        return None
    code = to_arabic_digits(text).strip()
    if not _OFFICIAL_CODE.fullmatch(code):
        found.append(
            Violation(
                "official_code",
                "wrong_form",
                "ต้องเป็นตัวเลข 5 หลัก ตัวเลข 9 หลัก หรือตัวเลขและอักษรพิมพ์ใหญ่ 9 ตัว",
                "This has to be 5 digits, 9 digits, or nine characters of digits and capitals",
            )
        )
    return code


def _check_capacity(content: Content, kind: Kind, found: list[Violation]) -> None:
    for path, value in (("capacity", content.capacity), ("free", content.free)):
        if value is not None and not 0 <= value <= LARGEST_CAPACITY:
            code = "too_small" if value < 0 else "too_large"
            text = f"ต้องอยู่ระหว่าง 0 ถึง {LARGEST_CAPACITY:,}"
            found.append(Violation(path, code, text, f"This has to be between 0 and {LARGEST_CAPACITY:,}"))
    if content.free is None:
        return
    if not kind.beds:
        found.append(
            Violation("free", "not_for_this_kind", "สถานที่ประเภทนี้ไม่มีเตียงว่าง", "A place of this kind has no free beds")
        )
    elif content.capacity is None:
        found.append(
            Violation(
                "capacity", "required", "ต้องระบุจำนวนเตียงทั้งหมดเมื่อระบุเตียงว่าง", "Free beds need the number of all beds"
            )
        )
    elif content.free > content.capacity:
        found.append(
            Violation("free", "more_than_capacity", "เตียงว่างมากกว่าเตียงทั้งหมด", "There are more free beds than beds")
        )


def _services(services: tuple[str, ...], found: list[Violation]) -> tuple[str, ...]:
    if len(services) > MOST_SERVICES:
        found.append(
            Violation("services", "too_many", f"ระบุได้ไม่เกิน {MOST_SERVICES} รายการ", f"At most {MOST_SERVICES}")
        )
        return services
    for index, service in enumerate(services):
        if not _SERVICE.fullmatch(service):
            found.append(
                Violation(
                    f"services[{index}]",
                    "wrong_form",
                    "ต้องเป็นอักษรอังกฤษพิมพ์เล็ก ตัวเลข หรือขีดล่าง เช่น antigen_test",
                    "This has to be small letters, digits and underscores, such as antigen_test",
                )
            )
        elif service in services[:index]:
            found.append(Violation(f"services[{index}]", "repeated", "ระบุซ้ำ", "This is named twice"))
    return services
