"""Which areas a reader asks for, and what is wrong with a code."""

from collections.abc import Collection
from typing import Annotated

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict

from services.reporting.areas import DIGITS, LEVELS, areas_of
from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, Area, Level, UnknownArea
from shared.areas.register import area as registered_area
from shared.web.problems import FieldError, Message, Problem

__all__ = ["DIGITS", "LEVELS", "Asked", "Wanted", "area_error", "area_of", "areas_of", "read_code"]


def read_code(text: str) -> Area:
    """The area of a code, Thai digits accepted; raises `UnknownArea`."""
    return registered_area(to_arabic_digits(text).strip())


def area_of(text: str) -> Area:
    """The area that the query's `area` names; raises a problem."""
    try:
        return read_code(text)
    except UnknownArea as error:
        raise Problem(400, "invalid", errors=[area_error("area", error)]) from None


def area_error(path: str, error: UnknownArea) -> FieldError:
    """What is wrong with the code at `path`; of an abolished area, its successors."""
    if not isinstance(error, AbolishedArea):
        return FieldError(path, "unknown_area", Message("ไม่มีรหัสพื้นที่นี้", "There is no area with this code"))
    thai, english = f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว", f"The area {error.code} was abolished"
    if error.successors:
        successors = ", ".join(error.successors)
        thai, english = f"{thai} ปัจจุบันใช้ {successors}", f"{english}; it is now {successors}"
    return FieldError(path, "abolished_area", Message(thai, english))


class Asked(BaseModel):
    """Which areas are asked for: those of `level` inside `area`."""

    model_config = ConfigDict(frozen=True)

    area: str
    level: Level

    @property
    def digits(self) -> int:
        """How long the codes of the level are."""
        return DIGITS[self.level]

    def areas(self, found: Collection[str | None]) -> list[Area]:
        """Every area of the level inside `area`, with results or without.

        Codes that were `found` and are no longer in the register are listed as well, under the code for a name: what
        was surveyed before an area was abolished stays, and the rows sum up to the row above them.
        """
        current = areas_of(self.area, self.level)
        codes = {area.code for area in current}
        former = sorted(code for code in found if code is not None and code not in codes)
        return [*current, *(Area(code, self.level, code, code, code[:-2]) for code in former)]


def _asked(
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")] = "",
    level: Annotated[Level | None, Query(description="Broken down to; without it, one level below `area`")] = None,
) -> Asked:
    """What the query asks for."""
    found = area_of(area)
    own = LEVELS.index(found.level)
    if level is None:
        level = LEVELS[min(own + 1, len(LEVELS) - 1)]
    if LEVELS.index(level) < own:
        message = Message("ระดับนี้กว้างกว่าพื้นที่ที่ถาม", "This level is wider than the area that is asked for")
        raise Problem(400, "invalid", errors=[FieldError("level", "wider_than_area", message)])
    return Asked(area=found.code, level=level)


Wanted = Annotated[Asked, Depends(_asked)]
