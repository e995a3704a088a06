"""Codes of areas, as people type them."""

from services.facilities.domain.violations import InvalidContent, Violation
from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, UnknownArea
from shared.areas.register import area as registered_area


def checked_area(text: str, path: str = "area") -> str:
    """The code of an area in use today ("" is the country), Thai digits accepted; raises `InvalidContent`."""
    code = to_arabic_digits(text).strip()
    try:
        return registered_area(code).code
    except AbolishedArea as error:
        raise InvalidContent([_abolished(path, error)]) from None
    except UnknownArea:
        raise InvalidContent([_unknown_area(path)]) from None


def _abolished(path: str, error: AbolishedArea) -> Violation:
    successors = ", ".join(error.successors)
    if not successors:
        return Violation(
            path, "abolished_area", f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว", f"The area {error.code} was abolished"
        )
    return Violation(
        path,
        "abolished_area",
        f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว ปัจจุบันใช้ {successors}",
        f"The area {error.code} was abolished; it is now {successors}",
    )


def _unknown_area(path: str) -> Violation:
    return Violation(path, "unknown_area", "ไม่มีรหัสพื้นที่นี้", "There is no area with this code")


def subdistrict(text: str, found: list[Violation]) -> str:
    """The code of a subdistrict; what is wrong with it is added to `found`."""
    try:
        code = checked_area(text)
    except InvalidContent as error:
        found.extend(error.violations)
        return text
    if len(code) != 6:
        found.append(
            Violation(
                "area", "not_a_subdistrict", "ต้องเป็นรหัสตำบล 6 หลัก", "This has to be the 6 digits of a subdistrict"
            )
        )
    return code
